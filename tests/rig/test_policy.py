#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The policy between two real Xen hosts: operators, owners, jurisdictions.

Goal of this test
- two hosts move guests that know each other only by the certificates of one
  authority: nothing is paired;
- an operator without root moves the guest that policy gives him, and no
  other; both logs say who asked;
- where policy wants the owner's ticket, or two approvals by others, nothing
  else does, and no ticket serves twice;
- a guest's own policy travels with it and binds the destination, though both
  sites would let it go; where the guest is, its policy is, and nowhere else.

One guest goes there and back; which rule it needs depends on who asks."""
import re
import sys
import time

import lab
from case import Cases, expect
from lab import ETC, Lab

cases = Cases("ours")
MARKER = "policy-3d0c5b9e7a41"
UUID = "5e3c1f0a-7b2d-4c6e-9a81-d04b6f2e9c35"
GROUP = "xen-operators"
OPERATORS = ("alice", "bob", "carol", "dave")
STATE = "/var/lib/xen/secmig"

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<policy xmlns="urn:xen-secmig:policy:1" site="rig" version="%%d">
  <roles>
    <role id="operator"><permit action="migrate-out"/></role>
    <role id="approver" inherits="operator"/>
    <role id="admin"><permit action="migrate-out policy-admin"/></role>
  </roles>
  <operators>
    <operator id="alice" account="alice" roles="approver"/>
    <operator id="bob" account="bob" roles="approver"/>
    <operator id="carol" account="carol" roles="approver"/>
    <operator id="dave" account="dave" roles="operator"/>
    <operator id="root" account="root" roles="admin"/>
  </operators>
  <owners><owner id="finance" key="%s"/></owners>
  <authorities><authority id="rig-ca" key="%s"/></authorities>
  <hosts><certified authority="rig-ca"/></hosts>
  <vms><group id="payroll" owner="finance"><vm uuid="%s"/></group></vms>
  <rules>%%s
  </rules>
</policy>
"""

RULES = """
    <rule id="own" effect="allow" action="migrate-out">
      <subject operator="alice"/><vm name="g1"/></rule>
    <rule id="ticketed" effect="allow" action="migrate-out">
      <subject operator="bob"/><vm group="payroll"/>
      <require ticket="owner"/></rule>
    <rule id="four-eyes" effect="allow" action="migrate-out">
      <subject operator="carol"/><vm group="payroll"/>
      <require approvals="2" approver="approver"/></rule>
    <rule id="root-out" effect="allow" action="migrate-out">
      <subject account="root"/></rule>
    <rule id="root-admin" effect="allow" action="policy-admin">
      <subject account="root"/></rule>
    <rule id="rig-in" effect="allow" action="migrate-in">
      %s</rule>""" % (lab.CONFIG % "")

# Only the destination is told to refuse.
DE_ONLY = """<vm-policy xmlns="urn:xen-secmig:policy:1" vm="%s" version="1">
  <rules>
    <rule id="DE-only" effect="deny" action="migrate-in"
          reason="this guest stays in Germany">
      <destination jurisdiction-not="DE"/></rule>
    <rule id="else" effect="allow" action="migrate-out migrate-in"/>
  </rules>
</vm-policy>
""" % UUID


class Site(Lab):
    """Two hosts under one authority, operators without root, one owner.  A
    is where authority and owner work, too."""
    conf = lab.CONF + "operator-group = %s\n" % GROUP
    rules = RULES

    def set_up(self):
        self.rig.both(lambda host: host.run(
            "groupadd -f %s; for u in %s; do id $u >/dev/null 2>&1 ||"
            " useradd -M -G %s $u; done" % (GROUP, " ".join(OPERATORS), GROUP)))
        self.rig.a.run("rm -rf /root/site /root/owner; mkdir /root/site /root/owner")
        return super().set_up()

    def key(self, command):
        """Makes a signing key on A; its public half, as a policy has it."""
        return re.search('key="([^"]+)"', self.rig.a.run(command).out).group(1)

    def pair(self):
        """No: certificates instead."""
        authority = self.key("secmig site init --key /root/site/key --seal plain")
        owner = self.key("secmig owner init --key /root/owner/key --seal plain")
        self.document = DOCUMENT % (owner, authority, UUID)
        for host, word in ((self.rig.a, "DE"), (self.rig.b, "FR")):
            host.put(ETC + "revoked", self.rig.a.get("/root/site/key.revoked"))
            self.certify(host, word)
        # A finds B by its name in the DNS (here: /etc/hosts)
        self.rig.b.run("secmig trust add hostA 10.9.0.1")

    def certify(self, host, jurisdiction):
        """A certificate for a host; a running daemon takes it."""
        a, name = self.rig.a, "host" + host.name
        a.put("/root/site/host.pub", host.run("secmig key export").raw)
        a.run("rm -f /root/site/cert; secmig site sign --key /root/site/key --host %s"
              " --host-key /root/site/host.pub --jurisdiction %s /root/site/cert"
              % (name, jurisdiction))
        host.put(ETC + "host.cert", a.get("/root/site/cert"))
        if host.name in self.daemons:
            host.run("secmig reload")

    def ticket(self, name):
        """The owner signs a ticket, for any migration of the guest; both
        hosts' operators get a copy."""
        self.rig.a.run("rm -f /root/owner/%s; secmig ticket sign --key /root/owner/key"
                       " --vm %s --to '*' /root/owner/%s" % (name, UUID, name))
        for host in self.rig.hosts:
            host.put("/var/tmp/" + name, self.rig.a.get("/root/owner/" + name))
        return "/var/tmp/" + name


