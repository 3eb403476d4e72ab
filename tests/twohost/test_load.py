#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many at once: migrations, strangers, slow strangers.  Limits hold, what is
over them is told so at once, and a real migration still gets through."""
import os
import socket
import subprocess
import threading
import time

import case
import host
from case import check, equal

BUSY = 26
D = host.DEADLINES


@case.case("ten guests at once", 120)
def _(lab):
    guests = [lab.guest() for _ in range(10)]
    moves = [lab.migrate(g, size=4 << 20, seed=g.name) for g in guests]
    outs = [m.wait(60) for m in moves]
    hashes = [e["sha256"] for e in lab.b.events("xl", "stream-hash")]
    for g, out in zip(guests, outs):
        equal(out["exit"], 0, out["text"])
        g.must_run_on(lab.b)
        check(out["sha256"] in hashes, "memory differs")


@case.case("over the limit of the destination: told busy, at once", 120)
def _(lab):
    limit(lab, lab.b, "max-incoming")


@case.case("over the limit of the source: told busy, at once", 120)
def _(lab):
    limit(lab, lab.a, "max-outgoing")


def limit(lab, h, key):
    h.stop()
    h.configure(**{key: 3})
    h.start()
    try:
        guests = [lab.guest() for _ in range(5)]
        moves = []
        for g in guests[:3]:
            m = lab.migrate(g, hold="mid")
            m.reached("mid")
            moves.append(m)
        for g in guests[3:]:
            lab.fails(g, BUSY, within=host.SOON)
        for m in moves:
            m.go_on()
        for g, m in zip(guests, moves):
            equal(m.wait()["exit"], 0, "of the first three")
            g.must_run_on(lab.b)
        lab.succeeds(guests[3])     # the places are free again
    finally:
        h.stop()
        h.configure(**{key: None})
        h.settings.pop(key)
        h.start()


@case.case("a failed migration gives its place back", 120)
def _(lab):
    lab.b.stop()
    lab.b.configure(**{"max-incoming": 2})
    lab.b.start()
    lab.b.control(xl={"die-at": "stream"})
    for _ in range(5):
        lab.fails(lab.guest(), tuple(range(1, 32)))
    lab.b.control()
    lab.succeeds(lab.guest())
    lab.b.stop()
    lab.b.settings.pop("max-incoming")
    lab.b.configure()
    lab.b.start()


def memory(h):
    """KiB of the daemon and all below it."""
    total = 0
    for p in h.tree():
        st = host.proc_status(p)
        if st:
            total += int(st.get("VmRSS", "0").split()[0])
    return total


class Flood:
    """Strangers on B's port, from many addresses, for as long as wanted."""

    def __init__(self, address, talk):
        self.address, self.talk = address, talk
        self.stop = threading.Event()
        self.made = 0
        self.threads = [threading.Thread(target=self.run, args=(i,),
                                         daemon=True) for i in range(4)]
        for t in self.threads:
            t.start()

    def run(self, n):
        held = []
        while not self.stop.is_set():
            s = socket.socket()
            s.settimeout(1)
            try:
                s.bind(("127.0.%d.%d" % (100 + n, 1 + self.made % 250), 0))
                s.connect(self.address)
                if self.talk:
                    s.sendall(self.talk)
                held.append(s)
                self.made += 1
            except OSError:
                s.close()
            if len(held) > 60:
                held.pop(0).close()
            time.sleep(0.004)
        for s in held:
            s.close()

    def close(self):
        self.stop.set()
        for t in self.threads:
            t.join()


@case.case("flood of strangers that say nothing: a real one gets through",
           90)
def _(lab):
    flooded(lab, b"")


@case.case("flood of strangers with a first message each", 90)
def _(lab):
    flooded(lab, b"\0\x20" + os.urandom(31) + b"\x40")


