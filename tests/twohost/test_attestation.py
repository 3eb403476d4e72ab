#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts that prove by their TPM what they run, and those that do not: each is
refused for what is wrong with it, before a byte of the guest leaves, and the
guest runs on."""
import os
import re
import threading
import time

import attested
import case
import host
from attested import IN, MEASURED, OUT, REQUIRE, platform
from case import check, equal

UNKNOWN_HOST, REFUSED_LOCAL, REFUSED_REMOTE, UNMET = 11, 20, 21, 29
REQUEST, REFUSE, CANCEL, EVIDENCE = 1, 3, 5, 7
SOON = host.SOON + 5 * host.SCALE       # a quote takes its time
NOW = 9000 * host.SCALE                 # milliseconds


def dirty(name, **kw):
    """A case that changes policies or certificates."""
    def register(f):
        def run(lab):
            lab.dirty = True
            f(lab)
        return case.case(name, **kw)(run)
    return register


def measure(h, other=None):
    """What the host's firmware and loader do after a reset; `other`: a PCR
    that gets something else."""
    for pcr in MEASURED:
        h.tpm.extend(pcr, "ee" * 32 if pcr == other else "%02x" % pcr * 32)


def boot(h, other=None):
    h.tpm.reset()
    measure(h, other)


def nothing_left(guest, h):
    """The host has not heard of the guest."""
    for words in (guest.name, guest.uuid, "action=migrate-in"):
        check(words not in h.log(), "%s has heard of the guest: %s" % (
            h.name, h.log()[-400:]))
    equal(h.events("xl"), [], "xl on %s" % h.name)
    equal(h.events("secmig-xl"), [], "secmig-xl on %s" % h.name)


def refused_here(lab, guest, text, word, code=UNMET):
    """A refuses B, which learns nothing of the guest."""
    out = lab.fails(guest, code, text, within=SOON)
    check(lab.a.logged("decision action=migrate-out .* answer=deny .*"
                       "attestation=%s " % word),
          "A's log: " + lab.a.log()[-500:])
    nothing_left(guest, lab.b)
    return out


def refused_there(lab, guest, text, word):
    """B refuses A."""
    out = lab.fails(guest, (UNMET, REFUSED_REMOTE), text, within=SOON)
    check(lab.b.logged("decision action=migrate-in .* answer=deny .*"
                       "attestation=%s " % word),
          "B's log: " + lab.b.log()[-500:])
    equal(lab.b.events("xl"), [], "xl on hostB")
    return out


# ---- good ----

@case.case("both hosts prove what they run, there and back")
def _(lab):
    g = lab.guest()
    lab.succeeds(g)
    for h, action in ((lab.a, "migrate-out"), (lab.b, "migrate-in")):
        check(h.logged("decision action=%s .* answer=allow .*"
                       "attestation=good pq=(yes|no)" % action),
              "%s's log: %s" % (h.name, h.log()[-500:]))
    lab.succeeds(g, src=lab.b, dst="hostA")


@case.case("several at once")
def _(lab):
    guests = [lab.guest() for _ in range(4)]
    moves = [lab.migrate(g) for g in guests]
    for g, m in zip(guests, moves):
        out = m.wait(60)
        equal(out["code"], 0, out["text"])
        g.must_run_on(lab.b)


@dirty("where no rule asks for it no quote is made")
def _(lab):
    for h in lab.hosts:
        lab.policy(h, (OUT + IN) % ("", ""))
        h.tpm.kill()
    try:
        lab.succeeds(lab.guest())
        check(lab.a.logged("attestation=no "), lab.a.log()[-300:])
    finally:
        for h in lab.hosts:
            boot(h)


@dirty("only one side asks for it")
def _(lab):
    lab.policy(lab.b, (OUT + IN) % ("", ""))
    lab.succeeds(lab.guest())
    check(lab.b.logged("migrate-in .*attestation=no "), lab.b.log()[-300:])
    lab.policy(lab.a, (OUT + IN) % ("", ""))
    lab.policy(lab.b)
    lab.succeeds(lab.guest())
    check(lab.b.logged("migrate-in .*attestation=good "), lab.b.log()[-300:])


# ---- what was measured ----

@case.case("a destination that booted something else, by the PCR")
def _(lab):
    boot(lab.b, 4)
    try:
        refused_here(lab, lab.guest(), r"good in PCR 4\b", "pcr")
    finally:
        boot(lab.b)
    lab.succeeds(lab.guest())


@case.case("a source that booted something else")
def _(lab):
    boot(lab.a, 7)
    try:
        refused_there(lab, lab.guest(), r"good in PCR 7\b", "pcr")
    finally:
        boot(lab.a)
    lab.succeeds(lab.guest())


@case.case("a platform that changes after it was seen")
def _(lab):
    lab.succeeds(lab.guest())
    lab.b.mark_log()
    lab.b.clear_events()
    lab.b.tpm.extend(4, "ee" * 32)
    try:
        refused_here(lab, lab.guest(), r"PCR 4\b.*since", "changed")
        # and it remains one, also after a restart of who saw it
        lab.a.stop()
        lab.a.start()
        refused_here(lab, lab.guest(), r"PCR 4\b.*since", "changed")
    finally:
        boot(lab.b)
    lab.succeeds(lab.guest())


@dirty("one of several sets, one of several values, is enough")
def _(lab):
    boot(lab.b, 4)
    new = lab.b.tpm.pcrs(*MEASURED)
    try:
        lab.policy(lab.a, platforms=platform("good", {
            i: [lab.good[i], new[i]] if i == 4 else lab.good[i]
            for i in MEASURED}))
        lab.succeeds(lab.guest())
        lab.policy(lab.a, OUT % (REQUIRE % "old") + OUT.replace(
            "out", "out-new", 1) % (REQUIRE % "new") + IN % "",
            platform("old", lab.good) + platform("new", new))
        lab.succeeds(lab.guest())
        check(lab.a.logged("attestation=new "), lab.a.log()[-300:])
    finally:
        boot(lab.b)


# ---- whose TPM ----

@dirty("a certificate without an attestation key")
def _(lab):
    cert = open(lab.b.etc + "/host.cert").read()
    lab.install(lab.b, lab.sign(lab.b))
    try:
        refused_here(lab, lab.guest(), "certificate", "unknown-key")
    finally:
        lab.install(lab.b, cert)


@case.case("what is wrong with a host's files stays in its own log")
def _(lab):
    key = lab.b.var + "/attestation-key"
    os.rename(key, lab.dir + "/ak")
    try:
        with open(key, "w", opener=attested.private) as f:
            f.write("x")
        out = refused_here(lab, lab.guest(), "it has no attestation key",
                           "no-tpm")
        check("/" not in out["text"], out["text"])
        check(lab.b.logged("quote: .*" + re.escape(key)),
              "B's log: " + lab.b.log()[-300:])
    finally:
        os.rename(lab.dir + "/ak", key)


@dirty("another attestation key than the certificate names")
def _(lab):
    key = lab.b.var + "/attestation-key"
    os.rename(key, lab.dir + "/ak")
    lab.b.secmig("attest", "request", "--out", lab.dir + "/unused")
    try:
        refused_here(lab, lab.guest(), "key", "unknown-key")
    finally:
        os.rename(lab.dir + "/ak", key)
    lab.succeeds(lab.guest())


@dirty("a certificate that has expired")
def _(lab):
    cert = open(lab.b.etc + "/host.cert").read()
    lab.certify(lab.b, "--not-before", "2020-01-01T00:00:00Z", "--valid",
                "1d")
    try:
        refused_here(lab, lab.guest(), "expired|no longer|valid",
                     "certificate")
    finally:
        lab.install(lab.b, cert)


@dirty("a certificate that is revoked")
def _(lab):
    cert = open(lab.b.etc + "/host.cert").read()
    lab.revoke(lab.certify(lab.b))
    try:
        refused_here(lab, lab.guest(), "revoked", "certificate")
    finally:
        lab.install(lab.b, cert)
    lab.succeeds(lab.guest())


@case.case("state on a disk that moved to another machine")
def _(lab):
    copy = lab.b.tpm.saved()
    other = lab.dir + "/other-tpm"
    os.makedirs(other, exist_ok=True)
    lab.b.tpm.restore(other)
    measure(lab.b)
    try:
        refused_here(lab, lab.guest(), "TPM", "no-tpm")
    finally:
        lab.b.tpm.restore(copy)
        boot(lab.b)


# ---- no TPM, or one that does not answer ----

@case.case("a host without a TPM", leftovers=False)
def _(lab):
    lab.b.stop()
    lab.b.configure(tpm="device:/dev/no-tpm-here")
    lab.b.start()
    try:
        refused_here(lab, lab.guest(), "TPM", "no-tpm")
    finally:
        lab.b.stop()
        lab.b.configure(tpm=lab.b.tpm.tcti)
        lab.b.start()


@case.case("a host that was never enrolled")
def _(lab):
    key = lab.b.var + "/attestation-key"
    os.rename(key, lab.dir + "/ak")
    try:
        refused_here(lab, lab.guest(), "attest", "no-tpm")
    finally:
        os.rename(lab.dir + "/ak", key)


@case.case("a TPM that hangs is waited for, not for ever", limit=90)
def _(lab):
    lab.b.tpm.stop()
    g = lab.guest()
    try:
        limit = lab.b.settings["tpm-timeout"] + host.SOON
        lab.fails(g, UNMET, "TPM", within=limit)
        nothing_left(g, lab.b)
    finally:
        lab.b.tpm.go_on()
    lab.succeeds(g)


@case.case("a TPM that is dead, of the source")
def _(lab):
    lab.a.tpm.kill()
    try:
        refused_there(lab, lab.guest(), "TPM", "no-tpm")
    finally:
        boot(lab.a)
    lab.succeeds(lab.guest())


# ---- counters ----

@case.case("a TPM whose state is an old one")
def _(lab):
    old = lab.b.tpm.saved()
    boot(lab.b)
    boot(lab.b)
    lab.succeeds(lab.guest())
    newest = lab.b.tpm.saved()
    lab.b.tpm.restore(old)
    measure(lab.b)
    lab.b.mark_log()
    lab.b.clear_events()
    try:
        refused_here(lab, lab.guest(), "back", "reset")
        p = lab.a.secmig("platform", "accept", "hostB", ok=False)
        equal(p.returncode, UNMET, "exit: " + p.stderr)
        check("hostB is not accepted" in p.stderr and
              "new attestation key" in p.stderr, p.stderr)
    finally:
        lab.b.tpm.restore(newest)
        measure(lab.b)
    lab.succeeds(lab.guest())
    accept(lab)


def clock(h):
    """ms, and whether the TPM calls that safe"""
    said = h.tpm.tool("tpm2_readclock").stdout
    return (int(re.search(r"clock: *(\d+)", said).group(1)),
            bool(re.search(r"safe: *yes", said)))


@case.case("a software TPM whose host crashes begins its clock anew")
def _(lab):
    time.sleep(6)
    lab.succeeds(lab.guest())
    before = clock(lab.b)
    boot(lab.b)                 # killed, as by a power cut
    time.sleep(4.2)             # and now it says that its clock is safe
    after = clock(lab.b)
    check(after[0] < before[0] and after[1], "no case: %s %s" % (before,
                                                                 after))
    lab.succeeds(lab.guest())


def accept(lab):
    p = lab.a.secmig("platform", "accept", "hostB")
    check(re.match(r"hostB is accepted as it was seen last \(reset count \d+, "
                   r"restart count \d+, on %s.*Z\)" % time.strftime(
                       "%Y-%m-%d", time.gmtime()), p.stdout), p.stdout)


@dirty("a boot that the TPM counts as a restart has to be accepted, too")
def _(lab):
    lab.policy(lab.a, platforms=platform("good", lab.good,
                                         ' after-reset="approve"'))
    boot(lab.b)
    refused_here(lab, lab.guest(), "accept hostB", "reset")
    accept(lab)
    lab.succeeds(lab.guest())
    lab.b.mark_log()
    lab.b.clear_events()
    lab.b.tpm.tool("tpm2_shutdown")     # "keep your state"
    boot(lab.b)
    refused_here(lab, lab.guest(), "accept hostB", "reset")
    accept(lab)
    lab.succeeds(lab.guest())


@case.case("what a TPM measures after a restart is no change within one boot")
def _(lab):
    lab.succeeds(lab.guest())
    lab.b.mark_log()
    lab.b.clear_events()
    lab.b.tpm.tool("tpm2_shutdown")
    boot(lab.b, 4)
    try:
        refused_here(lab, lab.guest(), r"PCR 4\b", "pcr")
    finally:
        boot(lab.b)
    lab.succeeds(lab.guest())


@dirty("each boot has to be accepted, where the policy says so")
def _(lab):
    a = lab.a
    lab.policy(a, platforms=platform("good", lab.good,
                                     ' after-reset="approve"'))
    boot(lab.b)
    p = a.secmig("platform", "accept", "hostC", ok=False)
    equal(p.returncode, UNKNOWN_HOST, "exit: " + p.stderr)
    for _ in range(2):
        lab.b.mark_log()
        lab.b.clear_events()
        refused_here(lab, lab.guest(), "secmig platform accept hostB",
                     "reset")
        accept(lab)
        lab.succeeds(lab.guest())
        lab.succeeds(lab.guest())
        a.stop()                # that is remembered
        a.start()
        lab.succeeds(lab.guest())
        boot(lab.b)


# ---- a thief with B's key and certificate, but not its TPM ----

class Thief:
    """Answers A in B's place, with what B's TPM has said to a demand of its own
    (`nonce`), or with what it says to A's (`relay`); `edit` changes it."""

    def __init__(self, lab, edit=None, relay=False, nonce=None):
        self.lab = lab
        self.kept = lab.dir + "/kept"
        self.fifo = lab.dir + "/fifo"
        for f in (self.kept, self.fifo):
            if os.path.exists(f):
                os.unlink(f)
        os.mkfifo(self.fifo)
        if nonce:
            self.ask(nonce)
        port = host.free_port()
        lab.a.dial("hostB", ("127.0.0.14", port))
        self.p = lab.evil(lab.b, "handshake", "evidence", self.fifo,
                          "expect", CANCEL, NOW, port=port)
        self.thread = threading.Thread(target=self.answer,
                                       args=(relay, edit), daemon=True)
        self.thread.start()

    def ask(self, nonce):
        """Have the real B prove itself to "A" for that nonce."""
        p = self.lab.evil(self.lab.a, "demand", nonce, "keep", self.kept,
                          "handshake", "expect", EVIDENCE, NOW,
                          to=self.lab.b)
        out, _ = p.communicate(timeout=40)
        equal(p.returncode, 0, "asking B: " + out)

    def answer(self, relay, edit):
        self.said = ""
        while "got DEMAND" not in self.said:
            line = self.p.stdout.readline()
            if not line:
                return
            self.said += line
        nonce = re.search("got DEMAND ([0-9a-f]+)", self.said).group(1)
        if relay:
            self.ask(nonce)
        with open(self.kept, "rb") as f:
            evidence = f.read()
        with open(self.fifo, "wb") as f:
            f.write(edit(evidence) if edit else evidence)

    def close(self):
        """What it has said."""
        self.p.kill()
        if not self.p.stdout.closed:
            self.said += self.p.communicate()[0]


