#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Operators who are not root: what each may, by policy, and what nobody may
by any trick on the socket.  The clients are secmig(1) itself, run as accounts
that every system has; xl is `doubles/xl-migrate`."""
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import case
import host
import site_setup
from case import check, equal

NO_DAEMON, UNKNOWN_HOST, AUTH, REFUSED_LOCAL = 10, 11, 15, 20
EXISTS, NO_DOMAIN, BUSY, XL, CANCELLED, UNMET, USAGE = (
    24, 25, 26, 27, 28, 29, 2)

GROUP = "users"
WHO = {"alice": "games", "bob": "man", "carol": "mail", "dora": "lp",
       "stranger": "news", "root": "root"}

HEAD = """
  <roles>
    <role id="operator"><permit action="migrate-out"/></role>
    <role id="lead" inherits="operator"><permit action="abort"/></role>
    <role id="auditor"><permit action="audit-read"/></role>
    <role id="author"><permit action="policy-admin"/></role>
    <exclusive id="duties" roles="operator author" kind="static"/>
    <exclusive id="hats" roles="lead auditor" kind="dynamic"/>
  </roles>
  <operators>
    <operator id="alice" account="games" roles="operator"/>
    <operator id="bob" account="man" roles="lead"/>
    <operator id="carol" account="mail" roles="author auditor"/>
    <operator id="dora" account="lp" roles="lead auditor"/>
    <operator id="root" account="root" roles="operator"/>
  </operators>
  <owners><owner id="finance" key="%s"/></owners>
"""

GROUPS = """
  <vms>
    <group id="tickets" owner="finance"><vm name="guest-tick-*"/></group>
    <group id="payroll"><vm name="guest-pay-*"/></group>
  </vms>
"""

RULES = """
    <rule id="root-out" effect="allow" action="migrate-out">
      <subject account="root"/></rule>
    <rule id="own" effect="allow" action="migrate-out">
      <subject operator="alice"/><vm name="guest-alice-*"/></rule>
    <rule id="leads" effect="allow" action="migrate-out">
      <subject role="lead"/><vm name="guest-lead-*"/></rule>
    <rule id="four-eyes" effect="allow" action="migrate-out">
      <subject role="operator"/><vm group="payroll"/>
      <require approvals="2"/></rule>
    <rule id="with-ticket" effect="allow" action="migrate-out">
      <subject role="operator"/><vm group="tickets"/>
      <require ticket="owner"/></rule>
    <rule id="leads-abort" effect="allow" action="abort">
      <subject role="lead"/></rule>
    <rule id="auditors" effect="allow" action="audit-read">
      <subject role="auditor"/></rule>
    <rule id="authors" effect="allow" action="policy-admin">
      <subject role="author"/></rule>
    <rule id="back" effect="allow" action="migrate-in">
      <vm name="guest-*"/>
      <config>
        <memory max="2 GiB"/>
        <kernel path="/boot/guest-kernel"/>
      </config></rule>
"""

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<policy xmlns="urn:xen-secmig:policy:1" site="lab" version="%d">%s
  <hosts><host id="hostA"/><host id="hostB"/></hosts>%s
  <rules>%s  </rules>
</policy>
"""


def write_policy(h, rules=RULES):
    h.version += 1
    with open(h.lab.owner + ".pub") as f:
        key = f.read().split("\n")[1]
    with open(h.etc + "/policy.xml", "w") as f:
        f.write(DOCUMENT % (h.version, HEAD % key, GROUPS, rules))
    site_setup.sign_policy(h)


def make_lab():
    lab = host.Lab(**{"operator-group": GROUP})
    a = lab.a
    # what operators run: where they get at it
    shutil.copy(host.BUILD + "/secmig", lab.dir + "/secmig")
    a.ops = a.root + host.places()["RUNSTATEDIR"] + "/secmig/operator.sock"
    lab.owner = lab.dir + "/finance"
    a.secmig("owner", "init", "--key", lab.owner, "--seal", "plain")
    write_policy(a)
    a.reload()
    check(a.logged("version %d in force" % a.version),
          "policy: " + a.log()[-300:])
    return lab


def account(who, group=True):
    pw = pwd.getpwnam(WHO[who])
    return {"user": pw.pw_uid, "group": pw.pw_gid,
            "extra_groups": [grp.getgrnam(GROUP).gr_gid] if group else []}


