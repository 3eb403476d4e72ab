#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The doubles themselves, without secmigd: that they pass what is right, and
that the lab's checks see what is wrong.  A few lines stand in for both
daemons here: they join the sender to xl by a pipe, and do what follows."""
import array
import hashlib
import json
import os
import socket
import struct
import subprocess
import threading
import time

import case
import host
from case import check, equal
from host import fakexen

MAGIC = b"Xen saved domain, xl format\n \0 \r"
READY = b"domain received, ready to unpause\0"
GO = b"domain is yours, you are cleared to unpause\0"
REPORT = b"my copy unpause results are as follows\0"
GONE, RUNS, SUSPENDED, COPY = 1, 2, 3, 4
NO_DOMAIN, EXISTS, STATE, XL = 25, 24, 4, 27
BANNER = b"xl migration receiver ready, send binary domain data.\n"


class Wire(threading.Thread):
    """Accepts one MIGRATE and joins it to xl on the other host."""

    def __init__(self, src, dst, guest):
        super().__init__(daemon=True)
        self.src, self.dst = src, dst
        self.guest = (guest.uuid, guest.name)
        try:
            os.unlink(src.sock)
        except FileNotFoundError:
            pass
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(src.sock)
        self.server.listen(1)
        self.start()

    def run(self):
        c, _ = self.server.accept()
        head = c.recv(8, socket.MSG_WAITALL)
        length, kind, version = struct.unpack(">IHH", head)
        assert (kind, version) == (1, 1)
        body = c.recv(length, socket.MSG_WAITALL)
        at = 4 + 16 + 4
        for _ in range(2):
            n, = struct.unpack_from(">H", body, at)
            at += 2 + n
        config = body[at + 4:] + b"\0"
        assert struct.unpack_from(">I", body, at)[0] == len(config) - 1
        p = subprocess.Popen([self.dst.toy + "/xl", "migrate-receive", "--secure"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, bufsize=0)
        assert p.stdout.read(len(BANNER)) == BANNER
        p.stdin.write(MAGIC + struct.pack("<5I", 0x01020304, 3, 0,
                                          4 + len(config), len(config))
                      + config)
        c.sendall(struct.pack(">IHH", 6, 2, 1) + bytes(6))
        c.sendmsg([struct.pack(">IHH", 0, 3, 1)],
                  [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", [p.stdin.fileno()]))])
        p.stdin.close()
        said = p.stdout.read()
        # a sender whose stream has failed hands nothing over
        c.settimeout(10 if said == READY else 1)
        try:
            given = c.recv(8, socket.MSG_WAITALL) == struct.pack(">IHH", 0,
                                                                 6, 1)
        except TimeoutError:
            given = False
        good = p.wait() == 0 and said == READY and given
        tool(self.dst, "start" if good else "discard", *self.guest,
             *["run"] * good)
        if given:
            tool(self.src, "destroy" if good else "resume", *self.guest)
        c.sendall(struct.pack(">IHHHHH", 6, 4, 1, 0 if good else XL, 0, 0))
        c.close()
        self.server.close()


def tool(h, *args):
    """secmig-xl of that host; exit code, output."""
    p = subprocess.run([h.toy + "/secmig-xl", *args], capture_output=True,
                       timeout=10)
    return p.returncode, p.stdout


def look(h, role, g):
    """What secmig-xl sees: number, name.  It says when it looked."""
    before = time.monotonic_ns() // 1000000
    code, data = tool(h, "look", role, g.uuid, g.name)
    equal(code, 0, "exit code of look")
    state, domid, n = struct.unpack_from(">BIH", data)
    equal(domid == 0xffffffff, state == GONE, "domid %d" % domid)
    equal(len(data), 7 + n + 8, "bytes from look")
    when, = struct.unpack_from(">Q", data, 7 + n)
    check(before <= when <= time.monotonic_ns() // 1000000, "when: %d" % when)
    return state, data[7:7 + n].decode()


class Bare(host.Lab):
    """Two toy hosts, no daemons."""

    def __init__(self):
        self.start_daemons = False
        super().__init__()

    def set_up(self):
        for h in self.hosts:
            h.start = lambda: None


def run(lab, guest, **opts):
    w = Wire(lab.a, lab.b, guest)
    out = lab.migrate(guest, **opts).wait()
    w.join(10)
    return out


@case.case("a guest moves, whole, and runs once")
def _(lab):
    g = lab.guest()
    g.must_run_on(lab.a)
    out = run(lab, g, marker="find me")
    equal((out["exit"], out["code"]), (0, 0), "outcome")
    g.must_run_on(lab.b)
    got = lab.b.events("xl", "stream-hash")[0]
    equal(got["sha256"], out["sha256"], "hash")


@case.case("two running copies are seen", leftovers=False)
def _(lab):
    g = lab.guest()
    d = lab.a.find(g)
    check(d, "no domain")
    # not in B's domain list, so nobody else removes it
    pid = fakexen.guest_start(g.uuid, "copy", lab.b.toy)
    fakexen.guest_suspend(g.uuid, d["pid"], lab.a.toy)
    fakexen.guest_fill(g.uuid, fakexen.guest_memory(g.uuid, lab.a.toy),
                       lab.b.toy)
    fakexen.guest_run(g.uuid, d["pid"], lab.a.toy)
    check(not fakexen.guest_run(g.uuid, pid, lab.b.toy), "it runs")
    seen(lab, "while it runs elsewhere")
    fakexen.guest_destroy(g.uuid, pid, lab.b.toy)


def seen(lab, what):
    """A violation that says `what`."""
    violations = lab.shared + "/violations"
    check(os.path.exists(violations), "it went unnoticed")
    with open(violations) as f:
        check(what in f.read(), "another violation")
    os.unlink(violations)


@case.case("an older copy that runs after a newer one, a copy without its "
           "memory and one with another are seen", leftovers=False)
def _(lab):
    g = lab.guest()
    d = lab.a.find(g)
    check(g.goes_on(), "it stands still")
    fakexen.guest_suspend(g.uuid, d["pid"], lab.a.toy)
    memory = fakexen.guest_memory(g.uuid, lab.a.toy)
    fakexen.guest_run(g.uuid, d["pid"], lab.a.toy)
    check(g.goes_on(), "it stands still after it was resumed")
    fakexen.guest_suspend(g.uuid, d["pid"], lab.a.toy)
    boot, n, chain = memory.split()
    for put, what in ((memory, "after it had got to"), (None, "before its"),
                      ("%s %d %s" % (boot, int(n) + 999, chain),
                       "with another memory"),
                      (None, "before its")):
        pid = fakexen.guest_start(g.uuid, "copy", lab.b.toy)
        if put:
            fakexen.guest_fill(g.uuid, put, lab.b.toy)
        check(not fakexen.guest_run(g.uuid, pid, lab.b.toy), "it runs")
        seen(lab, what)
        fakexen.guest_destroy(g.uuid, pid, lab.b.toy)


@case.case("secmig-xl: what it sees and does, at the source")
def _(lab):
    g = lab.guest()
    h, d = lab.a, lab.a.find(g)
    equal(look(h, "source", g), (RUNS, g.name), "a guest that runs")
    equal(tool(h, "destroy", g.uuid, g.name)[0], STATE, "destroy, it runs")
    equal(tool(h, "resume", g.uuid, g.name)[0], 0, "resume, it runs")
    fakexen.guest_suspend(g.uuid, d["pid"], h.toy)
    equal(look(h, "source", g), (SUSPENDED, g.name), "a suspended guest")
    with fakexen.state(h.toy) as st:
        fakexen.find(st, uuid=g.uuid)["name"] += "--migratedaway"
    equal(tool(h, "resume", g.uuid, g.name)[0], 0, "resume")
    g.must_run_on(h)
    fakexen.guest_suspend(g.uuid, d["pid"], h.toy)
    equal(tool(h, "destroy", g.uuid, g.name)[0], 0, "destroy")
    equal(tool(h, "destroy", g.uuid, g.name)[0], 0, "destroy again")
    equal(look(h, "source", g), (GONE, ""), "a guest that is gone")
    equal(tool(h, "resume", g.uuid, g.name)[0], NO_DOMAIN, "resume, gone")


@case.case("secmig-xl: what it sees and does, at the destination")
def _(lab):
    g = lab.guest()
    h, d = lab.b, lab.a.find(g)
    fakexen.guest_suspend(g.uuid, d["pid"], lab.a.toy)
    memory = fakexen.guest_memory(g.uuid, lab.a.toy)
    with fakexen.state(lab.a.toy) as st:
        fakexen.destroy(st, fakexen.find(st, uuid=g.uuid), lab.a.toy)

    def copy():
        with fakexen.state(h.toy) as st:
            st["domains"].append(dict(
                d, name=g.name + "--incoming", paused=True, ran=False,
                pid=fakexen.guest_start(g.uuid, "copy", h.toy)))
        fakexen.guest_fill(g.uuid, memory, h.toy)
        equal(look(h, "destination", g), (COPY, g.name + "--incoming"),
              "a copy")
    copy()
    equal(tool(h, "discard", g.uuid, g.name)[0], 0, "discard")
    equal(look(h, "destination", g), (GONE, ""), "discarded")
    equal(tool(h, "start", g.uuid, g.name, "run")[0], NO_DOMAIN, "start")
    copy()
    h.control(secmig_xl={"start": {"half": True}})
    equal(tool(h, "start", g.uuid, g.name, "run")[0], -9, "half a start")
    h.control()
    equal(look(h, "destination", g), (COPY, g.name + "--incoming"),
          "a start that is not complete")
    check(tool(h, "discard", g.uuid, g.name)[0] != 0, "discarded, it ran")
    other = lab.guest(h, name=g.name)
    equal(tool(h, "start", g.uuid, g.name, "run")[0], EXISTS, "name taken")
    with fakexen.state(h.toy) as st:
        fakexen.destroy(st, fakexen.find(st, uuid=other.uuid), h.toy)
    for _ in range(2):
        equal(tool(h, "start", g.uuid, g.name, "run")[0], 0, "start")
        equal(look(h, "destination", g), (RUNS, g.name), "started")
    g.must_run_on(h)


@case.case("an unpatched xl: destroys its copy at EOF, starts it on GO")
def _(lab):
    for word in (b"", GO):
        g = lab.guest()
        d = lab.a.find(g)
        config = json.dumps(d["config"]).encode() + b"\0"
        p = subprocess.Popen([lab.b.toy + "/xl", "migrate-receive"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, bufsize=0)
        equal(p.stdout.read(len(BANNER)), BANNER, "banner")
        fakexen.guest_suspend(g.uuid, d["pid"], lab.a.toy)
        state = fakexen.guest_memory(g.uuid, lab.a.toy).encode()
        p.stdin.write(MAGIC + struct.pack("<5I", 0x01020304, 3, 0,
                                          4 + len(config), len(config))
                      + config + struct.pack(">IH", 0, len(state)) + state
                      + hashlib.sha256(state).digest())
        equal(p.stdout.read(len(READY)), READY, "READY")
        p.stdin.write(word)
        p.stdin.close()
        equal(p.stdout.read(), REPORT + b"\0" if word else b"", "report")
        p.stdout.close()
        equal(p.wait(10), 0 if word else 1, "exit code")
        equal(look(lab.b, "destination", g)[0], RUNS if word else GONE,
              "the copy")
        if word:
            equal(tool(lab.a, "destroy", g.uuid, g.name)[0], 0, "destroy")
            g.must_run_on(lab.b)


@case.case("xl killed in the stream leaves --incoming, which is seen",
           leftovers=False)
def _(lab):
    g = lab.guest()
    lab.b.control(xl={"die-at": "stream"},
                  secmig_xl={"discard": {"exit": 1}})
    out = run(lab, g)
    equal(out["code"], XL, "code")
    lab.b.control()
    try:
        g.must_run_on(lab.a, limit=0)
    except AssertionError as e:
        check("--incoming left on hostB" in str(e), str(e))
    else:
        raise AssertionError("the copy went unnoticed")
    # what secmigd is to do about it
    code, text = tool(lab.b, "discard", g.uuid, g.name)
    equal(code, 0, "discard: %s" % text)
    g.must_run_on(lab.a)
    equal(tool(lab.a, "discard", g.uuid, g.name)[0], EXISTS,
          "discard of a guest that runs")
    g.must_run_on(lab.a)


@case.case("a damaged stream is seen")
def _(lab):
    g = lab.guest()
    out = run(lab, g, **{"bad-hash": 1})
    equal(out["code"], 27, "code")
    g.must_run_on(lab.a)


if __name__ == "__main__":
    case.main(Bare)
