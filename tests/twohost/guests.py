# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest of the toy Xen, and a sender that migrates it."""
import json
import os
import signal
import subprocess
import threading
import time
import uuid as uuidlib

from machine import DEADLINES, ROOM, fakexen, wait_until


class Guest:
    def __init__(self, lab, host, name=None, running=True, uuid=None,
                 **config):
        self.lab = lab
        self.uuid = uuid or str(uuidlib.uuid4())
        self.name = name or "guest-" + self.uuid[:8]
        self.disk = os.path.join(lab.shared, "disks", self.uuid)
        nomigrate = config.get("nomigrate", False)
        conf = fakexen.make_config(self.name, self.uuid, **config)
        with fakexen.state(host.toy) as st:
            self.domid = st["next"]
            st["next"] += 1
            st["domains"].append({
                "domid": self.domid, "uuid": self.uuid, "name": self.name,
                "memory_kb": conf["b_info"]["max_memkb"], "config": conf,
                "nomigrate": nomigrate, "paused": not running,
                "ran": running,
                "pid": fakexen.guest_start(
                    self.uuid, "running" if running else "paused",
                    host.toy)})
        lab.guests.append(self)

    def on(self, host):
        """Domain id on that host."""
        return host.find(self)["domid"]

    def where(self):
        """Hosts on which it runs."""
        return [h for h in self.lab.hosts
                if fakexen.guest_state(self.uuid, h.toy) == "running"]

    def counter(self):
        """How far it has got."""
        def read():
            with open(self.disk) as f:
                return f.read().split()
        got = wait_until(read, 1)
        return int(got[1]) if got else 0

    def goes_on(self, limit=3.0):
        """Whether it lives: its counter goes up."""
        then = self.counter()
        return wait_until(lambda: self.counter() > then, limit)

    def _trouble(self, host):
        """What speaks against: it runs on `host` and nowhere else, under
        its own name, and no other host has a trace of it."""
        where = [h.name for h in self.where()]
        if where != [host.name]:
            return "%s runs on %s, expected %s" % (
                self.name, where or "no host", host.name)
        d = host.find(self)
        if not d:
            return "%s is gone from %s since" % (self.name, host.name)
        if d["name"] != self.name:
            return "on %s it is called %s" % (host.name, d["name"])
        if d.get("held"):
            return "on %s it is still held: %s" % (host.name, d["held"])
        for h in self.lab.hosts:
            d = h.find(self)
            if h is not host and d:
                return "%s left on %s (paused: %s)" % (d["name"], h.name,
                                                       d["paused"])
        return ""

    def must_run_on(self, host, limit=DEADLINES["finish-timeout"] + ROOM):
        """The far side may have to kill its xl before it can discard its
        copy."""
        wait_until(lambda: not self._trouble(host), limit)
        trouble = self._trouble(host)
        if not trouble and not self.goes_on():
            trouble = "%s stands still on %s" % (self.name, host.name)
        if trouble:
            raise AssertionError(trouble)


class Migration:
    """A sender at work."""
    def __init__(self, src, domid, dst_name, **opts):
        self.out = None
        self.began = time.monotonic()
        self.steps = []
        self.changed = threading.Condition()
        self.p = subprocess.Popen(
            [src.toy + "/sender", src.sock, str(domid), dst_name]
            + ["%s=%s" % (k, v) for k, v in opts.items()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd="/")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.p.stdout:
            with self.changed:
                if line.startswith("step "):
                    self.steps.append(line.split()[1])
                else:
                    self.out = json.loads(line)
                self.changed.notify_all()
        with self.changed:
            self.steps.append("eof")
            self.changed.notify_all()

    def reached(self, name, limit=10):
        """Wait for a step."""
        with self.changed:
            self.changed.wait_for(
                lambda: name in self.steps or "eof" in self.steps, limit)
            if name not in self.steps:
                raise AssertionError("sender did not reach %s: %s %s" % (
                    name, self.steps, self.out))

    def go_on(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()

    def kill(self):
        self.p.kill()
        self.p.wait()

    def wait(self, limit=30):
        """The outcome; adds "seconds" and "exit"."""
        try:
            self.p.wait(limit)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            raise AssertionError("sender did not end in %d s, was at %s" % (
                limit, self.steps[-1:]))
        self.reader.join(5)
        err = self.p.stderr.read()
        for f in (self.p.stdin, self.p.stdout, self.p.stderr):
            f.close()
        if self.out is None:
            if self.p.returncode == -signal.SIGKILL:
                return {"code": -9, "text": "", "exit": -9}
            raise AssertionError("sender: " + err[-400:])
        self.out["seconds"] = time.monotonic() - self.began
        self.out["exit"] = self.p.returncode
        return self.out
