#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What owners and administrators do to a guest, or beside it, while it is
under way, on two real Xen hosts; and slow links, busy guests, stalled streams
(make faults; each case takes minutes).

Goal of this test
- pause, rename, save, a second migration, destroy, reboot and power-off, each
  at five moments: refused, or the migration ends cleanly, or it goes on; one
  copy at most, and none only if its owner wished so;
- what would resume a guest that waits for the other host (xl save, a plain xl
  migrate) is refused, and by a stock xl does not let it run;
- a guest that does not suspend goes on;
- guests that cross each other all arrive;
- a guest that dirties more than the link carries is unharmed;
- a stream that stands still holds up nobody else."""
import sys
import time

import verdict
from case import Cases, expect
from migration import lab, outcome, tell, the_guest
from rig import say

cases = Cases("ours")
STREAM = "stream"       # when some megabytes have crossed: the guest runs
POINTS = [("source", "+sync:SENDING"), ("source", STREAM), ("source", "+given"),
          ("source", "+heard:READY"), ("source", "+sync:RELEASED")]


def at(rig, guest, source, point):
    """A migration that has come to that moment; its job.  The source's
    daemon stands still, but for STREAM."""
    site, mark = lab(rig), rig.capture.mark()
    site.disarm()
    side, moment = point
    if moment != STREAM:
        site.arm(source if side == "source" else source.other, moment, "stop")
    job = source.start("xl migrate --secure g1 %s" % source.other)
    if moment == STREAM:
        rig.wait_wire(12 << 20, mark, 120)
    else:
        expect(site.wait_hit(job), "the moment did not come: %s" % job.err())
    return job


def five(rig, do, after=None, then=None, words=str):
    """do(source) at each of the five moments; after(source, result of do,
    moment): the hosts that may have the guest then (None: it may be gone);
    then(guest, source, result of do, who has it): what is done at the end;
    words(result of do), for the note."""
    notes = []
    for point in POINTS:
        guest, source = the_guest(rig)
        site, since, job = lab(rig), time.monotonic(), None
        try:
            job = at(rig, guest, source, point)
            did = do(source)
            if point[1] != STREAM:
                site.go_on(source)
            code = job.wait(200)
            wants = after(source, did, point) if after else rig.hosts
            took, owner = outcome(rig, guest, since, wants)
            verdict.told_the_truth(job, source, owner)
            if then:
                then(guest, source, did, owner)
            notes.append("%s: %s, xl %d, %s" % (
                point[1], words(did), code, "goes on at the source" if owner is source else
                "moved" if owner else "gone"))
        except Exception:
            tell(rig, site, job)
            site.forget()
            raise
    return "; ".join(notes)


@cases.case("owners: xl destroy at five moments: it is gone, or it had been released",
            long=True)
def destroy(rig):
    def do(source):
        return "destroy %d" % source.run("xl destroy g1", check=False).code

    def after(source, did, point):
        # what was released belongs to the other host, whatever is done here
        return [source.other] if "RELEASED" in point[1] else [None]
    return five(rig, do, after=after)


@cases.case("owners: xl pause and unpause at five moments", long=True)
def pause(rig):
    def do(source):
        source.run("xl pause g1")
        time.sleep(3)
        source.run("xl unpause g1")
        return "paused for 3 s"
    return five(rig, do)


@cases.case("owners: xl rename, and back, at five moments", long=True)
def rename(rig):
    def do(source):
        source.run("xl rename g1 other")
        time.sleep(1)
        source.run("xl rename other g1")
        return "renamed for 1 s"
    return five(rig, do)


SAVED = "/root/g1.save"


@cases.case("owners: xl save at five moments: the guest or its file, not both", long=True)
def save(rig):
    """A file that is whole is the guest: it goes on from there."""
    def do(source):
        # libxl gives a guest 60 s to suspend
        return source.run("rm -f %s; xl save g1 %s" % (SAVED, SAVED), 200,
                          check=False)

    def after(source, did, point):
        if did.code:
            expect("is suspended by a migration" in did.err or
                   "ailed to save" in did.err, "xl save: %d: %s" % (did.code, did.err))
            return rig.hosts
        # once it was released, the file is what has been left behind
        return [source.other] if "RELEASED" in point[1] else [None, source.other]

    def restore(guest, source, did, owner):
        if did.code or owner:
            return
        since = time.monotonic()
        source.run("xl restore " + SAVED, 240)
        guest.wait_tick(source, since, 60)
    return five(rig, do, after=after, then=restore,
                words=lambda did: "save %d" % did.code)


@cases.case("owners: a second xl migrate --secure at five moments: told busy", long=True)
def second(rig):
    """It waits for the daemon, which stands still, and is answered then."""
    def do(source):
        job = source.start("xl migrate --secure g1 %s" % source.other)
        time.sleep(6)
        return job

    def after(source, job, point):
        code = job.wait(60)
        # once it is suspended, xl looks itself
        expect(code == 26 or code == 1 and "is suspended by a migration" in job.err(),
               "the second one ended with %d: %s" % (code, job.err()))
        return rig.hosts
    return five(rig, do, after=after, words=lambda job: "second %d" % job.code())


def doubtful(rig, command, tools="ours"):
    """A guest that is suspended at the source while the other host, out of
    reach, may start it: what an administrator types to have it elsewhere does
    not let it run here.  The command's result."""
    guest, source = the_guest(rig)
    site, since, job = lab(rig), time.monotonic(), None
    try:
        job = at(rig, guest, source, ("source", "+sync:RELEASED"))
        source.other.deaf()
        site.go_on(source)
        source.tools(tools)
        try:
            result = source.run(command, 300, check=False)
        finally:
            source.tools("ours")
        expect(not guest.running_on(3, 3), "it runs on %s" % guest.running_on())
        state = source.domains()["g1"][1]
        source.other.deaf(False)
        took, owner = outcome(rig, guest, since, [source.other])
        verdict.told_the_truth(job, source, owner)
        say("%d after %.0f s: %s; then it was %s; settled in %.0f s" % (
            result.code, result.seconds, result.err.splitlines()[-1:], state, took))
        return result
    except Exception:
        tell(rig, site, job)
        rig.heal()
        site.forget()
        raise


