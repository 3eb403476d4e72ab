# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to hold after a migration with faults: where the guest is, what xl
was told, and for how long the guest stood still."""
import os
import threading
import time

from faults import D, DISK, LASTING, LET_GO
from lab import host

LOAD = 8                # that the limits bear; beyond it they grow with it
KILLED, IN_DOUBT = -9, 32
# Those that cannot hold an answer up for verdict-timeout.
BRIEF = {"twice", "self", "done", "xl", "stop", "stop-xl", "clock+", "clock-"} | (
    set(DISK) - LASTING)
# Those after which nobody knows that something was to come.
UNHEARD = {"drop", "late", "role"}
# Those that end the source's daemon, or what xl talks to, or leave xl alone
# for so long that it may think so.
DEAF = {"kill", "keeper", "control", "self", "stop-long", "stop-keeper",
        "stop-control"} | LASTING


class Broken(Exception):
    """Something that must never be."""


class Watch(threading.Thread):
    """The longest time that a guest stood still."""

    def __init__(self, guest):
        super().__init__(daemon=True)
        self.guest = guest
        self.longest = 0.0
        self.over = threading.Event()
        self.start()

    def run(self):
        seen, since = None, time.monotonic()
        while not self.over.wait(0.02):
            try:
                with open(self.guest.disk) as f:
                    now = f.read()
            except OSError:
                continue
            if now and now != seen:
                t = time.monotonic()
                if seen is not None:
                    self.longest = max(self.longest, t - since)
                seen, since = now, t

    def end(self):
        self.over.set()
        self.join()
        return self.longest


def busy():
    """How much more the machine has to do than the limits bear, as a
    factor; 1: not more."""
    return max(1.0, os.getloadavg()[0] / LOAD)


# ---- how long it stood still ----

def still(run):
    """The longest time that the guest may stand still in that run: as long
    as the faults lasted, what restarts took included; the deadlines that may
    be waited for; and 2 s, with the time that the machine takes."""
    lasted = run.last - run.first if run.first else 0.0
    kinds = [p[2] for p in run.fired if p[2] != "none"]
    if not kinds:
        return float("inf")     # it has shown nothing
    wait = 0.0
    if ("A", "+write:RELEASED") in run.passes:
        # calls: each after twice the time of the one before
        wait = lasted + D["settle-interval"]
    elif ("A", "+write:SENT") in run.passes:
        wait = D["ready-timeout"]
    for k in kinds:
        if k in UNHEARD:
            wait += max(D["ready-timeout"], D["verdict-timeout"])
        elif k in DISK or k in ("self", "done"):
            wait += 1           # it is tried again
    return lasted + wait + 2 * host.SCALE + host.SOON * busy()


# ---- what xl was told ----

def hit(run, side, kinds):
    """Whether one of those has hit that side."""
    return [f for s, _, f in run.fired if s == side and f in kinds]


def hit_both(run):
    """Whether both hosts lost their power."""
    return any(f == "power-both" for _, _, f in run.fired)


def killed(run):
    """xl of the source was killed.  By whom?"""
    if hit(run, "A", ("xl", "stop-xl")):
        return
    if "does not let go of the guest: killing it" not in (
            run.sides["A"].log()):
        raise Broken("xl was killed, and nothing of the plan has done it")
    if run.took < LET_GO - 2:
        raise Broken("xl was killed after %.1f s: it has 10 s to let go"
                     % run.took)


def in_doubt(run, out):
    """xl was told that it is not known yet.  Was it too early, or could it
    not have been known?"""
    kinds = {f for _, _, f in run.fired}
    steps = out["steps"]
    # or when it had the guest to hand over
    if "went away" in out["text"] or "given" not in steps:
        if not (hit(run, "A", DEAF) or "kill-both" in kinds or
                busy() > 1):
            raise Broken("xl was told %d (%s), and nothing of the plan has "
                         "ended the daemon" % (out["code"], out["text"]))
        return
    waited = steps["verdict"] - steps["given"]
    if waited < D["verdict-timeout"] - 0.1:
        raise Broken("xl was told %d after %.1f s: %s" % (
            out["code"], waited, out["text"]))
    if run.fired and kinds <= BRIEF and busy() == 1:
        raise Broken("xl was told %d (%s), and nothing of the plan lasts for "
                     "so long" % (out["code"], out["text"]))


def told(run, out):
    code, owner = out["code"], run.owner
    if hit(run, "A", ("power", "power-kept")) or hit_both(run):
        return                  # whoever was to hear it has gone, too
    if code == KILLED:
        killed(run)
    elif code == IN_DOUBT:
        in_doubt(run, out)
    elif owner != "lost" and (owner == "B") != (code == 0):
        raise Broken("xl was told %d (%s), and the guest runs at the %s" % (
            code, out["text"], "source" if owner == "A" else "destination"))


def excused(run):
    """Whether a guest may run at the destination although that was undone: a
    GO that is under way arrives with the light, and a source that has lost
    the guest with its power says GO."""
    return hit(run, "A", ("power", "power-kept")) or any(
        f.startswith("dark") for _, _, f in run.fired)


def judge(run, out):
    """Where it has ended, and what xl was told."""
    g = run.guest
    try:
        with open(run.lab.shared + "/violations") as f:
            raise Broken("TWO COPIES: " + f.read().strip())
    except FileNotFoundError:
        pass
    run.owner, trouble = run.world()
    if trouble:
        raise Broken(trouble)
    told(run, out)
    if run.owner == "lost":
        return "lost", "lost"
    if hit_both(run):
        raise Broken("both hosts lost their power, and it runs at %s"
                     % run.owner)
    if run.owner == "B" and run.undone and not excused(run):
        raise Broken("it was undone before GO was heard, and it runs there")
    if not g.goes_on():
        raise Broken("%s stands still on %s" % (g.name, run.owner))
    return run.owner, "told" if out["code"] != IN_DOUBT else "in doubt"
