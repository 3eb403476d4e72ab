#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""xl migrate --secure between two real Xen hosts, whole: patched xl,
secmigd, secmig-xl, policy.

Goal of this test
- a running guest crosses and comes back, and the wire shows nothing of it;
- stock xl crosses too, through its own -s option;
- what policy, the config allow-list, memory, names or nomigrate forbid is
  refused in one line with its exit code, before the guest is touched;
- whatever is cut or killed in the middle: the guest goes on at the source,
  both sides notice in their deadlines, and nothing is left behind."""
import sys
import time

from case import Cases, expect
from lab import RULES, Lab

cases = Cases("ours")
MARKER = "secure-b81f40e66d27"
IDLE = 12           # idle-timeout of lab.CONF, seconds
MONITOR = r"^domain g1 |xl (create|migrate-receive)\b"


class World:
    """The lab, set up once for all cases."""
    lab = None
    residue = {}


def lab(rig):
    if not World.lab:
        World.lab = Lab(rig).set_up()
        time.sleep(1)
        World.residue = rig.both(lambda host: host.residue())
    return World.lab


def running_guest(rig, host, **how):
    lab(rig)
    guest = rig.guest("g1", marker=MARKER, **how)
    if not how and guest.is_only_guest(host):
        return guest
    clean(rig)
    return guest.create(host)


def clean(rig):
    """No guests; the daemons run, and only they."""
    rig.clean()
    daemons(rig)


def daemons(rig):
    """Starts a daemon that does not run."""
    for host in rig.hosts:
        if host.run("pgrep -x secmigd", check=False).code:
            lab(rig).start(host)


def last_line(errors):
    lines = [l for l in errors.splitlines() if l.strip()]
    return lines[-1] if lines else ""


def stays(rig, guest, since):
    """It runs on A as before, never interrupted for long, and nothing is left
    of the attempt on either host."""
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
    deadline = time.monotonic() + 40
    while True:
        # Nothing but the guest, under its name, and its monitor: the xl that
        # created or received it.
        left = rig.leftovers(World.residue, {"A": MONITOR})
        if not left or time.monotonic() > deadline:
            break
        time.sleep(1)
    expect(not left, "left behind: %s" % left)


def refused(rig, guest, code, text, options=""):
    """Refused with that exit code and text, in one line; its text."""
    result = lab(rig).migrate(guest, rig.a, options, check=False)
    line = last_line(result.err)
    expect(result.code == code, "exit code %d, not %d: %s" % (
        result.code, code, result.err))
    expect(text in line, "the last line is %r, without %r" % (line, text))
    return "%.1f s: %s" % (result.seconds, line)


def under_way(rig, guest, megabytes=12):
    """A migration A to B that has sent some megabytes; its job."""
    mark = rig.capture.mark()
    job = rig.a.start("xl migrate --secure g1 hostB")
    rig.wait_wire(megabytes << 20, mark, 120)
    return job


@cases.case("secure: a running guest crosses, and the wire shows nothing of it")
def crosses(rig):
    notes = []
    for source in (rig.a, rig.b):
        guest = running_guest(rig, source)
        mark, since = rig.capture.mark(), time.monotonic()
        result = lab(rig).migrate(guest, source)
        target = source.other
        tick = guest.wait_tick(target, since)
        expect(guest.runs_only_on(target), "it runs on %s" % guest.running_on())
        expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
        expect(tick.count > 0, "its counter starts anew")
        expect(not source.domains(), "left: %s" % source.domains())
        # not g1: two or five random bytes happen to be anywhere
        seen = rig.capture.counts([guest.needle, b"tick.marker", b"vmlinux", b"lab-in",
                                   b'"c_info"', b"xl migration"], mark)
        expect(not any(seen.values()), "on the wire: %s" % seen)
        notes.append("%.1f s, downtime %.2f s" % (result.seconds,
                                                  guest.downtime(since)))
    return "; ".join(notes)


@cases.case("secure: every decision is in both logs, with its rule and who asked")
def logged(rig):
    running_guest(rig, rig.a)
    for host, rule in ((rig.a, "rule=lab-out"), (rig.b, "rule=lab-in")):
        lines = [l for l in lab(rig).decisions(host) if rule in l]
        expect(lines and "vm=g1" in lines[-1] and "by=root" in lines[-1],
               "%s: no decision line: %s" % (host, lines[-1:]))


def with_uuid(rig, guest):
    """The guest's own configuration, as the guest that runs."""
    uuid = rig.a.run("xl list -v g1").out.split("\n")[1].split()
    uuid = [w for w in uuid if len(w) == 36][0]
    return guest.config + 'uuid = "%s"\n' % uuid


@cases.case("secure: each foreign part of a config is refused by its name")
def evil_fields(rig):
    guest = running_guest(rig, rig.a)
    since = time.monotonic()
    base = with_uuid(rig, guest)
    for lines, text in (
            ("disk = [ '/etc/shadow,raw,xvda,r' ]\n", "/etc/shadow"),
            ("vif = [ 'bridge=mgmt0' ]\n", "mgmt0"),
            ('device_model_override = "/tmp/dm"\n', "/tmp/dm"),
            ('bootloader = "/bin/sh"\n', "/bin/sh"),
            ('memory = 2048\nmaxmem = 2048\n', "mem")):
        rig.a.put("/rig/guest/evil.cfg", base + lines)
        refused(rig, guest, 21, text, "-C /rig/guest/evil.cfg")
    stays(rig, guest, since)


