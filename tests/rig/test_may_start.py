#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A source that loses its power in the middle of a migration, and what starts
guests when it comes back: xl create there, of a guest that has no uuid in its
file, as /etc/xen/auto would.

Goal of this test
- while the target may run the guest, and when it does, xl create at the source
  creates nothing and says where the guest is, with the daemon down and up, the
  target out of reach and in reach, also when all is long settled;
- the target runs the guest, the same one, and nobody else;
- a guest that was not released yet is started at once, without the daemon;
- --ignore-handover starts it whatever is known."""
import sys
import time

import verdict
from case import Cases, expect
from migration import lab, outcome, tell, the_guest
from rig import say

cases = Cases("ours")


def lose_power(rig, hosts, daemon=True):
    """Without the damage to the root file system, which has no journal."""
    for host in hosts:
        host.run("sync")
    lab(rig).lose_power(hosts, daemon)


def interrupted(rig, moment):
    """The power of the source is cut at that moment, and the link with it.  It
    is booted, without a daemon."""
    guest, source = the_guest(rig)
    site = lab(rig)
    site.disarm()
    site.arm(source, moment, "stop")
    since = time.monotonic()
    job = source.start("xl migrate --secure g1 %s" % source.other)
    expect(site.wait_hit(job), "the moment did not come: %s" % job.err())
    source.other.deaf()
    lose_power(rig, [source], daemon=False)
    source.put(guest.path, guest.config)
    return guest, source, since


def create(guest, host, words):
    """xl create, refused in a line with these words; nothing is there then."""
    result = host.run("xl create " + guest.path, timeout=120, check=False)
    said = [l for l in result.err.splitlines() if l.startswith("secmig: ")
            and not l.startswith("secmig: note: ")]
    say("%.0f s: %s" % (result.seconds, said))
    expect(result.code and len(said) == 1 and words in said[0], "%d: %s" % (
        result.code, result.err))
    expect("Domain g1 is not created" in result.err, result.err)
    expect(not host.domains(), "%s: %s" % (host, host.domains()))
    return result


@cases.case("may-start: power cut of the source at RELEASED: xl create there is"
            " refused, the target runs it", long=True)
def released(rig):
    site = lab(rig)
    try:
        guest, source, since = interrupted(rig, "+sync:RELEASED")
        create(guest, source, "secmigd does not run here (at boot")
        site.restart(source)
        refused = create(guest, source, "g1 may run on host%s: died here with a "
                         "reboot" % source.other.name)
        expect(refused.seconds > 9, "not waited for: %.1f s" % refused.seconds)
        # it is in reach again; each attempt waits, and none succeeds
        source.other.deaf(False)
        deadline = time.monotonic() + 90
        while "belongs to host" not in create(guest, source, "g1 ").err:
            expect(time.monotonic() < deadline, "not settled")
        took, _ = outcome(rig, guest, since, [source.other])
        create(guest, source, "this host was booted since")
        outcome(rig, guest, since, [source.other])
        return "waited %.0f s, settled %.0f s after" % (refused.seconds, took)
    except Exception:
        tell(rig, site, None)
        rig.heal()
        site.forget()
        raise


@cases.case("may-start: power cut of the source at SENDING: xl create starts it, "
            "before the daemon is up", long=True)
def sending(rig):
    site = lab(rig)
    try:
        guest, source, _ = interrupted(rig, "+sync:SENDING")
        since = time.monotonic()
        result = source.run("xl create " + guest.path, timeout=240)
        guest.wait_tick(source, since, 240)
        site.restart(source)
        source.other.deaf(False)
        outcome(rig, guest, time.monotonic() - 1, [source])
        return "created in %.0f s" % result.seconds
    except Exception:
        tell(rig, site, None)
        rig.heal()
        site.forget()
        raise


@cases.case("may-start: --ignore-handover, for a guest that is at nobody's any more",
            long=True)
def ignored(rig):
    guest, source = the_guest(rig)
    site = lab(rig)
    site.disarm()
    site.migrate(guest, source)
    try:
        lose_power(rig, rig.hosts)
        source.put(guest.path, guest.config)
        create(guest, source, "g1 belongs to host%s" % source.other.name)
        since = time.monotonic()
        source.run("xl create --ignore-handover " + guest.path, timeout=240)
        guest.wait_tick(source, since, 240)
        # the journals say where the one before it was
        outcome(rig, guest, time.monotonic() - 1, [source], verdict.known(rig, site))
    except Exception:
        tell(rig, site, None)
        site.forget()
        raise


if __name__ == "__main__":
    sys.exit(cases.main())
