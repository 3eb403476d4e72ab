# SPDX-License-Identifier: LGPL-2.1-or-later
"""xen-secmig on the rig's two hosts, set up with the commands that the
README gives an administrator: keys, pairing, a signed policy, the daemon."""
import re
import time

FINGERPRINT = re.compile(r"\b(?:[0-9A-Z]{5}-){4}[0-9A-Z]{5}\b")
ETC = "/etc/xen/secmig/"
LOG = "/var/log/secmigd.log"
# Ends the daemon, and waits until it has: its port and socket are free then.
END = ("pkill -x secmigd; n=150; while pgrep -x -r D,R,S,T secmigd >/dev/null;"
       " do [ $((n -= 1)) -gt 0 ] || exit 1; sleep 0.2; done")

# Deadlines for emulated machines that share two processors.
CONF = """name = %s
answer-timeout = 60
idle-timeout = 12
keepalive = 3
"""

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<policy xmlns="urn:xen-secmig:policy:1" site="rig" version="%d">
  <hosts><host id="hostA"/><host id="hostB"/></hosts>
  <rules>%s
  </rules>
</policy>
"""

# What the rig's guests are made of, and nothing else.
CONFIG = """<config>
        <memory max="512 MiB"/>
        <kernel path="/rig/guest/*"/><ramdisk path="/rig/guest/*"/>
        <bridge name="xenbr0"/>%s
      </config>"""

RULES = """
    <rule id="lab-out" effect="allow" action="migrate-out"/>
    <rule id="lab-in" effect="allow" action="migrate-in">
      %s</rule>""" % (CONFIG % "")


class Lab:
    conf, document, rules = CONF, DOCUMENT, RULES
    seal = "plain"              # and its options

    def __init__(self, rig):
        self.rig = rig
        self.version = 0
        self.daemons = {}

    def set_up(self):
        """Accounts, keys, pairing, policy, daemons: as in the README."""
        for host in self.rig.hosts:
            host.run("for u in peer keeper control; do"
                     " id secmig-$u >/dev/null 2>&1 ||"
                     " useradd -r -d /nonexistent -s /usr/sbin/nologin secmig-$u;"
                     " done; %s;"
                     " rm -rf /etc/xen/secmig /var/lib/xen/secmig"
                     " /run/xen/secmig.journal; mkdir -p /run/xen" % END)
            host.run("secmig init --name host%s --seal %s" % (host.name, self.seal))
            host.put(ETC + "secmigd.conf", "seal = %s\n" % self.seal.split()[0] +
                     self.conf % ("host" + host.name))
        self.pair()
        self.rig.a.run("secmig policy keygen")
        self.policy()
        for host in self.rig.hosts:
            self.start(host)
        return self

    def pair(self):
        for host in self.rig.hosts:
            key = host.other.run("secmig key export").out
            shown = FINGERPRINT.search(host.other.run("secmig key show").out).group()
            host.run("secmig pair --fingerprint %s host%s %s" % (
                shown, host.other.name, host.other.address), data=key)

    def policy(self, rules=None, hosts=None):
        """Signs a new policy on A and installs it (or, with hosts, only
        there); running daemons take it."""
        a = self.rig.a
        self.version += 1
        text = self.document % (self.version, rules or self.rules)
        a.run("mkdir -p /root/policy")
        a.put("/root/policy/policy.xml", text)
        a.run("secmig policy sign /root/policy/policy.xml")
        files = {"policy.xml": text.encode(),
                 "policy.xml.minisig": a.get("/root/policy/policy.xml.minisig"),
                 "policy.pub": a.get(ETC + "policy.pub")}
        for host in hosts or self.rig.hosts:
            for name, data in files.items():
                host.put(ETC + name, data)
            self.reload(host)

    def reload(self, host):
        if host.name in self.daemons:
            host.run("pkill -HUP -x secmigd")
            self.wait_log(host, r"policy of site rig version %d in force" % self.version)

    def start(self, host):
        host.run(": >%s" % LOG)
        self.daemons[host.name] = host.start("exec /usr/local/sbin/secmigd >>%s 2>&1"
                                             % LOG)
        self.wait_log(host, r"ready on port")

    def stop(self, host):
        """Ends the daemon; False when it did not run."""
        self.daemons.pop(host.name, None)
        ran = not host.run("pgrep -x secmigd", check=False).code
        host.run(END)
        return ran

    def log(self, host):
        return host.run("cat " + LOG).out

    def wait_log(self, host, pattern, timeout=90):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = re.findall(pattern, self.log(host))
            if found:
                return found[-1]
            time.sleep(0.3)
        raise TimeoutError("%s: %r is not in its log:\n%s" % (
            host, pattern, self.log(host)[-1500:]))

    def decisions(self, host):
        """The decision lines of a host's log, oldest first."""
        return [line for line in self.log(host).splitlines() if " decision " in line]

    def migrate(self, guest, source, options="", timeout=300, check=True):
        """xl migrate --secure, from source to the other host; Result."""
        return source.run("xl migrate --secure %s %s host%s" % (
            options, guest.name, source.other.name), timeout, check)
