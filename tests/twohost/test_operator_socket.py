#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What nobody may by any trick: on the operators' socket, on the control
socket, or with the xl that an operator has had started."""
import grp
import os
import pwd
import struct
import subprocess

import case
import host
from case import check, equal
from operators import *                                         # noqa: F403


# ---- whose connection it is ----

@case.case("xl that asks for another guest or host than it was started for")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    other = lab.guest(name="guest-lead-1")
    # root may move both: it is the session that counts
    lab.a.control(xl_migrate={"guest": other.name})
    refused(lab, "alice", REFUSED_LOCAL, "", "migrate", g.name, "hostB")
    lab.a.control(xl_migrate={"host": "hostC"})
    refused(lab, "alice", REFUSED_LOCAL, "", "migrate", g.name, "hostB")
    g.must_run_on(lab.a)
    other.must_run_on(lab.a)


@case.case("another root process at the same time is root's, not alice's")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    other = lab.guest(name="guest-lead-1")
    lab.a.control(xl_migrate={"silent": True})
    c = Command(lab, "alice", "migrate", g.name, "hostB")
    check(host.wait_until(lambda: started(lab)), "xl")
    lab.succeeds(other)
    check(lab.a.logged(r"migrate-out vm=%s .*by=root@hostA" % other.name),
          "log")
    # ... and also for the very guest that alice's xl was started for
    out = lab.succeeds(g)
    check(out["text"], "RESULT without a text")
    check(lab.a.logged(r"migrate-out vm=%s .*by=root@hostA .*allow "
                       r"rule=root-out" % g.name), "log")
    granted(lab, "bob", "abort", g.name)
    equal(c.wait().code, CANCELLED, "exit: " + c.err)


@case.case("a process that left xl's session is root's")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    lab.a.control(xl_migrate={"fork": True})
    c = ask(lab, "alice", "migrate", g.name, "hostB")
    check(lab.a.logged(r"migrate-out vm=%s .*by=root@hostA" % g.name),
          "decided for another than root: " + lab.a.log()[-300:])
    equal(c.code, XL, "exit: " + c.err)
    check("without asking" in c.err, c.err)


def frame(kind, body=b"", version=1, length=None):
    return struct.pack(">IHH", len(body) if length is None else length, kind,
                       version) + body


def text(s):
    s = s.encode()
    return struct.pack(">H", len(s)) + s


# Connects as an account, sends what is on stdin, prints what comes back.
TALK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
try:
    s.sendall(sys.stdin.buffer.read())
    if len(sys.argv) > 2:
        s.shutdown(socket.SHUT_WR)
    while True:
        got = s.recv(65536)
        if not got:
            break
        sys.stdout.buffer.write(got)
except (BrokenPipeError, ConnectionResetError):
    pass
"""


def talk(lab, who, data, sock=None, shut=True):
    p = subprocess.run(["/usr/bin/python3", "-IS", "-c", TALK,
                        sock or lab.a.ops] + ["x"] * shut,
                       input=data, capture_output=True, timeout=40,
                       cwd="/", **account(who))
    equal(p.returncode, 0, p.stderr.decode()[-200:])
    return p.stdout


def migrate_body(g, conf=b"{}"):
    return (struct.pack(">I", g.domid) + bytes.fromhex(
        g.uuid.replace("-", "")) + struct.pack(">I", 0) + text("hostB")
        + text(g.name) + struct.pack(">I", len(conf)) + conf)


@case.case("MIGRATE on the operators' socket is refused, also for root")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    for who in ("alice", "root"):
        got = talk(lab, who, frame(1, migrate_body(g)), shut=False)
        _, kind, _ = struct.unpack(">IHH", got[:8])
        code, = struct.unpack(">H", got[8:10])
        equal((kind, code), (2, REFUSED_LOCAL), "answer to " + who)
        check(b"root-only" in got, "rule: %r" % got)
    g.must_run_on(lab.a)


@case.case("a client that is not root cannot pretend: the kernel says who")
def _(lab):
    g = lab.guest(name="guest-lead-1")
    # no field for an account exists; a role is not one
    for role, wanted in (("root", REFUSED_LOCAL), ("lead", REFUSED_LOCAL),
                         ("operator author", USAGE), ("x" * 128, USAGE)):
        got = talk(lab, "alice", frame(32, text(role) + struct.pack(">I", 0)
                                       + text(g.name) + text("hostB")),
                   shut=False)
        code, = struct.unpack(">H", got[8:10])
        equal(code, wanted, "role %s: %r" % (role, got))
    equal(started(lab), [], "xl")


