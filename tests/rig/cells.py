# SPDX-License-Identifier: LGPL-2.1-or-later
"""The moments and faults of test_handover.py: which fault at which moment, in
which migration, and where the guest may be afterwards."""
import random

import faults
from faults import (
    clock_back, clock_on, cut, deaf_here, deaf_there, destroy, eio, eio_on,
    enospc, freeze, full_disk, kill_both, kill_control, kill_daemon, kill_helper,
    kill_keeper, kill_peer, kill_receive, kill_received, kill_secmig_xl,
    kill_starting, kill_xl, power, power_both, read_only, short, stop_daemon)


class Cell:
    """One migration.  plan: [(side, moment, fault)], all set from the start,
    each done once, when its moment comes, in whatever order; want: who has
    the guest afterwards: source, target, either, none, any (of all these).
    first: a fault that the migration needs to come there at all, and that is
    not counted.  loose: not all moments have to come; may: nor do these."""

    def __init__(self, plan, want, name=None, loose=False, first=None, may=()):
        self.plan, self.want, self.may = plan, want, may
        self.loose, self.first = loose, first
        kinds = {fault for _, _, fault in plan}
        self.name = name or "%s at %s of the %s" % (
            plan[0][2].__name__.replace("_", " "), plan[0][1], plan[0][0])
        self.kinds = kinds

    def title(self):
        return "handover: %s: %s" % (self.name, {
            "either": "it runs on one of them", "source": "it runs on the source",
            "target": "it runs on the target", "any": "one copy, or none with its host",
            "none": "it is gone" + (", as its owner wished" if destroy in self.kinds
                                    else " with its host")}[self.want])


def one(side, moment, fault, want):
    return Cell([(side, moment, fault)], want)


# What make check runs: as many kinds of faults as five migrations can hold.
SAMPLE = [
    one("source", "+given", kill_xl, "either"),
    Cell([("source", "+sync:RELEASED", kill_both), ("target", "sync:ACCEPTED", eio),
          ("target", "run:start", kill_secmig_xl), ("source", "+sync:DONE", clock_on),
          ("source", "run:destroy", kill_secmig_xl), ("target", "say:STARTED", kill_peer)],
         "target", "both daemons, a peer and secmig-xl killed, EIO, clock, one"
         " after the other"),
    Cell([("target", "+heard:GO", stop_daemon), ("source", "+heard:STARTED", full_disk),
          ("target", "+say:STARTED", deaf_here)],
         "target", "stopped daemon, full disk, one-way loss, one after the other"),
    one("source", "+sync:RELEASED", power, "target"),
    one("source", "+sync:SENT", destroy, "none"),
]

# ---- kill -9 of the daemon at every boundary ----

# Those before the guest is handed over: the migration ends there.
BEFORE = [
    ("source", "run:domain run:config run:judge run:dialer run:peer write:SENDING +write:SENDING sync:SENDING"
     " +sync:SENDING +given write:SENT +write:SENT sync:SENT +sync:SENT +heard:READY"
     " write:RELEASED", "source"),
    ("source", "sync:RELEASED result +result", "either"),
    ("target", "run:peer run:config run:judge run:room write:LOADING +write:LOADING sync:LOADING"
     " +sync:LOADING write:READY +write:READY", "source"),
    ("target", "sync:READY +sync:READY say:READY", "source"),
    ("target", "+say:READY", "either"),
]

# Those after it: the journal goes on, so one migration passes them all.  What
# is written is not written again by the next daemon: of the three moments
# between a write and its being durable each migration can have one.
WRITTEN = ("+write:", "sync:", "+sync:")
SIDES = {
    "accepted, at the source": (
        "source", ["RELEASED", "DONE", "DONE-acted", "CLOSED"],
        ["say:GO", "+say:GO", "+heard:STARTED", "write:DONE", "run:destroy",
         "write:DONE-acted", "say:SETTLED", "+say:SETTLED", "+heard:SETTLED",
         "write:CLOSED"], None),
    "accepted, at the target": (
        "target", ["ACCEPTED", "ACCEPTED-acted", "CLOSED"],
        ["+heard:GO", "write:ACCEPTED", "run:start", "write:ACCEPTED-acted",
         "say:STARTED", "+say:STARTED", "+heard:SETTLED", "write:CLOSED",
         "say:SETTLED", "+say:SETTLED"], None),
    "given up, at the source": (
        "source", ["ABORTED", "ABORTED-acted", "CLOSED"],
        ["write:ABORTED", "run:resume", "write:ABORTED-acted", "say:ABORT", "+say:ABORT",
         "+heard:REFUSED", "write:CLOSED"], ("source", "+sync:SENT", kill_peer)),
    "given up, at the target": (
        "target", ["REFUSED", "REFUSED-acted", "CLOSED"],
        ["write:REFUSED", "run:discard", "write:REFUSED-acted", "+heard:ABORT",
         "say:REFUSED", "+say:REFUSED", "write:CLOSED"],
        ("source", "+sync:SENT", kill_peer)),
}


