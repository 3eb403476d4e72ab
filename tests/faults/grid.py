#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults at every boundary of a migration, on each side.

    grid.py              the whole grid, then random schedules
    grid.py --sample     what make check runs: fixed cells, fixed seeds
    grid.py --seed N     one random schedule, said aloud
    grid.py --cell "A write:SENT kill" [--refuse]    one cell
    grid.py --points     the boundaries that a migration passes

Each cell is one migration of a guest that runs.  It ends with exactly one
running copy, journals that agree, a memory and a counter that go on, and
nothing left behind, within 30 s of both hosts being up again; else the cell
has failed.  --table FILE writes the result as a table.

    SECMIG_FAULT_JOBS    labs at a time [4]
    SECMIG_FAULT_SEEDS   random schedules of the whole grid [100]
"""
import json
import os
import random
import subprocess
import sys
import time

import cells
import lab as faultlab
from cells import DISK, FAULTS, STEPS, Broken, Run

SAMPLE_SEEDS = range(1, 7)
TRIES = 4
DRAWS = 5               # of a schedule of which nothing came to pass


# ---- which cells ----

CHILDREN = ("judge", "dialer", "vault", "peer", "control")
VERBS = ("start", "resume", "destroy", "discard", "look")


def boundaries(lab, refuse):
    """What a migration passes, in order: [(side, name)], and who is alive
    there: {(side, name): kinds of processes}."""
    plan = [] if refuse else [(side, "xl:" + s, "none") for side in STEPS
                              for s in STEPS[side]]
    run = Run(lab, plan, refuse)
    order, alive = [], {}

    def passed(side, name):
        n = run.passes.get((side, name), 0)
        if n > 1 and name[:4] == "run:" and name[4:] in CHILDREN:
            name = "%s#%d" % (name, n)
        if (side, name) not in alive:
            order.append((side, name))
            alive[side, name] = {k for k in cells.NEEDS.values()
                                 if run.pids(side, k)}

    run.seen = passed
    run.go()
    return order, alive


def suits(name, fault, alive=None):
    """Whether that fault means something there.  alive: what runs there, if
    it is known."""
    step = name.startswith("xl:")
    child = name.startswith("run:") and name[4:].partition("#")[0]
    if child in CHILDREN:
        return fault in ("self", "stop-self")
    if fault in DISK:
        return name.startswith(("write:", "sync:")) and (
            fault != "short" or name.startswith("write:"))
    if fault in ("self", "stop-self"):
        return bool(child)
    if fault == "done":
        return child in VERBS
    if fault in ("drop", "twice", "late"):
        return name.startswith("say:")
    if fault == "role":
        return name.startswith("+heard:")
    if fault in ("xl", "stop-xl") and alive is None:
        return step or name in ("given", "+given", "result")
    if fault == "power-kept":
        return name.startswith("+write:")
    if fault in cells.NEEDS and alive is not None:
        return cells.NEEDS[fault] in alive
    return True


def whole(lab):
    """Every cell: (plan, refuse)."""
    out = []
    for refuse in (False, True):
        order, alive = boundaries(lab, refuse)
        for _ in range(2):          # what is about to end is not there
            for m, kinds in boundaries(lab, refuse)[1].items():
                alive[m] = alive.get(m, kinds) & kinds
        # up to there nothing tells the two apart
        for m in order[order.index(("A", "+given")):] if refuse else order:
            out += [([m + (f,)], refuse) for f in FAULTS + DISK
                    if suits(m[1], f, alive[m])]
    return out


def pick(side, names, faults, refuse=False):
    return [([(side, n, f)], refuse) for n in names.split()
            for f in faults.split()]


def sample():
    """The cells of make check: each durable state, each fact, each fault."""
    return (
        pick("A", "xl:mid xl:suspended", "kill xl power")
        + pick("A", "xl:given", "xl power")
        + pick("A", "+sync:SENT +sync:RELEASED say:GO +sync:DONE",
               "kill power")
        + pick("A", "+sync:RELEASED say:GO", "dark")
        + pick("A", "+heard:READY +heard:STARTED", "kill-both peer")
        + pick("A", "write:RELEASED", "eio enospc short")
        + pick("A", "write:DONE", "eio! clock+")
        + pick("A", "+sync:RELEASED", "keeper stop-long stop-peer")
        + pick("A", "+sync:SENT", "stop-xl")
        + pick("A", "+given", "control")
        + pick("A", "run:judge run:dialer run:destroy", "self")
        + pick("A", "run:destroy", "done stop-self")
        + pick("B", "xl:stream xl:received", "kill xl")
        + pick("B", "+sync:READY +heard:GO +sync:ACCEPTED run:start",
               "kill power")
        + pick("B", "+sync:READY", "dark-in")
        + pick("B", "run:start", "self done stop-self")
        + pick("B", "run:judge", "self")
        + pick("B", "+sync:ACCEPTED", "keeper stop-long stop-peer")
        + pick("B", "+write:READY +write:ACCEPTED", "power-kept cut")
        + pick("B", "sync:ACCEPTED", "eio eio! clock-")
        + pick("B", "say:STARTED", "kill late")
        + pick("A", "+heard:READY", "role")
        + pick("A", "+heard:REFUSED", "kill", True)
        + pick("A", "run:resume", "done", True)
        + pick("B", "+sync:REFUSED run:discard", "kill power", True))


# What random schedules choose from, in words of their own, so that a seed
# means the same for as long as these do.
MOMENTS = (
    [("A", "xl:" + s) for s in STEPS["A"]]
    + [("B", "xl:" + s) for s in STEPS["B"]]
    + [("A", mark + do + state) for mark in ("", "+")
       for do in ("write:", "sync:")
       for state in ("SENDING", "SENT", "RELEASED", "DONE", "DONE-acted",
                     "ABORTED", "ABORTED-acted", "CLOSED")]
    + [("B", mark + do + state) for mark in ("", "+")
       for do in ("write:", "sync:")
       for state in ("LOADING", "READY", "ACCEPTED", "ACCEPTED-acted",
                     "REFUSED", "REFUSED-acted", "CLOSED")]
    + [("A", mark + "say:" + fact) for mark in ("", "+")
       for fact in ("GO", "ABORT", "CANCEL", "SETTLED")]
    + [("B", mark + "say:" + fact) for mark in ("", "+")
       for fact in ("READY", "REFUSED", "STARTED", "SETTLED")]
    + [("A", "+heard:" + fact) for fact in ("READY", "REFUSED", "STARTED",
                                            "SETTLED")]
    + [("B", "+heard:" + fact) for fact in ("GO", "ABORT", "CANCEL",
                                            "SETTLED")]
    + [("A", "run:" + verb) for verb in ("look", "resume", "destroy")]
    + [("B", "run:" + verb) for verb in ("room", "look", "start", "discard")]
    + [("A", "given"), ("A", "result"), ("A", "+result")])


def schedule(seed, draw=0):
    """A random plan: up to four faults, on both sides."""
    rng = random.Random("%d/%d" % (seed, draw))
    refuse = rng.random() < 0.2
    plan = []
    for _ in range(rng.choice((1, 2, 2, 3, 3, 4))):
        side, name = rng.choice(MOMENTS)
        suitable = [f for f in FAULTS + DISK if suits(name, f)]
        plan.append((side, name, rng.choice(suitable)))
    return plan, refuse


# ---- running them ----

def title(plan, refuse):
    return ", then ".join(" ".join(p) for p in plan) + (
        " (refused)" if refuse else "")


class Worker:
    def __init__(self):
        self.lab = None

    def do(self, plan, refuse, seed):
        """A migration that has failed by itself, on a machine too busy for
        its deadlines, has not tried anything: again.  A schedule of which
        nothing came to pass has not, either: the next draw of its seed."""
        for n in range(1, 1 + (DRAWS if seed else TRIES)):
            row = self.once(plan, refuse)
            if "failed" in row or row["fired"] or (not seed and
                                                   len(plan) > 1):
                break
            if seed and n < DRAWS:
                plan, refuse = schedule(seed, n)
        return plan, refuse, row

    def once(self, plan, refuse):
        if self.lab is None:
            self.lab = faultlab.Lab()
        began = time.monotonic()
        try:
            row = Run(self.lab, plan, refuse).go()
        except Exception as e:          # noqa: B902
            what = str(e) if isinstance(e, (Broken, AssertionError)) else (
                "%s: %s" % (type(e).__name__, e))
            row = {"failed": " ".join(what.split())[:700]}
            print("# " + title(plan, refuse), file=sys.stderr)
            for h in self.lab.hosts:
                for line in h.log().splitlines()[-40:]:
                    print("#   %s| %s" % (h.name, line), file=sys.stderr)
            sys.stderr.flush()
            self.close()
        else:
            self.tidy()
        row["seconds"] = time.monotonic() - began
        return row

    def tidy(self):
        lab = self.lab
        lab.senders.clear()
        lab.guests.clear()
        for h in lab.hosts:
            h.destroy_all()
        del lab.cable.sessions[:]

    def close(self):
        if self.lab:
            self.lab.close()
        self.lab = None


def work():
    """A worker: cells come as lines of JSON, rows go back."""
    worker = Worker()
    for line in sys.stdin:
        plan, refuse, seed = json.loads(line)
        plan = [tuple(p) for p in plan]
        plan, refuse, row = worker.do(plan, refuse, seed)
        print(json.dumps([plan, refuse, seed, row]), flush=True)
    worker.close()


def spread(todo, jobs):
    """Rows of all cells, as they come."""
    import selectors
    sel = selectors.DefaultSelector()
    todo = list(todo)
    for _ in range(min(jobs, len(todo))):
        p = subprocess.Popen([sys.executable, os.path.abspath(__file__),
                              "--work"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True, bufsize=1)
        sel.register(p.stdout, selectors.EVENT_READ, p)
        p.stdin.write(json.dumps(todo.pop(0)) + "\n")
        p.stdin.flush()
    while sel.get_map():
        for key, _ in sel.select():
            line = key.fileobj.readline()
            p = key.data
            if line:
                yield json.loads(line)
            if line and todo:
                p.stdin.write(json.dumps(todo.pop(0)) + "\n")
                p.stdin.flush()
                continue
            sel.unregister(key.fileobj)
            p.stdin.close()
            p.wait()
            if not line:
                yield [[], False, 0, {"failed": "a worker ended with %d"
                                      % p.returncode, "seconds": 0}]


def verdict(plan, seed, row):
    """ok, not ok or skip: a cell whose fault never came has shown nothing,
    and nor has a schedule of which none did."""
    if "failed" in row:
        return "not ok"
    if seed:
        return "ok" if row["fired"] else "skip"
    return "ok" if row["fired"] == len(plan) else "not ok"


def report(plan, refuse, seed, row):
    word = verdict(plan, seed, row)
    name = "%s - faults: %s%s" % (word, "seed %d: " % seed if seed else "",
                                  title(plan, refuse))
    if "failed" in row:
        print("%s: %s" % (name, row["failed"]), flush=True)
    elif word == "skip":
        print("%s: none of this came to pass, in %d draws" % (name, DRAWS),
              flush=True)
    elif word == "not ok":
        print("%s: the moment never came, or there was nothing to hit; xl "
              "was told %d: %s" % (name, row["code"], row["text"]),
              flush=True)
    else:
        print("%s: %s, stood still %.1f s, settled in %.1f s%s" % (
            name, {"A": "runs at the source", "B": "runs at the destination",
                   "lost": "went with its host"}[row["owner"]],
            row["stopped"], row["settled"], ", %d of %d faults fired" % (
                row["fired"], len(plan)) if seed else ""), flush=True)
    return word


# ---- the table ----

def line(what, rows):
    """One of the table's."""
    good = [r for r in rows if "failed" not in r and r["fired"]]
    ends = [r["owner"] for r in good]
    times = []
    for key in ("stopped", "settled"):
        values = sorted(r[key] for r in good) or [0.0]
        times.append("%.1f s, %.1f s" % (values[len(values) // 2],
                                         values[-1]))
    return "| %s | %d | %d | %d | %d | %d | %s | %s |" % (
        what, len(rows), ends.count("A"), ends.count("B"),
        ends.count("lost"), len(rows) - len(good), *times)


def table(rows):
    """Markdown: a line for each fault, what all its cells came to."""
    out = ["| fault | cells | runs at the source | runs at the destination | "
           "went with its host | two copies, lost or stuck | stood still: "
           "median, longest | settled in: median, longest |",
           "|---|---|---|---|---|---|---|---|"]
    for kind, words in cells.WORDS.items():
        got = [row for plan, _, seed, row in rows
               if not seed and plan and plan[0][2] == kind]
        if got:
            out.append(line(words, got))
    rows = [r for r in rows if verdict(r[0], *r[2:]) != "skip"]
    drawn = [row for _, _, seed, row in rows if seed]
    if drawn:
        out.append(line("random schedules of one to four faults, on both "
                        "sides", drawn))
    out.append(line("**all**", [r[-1] for r in rows]))
    return "\n".join(out) + "\n"


def main():
    args = sys.argv[1:]
    if args[:1] == ["--work"]:
        return work()
    if os.geteuid() != 0:
        print("skip - faults: needs root (roles have users of their own)")
        return 77
    for need in (faultlab.POINT, faultlab.SHOW):
        if not os.path.exists(need):
            print("not ok - faults: %s is not built (make unit)" % need)
            return 1
    jobs = int(os.environ.get("SECMIG_FAULT_JOBS", "4"))
    began = time.monotonic()
    if "--cell" in args:
        words = args[args.index("--cell") + 1].split()
        todo = [([tuple(words[i:i + 3]) for i in range(0, len(words), 3)],
                 "--refuse" in args)]
        numbers = []
    elif "--seed" in args:
        todo, numbers = [], [int(args[args.index("--seed") + 1])]
    elif "--sample" in args:
        todo, numbers = sample(), SAMPLE_SEEDS
    else:
        first = faultlab.Lab()
        try:
            if "--points" in args:
                for refuse in (False, True):
                    order, alive = boundaries(first, refuse)
                    for m in order:
                        print(" ".join(m), "(refused)" if refuse else "",
                              "with", " ".join(sorted(alive[m])))
                return 0
            todo = whole(first)
            print("# %d cells" % len(todo), flush=True)
        finally:
            first.close()
        numbers = range(1, 1 + int(os.environ.get("SECMIG_FAULT_SEEDS",
                                                  "100")))
    todo = [(plan, refuse, 0) for plan, refuse in todo]
    todo += [schedule(n) + (n,) for n in numbers]
    if "--sample" not in args:
        # all kinds early: a run may be ended before its end
        random.Random(0).shuffle(todo)
    rows, words = [], {"ok": 0, "not ok": 0, "skip": 0}
    fired = planned = 0
    for plan, refuse, seed, row in spread(todo, jobs):
        plan = [tuple(p) for p in plan]
        rows.append((plan, refuse, seed, row))
        words[report(plan, refuse, seed, row)] += 1
        fired += row.get("fired", 0)
        planned += len(plan)
        if "--table" in args:       # what there is, should it be ended early
            with open(args[args.index("--table") + 1], "w") as f:
                f.write(table(rows))
    print("# %d cells, %d failed, %d skipped; %d of %d planned faults fired; "
          "%.0f s" % (len(rows), words["not ok"], words["skip"], fired,
                      planned, time.monotonic() - began), flush=True)
    return 1 if words["not ok"] else 0 if words["ok"] else 77


if __name__ == "__main__":
    sys.exit(main())
