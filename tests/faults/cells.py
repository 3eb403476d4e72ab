# SPDX-License-Identifier: LGPL-2.1-or-later
"""One migration with faults at named moments, and what has to hold after it.

A moment is (side, name): a point of that side's daemon (point.c), xl:STEP, a
step of that side's xl (twohost/doubles), or wire:FRAME, which that side has
sent and which has not arrived: what the hosts say to each other before the
first byte of the guest.  A plan is a list of (side, name, fault), each done
once, when its moment comes.
"""
import os
import signal
import subprocess
import threading
import time

import judge
from faults import (D, DISK, FACTS, FOREIGN, LASTING, LET_GO, LIMIT, NEEDS,
                    STEPS, STOPPED, YEARS)
from judge import Broken, Watch
from lab import host, wait_until

STATE_STREAM = 1        # of a record: the guest itself (docs/protocol.md)


class Run:
    """kind: "" the destination takes the guest; "refuse" its xl fails at the
    end; "abort" somebody ends it at the source, while the destination holds
    a whole copy and is about to say so; "undo" the link goes dark when the
    source has released the guest, and somebody undoes that there."""

    def __init__(self, lab, plan, kind=""):
        self.lab = lab
        self.sides = {"A": lab.a, "B": lab.b}
        self.todo = [p for p in plan]
        self.kind = kind
        self.lock = threading.RLock()
        self.heals = []             # (when, what)
        self.lost = False           # the only copy went with its host
        self.fired = []             # what has hit something
        self.seen = lambda side, name: None     # told of each moment
        self.passes = {}            # (side, name): how often
        self.held = set()           # sides that have a fact to say again
        self.tools = {"A": {}, "B": {}}     # misbehaviour of the doubles
        self.guest = self.m = None
        self.first = self.last = None   # when the first fault struck; when
        #                             the last one did, or its end was mended
        self.dark_until = 0.0
        self.operator = None        # the command that somebody has typed
        self.undone = False         # it was undone, and nobody had heard GO
        self.took = 0.0             # until xl ended
        self.wire = None            # the connection whose frames are moments

    # ---- faults ----

    def later(self, seconds, what):
        self.heals.append((time.monotonic() + seconds, what))

    def back(self, h):
        """Supervised: the daemon comes back."""
        def again():
            if h.up():
                return
            if h.daemon:
                h.daemon.wait()
            fired = len(self.fired)
            try:
                h.launch()
            except AssertionError:
                if h.up() or h.daemon.returncode == -signal.SIGKILL:
                    return          # another fault, which sees to its return
                if len(self.fired) == fired:
                    raise
                # one has hit its start: whoever starts services tries again
                self.later(0.3, again)
        self.later(0.3, again)

    def falls(self, h, limit):
        """What the daemon cannot live without has gone: it ends, and comes
        back."""
        def look():
            if not h.up():
                self.back(h)
            elif time.monotonic() > limit:
                raise Broken("%s lives on without its keeper" % h.name)
            else:
                self.later(0.05, look)
        self.later(0, look)

    def power(self, side, kept):
        h = self.sides[side]
        if self.lab.only_copy(self.guest, side, kept):
            self.lost = True
        h.power_off(not kept)
        h.boot()
        self.back(h)

    def pids(self, side, what):
        """Processes that are there at this moment."""
        h = self.sides[side]
        if what == "xl" and side == "A":
            wait_until(lambda: self.m, 5)
            return [self.m.p.pid] if self.m.p.poll() is None else []
        if what == "xl":
            return [e["pid"] for e in h.events("xl", "argv")
                    if "/toy/xl" in host.cmdline(e["pid"])]
        return h.processes(what)

    def power_both(self):
        """Whatever either had of the guest is gone, wherever it was."""
        self.lost = True
        for h in self.lab.hosts:
            h.kill()
        for h in self.lab.hosts:
            h.power_off()
        for h in self.lab.hosts:
            h.boot()
            self.back(h)

    def stop(self, pids, seconds):
        for p in pids:
            kill(p, signal.SIGSTOP)
            self.later(seconds, lambda p=p: kill(p, signal.SIGCONT))

    def fire(self, side, name, fault, pid):
        """Do it; what a point is to be answered, or None if there was
        nothing that it could have hit."""
        h, cable = self.sides[side], self.lab.cable
        pids = [pid]
        if fault in NEEDS:          # xl may be ahead of it
            pids = wait_until(lambda: self.pids(side, NEEDS[fault]),
                              2 if name.startswith("xl:") else 0)
        if not pids:
            return None
        if fault in ("kill", "kill-both"):
            for x in [h] if fault == "kill" else self.lab.hosts:
                x.kill()
                self.back(x)
        elif fault in ("power", "power-kept"):
            self.power(side, fault == "power-kept")
        elif fault == "power-both":
            self.power_both()
        elif fault in ("peer", "control", "xl", "keeper", "self"):
            for p in pids:
                kill(p)
            if fault == "keeper":
                self.falls(h, time.monotonic() + 5)
        elif fault == "done":
            self.tools[side]["secmig-xl"] = {name.split(":")[1]: {
                "after": True, "kill": True, "times": 1}}
            h.control(**self.tools[side])
        elif fault in ("stop", "stop-long"):
            self.stop([h.daemon.pid], 2 if fault == "stop" else STOPPED)
        elif fault.startswith("stop-"):
            self.stop(pids, LET_GO if fault == "stop-xl" else STOPPED)
        elif fault == "cut":
            cable.darken()
            self.dark_until = time.monotonic() + 1
            self.later(1, cable.lighten)
        elif fault.startswith("dark"):
            cable.darken(*[fault[5:]] if fault[5:] else [])
            self.dark_until = time.monotonic() + D["idle-timeout"] + 2
            self.later(D["idle-timeout"] + 2,
                       lambda: cable.lighten(deliver=True))
        elif fault.startswith("clock"):
            h.clock(YEARS if fault == "clock+" else -YEARS)
        elif fault in DISK:
            if fault in LASTING:
                self.later(3, h.kill)
                self.later(3, lambda: self.back(h))
            return fault
        elif fault in ("drop", "twice"):
            return fault
        elif fault == "late":
            self.held.add(side)
            return "keep"
        elif fault == "role":
            heard = name.split(":")[1]
            return "as%d" % FACTS.index(FOREIGN.get(
                heard, "GO" if side == "A" else "STARTED"))
        elif fault != "none":
            raise ValueError(fault)
        return "go"

    def moment(self, side, name, pid=0):
        """A point is passed, or a step of xl; the word for it.  NAME#2 is
        its second passing."""
        if not self.operator and (self.kind, side, name) == (
                "abort", "B", "say:READY"):
            self.give_up()
        with self.lock:
            n = self.passes[side, name] = self.passes.get((side, name), 0) + 1
            self.seen(side, name)
            if not self.operator and (self.kind, side, name) == (
                    "undo", "A", "+sync:RELEASED"):
                self.undo()
            names = (name, "%s#%d" % (name, n)) if n > 1 else (name,)
            for p in self.todo:
                if p[0] == side and p[1] in names:
                    self.first = self.first or time.monotonic()
                    word = self.fire(side, p[1], p[2], pid)
                    self.last = time.monotonic()
                    self.todo.remove(p)
                    if word:
                        self.fired.append(p)
                    return word or "go"
            if side in self.held and name.startswith("say:"):
                self.held.remove(side)
                return "again"
        return "go"

    def frame(self, session, frame):
        """One has been sent, and has not arrived."""
        if self.wire is None:
            self.wire = session
        if session is not self.wire:
            return
        if frame.record < 0:
            name = "wire:handshake"
        elif frame.stream == STATE_STREAM:
            self.wire = False       # from here on points tell
            return
        else:
            name = "wire:message"
        n = frame.index if frame.record < 0 else frame.record
        self.moment("A" if frame.direction == "out" else "B",
                    "%s%d" % (name, n + 1))
        session.pause(frame.direction)

    # ---- people ----

    def types(self, *words):
        """Somebody types that at the source."""
        h = self.sides["A"]
        self.operator = subprocess.Popen(
            [h.build + "/secmig", "--root", h.root, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def give_up(self):
        """The copy is whole, and its host is about to say so: the source
        ends the migration before it can hear that."""
        wait_until(lambda: ("A", "+sync:SENT") in self.passes, host.ROOM)
        self.types("abort", self.guest.name)
        wait_until(lambda: ("A", "+sync:ABORTED") in self.passes, host.ROOM)

    def undo(self):
        """Nobody hears that it was released, until it was undone."""
        self.lab.cable.darken()
        self.first = self.first or time.monotonic()
        limit = time.monotonic() + 2 * host.SOON
        words = ("handover", "settle", "--undo", "--yes", self.guest.name)
        self.types(*words)

        def look():
            now = time.monotonic()
            code = self.operator.poll()
            if code == 0 and ("B", "+heard:GO") not in self.passes:
                self.undone = True
            if now < self.dark_until or code != 0 and now < limit:
                if code and self.lab.a.up():
                    self.types(*words)
                self.later(0.3, look)
            else:
                self.lab.cable.lighten()
        self.later(0.3, look)

    # ---- the run ----

    def steps(self, side):
        return [n[3:] for s, n, _ in self.todo
                if s == side and n.startswith("xl:")]

    def hold_b(self):
        """Have B's xl stop at the next step of the plan."""
        want = {}
        steps = [s for s in STEPS["B"] if s in self.steps("B")]
        if steps:
            want["hold-at"] = steps[0]
        if self.kind == "refuse":
            want["die-at"] = "received"
        self.tools["B"]["xl"] = want
        self.lab.b.control(**self.tools["B"])

    def tend(self):
        """What is due."""
        now = time.monotonic()
        for h in [x for x in self.heals if x[0] <= now]:
            self.heals.remove(h)
            h[1]()
            self.last = time.monotonic()
        for s in self.steps("A"):
            if s in self.m.steps:
                self.moment("A", "xl:" + s)
                if self.m.p.poll() is None:
                    self.m.go_on()
        for s in self.steps("B"):
            if self.lab.b.events("xl", s):
                self.moment("B", "xl:" + s)
                self.hold_b()

    def go(self):
        lab = self.lab
        for side, h in self.sides.items():
            if (side, "run:vault") in [p[:2] for p in self.todo]:
                h.stop()            # its keeper has the key already
                h.start()
            h.mark_log()
            h.clear_events()
            h.points.passed.clear()
        for side, h in self.sides.items():
            h.on_pass = lambda name, pid, side=side: self.moment(side, name,
                                                                 pid)
        lab.cable.attack = self.frame
        try:
            return self.migrate()
        finally:
            lab.cable.attack = None
            if self.operator:
                self.operator.kill()
                self.operator.wait()
            for h in lab.hosts:
                h.on_pass = lambda name, pid: "go"
                h.clock(0)
                h.control()

    def migrate(self):
        lab = self.lab
        self.guest = g = lab.guest()
        self.hold_b()
        watch = Watch(g)
        if not g.goes_on():
            raise Broken("the guest does not run to begin with")
        self.m = lab.migrate(g, size=300000, hold=",".join(self.steps("A")))
        began = time.monotonic()
        while self.m.p.poll() is None or self.heals:
            self.tend()
            if time.monotonic() - began > 90:
                raise Broken("xl does not end: %s" % self.m.steps[-1:])
            time.sleep(0.01)
        out = self.m.wait(1)
        self.took = time.monotonic() - began
        self.last = self.last or time.monotonic()
        self.mend()
        if [p for p in self.fired if p[2] in DISK and
                p[1].endswith((":SENDING", ":LOADING"))]:
            self.another()
        took = self.settle()
        # the last moments come when all is settled already
        while wait_until(self.pending, 1 if self.todo else 0.1):
            took = max(took, self.settle())
        owner, verdict = judge.judge(self, out)
        stopped = watch.end()
        limit = judge.still(self)
        if stopped > limit:
            raise Broken("stood still %.1f s, limit %.1f" % (stopped, limit))
        return {"owner": owner, "code": out["code"], "settled": took,
                "stopped": stopped, "limit": limit, "text": out["text"],
                "fired": len(self.fired), "verdict": verdict}

    def pending(self):
        """Whether there is something to mend, or about to be."""
        with self.lock:
            return bool(self.heals)

    def mend(self):
        """What fired only now: see it through."""
        while self.heals:
            self.tend()
            time.sleep(0.01)

    def another(self):
        """A migration that was refused because its first record could not
        be written is of no account; the record itself, if it is there, goes
        with the next one that is written."""
        g = self.lab.guest()
        self.todo.clear()
        self.lab.b.control()
        self.lab.migrate(g, size=1000).wait(60)
        g.must_run_on(self.lab.b, LIMIT)

    def settle(self):
        """Seconds from the last fault's end until all is decided and done on
        both sides."""
        lab, g = self.lab, self.guest
        missing = [""]

        def done():
            self.mend()
            self.owner, missing[0] = self.world()
            if not missing[0]:
                missing[0], told = lab.settled(g)
                if not missing[0] and told != self.owner and (
                        self.owner != "lost"):
                    missing[0] = "it runs on %s, by the journals on %s" % (
                        self.owner, told)
            return not missing[0]
        while not done():
            if time.monotonic() - self.last > LIMIT:
                raise Broken("not settled in %d s: %s; now %s" % (
                    LIMIT, missing[0], self.picture()))
            time.sleep(0.05)
        took = time.monotonic() - self.last

        def clean():
            self.mend()
            return not lab.traces()
        if not wait_until(clean, D["action-timeout"] + host.ROOM, 0.05):
            raise Broken(lab.traces())
        left = lab.strays()
        if left:
            raise Broken(left)
        return took

    def world(self):
        """Where the guest is, by itself and by the toy hosts' domains, and
        what speaks against that, or ""."""
        g = self.guest
        where = g.where()
        if not where and self.lost and not any(h.find(g) for h in
                                               self.lab.hosts):
            return "lost", ""
        if len(where) != 1:
            return "", "it runs on %s" % ([h.name for h in where] or
                                          "no host")
        return where[0].name[-1], g._trouble(where[0])

    def picture(self):
        """How it stands, for whoever has to find out why."""
        parts = []
        for side, h in self.sides.items():
            parts.append("%s: %s, domain %s" % (
                side, ["%s%s" % (r["state"], "" if r["closed"] else "…")
                       for r in h.records(self.guest)] if h.up() else "down",
                [(d["name"], host.fakexen.guest_state(d["uuid"], h.toy))
                 for d in h.domains()]))
        return "; ".join(parts)


def kill(pid, how=signal.SIGKILL):
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        pass
