# SPDX-License-Identifier: LGPL-2.1-or-later
"""One migration with faults at named moments, and what has to hold after it.

A moment is (side, name): a point of that side's daemon (point.c), or xl:STEP,
a step of that side's xl (twohost/doubles).  A plan is a list of (side, name,
fault), each done once, when its moment comes.
"""
import os
import signal
import threading
import time

from lab import host, wait_until

D = host.DEADLINES
LIMIT = 30.0            # decided, once both hosts are up and talk
STEPS = {"A": ["connected", "asked", "answered", "stream", "mid",
               "suspended", "sent", "closed", "given"],
         "B": ["start", "banner", "header", "config", "stream",
               "received"]}
# Those that a point can answer with.
DISK = ["eio", "enospc", "short", "eio!"]
FAULTS = ["kill", "kill-both", "power", "power-kept", "peer", "keeper",
          "control", "xl", "self", "done", "cut", "dark", "dark-out",
          "dark-in", "stop", "stop-long", "stop-peer", "stop-keeper",
          "stop-control", "stop-xl", "stop-self", "clock+", "clock-",
          "drop", "twice", "late", "role"]
# What a fact is taken for that is not the other side's to say.
FOREIGN = {"READY": "GO", "REFUSED": "ABORT", "STARTED": "CANCEL",
           "GO": "STARTED", "ABORT": "READY", "CANCEL": "REFUSED"}
FACTS = ["?", "READY", "GO", "ABORT", "CANCEL", "REFUSED", "STARTED",
         "SETTLED"]
# Those that need a process of that kind.
NEEDS = {"peer": "peer", "keeper": "keeper", "control": "control",
         "xl": "xl", "stop-peer": "peer", "stop-keeper": "keeper",
         "stop-control": "control", "stop-xl": "xl"}
STOPPED = max(D[k] for k in ("answer-timeout", "idle-timeout",
                             "finish-timeout", "ready-timeout",
                             "verdict-timeout")) + 2
LET_GO = 12             # and xl that keeps a guest has 10 s, always
YEARS = 10 * 365 * 86400

WORDS = {
    "kill": "kill -9 of the daemon",
    "kill-both": "kill -9 of both daemons",
    "power": "power cut; what was not synced is lost",
    "power-kept": "power cut; all that was written is kept",
    "peer": "kill -9 of the process that talks to the network",
    "keeper": "kill -9 of the process that holds the keys",
    "control": "kill -9 of the process that talks to xl",
    "xl": "kill -9 of xl",
    "self": "kill -9 of a judge, dialer, vault, peer, control process or "
            "secmig-xl as it starts",
    "done": "kill -9 of secmig-xl when it has done its work",
    "cut": "link cut for a second, connections lost",
    "dark": "link silent beyond the deadlines, all delivered then",
    "dark-out": "the same, only from source to destination",
    "dark-in": "the same, only from destination to source",
    "stop": "daemon stopped (SIGSTOP) for 2 s",
    "stop-long": "daemon stopped beyond all deadlines",
    "stop-peer": "the process that talks to the network, likewise",
    "stop-keeper": "the process that holds the keys, likewise",
    "stop-control": "the process that talks to xl, likewise",
    "stop-xl": "xl, likewise",
    "stop-self": "a judge, dialer, vault, peer, control process or secmig-xl "
                 "stopped as it starts, beyond all deadlines",
    "clock+": "clock 10 years on", "clock-": "clock 10 years back",
    "drop": "a fact is lost", "twice": "a fact is said twice",
    "late": "a fact is held, and said after a later one",
    "role": "a fact turns into one that is the other side's to say",
    "eio": "EIO from the journal, once", "eio!": "EIO from then on",
    "enospc": "ENOSPC from the journal, once",
    "short": "half a record written, then EIO",
}


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


