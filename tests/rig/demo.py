#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job, shown: a running guest crosses from one real Xen host to
another over the secure channel and back, and stays where it is when policy
says no, when the other host has not booted what it should have, and when this
one may not have its own key.  Exit code 0 only when every proof holds."""
import secrets
import sys
import time

from rig import Rig
from trusted import RULES, SEALED_TO, Trusted

NO_GUESTS = """
    <rule id="closed-for-audit" effect="deny" action="migrate-in"
          reason="this host takes none of these during the audit">
      <vm name="g*"/></rule>""" + RULES


class Demo:
    def __init__(self, rig):
        self.rig = rig
        self.lab = Trusted(rig)
        self.wrong = []

    def head(self, text):
        print("\n--- %s" % text, flush=True)

    def say(self, text):
        print("    %s" % text, flush=True)

    def prove(self, holds, text):
        print("    %s  %s" % ("yes" if holds else "NO ", text), flush=True)
        if not holds:
            self.wrong.append(text)

    def moved(self, guest, target, since, total):
        """The proof that it is the same guest, alive, there and only there."""
        tick = guest.wait_tick(target, since)
        before = [t for t in guest.ticks() if t.host != target.name][-1]
        self.prove(guest.runs_only_on(target), "%s ticks on %s and nowhere else"
                   % (guest.name, target))
        self.prove(list(target.other.domains()) == [], "xl list on %s: no guest"
                   % target.other)
        self.prove(tick.count > before.count and tick.uptime > before.uptime,
                   "its counter and uptime go on: %d after %d, %.1f s after %.1f s"
                   % (tick.count, before.count, tick.uptime, before.uptime))
        self.prove(not guest.continuity(since), "not rebooted, its memory is whole"
                   " (checksums of counting pages)")
        self.say("total %.1f s, downtime %.2f s" % (total, guest.downtime(since)))

    def secure(self, guest, source, mark):
        since = time.monotonic()
        print("    hostA# " if source is self.rig.a else "    hostB# ", end="")
        print("xl migrate --secure %s %s" % (guest.name, source.other), flush=True)
        result = self.lab.migrate(guest, source)
        self.moved(guest, source.other, since, result.seconds)
        found = self.rig.capture.count(guest.needle, mark)
        packets, size = self.rig.capture.size(mark)
        self.prove(found == 0, "the marker is nowhere on the wire (%.1f MB in %d"
                   " packets captured)" % (size / 1e6, packets))

    def refused(self, guest, code, word, text):
        """hostA does not move the guest, says why, and nothing leaves."""
        mark, since = self.rig.capture.mark(), time.monotonic()
        print("    hostA# xl migrate --secure g1 hostB", flush=True)
        result = self.lab.migrate(guest, self.rig.a, check=False)
        line = [l for l in result.err.splitlines() if l.strip()][-1]
        self.say(line)
        self.prove(result.code == code and word in line,
                   "%s; exit code %d" % (text, result.code))
        self.prove(guest.runs_only_on(self.rig.a), "g1 ticks on hostA")
        gap = guest.longest_gap(since)
        self.prove(gap is not None and gap < 1.5,
                   "it never stopped: longest gap between ticks %.2f s" % gap)
        size = self.rig.capture.size(mark)[1]
        self.prove(size < 100000, "nothing of it left: %d bytes on the wire" % size)

    def run(self):
        a, b, rig = self.rig.a, self.rig.b, self.rig
        marker = "demo-" + secrets.token_hex(8)

        self.head("two real Xen hosts")
        for host in rig.hosts:
            info = host.run("xl info").out
            self.say("%s: Xen %s, Linux %s" % (host, *(
                [l.split(": ", 1)[1] for l in info.splitlines() if l.startswith(k)][0]
                for k in ("xen_version", "release"))))

        self.head("keys sealed to each host's TPM, TPMs enrolled by an authority,"
                  " a signed policy")
        self.lab.set_up()
        for host in rig.hosts:
            for line in host.run("secmig seal list").out.strip().splitlines():
                self.say("%s: %s" % (host, line))
        self.say(a.run("secmig status").out.strip().splitlines()[1])

        self.head("a guest that ticks, with the secret %r in 1024 pages" % marker)
        guest = rig.guest("g1", marker=marker).create(a)
        self.prove(guest.runs_only_on(a), "g1 ticks on hostA")

        self.head("stock: the same guest by a plain transport, A to B")
        mark, since = rig.capture.mark(), time.monotonic()
        plain = rig.migrate_plain(guest, a, b)
        self.moved(guest, b, since, plain.total)
        found = rig.capture.count(guest.needle, mark)
        self.prove(found > 0, "the marker is on the wire, %d times" % found)
        back = rig.migrate_plain(guest, b, a)
        self.say("and back to A: %.1f s" % back.total)

        self.head("xl migrate --secure, A to B")
        self.secure(guest, a, rig.capture.mark())
        for host in rig.hosts:
            line = self.lab.decisions(host)[-1].split("decision ", 1)[1]
            self.say("decided: " + line)
            self.prove("attestation=dom0" in line, "%s has seen a quote by the other's"
                       " TPM: it booted what the policy calls dom0" % host)
            self.prove("pq=yes" in line, "%s: the channel is post-quantum"
                       " (X25519 and ML-KEM-768)" % host)

        self.head("the way back, B to A")
        self.secure(guest, b, rig.capture.mark())

        self.head("a refusal: hostB's policy says no")
        self.lab.policy(NO_GUESTS, [b])
        self.refused(guest, 21, "closed-for-audit", "one line names the rule")
        self.lab.policy(hosts=[b])

        self.head("a refusal: hostB has measured something else")
        print("    hostB# tpm2_pcrextend 14:sha256=…", flush=True)
        b.extend(14, "not what was captured")
        self.refused(guest, 29, "PCR 14", "hostA's policy wants what it knows as dom0")

        self.head("a refusal: hostA has booted something else (PCR 9); its keys are"
                  " sealed to %s" % SEALED_TO)
        time.sleep(1.5)         # key-lifetime
        print("    hostA# tpm2_pcrextend 9:sha256=…", flush=True)
        a.extend(9, "another kernel")
        self.refused(guest, 31, "PCR 9", "hostA's TPM does not give out its key")
        guest.destroy()
        return 1 if self.wrong else 0


def main():
    with Rig("demo") as rig:
        demo = Demo(rig)
        code = demo.run()
    print("\n%s" % ("demo: every proof holds" if not code else
                    "demo: NOT shown: " + "; ".join(demo.wrong)), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