def thief(lab, text, word, **how):
    t = lab.later(Thief(lab, **how))
    try:
        lab.fails(lab.guest(), UNMET, text, within=2 * SOON)
    finally:
        t.thread.join(10)
        t.close()
    check(lab.a.logged("answer=deny .*attestation=%s " % word),
          "A's log: " + lab.a.log()[-500:])
    check("got CANCEL" in t.said and "got REQUEST" not in t.said, t.said)


@case.case("an old quote, replayed")
def _(lab):
    thief(lab, "another|earlier|replay|nonce", "replayed", nonce="5a" * 32)


@case.case("a quote for this demand, made for another session")
def _(lab):
    thief(lab, "session", "other-session", relay=True)


@case.case("evidence that is cut short")
def _(lab):
    thief(lab, "", "malformed", relay=True, edit=lambda e: e[:-1])


@case.case("evidence with bytes behind it")
def _(lab):
    thief(lab, "", "malformed", relay=True, edit=lambda e: e + b"\0")


@case.case("evidence whose PCRs were edited")
def _(lab):
    thief(lab, "PCR", "digest", relay=True,
          edit=lambda e: e[:-1] + bytes([e[-1] ^ 1]))


@case.case("no evidence: the other side says that it cannot")
def _(lab):
    port = host.free_port()
    lab.a.dial("hostB", ("127.0.0.14", port))
    p = lab.evil(lab.b, "handshake", "unable", "my dog ate it", "expect",
                 CANCEL, NOW, port=port)
    lab.fails(lab.guest(), UNMET, "my dog ate it", within=SOON)
    said = p.communicate(timeout=20)[0]
    check("got CANCEL" in said, said)
    check(lab.a.logged("answer=deny .*attestation=no-tpm "),
          lab.a.log()[-300:])


