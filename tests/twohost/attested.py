# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab whose hosts have a TPM each and certificates that name its attestation
key, enrolled as an administrator would."""
import os
import re
import shutil
import subprocess
import sys

import host
import site_setup
import swtpm
from case import check

AUTH, REFUSED_LOCAL, UNMET = 15, 20, 29
EVIL = host.BUILD + "/tests/twohost/evil"
MEASURED = (0, 4, 7)            # PCRs of the lab's platform sets

CONFIG = """
      <config><memory max="2 GiB"/><kernel path="/boot/guest-kernel"/>
        <disk path="/dev/vg0/*"/><bridge name="xenbr0"/></config>"""

OUT = '<rule id="out" effect="allow" action="migrate-out">%s</rule>'
IN = '<rule id="in" effect="allow" action="migrate-in">' + CONFIG + \
    '%s</rule>'
REQUIRE = '<require attestation="%s"/>'

DOCUMENT = """<policy xmlns="urn:xen-secmig:policy:1" site="lab" version="%d">
  %s<authorities><authority id="site" key="%s"%s/></authorities>
  %s
  <hosts><host id="hostA"/><host id="hostB"/></hosts>
  %s<rules>%s</rules>
</policy>
"""


def skip_without_tpm(title):
    why = swtpm.missing()
    if why:
        print("skip - twohost/%s: not installed: %s" % (title, why), flush=True)
        sys.exit(77)


def platform(name, pcrs, more=""):
    """<platform>; `pcrs` {index: hex or list of hex}"""
    return '<platform id="%s"%s>%s</platform>' % (name, more, "".join(
        '<pcr index="%d" sha256="%s"/>' % (
            i, v if isinstance(v, str) else " ".join(v))
        for i, v in sorted(pcrs.items())))


def private(path, flags):
    return os.open(path, flags, 0o600)


class Lab(host.Lab):
    """Each host demands of the other to be in the set "good"."""

    def __init__(self, *args, **settings):
        self.tpms = []
        settings.setdefault("tpm-timeout", 5 * host.SCALE)
        super().__init__(*args, **settings)

    def set_up(self):
        for h in self.hosts:
            h.tpm = swtpm.Swtpm(h.root + "/tpm")
            self.tpms.append(h.tpm)
            h.configure(tpm=h.tpm.tcti)
            for pcr in MEASURED:
                h.tpm.extend(pcr, "%02x" % pcr * 32)
            site_setup.init(h)
        self.a.secmig("site", "init", "--key", self.key(), "--seal", "plain")
        for h in self.hosts:
            for o in self.hosts:
                if o is not h:
                    site_setup.pair(h, o)
        self.good = self.hosts[0].tpm.pcrs(*MEASURED)
        self.fresh(certificates=True)

    def close(self):
        super().close()
        for t in self.tpms:
            t.close()

    dirty = False       # the case changes what fresh() makes

    def finish(self, strict):
        if self.dirty:
            self.fresh()
            self.dirty = False
        return super().finish(strict)

    def fresh(self, certificates=False):
        for h in self.hosts:
            if certificates:
                self.certify(h)
            self.revocations(h)
            self.policy(h)

    # ---- the authority ----

    def key(self):
        return self.dir + "/site.sealed"

    def public(self):
        with open(self.dir + "/site.pub") as f:
            return f.read().split("\n")[1]

    def sign(self, h, *options):
        """A certificate for the host's key; its text."""
        path = self.dir + "/line"
        with open(path, "w") as f:
            f.write(h.secmig("key", "export").stdout)
        return self.a.secmig("site", "sign", "--key", self.key(), "--host",
                             h.name, "--host-key", path, *options).stdout

    def install(self, h, text):
        path = h.etc + "/host.cert"
        if os.path.exists(path):
            os.unlink(path)         # its mode, too
        with open(path, "w") as f:
            f.write(text)

    def certify(self, h, *options):
        """Enrol the host's TPM, then certify the host; the serial."""
        request, challenge, answer = (self.dir + "/" + n for n in (
            "request", "challenge", "answer"))
        for f in (request, challenge, answer):
            if os.path.exists(f):
                os.unlink(f)
        h.secmig("attest", "request", "--out", request)
        self.a.secmig("site", "challenge", "--key", self.key(), "--any",
                      "--tpm", h.tpm.tcti, request, challenge)
        h.secmig("attest", "answer", "--out", answer, challenge)
        text = self.sign(h, "--enrolment", request, "--answer", answer,
                         *options)
        check("\nattestation-key = " in text, "no key in it: " + text)
        self.install(h, text)
        return re.search(r"(?m)^serial = (\d+)", text).group(1)

    def revocations(self, h):
        shutil.copy(self.dir + "/site.revoked", h.etc + "/revoked")

    def revoke(self, serial):
        self.a.secmig("site", "revoke", "--key", self.key(), serial)
        for h in self.hosts:
            self.revocations(h)

    # ---- policies ----

    def policy(self, h, rules=None, platforms=None, owners="", groups="",
               attributes=None):
        """None: the lab's own; takes effect at once.  `attributes`: those on
        which the authority's word counts, None: all."""
        if rules is None:
            rules = (OUT + IN) % ((REQUIRE % "good",) * 2)
        if platforms is None:
            platforms = platform("good", self.good)
        h.version += 1
        with open(h.etc + "/policy.xml", "w") as f:
            f.write(DOCUMENT % (
                h.version, owners, self.public(),
                ' attributes="%s"' % attributes if attributes else "",
                platforms and
                "<platforms>%s</platforms>" % platforms, groups, rules))
        site_setup.sign_policy(h)
        if h.daemon:
            h.reload()
            check(h.logged(r"version %d in force" % h.version),
                  "policy not taken: " + h.log()[-300:])

    # ---- one who lies, with the key of a host ----

    def stolen_key(self, h):
        """The host's secret key, as a thief with root there would have it,
        but for the TPM."""
        path = self.dir + "/stolen-" + h.name
        if not os.path.exists(path):
            out = subprocess.run([EVIL, "unseal",
                                  h.var + "/host-key.sealed", h.name],
                                 capture_output=True, text=True, check=True)
            with open(path, "wb", opener=private) as f:
                f.write(bytes.fromhex(out.stdout.strip()))
        return path

    def evil(self, h, *steps, to=None, port=None):
        """An evil host with h's key and certificate: it dials `to`, or
        listens on `port` of 127.0.0.14; a Popen."""
        words = ["source", self.stolen_key(h), h.name, to.address[0],
                 str(to.address[1]), to.name] if to else [
                     "destination", self.stolen_key(h), h.name, "127.0.0.14",
                     str(port)]
        return subprocess.Popen(
            [EVIL] + words + ["certificate", h.etc + "/host.cert"] +
            [str(s) for s in steps], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