class World:
    site = None


def site(rig):
    if not World.site:
        World.site = Site(rig).set_up()
    return World.site


def guest_on(rig, host):
    site(rig)
    guest = rig.guest("g1", marker=MARKER, extra='uuid = "%s"' % UUID)
    if guest.is_only_guest(host):
        return guest
    rig.clean()
    return guest.create(host)


def ask(host, who, command, timeout=120):
    """secmig, run by an account."""
    return host.run("cd /; exec runuser -u %s -- secmig %s" % (who, command), timeout,
                    check=False)


def refused(host, who, code, text, command):
    """Refused with that exit code, in one line that holds the text; the
    line."""
    result = ask(host, who, command)
    expect(result.code == code, "%s: %s: exit code %d, not %d: %s" % (
        who, command, result.code, code, result.err or result.out))
    lines = result.err.splitlines()
    expect(len(lines) == 1, "%d lines: %s" % (len(lines), result.err))
    expect(text in lines[0], "%r is not in %r" % (text, lines[0]))
    return lines[0]


def granted(host, who, command):
    result = ask(host, who, command)
    expect(not result.code and not result.err, "%s: %s: %r" % (who, command, result))
    return result.out.strip()


def now(rig):
    """This moment, for untouched()."""
    return time.monotonic(), rig.capture.mark()


