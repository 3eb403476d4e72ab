#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many migrations through the same two daemons.

    rounds.py [--sample]

First guests that cross each other, all at once: each goes, or is told "busy"
(on a machine with more to do than the limits bear, also that it took too long),
and runs on one host; at least one of each round goes.  Then random faults that
do not kill a daemon, one migration after another: neither the daemon nor its
keeper grows.

A daemon remembers migrations: 256 that are closed, and beside them those that
left in the last day.  So that this is not taken for growth, it has as many from
the beginning as it ever will: journals are filled with old ones, and each
migration is a day after the one before it.  It is looked at from the moment
when it has written its journal anew, with what it keeps, some times: that is
what takes the most memory.
"""
import os
import random
import sys
import time

import grid
import judge
import lab as faultlab
import plans
from cells import Run
from faults import LIMIT
from judge import Broken
from lab import host, wait_until

SIZES = (2, 8)          # guests at once
ROUNDS = 50
RANDOM = 250            # migrations with faults; none in the sample
WARM = 20               # migrations with faults before growth is looked at
FILLED = 500            # migrations in the journals before that
RENEWED = 2             # how often each journal is written anew before that
RENEWED_LIMIT = 200     # migrations for that, at most
TIMEOUT, BUSY, IN_DOUBT = 13, 26, 32
GROWTH = 1024           # KiB, in RANDOM migrations
DAY = 86400
# What leaves both daemons alive, and takes no deadline.
MILD = ["peer", "control", "xl", "self", "done", "cut", "clock+", "clock-",
        "eio", "enospc", "short", "drop", "twice", "late", "role"]


# ---- crossing ----

def crossing(lab, guests):
    """All of them to the other host, at the same moment.  How many went, of
    how many xl was told only that it is not known yet, and the longest time
    that it took."""
    a, b = lab.hosts
    moves = []
    for g in guests:
        src, dst = (a, b) if g.where() == [a] else (b, a)
        moves.append((g, src, dst, lab.migrate(g, src, dst.name,
                                               size=300000)))
    went, doubts, longest = 0, 0, 0.0
    for g, src, dst, m in moves:
        out = m.wait(60)
        if out["code"] and not out["text"]:
            raise Broken("%s: told %d, and not why" % (g.name, out["code"]))
        if out["code"] not in (0, BUSY, IN_DOUBT) and not (
                out["code"] == TIMEOUT and judge.busy() > 1):
            raise Broken("%s: told %d: %s" % (g.name, out["code"],
                                              out["text"]))
        if out["code"] == IN_DOUBT:
            doubts += 1
            wait_until(g.where, LIMIT)
            if dst in g.where():
                out["code"] = 0
        g.must_run_on(src if out["code"] else dst, LIMIT)
        went += not out["code"]
        longest = max(longest, out["seconds"])
    return went, doubts, longest


def cross(size, rounds):
    lab = host.Lab()
    try:
        guests = [lab.guest(lab.hosts[n % 2]) for n in range(size)]
        went, doubts, longest = 0, 0, 0.0
        for _ in range(rounds):
            n, unsaid, took = crossing(lab, guests)
            if not n:
                raise Broken("none of %d went" % size)
            went, doubts = went + n, doubts + unsaid
            longest = max(longest, took)
            lab.senders.clear()
        problem = lab.unsettled() or lab.finish(True)
        if problem:
            raise Broken(problem)
    finally:
        lab.close()
    return "%d of %d went, the others were told why; %d were settled after " \
        "xl's wait; the longest took %.1f s" % (went, size * rounds, doubts,
                                                longest)


# ---- growth ----

def schedule(n):
    rng = random.Random("mild/%d" % n)
    kind = rng.choices(plans.KINDS, (7, 1, 1, 1))[0]
    return [plans.draw(rng, kind, MILD)
            for _ in range(rng.choice((1, 2, 3)))], kind


def sizes(lab):
    """{(host, process): (pid, KiB, descriptors)}"""
    out = {}
    for h in lab.hosts:
        for what, pids in (("daemon", [h.daemon.pid]),
                           ("keeper", h.processes("keeper"))):
            for p in pids:
                out[h.name, what] = (
                    p, int(host.proc_status(p)["VmRSS"].split()[0]),
                    len(os.listdir("/proc/%d/fd" % p)))
    return out


def one_more(lab, worker, plan, kind):
    """A migration, on another day."""
    for h in lab.hosts:
        h.ages(DAY)
    row = Run(lab, plan, kind).go()
    worker.tidy()
    return row


def fill(lab, worker):
    """Both daemons remember as much as they ever will."""
    for h in lab.hosts:
        h.stop()
        h.fill_journal(FILLED)
        h.start()
    files = {h: os.stat(h.journal).st_ino for h in lab.hosts}
    renewed = dict.fromkeys(lab.hosts, 0)
    for _ in range(RENEWED_LIMIT):
        one_more(lab, worker, [], "")
        for h in lab.hosts:
            now = os.stat(h.journal).st_ino
            renewed[h] += now != files[h]
            files[h] = now
        if min(renewed.values()) >= RENEWED:
            return
    raise Broken("journals written anew in %d migrations: %s" % (
        RENEWED_LIMIT, sorted(renewed.values())))


def grow(count):
    lab = faultlab.Lab()
    worker = grid.Worker()
    worker.lab = lab
    base, fired, lost = None, 0, 0
    try:
        fill(lab, worker)
        for n in range(WARM + count):
            if n == WARM:
                base = sizes(lab)
            plan, kind = schedule(n)
            try:
                row = one_more(lab, worker, plan, kind)
            except Exception as e:
                raise Broken("%d: %s: %s" % (n, grid.title(plan, kind),
                                             e)) from e
            if base:
                fired += row["fired"]
                lost += row["owner"] == "lost"
        if not fired or lost:
            raise Broken("%d faults fired, %d guests lost" % (fired, lost))

        def level():
            now = sizes(lab)
            return {k: v[::2] for k, v in now.items()} == {
                k: v[::2] for k, v in base.items()}
        wait_until(level, host.ROOM, 0.2)
        said = []
        for key, (pid, kib, fds) in sizes(lab).items():
            then = base.get(key)
            what = "%s's %s: %d KiB, then %d; %d descriptors, then %d" % (
                key + (then[1], kib, then[2], fds))
            if pid != then[0]:
                raise Broken("%s's %s is another one" % key)
            if fds != then[2] or kib - then[1] > GROWTH:
                raise Broken(what)
            said.append(what)
        return "%d faults fired; %s" % (fired, "; ".join(said))
    finally:
        worker.close()


def main():
    if os.geteuid() != 0:
        print("skip - faults: rounds: needs root")
        return 77
    sample = "--sample" in sys.argv[1:]
    rounds = 1 if sample else ROUNDS
    todo = [("%d guests that cross each other, rounds: %d" % (n, rounds),
             cross, (n, rounds)) for n in SIZES]
    if not sample:
        todo.append(("%d migrations with random faults, the same daemons"
                     % RANDOM, grow, (RANDOM,)))
    bad = 0
    for name, what, args in todo:
        began = time.monotonic()
        try:
            print("ok - faults: %s: %s" % (name, what(*args)), flush=True)
        except Exception as e:          # noqa: B902
            bad += 1
            print("not ok - faults: %s: %s" % (name, " ".join(
                str(e).split())[:700] or type(e).__name__), flush=True)
        print("#   %.0f s" % (time.monotonic() - began), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
