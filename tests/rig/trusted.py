# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab with everything that docs/trust.md has: keys sealed to the hosts'
TPMs and what they booted, TPMs enrolled by an authority, guests that go only
to a platform which has proven itself, over a post-quantum channel."""
import re

import lab
from lab import ETC, Lab

SEALED_TO = "0,2,4,7,9"
MEASURED = "0,2,4,7,9,10,14"
STATE = "/var/lib/xen/secmig/"

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<policy xmlns="urn:xen-secmig:policy:1" site="rig" version="%%d">
  <authorities><authority id="rig-ca" key="%s"/></authorities>
  <platforms>
%s
  </platforms>
  <hosts><certified authority="rig-ca"/></hosts>
  <rules>%%s
  </rules>
</policy>
"""

RULES = """
    <rule id="proven-out" effect="allow" action="migrate-out">
      <channel post-quantum="yes"/><require attestation="dom0"/></rule>
    <rule id="proven-in" effect="allow" action="migrate-in">
      <channel post-quantum="yes"/><require attestation="dom0"/>
      %s</rule>""" % (lab.CONFIG % "")


class Trusted(Lab):
    # The key is held no longer than it must be, so that each migration asks
    # the TPM for it.
    conf = lab.CONF + "key-lifetime = 1\n"
    rules = RULES
    seal = "tpm2 --pcrs " + SEALED_TO

    def pair(self):
        """No: an authority, on A, that has seen both TPMs' endorsement."""
        a = self.rig.a
        a.run("rm -rf /root/site; mkdir /root/site")
        shown = a.run("secmig site init --key /root/site/key --seal plain").out
        authority = re.search('key="([^"]+)"', shown).group(1)
        self.maker()
        for host in self.rig.hosts:
            host.put(ETC + "revoked", a.get("/root/site/key.revoked"))
            self.enrol(host)
        # A finds B by its name in the DNS (here: /etc/hosts), and B finds A
        platform = a.run("secmig platform capture dom0 --pcrs " + MEASURED).out
        self.document = DOCUMENT % (authority, platform)

    def maker(self):
        """Whose TPMs the authority takes: those of the rig's maker."""
        roots = b""
        for name in ("swtpm-localca-rootca-cert.pem", "issuer.pem"):
            with open(self.rig.file("maker/" + name), "rb") as file:
                roots += file.read()
        self.rig.a.put("/root/site/maker.pem", roots)

    def enrol(self, host):
        """The certificate names the key that lives in this host's TPM."""
        a, name = self.rig.a, "host" + host.name
        site = "/root/site/" + name
        host.run("rm -f /root/request /root/answer;"
                 " secmig attest request --out /root/request")
        a.put(site + ".request", host.get("/root/request"))
        a.put(site + ".pub", host.run("secmig key export").raw)
        challenge = a.run("secmig site challenge --key /root/site/key"
                          " --ek-roots /root/site/maker.pem %s.request" % site).raw
        host.put("/root/challenge", challenge)
        a.put(site + ".answer", host.run("secmig attest answer /root/challenge").raw)
        a.run("rm -f %s.cert; secmig site sign --key /root/site/key --host %s"
              " --host-key %s.pub --enrolment %s.request --answer %s.answer %s.cert"
              % (site, name, site, site, site, site))
        host.put(ETC + "host.cert", a.get(site + ".cert"))
