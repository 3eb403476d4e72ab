#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""secmig handover: a handover is held up at a moment of choice (a daemon dies
before it writes a record: ../faults/point.c), and people look at it, settle
it, or say that the other host is lost.  Who may is the policy's to say."""
import os
import pty
import re

import case
import host
import operators
from case import check, equal
from operators import NO_DAEMON, NO_DOMAIN, REFUSED_LOCAL, UNMET, USAGE
from operators import ask, granted, refused

STATE, IN_DOUBT = 4, 32
POINT = host.BUILD + "/tests/faults/point.so"

operators.HEAD = operators.HEAD.replace(
    '<permit action="abort"/>', '<permit action="abort force-handover"/>')
RULES = operators.RULES + """
    <rule id="two-leads" effect="allow" action="force-handover">
      <subject role="lead"/><vm name="guest-*"/>
      <require approvals="1" approver="lead"/></rule>
"""


def make_lab():
    if host.SANITIZED:
        raise case.Skip("sanitizers come before the object that makes a "
                        "daemon die at a named moment")
    lab = operators.make_lab()
    operators.write_policy(lab.a, RULES)
    lab.a.reload()
    check(lab.a.logged("version %d in force" % lab.a.version), "policy")
    return lab


def restart(h, fault=None):
    """Let the daemon of a host be another one, with a fault, or without."""
    if h.daemon and h.daemon.poll() is not None:
        h.daemon = None
    h.stop()
    h.env = {"LD_PRELOAD": POINT, "SECMIG_FAULT": fault} if fault else {}
    h.start()


def is_dead(h):
    check(host.wait_until(lambda: h.daemon.poll() is not None, 20),
          "the fault did not strike")


def is_open(h, g, state):
    check(host.wait_until(lambda: [r["state"] for r in h.records(g)
                                   if not r["closed"]] == [state], 10),
          "%s: %s, expected %s" % (h.name, h.records(g), state))


def released(lab, who="alice", name="guest-alice-1"):
    """B dies before it accepts: A waits for it, and whoever asked is told
    that it is not settled."""
    restart(lab.b, "write:ACCEPTED:1:kill")
    g = lab.guest(name=name)
    c = ask(lab, who, "migrate", g.name, "hostB")
    equal(c.code, IN_DOUBT, "exit: %s" % c.err)
    is_dead(lab.b)
    is_open(lab.a, g, "RELEASED")
    equal(g.where(), [], "where it runs")
    return g


def ready(lab):
    """A dies before it releases: B's copy waits."""
    restart(lab.a, "write:RELEASED:1:kill")
    g = lab.guest()
    m = lab.migrate(g)
    is_dead(lab.a)
    m.wait()
    is_open(lab.b, g, "READY")
    return g


def ended(lab, g, on):
    """It is settled, without waiting for the next call, and nothing is
    left."""
    ask(lab, "root", "handover", "settle", g.name)
    g.must_run_on(on)
    for h in lab.hosts:
        check(host.wait_until(lambda: all(r["closed"] for r in h.records(g)),
                              host.SOON + 5), "%s: %s" % (h.name,
                                                          h.records(g)))


# ---- looking ----

@case.case("who has asked, root and auditors see it; others do not", 120)
def _(lab):
    g = released(lab)
    line = r"^guest-alice-1  to hostB  suspended here, waits for hostB, " \
        r"which may start it  since \S+Z  next: calls hostB"
    for who, role in (("alice", ()), ("root", ()),
                      ("dora", ("--role", "auditor"))):
        c = granted(lab, who, "handover", "list", *role)
        check(re.search(line, c.out), "%s: %s" % (who, c.out))
        c = granted(lab, who, "handover", "show", *role, g.name)
        check("may run on   nobody yet: hostB decides\n" in c.out, c.out)
        check("asked by     games\n" in c.out, c.out)
        c = granted(lab, who, "status", *role)
        check("handover: " + g.name in c.out, c.out)
    for who in ("bob", "stranger"):
        c = granted(lab, who, "handover", "list")
        check(g.name not in c.out, "%s: %s" % (who, c.out))
        refused(lab, who, NO_DOMAIN, "no handover of such a guest",
                "handover", "show", g.name)
        check(g.name not in granted(lab, who, "status").out, "status")
    # whoever may abort may settle, too
    refused(lab, "stranger", REFUSED_LOCAL, "unknown-operator", "handover",
            "settle", g.name)
    refused(lab, "dora", REFUSED_LOCAL, "no-permission", "handover",
            "settle", "--role", "auditor", g.name)
    granted(lab, "bob", "handover", "settle", g.name)
    # B's journal tells where its daemon does not run, root only
    c = lab.b.secmig("handover", "list")
    check(re.search("^%s  from hostA  a whole copy is here, paused, and "
                    "waits for hostA" % g.name, c.stdout), c.stdout)
    check("does not run" in c.stderr, c.stderr)
    refused(lab, "alice", NO_DAEMON, "does not run", "handover", "list",
            h=lab.b)
    restart(lab.b)
    ended(lab, g, lab.b)
    c = lab.b.secmig("handover", "list")
    check("%s  from hostA  came here" % g.name in c.stdout, c.stdout)


