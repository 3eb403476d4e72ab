#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Xen that answers, or acts, so slowly that what it says is old when it is
read: libxl waits for a lock, xenstored is busy, hotplug scripts take their
time.  What takes long is done all the same, once."""
import case
import host
from case import check, equal

D = host.DEADLINES

IN_DOUBT = 32
SLOW = 2.4              # s: longer than a look is relied upon by itself


def looks(h):
    return len([e for e in h.events("secmig-xl", "argv")
                if e["argv"][0] in ("look", "hold")])


def closed(lab, g):
    return all(r["closed"] for h in lab.hosts for r in h.records(g))


for _slow in ("A", "B", "AB"):
    @case.case("what %s sees is %.1f s old when it is read: it moves all the "
               "same" % (" and ".join(_slow), SLOW), 120)
    def _(lab, slow=_slow):
        g = lab.guest()
        # Where A is fast, GO comes only when B's copy was seen long ago.
        for h, side in ((lab.a, "A"), (lab.b, "B")):
            when = "after-delay" if side in slow else "delay"
            h.control(secmig_xl={v: {when: SLOW} for v in ("look", "hold")})
        out = lab.migrate(g, wait=60).wait(60)
        check(out["code"] in (0, IN_DOUBT), "told: " + out["text"])
        g.must_run_on(lab.b, 20 + host.ROOM)
        check(host.wait_until(lambda: closed(lab, g), 20),
              [h.records(g) for h in lab.hosts])
        for h in lab.hosts:
            check(looks(h) < 12, "%s looked %d times" % (h.name, looks(h)))
        said = [h.logged("Xen answers slowly: what was seen was") for h in
                lab.hosts]
        check(any(said), "nobody says so: %s" % said)


for _verb, _fate in (("destroy", {}), ("resume", {"die-at": "received"}),
                     ("start", {}), ("discard", {"die-at": "received"})):
    @case.case("%s takes longer than Xen is given for an answer: it is done, "
               "and begun once" % _verb, 120)
    def _(lab, verb=_verb, fate=_fate):
        g = lab.guest()
        h = lab.a if verb in ("destroy", "resume") else lab.b
        h.control(secmig_xl={verb: {"delay": D["answer-timeout"] + 1}},
                  xl=fate if h is lab.b else {})
        if h is not lab.b:
            lab.b.control(xl=fate)
        on = lab.a if fate else lab.b
        lab.migrate(g, wait=60).wait(60)
        g.must_run_on(on, 20 + host.ROOM)
        check(host.wait_until(lambda: closed(lab, g), 20),
              [x.records(g) for x in lab.hosts])
        begun = [e for e in h.events("secmig-xl", "argv")
                 if e["argv"][0] == verb]
        equal(len(begun), 1, verb + " was begun")


if __name__ == "__main__":
    # looks and actions take longer here than elsewhere
    case.main(lambda: host.Lab(**{"ready-timeout": 30}))
