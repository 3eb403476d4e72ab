#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stock xl does: the facts that ours is measured against.  Each case
holds on Xen 4.17; one that fails says that stock has changed, and that
what is written about it must change too.  What it does with hostile input
stands next to what ours does, in test_hostile.py."""
import sys
import time

from case import Cases, expect

cases = Cases("stock")
MARKER = "stock-5f2d81c6a90e"


def running_guest(rig, host):
    """The one guest of these cases, on that host, nowhere else."""
    guest = rig.guest("g1", marker=MARKER, extra="nomigrate = 1")
    if guest.is_only_guest(host):
        return guest
    rig.clean()
    return guest.create(host)


@cases.case("stock: a plain migration moves a running guest, its memory in clear on the wire", long=True)
def plain(rig):
    guest = running_guest(rig, rig.a)
    mark = rig.capture.mark()
    moved = rig.migrate_plain(guest, rig.a, rig.b)
    expect(guest.runs_only_on(rig.b), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(moved.since), "; ".join(guest.continuity(moved.since)))
    expect(rig.capture.contains(guest.needle, mark), "marker not on the wire")
    return str(moved)


@cases.case("stock: nomigrate=1 does not stop it", long=True)
def nomigrate(rig):
    guest = running_guest(rig, rig.b)
    config = rig.b.run("xl list -l g1").out
    expect('"disable_migrate": "True"' in config, "the guest is not nomigrate=1")
    moved = rig.migrate_plain(guest, rig.b, rig.a)
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    expect('"disable_migrate": "True"' in rig.a.run("xl list -l g1").out,
           "the flag is gone")
    return str(moved)


@cases.case("stock: a receiver killed in the middle leaves a paused copy behind", long=True)
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


@cases.case("stock: a silent link in the middle is noticed by neither side in 20 s", long=True)
def cut(rig):
    guest = running_guest(rig, rig.a)
    mark = rig.capture.mark()
    receiver = rig.receive_plain(rig.b)
    sender = rig.a.start(rig.plain_command(guest, rig.b))
    rig.wait_wire(30 << 20, mark)
    rig.cut()
    time.sleep(20)
    expect(sender.running(), "the sender noticed: %s" % sender.err())
    expect(receiver.running(), "the receiver noticed: %s" % receiver.err())
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    rig.clean()


if __name__ == "__main__":
    sys.exit(cases.main())
