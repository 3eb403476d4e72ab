#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One guest, three hosts: A, B and C, each paired with the others.  Two
migrations of one guest at once, and one of a guest that is in doubt."""
import case
import doubt
import host
from case import check, equal
from doubt import BUSY, in_doubt, settles

D = host.DEADLINES
NO_DOMAIN = 25


def make_lab():
    return doubt.make_lab(("hostA", "hostB", "hostC"))


def nothing_on(h, g):
    """The host has never heard of the guest: not even refused it."""
    equal([d["name"] for d in h.domains() if d["uuid"] == g.uuid], [],
          "left on " + h.name)
    equal(h.records(g), [], "the journal of " + h.name)


def refused(lab, g, src, dst, **opts):
    """It is not let go, with one clear line, at once; the guest is not
    touched."""
    before = host.fakexen.guest_state(g.uuid, src.toy)
    out = lab.migrate(g, src, dst, **opts).wait()
    check(out["code"] and out["text"] and "\n" not in out["text"],
          "told %d: %r" % (out["code"], out["text"]))
    check(out["seconds"] < host.SOON, "after %.1f s" % out["seconds"])
    check(not out["given"], "handed over")
    equal(host.fakexen.guest_state(g.uuid, src.toy), before,
          "the guest on " + src.name)
    return out


@case.case("one guest to two hosts at the same moment: one wins, the other "
           "is told busy, five times", 120)
def _(lab):
    b, c = lab.hosts[1:]
    won = []
    for n in range(5):
        g = lab.guest()
        order = [b, c] if n % 2 else [c, b]
        moves = [(h, lab.migrate(g, dst=h.name)) for h in order]
        outs = [(h, m.wait()) for h, m in moves]
        winners = [h for h, out in outs if out["code"] == 0]
        equal(len(winners), 1, "winners, told: %s" % [
            (h.name, out["code"], out["text"]) for h, out in outs])
        for h, out in outs:
            if h not in winners:
                equal(out["code"], BUSY, out["text"])
                check(g.name in out["text"] and "already migrating" in
                      out["text"], out["text"])
                nothing_on(h, g)
        g.must_run_on(winners[0])
        won.append(winners[0].name)
    print("#   won: " + " ".join(won), flush=True)


@case.case("a second one at each step of the first: busy, and no word of it "
           "reaches the other host", 90)
def _(lab):
    b, c = lab.hosts[1:]
    c.clear_events()
    for step in ("answered", "mid", "suspended", "sent", "closed"):
        g = lab.guest()
        m = lab.migrate(g, hold=step)
        m.reached(step)
        out = refused(lab, g, lab.a, "hostC")
        equal(out["code"], BUSY, out["text"])
        m.go_on()
        equal(m.wait()["code"], 0, "the first")
        g.must_run_on(b)
        nothing_on(c, g)
    equal(c.events("xl", "argv"), [], "xl on C")


for _how in doubt.DOUBT:
    @case.case("in doubt (%s): not let go to another host, nor again to the "
               "same one; it is decided where it was to go" % _how, 90)
    def _(lab, how=_how):
        b, c = lab.hosts[1:]
        c.clear_events()
        g = lab.guest()
        first = in_doubt(lab, g, how)
        for dst in ("hostC", "hostB"):
            out = refused(lab, g, lab.a, dst)
            equal(out["code"], BUSY, "%s: %s" % (dst, out["text"]))
            check(g.name in out["text"], out["text"])
        equal(g.where(), [b] if how == "accepted" else [], "runs on")
        lab.cable.lighten()
        if how == "sent":
            out = first.wait(60)
            settles(lab, g, b if out["code"] == 0 else lab.a)
        else:
            settles(lab, g, b)
        nothing_on(c, g)
        equal(c.events("xl", "argv"), [], "xl on C")

    if _how == "accepted":
        continue

    @case.case("in doubt (%s): the copy that waits at B is not let go to C, "
               "by its own name or as it is called there" % _how, 90)
    def _(lab, how=_how):
        b, c = lab.hosts[1:]
        c.clear_events()
        g = lab.guest()
        first = in_doubt(lab, g, how)
        equal(b.find(g)["name"], g.name + "--incoming", "the copy")
        for opts in ({}, {"name": g.name}):
            out = refused(lab, g, b, "hostC", **opts)
            check(out["code"] in (BUSY, NO_DOMAIN) and g.name in
                  out["text"], "told %d: %s" % (out["code"], out["text"]))
        equal(b.find(g)["name"], g.name + "--incoming", "the copy")
        equal(g.where(), [], "runs on")
        lab.cable.lighten()
        if how == "sent":
            out = first.wait(60)
            settles(lab, g, b if out["code"] == 0 else lab.a)
        else:
            settles(lab, g, b)
        nothing_on(c, g)
        equal(c.events("xl", "argv"), [], "xl on C")


@case.case("accepted and not started yet: not let go to C; then it starts, "
           "and goes there", 90)
def _(lab):
    b, c = lab.hosts[1:]
    b.control(secmig_xl={"start": {"exit": 27}})
    g = lab.guest()
    equal(lab.migrate(g).wait()["code"], doubt.IN_DOUBT, "told")
    out = refused(lab, g, b, "hostC", name=g.name)
    check(out["code"] in (BUSY, NO_DOMAIN), "told %d: %s" % (
        out["code"], out["text"]))
    b.control()
    settles(lab, g, b)
    lab.succeeds(g, b, "hostC")


@case.case("it comes back to A from C while A and B have yet to tell each "
           "other that it went", 90)
def _(lab):
    b, c = lab.hosts[1:]
    g = lab.guest()
    doubt.dark_at(lab, lab.a, "say:SETTLED")
    equal(lab.migrate(g).wait()["code"], 0, "to B")
    g.must_run_on(b)
    # busy for as long as B's end of the connection has not noticed
    check(host.wait_until(lambda: lab.migrate(g, b, "hostC").wait()["code"]
                          != BUSY, D["idle-timeout"] + host.ROOM, 0.5),
          "busy for ever")
    g.must_run_on(c)
    lab.succeeds(g, c, "hostA")
    lab.cable.lighten()
    settles(lab, g, lab.a)


if __name__ == "__main__":
    case.main(make_lab)
