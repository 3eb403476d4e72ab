#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A man in the middle: flips, drops, repeats, reorders, cuts, splices,
replays, reflects.  The guest goes on at the source each time, nothing that
was tampered with reaches xl, and both sides notice within their deadlines."""
import os
import time

import case
import host
import proxy
from case import check, equal

TIMEOUT, LINK, AUTH, PROTOCOL, XL = 13, 14, 15, 16, 27
TAMPERED = (LINK, AUTH, PROTOCOL)

LONG = bool(os.environ.get("SECMIG_LONG"))
REPLAYS = 1000 if LONG else 40

# Frames of a migration: "out" 0, 1 handshake, 2 REQUEST, 3... STATE;
# "in" 0 handshake, 1 ACCEPT, 2... HANDOVER, DONE.
REQUEST, ACCEPT, FIRST_STATE = 2, 1, 3

# No progress, then noticed: idle-timeout and its grain, and room for a
# machine that is busy.
IDLE = host.DEADLINES["idle-timeout"] + host.ROOM
HANDSHAKE = host.DEADLINES["handshake-timeout"] + host.ROOM
ANSWER = host.DEADLINES["answer-timeout"] + host.ROOM
# Both hosts are up, and the source calls again.
SETTLED = 2 * host.DEADLINES["settle-interval"] + HANDSHAKE


def attacked(lab, attack, codes=TAMPERED, within=IDLE, begins=True,
             settles=True, **opts):
    """One migration under attack.  `begins`: the stream may start."""
    g = lab.guest()
    p = lab.between(attack)
    lab.b.clear_events()
    opts.setdefault("size", 4 << 20)
    out = lab.fails(g, codes, within=within, **opts)
    check(not settles or p.settle(IDLE), "a connection stays open after: " + out["text"])
    got = [e["what"] for e in lab.b.events("xl")]
    check(not settles or "ready" not in got, "xl on B got as far as READY")
    if not begins:
        equal(got, [], "xl on B")
    return out, p


@case.case("bits flipped in every part of the handshake", 1800 if LONG else 180)
def _(lab):
    # every byte when there is time, else a sample that hits each part
    p = lab.between()
    lab.succeeds(lab.guest())
    for (d, i), size in host.MESSAGES.items():
        equal(len(p.sessions[0].frames[d][i].data), size,
              "length of handshake message %s %d" % (d, i))
        # a payload is one ciphertext: its middle is like its ends
        offsets = {0, 1, 2 + 32 + 48 + 2000, size - 17, size - 16, size - 1}
        offsets |= set(range(2, 2 + 32 + 48 + 100, 9))
        if LONG:
            offsets |= set(range(2, 2 + 32 + 48 + 200)) | set(
                range(200, size, 61))
        for offset in sorted(o for o in offsets if o < size):
            attacked(lab, proxy.at(d, i, proxy.flip(offset, offset % 8)),
                     begins=False, within=HANDSHAKE,
                     codes=TAMPERED + ((TIMEOUT,) if offset < 2 else ()))
            # it goes on, as was seen; hundreds of them take the machine
            lab.guests.clear()
            for h in lab.hosts:
                h.destroy_all()


@case.case("bits flipped in records: header, body, tag, each direction", 120)
def _(lab):
    for d, i in (("out", REQUEST), ("out", FIRST_STATE),
                 ("out", FIRST_STATE + 5), ("in", ACCEPT)):
        for offset in (0, 3, 4, 5, 7, 8, 20, -17, -1):
            attacked(lab, proxy.at(d, i, proxy.flip(offset, 0)),
                     codes=TAMPERED + (TIMEOUT,), size=4 << 20,
                     begins=(d, i) not in (("out", REQUEST),))


@case.case("a bad record is named as such where it is found")
def _(lab):
    attacked(lab, proxy.at("out", FIRST_STATE, proxy.flip(100)))
    check(lab.b.logged("record from hostA was changed"), "B does not say so")
    out, _ = attacked(lab, proxy.at("in", ACCEPT, proxy.flip(20)))
    equal(out["code"], PROTOCOL, out["text"])
    check("record from hostB was changed" in out["text"], out["text"])


@case.case("records dropped")
def _(lab):
    for d, i in (("out", REQUEST), ("out", FIRST_STATE), ("out", 8),
                 ("in", ACCEPT)):
        attacked(lab, proxy.at(d, i, proxy.drop), TAMPERED + (TIMEOUT,),
                 within=ANSWER)


@case.case("records repeated")
def _(lab):
    for d, i in (("out", REQUEST), ("out", FIRST_STATE), ("out", 8),
                 ("in", ACCEPT)):
        attacked(lab, proxy.at(d, i, proxy.duplicate), TAMPERED)


@case.case("handshake messages dropped and repeated")
def _(lab):
    for d, i in (("out", 0), ("in", 0), ("out", 1)):
        attacked(lab, proxy.at(d, i, proxy.drop), TAMPERED + (TIMEOUT,),
                 within=HANDSHAKE, begins=False)
    for d, i in (("out", 0), ("in", 0), ("out", 1)):
        attacked(lab, proxy.at(d, i, proxy.duplicate), TAMPERED + (TIMEOUT,),
                 within=IDLE)


@case.case("records in another order")
def _(lab):
    for i in (REQUEST + 1, 6):
        attacked(lab, proxy.swap("out", i), TAMPERED)


@case.case("bytes added between records")
def _(lab):
    attacked(lab, proxy.at("out", FIRST_STATE, proxy.append(bytes(16))),
             TAMPERED + (TIMEOUT,))
    attacked(lab, proxy.at("in", ACCEPT, proxy.append(b"\xff" * 32)),
             TAMPERED)


@case.case("cut at each of the first record boundaries, and inside each", 120)
def _(lab):
    for i in range(0, 7):
        for keep in (0, 1, 9, -1):
            if i >= FIRST_STATE + 1 and keep in (1, 9):
                continue
            attacked(lab, proxy.at("out", i, proxy.truncate(keep)),
                     TAMPERED, within=HANDSHAKE,
                     begins=i > REQUEST)
    for i in range(0, 2):
        for keep in (0, 9, -1):
            attacked(lab, proxy.at("in", i, proxy.truncate(keep)), TAMPERED,
                     within=HANDSHAKE, begins=i >= ACCEPT)


@case.case("the last records before READY cut off: never READY", 120)
def _(lab):
    p = lab.between()
    lab.succeeds(lab.guest(), size=1 << 20)
    p.settle()
    # the size is fixed, the cutting into records is not: count from the
    # sum of bytes
    total = sum(len(f.data) for f in p.sessions[0].records("out"))
    for short in (1, 2, 17, 40, 60):
        left = [total - short - 200]

        def attack(session, frame, left=left):
            if frame.direction != "out" or frame.record < 0:
                return None
            left[0] -= len(frame.data)
            if left[0] < 0:
                raise proxy.Cut(frame.data[:left[0]])
            return None
        attacked(lab, attack, TAMPERED + (XL,))


@case.case("link dark in the middle: both notice in seconds")
def _(lab):
    g = lab.guest()
    p = lab.between()
    m = lab.migrate(g, hold="mid", size=8 << 20)
    m.reached("mid")
    p.darken()
    began = time.monotonic()
    m.go_on()
    out = lab.failed(m, g, (TIMEOUT, LINK))
    a_took = time.monotonic() - began
    noticed = host.wait_until(
        lambda: not [d for d in lab.b.domains()]
        and not lab.b.role(host.PEER_UID), IDLE)
    check(noticed, "B has not noticed %.1f s after" % (time.monotonic()
                                                       - began))
    check(a_took < IDLE, "A took %.1f s" % a_took)
    for h in lab.hosts:
        check(h.logged(g.name), "%s logs nothing" % h.name)
    check(out["text"], "no line")


@case.case("link dark one way, either way")
def _(lab):
    for d in ("out", "in"):
        attacked(lab, proxy.hold(d, 6 if d == "out" else 2),
                 (TIMEOUT, LINK), within=IDLE + 1, size=4 << 20,
                 settles=False)


@case.case("link dark for less than the deadline: the guest arrives")
def _(lab):
    def pause(session, frame):
        if frame.direction == "out" and frame.index == 6:
            time.sleep(host.DEADLINES["idle-timeout"] / 2)
        return None
    lab.between(pause)
    lab.succeeds(lab.guest(), size=4 << 20)


def goes_dark(lab, g, where):
    """The link goes dark while the sender stands at `where`, and comes back
    when everybody has given up; xl's outcome."""
    p = lab.between()
    m = lab.migrate(g, hold=where)
    m.reached(where)
    p.darken()
    m.go_on()
    out = m.wait()
    for h in lab.hosts:
        check(host.wait_until(lambda: not h.role(host.PEER_UID), IDLE),
              "%s still has a peer" % h.name)
    p.lighten()
    return out


