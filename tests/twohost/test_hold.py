#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that has been handed over is held: somebody's failing command, which
resumes what is suspended (xl save, xl migrate, libvirt), lets nothing run."""
import time

import case
import doubt
import host
from case import check, equal
from doubt import closed, in_doubt, is_open, settles

fakexen = host.fakexen
UNDO = ("handover", "settle", "--undo", "--yes")


def domain(h, g):
    return h.find(g) or {}


def failing_save(h, g):
    """`xl save` of it: waits in vain for it to suspend, and resumes it."""
    with fakexen.state(h.toy) as st:
        check(fakexen.domain_resume(fakexen.find(st, uuid=g.uuid), h.toy),
              "%s is not suspended on %s" % (g.name, h.name))


def unpause(h, g):
    """xl unpause."""
    with fakexen.state(h.toy) as st:
        fakexen.domain_unpause(fakexen.find(st, uuid=g.uuid), h.toy)


def is_held(h, g):
    check(host.wait_until(lambda: domain(h, g).get("paused") and
                          domain(h, g).get("held"), 10),
          "%s is not held: %s" % (g.name, domain(h, g)))


def stands_still(lab, g, seconds=1.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        equal(g.where(), [], "runs on")
        time.sleep(0.05)


def undone(lab, g):
    """B refuses it, while nobody hears that."""
    lab.b.secmig(*UNDO, g.name)
    check(host.wait_until(lambda: lab.b.records(g)[-1]["state"] == "REFUSED",
                          10), "B: %s" % lab.b.records(g))


for _how in ("sent", "released", "accepted"):
    for _fate in ("goes", "stays"):
        if _how == "accepted" and _fate == "stays":
            continue            # too late
        @case.case("resumed by a failing command (%s, then it %s): one copy "
                   "runs" % (_how, _fate), 90)
        def _(lab, how=_how, fate=_fate):
            g = lab.guest()
            m = in_doubt(lab, g, how)
            is_held(lab.a, g)
            failing_save(lab.a, g)
            if how == "accepted":
                equal(g.where(), [lab.b], "runs on")
            else:
                stands_still(lab, g)
            if fate == "stays":
                undone(lab, g)
            lab.cable.lighten(deliver=True)
            # ready-timeout may have ended it before READY arrives
            on = lab.a if fate == "stays" else lab.b
            if how == "sent":
                code = m.wait(60)["code"]
                on = lab.a if code else lab.b
                check(fate == "goes" or code, "told that it has moved")
            settles(lab, g, on)
            lab.succeeds(g, on, "hostA" if on is lab.b else "hostB")


@case.case("unpaused by hand, it is held again; then a failing command lets "
           "nothing run", 90)
def _(lab):
    g = lab.guest()
    in_doubt(lab, g)
    is_held(lab.a, g)
    unpause(lab.a, g)
    check(host.wait_until(lambda: domain(lab.a, g)["paused"], 30, 0.2),
          "it is not paused again")
    failing_save(lab.a, g)
    stands_still(lab, g)
    lab.cable.lighten()
    settles(lab, g, lab.b)


@case.case("unpaused by hand, and resumed by a failing command before it is "
           "held again: it runs, and B is asked not to", 90)
def _(lab):
    g = lab.guest()
    in_doubt(lab, g)
    is_held(lab.a, g)
    unpause(lab.a, g)
    failing_save(lab.a, g)
    equal(g.where(), [lab.a], "runs on")
    check(host.wait_until(lambda: lab.a.logged(
        "%s .*the guest runs here, although the other host may start it"
        % g.name), 30, 0.2), "A says nothing")
    lab.cable.lighten()
    settles(lab, g, lab.a)


for _step in ("mark", "pause"):
    @case.case("secmig-xl is killed when it has done the %s of hold: it moves "
               "all the same" % _step)
    def _(lab, step=_step):
        lab.a.control(secmig_xl={"hold": {"at": step, "times": 1}})
        g = lab.guest()
        out = lab.migrate(g).wait()
        check(lab.a.events("secmig-xl", "misbehaves"), "not hit")
        equal(out["code"], 0, out["text"])
        settles(lab, g, lab.b)


@case.case("resumed by a failing command between the mark and the pause of "
           "hold: it goes on here", 60)
def _(lab):
    lab.a.control(secmig_xl={"hold": {"at": "mark"}})
    g = lab.guest()
    m = lab.migrate(g)
    check(host.wait_until(lambda: domain(lab.a, g).get("held"), 10),
          "not marked")
    failing_save(lab.a, g)
    lab.a.control()
    check(m.wait(60)["code"], "success")
    settles(lab, g, lab.a)
    lab.succeeds(g)


for _step in ("unpause", "resume", "unmark"):
    for _by in ("nobody", "somebody"):
        @case.case("secmig-xl is killed when it has done the %s of resume, %s "
                   "else has resumed it: it goes on here" % (_step, _by), 60)
        def _(lab, step=_step, by=_by):
            lab.b.control(xl={"die-at": "received"})
            lab.a.control(secmig_xl={"resume": {"at": step, "times": 1}})
            g = lab.guest()
            if by == "somebody":
                lab.a.control(secmig_xl={"resume": {"exit": 27}})
            m = lab.migrate(g)
            if by == "somebody":
                check(host.wait_until(lambda: lab.a.events(
                    "secmig-xl", "misbehaves"), 20), "not tried")
                if domain(lab.a, g).get("held"):
                    failing_save(lab.a, g)
                    equal(g.where(), [], "runs on")
                lab.a.control(secmig_xl={"resume": {"at": step, "times": 9}})
                time.sleep(1.5)
                lab.a.control()
            check(m.wait(60)["code"], "success")
            check(lab.a.events("secmig-xl", "misbehaves"), "not hit")
            settles(lab, g, lab.a)
            lab.b.control()
            lab.a.control()
            lab.succeeds(g)


@case.case("paused by its owner before it is held: it is resumed, and still "
           "paused", 60)
def _(lab):
    lab.a.control(secmig_xl={"hold": {"exit": 27}})
    g = lab.guest()
    m = lab.migrate(g)
    is_open(lab.a, g, "SENT")
    with fakexen.state(lab.a.toy) as st:
        fakexen.find(st, uuid=g.uuid)["paused"] = True
    undone(lab, g)
    lab.a.control()
    check(m.wait(60)["code"], "success")
    check(host.wait_until(lambda: closed(lab, g), 20), "not settled")
    d = domain(lab.a, g)
    check(d["paused"] and d.get("resumed") and not d.get("held"), str(d))
    equal(g.where(), [], "runs on")
    unpause(lab.a, g)
    g.must_run_on(lab.a)


if __name__ == "__main__":
    case.main(doubt.make_lab)