class Command:
    """secmig, run by somebody."""
    def __init__(self, lab, who, *args, group=True, h=None):
        self.p = subprocess.Popen(
            [lab.dir + "/secmig", "--root", (h or lab.a).root, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd="/",
            **account(who, group))

    def wait(self, limit=40):
        out, err = self.p.communicate(timeout=limit)
        self.out, self.err, self.code = out, err, self.p.returncode
        return self


def ask(lab, who, *args, **kw):
    return Command(lab, who, *args, **kw).wait()


def refused(lab, who, code, text, *args, **kw):
    c = ask(lab, who, *args, **kw)
    equal(c.code, code, "exit of %s by %s: %s" % (" ".join(args), who,
                                                  c.err.strip() or c.out))
    equal(len(c.err.splitlines()), 1, "lines: " + c.err)
    check(re.search(text, c.err), "%r does not match %r" % (c.err, text))
    return c


def granted(lab, who, *args, **kw):
    c = ask(lab, who, *args, **kw)
    equal((c.code, c.err), (0, ""), "%s by %s" % (" ".join(args), who))
    return c


def started(lab):
    return lab.a.events("xl-migrate", "argv")


# ---- migrating ----

@case.case("an operator moves a guest that policy gives to them")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    c = granted(lab, "alice", "migrate", g.name, "hostB")
    check(g.name in c.out and "hostB" in c.out, "output: " + c.out)
    g.must_run_on(lab.b)
    xl = started(lab)[0]
    equal(xl["argv"], ["--secure", g.name, "hostB"], "xl's arguments")
    equal((xl["uid"], xl["sid"]), (0, xl["pid"]), "xl's uid and session")
    check(len(xl["fds"]) == 4 and xl["fds"][:3] == [0, 1, 2],
          "descriptors of xl: %s" % xl["fds"])
    # who asked is in both logs, with the rule
    check(lab.a.logged(r"migrate-out vm=%s .*by=games@hostA .*allow "
                       r"rule=own" % g.name), "A's log")
    check(lab.b.logged(r"migrate-in vm=%s .*by=games@hostA .*allow"
                       % g.name), "B's log")


@case.case("... and not another: exit 20, one line, the rule; no xl starts")
def _(lab):
    g = lab.guest(name="guest-lead-1")
    refused(lab, "alice", REFUSED_LOCAL, "rule default-deny", "migrate",
            g.name, "hostB")
    equal(started(lab), [], "xl")
    g.must_run_on(lab.a)
    check(lab.a.logged(r"by=games@hostA .*answer=deny rule=default-deny"),
          "log")


@case.case("--paused: the guest lies paused on B")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    granted(lab, "alice", "migrate", "--paused", g.name, "hostB")
    equal(started(lab)[0]["argv"], ["--secure", "-p", g.name, "hostB"],
          "xl's arguments")
    d = lab.b.find(g)
    check(d and d["paused"], "on B: %s" % d)


@case.case("roles: inherited, not assigned, chosen; separation of duty")
def _(lab):
    g = lab.guest(name="guest-lead-1")
    refused(lab, "alice", REFUSED_LOCAL, "role-not-assigned", "migrate",
            "--role", "lead", g.name, "hostB")
    refused(lab, "alice", REFUSED_LOCAL, "role-not-assigned", "migrate",
            "--role", "no-such", g.name, "hostB")
    refused(lab, "dora", REFUSED_LOCAL, "separation-of-duty", "migrate",
            g.name, "hostB")
    refused(lab, "dora", REFUSED_LOCAL, "no-permission", "migrate",
            "--role", "auditor", g.name, "hostB")
    equal(started(lab), [], "xl")
    granted(lab, "dora", "migrate", "--role", "lead", g.name, "hostB")
    g.must_run_on(lab.b)
    g = lab.guest(name="guest-lead-2")
    granted(lab, "bob", "migrate", g.name, "hostB")


@case.case("neither operator nor group: turned away")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    refused(lab, "stranger", REFUSED_LOCAL, "unknown-operator", "migrate",
            g.name, "hostB")
    # without the group the socket does not open at all
    refused(lab, "alice", 6, "Permission denied", "migrate", g.name,
            "hostB", group=False)
    equal(started(lab), [], "xl")


@case.case("carol, who may write policy, may not migrate")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    refused(lab, "carol", REFUSED_LOCAL, "no-permission", "migrate", g.name,
            "hostB")


@case.case("what is no guest and no host is refused before xl")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    refused(lab, "alice", NO_DOMAIN, "nobody", "migrate", "nobody", "hostB")
    refused(lab, "alice", REFUSED_LOCAL, "unknown-host", "migrate", g.name,
            "hostC")
    for h in ("../hostB", "host B", "a@hostB", "h" * 65):
        c = ask(lab, "alice", "migrate", g.name, h)
        check(c.code in (USAGE, NO_DAEMON), "%s: %d" % (h, c.code))
    equal(started(lab), [], "xl")
    # an option in place of a name is one of secmig's, never xl's
    for words in (("-C", "hostB"), (g.name, "-s"), ("--", g.name)):
        equal(ask(lab, "alice", "migrate", *words).code, USAGE, str(words))
    equal(started(lab), [], "xl")


@case.case("a guest by its number: xl gets the name")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    granted(lab, "alice", "migrate", str(g.domid), "hostB")
    equal(started(lab)[0]["argv"][-2], g.name, "xl's guest")


@case.case("refused over there: the operator sees that, with its rule")
def _(lab):
    g = lab.guest(name="guest-alice-1",
                  disks=[{"pdev_path": "/etc/shadow", "vdev": "xvda",
                          "backend": "phy", "format": "raw",
                          "readwrite": 1}])
    refused(lab, "alice", 21, "rule config", "migrate", g.name, "hostB")
    g.must_run_on(lab.a)


@case.case("xl that fails by itself, says too much, hangs: told in one line")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    lab.a.control(xl_migrate={"exit": 4})
    refused(lab, "alice", 4, "without asking", "migrate", g.name, "hostB")
    lab.a.control(xl_migrate={"exit": 0})
    refused(lab, "alice", XL, "without asking", "migrate", g.name, "hostB")
    lab.a.control(xl_migrate={"exit": 4, "says": 1 << 20})
    refused(lab, "alice", 4, "without asking", "migrate", g.name, "hostB")
    check(lab.a.log_size() - lab.a.log_mark < 100000, "the log has grown")
    check("\033" not in lab.a.log(), "an escape in the log")
    check("which is left out" in lab.a.log(), "it does not say so")
    lab.a.control(xl_migrate={"silent": True})
    c = Command(lab, "alice", "migrate", g.name, "hostB")
    check(host.wait_until(lambda: len(started(lab)) == 4), "xl")
    refused(lab, "bob", REFUSED_LOCAL, "default-deny", "migrate", g.name,
            "hostB")
    granted(lab, "bob", "abort", g.name)
    equal(c.wait().code, CANCELLED, "exit: " + c.err)
    check("man" in c.err, "who aborted: " + c.err)
    g.must_run_on(lab.a)


@case.case("the client goes away: the migration goes on")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    go = lab.dir + "/go"
    lab.a.control(xl_migrate={"opts": {"hold": "mid", "go-on": go}})
    c = Command(lab, "alice", "migrate", g.name, "hostB")
    check(lab.a.logged("accepted there"), "not accepted")
    c.p.kill()
    c.wait()
    open(go, "w").close()
    g.must_run_on(lab.b)
    os.unlink(go)


@case.case("Ctrl-C gives the migration up: exit 28, the guest goes on")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    go = lab.dir + "/go"
    lab.a.control(xl_migrate={"opts": {"hold": "mid", "go-on": go}})
    c = Command(lab, "alice", "migrate", g.name, "hostB")
    check(lab.a.logged("accepted there"), "not accepted")
    c.p.send_signal(signal.SIGINT)
    check(lab.a.logged("result=failed code=28"), "not cancelled")
    open(go, "w").close()
    equal(c.wait().code, CANCELLED, "exit: " + c.err)
    g.must_run_on(lab.a)
    os.unlink(go)


@case.case("root: by policy, too, and by the same command")
def _(lab):
    g = lab.guest(name="guest-lead-1")
    lab.succeeds(g)
    check(lab.a.logged(r"by=root@hostA .*rule=root-out"), "log")
    g = lab.guest(name="guest-lead-2")
    granted(lab, "root", "migrate", g.name, "hostB")
    g.must_run_on(lab.b)


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
    for role in ("root", "lead", "operator author", "x" * 128):
        got = talk(lab, "alice", frame(32, text(role) + struct.pack(">I", 0)
                                       + text(g.name) + text("hostB")),
                   shut=False)
        code, = struct.unpack(">H", got[8:10])
        equal(code, REFUSED_LOCAL, "role %s: %r" % (role, got))
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


# ---- four eyes ----

@case.case("four eyes: unmet is exit 29; one's own does not count; two do")
def _(lab):
    g = lab.guest(name="guest-pay-1")
    refused(lab, "alice", UNMET, "four-eyes", "migrate", g.name, "hostB")
    c = granted(lab, "alice", "approve", g.name, "hostB")
    check(g.name in c.out, "output: " + c.out)
    granted(lab, "bob", "approve", g.name, "hostB")
    granted(lab, "bob", "approve", g.name, "hostB")     # not twice
    c = refused(lab, "alice", UNMET, "four-eyes", "migrate", g.name, "hostB")
    check("approval" in c.err, "does not say what is missing: " + c.err)
    # for another host, and for another guest, it is no approval
    other = lab.guest(name="guest-pay-2")
    granted(lab, "dora", "approve", "--role", "lead", other.name, "hostB")
    granted(lab, "dora", "approve", "--role", "lead", g.name, "hostC")
    refused(lab, "alice", UNMET, "four-eyes", "migrate", g.name, "hostB")
    # one who is no operator does not count either
    refused(lab, "stranger", REFUSED_LOCAL, "unknown-operator", "approve",
            g.name, "hostB")
    refused(lab, "alice", REFUSED_LOCAL, "role-not-assigned", "approve",
            "--role", "lead", g.name, "hostB")
    refused(lab, "alice", UNMET, "four-eyes", "migrate", g.name, "hostB")
    g.must_run_on(lab.a)
    granted(lab, "dora", "approve", "--role", "lead", g.name, "hostB")
    check(lab.a.logged(r"approval vm=%s .*to=hostB by=lp@hostA role=lead"
                       % g.name), "log")
    granted(lab, "alice", "migrate", g.name, "hostB")
    g.must_run_on(lab.b)


@case.case("approvals are used up by the migration they were for")
def _(lab):
    g = lab.guest(name="guest-pay-1")
    for who in ("bob", "alice"):
        granted(lab, who, "approve", g.name, "hostB")
    granted(lab, "dora", "migrate", "--role", "lead", g.name, "hostB")
    g.must_run_on(lab.b)
    lab.succeeds(g, lab.b, "hostA")
    refused(lab, "dora", UNMET, "four-eyes", "migrate", "--role", "lead",
            g.name, "hostB")


# ---- tickets ----

def ticket(lab, g, name, *more, key=None):
    path = "%s/%s.ticket" % (lab.dir, name)
    if os.path.exists(path):
        os.unlink(path)
    lab.a.secmig("ticket", "sign", "--key", key or lab.owner, "--vm", g.uuid,
                 *(more or ("--to", "hostB")), path)
    os.chmod(path, 0o644)
    return path


@case.case("a ticket: deposited, used once, refused the second time")
def _(lab):
    g = lab.guest(name="guest-tick-1")
    refused(lab, "alice", UNMET, "with-ticket", "migrate", g.name, "hostB")
    path = ticket(lab, g, "once")
    c = granted(lab, "alice", "ticket", "use", path)
    check(g.uuid in c.out, "output: " + c.out)
    refused(lab, "bob", EXISTS, "already", "ticket", "use", path)
    granted(lab, "alice", "migrate", g.name, "hostB")
    g.must_run_on(lab.b)
    lab.succeeds(g, lab.b, "hostA")
    refused(lab, "alice", UNMET, "with-ticket", "migrate", g.name, "hostB")
    refused(lab, "alice", REFUSED_LOCAL, "ticket-used", "ticket", "use",
            path)
    g.must_run_on(lab.a)


@case.case("a ticket does not go with a migration that fails: it is left")
def _(lab):
    g = lab.guest(name="guest-tick-1")
    granted(lab, "alice", "ticket", "use", ticket(lab, g, "kept"))
    lab.b.set_free(1000)
    refused(lab, "alice", 5, "", "migrate", g.name, "hostB")
    lab.b.set_free(4 << 20)
    granted(lab, "alice", "migrate", g.name, "hostB")
    g.must_run_on(lab.b)


@case.case("tickets that are no good are refused when they are deposited")
def _(lab):
    g = lab.guest(name="guest-tick-1")
    stranger = lab.dir + "/stranger"
    if not os.path.exists(stranger):
        lab.a.secmig("owner", "init", "--key", stranger, "--seal", "plain")
    refused(lab, "alice", AUTH, "not good", "ticket", "use",
            ticket(lab, g, "stranger", key=stranger))
    path = ticket(lab, g, "changed")
    with open(path) as f:
        good = f.read()
    with open(path, "w") as f:
        f.write(good.replace("hostB", "hostC"))
    refused(lab, "alice", AUTH, "not good", "ticket", "use", path)
    with open(path, "w") as f:
        f.write(good[:-20])
    c = ask(lab, "alice", "ticket", "use", path)
    check(c.code in (AUTH, 16), "cut off: %d %s" % (c.code, c.err))
    with open(path, "w") as f:
        f.write("x" * 9000)
    c = ask(lab, "alice", "ticket", "use", path)
    check(c.code in (4, 16), "too long: %d %s" % (c.code, c.err))
    refused(lab, "alice", UNMET, "with-ticket", "migrate", g.name, "hostB")


@case.case("a ticket for another host or guest does not help")
def _(lab):
    g = lab.guest(name="guest-tick-1")
    other = lab.guest(name="guest-tick-2")
    granted(lab, "alice", "ticket", "use",
            ticket(lab, g, "elsewhere", "--to", "hostC"))
    granted(lab, "alice", "ticket", "use", ticket(lab, other, "other"))
    refused(lab, "alice", UNMET, "with-ticket", "migrate", g.name, "hostB")


# ---- owners' policies ----

VM_POLICY = """<?xml version="1.0" encoding="UTF-8"?>
<vm-policy xmlns="urn:xen-secmig:policy:1" vm="%s" version="%d">
  <rules>
    <rule id="there" effect="allow" action="migrate-out migrate-in">
      <destination host="%s"/></rule>
  </rules>
</vm-policy>
"""


def vm_policy(lab, g, destination, version=1, key=None):
    path = lab.dir + "/vm-policy.xml"
    for old in (path, path + ".minisig"):
        if os.path.exists(old):
            os.unlink(old)
    with open(path, "w") as f:
        f.write(VM_POLICY % (g.uuid, version, destination))
    lab.a.secmig("owner", "sign", "--key", key or lab.owner, path)
    for new in (path, path + ".minisig"):
        os.chmod(new, 0o644)
    return path


@case.case("vm-policy: add, list, show, remove, by policy-admin")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    path = vm_policy(lab, g, "hostC")
    for args in (("add", path), ("list",), ("show", g.name),
                 ("remove", g.name)):
        refused(lab, "alice", REFUSED_LOCAL, "no-permission", "vm-policy",
                *args)
        refused(lab, "stranger", REFUSED_LOCAL, "unknown-operator",
                "vm-policy", *args)
    granted(lab, "carol", "vm-policy", "add", path)
    check(lab.a.logged(r"vm-policy uuid=%s added by=mail@hostA" % g.uuid),
          "log")
    check(g.uuid in granted(lab, "carol", "vm-policy", "list").out, "list")
    with open(path) as f:
        text = f.read()
    for name in (g.name, g.uuid):
        equal(granted(lab, "root", "vm-policy", "show", name).out, text,
              "document")
    # it counts: the owner says hostC only
    refused(lab, "alice", REFUSED_LOCAL, "vm:|vm-policy", "migrate", g.name,
            "hostB")
    g.must_run_on(lab.a)
    granted(lab, "carol", "vm-policy", "remove", g.uuid)
    refused(lab, "carol", NO_DOMAIN, "", "vm-policy", "show", g.name)
    refused(lab, "carol", NO_DOMAIN, "", "vm-policy", "remove", g.name)
    granted(lab, "alice", "migrate", g.name, "hostB")


@case.case("vm-policy: another's signature, an older version, garbage")
def _(lab):
    g = lab.guest(name="guest-alice-1")
    stranger = lab.dir + "/stranger"
    if not os.path.exists(stranger):
        lab.a.secmig("owner", "init", "--key", stranger, "--seal", "plain")
    c = ask(lab, "carol", "vm-policy", "add",
            vm_policy(lab, g, "hostB", key=stranger))
    check(c.code not in (0, NO_DAEMON) and len(c.err.splitlines()) == 1,
          "a stranger's: %d %s" % (c.code, c.err))
    granted(lab, "carol", "vm-policy", "add", vm_policy(lab, g, "hostB", 3))
    c = ask(lab, "carol", "vm-policy", "add", vm_policy(lab, g, "hostB", 2))
    check(c.code not in (0, NO_DAEMON) and "older" in c.err,
          "an older one: %d %s" % (c.code, c.err))
    path = vm_policy(lab, g, "hostB", 4)
    with open(path, "a") as f:
        f.write(" ")
    c = ask(lab, "carol", "vm-policy", "add", path)
    check(c.code not in (0, NO_DAEMON), "changed: %d %s" % (c.code, c.err))
    check("version=\"3\"" in granted(lab, "carol", "vm-policy", "show",
                                     g.name).out, "version 3 is gone")
    granted(lab, "carol", "vm-policy", "remove", g.name)


# ---- ending others' migrations, seeing them, the daemon ----

@case.case("abort: one's own, a lead's, nobody else's")
def _(lab):
    go = lab.dir + "/go"
    lab.a.control(xl_migrate={"opts": {"hold": "mid", "go-on": go}})
    for who in ("alice", "bob", "root"):
        g = lab.guest(name="guest-alice-1")
        lab.a.mark_log()
        c = Command(lab, "alice", "migrate", g.name, "hostB")
        check(lab.a.logged("accepted there"), "not accepted")
        refused(lab, "carol", REFUSED_LOCAL, "no-permission", "abort",
                g.name)
        refused(lab, "stranger", REFUSED_LOCAL, "unknown-operator", "abort",
                g.name)
        granted(lab, who, "abort", g.name)
        open(go, "w").close()
        equal(c.wait().code, CANCELLED, "exit: " + c.err)
        check(WHO[who] in c.err, "who: " + c.err)
        g.must_run_on(lab.a)
        os.unlink(go)
        lab.a.destroy_all()
        lab.guests.remove(g)
    refused(lab, "bob", NO_DOMAIN, "leaving", "abort", "guest-alice-1")


@case.case("status: one's own; all with audit-read")
def _(lab):
    go = lab.dir + "/go"
    lab.a.control(xl_migrate={"opts": {"hold": "mid", "go-on": go}})
    g = lab.guest(name="guest-alice-1")
    c = Command(lab, "alice", "migrate", g.name, "hostB")
    check(lab.a.logged("accepted there"), "not accepted")
    for who, role, sees in (("alice", None, True), ("bob", None, False),
                            ("stranger", None, False),
                            ("carol", None, True), ("dora", None, False),
                            ("dora", "auditor", True), ("root", None, True)):
        out = granted(lab, who, "status",
                      *(("--role", role) if role else ())).out
        equal(g.name in out, sees, "%s as %s sees it: %s" % (who, role, out))
        check("host hostA" in out, "status: " + out)
    open(go, "w").close()
    equal(c.wait().code, 0, "exit: " + c.err)
    os.unlink(go)
    check(lab.a.logged(r"action=audit-read .*by=mail@hostA .*allow "
                       r"rule=auditors"), "log")


@case.case("reload: by policy-admin; a bad policy is told and not taken")
def _(lab):
    refused(lab, "alice", REFUSED_LOCAL, "no-permission", "reload")
    write_policy(lab.a)
    c = granted(lab, "carol", "reload")
    check("version %d" % lab.a.version in c.out, "output: " + c.out)
    with open(lab.a.etc + "/policy.xml", "a") as f:
        f.write("<!-- changed -->")
    refused(lab, "carol", 22, "old one stays", "reload")
    refused(lab, "root", 22, "old one stays", "reload")
    site_setup.sign_policy(lab.a)
    granted(lab, "root", "reload")


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
