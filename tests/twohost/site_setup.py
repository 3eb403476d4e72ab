# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys, pairings and policies of a lab, made with secmig(1) as an
administrator would."""
import os
import subprocess

import host

EVIL = host.BUILD + "/tests/twohost/evil"

RULES = """
    <rule id="no-vault" effect="deny" action="migrate-out"
          reason="the vault stays where it is"><vm name="vault-*"/></rule>
    <rule id="no-ghosts" effect="deny" action="migrate-in"
          reason="ghosts stay outside"><vm name="ghost-*"/></rule>
    <rule id="lab-out" effect="allow" action="migrate-out">
      <vm name="guest-*"/><vm name="ghost-*"/><vm name="vault-*"/></rule>
    <rule id="lab-in" effect="allow" action="migrate-in">
      <vm name="guest-*"/><vm name="ghost-*"/>
      <config>
        <memory max="2 GiB"/>
        <kernel path="/boot/guest-kernel"/>
        <disk path="/dev/vg0/*"/>
        <bridge name="xenbr0"/>
      </config></rule>"""

POLICY = """<?xml version="1.0" encoding="UTF-8"?>
<policy xmlns="urn:xen-secmig:policy:1" site="lab" version="%d"%s>
  <hosts>%s</hosts>
  <rules>%s
  </rules>
</policy>
"""


def init(h):
    h.secmig("init", "--name", h.name, "--seal", "plain")


def pair(h, other, address=None):
    line = other.secmig("key", "export").stdout
    h.secmig("pair", "--fingerprint", fingerprint(other), other.name,
             address or "%s:%d" % other.address, data=line)


def fingerprint(h):
    with open(h.etc + "/host.pub") as f:
        name = f.read().split()[1]
    out = h.secmig("key", "show").stdout
    return [w for w in out.split() if w.count("-") == 4 and w != name][0]


def policy(h, rules=RULES, hosts=None, attributes=' not-after='
           '"2099-01-01T00:00:00Z"', unseen=False):
    """Write and sign a policy; a running secmigd is told to take it."""
    h.version += 1
    names = hosts or [o.name for o in h.lab.hosts]
    with open(h.etc + "/policy.xml", "w") as f:
        f.write(POLICY % (h.version, attributes, "".join(
            '<host id="%s"/>' % n for n in names), rules))
    if unseen:
        sign_unseen(h)
    else:
        sign_policy(h)
    if h.daemon:
        h.reload()
        if not h.logged(r"version %d in force" % h.version):
            raise AssertionError("policy not taken: " + h.log()[-300:])


def sign_policy(h):
    if not os.path.exists(h.etc + "/policy.pub"):
        h.secmig("policy", "keygen")
    h.secmig("policy", "sign")


def sign_unseen(h):
    """Sign policy.xml whatever it is, which `secmig policy sign` does not."""
    subprocess.run([EVIL, "sign", h.var + "/policy-key.sealed", h.name,
                    h.etc + "/policy.xml"], check=True)
