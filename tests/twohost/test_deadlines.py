#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A peer that goes silent, at each step and on each side: noticed within the
configured seconds, said in one line, nothing kept."""
import socket
import threading
import time

import case
import host
import proxy
from case import check, equal

TIMEOUT, LINK, CANCELLED, XL = 13, 14, 28, 27
D = host.DEADLINES
ROOM = host.ROOM
LET_GO = 10 + ROOM      # for xl to end by itself


@case.case("A: nobody answers the connection (connect-timeout)")
def _(lab):
    # a listener whose queue is full answers no SYN
    s = socket.socket()
    s.bind(("127.0.0.13", 0))
    s.listen(0)
    full = []
    for _ in range(3):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(s.getsockname())
        full.append(c)
    time.sleep(0.2)
    try:
        lab.a.dial("hostB", s.getsockname())
        out = lab.fails(lab.guest(), TIMEOUT,
                        within=D["connect-timeout"] + ROOM)
        check(out["seconds"] > D["connect-timeout"] / 2, "gave up early")
    finally:
        for c in full:
            c.close()
        s.close()


class Mute(threading.Thread):
    """Accepts, reads, never says a word."""
    def __init__(self):
        super().__init__(daemon=True)
        self.s = socket.socket()
        self.s.bind(("127.0.0.13", 0))
        self.s.listen(8)
        self.address = self.s.getsockname()
        self.got = []
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            self.got.append(c)

    def close(self):
        try:
            self.s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.s.close()
        for c in self.got:
            c.close()


@case.case("A: accepts and is silent (handshake-timeout)")
def _(lab):
    mute = lab.later(Mute())
    lab.a.dial("hostB", mute.address)
    lab.fails(lab.guest(), TIMEOUT, within=D["handshake-timeout"] + ROOM)


@case.case("B: a client that is silent (handshake-timeout)")
def _(lab):
    began = time.monotonic()
    back = proxy.play(lab.b.address, [], limit=10)  # half-closed: at once
    check(not back and time.monotonic() - began < ROOM, "half-closed client")
    c = socket.create_connection(lab.b.address)
    c.settimeout(10)
    began = time.monotonic()
    check(c.recv(1) == b"", "B spoke first")
    took = time.monotonic() - began
    c.close()
    check(took < D["handshake-timeout"] + ROOM, "took %.1f s" % took)
    check(lab.b.logged("(?i)(timeout|deadline|in time|too long|silent)"),
          "B logs nothing")


SILENCE = [
    ("out", 0, "handshake-timeout", "before message 1 arrives"),
    ("in", 0, "handshake-timeout", "before message 2"),
    ("out", 1, "handshake-timeout", "before message 3"),
    ("out", 2, "answer-timeout", "before REQUEST"),
    ("in", 1, "answer-timeout", "before ACCEPT"),
    ("out", 3, "idle-timeout", "before the first of the stream"),
    ("out", 9, "idle-timeout", "in the stream"),
]


for _d, _i, _key, _what in SILENCE:
    @case.case("link silent both ways %s" % _what)
    def _(lab, d=_d, i=_i, key=_key):
        p = lab.between(proxy.hold_both(d, i))
        g = lab.guest()
        began = time.monotonic()
        lab.fails(g, (TIMEOUT, LINK), within=D[key] + ROOM, size=4 << 20)
        # B's clock started at about the same time
        gone = host.wait_until(lambda: not lab.b.role(host.PEER_UID),
                               D["answer-timeout"] + ROOM)
        check(gone, "B still has a peer %.1f s after" % (time.monotonic()
                                                         - began))
        check(p.sessions, "nothing went through the proxy")


@case.case("B's xl hangs at each step, both give up, no copy stays", 120)
def _(lab):
    for step, limit in (("start", "answer-timeout"),
                        ("banner", "idle-timeout"),
                        ("config", "idle-timeout"),
                        ("stream", "idle-timeout"),
                        ("received", "finish-timeout")):
        lab.b.clear_events()
        lab.b.control(xl={"hang-at": step})
        g = lab.guest()
        out = lab.fails(g, (TIMEOUT, LINK, XL), size=8 << 20)
        check(out["seconds"] < max(D[limit], D["finish-timeout"]) + 2 * ROOM,
              "%s: took %.1f s: %s" % (step, out["seconds"], out["text"]))
        check(lab.b.events("xl", "hangs"), "xl did not get to " + step)
        left = lab.strays()
        check(not left, "%s: %s" % (step, left))
        lab.b.control()


@case.case("A's xl stops in the middle of the stream")
def _(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="mid")
    m.reached("mid")
    check(host.wait_until(lab.b.domains), "B has no copy yet")
    # a stopped xl must not hold B's memory for ever
    gone = host.wait_until(lambda: not lab.b.domains(),
                           D["finish-timeout"] + D["idle-timeout"] + ROOM)
    check(gone, "B keeps the copy of a source that sends nothing")
    # and what does not let go of the guest in time is made to
    check(host.wait_until(lambda: m.p.poll() is not None, LET_GO),
          "xl holds the guest for ever")
    equal(m.wait()["exit"], -9, "exit")
    g.must_run_on(lab.a)


@case.case("A's xl stops when the guest is suspended: killed, and the guest "
           "goes on")
def _(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="suspended")
    m.reached("suspended")
    check(host.wait_until(lambda: m.p.poll() is not None,
                          D["finish-timeout"] + D["idle-timeout"] + LET_GO),
          "xl holds the guest for ever")
    equal(m.wait()["exit"], -9, "exit")
    g.must_run_on(lab.a)


@case.case("the copy is never complete (ready-timeout): the guest goes on")
def _(lab):
    lab.b.control(xl={"hang-at": "received"})
    g = lab.guest()
    out = lab.fails(g, (TIMEOUT, LINK, XL),
                    within=D["ready-timeout"] + D["finish-timeout"] + ROOM)
    check(out["given"], "it was not handed over")


@case.case("a slow but steady stream is not silence")
def _(lab):
    seconds = D["idle-timeout"] * 2
    lab.succeeds(lab.guest(), size=20 * 65536, pause=seconds / 20)


@case.case("a slow reader on B is not silence")
def _(lab):
    # longer than idle-timeout, shorter than finish-timeout
    lab.b.control(xl={"slow": (D["idle-timeout"] + 0.5) / 8})
    lab.succeeds(lab.guest(), size=8 * 65536)


@case.case("a guest that takes long to suspend is not silence")
def _(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="suspended")
    m.reached("suspended")
    time.sleep(D["idle-timeout"] * 0.8)
    m.go_on()
    check(m.wait()["exit"] == 0, "gave up: %s" % m.out["text"])
    g.must_run_on(lab.b)


if __name__ == "__main__":
    case.main(host.Lab)