@case.case("what the other side says cannot forge fields of the log")
def _(lab):
    port = host.free_port()
    lab.a.dial("hostB", ("127.0.0.14", port))
    p = lab.evil(lab.b, "handshake", "unable",
                 'x" attestation=good answer=allow\\" text="fine', "expect",
                 CANCEL, NOW, port=port)
    lab.fails(lab.guest(), UNMET, 'x" attestation=good', within=SOON)
    p.communicate(timeout=20)
    lines = [line for line in lab.a.log().split("\n") if "x' att" in line]
    check(len(lines) >= 2, "decision and result: " + lab.a.log()[-500:])
    for line in lines:
        check(re.search(r' text="[^"\\]*"$', line) and line.count('"') == 2,
              "forged: " + line)


@case.case("a host that demands quote upon quote does not keep others waiting")
def _(lab):
    lab.a.tpm.stop()
    greedy = [lab.evil(lab.b, "demand", "5a" * 32, "handshake", "expect",
                       EVIDENCE, NOW, to=lab.a) for _ in range(30)]
    try:
        check(lab.a.logged("quote: .* wait for hostB already"),
              "there was no crowd: " + lab.a.log()[-300:])
        m = lab.migrate(lab.guest())
        time.sleep(2 * host.SCALE)      # B has demanded a quote of A
        lab.a.tpm.go_on()
        out = m.wait()
        equal(out["code"], 0, out["text"])
    finally:
        lab.a.tpm.go_on()
        said = [p.communicate(timeout=60)[0] for p in greedy]
    check(any("busy" in s for s in said), said[-1])


