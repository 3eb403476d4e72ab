#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults at every boundary of a migration, on each side.

    grid.py              the whole grid, then random schedules
    grid.py --sample     what make check runs: fixed cells, fixed seeds
    grid.py --seed N     one random schedule, said aloud
    grid.py --cell "A write:SENT kill" [--KIND]      one cell
    grid.py --fault "kill power" [--KIND]            all cells with one of those
    grid.py --points     the boundaries that a migration passes

KIND is refuse, abort or undo: a migration that does not succeed (cells.py).

Each cell is one migration of a guest that runs.  It ends with exactly one
running copy, journals that agree, a memory and a counter that go on, and
nothing left behind, within 30 s of both hosts being up again; the guest stands
still no longer than the fault and the deadlines explain, and xl was told the
truth (judge.py); else the cell has failed.  --table FILE writes the result as a table.

    SECMIG_FAULT_JOBS    labs at a time [4]
    SECMIG_FAULT_SEEDS   random schedules of the whole grid [1000]
"""
import json
import os
import random
import subprocess
import sys
import time
import traceback

import faults
import lab as faultlab
import plans
from cells import Run
from judge import Broken

SAMPLE_SEEDS = range(1, 7)
TRIES = 4
DRAWS = 5               # of a schedule of which nothing came to pass


# ---- running them ----

def title(plan, kind):
    return ", then ".join(" ".join(p) for p in plan) + plans.WORDS[kind]


class Worker:
    def __init__(self):
        self.lab = None

    def do(self, plan, kind, seed):
        """A migration that has failed by itself, on a machine too busy for
        its deadlines, has not tried anything: again.  A schedule of which
        nothing came to pass has not, either: the next draw of its seed."""
        for n in range(1, 1 + (DRAWS if seed else TRIES)):
            row = self.once(plan, kind)
            if "failed" in row or row["fired"] or (not seed and
                                                   len(plan) > 1):
                break
            if seed and n < DRAWS:
                plan, kind = plans.schedule(seed, n)
        return plan, kind, row

    def once(self, plan, kind):
        if self.lab is None:
            self.lab = faultlab.Lab()
        began = time.monotonic()
        try:
            row = Run(self.lab, plan, kind).go()
        except Exception as e:          # noqa: B902
            what = str(e) if isinstance(e, (Broken, AssertionError)) else (
                "".join(traceback.format_exception_only(e)
                        + traceback.format_tb(e.__traceback__)[-1:]))
            row = {"failed": " ".join(what.split())[:700]}
            print("# " + title(plan, kind), file=sys.stderr)
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
    rows, sys.stdout = sys.stdout, sys.stderr   # and nothing else goes there
    worker = Worker()
    for line in sys.stdin:
        plan, kind, seed = json.loads(line)
        plan = [tuple(p) for p in plan]
        plan, kind, row = worker.do(plan, kind, seed)
        print(json.dumps([plan, kind, seed, row]), file=rows, flush=True)
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
                yield [[], "", 0, {"failed": "a worker ended with %d"
                                      % p.returncode, "seconds": 0}]


def verdict(plan, seed, row):
    """ok, not ok or skip: a cell whose fault never came has shown nothing,
    and nor has a schedule of which none did."""
    if "failed" in row:
        return "not ok"
    if seed:
        return "ok" if row["fired"] else "skip"
    return "ok" if row["fired"] == len(plan) else "not ok"


def report(plan, kind, seed, row):
    word = verdict(plan, seed, row)
    name = "%s - faults: %s%s" % (word, "seed %d: " % seed if seed else "",
                                  title(plan, kind))
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
    for kind, words in faults.WORDS.items():
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
    asked = [k for k in plans.KINDS if k and "--" + k in args]
    if "--cell" in args:
        words = args[args.index("--cell") + 1].split()
        todo = [([tuple(words[i:i + 3]) for i in range(0, len(words), 3)],
                 (asked or [""])[0])]
        numbers = []
    elif "--seed" in args:
        todo, numbers = [], [int(args[args.index("--seed") + 1])]
    elif "--sample" in args:
        todo, numbers = plans.sample(), SAMPLE_SEEDS
    else:
        first = faultlab.Lab()
        try:
            if "--points" in args:
                for kind in plans.KINDS:
                    order, alive = plans.boundaries(first, kind)
                    for m in order:
                        print(" ".join(m) + plans.WORDS[kind], "with",
                              " ".join(sorted(alive[m])))
                return 0
            todo = plans.whole(first, asked or plans.KINDS)
            print("# %d cells" % len(todo), flush=True)
        finally:
            first.close()
        if "--fault" in args:
            words = args[args.index("--fault") + 1].split()
            todo = [c for c in todo if c[0][0][2] in words]
            print("# of which %d" % len(todo), flush=True)
        seeds = int(os.environ.get("SECMIG_FAULT_SEEDS", "1000"))
        numbers = [] if "--fault" in args else range(1, 1 + seeds)
    todo = [(plan, kind, 0) for plan, kind in todo]
    todo += [plans.schedule(n) + (n,) for n in numbers]
    if "--sample" not in args:
        # all kinds early: a run may be ended before its end
        random.Random(0).shuffle(todo)
    rows, words = [], {"ok": 0, "not ok": 0, "skip": 0}
    fired = planned = 0
    for plan, kind, seed, row in spread(todo, jobs):
        plan = [tuple(p) for p in plan]
        rows.append((plan, kind, seed, row))
        words[report(plan, kind, seed, row)] += 1
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