@cases.case("owners: xl save and plain xl migrate of a guest that waits for the other host"
            " are refused", long=True)
def save_in_doubt(rig):
    for command in ("xl save -c g1 " + SAVED, "xl migrate -s '' g1 true"):
        result = doubtful(rig, command)
        expect(result.code and "is suspended by a migration" in result.err,
               "%s: %d: %s" % (command, result.code, result.err))


@cases.case("owners: a stock xl save -c resumes a guest that waits for the other host, and"
            " it does not run", long=True)
def stock_save_in_doubt(rig):
    """It has waited for 60 s, and taken the suspension for its own."""
    result = doubtful(rig, "xl save -c g1 " + SAVED, "stock")
    expect(not result.code, "stock does otherwise than was known: %d: %s" % (
        result.code, result.err))


@cases.case("owners: a guest that does not suspend within 60 s goes on at the source",
            long=True)
def never_suspends(rig):
    """A paused guest cannot do what it is asked for."""
    guest, source = the_guest(rig)
    site, since = lab(rig), time.monotonic()
    site.disarm()
    source.run("xl pause g1")
    try:
        result = site.migrate(guest, source, check=False)
    finally:
        source.run("xl unpause g1")
    expect(result.code not in (0, 32), "exit code %d: %s" % (result.code, result.err))
    expect(result.seconds > 60, "after %.0f s: %s" % (result.seconds, result.err))
    outcome(rig, guest, since, [source])
    # and nobody asks it any more
    time.sleep(3)
    outcome(rig, guest, since, [source])
    return "xl %d after %.0f s: %s" % (result.code, result.seconds,
                                       result.err.splitlines()[-1])


def another_life(rig, command, gone):
    """The guest ends by itself, while it can: before it is suspended."""
    notes = []
    for point in POINTS[:2]:
        guest, source = the_guest(rig)
        site, since, job = lab(rig), time.monotonic(), None
        try:
            job = at(rig, guest, source, point)
            boot = guest.last().boot
            source.run(command)
            if point[1] != STREAM:
                site.go_on(source)
            code = job.wait(200)
            verdict.wait_settled(site)
            deadline = time.monotonic() + 60
            while (gone and source.domains()) or (
                    not gone and guest.last().boot == boot):
                expect(time.monotonic() < deadline, "%s: %s, %s" % (
                    point[1], rig.both(lambda h: h.domains()), guest.last()))
                time.sleep(0.5)
            if gone:
                outcome(rig, guest, since, [None])
            else:
                outcome(rig, guest, guest.last().time, rig.hosts)
            expect(code != 0 or not gone, "xl says that it runs there")
            notes.append("%s: xl %d: %s" % (point[1], code,
                                            job.err().splitlines()[-1][:80]))
        except Exception:
            tell(rig, site, job)
            site.forget()
            raise
    return "; ".join(notes)


