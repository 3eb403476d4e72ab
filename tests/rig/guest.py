# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that ticks, and what its ticks say: where it runs, since when,
whether its memory is whole, how long it stood still."""
import collections
import os
import re
import time

TICK = re.compile(rb"^(\d+\.\d+) .*?\(d(\d+)\) T (\S+) ([0-9a-f]{8}) (\d+) (\d+) (\d+)$")

STALL = 10          # seconds that a busy machine may keep a guest from ticking
LAG = 10            # seconds that a serial port may be late
REFUSAL = 100000    # bytes: far less than a guest, more than any refusals

# time: CLOCK_MONOTONIC of the machine that runs the rig; uptime in seconds
Tick = collections.namedtuple("Tick", "time host domid name boot count uptime bad")


class TickLog:
    """All ticks of all guests on both hosts, read from the stamped serial
    logs as they grow."""

    def __init__(self, rundir):
        self.files = {n: os.path.join(rundir, "serial-%s.log" % n) for n in "AB"}
        self.at = {n: 0 for n in "AB"}
        self.all = collections.defaultdict(list)

    def read(self):
        fresh = []
        for host, path in self.files.items():
            try:
                with open(path, "rb") as file:
                    file.seek(self.at[host])
                    data = file.read()
            except FileNotFoundError:
                continue
            end = data.rfind(b"\n") + 1
            self.at[host] += end
            for line in data[:end].splitlines():
                match = TICK.match(line)
                if match:
                    when, domid, name, boot, count, uptime, bad = match.groups()
                    fresh.append(Tick(float(when), host, int(domid),
                                      name.decode(), boot.decode(), int(count),
                                      int(uptime) / 1000, int(bad)))
        fresh.sort(key=lambda tick: tick.time)
        for tick in fresh:
            self.all[tick.name].append(tick)

    def of(self, name):
        self.read()
        return self.all[name]


class Guest:
    """One guest.  Its memory holds "RAM:<marker>:" in many pages.

    memory in MiB (96 is the least); markers and counting: how many pages of
    each kind (see guest/tick.c); period in ms between ticks; ip: gives it a
    vif on xenbr0 with that address, where TCP port 7 echoes lines; disk: a
    path of a block device or file on the host, seen as xvda; extra: more
    lines for the configuration."""

    def __init__(self, rig, name="g1", marker="none", memory=96, markers=1024,
                 counting=256, period=50, ip=None, disk=None, extra=""):
        self.rig, self.name, self.marker = rig, name, marker
        self.path = "/rig/guest/%s.cfg" % name
        self.config = "\n".join([
            'name = "%s"' % name, 'type = "pvh"',
            'kernel = "/rig/guest/vmlinux"', 'ramdisk = "/rig/guest/initrd"',
            "memory = %d" % memory, "vcpus = 1", 'on_crash = "destroy"',
            'cmdline = "quiet mitigations=off sysrq_always_enabled tick.name=%s tick.marker=%s '
            'tick.markers=%d tick.counting=%d tick.period=%d%s%s"' % (
                name, marker, markers, counting, period,
                " tick.ip=%s" % ip if ip else "", " tick.disk=1" if disk else ""),
            "vif = [ 'bridge=xenbr0' ]" if ip else "",
            "disk = [ 'format=raw,vdev=xvda,access=rw,target=%s' ]" % disk
            if disk else "",
            extra, ""])
        self.needle = ("RAM:%s:" % marker).encode()

    def create(self, host, timeout=240, options=""):
        """Starts it on a host; returns when it ticks there."""
        host.put(self.path, self.config)
        start = time.monotonic()
        host.run("xl create %s %s" % (options, self.path), timeout=timeout)
        self.wait_tick(host, start, timeout)
        return self

    def ticks(self, since=0.0):
        return [t for t in self.rig.ticks.of(self.name) if t.time >= since]

    def last(self):
        ticks = self.rig.ticks.of(self.name)
        return ticks[-1] if ticks else None

    def wait_tick(self, host, since, timeout=60):
        """The first tick on that host after a time."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for tick in self.ticks(since):
                if tick.host == host.name:
                    return tick
            time.sleep(0.1)
        raise TimeoutError("%s does not tick on %s" % (self.name, host))

    def running_on(self, window=1.5, patience=20):
        """Watches for that many seconds from now: the set of (host, domid)
        on which copies of it tick.  More than one member is two guests.  If
        nothing ticks it watches on, patience seconds at most: a slow machine
        is not a stopped guest."""
        since = time.monotonic()
        time.sleep(window)
        while not self.ticks(since) and time.monotonic() < since + patience:
            time.sleep(0.2)
        return {(t.host, t.domid) for t in self.ticks(since)}

    def runs_only_on(self, host, window=1.5, patience=20):
        """True if exactly one copy runs, there."""
        return [h for h, _ in self.running_on(window, patience)] == [host.name]

    def is_only_guest(self, host):
        """Whether it runs on that host, alone, and no guest is elsewhere."""
        if not self.ticks() or not self.runs_only_on(host, 0.7, 3):
            return False
        domains = self.rig.both(lambda one: list(one.domains()))
        return domains == {host.name: [self.name], host.other.name: []}

    def downtime(self, since):
        """Seconds in which it stood still, around its change of host after a
        time: from the last tick on one to the first on the other."""
        ticks = self.ticks(since)
        for before, after in zip(ticks, ticks[1:]):
            if before.host != after.host:
                return after.time - before.time
        raise ValueError("%s did not change host" % self.name)

    def longest_gap(self, since):
        """The longest time between two ticks, wherever."""
        ticks = self.ticks(since)
        return max((b.time - a.time for a, b in zip(ticks, ticks[1:])), default=None)

    def not_stopped(self, since, mark):
        """AssertionError unless it has gone on all the time since then, and
        next to nothing has crossed the wire since that mark of the capture.
        A migration stops it for 1 to 2 s, and so may a busy machine: what
        tells them apart is that its memory crosses before."""
        gap = self.longest_gap(since)
        assert gap is not None and gap < STALL, "it stood still for %s s" % gap
        size = self.rig.capture.size(mark)[1]
        assert size < REFUSAL, "%d bytes on the wire" % size

    def continuity(self, since):
        """Why the ticks since then are not one unbroken life of one guest:
        a list of texts, empty if they are.  A tick that the serial port
        lost is not an error; a count that goes back or repeats is."""
        wrong = []
        ticks = self.ticks(since)
        for before, after in zip(ticks, ticks[1:]):
            if after.boot != before.boot:
                wrong.append("booted again (%s, %s)" % (before.boot, after.boot))
            elif after.count <= before.count:
                wrong.append("count %d after %d" % (after.count, before.count))
            elif after.uptime < before.uptime:
                wrong.append("uptime %.2f after %.2f" % (after.uptime, before.uptime))
            elif after.uptime - before.uptime > after.time - before.time + LAG:
                wrong.append("uptime %.2f, %.2f s after %.2f" % (
                    after.uptime, after.time - before.time, before.uptime))
        if ticks and ticks[-1].bad:
            wrong.append("%d wrong pages in memory" % ticks[-1].bad)
        if not ticks:
            wrong.append("no ticks")
        return wrong

    def destroy(self):
        """On both hosts, under any of the names a migration gives it."""
        for host in self.rig.hosts:
            for name in host.domains():
                if name == self.name or name.startswith(self.name + "--"):
                    host.run("xl destroy '%s'" % name, check=False)


class Migration:
    """What one migration did: see Rig.migrate_plain."""

    def __init__(self, guest, since, result, wire):
        self.since, self.result, self.guest = since, result, guest
        self.total = result.seconds
        self.packets, self.bytes = wire

    @property
    def downtime(self):
        return self.guest.downtime(self.since)

    def __str__(self):
        return "%.1f s, downtime %.2f s, %.1f MB on the wire in %d packets" % (
            self.total, self.downtime, self.bytes / 1e6, self.packets)