@case.case("a source that asks without proving itself first")
def _(lab):
    config = lab.dir + "/config"
    with open(config, "w") as f:
        f.write("{}")
    uuid = "00000000000040008000000000000001"
    out, _ = lab.evil(lab.a, "handshake", "request", config, "guest-x", uuid,
                      "1024", "0", "closed", NOW, to=lab.b).communicate(
                          timeout=40)
    check("got ACCEPT" not in out, out)
    check(lab.b.logged("out of turn"), "B: " + lab.b.log()[-300:])
    equal(lab.b.events("secmig-xl"), [], "secmig-xl on hostB")


# ---- owners ----

OWNERS = '<owners><owner id="finance" key="%s"/></owners>'
GROUPS = '<vms><group id="own" owner="finance"><vm name="guest-own-*"/>' \
    '</group></vms>'
VM_POLICY = """<vm-policy xmlns="urn:xen-secmig:policy:1" vm="%s" version="1">
  %s<platforms>%s</platforms><rules>%s</rules></vm-policy>
"""


def owned(lab, rules, pcrs, authorities="%.0s"):
    """A guest whose owner asks for a platform set "mine"; site policies that
    ask for none.  `authorities`: "%s" in it is the owner's own key."""
    key = lab.dir + "/finance"
    if not os.path.exists(key + ".pub"):
        lab.a.secmig("owner", "init", "--key", key, "--seal", "plain")
    with open(key + ".pub") as f:
        public = f.read().split("\n")[1]
    owners = OWNERS % public
    for h in lab.hosts:
        lab.policy(h, (OUT + IN) % ("", ""), "", owners, GROUPS)
    g = lab.guest(name="guest-own-%s" % os.urandom(3).hex())
    path = "%s/%s.xml" % (lab.dir, g.name)
    with open(path, "w") as f:
        f.write(VM_POLICY % (g.uuid, authorities % public,
                             platform("mine", pcrs), rules))
    lab.a.secmig("owner", "sign", "--key", key, path)
    lab.a.secmig("vm-policy", "add", path)
    return g