@case.case("link dark when all is sent, for longer than the deadlines: the "
           "guest goes on at A, and B gives its copy up once it hears")
def _(lab):
    g = lab.guest()
    out = goes_dark(lab, g, "sent")
    check(out["code"] in (TIMEOUT, LINK), "code: %s" % out)
    g.must_run_on(lab.a, SETTLED)


# ---- with recorded sessions ----

def record(lab, **opts):
    """A whole good session through the middle."""
    p = lab.between()
    g = lab.guest()
    lab.succeeds(g, **opts)
    p.settle()
    return p.sessions[0]


@case.case("a whole recorded session played to B, %d times" % REPLAYS, 300)
def _(lab):
    s = record(lab, size=200000)
    lab.b.clear_events()
    frames = [f.data for f in s.frames["out"]]
    for _ in range(REPLAYS):
        back = proxy.play(lab.b.address, frames[:6])
        check(len(back) <= len(s.frames["in"][0].data),
              "B went on after message 2")
    equal([e for e in lab.b.events() if e["tool"] == "xl"], [], "xl on B")
    lab.dial_straight()
    lab.succeeds(lab.guest())


@case.case("the answers of a recorded session played to A")
def _(lab):
    s = record(lab)
    lab.b.clear_events()
    p = lab.later(proxy.Player(("127.0.0.13", 0),
                               [f.data for f in s.frames["in"]]))
    lab.a.dial("hostB", p.address)
    lab.fails(lab.guest(), (AUTH, PROTOCOL), within=HANDSHAKE)
    equal(lab.b.events("xl"), [], "xl on B")