def kills():
    cells = []
    for side, moments, want in BEFORE:
        cells += [one(side, m, kill_daemon, want) for m in moments.split()]
    for what, (side, states, rest, first) in SIDES.items():
        for n, written in enumerate(WRITTEN):
            plan = [(side, written + state, kill_daemon) for state in states]
            if not n:
                plan += [(side, moment, kill_daemon) for moment in rest]
            cells.append(Cell(
                plan, "source" if first else "target",
                "kill daemon at each of %d moments, %s (%s)" % (
                    len(plan), what, written + "…"), first=first,
                # said only if the other host has not given up by itself
                may=("say:ABORT", "+say:ABORT", "+heard:ABORT", "say:REFUSED",
                     "+say:REFUSED", "+heard:REFUSED") if first else ()))
    return cells


# ---- each kind of fault at each boundary of the phases ----

# No host, or the one that has the guest, loses its memory by these.
HARMLESS = [kill_both, kill_peer, stop_daemon, freeze, cut, deaf_here, deaf_there,
            clock_on, clock_back, full_disk]
PHASES = [("source", "+sync:SENDING"), ("source", "+sync:SENT"), ("target", "+sync:READY")]
# After RELEASED one migration passes them all.
SETTLING = [("source", "+sync:RELEASED"), ("source", "+say:GO"),
            ("target", "+sync:ACCEPTED"), ("target", "+say:STARTED"),
            ("source", "+sync:DONE")]


def phases():
    cells = []
    for fault in HARMLESS:
        if fault is kill_peer:  # until there is another one, none can be killed
            cells += [one(side, m, fault, "target") for side, m in SETTLING]
        else:
            cells.append(Cell([p + (fault,) for p in SETTLING], "target",
                              "%s at RELEASED, GO said, ACCEPTED, STARTED said, DONE"
                              % fault.__name__.replace("_", " ")))
        cells += [one(side, m, fault, "either") for side, m in PHASES]
    cells.append(one("source", "write:RELEASED", cut, "target"))
    # the daemon ends with it, by itself: no other moment may stop it
    cells += [one(side, m, kill_keeper, "either") for side, m in PHASES]
    cells += [one(side, m, kill_keeper, "target") for side, m in SETTLING]
    # where xl is connected, and once: xl does not come back
    cells += [one("source", m, kill_control, "either") for m in (
        "+sync:SENDING", "+sync:SENT")]
    cells += [one("source", m, kill_control, "target") for m in (
        "+sync:RELEASED", "+say:GO")]
    return cells


def powers():
    """Who loses the only copy, loses the guest."""
    lost = [("source", "+sync:SENDING", "none"), ("target", "+sync:LOADING", "source"),
            ("target", "say:READY", "source"), ("target", "+sync:READY", "source"),
            ("target", "+heard:GO", "source"), ("target", "+sync:ACCEPTED", "none"),
            ("target", "+say:STARTED", "none"), ("source", "+sync:SENT", "any"),
            ("source", "+say:GO", "target"), ("source", "+sync:DONE", "target")]
    both = [("source", "+sync:SENDING"), ("source", "+sync:SENT"),
            ("target", "+sync:READY"), ("source", "+sync:RELEASED"),
            ("target", "+sync:ACCEPTED"), ("source", "+sync:DONE")]
    return ([one(side, m, power, want) for side, m, want in lost] +
            [one(side, m, power_both, "none") for side, m in both])


