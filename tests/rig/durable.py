# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab for faults: hosts whose state survives a power cut, daemons that
stop at named moments (tests/faults/point.c, dom0/points), journals that can
be read, a clock that can be set, a disk that can be filled."""
import json
import os
import re
import subprocess
import time

import lab
from host import AgentError
from lab import LOG, Lab
from rig import TOP, say

BOOT = 600          # seconds, on a machine that is busy
STATE = "/var/lib/xen/secmig"
DISK = "/state.img"
BUILT = os.path.join(TOP, "build/tests/faults")
POINTS = "/run/points"
# Who answers at the moments; a host that has lost its power has lost it too.
ANSWER = ("kill -0 $(cat %s/pid) 2>/dev/null || { rm -rf %s; setsid -f /rig/points;"
          " n=50; until [ -S %s/sock ]; do sleep 0.1; n=$((n-1));"
          " [ $n -gt 0 ] || exit 1; done; }" % ((POINTS,) * 3))
START = ("exec env LD_PRELOAD=/root/point.so SECMIG_POINTS=%s/sock"
         " /usr/local/sbin/secmigd >>%s 2>&1" % (POINTS, LOG))


class Durable(Lab):
    conf = lab.CONF + "settle-interval = 2\nverdict-timeout = 10\n"

    def __init__(self, rig):
        super().__init__(rig)
        self.seen = {}      # lines of each host's log of moments

    def set_up(self):
        subprocess.run(["make", "-s", "-C", TOP, "build/tests/faults/point.so",
                        "build/tests/faults/journal_show"], check=True)
        for host in self.rig.hosts:
            # one that an earlier run has left stopped does not end otherwise
            host.run("pkill -9 -x secmigd", check=False)
            self.make_disk(host)
            for name in ("point.so", "journal_show"):
                host.push(os.path.join(BUILT, name), "/root/" + name, 0o755)
        super().set_up()
        for host in self.rig.hosts:
            self.restart(host)
        # the root file system has no journal: nothing of it may be under way
        # when the power goes
        self.rig.both(lambda host: host.run("sync"))
        return self

    def make_disk(self, host):
        """A file system with a journal for the daemon's state, as a host has
        one, on a file of the root, which has none."""
        path = self.rig.file("state-fs-" + host.name)
        with open(path, "wb") as file:
            file.truncate(16 << 20)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", "-m", "0", path],
                       check=True, env=dict(os.environ, PATH=os.environ["PATH"] +
                                            ":/usr/sbin:/sbin"))
        host.run("umount %s 2>/dev/null; rm -rf %s; mkdir -p %s" % (
            STATE, STATE, STATE))
        host.push(path, DISK, 0o600)
        os.unlink(path)
        self.mount(host)

    def mount(self, host):
        host.run("mount -o loop,errors=remount-ro %s %s && chmod 700 %s &&"
                 " rm -rf %s/lost+found" % (DISK, STATE, STATE, STATE))

    # -- daemons

    def pid(self, host):
        return self.daemons[host.name].pid

    def kill(self, host):
        if host.name in self.daemons:
            host.run("kill -9 %d" % self.pid(host), check=False)
            self.daemons.pop(host.name).wait(10)

    def restart(self, host):
        """The daemon anew."""
        self.kill(host)
        host.run("mv %s %s.old; : >%s; %s" % (LOG, LOG, LOG, ANSWER), check=False)
        self.daemons[host.name] = host.start(START)
        deadline = time.monotonic() + 90
        # what is open is taken up first, and the next moment may be there
        while not re.search(r"ready on port", self.log(host)) and not (
                len(self.read(host, "log")) > self.seen.get(host.name, 0)):
            if time.monotonic() > deadline:
                raise TimeoutError("%s: the daemon is not ready: %s" % (
                    host, self.log(host)[-1500:]))
            time.sleep(0.3)

    def go_on(self, host):
        host.run("kill -CONT %d" % self.pid(host))

    # -- moments

    def arm(self, host, moment, action):
        """What is to happen when the daemon passes that moment next."""
        host.run("echo '%s' >%s/arm/%s" % (action, POINTS, moment))

    def disarm(self):
        """Nothing is to happen any more; a new log of moments."""
        self.rig.both(lambda host: host.run(
            "rm -f %s/arm/* %s/log %s/passed" % ((POINTS,) * 3)))
        self.seen = {}

    def read(self, host, name):
        try:
            return host.get("%s/%s" % (POINTS, name)).decode().split()
        except AgentError as error:
            if "FileNotFoundError" in str(error):
                return []
            raise

    def hit(self):
        """(host, moment) that has come, and was not told before; or None."""
        for host in self.rig.hosts:
            if host.name not in self.daemons:
                continue
            lines = self.read(host, "log")
            seen = self.seen.get(host.name, 0)
            if len(lines) > seen:
                self.seen[host.name] = seen + 1
                return host, lines[seen]
        return None

    def wait_hit(self, job, timeout=300):
        """The next (host, moment); None when xl has ended, nothing is open,
        and none has come for some seconds."""
        deadline, quiet = time.monotonic() + timeout, None
        while time.monotonic() < deadline:
            hit = self.hit()
            if hit:
                return hit
            if (job is None or job.code() is not None) and not self.open_records():
                quiet = quiet or time.monotonic()
                if time.monotonic() - quiet > 6:
                    return None
            else:
                quiet = None
            time.sleep(0.3)
        raise TimeoutError("no moment came, and nothing ended, in %d s: %s" % (
            timeout, self.open_records()))

    def passed(self, host):
        """The moments that its daemon has passed since disarm()."""
        return self.read(host, "passed")

    # -- the host

    def clock(self, host, offset=0):
        """Sets its clock to so many seconds after what it is."""
        host.run("date -s @%d >/dev/null" % (time.time() + offset))

    def fill(self, host, full=True):
        """Its state's file system has no room left; then it has again."""
        if full:
            host.run("dd if=/dev/zero of=%s/fill bs=64k 2>/dev/null;"
                     "dd if=/dev/zero of=%s/fill2 bs=1k 2>/dev/null; sync;"
                     "[ $(df --output=avail %s | tail -n 1) = 0 ]" % ((STATE,) * 3))
        else:
            host.run("rm -f %s/fill %s/fill2; sync" % (STATE, STATE))

    def break_disk(self, host):
        """Its state's file system has found an error, and is read-only."""
        host.run("echo test >/sys/fs/ext4/$(basename $(findmnt -no SOURCE %s))"
                 "/trigger_fs_error; ! touch %s/new 2>/dev/null" % (STATE, STATE))

    def mend_disk(self, host):
        """As an administrator does; the daemon anew."""
        self.kill(host)
        host.run("n=50; until umount %s; do sleep 0.2; n=$((n-1));"
                 " [ $n -gt 0 ] || exit 1; done" % STATE)
        self.mount(host)
        self.restart(host)

    def lose_power(self, hosts, daemon=True):
        """Off, on again, and their daemons as the boot would start them."""
        start = time.monotonic()
        for host in hosts:
            self.daemons.pop(host.name, None)
            self.seen.pop(host.name, None)
            host.qmp("system_reset")
        time.sleep(1)
        for host in hosts:
            while host.run("xl info", check=False).code if host.pingable() else True:
                if time.monotonic() - start > BOOT:
                    raise TimeoutError("%s: no Xen after the power cut" % host)
                time.sleep(1)
            self.mount(host)
            if daemon:
                self.restart(host)
        say("%s back after %.0f s" % (" and ".join(map(str, hosts)),
                                      time.monotonic() - start))

    # -- what the journals say

    def records(self, host):
        out = host.run("/root/journal_show %s/journal" % STATE, check=False)
        return [json.loads(line) for line in out.out.splitlines()]

    def open_records(self):
        return ["%s: %s%s" % (host, r["state"], "" if not r["acted"] else ", acted")
                for host in self.rig.hosts for r in self.records(host)
                if not r["closed"]]

    def forget(self):
        """Both journals anew, after a case that has gone wrong."""
        for host in self.rig.hosts:
            self.kill(host)
            host.run("rm -f %s/journal* %s/fill* /run/xen/secmig.journal*" % (
                STATE, STATE))
            self.clock(host)
        self.rig.clean()
        for host in self.rig.hosts:
            self.restart(host)
        self.disarm()