def flooded(lab, talk):
    g = lab.guest()
    started = time.monotonic()
    f = lab.later(Flood(lab.b.address, talk))
    time.sleep(3)
    check(f.made > 100, "only %d connections" % f.made)
    used = memory(lab.b)
    procs = len(lab.b.tree())
    check(procs < 80, "%d processes" % procs)
    check(host.SANITIZED or used < 400 << 10, "%d KiB" % used)
    # told busy or too slow is a fair answer to one try, not to all
    began = time.monotonic()
    tries = 0
    while True:
        tries += 1
        out = lab.migrate(g).wait()
        if out["exit"] == 0 or time.monotonic() - began > 25:
            break
    check(out["exit"] == 0, "no migration in %.0f s and %d tries of a flood "
          "of %d: %s" % (time.monotonic() - began, tries, f.made,
                         out["text"]))
    g.must_run_on(lab.b)
    # B's other duties go on
    p = lab.b.secmig("status")
    check(p.stdout, "no status")
    lines = len(lab.b.log().splitlines())
    seconds = time.monotonic() - started
    check(lines < 60 + 12 * seconds, "%d lines of log for %d strangers in "
          "%.0f s" % (lines, f.made, seconds))


@case.case("slowloris: a byte now and then buys no time", 60)
def _(lab):
    held = []
    for i in range(24):
        s = socket.create_connection(lab.b.address)
        s.setblocking(False)
        held.append(s)
    began = time.monotonic()
    closed = {}
    while (time.monotonic() - began < D["handshake-timeout"] + host.ROOM
           and len(closed) < len(held)):
        for s in held:
            if s in closed:
                continue
            try:
                s.send(b"\0")
                if s.recv(1) == b"":
                    closed[s] = time.monotonic() - began
            except BlockingIOError:
                pass
            except OSError:
                closed[s] = time.monotonic() - began
        time.sleep(0.4)
    for s in held:
        s.close()
    equal(len(closed), 24, "connections ended in time")
    lab.succeeds(lab.guest())


@case.case("silent strangers from one address take every place: a real one "
           "still gets in")
def _(lab):
    held = [socket.create_connection(lab.b.address, source_address=(
        "127.0.99.1", 0)) for _ in range(60)]
    try:
        for _ in range(3):
            lab.succeeds(lab.guest())
    finally:
        for s in held:
            s.close()


@case.case("silent strangers from many addresses: none keeps its place long")
def _(lab):
    held = [socket.create_connection(lab.b.address, source_address=(
        "127.0.99.%d" % (i + 1), 0)) for i in range(60)]
    time.sleep(0.7)
    try:
        lab.succeeds(lab.guest())
    finally:
        for s in held:
            s.close()


@case.case("one migration stalls, another goes on")
def _(lab):
    slow, quick = lab.guest(), lab.guest()
    m = lab.migrate(slow, hold="mid", size=2 << 20)
    m.reached("mid")
    out = lab.succeeds(quick)
    check(out["seconds"] < host.SOON, "took %.1f s" % out["seconds"])
    m.go_on()
    equal(m.wait()["exit"], 0, "the stalled one")
    slow.must_run_on(lab.b)


@case.case("a hanging secmig-xl holds up nobody else")
def _(lab):
    stuck, quick = lab.guest(), lab.guest()
    lab.b.control(secmig_xl={"room": {"hang": True}})
    m = lab.migrate(stuck)
    check(host.wait_until(lambda: [
        e for e in lab.b.events("secmig-xl", "argv")
        if e["argv"][0] == "room"],
        host.SOON), "room was not asked for")
    time.sleep(0.3)
    lab.b.control()
    out = lab.succeeds(quick)
    check(out["seconds"] < host.SOON, "took %.1f s" % out["seconds"])
    lab.failed(m, stuck, tuple(range(1, 32)))


@case.case("two hundred failed arrivals: no growth, no leftovers", 120)
def _(lab):
    evil = host.BUILD + "/tests/twohost/evil"
    subprocess.run([evil, "keygen", lab.dir + "/s.key", "stranger"],
                   check=True, stdout=subprocess.DEVNULL)

    def once():
        subprocess.run([evil, "source", lab.dir + "/s.key", "stranger",
                        lab.b.address[0], str(lab.b.address[1]), "hostB",
                        "handshake", "closed", "3000"],
                       stdout=subprocess.DEVNULL)
    for _ in range(20):
        once()
    before = int(host.proc_status(lab.b.daemon.pid)["VmRSS"].split()[0])
    for _ in range(200):
        once()
    after = int(host.proc_status(lab.b.daemon.pid)["VmRSS"].split()[0])
    check(host.SANITIZED or after - before < 1024,
          "the parent grew from %d to %d KiB" % (before, after))
    lab.succeeds(lab.guest())


if __name__ == "__main__":
    case.main(host.Lab)