def untouched(guest, host, since):
    """It runs there as before, and nothing of it has left: a guest is not
    stopped before most of it has."""
    since, mark = since
    expect(guest.runs_only_on(host), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
    guest.not_stopped(since, mark)


def moves(rig, guest, source, who, rule):
    """It crosses, whole, at the wish of that account; both logs have it.  A
    note."""
    target = source.other
    logs = {host: len(site(rig).log(host)) for host in rig.hosts}
    since = time.monotonic()
    result = ask(source, who, "migrate g1 host%s" % target.name, 300)
    expect(not result.code, "%s: %r" % (who, result))
    guest.wait_tick(target, since)
    expect(guest.runs_only_on(target), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
    expect("g1" not in source.domains(), "left: %s" % source.domains())
    for host, action, decided in ((source, "migrate-out", rule),
                                  (target, "migrate-in", "rig-in")):
        lines = [line for line in site(rig).log(host)[logs[host]:].splitlines()
                 if re.search(r" decision action=%s vm=g1 .* by=%s@host%s .*answer=allow"
                              r" rule=%s " % (action, who, source.name, decided), line)]
        expect(lines, "%s: nothing in its log says who asked: %s" % (
            host, site(rig).log(host)[logs[host]:]))
    return "%.1f s, downtime %.2f s" % (result.seconds, guest.downtime(since))


@cases.case("policy: an operator without root moves his own guest, and no other")
def own(rig):
    guest = guest_on(rig, rig.a)
    rig.a.put("/rig/guest/g2.cfg", guest.config.replace("g1", "g2").replace(
        UUID, UUID.replace("5e", "6e")))
    rig.a.run("xl create -p /rig/guest/g2.cfg")
    other, since = rig.a.domains()["g2"], now(rig)
    try:
        # neither another's guest; nor, for others, his
        line = refused(rig.a, "alice", 20, "default-deny", "migrate g2 hostB")
        refused(rig.a, "dave", 20, "default-deny", "migrate g1 hostB")
        # not by way of root's socket, either
        result = rig.a.run("runuser -u alice -- xl migrate --secure g1 hostB",
                           check=False)
        expect(result.code, "an account without root runs xl")
        expect(rig.a.domains()["g2"] == other, "g2 was touched: %s" % rig.a.domains())
        untouched(guest, rig.a, since)
        note = moves(rig, guest, rig.a, "alice", "own")
    finally:
        rig.a.run("xl destroy g2", check=False)
    return "%s; %s" % (line, note)


@cases.case("policy: a ticket of the owner, or it stays; another brings it back")
def tickets(rig):
    guest, since = guest_on(rig, rig.b), now(rig)
    line = refused(rig.b, "bob", 29, "ticketed", "migrate g1 hostA")
    expect("ticket of owner finance" in line, "what is missing is not said: " + line)
    untouched(guest, rig.b, since)
    first, second = site(rig).ticket("first"), site(rig).ticket("second")
    granted(rig.b, "bob", "ticket use " + first)
    notes = [line, moves(rig, guest, rig.b, "bob", "ticketed")]
    granted(rig.a, "bob", "ticket use " + second)
    notes.append(moves(rig, guest, rig.a, "bob", "ticketed"))
    return "; ".join(notes)


def spent(rig, host, ticket):
    """A used ticket is not taken, and the guest has none to go by."""
    line = refused(host, "bob", 20, "used already", "ticket use " + ticket)
    refused(host, "bob", 29, "ticketed", "migrate g1 host" + host.other.name)
    return line


@cases.case("policy: a used ticket is refused, where it was used and where it led")
def used_tickets(rig):
    guest = guest_on(rig, rig.b)
    expect(rig.b.run("[ -e /var/tmp/first ]", check=False).code == 0,
           "needs the tickets of the case before")
    since = now(rig)
    # the first was used here; the second led here
    notes = [spent(rig, rig.b, "/var/tmp/" + name) for name in ("first", "second")]
    untouched(guest, rig.b, since)
    return "; ".join(notes)


@cases.case("policy: four eyes: one's own do not count, nor those without the role",
            long=True)
def four_eyes(rig):
    guest, since = guest_on(rig, rig.b), now(rig)
    line = refused(rig.b, "carol", 29, "four-eyes", "migrate g1 hostA")
    for who in ("carol", "dave", "alice", "alice"):
        ask(rig.b, who, "approve g1 hostA")
    again = refused(rig.b, "carol", 29, "four-eyes", "migrate g1 hostA")
    expect("2 approvals" in again and "has 1" in again, "not said: " + again)
    untouched(guest, rig.b, since)
    granted(rig.b, "bob", "approve g1 hostA")
    return "%s; %s" % (again, moves(rig, guest, rig.b, "carol", "four-eyes"))


def has_policy(host):
    """Whether the guest's policy is on that host."""
    listed = UUID in host.run("secmig vm-policy list").out
    stored = not host.run("ls -R %s | grep -q %s" % (STATE, UUID), check=False).code
    expect(listed == stored, "%s: listed: %s, stored: %s" % (host, listed, stored))
    # sealed: not a word of it can be read
    expect(host.run("grep -rq DE-only " + STATE, check=False).code == 1,
           "%s: it can be read" % host)
    return listed


@cases.case("policy: the owner's 'DE only' is refused elsewhere, and moves with its guest")
def de_only(rig):
    guest = guest_on(rig, rig.a)
    a, b, where = rig.a, rig.b, "/root/owner/de-only.xml"
    mark = rig.capture.mark()
    a.put(where, DE_ONLY)
    a.run("secmig owner sign --key /root/owner/key %s && secmig vm-policy add %s"
          % (where, where))
    expect(has_policy(a) and not has_policy(b), "it is not on A alone")
    since = now(rig)
    line = refused(a, "alice", 21, "vm:DE-only", "migrate g1 hostB")
    untouched(guest, a, since)
    said = [l for l in site(rig).decisions(a) if "to=hostB" in l][-1]
    expect("answer=allow rule=own vm-rule=else " in said, "A: " + said)
    said = site(rig).decisions(b)[-1]
    expect("migrate-in" in said and "answer=deny rule=vm:DE-only " in said, "B: " + said)
    expect(has_policy(a) and not has_policy(b), "it went ahead of the guest")

    site(rig).certify(b, "DE")
    note = moves(rig, guest, a, "alice", "own")
    expect(has_policy(b), "its policy is not on B")
    expect(not has_policy(a), "its policy is still on A")
    shown = b.run("secmig vm-policy show " + UUID).raw
    expect(shown.strip() == DE_ONLY.encode().strip(), "another policy: %r" % shown)
    seen = rig.capture.counts([guest.needle, b"DE-only", b"jurisdiction", b"vm-policy",
                               b"secmig-certificate", b"alice"], mark)
    expect(not any(seen.values()), "on the wire: %s" % seen)
    return "%s; %s" % (line, note)


if __name__ == "__main__":
    sys.exit(cases.main())