@cases.case("owners: the guest powers off in the middle: it is gone, nothing is left",
            long=True)
def poweroff(rig):
    return another_life(rig, "xl shutdown g1", True)


@cases.case("owners: the guest crashes in the middle: it is gone, nothing is left",
            long=True)
def crash(rig):
    return another_life(rig, "xl sysrq g1 c", True)


@cases.case("owners: the guest reboots in the middle: one new life, nothing is left",
            long=True)
def reboot(rig):
    return another_life(rig, "xl reboot g1", False)


@cases.case("owners: two guests cross each other, five rounds", long=True)
def cross(rig):
    rounds = 5
    guest, source = the_guest(rig)
    site, other = lab(rig), rig.guest("g2", marker="cross-77aa")
    other.create(source.other)
    where, since = {guest: source, other: source.other}, time.monotonic()
    times, late = [], 0
    try:
        for n in range(rounds):
            began = time.monotonic()
            jobs = [(g, h, h.start("xl migrate --secure %s %s" % (g.name, h.other)))
                    for g, h in where.items()]
            for g, h, job in jobs:
                code = job.wait(300)
                expect(code in (0, 32), "round %d: %s from %s: %d: %s" % (
                    n + 1, g.name, h, code, job.err()))
                late += code == 32      # two at once, on emulated processors
                where[g] = h.other
            times.append(time.monotonic() - began)
            verdict.wait_settled(site)
            for g, h in where.items():
                expect(g.runs_only_on(h), "%s runs on %s" % (g.name, g.running_on()))
                expect(not g.continuity(since), "; ".join(g.continuity(since)))
                expect(list(h.domains()) == [g.name], "%s: %s" % (h, h.domains()))
    finally:
        other.destroy()
    owner = where[guest]
    outcome(rig, guest, since, [owner])
    return "rounds took %s s; %d of %d settled after xl's wait" % (
        ", ".join("%.0f" % t for t in times), late, 2 * rounds)


@cases.case("owners: a guest that dirties 16 MiB without pause, over 20 Mbit/s", long=True)
def slow(rig):
    _, source = the_guest(rig)
    site = lab(rig)
    rig.clean()
    guest = rig.guest("g1", marker="busy-90aa", memory=128, counting=4096, period=10)
    source = rig.a
    guest.create(source)
    since = time.monotonic()
    try:
        for host in rig.hosts:
            host.run("tc qdisc replace dev eth0 root tbf rate 20mbit burst 256k"
                     " latency 400ms")
        result = site.migrate(guest, source, timeout=580, check=False)
    finally:
        for host in rig.hosts:
            host.run("tc qdisc del dev eth0 root", check=False)
    took, owner = outcome(rig, guest, since, [source.other] if not result.code
                          else [source])
    rig.clean()
    return "xl %d after %.0f s, longest stop %.1f s" % (
        result.code, result.seconds, guest.longest_gap(since))


@cases.case("owners: xl create at the destination beside a stream that stands still",
            long=True)
def beside(rig):
    """With the memory of dom0 fixed (as here), and with autoballoon, where xl
    holds a lock while it receives."""
    guest, source = the_guest(rig)
    site, target = lab(rig), source.other
    for host in rig.hosts:
        host.put("/rig/guest/g2.cfg", rig.guest("g2").config)

    def create():
        result = target.run("xl create -p /rig/guest/g2.cfg", 120)
        target.run("xl destroy g2")
        return result.seconds
    alone, notes = create(), []
    for on in (False, True):
        if on:
            target.run("cp /etc/xen/xl.conf /root/xl.conf.saved;"
                       " echo autoballoon=1 >>/etc/xen/xl.conf")
        try:
            since, mark = time.monotonic(), rig.capture.mark()
            job = source.start("xl migrate --secure g1 %s" % target)
            rig.wait_wire(12 << 20, mark, 120)
            source.other.deaf()     # nothing arrives any more
            took = create()
            target.deaf(False)
            job.wait(90)
        finally:
            if on:
                target.run("mv /root/xl.conf.saved /etc/xen/xl.conf")
        notes.append("autoballoon %s: %.1f s" % ("on" if on else "off", took))
        verdict.wait_settled(site)
        _, source = the_guest(rig)
        target = source.other
        # the lock is held for as long as the daemon waits for a silent host
        limit = alone + (17 if on else 5)
        expect(took < limit, "%s, alone %.1f s" % (notes[-1], alone))
    return "alone %.1f s; %s" % (alone, ", ".join(notes))


if __name__ == "__main__":
    sys.exit(cases.main())
