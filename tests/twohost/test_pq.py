#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The post-quantum handshake: hosts that have it and hosts that have not,
what is required, and who is told why.

"Old" is another build directory, with the distribution's libsodium:
SECMIG_OLD_BUILD [build/clang, which tests/check makes]."""
import os
import subprocess

import case
import host
import proxy
import site_setup
from case import Skip, check, equal
from evil_lab import Lab as EvilLab

OLD = os.path.abspath(os.environ.get(
    "SECMIG_OLD_BUILD", os.path.join(host.TOP, "build", "clang")))

CONFIG, AUTH, PROTOCOL, REFUSED_LOCAL, REFUSED_REMOTE = 3, 15, 16, 20, 21
TAMPERED = (13, 14, AUTH, PROTOCOL)
PLAIN, HYBRID = 2 + 32, 2 + 1216
SOON = host.SOON

RULES = site_setup.RULES.replace(
    '<vm name="guest-*"/><vm name="ghost-*"/><vm name="vault-*"/></rule>',
    '<vm name="guest-*"/>%(out)s</rule>', 1).replace(
    '<vm name="guest-*"/><vm name="ghost-*"/>\n      <config>',
    '<vm name="guest-*"/>%(in)s\n      <config>', 1)


class Lab(EvilLab):
    """Each case gets the daemons that it asks for; both are new and as set
    up by default in between."""

    now = None

    def run_as(self, a=None, b=None, a_old=False, b_old=False,
               rules_a=("", ""), rules_b=("", "")):
        """Settings of post-quantum (None: the default), builds, and what is
        added to the rules "out" and "in"."""
        want = (a, b, a_old, b_old, rules_a, rules_b)
        if want == self.now:
            return
        if (a_old or b_old) and not os.access(OLD + "/secmigd", os.X_OK):
            raise Skip("%s/secmigd is not built (SECMIG_OLD_BUILD)" % OLD)
        if (a_old or b_old) and host.post_quantum(OLD):
            raise Skip("%s is not old" % OLD)
        self.now = want
        for h, setting, old, rules in ((self.a, a, a_old, rules_a),
                                       (self.b, b, b_old, rules_b)):
            h.stop()
            h.build = OLD if old else host.BUILD
            h.configure(post_quantum=setting,
                        secmig_vault=h.build + "/secmig-vault")
            site_setup.policy(h, RULES % {"out": rules[0], "in": rules[1]},
                              hosts=["hostA", "hostB", "evil"])
            h.start()

    def begin(self, name):
        super().begin(name)
        if not host.post_quantum():
            raise Skip("this build's libsodium has no ML-KEM-768")


def first(p):
    """Lengths of the first message of each connection through a proxy."""
    return [len(s.frames["out"][0].data) for s in p.sessions]


@case.case("both have it: it is used")
def _(lab):
    lab.run_as()
    p = lab.between()
    lab.succeeds(lab.guest())
    equal(first(p), [HYBRID], "first messages")
    equal(len(p.sessions[0].frames["in"][0].data), host.MESSAGES["in", 0],
          "bytes of message 2")
    for h in (lab.a, lab.b):
        check(h.logged("answer=allow rule=.* pq=yes"), "not logged by "
              + h.name)


@case.case("both have it, with AEGIS-256: the policy sees both")
def _(lab):
    only = '<channel suite="%s" post-quantum="yes"/>'
    lab.run_as(rules_a=(only % "aegis-256", ""),
               rules_b=("", only % "aegis-256"))
    lab.succeeds(lab.guest())


@case.case("required on both sides: it moves")
def _(lab):
    lab.run_as("require", "require")
    lab.succeeds(lab.guest())


@case.case("a new host to an old one: dialled again without, and said so")
def _(lab):
    lab.run_as(b_old=True)
    p = lab.between()
    lab.succeeds(lab.guest())
    equal(first(p), [HYBRID, PLAIN], "first messages")
    check(lab.a.logged(r"to=hostB has no post-quantum handshake: dialling "
                       "again without"), "nothing in A's log")
    check(lab.b.logged("the post-quantum handshake was asked for, which this "
                       "host has not"), "nothing in B's log")
    for h in (lab.a, lab.b):
        check(h.logged("answer=allow rule=.* pq=no"), "not logged by "
              + h.name)


@case.case("an old host to a new one: it moves")
def _(lab):
    lab.run_as(a_old=True)
    p = lab.between()
    lab.succeeds(lab.guest())
    equal(first(p), [PLAIN], "first messages")


@case.case("the source requires it, the destination is old: refused here")
def _(lab):
    lab.run_as(a="require", b_old=True)
    p = lab.between()
    lab.fails(lab.guest(), REFUSED_LOCAL, "post-quantum.*hostB has no "
              "post-quantum handshake.*post-quantum = require", within=SOON)
    equal(first(p), [HYBRID], "first messages: not dialled again")


@case.case("the destination requires it, the source is old: its user is told")
def _(lab):
    lab.run_as(a_old=True, b="require")
    lab.fails(lab.guest(), REFUSED_REMOTE, "hostB requires the post-quantum "
              "handshake, which hostA has not.*libsodium 1.0.22",
              within=SOON)
    check(lab.b.logged("refused: hostB requires the post-quantum"),
          "nothing in B's log")
    equal(lab.b.events("xl"), [], "xl on B")


@case.case("switched off on one side: without, and nobody cries wolf")
def _(lab):
    for a, b in (("off", None), (None, "off"), ("off", "off")):
        lab.run_as(a, b)
        p = lab.between()
        lab.succeeds(lab.guest())
        equal(first(p)[-1], PLAIN, "first message with %s, %s" % (a, b))
        for h in (lab.a, lab.b):
            check("stripped" not in h.log(), "stripped, says " + h.name)


@case.case("switched off here, required there: refused there")
def _(lab):
    lab.run_as("off", "require")
    lab.fails(lab.guest(), REFUSED_REMOTE, "or has switched off",
              within=SOON)


@case.case("stripped in between: the second handshake brings it to light")
def _(lab):
    lab.run_as()
    sent = []

    def strip(session, frame):
        """What B would say if it had none; B never hears of it."""
        if frame.direction == "out" and len(frame.data) == HYBRID:
            sent.append(frame)
            session.send("in", b"\0\0")
            raise proxy.Cut()
        return None
    p = lab.between(strip)
    lab.fails(lab.guest(), AUTH, "stripped.*hostB has it", within=SOON)
    equal(first(p), [HYBRID, PLAIN], "first messages")
    equal(len(sent), 1, "times stripped")
    # A did not show who it is to whom it was led
    equal(len(p.sessions[1].frames["out"]), 1, "messages of A")
    equal(lab.b.events("xl"), [], "xl on B")
    lab.a.dial("hostB", lab.b.address)
    lab.succeeds(lab.guest())


@case.case("stripped in between, and required: not even dialled again")
def _(lab):
    lab.run_as("require", None)

    def strip(session, frame):
        session.send("in", b"\0\0")
        raise proxy.Cut()
    p = lab.between(strip)
    lab.fails(lab.guest(), REFUSED_LOCAL, "post-quantum = require",
              within=SOON)
    equal(len(p.sessions), 1, "connections")


@case.case("turned down again and again: two connections, no more")
def _(lab):
    lab.run_as()

    def strip(session, frame):
        session.send("in", b"\0\0")
        raise proxy.Cut()
    p = lab.between(strip)
    lab.fails(lab.guest(), TAMPERED, within=SOON)
    equal(first(p), [HYBRID, PLAIN], "first messages")


@case.case("message 1 cut down to a classic one: refused")
def _(lab):
    lab.run_as()
    p = lab.between(proxy.at("out", 0, lambda s, f: [b"\0\x20"
                                                     + f.data[2:34]]))
    lab.fails(lab.guest(), TAMPERED, within=SOON)
    equal(len(p.sessions), 1, "connections")
    equal(lab.b.events("xl"), [], "xl on B")


@case.case("a source that has it and does not use it is not believed")
def _(lab):
    lab.run_as()
    lab.evil("classic", "features", 1, "handshake", "closed", 3000)
    check(lab.b.logged("stripped: both hosts have it"), "B did not see it")
    lab.b.mark_log()
    lab.evil("classic", "features", 0xfffffffe, "handshake", "alive", 500)


@case.case("policy demands it on the source: a classic channel is refused")
def _(lab):
    lab.run_as(b_old=True, rules_a=('<channel post-quantum="yes"/>', ""))
    lab.fails(lab.guest(), REFUSED_LOCAL, within=SOON)
    equal(lab.b.events("xl"), [], "xl on B")
    lab.run_as(rules_a=('<channel post-quantum="yes"/>', ""))
    lab.succeeds(lab.guest())


@case.case("policy demands it on the destination: a classic one is refused")
def _(lab):
    lab.run_as(a_old=True, rules_b=("", '<channel post-quantum="yes"/>'))
    lab.fails(lab.guest(), REFUSED_REMOTE, within=SOON)
    equal(lab.b.events("xl"), [], "xl on B")
    lab.run_as(rules_b=("", '<channel post-quantum="yes"/>'))
    lab.succeeds(lab.guest())


@case.case("an old secmigd that shall require it does not start")
def _(lab):
    lab.run_as(a_old=True)
    lab.a.stop()
    lab.a.configure(post_quantum="require")
    lab.now = None
    p = subprocess.run([OLD + "/secmigd", "--root", lab.a.root],
                       capture_output=True, text=True, timeout=20)
    equal(p.returncode, CONFIG, "exit code: " + p.stderr)
    equal(len(p.stderr.splitlines()), 1, "lines: " + p.stderr)
    check("post-quantum = require" in p.stderr and "libsodium" in p.stderr,
          p.stderr)
    lab.a.configure(post_quantum=None)
    lab.a.start()


@case.case("nobody knows the word: the daemon does not start")
def _(lab):
    lab.run_as()
    lab.a.stop()
    lab.now = None
    lab.a.configure(post_quantum="maybe")
    p = subprocess.run([host.BUILD + "/secmigd", "--root", lab.a.root],
                       capture_output=True, text=True, timeout=20)
    equal(p.returncode, CONFIG, "exit code: " + p.stderr)
    lab.a.configure(post_quantum=None)
    lab.a.start()


if __name__ == "__main__":
    case.main(Lab)