@case.case("records of another session spliced in")
def _(lab):
    s = record(lab)
    for d, i in (("out", 1), ("out", REQUEST), ("out", FIRST_STATE),
                 ("in", 0), ("in", ACCEPT)):
        data = s.frames[d][i].data
        attacked(lab, proxy.at(d, i, proxy.replace(data)),
                 TAMPERED + (TIMEOUT,))


@case.case("records of the other direction spliced in, messages reflected")
def _(lab):
    for d, i in (("out", 0), ("out", 1), ("out", REQUEST),
                 ("out", FIRST_STATE), ("in", 0), ("in", ACCEPT)):
        attacked(lab, proxy.at(d, i, proxy.reflect), TAMPERED + (TIMEOUT,),
                 within=ANSWER)


@case.case("all of A's bytes sent back to A")
def _(lab):
    def attack(session, frame):
        if frame.direction == "out":
            return proxy.reflect(session, frame)
        return []
    attacked(lab, attack, TAMPERED + (TIMEOUT,), within=HANDSHAKE,
             begins=False)


@case.case("A's connection led back to A itself")
def _(lab):
    g = lab.guest()
    p = lab.later(proxy.Proxy(("127.0.0.13", 0), lab.a.address))
    lab.a.dial("hostB", p.address)
    lab.fails(g, TAMPERED, within=HANDSHAKE)
    equal(lab.a.events("xl"), [], "xl on A")


@case.case("two sessions' connections crossed in the middle")
def _(lab):
    g1, g2 = lab.guest(), lab.guest()
    p = lab.between()
    m1 = lab.migrate(g1, hold="mid", size=2 << 20)
    m2 = lab.migrate(g2, hold="mid", size=2 << 20)
    m1.reached("mid")
    m2.reached("mid")
    s1, s2 = p.sessions
    send1, send2 = s1.send, s2.send
    s1.send = lambda d, x: (send2 if d == "out" else send1)(d, x)
    s2.send = lambda d, x: (send1 if d == "out" else send2)(d, x)
    m1.go_on()
    m2.go_on()
    lab.failed(m1, g1, TAMPERED + (TIMEOUT,))
    lab.failed(m2, g2, TAMPERED + (TIMEOUT,))


# ---- something else at the other end ----

@case.case("other protocols on the destination's port: refused, no fall-back")
def _(lab):
    for words in (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
                  b"xl migration receiver ready, send binary domain data.\n",
                  b"HTTP/1.1 200 OK\r\n\r\n", bytes(4096), b"\xff" * 4096):
        p = lab.later(proxy.Player(("127.0.0.13", 0), [words]))
        lab.a.dial("hostB", p.address)
        lab.fails(lab.guest(), TAMPERED + (TIMEOUT,), within=HANDSHAKE)


@case.case("other protocols spoken to B's port")
def _(lab):
    for words in (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
                  b"GET / HTTP/1.1\r\nHost: b\r\n\r\n",
                  b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                  b"\x00", b"\x00\x20", b"\x00\x20" + bytes(32),
                  b"\xff" * 70000):
        began = time.monotonic()
        back = proxy.play(lab.b.address, [words])
        check(len(back) in (0, 194), "B answered %d bytes" % len(back))
        check(time.monotonic() - began < HANDSHAKE, "B took its time")
    equal(lab.b.events("xl"), [], "xl on B")


class Lab(host.Lab):
    def dial_straight(self):
        self.a.dial("hostB", self.b.address)


if __name__ == "__main__":
    case.main(Lab)
