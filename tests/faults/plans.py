# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which cells the grid has, and what random schedules draw from."""
import random

from cells import Broken, Run
from faults import DISK, FAULTS, NEEDS, STEPS

KINDS = ("", "refuse", "abort", "undo")     # of a migration: cells.Run
WORDS = {"": "", "refuse": " (refused)", "abort": " (aborted)",
         "undo": " (undone)"}
CHILDREN = ("judge", "dialer", "vault", "peer", "control")
VERBS = ("start", "resume", "destroy", "discard", "hold", "look")
# What happens to whole hosts, while one of their children begins.
HOSTS = ("kill", "kill-both", "power", "keeper", "cut", "dark", "stop",
         "clock+")
TRIES = 3               # of a survey
# What a migration has to be hit by that somebody ends.
ENDS = ("kill", "kill-both", "power", "power-both", "peer", "keeper", "xl",
        "self", "done", "cut", "dark", "dark-out", "dark-in", "stop-long",
        "clock+", "drop", "twice", "late", "role", "eio", "eio!", "erofs!",
        "short")
# Where each kind of migration begins to differ, and what it has to pass.
PARTS = {"refuse": ("A +given", "A +heard:REFUSED"),
         "abort": ("B +sync:READY", "B +heard:ABORT"),
         "undo": ("A +sync:RELEASED", "B +heard:CANCEL")}


# ---- which cells ----

def survey(lab, kind):
    """What a migration passes, in order: [(side, name)], and who is alive
    there: {(side, name): kinds of processes}."""
    plan = [] if kind else [(side, "xl:" + s, "none") for side in STEPS
                            for s in STEPS[side]]
    run = Run(lab, plan, kind)
    order, alive = [], {}

    def passed(side, name):
        n = run.passes.get((side, name), 0)
        if n > 1 and name[:4] == "run:" and name[4:] in CHILDREN:
            name = "%s#%d" % (name, n)
        if (side, name) not in alive:
            order.append((side, name))
            alive[side, name] = {k for k in NEEDS.values()
                                 if run.pids(side, k)}

    run.seen = passed
    out = run.go()
    lab.guests.clear()
    lab.senders.clear()
    for h in lab.hosts:
        h.destroy_all()
    if kind and tuple(PARTS[kind][1].split()) not in alive:
        raise Broken("it was not%s: no %s, told %d: %s" % (
            WORDS[kind], PARTS[kind][1], out["code"], out["text"]))
    return order, alive


def boundaries(lab, kind):
    """As survey(); a machine may be too busy for one."""
    for n in range(TRIES):
        try:
            return survey(lab, kind)
        except Broken as e:
            if n == TRIES - 1:
                raise
            print("# surveyed again: %s" % e, flush=True)


def suits(name, fault, alive=None):
    """Whether that fault means something there.  alive: what runs there, if
    it is known."""
    step = name.startswith("xl:")
    child = name.startswith("run:") and name[4:].partition("#")[0]
    if child in CHILDREN:
        return fault in ("self", "stop-self") or (
            fault in HOSTS and "#" not in name)
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
    if fault in NEEDS and alive is not None:
        return NEEDS[fault] in alive
    return True


def whole(lab, kinds=KINDS):
    """Every cell: (plan, kind)."""
    out = []
    for kind in kinds:
        order, alive = boundaries(lab, kind)
        for _ in range(2):          # what is about to end is not there
            again = boundaries(lab, kind)[1]
            # and a message that is not sent each time is no moment
            order = [m for m in order if m in again or
                     not m[1].startswith("wire:")]
            for m, there in again.items():
                alive[m] = alive.get(m, there) & there
        if kind:                    # up to there nothing tells them apart
            order = order[order.index(tuple(PARTS[kind][0].split())):]
        faults = ENDS if kind in ("abort", "undo") else FAULTS + DISK
        for m in order:
            out += [([m + (f,)], kind) for f in faults
                    if suits(m[1], f, alive[m])]
    return out


def pick(side, names, faults, kind=""):
    return [([(side, n, f)], kind) for n in names.split()
            for f in faults.split()]


