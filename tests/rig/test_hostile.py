#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same hostile input, given to stock xl's receiver and to ours.

Goal of this test
- stock runs a program that the sender names, as root, before GO; ours
  refuses the config, and nothing is run;
- stock reserves the memory that a sender's header claims; ours drops the
  sender and reserves nothing;
- stock waits for ever for a silent sender; ours hangs up."""
import struct
import sys
import time

from case import Cases, expect
from lab import Lab

cases = Cases("ours")
MARKER = "hostile-90c3d7a15e42"
HANDSHAKE = 10      # handshake-timeout, seconds: the default
SLACK = 20          # each look takes its time on an emulated host

# The script that the sender names: it says as whom it runs, and which
# domains there are at that moment.
PROBE = """#!/bin/sh
{ id -u; echo "$@"; /usr/lib/xen-4.17/bin/xl list; echo; } >>/run/probe.log 2>&1
"""

# xl's save file: magic, byte order, mandatory and optional flags, length
CLAIM = 700 << 20
PREAMBLE = struct.pack("<32sIIII", b"Xen saved domain, xl format\n \0 \r",
                       0x01020304, 1, 0, CLAIM)


def memory(host, name):
    """The largest address space, in KiB, of processes of that name."""
    out = host.run("ps -eo vsz=,comm= | grep '%s' | grep -o '^ *[0-9]*'" % name,
                   check=False).out.split()
    return max([int(size) for size in out] or [0])


def evil_config(rig, guest):
    uuid = [w for w in rig.a.run("xl list -v g1").out.split() if len(w) == 36][0]
    rig.a.put("/rig/guest/evil.cfg", guest.config + 'uuid = "%s"\n' % uuid +
              "vif = [ 'script=/root/probe.sh,bridge=xenbr0' ]\n"
              "disk = [ 'vdev=xvda,script=/root/probe.sh,target=sender-says' ]\n")
    return "-C /rig/guest/evil.cfg"


def probe_log(rig):
    return rig.b.run("cat /run/probe.log", check=False).out


@cases.case("hostile: a script that the sender names: stock runs it as root, ours refuses it")
def script(rig):
    lab = Lab(rig).set_up()
    guest = rig.guest("g1", marker=MARKER).create(rig.a)
    options = evil_config(rig, guest)
    rig.b.put("/root/probe.sh", PROBE, 0o755)

    rig.b.run("rm -f /run/probe.log")
    result = lab.migrate(guest, rig.a, options, check=False)
    line = result.err.strip().splitlines()[-1]
    expect(result.code == 21 and "script" in line and "/root/probe.sh" in line,
           "exit code %d: %s" % (result.code, line))
    expect(not probe_log(rig), "ours ran it")
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())

    rig.tools("stock")
    try:
        rig.migrate_plain(guest, rig.a, rig.b, options=options)
    finally:
        rig.tools("ours")
    log = probe_log(rig)
    expect(log.startswith("0\n"), "stock: not run as root: %r" % log)
    expect("add" in log and "online" in log, "stock: not both ran: %r" % log)
    # until GO the receiver's domain has this name
    expect("g1--incoming" in log.split("\n\n")[0], "stock: run after GO: %r" % log)
    rig.clean()
    return line


@cases.case("hostile: a header that claims 700 MiB: stock reserves them, ours hangs up")
def header(rig):
    rig.a.put("/run/evil.sav", PREAMBLE)
    before = memory(rig.b, "secmigd")
    sender = rig.a.start("(cat /run/evil.sav; sleep 60) | socat - TCP:%s:8003"
                         % rig.b.address)
    began = time.monotonic()
    largest = before
    while sender.running() and time.monotonic() - began < 60:
        largest = max(largest, memory(rig.b, "secmigd"))
        if not rig.b.run("ss -Htn state established sport = :8003").out.strip():
            break
        time.sleep(0.5)
    gone = time.monotonic() - began
    expect(gone < HANDSHAKE + SLACK, "ours still listens to it after %.0f s" % gone)
    expect(largest < 64 << 10, "ours: %d KiB" % largest)
    sender.kill()

    rig.tools("stock")
    receiver = rig.receive_plain(rig.b)
    rig.a.start("(cat /run/evil.sav; sleep 60) | socat - TCP:%s:7000" % rig.b.address)
    for _ in range(20):
        reserved = memory(rig.b, "xl$")
        if reserved > CLAIM >> 10:
            break
        time.sleep(0.5)
    expect(reserved > CLAIM >> 10, "stock: only %d KiB: %s" % (reserved, receiver.err()))
    rig.tools("ours")
    rig.clean()
    return "stock %d MB, ours %d MB of address space" % (reserved >> 10, largest >> 10)


@cases.case("hostile: a silent sender: stock waits, ours hangs up in its deadline",
            long=True)
def silent(rig):
    rig.tools("stock")      # of xl: the daemon is ours all the time
    receiver = rig.receive_plain(rig.b)
    to_stock = rig.a.start("socat - TCP:%s:7000" % rig.b.address)
    to_ours = rig.a.start("socat - TCP:%s:8003" % rig.b.address)
    began = time.monotonic()
    while to_ours.running() and time.monotonic() - began < 60:
        if time.monotonic() - began > 2 and not rig.b.run(
                "ss -Htn state established sport = :8003").out.strip():
            break
        time.sleep(0.5)
    gone = time.monotonic() - began
    expect(gone < 2 * HANDSHAKE + SLACK, "ours has waited for %.0f s" % gone)
    to_ours.kill()

    time.sleep(max(0, 2 * HANDSHAKE - gone))
    expect(receiver.running() and to_stock.running(),
           "stock gave up: %s" % receiver.err())
    rig.tools("ours")
    rig.clean()
    return "ours after %.0f s; stock not in the %d s watched" % (gone, 2 * HANDSHAKE)


if __name__ == "__main__":
    sys.exit(cases.main())