def programs():
    """xl on either side, and secmig-xl at work."""
    cells = [one("source", m, kill_xl, want) for m, want in (
        ("+sync:SENDING", "source"), ("+sync:SENT", "either"), ("+heard:READY", "either"),
        ("+sync:RELEASED", "target"), ("+say:GO", "target"))]
    # one that is killed when the copy is whole may have said so
    cells += [one("target", "+sync:LOADING", f, want) for f, want in (
        (kill_receive, "source"), (kill_received, "either"))]
    cells += [one("source", "+sync:SENDING", kill_helper, "source"),
              one("target", "+sync:LOADING", kill_helper, "source")]
    cells += [one(side, m, kill_starting, "either") for side, m in (
        ("source", "run:dialer"), ("source", "run:peer"), ("source", "run:judge"),
        ("target", "run:peer"), ("target", "run:judge"))]
    cells += [
        Cell([("target", "run:start", kill_secmig_xl), ("source", "run:destroy",
                                                       kill_secmig_xl)], "target",
             "secmig-xl killed while it starts, and while it destroys"),
        Cell([("source", "run:hold", kill_secmig_xl), ("source", "run:resume",
                                                      kill_secmig_xl),
              ("target", "run:discard", kill_secmig_xl)], "source",
             "secmig-xl killed while it holds, resumes and discards",
             first=("source", "+sync:SENT", kill_peer))]
    return cells


def disks():
    """The journal fails at a record."""
    cells = [one("source", m, f, "either") for m, f in (
        ("write:SENT", eio), ("write:RELEASED", enospc), ("sync:RELEASED", eio),
        ("write:RELEASED", short), ("sync:RELEASED", eio_on),
        ("write:RELEASED", read_only))]
    cells += [one("target", m, f, "either") for m, f in (
        ("write:READY", eio), ("sync:READY", eio), ("write:READY", read_only))]
    cells += [
        Cell([("target", "write:ACCEPTED", f), ("source", "write:DONE", f),
              ("target", "write:ACCEPTED-acted", f), ("source", "write:DONE-acted", f)],
             "target", "%s at ACCEPTED, DONE and their marks" % f.__name__)
        for f in (eio, enospc, short, eio_on)]
    cells += [
        Cell([("target", "write:ACCEPTED", read_only), ("source", "write:DONE", read_only)],
             "target", "read only at ACCEPTED and DONE"),
        Cell([("target", "sync:ACCEPTED", eio), ("source", "sync:DONE", eio),
              ("target", "sync:CLOSED", eio), ("source", "sync:CLOSED", eio)],
             "target", "eio when ACCEPTED, DONE and CLOSED are made durable")]
    return cells


def owners():
    return [one("source", "+sync:SENDING", destroy, "none"),
            one("source", "+heard:READY", destroy, "none")]


def grid():
    """All but the sample; breadth first, so that a run that is ended early
    has tried each kind."""
    parts = [kills(), phases(), powers(), programs(), disks(), owners()]
    cells = [cell for part in parts for cell in part]
    chains = [c for c in cells if len(c.plan) > 1]
    rest = [c for c in cells if len(c.plan) == 1]
    random.Random(5).shuffle(rest)
    return chains + rest


# ---- random schedules ----

DRAWN = [(side, moment) for side, moments, _ in BEFORE for moment in moments.split()]
DRAWN += [(side, moment) for side, states, rest, _ in SIDES.values()
          for moment in rest + [w + s for w in WRITTEN for s in states]]
DISK = (eio, enospc, short, eio_on)
STARTING = ("run:dialer", "run:peer", "run:judge")


def suits(moment, fault):
    if fault in DISK:
        return moment.startswith(("write:", "sync:")) and (
            fault is not short or moment.startswith("write:"))
    if fault is kill_secmig_xl:
        return moment.startswith("run:") and moment not in STARTING
    if fault is kill_starting:
        return moment in STARTING
    if fault in (kill_receive, kill_received, kill_helper):
        return moment == "+sync:LOADING"
    # in a child, the daemon goes on meanwhile: only what needs no stop
    return not moment.startswith("run:") or fault in (kill_daemon, kill_both)


def drawn(seed):
    """Up to four faults at random moments of both sides."""
    rng = random.Random(seed)
    plan, taken = [], set()
    for _ in range(rng.choice((2, 2, 3, 3, 4))):
        side, moment = rng.choice(sorted(set(DRAWN) - taken))
        taken.add((side, moment))
        kinds = [f for f in faults.WORDS if suits(moment, f) and f is not destroy]
        plan.append((side, moment, rng.choice(kinds)))
    want = "any" if any(f in faults.POWER for _, _, f in plan) else "either"
    return Cell(plan, want, "seed %d: %s" % (seed, ", ".join(
        "%s %s %s" % (s, m, f.__name__) for s, m, f in plan)), loose=True)
