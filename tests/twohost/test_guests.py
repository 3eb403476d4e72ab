#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What owners and administrators do to a guest while it is under way."""
import os
import signal
import time

import case
import host
from case import check, equal

IN_DOUBT = 32
D = host.DEADLINES
fakexen = host.fakexen


def destroy(h, g):
    """xl destroy."""
    with fakexen.state(h.toy) as st:
        d = fakexen.find(st, uuid=g.uuid)
        check(d, "%s is not on %s" % (g.name, h.name))
        fakexen.destroy(st, d, h.toy)


def nowhere(lab, g):
    """It was ended, and nothing brings it back."""
    check(host.wait_until(lambda: not any(h.find(g) for h in lab.hosts),
                          D["ready-timeout"] + D["idle-timeout"] + host.ROOM),
          "left: %s" % [h.find(g) for h in lab.hosts])
    time.sleep(1)
    equal(g.where(), [], "runs on")


def waiting_copy(lab, g, **opts):
    """B holds a whole copy, and A cannot say GO: the link is dark.  The
    migration, the cable."""
    p = lab.between()
    lab.b.control(xl={"hold-at": "received"})
    m = lab.migrate(g, **opts)
    check(host.wait_until(lambda: lab.b.events("xl", "received"), 10),
          "B has not got it")
    p.darken("in")          # READY does not arrive
    lab.b.control()
    check(host.wait_until(lambda: [r for r in lab.b.records(g)
                                   if r["state"] == "READY"], 10),
          "no copy waits: %s" % lab.b.records(g))
    return m, p


@case.case("destroyed by its owner in the stream: it is gone, everywhere")
def _(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="mid", size=4 << 20)
    m.reached("mid")
    destroy(lab.a, g)
    m.go_on()
    check(m.wait()["code"], "success")
    nowhere(lab, g)


@case.case("destroyed when it is suspended and not handed over yet")
def _(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="sent")
    m.reached("sent")
    destroy(lab.a, g)
    m.kill()
    nowhere(lab, g)


@case.case("the suspended guest is unpaused and resumed by hand while its copy "
           "waits: it goes on here, the copy is given up")
def _(lab):
    g = lab.guest()
    m, p = waiting_copy(lab, g)
    with fakexen.state(lab.a.toy) as st:
        d = fakexen.find(st, uuid=g.uuid)
        fakexen.domain_unpause(d, lab.a.toy)
        check(fakexen.domain_resume(d, lab.a.toy), "it is not suspended")
    equal(g.where(), [lab.a], "runs on")
    out = m.wait(60)
    check(out["code"], "success")
    p.lighten()
    g.must_run_on(lab.a, 30)


@case.case("a copy that waits is destroyed by hand: the guest goes on here")
def _(lab):
    g = lab.guest()
    m, p = waiting_copy(lab, g)
    destroy(lab.b, g)
    p.lighten()
    out = m.wait(60)
    check(out["code"], "success")
    g.must_run_on(lab.a, 30)


def unnamed(lab, **opts):
    """It came to B while its name was taken there.  The guest, and who has
    its name."""
    g = lab.guest()
    m = lab.migrate(g, hold="mid", size=4 << 20, **opts)
    m.reached("mid")
    check(host.wait_until(lambda: lab.b.find(g), 10), "B makes no copy")
    twin = lab.guest(lab.b, name=g.name)
    m.go_on()
    out = m.wait(60)
    equal(out["code"], 0, "code (%s)" % out["text"])
    equal(g.where(), [lab.b], "runs on")
    equal(lab.b.find(g)["name"], g.name + "--incoming", "name")
    check(lab.b.logged("%s.*name is taken" % g.name), "B says nothing")
    return g, twin


def leave(lab, twin):
    """Its name is free again."""
    destroy(lab.b, twin)
    lab.guests.remove(twin)


def listed(h):
    return h.secmig("handover", "list").stdout


@case.case("its name is taken at B while it is under way: it runs there all "
           "the same, and gets its name when that is free", 90)
def _(lab):
    g, twin = unnamed(lab)
    check("came here and runs as %s--incoming: its name is taken" % g.name
          in listed(lab.b), "list: %s" % listed(lab.b))
    check(host.wait_until(lambda: not lab.a.records(g) or
                          all(r["closed"] for r in lab.a.records(g)), 10),
          "A waits for the name")
    out = lab.migrate(g, lab.b, "hostA").wait()
    equal(out["code"], 24, "code of one that leaves so (%s)" % out["text"])
    leave(lab, twin)
    g.must_run_on(lab.b, 30)
    check(host.wait_until(lambda: "its name is taken" not in listed(lab.b),
                          10), "list: %s" % listed(lab.b))
    lab.succeeds(g, lab.b, "hostA")


@case.case("its name is taken at B, and B's daemon is started anew: it gets "
           "its name all the same", 90)
def _(lab):
    g, twin = unnamed(lab)
    lab.b.stop(signal.SIGKILL)
    leave(lab, twin)
    lab.b.start()
    g.must_run_on(lab.b, 30)
    check(host.wait_until(lambda: "its name is taken" not in listed(lab.b),
                          10), "list: %s" % listed(lab.b))


@case.case("its name is taken at B, and somebody renames it, or destroys it: "
           "that is left so", 90)
def _(lab):
    for by_hand in ("rename", "destroy"):
        g, twin = unnamed(lab)
        with fakexen.state(lab.b.toy) as st:
            d = fakexen.find(st, uuid=g.uuid)
            if by_hand == "rename":
                d["name"] = "other"
            else:
                fakexen.destroy(st, d, lab.b.toy)
        check(host.wait_until(lambda: "its name is taken" not in
                              listed(lab.b), 30), "list: %s" % listed(lab.b))
        leave(lab, twin)
        if by_hand == "rename":
            equal(lab.b.find(g)["name"], "other", "name")
            destroy(lab.b, g)
        lab.guests.remove(g)


@case.case("xl on the destination hangs after READY, the guest cannot be "
           "started, and the peers of both sides are killed: it runs there")
def _(lab):
    g = lab.guest()
    lab.b.control(xl={"hang-at": "ready"},
                  secmig_xl={"start": {"exit": 27}})
    m = lab.migrate(g)
    check(host.wait_until(lambda: lab.b.events("secmig-xl", "misbehaves"),
                          10), "B does not try to start it")
    for h in lab.hosts:
        for pid in h.role(host.PEER_UID):
            os.kill(pid, signal.SIGKILL)
    lab.b.control()
    out = m.wait(60)
    check(out["code"] in (0, IN_DOUBT), "told: %s" % out)
    g.must_run_on(lab.b, 30)


@case.case("the same guest again, at once after an aborted migration, both "
           "ways, five times", 120)
def _(lab):
    g = lab.guest()
    for _ in range(5):
        lab.b.control(xl={"die-at": "received"})
        lab.fails(g, tuple(range(1, 32)))
        lab.b.control()
        lab.succeeds(g)
        lab.succeeds(g, lab.b, "hostA")


@case.case("eight guests cross each other, and half of them fail", 120)
def _(lab):
    lab.b.control(xl={"die-at": "received"})
    here = [lab.guest(lab.a) for _ in range(4)]
    there = [lab.guest(lab.b) for _ in range(4)]
    moves = ([(g, lab.a, lab.migrate(g)) for g in here]
             + [(g, lab.a, lab.migrate(g, lab.b, "hostA")) for g in there])
    for g, to, m in moves:
        out = m.wait(60)
        equal(out["code"] == 0, g in there, "%s: %s" % (g.name, out["text"]))
        g.must_run_on(to)


if __name__ == "__main__":
    case.main(host.Lab)
