#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts that know each other by certificates of a site authority and are not
paired: who is let in, and who is turned away, at either end, with the guest
running on the source as if nothing had been."""
import os
import shutil
import subprocess
import time

import case
import host
import site_setup
from case import check, equal

UNKNOWN_HOST, UNREACHABLE, AUTH, UNPAIRED = 11, 12, 15, 17
REFUSED_LOCAL, REFUSED_REMOTE = 20, 21
REFUSE = 3
SOON = host.SOON
NOW = 2500 * host.SCALE         # milliseconds
EVIL = host.BUILD + "/tests/twohost/evil"

LOCATION_RULES = """
    <rule id="out" effect="allow" action="migrate-out"/>
    <rule id="in" effect="allow" action="migrate-in">
      <%s location="berlin"/>
      <config><memory max="2 GiB"/><kernel path="/boot/guest-kernel"/>
        <disk path="/dev/vg0/*"/><bridge name="xenbr0"/></config></rule>"""


class Lab(host.Lab):
    """Two hosts with certificates, which know each other's address only."""

    def set_up(self):
        for h in self.hosts:
            site_setup.init(h)
        for name in ("site", "other"):
            self.a.secmig("site", "init", "--key", self.key(name), "--seal",
                          "plain")
        self.fresh()

    def fresh(self):
        """As at the start; a policy of each host that trusts `site`."""
        for h in self.hosts:
            shutil.rmtree(h.etc + "/hosts")
            os.mkdir(h.etc + "/hosts", 0o755)
            for o in self.hosts:
                if o is not h:
                    h.secmig("trust", "add", o.name, "%s:%d" % o.address)
            self.certify(h)
            self.revocations(h)
            self.policy(h)

    def finish(self, strict):
        if self.dirty:
            self.fresh()
            self.dirty = False
        return super().finish(strict)

    dirty = False       # the case changes what fresh() makes

    # ---- the authorities ----

    def key(self, authority):
        return "%s/%s.sealed" % (self.dir, authority)

    def public(self, authority):
        with open("%s/%s.pub" % (self.dir, authority)) as f:
            return f.read().split("\n")[1]

    def certificate(self, name, key_line, *options, authority="site"):
        """Text of a certificate."""
        path = self.dir + "/line"
        with open(path, "w") as f:
            f.write(key_line)
        return self.a.secmig("site", "sign", "--key", self.key(authority),
                             "--host", name, "--host-key", path,
                             *options).stdout

    def certify(self, h, *options, **more):
        """A new certificate for a host, in its place; the serial."""
        text = self.certificate(h.name, h.secmig("key", "export").stdout,
                                *options, **more)
        self.install(h, text)
        return [line.split()[2] for line in text.splitlines()
                if line.startswith("serial = ")][0]

    def install(self, h, text):
        path = h.etc + "/host.cert"
        if os.path.exists(path):
            os.unlink(path)         # its mode, too
        with open(path, "w") as f:
            f.write(text)

    def revocations(self, h, *authorities):
        """Their lists, one after the other, in the place of the host's."""
        with open(h.etc + "/revoked", "wb") as out:
            for authority in authorities or ("site",):
                with open("%s/%s.revoked" % (self.dir, authority), "rb") as f:
                    out.write(f.read())

    def revoke(self, serial, authority="site"):
        self.a.secmig("site", "revoke", "--key", self.key(authority), serial)

    # ---- policies ----

    def policy(self, h, rules=site_setup.RULES, hosts="", certified="site",
               authorities=("site",)):
        """`certified`: the authorities of <certified>; "": none."""
        for authority in certified.split():
            hosts += '<certified authority="%s"/>' % authority
        h.version += 1
        with open(h.etc + "/policy.xml", "w") as f:
            f.write('<policy xmlns="urn:xen-secmig:policy:1" site="lab" '
                    'version="%d"><authorities>%s</authorities><hosts>%s'
                    '</hosts><rules>%s</rules></policy>' % (
                        h.version, "".join(
                            '<authority id="%s" key="%s"/>' % (
                                a, self.public(a)) for a in authorities),
                        hosts, rules))
        site_setup.sign_policy(h)
        if h.daemon:
            h.reload()
            check(h.logged(r"version %d in force" % h.version),
                  "policy not taken: " + h.log()[-300:])

    # ---- one who lies ----

    def evil_key(self, name):
        """Its key file and key line, the same key under any name."""
        path = self.dir + "/evil.key"
        out = subprocess.run([EVIL, "keygen", path, name], text=True,
                             capture_output=True, check=True).stdout
        return path, out.splitlines()[0] + "\n"

    def evil_calls(self, name, path, certificate=None):
        """Shake hands with B as `name`; what came back."""
        time.sleep(0.15)        # B logs ten lines a second about strangers
        steps = ["handshake", "expect", str(REFUSE), str(NOW)]
        if certificate is not None:
            steps[:0] = ["certificate", self.file(certificate)]
        p = subprocess.run([EVIL, "source", path, name, self.b.address[0],
                            str(self.b.address[1]), "hostB"] + steps,
                           capture_output=True, text=True, timeout=50)
        return p.stdout

    def evil_answers(self, path, certificate):
        """Listen as hostB where A dials it; a Popen that wants message 3."""
        port = host.free_port()
        p = subprocess.Popen(
            [EVIL, "destination", path, "hostB", "127.0.0.14", str(port),
             "certificate", self.file(certificate), "message1", "message2",
             "message3"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        p.stdout.readline()
        self.a.dial("hostB", ("127.0.0.14", port))
        return p

    def file(self, data):
        path = self.dir + "/evil.cert"
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path


def dirty(name, **kw):
    """A case that changes certificates, entries or policies."""
    def register(f):
        def run(lab):
            lab.dirty = True
            f(lab)
        return case.case(name, **kw)(run)
    return register


def xl_never_started(h):
    equal(h.events("xl", "argv"), [], "xl on %s" % h.name)


# ---- let in ----

@case.case("two certified hosts without a pairing, there and back")
def _(lab):
    g = lab.guest()
    lab.succeeds(g)
    lab.succeeds(g, src=lab.b, dst="hostA")


@dirty("the host that is called needs no entry for the caller")
def _(lab):
    lab.b.secmig("trust", "remove", "hostA")
    lab.succeeds(lab.guest())


@dirty("a renewed certificate counts without a restart")
def _(lab):
    serial = lab.certify(lab.a)
    lab.revoke(serial)
    lab.revocations(lab.b)
    g = lab.guest()
    lab.fails(g, UNPAIRED, "revoked", within=SOON)
    lab.certify(lab.a)
    lab.succeeds(g)


@dirty("a host without an entry is looked up by its name, port 8003")
def _(lab):
    g = lab.guest()
    lab.fails(g, UNREACHABLE, "localhost port 8003", dst="localhost",
              within=SOON)
    lab.a.secmig("trust", "remove", "hostB")
    lab.fails(g, UNREACHABLE, "cannot reach hostB", within=10)


@dirty("hosts that are listed by name need a certificate all the same")
def _(lab):
    for h in lab.hosts:
        lab.policy(h, hosts='<host id="hostA"/><host id="hostB"/>',
                   certified="")
    g = lab.guest()
    lab.succeeds(g)
    os.unlink(lab.b.etc + "/host.cert")
    lab.fails(g, UNPAIRED, "shown no certificate", src=lab.b, dst="hostA",
              within=SOON)


# ---- attributes ----

@dirty("a certificate adds to a pairing where a host is")
def _(lab):
    for h in lab.hosts:
        shutil.rmtree(h.etc + "/hosts")
        os.mkdir(h.etc + "/hosts", 0o755)
    for h, o in (lab.hosts, lab.hosts[::-1]):
        site_setup.pair(h, o)
    hosts = '<host id="hostA"/><host id="hostB"/>'
    lab.policy(lab.a, hosts=hosts, certified="")
    lab.policy(lab.b, LOCATION_RULES % "source", hosts, certified="")
    g = lab.guest()
    lab.fails(g, REFUSED_REMOTE, within=SOON)       # it says no location
    lab.certify(lab.a, "--location", "paris")
    lab.fails(g, REFUSED_REMOTE, within=SOON)
    lab.certify(lab.a, "--location", "berlin", authority="other")
    lab.fails(g, REFUSED_REMOTE, within=SOON)
    check(lab.b.logged("certificate of hostA does not count"),
          "B does not say why")
    lab.certify(lab.a, "--location", "berlin")
    lab.succeeds(g)


@dirty("a rule about where this host itself is")
def _(lab):
    lab.policy(lab.b, LOCATION_RULES % "destination")
    g = lab.guest()
    lab.fails(g, REFUSED_REMOTE, within=SOON)
    lab.certify(lab.b, "--location", "berlin")
    lab.succeeds(g)


# ---- turned away by the destination ----

BAD_AT_SOURCE = {
    "no certificate": (None, "has shown no certificate"),
    "one of another authority": ("other", "not of an authority"),
    "one that has expired": ("old", "expired"),
    "one that is not valid yet": ("early", "not valid before"),
    "one that is revoked": ("revoked", "is revoked"),
}


def spoil(lab, h, how, judge):
    """Give a host a certificate that must not count with `judge`."""
    if how is None:
        os.unlink(h.etc + "/host.cert")
    elif how == "other":
        lab.certify(h, authority="other")
    elif how == "old":
        lab.certify(h, "--not-before", "2020-01-01T00:00:00Z", "--valid",
                    "1d")
    elif how == "early":
        lab.certify(h, "--not-before", "2098-01-01T00:00:00Z", "--valid",
                    "1d")
    else:
        lab.revoke(lab.certify(h))
        lab.revocations(judge)


for _what, (_how, _text) in BAD_AT_SOURCE.items():
    @dirty("the destination turns away a source with " + _what)
    def _(lab, how=_how, text=_text):
        lab.policy(lab.a, hosts='<host id="hostA"/>')   # else A itself says no
        spoil(lab, lab.a, how, lab.b)
        lab.fails(lab.guest(), UNPAIRED, text, within=SOON)
        xl_never_started(lab.b)
        check(lab.b.logged("hostA.*certificate"), "no line in B's log")


@dirty("a source whose own certificate does not count says so itself")
def _(lab):
    spoil(lab, lab.a, "old", lab.b)
    lab.fails(lab.guest(), REFUSED_LOCAL, "unknown-host", within=SOON)
    xl_never_started(lab.b)


@dirty("the destination's policy lists no host of that authority")
def _(lab):
    lab.policy(lab.b, hosts='<host id="hostB"/>', certified="")
    lab.fails(lab.guest(), UNPAIRED, "not known there", within=SOON)
    check(lab.b.logged("take part"), "no line in B's log")
    xl_never_started(lab.b)


# ---- turned away by the source ----

for _what, (_how, _text) in BAD_AT_SOURCE.items():
    @dirty("the source does not go to a destination with " + _what)
    def _(lab, how=_how):
        spoil(lab, lab.b, how, lab.a)
        lab.fails(lab.guest(), AUTH, "certificate", within=SOON)
        xl_never_started(lab.b)


@dirty("a certificate does not make up for the key of a pairing")
def _(lab):
    path, line = lab.evil_key("hostB")
    lab.a.secmig("trust", "remove", "hostB")
    fpr = subprocess.run([EVIL, "keygen", path + "2", "hostB"], text=True,
                         capture_output=True, check=True).stdout.split("\n")
    lab.a.secmig("pair", "--fingerprint", fpr[1], "hostB",
                 "%s:%d" % lab.b.address, data=fpr[0] + "\n")
    lab.fails(lab.guest(), AUTH, "does not have the key", within=SOON)


@dirty("a list of revocations that is damaged, missing or old revokes all")
def _(lab):
    g = lab.guest()
    old = lab.dir + "/old.revoked"
    shutil.copy(lab.b.etc + "/revoked", old)
    lab.a.secmig("site", "revoke", "--key", lab.key("site"), "--issue-only")
    lab.revocations(lab.b)
    lab.succeeds(g)                         # B has seen the new list
    lab.succeeds(g, src=lab.b, dst="hostA")
    for how in ("damaged", "old", "missing"):
        if how == "damaged":
            with open(lab.b.etc + "/revoked", "a") as f:
                f.write("x\n")
        elif how == "old":
            shutil.copy(old, lab.b.etc + "/revoked")
        else:
            os.unlink(lab.b.etc + "/revoked")
        lab.fails(g, UNPAIRED, "revoked cannot be told", within=SOON)
    lab.revocations(lab.b)
    lab.succeeds(g)


@dirty("two authorities: each revokes its own, and none is missed")
def _(lab):
    g = lab.guest()
    for h in lab.hosts:
        lab.policy(h, certified="site other", authorities=("site", "other"))
        lab.revocations(h, "site", "other")
    lab.certify(lab.a, authority="other")
    lab.succeeds(g)
    lab.succeeds(g, src=lab.b, dst="hostA")
    lab.revocations(lab.b, "site")          # B has seen the other's
    lab.fails(g, UNPAIRED, "the list is missing", within=SOON)
    lab.certify(lab.a)
    lab.succeeds(g)                         # which is no matter of the site's
    lab.succeeds(g, src=lab.b, dst="hostA")
    lab.revocations(lab.b, "site", "other", "site")
    lab.fails(g, UNPAIRED, "two lists", within=SOON)
    serial = lab.certify(lab.a, "--serial", "77", authority="other")
    lab.revoke(serial, "other")
    lab.revocations(lab.b, "other", "site")
    lab.fails(g, UNPAIRED, "77 is revoked", within=SOON)
    lab.certify(lab.a)
    lab.succeeds(g)


# ---- liars ----

@case.case("a stolen certificate: the right name, another key")
def _(lab):
    path, _ = lab.evil_key("hostC")
    with open(lab.a.etc + "/host.cert") as f:
        stolen = f.read()
    out = lab.evil_calls("hostA", path, stolen)
    check("got REFUSE %d" % UNPAIRED in out, out)
    check("another key" in out, out)
    check(lab.b.logged("hostA.*another key"), "no line in B's log")


@case.case("somebody else's certificate: another name, another key")
def _(lab):
    path, _ = lab.evil_key("hostC")
    with open(lab.a.etc + "/host.cert") as f:
        out = lab.evil_calls("hostC", path, f.read())
    check("got REFUSE %d" % UNPAIRED in out, out)
    check("of host hostA" in out, out)


@case.case("a certificate of one's own under another's name")
def _(lab):
    path, line = lab.evil_key("hostC")
    own = lab.certificate("hostC", line)
    out = lab.evil_calls("hostA", path, own)
    check("got REFUSE %d" % UNPAIRED in out, out)
    check("of host hostC" in out, out)
    out = lab.evil_calls("hostB", path, own)        # B's own name
    check("got REFUSE %d" % UNPAIRED in out, out)


@dirty("a paired host may not use its certificate under a second name")
def _(lab):
    path, line = lab.evil_key("hostC")
    out = subprocess.run([EVIL, "keygen", path, "hostD"], text=True,
                         capture_output=True, check=True).stdout
    line, fpr = out.splitlines()
    lab.b.secmig("pair", "--fingerprint", fpr, "hostD", "127.0.0.14:9",
                 data=line + "\n")
    own = lab.certificate("hostC", line.replace("hostD", "hostC") + "\n")
    out = lab.evil_calls("hostC", path, own)
    check("got REFUSE %d" % UNPAIRED in out, out)
    check(lab.b.logged("paired as hostD"), "no line in B's log")


@case.case("what is no certificate at all")
def _(lab):
    path, _ = lab.evil_key("hostC")
    with open(lab.a.etc + "/host.cert", "rb") as f:
        good = f.read()
    for bad in (b"x", b"\0" * 4096, os.urandom(4096), good[:-1],
                good + b"\n", good.replace(b"hostA", b"hostC"),
                good.replace(b"\n", b"\r\n"), b"\xff\xfe" + good,
                b"secmig-ticket 1\n" + good.split(b"\n", 1)[1],
                b"\x1b[2J\nsecmigd: forged\n" * 100):
        out = lab.evil_calls("hostC", path, bad)
        check("got REFUSE %d" % UNPAIRED in out, "%r: %s" % (bad[:40], out))
    check("\x1b" not in lab.b.log() and "\nsecmigd: forged" not in
          lab.b.log(), "a forged line")
    lab.succeeds(lab.guest())


@dirty("a destination with a stolen certificate never learns who dialled")
def _(lab):
    path, line = lab.evil_key("hostB")
    with open(lab.b.etc + "/host.cert") as f:
        stolen = f.read()
    g = lab.guest()
    p = lab.evil_answers(path, stolen)
    lab.fails(g, AUTH, "another key", within=SOON)
    out = p.communicate(timeout=30)[0]
    check(p.returncode == 1 and "fail no handshake message" in out, out)
    p = lab.evil_answers(path, lab.certificate("hostC", line.replace(
        "hostB", "hostC")))
    lab.fails(g, AUTH, "of host hostC", within=SOON)
    out = p.communicate(timeout=30)[0]
    check(p.returncode == 1 and "fail no handshake message" in out, out)


@dirty("what is no certificate of this host is not shown")
def _(lab):
    path, line = lab.evil_key("hostC")
    lab.policy(lab.a, hosts='<host id="hostA"/>')
    g = lab.guest()
    for text, why in (("nonsense\n", "host.cert"),
                      (lab.certificate("hostC", line), "it is of host hostC"),
                      (lab.certificate("hostA", line.replace("hostC",
                                                             "hostA")),
                       "another key")):
        lab.a.mark_log()
        lab.install(lab.a, text)
        lab.fails(g, UNPAIRED, "shown no certificate", within=SOON)
        check(lab.a.logged("not shown to other hosts: .*" + why
                           if why != "host.cert" else
                           "host.cert: not shown"), "A does not say so")
    os.chmod(lab.a.etc + "/host.cert", 0o666)
    lab.fails(g, UNPAIRED, "shown no certificate", within=SOON)


@case.case("strangers with certificates, many at once, keep nobody out")
def _(lab):
    path, line = lab.evil_key("hostC")
    bad = lab.file(lab.certificate("hostC", line, authority="other"))
    callers = [subprocess.Popen(
        [EVIL, "source", path, "hostC", lab.b.address[0],
         str(lab.b.address[1]), "hostB", "certificate", bad, "handshake",
         "expect", str(REFUSE), "20000"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True) for _ in range(20)]
    lab.succeeds(lab.guest())
    refused = sum("got REFUSE" in p.communicate(timeout=40)[0]
                  for p in callers)
    check(refused > 0, "nobody was answered")
    time.sleep(0.2)


if __name__ == "__main__":
    if not os.path.exists(EVIL):
        print("not ok - twohost/certificates: %s is not built (make unit)"
              % EVIL)
        raise SystemExit(1)
    case.main(Lab)