@cases.case("secure: refused by the source's policy, by the destination's")
def policies(rig):
    guest = running_guest(rig, rig.a)
    site, since = lab(rig), time.monotonic()
    try:
        site.policy('<rule id="stay" effect="deny" action="migrate-out">'
                    '<vm name="g*"/></rule>' + RULES, [rig.a])
        refused(rig, guest, 20, "stay")
        site.policy(hosts=[rig.a])
        site.policy('<rule id="full" effect="deny" action="migrate-in">'
                    '<vm name="g*"/></rule>' + RULES, [rig.b])
        note = refused(rig, guest, 21, "full")
        stays(rig, guest, since)
        return note
    finally:
        site.policy()


@cases.case("secure: no daemon here, none there")
def no_daemon(rig):
    guest = running_guest(rig, rig.a)
    since = time.monotonic()
    lab(rig).stop(rig.b)
    note = refused(rig, guest, 12, "hostB")
    lab(rig).start(rig.b)
    lab(rig).stop(rig.a)
    refused(rig, guest, 10, "daemon")
    lab(rig).start(rig.a)
    stays(rig, guest, since)
    return note


@cases.case("secure: a guest of that name is there already")
def exists(rig):
    guest = running_guest(rig, rig.a)
    rig.b.put("/rig/guest/twin.cfg", guest.config)
    rig.b.run("xl create -p /rig/guest/twin.cfg")
    since = time.monotonic()
    result = lab(rig).migrate(guest, rig.a, check=False)
    expect(result.code == 24, "exit code %d: %s" % (result.code, result.err))
    expect(set(rig.b.domains()) == {"g1"}, "on B: %s" % rig.b.domains())
    rig.b.run("xl destroy g1")
    stays(rig, guest, since)
    return last_line(result.err)


@cases.case("secure: the destination is short of memory")
def no_memory(rig):
    guest = running_guest(rig, rig.a)
    free = int([l for l in rig.b.run("xl info").out.splitlines()
                if l.startswith("free_memory")][0].split()[-1])
    rig.b.put("/rig/guest/fat.cfg", 'name = "fat"\ntype = "pvh"\nmemory = %d\n'
              'kernel = "/rig/guest/vmlinux"\n' % (free - 60))
    rig.b.run("xl create -p /rig/guest/fat.cfg")
    since = time.monotonic()
    result = lab(rig).migrate(guest, rig.a, check=False)
    rig.b.run("xl destroy fat")
    expect(result.code == 5, "exit code %d: %s" % (result.code, result.err))
    stays(rig, guest, since)
    return last_line(result.err)


@cases.case("secure: the link is cut in the middle; both notice in their deadline")
def cut(rig):
    guest = running_guest(rig, rig.a)
    since = time.monotonic()
    job = under_way(rig, guest)
    rig.cut()
    began = time.monotonic()
    code = job.wait(IDLE + 40)
    here = time.monotonic() - began
    expect(code == 13, "exit code %d: %s" % (code, job.err()))
    lab(rig).wait_log(rig.b, r"code=13 received", IDLE + 40)
    there = time.monotonic() - began
    rig.heal()
    stays(rig, guest, since)
    return "noticed after %.0f s here, %.0f s there" % (here, there)


def killed(rig, host, pattern):
    guest = running_guest(rig, rig.a)
    since = time.monotonic()
    job = under_way(rig, guest)
    host.run("pkill -9 -f '%s'" % pattern)
    code = job.wait(90)
    expect(code > 1, "exit code %d: %s" % (code, job.err()))
    daemons(rig)        # what a dead one has left is the next one's to clear
    stays(rig, guest, since)
    return "exit code %d: %s" % (code, last_line(job.err()))


@cases.case("secure: the source's peer is killed in the middle", long=True)
def kill_source_peer(rig):
    return killed(rig, rig.a, "[r]ole peer")


@cases.case("secure: the destination's peer is killed in the middle", long=True)
def kill_target_peer(rig):
    return killed(rig, rig.b, "[r]ole peer")


@cases.case("secure: the destination's xl is killed in the middle")
def kill_target_xl(rig):
    return killed(rig, rig.b, "[x]l migrate-receive")


@cases.case("secure: the source's daemon is killed in the middle")
def kill_source_daemon(rig):
    return killed(rig, rig.a, "^[^ ]*[s]ecmigd$")


@cases.case("secure: the destination's daemon is killed in the middle")
def kill_target_daemon(rig):
    return killed(rig, rig.b, "^[^ ]*[s]ecmigd$")


@cases.case("secure: stock xl crosses through 'secmig transport'")
def transport(rig):
    guest = running_guest(rig, rig.a)
    rig.tools("stock")
    try:
        mark, since = rig.capture.mark(), time.monotonic()
        result = rig.a.run("xl migrate -s 'secmig transport' g1 hostB", 300)
        guest.wait_tick(rig.b, since)
        expect(guest.runs_only_on(rig.b), "it runs on %s" % guest.running_on())
        expect(not rig.capture.contains(guest.needle, mark), "marker on the wire")
        expect("secmig:" not in result.err,
               "the transport had something to say: %s" % result.err)
        expect(not rig.a.domains() and list(rig.b.domains()) == ["g1"],
               "domains: %s, %s" % (rig.a.domains(), rig.b.domains()))
        return "%.1f s" % result.seconds
    finally:
        rig.tools("ours")


@cases.case("secure: nomigrate=1 is honoured for stock xl, too", long=True)
def nomigrate(rig):
    guest = running_guest(rig, rig.a, extra="nomigrate = 1")
    since = time.monotonic()
    rig.a.tools("stock")
    try:
        result = rig.a.run("xl migrate -s 'secmig transport' g1 hostB", 120,
                           check=False)
    finally:
        rig.a.tools("ours")
    expect(result.code != 0, "it went")
    expect("nomigrate" in result.err, "not said: %s" % result.err)
    stays(rig, guest, since)


if __name__ == "__main__":
    sys.exit(cases.main())
