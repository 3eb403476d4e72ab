#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Operators who are not root: what each may, by policy.  The clients are
secmig(1) itself, run as accounts that every system has; xl is
`doubles/xl-migrate`."""
import os
import signal

import case
import host
import site_setup
from case import check, equal
from operators import *                                         # noqa: F403


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
    refused(lab, "alice", 2, "no name of a role", "status", "--role",
            'x answer=allow rule=root-out text="ok"')
    check("rule=root-out text" not in lab.a.log(), "forged")
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
    check(lab.a.logged("is given up: code=28"), "not cancelled")
    # it is told once xl has let go
    open(go, "w").close()
    equal(c.wait().code, CANCELLED, "exit: " + c.err)
    check(lab.a.logged("result=failed code=28"), "verdict")
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


@case.case("to accept a platform, and to say who signs the policy")
def _(lab):
    refused(lab, "alice", REFUSED_LOCAL, "policy-admin", "platform", "accept",
            "hostB")
    # carol may; but no quote of hostB was ever seen here
    refused(lab, "carol", UNKNOWN_HOST, "no quote of hostB", "platform",
            "accept", "hostB")
    pub = lab.dir + "/site.pub"
    shutil.copy(lab.a.etc + "/policy.pub", pub)
    refused(lab, "carol", REFUSED_LOCAL, "only root", "trust", "policy", pub)
    lab.a.secmig("trust", "policy", pub)


if __name__ == "__main__":
    case.main(make_lab)