class Run:
    def __init__(self, lab, plan, refuse=False):
        self.lab = lab
        self.sides = {"A": lab.a, "B": lab.b}
        self.todo = [p for p in plan]
        self.refuse = refuse        # the destination's xl fails at the end
        self.lock = threading.RLock()
        self.heals = []             # (when, what)
        self.lost = False           # the only copy went with its host
        self.fired = []             # what has hit something
        self.seen = lambda side, name: None     # told of each moment
        self.passes = {}            # (side, name): how often
        self.held = set()           # sides that have a fact to say again
        self.tools = {"A": {}, "B": {}}     # misbehaviour of the doubles
        self.guest = self.m = None

    # ---- faults ----

    def later(self, seconds, what):
        self.heals.append((time.monotonic() + seconds, what))

    def back(self, h):
        """Supervised: the daemon comes back."""
        def again():
            if not h.up():
                if h.daemon:
                    h.daemon.wait()
                h.launch()
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
            self.later(1, cable.lighten)
        elif fault.startswith("dark"):
            cable.darken(*[fault[5:]] if fault[5:] else [])
            self.later(D["idle-timeout"] + 2,
                       lambda: cable.lighten(deliver=True))
        elif fault.startswith("clock"):
            h.clock(YEARS if fault == "clock+" else -YEARS)
        elif fault in DISK:
            if fault == "eio!":     # until somebody sees to it
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
        with self.lock:
            n = self.passes[side, name] = self.passes.get((side, name), 0) + 1
            self.seen(side, name)
            names = (name, "%s#%d" % (name, n)) if n > 1 else (name,)
            for p in self.todo:
                if p[0] == side and p[1] in names:
                    word = self.fire(side, p[1], p[2], pid)
                    self.todo.remove(p)
                    if word:
                        self.fired.append(p)
                    return word or "go"
            if side in self.held and name.startswith("say:"):
                self.held.remove(side)
                return "again"
        return "go"

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
        if self.refuse:
            want["die-at"] = "received"
        self.tools["B"]["xl"] = want
        self.lab.b.control(**self.tools["B"])

    def tend(self):
        """What is due."""
        now = time.monotonic()
        for h in [x for x in self.heals if x[0] <= now]:
            self.heals.remove(h)
            h[1]()
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
        try:
            return self.migrate()
        finally:
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
        self.mend()
        if [p for p in self.fired if p[2] in DISK and
                p[1].endswith((":SENDING", ":LOADING"))]:
            self.another()
        took = self.settle()
        # the last moments come when all is settled already
        while wait_until(self.pending, 1 if self.todo else 0.1):
            took = max(took, self.settle())
        owner, verdict = self.judge(out)
        stopped = watch.end()
        return {"owner": owner, "code": out["code"], "settled": took,
                "stopped": stopped, "text": out["text"],
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
        """Seconds until all is decided and done on both sides."""
        lab, g = self.lab, self.guest
        began = time.monotonic()
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
        if not wait_until(done, LIMIT, 0.05):
            raise Broken("not settled in %d s: %s; now %s" % (
                LIMIT, missing[0], self.picture()))
        took = time.monotonic() - began

        def clean():
            self.mend()
            return not lab.traces()
        if not wait_until(clean, D["answer-timeout"] + host.ROOM, 0.05):
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

    def judge(self, out):
        """Where it has ended, and what xl was told."""
        g = self.guest
        try:
            with open(self.lab.shared + "/violations") as f:
                raise Broken("TWO COPIES: " + f.read().strip())
        except FileNotFoundError:
            pass
        self.owner, trouble = self.world()
        if trouble:
            raise Broken(trouble)
        if self.owner == "lost":
            return "lost", "lost"
        if not g.goes_on():
            raise Broken("%s stands still on %s" % (g.name, self.owner))
        code = out["code"]
        if code == 0 and self.owner != "B":
            raise Broken("xl was told that it runs there, and it runs here")
        if code not in (0, -9, 32) and self.owner != "A":
            raise Broken("xl was told %d (%s), and the guest runs there"
                         % (code, out["text"]))
        return self.owner, "told" if code != 32 else "in doubt"

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
