# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab in which a handover is held in doubt: the cable between A and B goes
dark at a moment of choice (../faults/point.c), both daemons live on, and each
answers whoever asks it."""
import os
import sys
import time

import case
import host
from case import check, equal

sys.path.insert(0, os.path.join(host.TOP, "tests/faults"))
import lab as faultlab                                          # noqa: E402

BUSY, IN_DOUBT = 26, 32
D = host.DEADLINES


class Lab(faultlab.Lab):
    """Whatever A says to B goes over the cable."""

    def begin(self, name):
        super().begin(name)
        self.a.dial("hostB", self.cable.address)
        for h in self.hosts:
            h.points.passed.clear()

    def finish(self, strict):
        for h in self.hosts:
            h.on_pass = lambda name, pid: "go"
        self.cable.lighten()
        problem = super().finish(strict)
        del self.cable.sessions[:]
        return problem


def make_lab(names=("hostA", "hostB")):
    if host.SANITIZED:
        raise case.Skip("sanitizers come before the object that tells the "
                        "moments")
    return Lab(names=names)


def dark_at(lab, h, name):
    """The cable goes dark when the daemon of `h` passes that point first."""
    def on_pass(point, _):
        if point == name:
            h.on_pass = lambda name, pid: "go"
            lab.cable.darken()
        return "go"
    h.on_pass = on_pass


def is_dark(lab):
    """It is: what the journal shows was written a little before."""
    check(host.wait_until(lambda: lab.cable.down, 10),
          "the cable has not gone dark")


def is_open(h, g, *states):
    """The guest's newest record there is open, and in that state."""
    check(host.wait_until(lambda: [(r["state"], r["closed"]) for r in
                                   h.records(g)][-1:] in
                          [[(s, False)] for s in states], 10),
          "%s: %s, expected %s" % (h.name, h.records(g), states))


# Who says, or writes, something at that moment; what is written then.
DOUBT = {"released": ("A", "say:GO", "RELEASED", "READY"),
         "sent": ("B", "say:READY", "SENT", "READY"),
         "accepted": ("B", "say:STARTED", "RELEASED", "ACCEPTED")}


def in_doubt(lab, g, how="released"):
    """A migration of `g` to B that is stuck like that.  What xl was told, or
    the Migration where it has not been told yet."""
    who, point, source, destination = DOUBT[how]
    dark_at(lab, lab.a if who == "A" else lab.b, point)
    m = lab.migrate(g)
    is_open(lab.a, g, source)
    is_open(lab.b, g, destination)
    is_dark(lab)
    if how == "sent":
        return m
    out = m.wait()
    equal(out["code"], IN_DOUBT, "told: %s" % out["text"])
    return out


def closed(lab, g):
    return all(r["closed"] for h in lab.hosts for r in h.records(g))


def settles(lab, g, on, limit=30):
    """By itself, in that time; how long it took."""
    began = time.monotonic()
    check(host.wait_until(lambda: not g._trouble(on) and closed(lab, g),
                          limit, 0.05), "not settled in %d s: %s, %s" % (
        limit, g._trouble(on), [h.records(g) for h in lab.hosts]))
    took = time.monotonic() - began
    g.must_run_on(on)
    return took
