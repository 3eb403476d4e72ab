# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rig: two emulated machines, each a real Xen with a Debian dom0, on
one wire.  See README.md.

    with Rig() as rig:                      # boots both, ends both
        g1 = rig.guest("g1", marker="secret").create(rig.a)
        rig.migrate_plain(g1, rig.a, rig.b)
"""
import concurrent.futures
import fcntl
import io
import json
import os
import secrets
import shutil
import subprocess
import sys
import tarfile
import time

from capture import Capture
from guest import Guest, Migration, TickLog
from host import AgentError, Host, as_root

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("RIG_BUILD") or os.path.join(TOP, "build", "rig")
DIST = os.environ.get("RIG_XEN_DIST") or os.path.join(TOP, "build", "xen", "dist")
INSTALL = os.path.join(BUILD, "install")


def say(text):
    print("rig: " + text, file=sys.stderr, flush=True)


class Rig:
    """name: several rigs may live side by side.  keep: leave the hosts up
    at the end, and take them as they are if they are up already.  lacks:
    what the processor of B does not have, as QEMU says it ("aes=off,...")."""

    def __init__(self, name="tests", keep=False, lacks=""):
        self.name, self.keep, self.lacks = name, keep, lacks
        self.rundir = os.path.join(BUILD, "run", name)
        self.keeper = None
        self.a = self.b = None

    # -- life

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            if not self.keep:
                self.down()
            raise
        return self

    def __exit__(self, *_):
        if not self.keep:
            self.down()

    def alive(self):
        """Whether a keeper holds this rig's hosts."""
        try:
            with open(os.path.join(self.rundir, "lock")) as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False

    def up(self):
        """Boots both hosts (or attaches, with keep); returns when xl works
        on both and what is built is laid over them."""
        if self.alive():
            if not self.keep:
                raise RuntimeError("the rig %s is up already: end it with"
                                   " 'rig --name %s down'" % (self.name, self.name))
            self.attach()
            return self
        start = time.monotonic()
        base = subprocess.run([os.path.join(HERE, "image")], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()
        os.makedirs(self.rundir, exist_ok=True)
        for old in os.scandir(self.rundir):
            if old.is_dir(follow_symlinks=False):
                shutil.rmtree(old.path)
            else:
                os.unlink(old.path)
        subprocess.run([os.path.join(HERE, "guest", "build"), base,
                        self.file("guest-initrd")], check=True)
        token = secrets.token_hex(16)
        fd = os.open(self.file("token"), os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(token)
        for name in "AB":
            self.make_seed(name, token)
        with open(self.file("keeper.log"), "wb") as log:
            self.keeper = subprocess.Popen(
                [sys.executable, os.path.join(HERE, "keeper.py"), self.rundir,
                 base, self.file("seed-A"), self.file("seed-B"), self.lacks] +
                ([] if self.keep else ["hold"]),
                stdin=subprocess.DEVNULL if self.keep else subprocess.PIPE,
                stdout=log, stderr=log, start_new_session=True)
        self.wait_state()
        self.attach()
        self.wait_xen(start)
        self.install()
        say("both hosts ready after %d s" % (time.monotonic() - start))
        return self

    def file(self, name):
        return os.path.join(self.rundir, name)

    def make_seed(self, name, token):
        """The second disk of a host: a tar that the initrd unpacks."""
        with tarfile.open(self.file("seed-" + name), "w") as tar:
            for program in os.listdir(os.path.join(HERE, "dom0")):
                tar.add(os.path.join(HERE, "dom0", program),
                        "rig/" + program, filter=as_root)
            tar.add(self.file("guest-initrd"), "rig/guest/initrd", filter=as_root)
            text = ("RIG_NAME=host%s\nRIG_ADDRESS=10.9.0.%d\nRIG_TOKEN=%s\n"
                    % (name, "AB".index(name) + 1, token)).encode()
            info = tarfile.TarInfo("rig/host.env")
            info.size, info.mode = len(text), 0o600
            tar.addfile(info, io.BytesIO(text))

    def wait_state(self):
        while not os.path.exists(self.file("state")):
            if self.keeper.poll() is not None:
                raise RuntimeError("QEMU did not start: %s%s" % (
                    read_text(self.file("failed")), read_text(self.file("keeper.log"))))
            time.sleep(0.1)

    def attach(self):
        with open(self.file("state")) as file:
            self.state = json.load(file)
        token = read_text(self.file("token"))
        self.a, self.b = (Host(self.rundir, n, self.state["hosts"][n], token)
                          for n in "AB")
        self.a.other, self.b.other = self.b, self.a
        self.hosts = (self.a, self.b)
        self.capture = Capture(self.file("wire.pcap"))
        self.ticks = TickLog(self.rundir)

    def wait_xen(self, start, timeout=300):
        """Until the agents answer and xl info works, with a line of progress
        every few seconds."""
        waiting = {host: "agent" for host in self.hosts}
        told = time.monotonic()
        while waiting:
            if not self.alive():
                raise RuntimeError("a host died while booting: see %s" % self.rundir)
            for host in waiting:
                log = read_text(self.file("serial-%s.log" % host.name))
                if "rig: FAILED" in log:
                    raise RuntimeError("%s: %s" % (host, log[log.index("rig: FAILED"):]))
            for host in list(waiting):
                if waiting[host] == "agent" and host.pingable():
                    waiting[host] = "xl info"
                if waiting[host] == "xl info" and not host.run(
                        "xl info", check=False).code:
                    del waiting[host]
            now = time.monotonic()
            if now - told > 5:
                told = now
                say("%3d s: %s" % (now - start, ", ".join(
                    "%s %s" % (h, "waits for " + waiting[h] if h in waiting
                               else "ready") for h in self.hosts)))
            if now - start > timeout:
                raise RuntimeError("not up in %d s: see %s" % (timeout, self.rundir))
            if waiting:
                time.sleep(0.5)

    def install(self):
        """Lays over both hosts what is built: the patched Xen tools (to
        /rig/ours; Host.tools switches), and make install's tree."""
        def lay_over(host):
            if os.path.exists(os.path.join(DIST, "usr/lib/xen-4.17/bin/xl")):
                host.run("/rig/xen-tools stock; rm -rf /rig/ours")
                host.push_tree(DIST, "/rig/ours")
                host.tools("ours")
            if os.path.isdir(INSTALL):
                host.push_tree(INSTALL, "/")
        self.both(lay_over)

    def down(self):
        """Ends both hosts."""
        if not self.alive():
            return
        try:
            pid = json.loads(read_text(self.file("state")))["pid"]
        except ValueError:
            pid = self.keeper.pid if self.keeper else None
        if pid:
            os.kill(pid, 15)
        for _ in range(100):
            if not self.alive():
                break
            time.sleep(0.1)
        if self.keeper:
            self.keeper.wait(10)

    # -- what tests do with it

    def leftovers(self, before, ignore):
        """What is on each host and was not (Host.residue, by host's name),
        as one list; ignore: by host's name, what may be new."""
        found = self.both(lambda host: host.leftovers(before[host.name],
                                                      ignore.get(host.name, "")))
        return ["host%s: %s" % (name, text) for name in "AB" for text in found[name]]

    def guest(self, name="g1", **how):
        return Guest(self, name, **how)

    def cut(self, on=True):
        """The link goes silent both ways; nobody is told (see Host.link for
        a pulled cable)."""
        self.both(lambda host: host.deaf(on))

    def heal(self):
        self.cut(False)

    def both(self, function):
        """Calls function(host) for both hosts at once: each has a processor
        of its own.  {host's name: result}"""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return dict(zip("AB", pool.map(function, self.hosts)))

    def clean(self):
        """Both hosts as after boot: no guest, no migration under way, the
        link up."""
        def calm(host):
            deadline = time.monotonic() + 300   # it may still be booting
            while not host.pingable() and time.monotonic() < deadline:
                time.sleep(1)
            host.link(True)
            host.deaf(False)
            host.run("pkill -9 -f '[x]l migrate|[l]ibxl-save-helper|[s]ocat'; true")

        def empty(host):
            for domid, _ in host.domains().values():
                host.run("xl destroy %d" % domid, check=False)
        self.both(calm)
        self.both(empty)

    def tools(self, which):
        """Which Xen tools both hosts run."""
        self.both(lambda host: host.tools(which))

    def wait_wire(self, count, since, timeout=60):
        """Until that many bytes crossed the wire since a mark."""
        deadline = time.monotonic() + timeout
        while self.capture.mark() - since < count:
            if time.monotonic() > deadline:
                raise TimeoutError("%d bytes did not cross the wire" % count)
            time.sleep(0.1)

    def receive_plain(self, target, port=7000):
        """Starts a receiver for a plain migration; its Job."""
        receiver = target.start("socat -b262144 TCP-LISTEN:%d,reuseaddr"
                                " EXEC:'xl migrate-receive'" % port)
        target.run("n=50; until ss -Htln sport = :%d | grep -q .; do"
                   " sleep 0.1; n=$((n-1)); [ $n -gt 0 ] || exit 1; done" % port)
        return receiver

    def plain_command(self, guest, target, options="", port=7000):
        return "xl migrate -s '' %s %s 'socat -b262144 - TCP:%s:%d'" % (
            options, guest.name, target.address, port)

    def migrate_plain(self, guest, source, target, timeout=300, check=True,
                      options=""):
        """By xl over socat: nothing on the wire is encrypted."""
        receiver = self.receive_plain(target)
        mark, since = self.capture.mark(), time.monotonic()
        try:
            result = source.run(self.plain_command(guest, target, options),
                                timeout, check)
            receiver.wait(30)
        finally:
            receiver.kill()
        if not result.code:
            guest.wait_tick(target, since)
        return Migration(guest, since, result, self.capture.size(mark))


def read_text(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