VM_OUT = '<rule id="o" effect="allow" action="migrate-out">' + \
    REQUIRE % "mine" + '</rule>'
VM_IN = '<rule id="i" effect="allow" action="migrate-in">%s</rule>'


@dirty("an owner's guest goes only to platforms of the owner's",
       leftovers=False)
def _(lab):
    g = owned(lab, VM_OUT + VM_IN % "", lab.good)
    lab.succeeds(g)
    check(lab.a.logged("migrate-out .*vm-rule=o .*attestation=vm:mine "),
          lab.a.log()[-500:])
    g = owned(lab, VM_OUT + VM_IN % "", {**lab.good, 4: "ab" * 32})
    lab.b.mark_log()
    lab.b.clear_events()
    refused_here(lab, g, r"own policy.*mine in PCR 4\b", "pcr")
    lab.a.secmig("vm-policy", "remove", g.uuid)
    # the site's authority is not the owner's
    g = owned(lab, VM_OUT + VM_IN % "", lab.good, '<authorities>'
              '<authority id="own" key="%s"/></authorities>')
    refused_here(lab, g, "own policy.*nobody whose word", "certificate")
    lab.a.secmig("vm-policy", "remove", g.uuid)


@dirty("an owner's guest comes only from platforms of the owner's",
       leftovers=False)