HOSTILE = [
    ("nothing", b""),
    ("half a head", b"\0\0\0"),
    ("a head without its body", frame(34, b"", length=10)),
    ("another version", frame(35, text(""), version=2)),
    ("unknown types", frame(0) + frame(31)),
    ("a type of the daemon's", frame(2, struct.pack(">H", 0) + text("") * 2)),
    ("a type far away", frame(65535, b"x" * 100)),
    ("huge", frame(36, b"", length=0xffffffff)),
    ("over the cap", frame(34, b"x" * 5000)),
    ("a ticket over the cap", frame(36, text("") + struct.pack(">I", 8193)
                                    + b"x" * 8193)),
    ("a ticket cut off", frame(36, text("") + struct.pack(">I", 100) + b"x")),
    ("no role", frame(35)),
    ("bytes left over", frame(35, text("") + b"x")),
    ("control characters", frame(34, text("") + text("a\nb"))),
    ("a NUL", frame(34, text("") + text("a\0b"))),
    ("bad UTF-8", frame(34, text("") + b"\0\2\xff\xfe")),
    ("a long role", frame(35, text("x" * 129))),
    ("a long guest", frame(34, text("") + text("x" * 256))),
    ("a long host", frame(33, text("") + text("g") + text("h" * 65))),
    ("unknown flags", frame(32, text("") + struct.pack(">I", 2) + text("g")
                            + text("hostB"))),
    ("a guest like an option", frame(32, text("") + struct.pack(">I", 0)
                                     + text("-C") + text("hostB"))),
    ("a host like an option", frame(32, text("") + struct.pack(">I", 0)
                                    + text("g") + text("-s"))),
    ("an empty guest", frame(34, text("") + text(""))),
    ("CANCEL first", frame(5)),
    ("two requests", frame(16) + frame(35, text(""))),
    ("MIGRATE-FOR, then STATUS", frame(32, text("") + struct.pack(">I", 0)
                                       + text("no-such") + text("hostB"))
     + frame(16)),
    ("CANCEL behind STATUS", frame(16) + frame(5)),
]


@case.case("hostile frames: nothing starts, nobody dies, others are served",
           120)
def _(lab):
    for what, data in HOSTILE:
        for sock in (lab.a.ops, lab.a.sock):
            got = talk(lab, "alice" if sock == lab.a.ops else "root", data,
                       sock)
            if not got:
                continue
            _, kind, _ = struct.unpack(">IHH", got[:8])
            code = struct.unpack(">H", got[8:10])[0] if kind == 2 else 0
            check(kind in (2, 17) and (kind == 17 or code),
                  "%s: %r" % (what, got[:60]))
    equal(started(lab), [], "xl")
    equal(lab.a.daemon.poll(), None, "secmigd")
    granted(lab, "alice", "status")


@case.case("an account that opens many connections does not shut others out",
           90)
def _(lab):
    flood = subprocess.Popen(
        ["/usr/bin/python3", "-IS", "-c", """
import socket, sys, time
all = []
for i in range(60):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    all.append(s)
print("open", flush=True)
sys.stdin.readline()
""", lab.a.ops], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
        **account("alice"))
    equal(flood.stdout.readline(), b"open\n", "flood")
    granted(lab, "bob", "status")
    check(len(lab.a.role(host.CONTROL_UID)) <= 17, "control processes: %d"
          % len(lab.a.role(host.CONTROL_UID)))
    flood.communicate(b"\n")


# ---- the socket ----

@case.case("the socket: group and mode; gone when the daemon has ended")
def _(lab):
    st = os.stat(lab.a.ops)
    equal((st.st_mode & 0o7777, st.st_uid, st.st_gid),
          (0o660, 0, grp.getgrnam(GROUP).gr_gid), "mode, uid, gid")
    st = os.stat(os.path.dirname(lab.a.ops))
    equal((st.st_mode & 0o7777, st.st_uid), (0o755, 0), "directory")
    lab.a.stop()
    check(not os.path.exists(lab.a.ops), "left behind")
    refused(lab, "alice", NO_DAEMON, "does not run", "status")
    lab.a.start()


@case.case("an unsafe directory: the daemon does not start, and says why")
def _(lab):
    lab.a.stop()
    where = os.path.dirname(lab.a.ops)
    try:
        os.chmod(where, 0o777)
        p = subprocess.run([host.BUILD + "/secmigd", "--root", lab.a.root],
                           capture_output=True, text=True, timeout=30)
        equal(p.returncode, 4, "exit: " + p.stderr[-200:])
        check("operator-socket" in p.stderr, p.stderr[-200:])
        os.chmod(where, 0o755)
        os.chown(where, pwd.getpwnam("games").pw_uid, 0)
        p = subprocess.run([host.BUILD + "/secmigd", "--root", lab.a.root],
                           capture_output=True, text=True, timeout=30)
        equal(p.returncode, 4, "exit: " + p.stderr[-200:])
        os.chown(where, 0, 0)
        lab.a.configure(operator_group="no-such-group")
        p = subprocess.run([host.BUILD + "/secmigd", "--root", lab.a.root],
                           capture_output=True, text=True, timeout=30)
        equal(p.returncode, 3, "exit: " + p.stderr[-200:])
    finally:
        os.chmod(where, 0o755)
        os.chown(where, 0, 0)
        lab.a.configure(operator_group=GROUP)
    lab.a.start()


@case.case("no operator-group: no socket")
def _(lab):
    check(lab.b.settings["operator-group"] == GROUP, "set-up")
    lab.b.stop()
    lab.b.configure(operator_group=None)
    lab.b.start()
    check(not os.path.exists(lab.b.root + lab.a.ops[len(lab.a.root):]),
          "there is one")


if __name__ == "__main__":
    case.main(make_lab)
