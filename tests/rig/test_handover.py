#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The last phase of a migration on two real Xen hosts, with faults at its
moments (make faults, or SECMIG_FAULTS=all: every one; else a sample).

Goal of this test
- whatever is killed, stopped, cut off, full or powered off (faults.py), at
  whatever moment (cells.py), exactly one copy of the guest runs, by itself
  and soon;
- it is the same guest: counter and memory go on where they were;
- both journals agree and have nothing open, and nothing is left: no domain,
  no process, no socket, no name in xenstore;
- exactly one xl watches the guest, and sees to its reboot and its end;
- what xl said about it was true;
- one guest lives through all of it, so after each fault it still migrates.

--seed N runs one random schedule again; SECMIG_FAULT_SEEDS says how many the
whole grid has [10].  The result is printed as a table; --table prints that of
the last run of each migration, of however many runs."""
import os
import re
import statistics
import sys
import time

SEED = None
if sys.argv[1:2] == ["--seed"]:
    SEED = int(sys.argv[2])
    sys.argv[1:] = ["seed %d:" % SEED]
ALL = os.environ.get("SECMIG_FAULTS") == "all"
if sys.argv[1:] == ["--table"]:
    from migration import earlier, table
    print(table(earlier()))
    sys.exit(0)

import cells                                        # noqa: E402
from case import Cases, expect                      # noqa: E402
from migration import World, lab, outcome, run, table, the_guest  # noqa: E402
from verdict import SETTLE, monitors, watched       # noqa: E402

cases = Cases("ours")
NAMED = 30              # s until a guest gets a name that has become free
SEEDS = range(1, 1 + int(os.environ.get("SECMIG_FAULT_SEEDS", "10")))


def add(cell):
    cases.case(cell.title())(lambda rig: run(rig, cell))


def reboots(rig, guest, host):
    """xl reboot gives it another life, under another number, once; the same
    xl watches that, and its shutdown ends it."""
    before, domid = guest.last().boot, host.domains()["g1"][0]
    watcher = [pid for pid, _, _ in monitors(host)]
    host.run("xl reboot g1")
    deadline = time.monotonic() + 90
    while guest.last().boot == before:
        expect(time.monotonic() < deadline, "it has not booted again: %s, %s" % (
            host.domains(), monitors(host)))
        time.sleep(0.5)
    expect(host.domains()["g1"][0] != domid, "the same domain")
    expect(guest.runs_only_on(host), "it runs on %s" % guest.running_on())
    watched(host)
    expect([pid for pid, _, _ in monitors(host)] == watcher, "another xl watches it")


def shuts_down(rig, guest, host):
    host.run("xl shutdown g1")
    deadline = time.monotonic() + 90
    while host.domains() or monitors(host):
        expect(time.monotonic() < deadline, "it is not gone: %s, %s" % (
            host.domains(), monitors(host)))
        time.sleep(0.5)


def lives_on(rig, cell):
    """After that cell the guest reboots, migrates and shuts down."""
    run(rig, cell)
    guest, host = the_guest(rig)
    reboots(rig, guest, host)
    since = time.monotonic()
    lab(rig).migrate(guest, host)
    outcome(rig, guest, since, [host.other])
    reboots(rig, guest, host.other)
    shuts_down(rig, guest, host.other)


@cases.case("handover: resumed by a new daemon at the source, the guest reboots,"
            " migrates and shuts down", long=not ALL)
def after_resume(rig):
    lives_on(rig, cells.one("source", "+sync:SENT", cells.kill_daemon, "source"))


@cases.case("handover: started by a new daemon at the target, the guest reboots,"
            " migrates and shuts down", long=not ALL)
def after_start(rig):
    lives_on(rig, cells.one("target", "write:ACCEPTED", cells.kill_daemon, "target"))


@cases.case("handover: downtime beside stock's, in the same run", long=True)
def downtime(rig):
    guest, source = the_guest(rig)
    site, times = lab(rig), {"secure": [], "stock": []}
    for _ in range(5):
        for way in ("secure", "stock"):
            since = time.monotonic()
            if way == "secure":
                site.migrate(guest, source)
            else:
                rig.tools("stock")
                try:
                    rig.migrate_plain(guest, source, source.other)
                finally:
                    rig.tools("ours")
            guest.wait_tick(source.other, since)
            times[way].append(guest.downtime(since))
            source = source.other
    medians = {way: statistics.median(t) for way, t in times.items()}
    expect(medians["secure"] < medians["stock"] + 2,
           "median %.2f s, stock %.2f s" % (medians["secure"], medians["stock"]))
    return "medians of 5: secure %.2f s, stock %.2f s; %s" % (
        medians["secure"], medians["stock"], times)


@cases.case("handover: the guest's owner makes a twin of its name in the middle",
            long=True)
def twin(rig):
    guest, source = the_guest(rig)
    site, target = lab(rig), source.other
    since = time.monotonic()
    site.disarm()
    site.arm(target, "write:READY", "stop")
    job = source.start("xl migrate --secure g1 %s" % target)
    expect(site.wait_hit(job), "the moment did not come: %s" % job.err())
    target.put("/rig/guest/twin.cfg", guest.config)
    target.run("xl create -p --ignore-handover /rig/guest/twin.cfg")
    made = target.domains()["g1"][0]
    site.go_on(target)
    job.wait(90)
    deadline = time.monotonic() + SETTLE
    while site.open_records() and time.monotonic() < deadline:
        time.sleep(0.5)
    domains = rig.both(lambda host: host.domains())
    where = {host for host, _ in guest.running_on()}
    expect(len(where) == 1 and not guest.continuity(since), "it runs on %s, %s, %s" % (
        where, domains, guest.continuity(since)))
    expect(target.domains().get("g1", (0,))[0] == made, "the twin was touched: %s" % domains)
    target.run("xl destroy %d" % made)
    # the daemon gives the guest its name, now that nobody else has it
    deadline = time.monotonic() + NAMED
    while where == {target.name} and "g1" not in target.domains():
        expect(time.monotonic() < deadline, "it has not got its name: %s" % target.domains())
        time.sleep(0.5)
    outcome(rig, guest, since, rig.hosts)
    return "it runs on host%s: %s" % (where.pop(), job.err().splitlines()[-1])


@cases.case("handover: somebody makes a second domain of the guest's uuid in the"
            " middle: both are left alone until it is gone", long=True)
def same_uuid(rig):
    guest, source = the_guest(rig)
    site, target = lab(rig), source.other
    uuid = re.search("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                     source.run("xl list -v g1").out).group()
    since = time.monotonic()
    site.disarm()
    site.arm(target, "write:READY", "stop")
    job = source.start("xl migrate --secure g1 %s" % target)
    expect(site.wait_hit(job), "the moment did not come: %s" % job.err())
    target.put("/rig/guest/twin.cfg", guest.config.replace(
        'name = "g1"', 'name = "twin"') + 'uuid = "%s"\n' % uuid)
    target.run("xl create -p --ignore-handover /rig/guest/twin.cfg")
    made = target.domains()["twin"][0]
    site.go_on(target)
    deadline = time.monotonic() + 60
    words = "have the guest's uuid"
    while words not in target.run("secmig handover list").out:
        expect(time.monotonic() < deadline, "no TROUBLE is told: %s" %
               target.run("secmig handover list").out)
        time.sleep(1)
    said = target.run("secmig handover list").out
    expect(not guest.running_on(3, 3), "it runs beside its twin")
    target.run("xl destroy %d" % made)
    job.wait(90)
    outcome(rig, guest, since, rig.hosts)
    return "%s; then: %s" % (said.strip().rpartition("TROUBLE: ")[2],
                             job.err().splitlines()[-1])


@cases.case("handover: 64 MiB of pages that count, its daemon killed when it was"
            " handed over", long=True)
def big(rig):
    """The other cases' guest verifies 5 MiB."""
    small, _ = the_guest(rig)
    small.destroy()
    site = lab(rig)
    guest = rig.guest("g1", marker="big-31c7", memory=192, counting=16384, period=500)
    guest.create(rig.a)
    try:
        for source in rig.hosts:
            since = time.monotonic()
            site.disarm()
            site.arm(source, "+sync:RELEASED", "stop")
            job = source.start("xl migrate --secure g1 %s" % source.other)
            expect(site.wait_hit(job), "the moment did not come: %s" % job.err())
            site.restart(source)
            outcome(rig, guest, since, [source.other])
        before = guest.last().count
        time.sleep(10)
        expect(guest.last().count > before and not guest.last().bad, "%s" % (guest.last(),))
    finally:
        rig.clean()
    return "%d rounds over all pages, none wrong" % guest.last().count


