#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sealed keys, attested platforms and the post-quantum channel between two
real Xen hosts with a TPM each (docs/trust.md).

Goal of this test
- a guest crosses between hosts whose keys are sealed to what they booted and
  that prove it to each other, over a post-quantum channel; the logs say so,
  the wire shows nothing;
- a copied state directory opens on no other machine;
- a host that has measured something else is refused by the other's policy
  before a byte of the guest leaves: PCR 10, measured by dom0's kernel when a
  program runs there that never did, and one that was extended by hand;
- a host whose PCRs are not those of its keys does not unseal them, and says
  which PCR; the guest runs on;
- after a power cycle all is as it was."""
import sys
import time

from case import Cases, expect
from trusted import STATE, Trusted

cases = Cases("ours")
MARKER = "trust-62c1f7a90be4"


class World:
    lab = None


def lab(rig):
    if not World.lab:
        World.lab = Trusted(rig).set_up()
    return World.lab


def running_guest(rig, host):
    lab(rig)
    guest = rig.guest("g1", marker=MARKER)
    if guest.is_only_guest(host):
        return guest
    rig.clean()
    # it may have been lost in a power cycle, with the host that it belonged to
    return guest.create(host, options="--ignore-handover")


def crosses(rig, source):
    """A proven migration, with all that is to be seen of it."""
    guest = running_guest(rig, source)
    mark, since = rig.capture.mark(), time.monotonic()
    result = lab(rig).migrate(guest, source)
    target = source.other
    guest.wait_tick(target, since)
    expect(guest.runs_only_on(target), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
    seen = rig.capture.counts([guest.needle, b"tick.marker", b"proven-in"], mark)
    expect(not any(seen.values()), "on the wire: %s" % seen)
    for host, rule in ((source, "rule=proven-out"), (target, "rule=proven-in")):
        line = lab(rig).decisions(host)[-1]
        for word in (rule, "attestation=dom0", "pq=yes"):
            expect(word in line, "%s: %r is not in %r" % (host, word, line))
    return "%.1f s, downtime %.2f s" % (result.seconds, guest.downtime(since))


def stays(rig, words, code):
    """A refusal of A's; the guest stays there and nothing of it leaves."""
    guest = running_guest(rig, rig.a)
    mark, since = rig.capture.mark(), time.monotonic()
    result = lab(rig).migrate(guest, rig.a, check=False)
    lines = [l for l in result.err.splitlines() if l.strip()]
    expect(result.code == code, "exit code %d, not %d: %s" % (
        result.code, code, result.err))
    for word in words:
        expect(word in lines[-1], "%r is not in %r" % (word, lines[-1]))
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
    guest.not_stopped(since, mark)
    _, size = rig.capture.size(mark)
    expect(not rig.capture.contains(guest.needle, mark), "marker on the wire")
    return "%.1f s, %d bytes on the wire: %s" % (result.seconds, size, lines[-1])


@cases.case("trust: sealed to the TPM; a copied state directory opens on no other host")
def copied(rig):
    lab(rig)
    rig.b.run("rm -rf /root/copy; mkdir -p /root/copy/var/lib/xen /root/copy/etc/xen")
    for path in ("/etc/xen/secmig", "/var/lib/xen/secmig"):
        tar = rig.a.run("tar -C %s -c ." % path).raw
        rig.b.run("mkdir -m 700 /root/copy%s && tar -C /root/copy%s -x" % (path, path),
                  data=tar)
    result = rig.b.run("secmig --root /root/copy seal move --to plain", check=False)
    expect(result.code and "another TPM" in result.err, "it opened: %r" % result)
    plain = rig.b.run("grep -rl 'plain' /root/copy%s" % STATE, check=False).out
    expect(not plain, "sealed in the clear now: %s" % plain)
    # the same, where it belongs
    listed = rig.a.run("secmig seal list").out
    expect(listed.count("tpm2") >= 2, "listed: %s" % listed)
    return result.err.strip()


@cases.case("trust: a guest crosses between hosts that have proven themselves, post-quantum")
def proven(rig):
    return crosses(rig, rig.b)  # and back after the power cycle


@cases.case("trust: a program ran on B that never did (IMA, PCR 10): A's policy refuses B")
def ima(rig):
    running_guest(rig, rig.a)
    rig.b.ima("measure func=BPRM_CHECK fowner=4711")
    rig.b.run("install -o 4711 /bin/true /usr/local/bin/foreign && foreign")
    note = stays(rig, ["dom0", "PCR 10"], 29)
    shown = rig.b.run("secmig platform diff /etc/xen/secmig/policy.xml dom0",
                      check=False)
    expect("10" in shown.out, "platform diff on B: %r" % shown)
    return note


@cases.case("trust: a PCR of B is extended by hand: A's policy refuses B", long=True)
def other_state(rig):
    running_guest(rig, rig.a)
    rig.b.extend(14, "not what was captured")
    return stays(rig, ["dom0", "14"], 29)


@cases.case("trust: a PCR of A is extended: A does not unseal its key and says so")
def sealed(rig):
    running_guest(rig, rig.a)
    time.sleep(1.5)             # key-lifetime
    rig.a.extend(9, "another kernel")
    return stays(rig, ["PCR 9"], 31)


@cases.case("trust: after a power cycle both measure what they did, and it works again", long=True)
def power(rig):
    lab(rig)
    rig.both(lambda host: host.power_cycle())
    rig.both(lambda host: host.run("until xl info; do sleep 0.5; done", timeout=60))
    for host in rig.hosts:
        lab(rig).start(host)
    return crosses(rig, rig.a)


if __name__ == "__main__":
    sys.exit(cases.main())