@case.case("nothing open, nobody known: said so")
def _(lab):
    restart(lab.a)
    refused(lab, "root", NO_DOMAIN, "no-such", "handover", "show", "no-such")
    refused(lab, "root", NO_DOMAIN, "no-such", "handover", "settle",
            "no-such")
    refused(lab, "root", NO_DOMAIN, "no handover with hostC is open",
            "handover", "fence", "--yes", "hostC", "hostC")
    refused(lab, "alice", REFUSED_LOCAL, "no-permission", "handover",
            "fence", "--yes", "hostB", "hostB")


# ---- settle ----

@case.case("settle calls at once; undo, while the other host is away", 120)
def _(lab):
    g = released(lab)
    c = granted(lab, "alice", "handover", "settle", g.name)
    check("hostB is called now" in c.out, c.out)
    # without a terminal it is not taken for yes
    refused(lab, "alice", USAGE, "use --yes", "handover", "settle", "--undo",
            g.name)
    c = granted(lab, "alice", "handover", "settle", "--undo", "--yes",
                g.name)
    check("hostB is asked to refuse" in c.out, c.out)
    c = granted(lab, "alice", "handover", "list")
    check("which may start it and is asked not to" in c.out, c.out)
    equal(g.where(), [], "where it runs")
    check(lab.a.logged("handover undo vm=%s .*by=games@hostA" % g.name),
          "log")
    # a daemon that is killed remembers it
    lab.a.daemon.kill()
    lab.a.daemon.wait()
    restart(lab.a)
    restart(lab.b)
    ended(lab, g, lab.a)
    refused(lab, "alice", STATE, "settled already", "handover", "settle",
            "--undo", "--yes", g.name)
    c = granted(lab, "alice", "handover", "settle", g.name)
    check("stayed here" in c.out, c.out)


@case.case("a copy that waits is given up by who may: it is destroyed, and "
           "the guest goes on at the source", 120)
def _(lab):
    g = ready(lab)
    p = lab.b.secmig("handover", "settle", "--undo", g.name, ok=False)
    check(p.returncode in (USAGE, 28), p.stderr)
    lab.b.secmig("handover", "settle", "--undo", "--yes", g.name)
    check(host.wait_until(lambda: not lab.b.find(g), 10), "B's copy")
    restart(lab.a)
    ended(lab, g, lab.a)
    restart(lab.a)
    lab.succeeds(g)


# ---- fence ----

def destroy_copy(h, g):
    """What is asserted is true."""
    with host.fakexen.state(h.toy) as st:
        for d in list(st["domains"]):
            if d["uuid"] == g.uuid:
                host.fakexen.destroy(st, d, h.toy)


@case.case("a fence takes two who may, and says what it asserts", 120)
def _(lab):
    g = released(lab)
    fence = ("handover", "fence", "--yes", "hostB", "hostB")
    approve = ("handover", "fence", "--approve", "--yes", "hostB", "hostB")
    refused(lab, "alice", REFUSED_LOCAL, "no-permission", *fence)
    refused(lab, "stranger", REFUSED_LOCAL, "unknown-operator", *fence)
    # without a terminal, without the host's name, with another one
    refused(lab, "root", USAGE, "use --yes hostB", "handover", "fence",
            "hostB")
    refused(lab, "root", USAGE, "not the host", "handover", "fence",
            "--yes", "hostA", "hostB")
    refused(lab, "bob", UNMET, "two-leads .*has 0 .*fence --approve", *fence)
    refused(lab, "alice", REFUSED_LOCAL, "no-permission", *approve)
    granted(lab, "bob", *approve)
    refused(lab, "bob", UNMET, "has 0", *fence)     # not one's own
    equal(g.where(), [], "where it runs")
    granted(lab, "dora", *(approve[:2] + ("--role", "lead") + approve[2:]))
    # true from here on
    destroy_copy(lab.b, g)
    granted(lab, "bob", *fence)
    g.must_run_on(lab.a)
    # and those that have gone there in the cases before this one
    check(lab.a.logged(r"fence host=hostB handovers=\d+ by=man@hostA .*"
                       r"approvals=\d"), "log")
    check(lab.a.logged(r"decision action=force-handover vm=%s .*to=hostB "
                       r"by=man@hostA .*answer=allow rule=two-leads"
                       % g.name), "log")
    c = granted(lab, "root", "handover", "show", g.name)
    check("settled by somebody's word" in c.out, c.out)
    # B comes back: its copy has gone, it refuses, and nobody minds
    restart(lab.b)
    check(host.wait_until(lambda: all(r["closed"] for r in
                                      lab.b.records(g)), 15),
          "B: %s" % lab.b.records(g))
    g.must_run_on(lab.a)
    lab.succeeds(g)