def _(lab):
    rule = '<rule id="o" effect="allow" action="migrate-out"/>' + \
        VM_IN % (REQUIRE % "mine")
    g = owned(lab, rule, lab.good)
    # B does not know before the guest comes that its owner asks for that
    lab.fails(g, (UNMET, REFUSED_REMOTE),
              "own policy.*not asked.*demand-attestation = always", within=SOON)
    lab.b.stop()
    lab.b.configure(demand_attestation="always")
    lab.b.start()
    try:
        lab.succeeds(g)
        check(lab.b.logged("migrate-in .*vm-rule=i .*attestation=vm:mine "),
              lab.b.log()[-500:])
        g = owned(lab, rule, {**lab.good, 7: "ab" * 32})
        lab.fails(g, (UNMET, REFUSED_REMOTE), r"own policy.*PCR 7\b",
                  within=SOON)
        lab.a.secmig("vm-policy", "remove", g.uuid)
    finally:
        lab.b.stop()
        lab.b.configure(demand_attestation=None)
        lab.b.start()


# ---- always ----

@dirty("demanded of every host, whatever the rules are", leftovers=False)
def _(lab):
    for h in lab.hosts:
        lab.policy(h, (OUT + IN) % ("", ""), "")
    lab.a.stop()
    lab.a.configure(demand_attestation="always")
    lab.a.start()
    try:
        lab.succeeds(lab.guest())
        check(lab.a.logged("migrate-out .*attestation=proven "),
              lab.a.log()[-300:])
        lab.b.mark_log()
        lab.b.clear_events()
        lab.b.tpm.kill()
        refused_here(lab, lab.guest(), "demand-attestation.*TPM", "no-tpm")
    finally:
        boot(lab.b)
        lab.a.stop()
        lab.a.configure(demand_attestation=None)
        lab.a.start()
    lab.succeeds(lab.guest())


@dirty("a key certified by one whose word on that does not count",
       leftovers=False)
def _(lab):
    lab.policy(lab.a, (OUT + IN) % ("", ""), attributes="jurisdiction")
    boot(lab.b)
    lab.a.stop()
    lab.a.configure(demand_attestation="always")
    lab.a.start()
    try:
        refused_here(lab, lab.guest(), "demand-attestation.*nobody whose word",
                     "certificate")
        lab.policy(lab.a, attributes="jurisdiction")
        refused_here(lab, lab.guest(), "nobody whose word", "certificate")
        check("platform host=hostB" not in lab.a.log(), "it is remembered")
        lab.policy(lab.a, (OUT + IN) % ("", ""))
        lab.succeeds(lab.guest())
        check(lab.a.logged("migrate-out .*attestation=good "),
              lab.a.log()[-300:])
    finally:
        lab.a.stop()
        lab.a.configure(demand_attestation=None)
        lab.a.start()


if __name__ == "__main__":
    attested.skip_without_tpm("attestation")
    case.main(attested.Lab)
