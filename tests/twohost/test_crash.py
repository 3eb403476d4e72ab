#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 of every process at every step: one guest, on the side where it
belongs, nothing left, and the next migration works."""
import os
import signal
import time

import case
import host
from case import check, equal

NO_DAEMON, TIMEOUT, LINK, PROTOCOL, XL, CANCELLED = 10, 13, 14, 16, 27, 28
HELPER, SANDBOX = 18, 30
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


@case.case("source's control process killed in the stream: it has no part "
           "in it any more")
def _(lab):
    g, m = midway(lab)
    kill(lab.a.role(host.CONTROL_UID))
    m.go_on()
    out = m.wait()
    # the report came through the stream; only RESULT is missing
    equal((out["exit"], out["warning"]), (0, True), out["text"])
    g.must_run_on(lab.b)


@case.case("the client (xl) killed in the stream, and at other steps", 90)
def _(lab):
    for step in ("connected", "asked", "answered", "stream", "mid",
                 "suspended", "sent"):
        g = lab.guest()
        m = lab.migrate(g, kill=step)
        equal(m.wait()["exit"], -9, "exit")
        # before it has suspended the guest, a dead xl changes nothing
        if step not in ("suspended", "sent"):
            g.must_run_on(lab.a)
        check(host.wait_until(lambda: not lab.b.find(g), 4),
              "%s: B keeps a copy" % step)
        check(lab.b not in g.where(), "runs on B")


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


@case.case("B's xl dies between READY and unpause: told, and never two")
def _(lab):
    for step in ("ready", "go"):
        lab.b.control(xl={"die-at": step})
        g = lab.guest()
        out = lab.migrate(g).wait()
        check(out["code"] in (XL, LINK) and out["text"], "told: %s" % out)
        check(lab.b not in g.where(), "runs on B")
        check(out["undefined"] or g.where() == [lab.a], "not resumed")
        check(host.wait_until(lambda: not lab.b.find(g), 4),
              "B keeps a copy")
        with host.fakexen.state(lab.a.toy) as st:   # as an administrator
            host.fakexen.find(st, uuid=g.uuid)["name"] = g.name


@case.case("B's xl dies after unpause: the running guest is not discarded")
def _(lab):
    lab.b.control(xl={"die-at": "unpause"})
    g = lab.guest()
    lab.migrate(g).wait()
    equal(g.where(), [lab.b], "runs on")
    time.sleep(0.5)
    equal(g.where(), [lab.b], "runs on, later")
    check(lab.b.find(g)["name"] == g.name, "name on B")
    with host.fakexen.state(lab.a.toy) as st:
        host.fakexen.find(st, uuid=g.uuid)["name"] = g.name


@case.case("B's xl reports a failed unpause: the guest goes on at A")
def _(lab):
    lab.b.control(xl={"start-fails": 5})
    out = lab.fails(lab.guest(), XL, "did not start")
    # xl itself exits with 0 when it has cleaned up
    equal(out["result"], XL, "RESULT's code")


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
        lab.failed(m, g, (NO_DAEMON, LINK, TIMEOUT, CANCELLED, XL))
        h.start()
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
    second = host.subprocess.run(
        [host.BUILD + "/secmigd", "--root", h.root], timeout=20,
        capture_output=True, text=True)
    check(second.returncode != 0, "it came up")
    check(second.stderr.strip(), "without a word")
    lab.succeeds(lab.guest())       # the first one still has its socket


if __name__ == "__main__":
    case.main(host.Lab)
