#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A handover that stays in doubt for long, and what people do to its guest
meanwhile: what both hosts say of it is exact all the time, and once they can
talk it is settled by itself.  With SECMIG_LONG a longer night, and each of
the moments."""
import os
import re
import signal
import time
import uuid as uuidlib

import case
import doubt
import host
from case import check, equal
from doubt import closed, dark_at, in_doubt, is_dark, is_open, settles

D = host.DEADLINES
fakexen = host.fakexen
LONG = bool(os.environ.get("SECMIG_LONG"))
# An hour, with the deadlines of this lab, is a minute.
DARK = 60 if LONG else 8

SAYS = {    # what list says on both hosts, who may run it by show
    "released": ("to hostB  suspended here, waits for hostB, which may start "
                 "it", "nobody yet: hostB decides",
                 "from hostA  a whole copy is here, paused, and waits for "
                 "hostA", "hostA, until it says otherwise"),
    "accepted": ("to hostB  suspended here, waits for hostB, which may start "
                 "it", "nobody yet: hostB decides",
                 "from hostA  came here", "this host"),
    "sent": ("to hostB  stayed here", "this host",
             "from hostA  a whole copy is here, paused, and waits for hostA",
             "hostA, until it says otherwise"),
}


def says(h, g, line, owner):
    """What the daemon of that host says of the guest."""
    out = h.secmig("handover", "list").stdout
    check(re.search("^%s  %s" % (g.name, re.escape(line)), out, re.M),
          "%s: %r, expected %r" % (h.name, out, line))
    out = h.secmig("handover", "show", g.name).stdout
    check(re.search("(?m)^may run on +%s$" % re.escape(owner), out),
          "%s: %r, expected %r" % (h.name, out, owner))


for _how in SAYS:
    @case.case("dark for %d s (%s): both hosts say how it stands, all the "
               "time; settled 30 s after, by nobody" % (DARK, _how),
               DARK + 90)
    def _(lab, how=_how):
        g = lab.guest()
        m = in_doubt(lab, g, how)
        here, here_owner, there, there_owner = SAYS[how]
        runs = {"released": [], "accepted": [lab.b], "sent": [lab.a]}[how]
        if how == "sent":
            check(m.wait(60)["code"] not in (0, doubt.IN_DOUBT), "told")
        end = time.monotonic() + DARK
        asked = 0
        while time.monotonic() < end:
            equal(g.where(), runs, "runs on")
            says(lab.a, g, here, here_owner)
            says(lab.b, g, there, there_owner)
            asked += 1
            time.sleep(1)
        # all that was under way arrives now, long after its sender's end
        lab.cable.lighten(deliver=True)
        took = settles(lab, g, lab.a if how == "sent" else lab.b)
        print("#   asked %d times; settled after %.1f s" % (asked, took),
              flush=True)
        said = [h.secmig("handover", "list").stdout for h in lab.hosts]
        want = ("stayed here", "was refused here") if how == "sent" else (
            "went to hostB", "came here")
        for out, text in zip(said, want):
            line = re.search("^%s  .*$" % g.name, out, re.M).group(0)
            check(text in line and "next" not in line, line)


# ---- what administrators do meanwhile ----

def rename(h, g, name):
    """xl rename."""
    with fakexen.state(h.toy) as st:
        fakexen.find(st, uuid=g.uuid)["name"] = name


MOMENTS = ("mid", "suspended", "given", "released", "accepted") if LONG else (
    "mid", "released")


def at_moment(lab, g, moment):
    """A migration that stands still there; what lets it go on."""
    if moment in doubt.DOUBT:
        in_doubt(lab, g, moment)
        return lab.cable.lighten
    hold = "closed" if moment == "given" else moment
    m = lab.migrate(g, hold=hold)
    m.reached(hold)
    if moment == "given":
        lab.b.control(xl={"hold-at": "received"})
        m.go_on()
        is_open(lab.a, g, "SENT")
        return lambda: lab.b.control()
    return m.go_on


def ends(lab, g, limit=40):
    """Somewhere, on one host, with nothing open."""
    check(host.wait_until(lambda: len(g.where()) == 1 and closed(lab, g) and
                          not any(m.p.poll() is None for m in lab.senders),
                          limit, 0.05),
          "%s, %s" % (g.where(), [h.records(g) for h in lab.hosts]))
    on = g.where()[0]
    check(g.goes_on(), "it stands still on " + on.name)
    for h in lab.hosts:
        check(h is on or not h.find(g), "left on " + h.name)
    return on


for _moment in MOMENTS:
    @case.case("renamed at the source (%s): one copy runs, and it migrates "
               "again" % _moment, 90)
    def _(lab, moment=_moment):
        g = lab.guest()
        go_on = at_moment(lab, g, moment)
        rename(lab.a, g, "guest-renamed")
        go_on()
        on = ends(lab, g)
        equal(on.find(g)["name"], g.name if on is lab.b else "guest-renamed",
              "its name on " + on.name)
        rename(on, g, g.name)
        out = lab.migrate(g, on, "hostA" if on is lab.b else "hostB").wait()
        equal(out["code"], 0, out["text"])

    @case.case("paused at the source for a second (%s): one copy runs"
               % _moment, 90)
    def _(lab, moment=_moment):
        g = lab.guest()
        go_on = at_moment(lab, g, moment)
        pid = lab.a.find(g)["pid"]
        os.kill(pid, signal.SIGSTOP)       # it does not run, nor suspend
        go_on()
        time.sleep(1)
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass                                # destroyed: it is there
        ends(lab, g)


# ---- names and uuids that are taken ----

def twin_of(h, g, name=None, uuid=None):
    """A domain there that has the guest's name, or its uuid."""
    with fakexen.state(h.toy) as st:
        domid = st["next"]
        st["next"] += 1
        uuid = uuid or str(uuidlib.uuid4())
        st["domains"].append({
            "domid": domid, "uuid": uuid, "name": name or "guest-other",
            "memory_kb": 1000, "paused": True, "ran": True,
            "config": fakexen.make_config(name or "guest-other", uuid),
            "pid": fakexen.guest_start(uuid, "paused", h.toy)})
    return domid


