# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab for faults: hosts whose state survives a power cut, daemons that
stop at a named moment (tests/faults/point.c), journals that can be read."""
import json
import os
import subprocess
import time

import lab
from lab import LOG, Lab
from rig import TOP, say

STATE = "/var/lib/xen/secmig"
DISK = "/state.img"
BUILT = os.path.join(TOP, "build/tests/faults")


class Durable(Lab):
    conf = lab.CONF + "settle-interval = 2\nverdict-timeout = 10\n"

    def set_up(self):
        subprocess.run(["make", "-s", "-C", TOP, "build/tests/faults/point.so",
                        "build/tests/faults/journal_show"], check=True)
        for host in self.rig.hosts:
            self.make_disk(host)
            for name in ("point.so", "journal_show"):
                host.push(os.path.join(BUILT, name), "/root/" + name, 0o755)
        super().set_up()
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
        host.run("mount -o loop %s %s && chmod 700 %s && rm -rf %s/lost+found" % (
            DISK, STATE, STATE, STATE))

    def pid(self, host):
        return self.daemons[host.name].pid

    def restart(self, host, fault=""):
        """The daemon anew; fault: it stops there, once."""
        if host.name in self.daemons:
            host.run("kill -9 %d" % self.pid(host), check=False)
            self.daemons[host.name].wait(10)
        env = "env LD_PRELOAD=/root/point.so SECMIG_FAULT=%s:1:stop " % fault
        host.run("mv %s %s.old; : >%s" % (LOG, LOG, LOG), check=False)
        self.daemons[host.name] = host.start(
            "exec %s/usr/local/sbin/secmigd >>%s 2>&1" % (env if fault else "", LOG))
        self.wait_log(host, r"ready on port")

    def wait_stopped(self, host, job, timeout=300):
        """Until the daemon stands still at its fault."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            stat = host.run("cat /proc/%d/stat" % self.pid(host), check=False).out
            if stat.rpartition(")")[2].split()[:1] == ["T"]:
                return
            if job.code() is not None:
                time.sleep(3)       # it may come later than xl's end
                stat = host.run("cat /proc/%d/stat" % self.pid(host), check=False).out
                if stat.rpartition(")")[2].split()[:1] != ["T"]:
                    raise TimeoutError("the moment did not come: xl ended with %s: %s"
                                       % (job.code(), job.err()))
                return
            time.sleep(0.2)
        raise TimeoutError("the moment did not come")

    def go_on(self, host):
        host.run("kill -CONT %d" % self.pid(host))

    def power_cut(self, host):
        """Off, on again, and its daemon as the boot would start it."""
        start = time.monotonic()
        self.daemons.pop(host.name)
        host.power_cycle(sync=False)
        deadline = time.monotonic() + 120
        while host.run("xl info", check=False).code:
            if time.monotonic() > deadline:
                raise TimeoutError("%s: no Xen after the power cut" % host)
            time.sleep(1)
        self.mount(host)
        self.restart(host)
        say("%s is back after %.0f s" % (host, time.monotonic() - start))

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
            if host.name in self.daemons:
                host.run("kill -9 %d" % self.pid(host), check=False)
                self.daemons.pop(host.name).wait(10)
            host.run("rm -f %s/journal* /run/xen/secmig.journal*" % STATE)
        self.rig.clean()
        for host in self.rig.hosts:
            self.restart(host)
