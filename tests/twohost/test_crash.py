#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 of every process at every step: one guest, on the side where it
belongs, nothing left, and the next migration works."""
import os
import signal
import subprocess

import case
import host
from case import check, equal

NO_DAEMON, TIMEOUT, LINK, PROTOCOL, XL, CANCELLED = 10, 13, 14, 16, 27, 28
STATE, HELPER, SANDBOX, IN_DOUBT = 4, 18, 30, 32
D = host.DEADLINES


def midway(lab, **opts):
    g = lab.guest()
    m = lab.migrate(g, hold="mid", size=8 << 20, **opts)
    m.reached("mid")
    return g, m


def kill(pids):
    check(pids, "no such process")
    for p in pids:
        os.kill(p, signal.SIGKILL)


@case.case("source's peer killed in the stream")
def _(lab):
    g, m = midway(lab)
    kill(lab.a.role(host.PEER_UID))
    m.go_on()
    lab.failed(m, g, HELPER)
    lab.succeeds(g)


@case.case("destination's peer killed in the stream")
def _(lab):
    g, m = midway(lab)
    kill(lab.b.role(host.PEER_UID))
    m.go_on()
    lab.failed(m, g, LINK)
    lab.succeeds(g)


@case.case("source's control process killed in the stream")
def _(lab):
    g, m = midway(lab)
    kill(lab.a.role(host.CONTROL_UID))
    m.go_on()
    out = m.wait()
    # it cannot hand the guest over, and it hears no verdict
    check(out["code"] in (NO_DAEMON, IN_DOUBT), "code: %s" % out)
    g.must_run_on(lab.a)
    lab.succeeds(g)


@case.case("the client (xl) killed in the stream, and at other steps: the "
           "guest runs here at once, or there if it was handed over", 120)
def _(lab):
    for step in ("connected", "asked", "answered", "stream", "mid",
                 "suspended", "sent", "closed", "given"):
        g = lab.guest()
        m = lab.migrate(g, kill=step)
        equal(m.wait()["exit"], -9, "exit")
        # the daemon resumes what a dead xl has left suspended
        g.must_run_on(lab.b if step == "given" else lab.a)


@case.case("a client that ends without a word when all is sent")
def _(lab):
    g = lab.guest()
    out = lab.fails(g, CANCELLED, never=1)
    check(not out["given"], "handed over")
    lab.succeeds(g)


@case.case("HAND_OVER twice, HAND_OVER before all is sent")
def _(lab):
    g = lab.guest()
    out = lab.migrate(g, twice=1).wait()
    owner = lab.b if out["code"] == 0 else lab.a
    check(out["code"] in (0, NO_DAEMON, PROTOCOL, IN_DOUBT), "told: %s" % out)
    if out["code"] in (NO_DAEMON, IN_DOUBT):
        host.wait_until(g.where, 10)
        owner = g.where()[0]
    g.must_run_on(owner)
    g = lab.guest()
    lab.fails(g, (STATE, XL, TIMEOUT), early=1)


@case.case("B's xl dies at each step: by signal, by exit code", 120)
def _(lab):
    for how in ({}, {"code": 1}, {"code": 0}):
        for step in ("start", "banner", "header", "config", "stream",
                     "received"):
            lab.b.clear_events()
            lab.b.control(xl=dict(how, **{"die-at": step}))
            g = lab.guest()
            lab.fails(g, (XL, LINK), within=D["finish-timeout"] + host.ROOM,
                      size=4 << 20)
            check(lab.b.events("xl", step), "xl did not get to " + step)
            lab.b.control()
    lab.succeeds(lab.guest())


@case.case("B's xl dies or hangs after READY: it has no part any more")
def _(lab):
    for how in ({"die-at": "ready"}, {"die-at": "ready", "code": 1},
                {"hang-at": "ready"}):
        lab.b.control(xl=how)
        lab.succeeds(lab.guest())


@case.case("the guest's monitor, which B's xl starts, outlives that xl")
def _(lab):
    lab.b.control(xl={"monitor": 0.5})
    g = lab.guest()
    lab.succeeds(g)
    check(host.wait_until(lambda: lab.b.events("xl", "watches"), 5),
          "nobody watches the guest")


@case.case("B's xl says something else than READY, or says it twice")
def _(lab):
    for word in ("domain received, ready to unpausE\0", "no\0" * 40, "d"):
        lab.b.control(xl={"word": word})
        lab.fails(lab.guest(), (XL, TIMEOUT))
    lab.b.control(xl={"twice": True})
    g = lab.guest()
    out = lab.migrate(g).wait()
    check(out["code"] in (0, XL), "told: %s" % out)
    g.must_run_on(lab.a if out["code"] else lab.b)


@case.case("an unpatched xl on B is as good: it is never let to start or to "
           "destroy the guest")
def _(lab):
    h = lab.b
    h.stop()
    good = h.settings["receive-command"]
    try:
        h.configure(**{"receive-command": h.toy + "/xl migrate-receive"})
        h.start()
        for how in ({}, {"die-at": "ready"}, {"hang-at": "ready"}):
            h.control(xl=how)
            lab.succeeds(lab.guest())
        equal(h.events("xl", "go") + h.events("xl", "unpause"), [],
              "xl started it")
        h.stop()
    finally:
        h.configure(**{"receive-command": good})
    h.start()


def wrapped(h, script):
    """A receive-command that is a shell script around an unpatched xl."""
    name = h.toy + "/wrapper"
    with open(name, "w") as f:
        f.write("#!/bin/sh\n" + script % (h.toy + "/xl"))
    os.chmod(name, 0o755)
    h.configure(**{"receive-command": name + " migrate-receive"})


@case.case("a wrapper around B's xl: one that execs is as good; from one that "
           "does not nothing is taken, before or after it has died")
def _(lab):
    h = lab.b
    good = h.settings["receive-command"]
    try:
        for script, line in (("exec %s \"$@\"\n", ""),
                             ("%s \"$@\"\nexit $?\n", "has to exec xl"),
                             ("setsid -w %s \"$@\"\nexit $?\n",
                              "has to exec xl")):
            h.stop()
            wrapped(h, script)
            h.start()
            g = lab.guest()
            if line:
                lab.fails(g, XL, line)
            else:
                lab.succeeds(g)
            check(h.events("xl", "received"), "xl has not taken it")
            equal(h.events("xl", "go") + h.events("xl", "unpause"), [],
                  "xl started it")
            check(not lab.strays(), lab.strays())
            h.clear_events()
    finally:
        if h.daemon:
            h.stop()
        h.configure(**{"receive-command": good})
    h.start()
    lab.succeeds(lab.guest())


@case.case("secmig-xl dies, fails or hangs when it starts the guest on B: it "
           "is started all the same", 120)
def _(lab):
    for how in ({"kill": True}, {"half": True}, {"exit": XL},
                {"after": True, "kill": True}, {"hang": True}):
        lab.b.clear_events()
        lab.b.control(secmig_xl={"start": dict(how, times=1)})
        g = lab.guest()
        out = lab.migrate(g).wait()
        check(out["code"] in (0, IN_DOUBT), "%s: told %s" % (how, out))
        check(lab.b.events("secmig-xl", "misbehaves"), "%s: not hit" % how)
        lab.b.control()
        g.must_run_on(lab.b, D["action-timeout"] + 5 + host.ROOM)


@case.case("B cannot start the guest for a while: xl is told where it is, "
           "and then it runs")
def _(lab):
    lab.b.control(secmig_xl={"start": {"exit": XL}})
    g = lab.guest()
    out = lab.migrate(g).wait()
    equal(out["code"], IN_DOUBT, "code")
    check(g.name in out["text"] and "handover list" in out["text"],
          "told: " + out["text"])
    equal(g.where(), [], "runs on")
    lab.b.control()
    g.must_run_on(lab.b, 10 + host.ROOM)


@case.case("secmig-xl dies, fails or hangs when A resumes or destroys", 120)
def _(lab):
    for how in ({"kill": True}, {"exit": XL}, {"after": True, "kill": True},
                {"hang": True}):
        for verb, fate in (("resume", {"die-at": "received"}),
                           ("destroy", {})):
            lab.a.clear_events()
            lab.a.control(secmig_xl={verb: dict(how, times=1)})
            lab.b.control(xl=fate)
            g = lab.guest()
            out = lab.migrate(g).wait()
            check(out["code"] in (XL, IN_DOUBT) if fate else
                  out["code"] in (0, IN_DOUBT), "%s: %s" % (verb, out))
            check(lab.a.events("secmig-xl", "misbehaves"),
                  "%s %s: not hit" % (verb, how))
            g.must_run_on(lab.a if fate else lab.b,
                          D["action-timeout"] + 5 + host.ROOM)
            lab.a.control()


@case.case("B's xl floods its stderr: nobody waits for that")
def _(lab):
    lab.b.control(xl={"noise": 1 << 20})
    lab.succeeds(lab.guest())


@case.case("stream that libxl refuses: the guest goes on at A")
def _(lab):
    lab.fails(lab.guest(), XL, **{"bad-hash": 1})
    lab.succeeds(lab.guest())


@case.case("cancelled by the client")
def _(lab):
    lab.fails(lab.guest(), CANCELLED, cancel="asked", within=3)
    lab.fails(lab.guest(), CANCELLED, cancel="stream", within=5,
              size=64 << 20, pause=0.01)
    lab.succeeds(lab.guest())


# ---- parents and keepers: the daemon ends with them, whole ----

def restart(lab, h):
    if h.daemon.poll() is None:
        h.stop()
    h.daemon = None
    h.start()


@case.case("source's parent killed in the stream")
def _(lab):
    g, m = midway(lab)
    tree = lab.a.tree()
    kill([lab.a.daemon.pid])
    lab.a.daemon.wait()
    m.go_on()
    lab.failed(m, g, NO_DAEMON)
    gone = host.wait_until(lambda: not [p for p in tree if os.path.exists(
        "/proc/%d" % p)], 5)
    check(gone, "processes of the dead daemon live on: %s" % [
        host.cmdline(p) for p in tree])
    check(host.wait_until(lambda: not lab.b.domains(), D["idle-timeout"] + host.ROOM),
          "B keeps a copy")
    lab.a.daemon = None
    lab.a.start()       # over what the dead one left: its socket
    lab.succeeds(g)


@case.case("destination's parent killed in the stream, and started again")
def _(lab):
    g, m = midway(lab)
    tree = lab.b.tree()
    kill([lab.b.daemon.pid])
    lab.b.daemon.wait()
    m.go_on()
    out = m.wait()
    check(out["code"] in (LINK, TIMEOUT, XL), "code: %s" % out)
    equal(g.where(), [lab.a], "runs on")
    gone = host.wait_until(lambda: not [p for p in tree if os.path.exists(
        "/proc/%d" % p)], 5)
    check(gone, "processes of the dead daemon live on: %s" % [
        host.cmdline(p) for p in tree if os.path.exists("/proc/%d" % p)])
    check(host.wait_until(lambda: not lab.strays(), 5), "xl lives on")
    lab.b.daemon = None
    lab.b.start()
    g.must_run_on(lab.a)
    lab.succeeds(g)


@case.case("keeper killed: the daemon ends, whole, and says why")
def _(lab):
    kill(lab.a.role(host.KEEPER_UID))
    lab.a.daemon.wait(5)
    check(lab.a.logged("(?i)keeper"), "not a word about the keeper")
    check(lab.a.daemon.returncode != 0, "exit code 0")
    lab.a.daemon = None
    lab.a.start()
    lab.succeeds(lab.guest())


@case.case("SIGTERM in the stream: ends whole, both sides tidy")
def _(lab):
    for h in (lab.a, lab.b):
        g, m = midway(lab)
        equal(h.stop(), 0, "exit code of the daemon")
        m.go_on()
        out = m.wait()
        check(out["code"] in (NO_DAEMON, LINK, TIMEOUT, CANCELLED, XL),
              "code: %s" % out)
        equal(g.where(), [lab.a], "runs on")
        h.start()           # it looks after what the other one has left
        g.must_run_on(lab.a)
    lab.succeeds(lab.guest())


@case.case("the source's daemon frozen (SIGSTOP) in the stream")
def _(lab):
    g, m = midway(lab)
    check(host.wait_until(lab.b.domains, host.ROOM), "nothing came to B")
    stopped = lab.a.tree()
    for p in stopped:
        os.kill(p, signal.SIGSTOP)
    try:
        check(host.wait_until(lambda: not lab.b.domains(),
                              D["idle-timeout"] + host.ROOM), "B has not noticed")
    finally:
        for p in stopped:
            os.kill(p, signal.SIGCONT)
    m.go_on()
    lab.failed(m, g, (LINK, TIMEOUT, PROTOCOL))


@case.case("the destination's peer frozen in the stream")
def _(lab):
    g, m = midway(lab)
    stopped = lab.b.role(host.PEER_UID)
    for p in stopped:
        os.kill(p, signal.SIGSTOP)
    m.go_on()
    try:
        out = m.wait()
        check(out["code"] in (LINK, TIMEOUT), "code: %s" % out)
        check(lab.a in g.where(), "does not run on A")
    finally:
        for p in stopped:
            try:
                os.kill(p, signal.SIGCONT)
            except ProcessLookupError:
                pass
    g.must_run_on(lab.a)


# ---- a daemon that cannot come up says so ----

def refuses_to_start(h, code, pattern):
    h.mark_log()
    try:
        h.start()
    except AssertionError as e:
        check("ended with" in str(e), str(e))
        check(h.logged(pattern), "no word of it: " + h.log()[-300:])
        if code:
            equal(h.daemon.returncode, code, "exit code")
        h.daemon = None
        return
    h.stop()
    raise AssertionError("it started")


@case.case("no sandbox, no daemon: a user that is missing, root, shared")
def _(lab):
    h = lab.a
    h.stop()
    for key in ("peer-user", "keeper-user", "control-user"):
        good = h.settings[key]
        other = "peer-user" if key != "peer-user" else "keeper-user"
        for bad in ("no-such-user-here", 0, h.settings[other]):
            h.configure(**{key: bad})
            refuses_to_start(h, SANDBOX, "(?i)(sandbox|user|account)")
        h.configure(**{key: good})
    h.start()


@case.case("no sandbox, no daemon: a root for peers that is not empty")
def _(lab):
    h = lab.a
    h.stop()
    name = h.var + "/empty/something"
    open(name, "w").close()
    try:
        refuses_to_start(h, SANDBOX, "empty: must be empty")
    finally:
        os.unlink(name)
    os.chmod(h.var + "/empty", 0o777)
    try:
        refuses_to_start(h, 4, "empty: not ours alone")
    finally:
        os.chmod(h.var + "/empty", 0o755)
    h.start()


@case.case("no key, a damaged key, another host's key, a key others may read")
def _(lab):
    h = lab.a
    h.stop()
    path = h.var + "/host-key.sealed"
    with open(path, "rb") as f:
        good = f.read()
    mode = os.stat(path).st_mode & 0o777

    def put(data, m=mode):
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, m)
    try:
        os.unlink(path)
        refuses_to_start(h, 4, "host-key|host key")
        put(good[:-1] + bytes([good[-1] ^ 1]))
        refuses_to_start(h, 31, "host-key|host key")
        put(good, 0o644)
        refuses_to_start(h, 4, "host-key|host key")
        put(open(lab.b.var + "/host-key.sealed", "rb").read())
        refuses_to_start(h, 31, "host-key|host key")
    finally:
        put(good)
    h.start()


@case.case("a second daemon on the same root")
def _(lab):
    h = lab.a
    second = subprocess.run(
        [host.BUILD + "/secmigd", "--root", h.root], timeout=20,
        capture_output=True, text=True)
    check(second.returncode != 0, "it came up")
    check(second.stderr.strip(), "without a word")
    lab.succeeds(lab.guest())       # the first one still has its socket


if __name__ == "__main__":
    case.main(host.Lab)
