# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab with operators: accounts that every system has, what policy gives to
them, and secmig(1) run as one of them."""
import grp
import pwd
import re
import shutil
import subprocess

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