@cases.case("handover: no room for the journal: what is reserved is used up, then it is"
            " refused on either side, the guest is not touched", long=True)
def no_room(rig):
    """The journal is as long as some migrations need, and grows in time."""
    guest, source = the_guest(rig)
    site, notes = lab(rig), []
    for host in rig.hosts:
        went = 0
        site.fill(host)
        try:
            while True:
                since, mark = time.monotonic(), rig.capture.mark()
                result = site.migrate(guest, source, check=False)
                if result.code:
                    break
                went, source = went + 1, source.other
                expect(went < 60, "never refused")
        finally:
            site.fill(host, False)
        expect(result.code != 32, "%d: %s" % (result.code, result.err))
        guest.not_stopped(since, mark)
        outcome(rig, guest, since, [source])
        notes.append("%s full: %d went, then %d, %s" % (
            host, went, result.code, result.err.splitlines()[-1]))
    return "; ".join(notes)


GRID = cells.grid()
for one in cells.SAMPLE:
    add(one)
for one in GRID if ALL or sys.argv[1:] else []:
    add(one)
for seed in [SEED] if SEED else SEEDS if ALL else []:
    add(cells.drawn(seed))


if __name__ == "__main__":
    if not ALL and not sys.argv[1:]:
        print("skip - handover: %d more migrations, %d faults (set SECMIG_FAULTS=all)"
              % (len(GRID), sum(len(cell.plan) for cell in GRID)))
    code = cases.main()
    if World.rows:
        print("\n" + table(World.rows))
    sys.exit(code)