def has(h, domid, name):
    """Nobody has touched the twin."""
    d = [d for d in h.domains() if d["domid"] == domid]
    check(d and d[0]["name"] == name and d[0]["paused"],
          "the other one on %s: %s" % (h.name, d))


def remove(h, domid):
    with fakexen.state(h.toy) as st:
        fakexen.destroy(st, fakexen.find(st, domid=domid), h.toy)


@case.case("its uuid is taken at B beforehand: refused before anything is "
           "sent, both go on", 30)
def _(lab):
    g = lab.guest()
    twin = twin_of(lab.b, g, uuid=g.uuid)
    out = lab.migrate(g).wait()
    equal(out["code"], 24, out["text"])
    check(g.name in out["text"] and out["seconds"] < host.SOON, out["text"])
    equal(lab.b.events("xl", "argv"), [], "xl on B")
    has(lab.b, twin, "guest-other")
    equal(g.where(), [lab.a], "runs on")
    remove(lab.b, twin)
    lab.succeeds(g)


for _end in ("started", "refused"):
    @case.case("its copy is renamed at B before GO: %s there all the same"
               % _end, 90)
    def _(lab, end=_end):
        g = lab.guest()
        dark_at(lab, lab.a, "say:GO")
        if end == "refused":
            dark_at(lab, lab.b, "say:READY")
        m = lab.migrate(g)
        is_open(lab.b, g, "READY")
        rename(lab.b, g, "guest-by-hand")
        if end == "started":
            is_open(lab.a, g, "RELEASED")
            is_dark(lab)
        else:
            check(host.wait_until(lambda: g.where() == [lab.a], 40),
                  "it does not go on at A")
        lab.cable.lighten()
        on = ends(lab, g)
        equal(on, lab.a if end == "refused" else lab.b, "it runs on")
        if end == "started":
            equal(on.find(g)["name"], "guest-by-hand", "its name")
        m.wait(60)


PHASES = (("B", "run:room"), ("B", "+sync:LOADING"), ("A", "+sync:SENDING"),
          ("A", "+sync:SENT"), ("B", "+sync:READY"), ("A", "+sync:RELEASED"),
          ("B", "+heard:GO"), ("B", "+sync:ACCEPTED"), ("B", "run:start"),
          ("B", "+sync:ACCEPTED-acted"), ("A", "+sync:DONE"))
if not LONG:
    PHASES = PHASES[2::3]

for _side, _point in PHASES:
    @case.case("its name is taken at B at %s of %s: one copy runs, the other "
               "guest is not touched" % (_point, _side), 90)
    def _(lab, side=_side, point=_point):
        g = lab.guest()
        twin = []
        h = lab.a if side == "A" else lab.b

        def on_pass(name, _):
            if name == point and not twin:
                twin.append(twin_of(lab.b, g, name=g.name))
            return "go"
        h.on_pass = on_pass
        out = lab.migrate(g).wait(60)
        check(twin, "the moment never came")
        on = ends(lab, g) if out["code"] else lab.b
        equal(g.where(), [on], "runs on (told %d: %s)" % (out["code"],
                                                         out["text"]))
        has(lab.b, twin[0], g.name)
        if out["code"]:
            equal(on, lab.a, "told " + out["text"])
        remove(lab.b, twin[0])
        settles(lab, g, on)


if __name__ == "__main__":
    case.main(doubt.make_lab)
