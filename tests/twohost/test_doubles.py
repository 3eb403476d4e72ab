#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The doubles themselves, without secmigd: that they pass what is right, and
that the lab's checks see what is wrong.  A few lines stand in for both
daemons here: they join the sender to xl by pipes."""
import array
import os
import socket
import struct
import subprocess
import threading

import case
import host
from case import check, equal
from host import fakexen

MAGIC = b"Xen saved domain, xl format\n \0 \r"
BANNER = b"xl migration receiver ready, send binary domain data.\n"


class Wire(threading.Thread):
    """Accepts one MIGRATE and joins it to xl on the other host."""

    def __init__(self, src, dst):
        super().__init__(daemon=True)
        self.src, self.dst = src, dst
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
        p = subprocess.Popen([self.dst.toy + "/xl", "migrate-receive"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, bufsize=0)
        assert p.stdout.read(len(BANNER)) == BANNER
        p.stdin.write(MAGIC + struct.pack("<5I", 0x01020304, 3, 0,
                                          4 + len(config), len(config))
                      + config)
        c.sendall(struct.pack(">IHH", 6, 2, 1) + bytes(6))
        c.sendmsg([struct.pack(">IHH", 0, 3, 1)],
                  [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", [p.stdin.fileno(),
                                      p.stdout.fileno()]))])
        p.stdin.close()
        p.stdout.close()
        code = p.wait()
        code = 27 if code else 0
        c.sendall(struct.pack(">IHHHHH", 6, 4, 1, code, 0, 0))
        c.close()
        self.server.close()


class Bare(host.Lab):
    """Two toy hosts, no daemons."""

    def __init__(self):
        self.start_daemons = False
        super().__init__()

    def set_up(self):
        for h in self.hosts:
            h.start = lambda: None


def run(lab, guest, **opts):
    w = Wire(lab.a, lab.b)
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


@case.case("xl reports a failed start: the guest goes on at the source")
def _(lab):
    g = lab.guest()
    lab.b.control(xl={"start-fails": 7})
    out = run(lab, g)
    equal(out["code"], 27, "code")
    g.must_run_on(lab.a)


@case.case("two running copies are seen", leftovers=False)
def _(lab):
    g = lab.guest()
    d = lab.a.find(g)
    fakexen.guest_start(g.uuid, "running", lab.b.toy)
    violations = lab.shared + "/violations"
    check(os.path.exists(violations), "a second start went unnoticed")
    os.unlink(violations)
    # not in B's domain list, so nobody else removes it
    with open(lab.b.toy + "/guests/" + g.uuid) as f:
        fakexen.guest_destroy(g.uuid, int(f.read().split()[1]), lab.b.toy)
    check(d, "no domain")


@case.case("xl killed in the stream leaves --incoming, which is seen",
           leftovers=False)
def _(lab):
    g = lab.guest()
    lab.b.control(xl={"die-at": "stream"})
    out = run(lab, g)
    equal(out["code"], 27, "code")
    try:
        g.must_run_on(lab.a, limit=0)
    except AssertionError as e:
        check("--incoming left on hostB" in str(e), str(e))
    else:
        raise AssertionError("the copy went unnoticed")
    # what secmigd is to do about it
    p = subprocess.run([lab.b.toy + "/secmig-xl", "discard", g.uuid, g.name],
                       capture_output=True, text=True)
    equal(p.returncode, 0, "discard: " + p.stdout)
    g.must_run_on(lab.a)
    p = subprocess.run([lab.a.toy + "/secmig-xl", "discard", g.uuid, g.name],
                       capture_output=True, text=True)
    equal(p.returncode, 1, "discard of a guest that runs")
    g.must_run_on(lab.a)


@case.case("a damaged stream is seen")
def _(lab):
    g = lab.guest()
    out = run(lab, g, **{"bad-hash": 1})
    equal(out["code"], 27, "code")
    g.must_run_on(lab.a)


if __name__ == "__main__":
    case.main(Bare)
