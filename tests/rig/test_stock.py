#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stock xl does: the facts that ours is measured against.  Each case
holds on Xen 4.17; one that fails says that stock has changed, and that
what is written about it must change too."""
import struct
import sys
import time

from case import Cases, expect

cases = Cases("stock")
MARKER = "stock-5f2d81c6a90e"

# The script that the sender names and the receiver runs: it says as whom,
# and which domains there are at that moment.
PROBE = """#!/bin/sh
{ id -u; echo "$@"; /usr/lib/xen-4.17/bin/xl list; echo; } >>/run/probe.log 2>&1
"""


def running_guest(rig, host):
    """The one guest of these cases, on that host, nowhere else."""
    guest = rig.guest("g1", marker=MARKER, extra="nomigrate = 1")
    if guest.ticks() and guest.runs_only_on(host, 0.7, 3) \
            and list(host.domains()) == ["g1"] and not host.other.domains():
        return guest
    rig.clean()
    return guest.create(host)


@cases.case("stock: a plain migration moves a running guest, its memory in clear on the wire")
def plain(rig):
    guest = running_guest(rig, rig.a)
    mark = rig.capture.mark()
    moved = rig.migrate_plain(guest, rig.a, rig.b)
    expect(guest.runs_only_on(rig.b), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(moved.since), "; ".join(guest.continuity(moved.since)))
    expect(rig.capture.contains(guest.needle, mark), "marker not on the wire")
    return str(moved)


@cases.case("stock: nomigrate=1 does not stop it")
def nomigrate(rig):
    guest = running_guest(rig, rig.b)
    config = rig.b.run("xl list -l g1").out
    expect('"disable_migrate": "True"' in config, "the guest is not nomigrate=1")
    moved = rig.migrate_plain(guest, rig.b, rig.a)
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    expect('"disable_migrate": "True"' in rig.a.run("xl list -l g1").out,
           "the flag is gone")
    return str(moved)


@cases.case("stock: a sender runs any program of the receiver as root, before GO")
def script(rig):
    guest = running_guest(rig, rig.a)
    rig.b.put("/root/probe.sh", PROBE, 0o755)
    rig.b.run("rm -f /run/probe.log")
    rig.a.put("/rig/guest/evil.cfg", guest.config +
              "vif = [ 'script=/root/probe.sh,bridge=xenbr0' ]\n"
              "disk = [ 'vdev=xvda,script=/root/probe.sh,target=sender-says' ]\n")
    rig.migrate_plain(guest, rig.a, rig.b, options="-C /rig/guest/evil.cfg")
    log = rig.b.run("cat /run/probe.log").out
    expect(log.startswith("0\n"), "not run as root: %r" % log)
    expect("add" in log and "online" in log, "not both scripts ran: %r" % log)
    # until GO the receiver's domain has this name
    expect("g1--incoming" in log.split("\n\n")[0], "run after GO: %r" % log)
    rig.clean()


@cases.case("stock: a receiver waits for ever for a silent sender")
def silent(rig):
    receiver = rig.receive_plain(rig.b)
    sender = rig.a.start("socat - TCP:%s:7000" % rig.b.address)
    time.sleep(20)
    expect(receiver.running(), "the receiver gave up: %s" % receiver.err())
    expect(sender.running(), "the receiver hung up")
    rig.clean()
    return "20 s watched"


@cases.case("stock: a receiver reserves what a sender's header says")
def header(rig):
    size = 700 << 20
    # xl's save file: magic, byte order, mandatory and optional flags, length
    preamble = struct.pack("<32sIIII", b"Xen saved domain, xl format\n \0 \r",
                           0x01020304, 1, 0, size)
    rig.a.put("/run/evil.sav", preamble)
    receiver = rig.receive_plain(rig.b)
    rig.a.start("(cat /run/evil.sav; sleep 60) | socat - TCP:%s:7000" % rig.b.address)
    largest = 0
    for _ in range(20):
        sizes = rig.b.run("ps -C xl -o vsz=", check=False).out.split()
        largest = max([largest] + [int(s) for s in sizes])
        if largest > 690 << 10:
            break
        time.sleep(0.5)
    expect(largest > 690 << 10, "only %d KiB: %s" % (largest, receiver.err()))
    rig.clean()
    return "%d MB of address space" % (largest >> 10)


@cases.case("stock: a receiver killed in the middle leaves a paused copy behind")
def killed(rig):
    guest = running_guest(rig, rig.a)
    before = rig.b.residue()
    mark = rig.capture.mark()
    rig.receive_plain(rig.b)
    sender = rig.a.start(rig.plain_command(guest, rig.b))
    rig.wait_wire(30 << 20, mark)
    rig.b.run("pkill -9 -x xl")
    expect(sender.wait(60) != 0, "the sender says it went well")
    left = rig.b.leftovers(before)
    expect("domain g1--incoming paused" in left, "left: %s" % left)
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    rig.clean()


@cases.case("stock: a silent link in the middle is noticed by neither side in 30 s")
def cut(rig):
    guest = running_guest(rig, rig.a)
    mark = rig.capture.mark()
    receiver = rig.receive_plain(rig.b)
    sender = rig.a.start(rig.plain_command(guest, rig.b))
    rig.wait_wire(30 << 20, mark)
    rig.cut()
    time.sleep(30)
    expect(sender.running(), "the sender noticed: %s" % sender.err())
    expect(receiver.running(), "the receiver noticed: %s" % receiver.err())
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    rig.clean()


if __name__ == "__main__":
    sys.exit(cases.main())