def sample():
    """The cells of make check: each durable state, each fact, each fault."""
    return (
        pick("A", "run:dialer wire:handshake1 wire:message1", "kill")
        + pick("B", "wire:handshake1", "dark")
        + pick("B", "wire:message1", "power")
        + pick("A", "xl:mid xl:suspended", "kill xl")
        + pick("A", "xl:given", "xl power")
        + pick("A", "+sync:SENT +sync:RELEASED say:GO", "kill power")
        + pick("A", "+sync:RELEASED", "dark power-both")
        + pick("A", "+heard:READY +heard:STARTED", "kill-both peer")
        + pick("A", "write:RELEASED", "eio enospc short")
        + pick("A", "write:DONE", "eio! clock+")
        + pick("A", "+sync:RELEASED", "keeper stop-long stop-peer")
        + pick("A", "+sync:SENT", "stop-xl")
        + pick("A", "+given", "control")
        + pick("A", "run:judge run:destroy", "self")
        + pick("A", "run:destroy", "done stop-self")
        + pick("B", "xl:stream", "kill")
        + pick("B", "xl:received", "xl")
        + pick("B", "+sync:READY +heard:GO +sync:ACCEPTED run:start",
               "kill power")
        + pick("B", "+sync:READY", "dark-in")
        + pick("B", "run:start", "self done")
        + pick("B", "+sync:ACCEPTED", "keeper stop-long power-both")
        + pick("B", "+write:READY", "power-kept cut")
        + pick("B", "sync:ACCEPTED", "eio eio! erofs! clock-")
        + pick("B", "say:STARTED", "kill late")
        + pick("A", "+heard:READY", "role")
        + pick("A", "+heard:REFUSED", "kill", "refuse")
        + pick("A", "run:resume", "done", "refuse")
        + pick("B", "+sync:REFUSED", "kill power", "refuse")
        + pick("A", "+sync:ABORTED", "kill", "abort")
        + pick("B", "+heard:ABORT", "power", "abort")
        + pick("A", "say:CANCEL", "dark", "undo")
        + pick("B", "+sync:REFUSED", "kill", "undo"))


# What random schedules choose from, in words of their own, so that a seed
# means the same for as long as these do.

def records(side, states):
    return [(side, mark + do + state) for mark in ("", "+")
            for do in ("write:", "sync:") for state in states.split()]


def facts(side, say, heard):
    return [(side, mark + "say:" + fact) for mark in ("", "+")
            for fact in say.split()] + [
        (side, "+heard:" + fact) for fact in heard.split()]


# What hits there ends the migration, and what was to come does not.
EARLY = [(side, "xl:" + s) for side in STEPS for s in STEPS[side]] + (
    [("A", "wire:handshake%d" % n) for n in (1, 2)]
    + [("B", "wire:handshake1"), ("A", "wire:message1"),
       ("B", "wire:message1")]
    + records("A", "SENDING") + records("B", "LOADING")
    + [("B", "run:room")])
ALWAYS = records("A", "SENT CLOSED") + records("B", "CLOSED") + [
    ("A", "run:hold"), ("A", "run:look"), ("A", "+given"), ("A", "result"), ("A", "+result")]
STAYS = (records("A", "ABORTED ABORTED-acted") + [("A", "run:resume")]
         + records("B", "REFUSED REFUSED-acted") + [("B", "run:discard")])
MOMENTS = {
    "": ALWAYS + records("A", "RELEASED DONE DONE-acted")
    + records("B", "READY ACCEPTED ACCEPTED-acted")
    + facts("A", "GO SETTLED", "READY STARTED SETTLED")
    + facts("B", "READY STARTED SETTLED", "GO SETTLED")
    + [("A", "run:destroy"), ("B", "run:start")],
    "refuse": ALWAYS + STAYS + facts("A", "ABORT", "REFUSED")
    + facts("B", "REFUSED", "ABORT"),
    "abort": ALWAYS + STAYS + records("B", "READY")
    + facts("A", "ABORT", "READY REFUSED")
    + facts("B", "READY REFUSED", "ABORT"),
    "undo": ALWAYS + STAYS + records("A", "RELEASED") + records("B", "READY")
    + facts("A", "CANCEL", "READY REFUSED")
    + facts("B", "READY REFUSED", "CANCEL"),
}


def draw(rng, kind, faults, early=0.1):
    """A random fault at a moment of such a migration, or, as one that came
    before it may have turned it into another, of any."""
    if rng.random() < 0.1:
        kind = rng.choice(KINDS)
    side, name = rng.choice(EARLY if rng.random() < early else
                            MOMENTS[kind])
    return side, name, rng.choice([f for f in faults if suits(name, f)])


def schedule(seed, again=0):
    """A random plan: up to four faults, on both sides."""
    rng = random.Random("%d/%d" % (seed, again))
    kind = rng.choices(KINDS, (14, 3, 2, 1))[0]
    n = rng.choice((1, 2, 2, 3, 3, 4))
    return [draw(rng, kind, FAULTS + DISK, 0.5 if n == 1 else 0.1)
            for _ in range(n)], kind