def at_terminal(h, *args):
    """secmig, as root, at a terminal of its own: pid and the terminal."""
    pid, terminal = pty.fork()
    if not pid:
        os.execv(h.build + "/secmig", ["secmig", "--root", h.root, *args])
    return pid, terminal


def read_until(terminal, words=None):
    """What is shown, up to those words, or to its end."""
    out = b""
    while not words or words.encode() not in out:
        try:
            got = os.read(terminal, 4096)
        except OSError:         # nobody writes there any more
            got = b""
        if not got:
            check(not words, "not asked: %r" % out)
            break
        out += got
    return out.decode()


@case.case("a fence does what was shown, and nothing when that has changed", 120)
def _(lab):
    g = released(lab)
    pid, terminal = at_terminal(lab.a, "handover", "fence", "hostB")
    shown = read_until(terminal, "to go on: ")
    check("%s is resumed here" % g.name in shown, shown)
    # meanwhile the other host comes back, and runs it
    restart(lab.b)
    ended(lab, g, lab.b)
    os.write(terminal, b"hostB\n")
    said = read_until(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    equal(code, STATE, said)
    check("has changed since it was shown" in said, said)
    check(not any(r["fenced"] for r in lab.a.records(g)), lab.a.records(g))
    # the same, and nothing happens
    g = released(lab, name="guest-alice-2")
    pid, terminal = at_terminal(lab.a, "handover", "fence", "hostB")
    read_until(terminal, "to go on: ")
    os.write(terminal, b"hostB\n")
    destroy_copy(lab.b, g)
    said = read_until(terminal)
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, said)
    os.close(terminal)
    g.must_run_on(lab.a)
    restart(lab.b)
    check(host.wait_until(lambda: all(r["closed"] for r in
                                      lab.b.records(g)), 15),
          "B: %s" % lab.b.records(g))


@case.case("a host that is connected is not lost", 120)
def _(lab):
    restart(lab.a)
    restart(lab.b)
    g = lab.guest()
    m = lab.migrate(g, hold="mid", size=8 << 20)
    m.reached("mid")
    c = ask(lab, "root", "handover", "fence", "--yes", "hostB", "hostB")
    equal(c.code, STATE, c.out + c.err)
    check("hostB is not lost" in c.err, c.err)
    m.go_on()
    equal(m.wait()["code"], 0, "migration")
    ended(lab, g, lab.b)


# ---- reset ----

@case.case("a damaged journal keeps the daemon from starting, with the "
           "position; reset begins a new one, and the other host holds", 120)
def _(lab):
    g = released(lab)
    path = lab.b.var + "/journal"
    with open(path, "r+b") as f:
        f.seek(1100)
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 1]))
    p = lab.b.secmig("handover", "list", ok=False)
    equal(p.returncode, STATE, p.stderr)
    check(re.search(r"journal.*\d", p.stderr), p.stderr)
    lab.b.daemon = None
    lab.b.env = {}
    try:
        lab.b.launch()
        raise AssertionError("it starts with a damaged journal")
    except AssertionError as e:
        check("secmigd ended with %d" % STATE in str(e), str(e))
    lab.b.daemon = None
    p = lab.b.secmig("handover", "reset", ok=False)
    equal(p.returncode, USAGE, p.stderr)
    p = lab.b.secmig("handover", "reset", "--yes")
    kept = re.search(r"kept as (\S+)", p.stdout).group(1)
    check(os.path.exists(kept), kept)
    os.unlink(kept)
    restart(lab.b)
    # A does not believe the new one, and B does not refuse what it forgot
    granted(lab, "root", "handover", "settle", g.name)
    check(host.wait_until(lambda: "comes with another journal" in
                          ask(lab, "root", "handover", "list").out, 20),
          ask(lab, "root", "handover", "list").out)
    equal(g.where(), [], "where it runs")
    destroy_copy(lab.b, g)
    granted(lab, "root", "handover", "fence", "--yes", "hostB", "hostB")
    g.must_run_on(lab.a)


if __name__ == "__main__":
    case.main(make_lab)
