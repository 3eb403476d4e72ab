#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host loses its power in the middle of a handover, and at boot somebody
starts the guest there from its disks: what xl create is told before it does,
with the daemon up, down and starting.

Goal of this test
- a guest that the other host runs, or may, is not started a second time;
- one that is this host's, or nobody's, is not kept down;
- what is about to be settled is waited for.

A start that is allowed happens: the guest's disks notice a second one."""
import fcntl
import os
import subprocess
import sys
import threading
import time

import case
import host
from case import check, equal
from host import fakexen, wait_until

sys.path.insert(0, os.path.join(host.TOP, "tests/faults"))
import lab as faults                                            # noqa: E402

FREE, ELSEWHERE, UNSETTLED, DOUBT = 0, 24, 26, 32
WAIT = 15 * host.SCALE


class Create:
    """xl create of a guest on a host, which has a name and a uuid: asks, and
    if it may the guest is built and runs."""

    def __init__(self, h, g, wait=0, names=None, built=True):
        self.h, self.g, self.built = h, g, built
        self.began = time.monotonic()
        self.p = subprocess.Popen(
            [h.build + "/secmig", "--root", h.root, "handover", "may-start",
             "--wait", str(wait), *(names or ("--uuid", g.uuid, "--", g.name))],
            env={"LD_PRELOAD": faults.POINT, "SECMIG_BOOT": h.toy + "/boot_id",
                 "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, code, words="", within=5 * host.SCALE):
        out, err = self.p.communicate(timeout=60)
        took = time.monotonic() - self.began
        equal(self.p.returncode, code, "%s after %.1f s: %s" % (
            self.h.name, took, err))
        check(took < within, "it took %.1f s" % took)
        lines = [l for l in err.splitlines() if not l.startswith("secmig: note:")]
        equal(len(lines), 1 if code else 0, "lines: %s" % err)
        check(words in err, "%r is not in %r" % (words, err))
        equal(out, "", "output")
        if not code and self.built and not self.h.find(self.g):
            start(self.h, self.g)
        return err


def create(h, g, code, words="", **opts):
    return Create(h, g, **opts).end(code, words)


def create_waiting(h, g, code, words=""):
    Create(h, g, wait=WAIT).end(code, words, WAIT)


def start(h, g):
    # it boots: what its disk knew of the life before is over, unless that
    # life goes on somewhere
    with open(g.disk, "r+") as disk:
        fcntl.flock(disk, fcntl.LOCK_EX | fcntl.LOCK_NB)
        disk.truncate(0)
    conf = fakexen.make_config(g.name, g.uuid)
    with fakexen.state(h.toy) as st:
        st["domains"].append({
            "domid": st["next"], "uuid": g.uuid, "name": g.name,
            "memory_kb": conf["b_info"]["max_memkb"], "config": conf,
            "nomigrate": False, "paused": False, "ran": True,
            "pid": fakexen.guest_start(g.uuid, "running", h.toy)})
        st["next"] += 1


def make_lab():
    if host.SANITIZED:
        raise case.Skip("sanitizers come before the object that makes a "
                        "daemon stop at a named moment")
    return faults.Lab()


def cut(lab, side, moment, darken=()):
    """A guest on its way from A to B; that host loses its power at the moment,
    the cable is dark from then on, and the host is booted, without its
    daemon."""
    for h in lab.hosts:
        if not h.up():
            h.launch()
        h.points.passed.clear()
    lab.cable.lighten()
    lab.a.dial("hostB", lab.cable.address)
    h = {"A": lab.a, "B": lab.b}[side]
    g = lab.guest()
    struck, off = [], threading.Event()

    def on_pass(name, pid):
        if name == moment and not struck:
            struck.append(name)
            if darken:
                lab.cable.darken(*darken)
            h.power_off()
            off.set()
        return "go"
    h.on_pass = on_pass
    m = lab.migrate(g)
    try:
        check(off.wait(20), "%s: %s" % (moment, h.points.passed))
    finally:
        h.on_pass = lambda name, pid: "go"
    if side == "A":
        m.kill()
    h.boot()
    return g, m


def only_on(lab, g, h):
    """It runs there alone, and nothing is open any more."""
    for one in lab.hosts:
        if not one.up():
            one.launch()
    lab.cable.lighten()
    check(wait_until(lambda: [x.name for x in g.where()] == [h.name], 30),
          "it runs on %s" % [x.name for x in g.where()])
    check(wait_until(lambda: all(r["closed"] for x in lab.hosts
                                 for r in x.records(g)), 30),
          "open: %s" % [r for x in lab.hosts for r in x.records(g)])
    equal([x.name for x in g.where()], [h.name], "it runs on")


@case.case("power cut of the source at RELEASED: not started there, with the "
           "daemon down, up, out of reach, and when it is long settled", 120,
           leftovers=False)
def _(lab):
    g, _ = cut(lab, "A", "+sync:RELEASED", ("in", "out"))
    # nobody is there to settle it: xl, at boot, is not held up
    Create(lab.a, g, wait=60).end(DOUBT, "secmigd does not run here (at boot")
    create(lab.a, g, DOUBT, "died here with a reboot, may run on hostB",
           names=(g.name,))
    create(lab.a, g, DOUBT, names=("--uuid", g.uuid, "another-name"))
    # a wrong configuration changes no answer
    with open(lab.a.etc + "/secmigd.conf", "r+") as conf:
        good = conf.read()
        conf.write("\nnonsense\n")
        conf.flush()
        err = create(lab.a, g, DOUBT, "may run on hostB")
        check("note" in err and "built-in values" in err, err)
        create(lab.a, g, FREE, names=("--", "never-migrated"), built=False)
        conf.seek(0)
        conf.truncate()
        conf.write(good)
    lab.a.launch()
    err = create(lab.a, g, DOUBT, "hostB is asked until it answers", wait=1)
    check("waits at most 1 s" in err, err)
    check("does not run here" not in err, err)
    # the other host is in reach again while somebody waits
    c = Create(lab.a, g, wait=WAIT)
    time.sleep(1)
    lab.cable.lighten()
    c.end(ELSEWHERE, "belongs to hostB", WAIT)
    only_on(lab, g, lab.b)
    # whatever starts guests is slower than what settles them
    create(lab.a, g, ELSEWHERE, "this host was booted since")
    # where it runs it is as ever
    create(lab.b, g, FREE)


@case.case("a host is lost after it has got a guest: a fence frees it at the "
           "source, and stays said", 120,
           leftovers=False)
def _(lab):
    def fence(code):
        p = lab.a.secmig("handover", "fence", "--yes", "hostB", "hostB",
                         ok=False)
        equal(p.returncode, code, p.stdout + p.stderr)
        return p.stdout + p.stderr
    g, _ = cut(lab, "A", "+sync:RELEASED")
    lab.a.launch()
    only_on(lab, g, lab.b)
    lab.b.power_off()
    equal(g.where(), [], "where it runs")
    err = create(lab.a, g, ELSEWHERE, "this host was booted since")
    check("'secmig handover fence hostB' first" in err, err)
    said = fence(0)
    check("that had settled with hostB: may be started here again" in said,
          said)
    check(lab.a.logged(r"fence host=hostB handovers=\d+ by=root@hostA"), "log")
    check(lab.a.logged(r"decision action=force-handover vm=%s .*to=hostB "
                       r"by=root@hostA .*answer=allow" % g.name), "decision")
    check(lab.a.logged(r"handover vm=%s with=hostB: may be started here "
                       r"again, by root's word" % g.name), "log of the guest")
    equal([(r["state"], r["closed"], r["fenced"]) for r in lab.a.records(g)],
          [("DONE", True, True)], "record")
    said = lab.a.secmig("handover", "list").stdout
    check("%s  to hostB  went to hostB, which is lost, by somebody's word" %
          g.name in said, said)
    check("no handover with hostB is open" in fence(25), "said twice")
    # the daemon and the host start anew: it is still so
    lab.a.power_off()
    lab.a.boot()
    create(lab.a, g, FREE)
    equal([x.name for x in g.where()], ["hostA"], "it runs on")
    lab.a.launch()
    # the other host comes back: it is told nothing, and undoes nothing
    lab.b.boot()
    lab.b.launch()
    only_on(lab, g, lab.a)
    create(lab.a, g, FREE)


@case.case("the other host may have run it, and is lost: the original is "
           "destroyed, a fence, and it starts from its disks", 120,
           leftovers=False)
def _(lab):
    g, m = cut(lab, "B", "+sync:ACCEPTED")
    equal(m.wait()["code"], DOUBT, "told")
    create(lab.a, g, DOUBT, "may run on hostB")
    with fakexen.state(lab.a.toy) as st:            # xl destroy
        fakexen.destroy(st, fakexen.find(st, uuid=g.uuid), lab.a.toy)
    create(lab.a, g, DOUBT, "may run on hostB")
    lab.a.secmig("handover", "fence", "--yes", "hostB", "hostB")
    check(wait_until(lambda: lab.a.records(g)[-1]["closed"], 10), "open")
    equal(g.where(), [], "where it runs")
    create(lab.a, g, FREE)
    check(g.goes_on(), "it stands still")
    lab.b.launch()
    time.sleep(3 * host.DEADLINES["settle-interval"])
    equal([x.name for x in g.where()], ["hostA"], "it runs on")


@case.case("the source is lost while a whole copy waits: a fence at the "
           "destination starts it", 120, leftovers=False)
def _(lab):
    g, _ = cut(lab, "A", "+heard:READY")
    create(lab.b, g, ELSEWHERE, "belongs to hostA: a whole copy is here")
    lab.b.secmig("handover", "fence", "--yes", "hostA", "hostA")
    check(wait_until(lambda: [x.name for x in g.where()] == ["hostB"], 10),
          "it runs on %s: %s" % (g.where(), lab.b.records(g)))
    check(g.goes_on(), "it stands still")
    check(wait_until(lambda: lab.b.records(g)[-1]["closed"], 10), "open")
    # it comes back after all: its daemon hears that the guest has gone
    only_on(lab, g, lab.b)


@case.case("a fence that only files what the other host has yet to hear frees "
           "nothing: that host lives", 120,
           leftovers=False)
def _(lab):
    g, _ = cut(lab, "A", "+sync:RELEASED")
    lab.a.launch()
    only_on(lab, g, lab.b)
    # another one is done here, and B does not hear of it
    h, _ = cut(lab, "A", "+sync:DONE", ("in", "out"))
    lab.a.launch()
    check(wait_until(lambda: [r["acted"] for r in lab.a.records(h)] == [True],
                     10), "A: %s" % lab.a.records(h))
    said = lab.a.secmig("handover", "fence", "--yes", "hostB",
                        "hostB").stdout
    check(said.startswith("1 with hostB: being settled") and
          "started here again" not in said, said)
    equal([r["fenced"] for r in lab.a.records(g)], [False], "record")
    create(lab.a, g, ELSEWHERE, "this host was booted since")
    lab.cable.lighten()
    check(wait_until(lambda: all(r["closed"] for r in lab.a.records(h)), 30),
          "A: %s" % lab.a.records(h))
    # nor on the other side, which waits to be told
    lab.b.secmig("handover", "fence", "--yes", "hostA", "hostA")
    equal([x.name for x in g.where() + h.where()], ["hostB", "hostB"],
          "they run on")
    only_on(lab, h, lab.b)


@case.case("power cut of the source at SENDING: started at once, with the "
           "daemon down", 120,
           leftovers=False)
def _(lab):
    g, _ = cut(lab, "A", "+sync:SENDING")
    create(lab.a, g, FREE)
    only_on(lab, g, lab.a)
    create(lab.a, g, FREE)


@case.case("power cut of the source at SENT: its copy is saved, not a second "
           "one started, once the daemon is up", 120,
           leftovers=False)
def _(lab):
    g, _ = cut(lab, "A", "write:RELEASED")
    check(wait_until(lambda: [r["state"] for r in lab.b.records(g)] ==
                     ["READY"], 10), "B: %s" % lab.b.records(g))
    create(lab.a, g, DOUBT, "may run on hostB")
    lab.a.launch()
    create_waiting(lab.a, g, ELSEWHERE, "belongs to hostB")
    only_on(lab, g, lab.b)


@case.case("both lose their power, and the copy with it: started at the "
           "source, not at the destination", 120,
           leftovers=False)
def _(lab):
    g, _ = cut(lab, "A", "+sync:RELEASED", ("in", "out"))
    check(wait_until(lambda: [r["state"] for r in lab.b.records(g)] ==
                     ["READY"], 10), "B: %s" % lab.b.records(g))
    create(lab.b, g, ELSEWHERE, "a whole copy is here, paused")
    lab.b.power_off()
    lab.b.boot()
    create(lab.b, g, ELSEWHERE, "the copy here died with a reboot")
    lab.cable.lighten()
    lab.a.launch()
    c = Create(lab.a, g, wait=WAIT)
    time.sleep(0.5)
    lab.b.launch()
    c.end(FREE, "", WAIT)
    create(lab.b, g, ELSEWHERE, "stayed on hostA")
    only_on(lab, g, lab.a)


@case.case("power cut of the destination after ACCEPTED: it was the owner, "
           "and starts it anew", 120,
           leftovers=False)
def _(lab):
    g, m = cut(lab, "B", "+sync:ACCEPTED")
    m.wait()
    check(wait_until(lambda: [r["state"] for r in lab.a.records(g)] ==
                     ["RELEASED"], 10), "A: %s" % lab.a.records(g))
    create(lab.a, g, DOUBT, "may run on hostB")
    create(lab.b, g, FREE)
    only_on(lab, g, lab.b)


@case.case("the daemon dies before it has resumed the guest: nobody starts "
           "another one", 120,
           leftovers=False)
def _(lab):
    lab.cable.lighten()
    lab.a.dial("hostB", lab.cable.address)
    g = lab.guest()
    struck = []

    def on_pass(name, pid):
        if name == "+sync:ABORTED" and not struck:
            struck.append(name)
            lab.a.kill()
        return "go"
    lab.b.control(xl={"die-at": "received"})
    lab.a.on_pass = on_pass
    m = lab.migrate(g)
    check(wait_until(lambda: struck and not lab.a.up(), 20), "not aborted")
    lab.a.on_pass = lambda name, pid: "go"
    m.kill()
    lab.b.control()
    create(lab.a, g, UNSETTLED, "secmigd settles that by itself")
    lab.a.launch()
    create_waiting(lab.a, g, FREE)
    only_on(lab, g, lab.a)


if __name__ == "__main__":
    case.main(make_lab)
