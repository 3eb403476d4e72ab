# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts with daemons that stop at named points (point.c), a cable that
can be cut, power that can be cut, and clocks that jump."""
import glob
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "twohost"))
import host                                                     # noqa: E402
import proxy                                                    # noqa: E402
from host import fakexen, wait_until                            # noqa: E402

POINT = os.path.join(host.BUILD, "tests/faults/point.so")
SHOW = os.path.join(host.BUILD, "tests/faults/journal_show")
FILL = os.path.join(host.BUILD, "tests/faults/journal_fill")

# How both journals may end: (source, destination); None: no record.
AGREE = {("DONE", "ACCEPTED"): "B", ("ABORTED", "REFUSED"): "A",
         ("ABORTED", None): "A", (None, "REFUSED"): "A"}
STATES = ("SENDING", "SENT", "RELEASED", "DONE", "ABORTED", "LOADING",
          "READY", "ACCEPTED", "REFUSED")


ROLES = ("peer", "keeper", "control", "dialer")


class Points(threading.Thread):
    """Where the daemon of a host asks before it goes on.  on_pass(name, pid)
    returns the word that it gets ("go", "eio", …); pid is who asks, the
    daemon or a child of it."""

    def __init__(self, path, on_pass):
        super().__init__(daemon=True)
        self.on_pass = on_pass
        self.passed = []
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(path)
        self.s.listen(16)
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,),
                             daemon=True).start()

    def serve(self, c):
        with c:
            try:
                name = c.recv(100).decode().split()[1]
                pid, = struct.unpack("i", c.getsockopt(
                    socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4])
                self.passed.append(name)
                c.sendall(self.on_pass(name, pid).encode())
            except (OSError, IndexError):
                pass

    def close(self):
        try:
            self.s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.s.close()
        self.join(5)


class Host(host.Host):
    """One whose daemon passes points, and that has a power switch."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.on_pass = lambda name, pid: "go"
        self.points = Points(self.toy + "/points", self.pass_point)
        self.journal = self.var + "/journal"
        self.synced = self.toy + "/journal.synced"
        self.boots = 0
        self.age = 0        # seconds that it is later here than it is
        self.boot()
        self.clock(0)
        self.env = {"LD_PRELOAD": POINT,
                    "SECMIG_POINTS": self.toy + "/points",
                    "SECMIG_BOOT": self.toy + "/boot_id",
                    "SECMIG_CLOCK": self.toy + "/clock"}

    def pass_point(self, name, pid):
        if name.startswith("+sync") and os.path.exists(self.journal):
            # what a disk still has after a power cut
            shutil.copyfile(self.journal, self.synced + ".new")
            os.rename(self.synced + ".new", self.synced)
        return self.on_pass(name, pid)

    def processes(self, role):
        """Pids of the daemon's processes of that kind."""
        out = []
        for pid in self.tree():
            words = host.cmdline(pid).split()
            if role in ROLES:
                yes = words[1:3] == ["--role", role]
            elif role == "judge":
                yes = (host.proc_status(pid) or {}).get("Name") == (
                    "secmigd-judge"[:15])
            else:               # a program: xl, secmig-xl, secmig-vault
                yes = any(w.endswith("/" + role) for w in words[:3])
            if yes:
                out.append(pid)
        return out

    def promised(self, kept=False):
        """The last state that this host has written down, as the points saw
        it; kept: also if it was not synced."""
        written = durable = ""
        for name in list(self.points.passed):
            what, _, state = name.partition(":")
            state = state.partition("-")[0]
            if what == "+write" and state in STATES:
                written = state
            elif what == "+sync" and state != "dir":
                durable = written
        return written if kept else durable

    def boot(self):
        self.boots += 1
        with open(self.toy + "/boot_id", "w") as f:
            f.write("%08x-0000-4000-8000-%s\n" % (self.boots,
                                                  os.urandom(6).hex()))

    def clock(self, seconds):
        """The real-time clock is wrong by that."""
        with open(self.toy + "/clock.new", "w") as f:
            f.write("%d" % (self.age + seconds))
        os.rename(self.toy + "/clock.new", self.toy + "/clock")

    def ages(self, seconds):
        """It is that much later, from now on."""
        self.age += seconds
        self.clock(0)

    def fill_journal(self, count):
        """So many old migrations more in the journal of a stopped daemon."""
        subprocess.run([FILL, self.journal, self.run + "/secmig.journal",
                        str(count)], check=True)

    def kill(self):
        """kill -9 of the daemon."""
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait()

    def power_off(self, lose=True):
        """Nothing of this host lives on, and of its files only those on
        disk; with `lose` the journal is what was last synced."""
        self.kill()
        mine = self.root + "/"
        for pid in host.proc_table():
            line = host.cmdline(pid)
            if mine in line and not line.startswith(SHOW):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        with fakexen.state(self.toy) as st:
            for d in list(st["domains"]):
                fakexen.destroy(st, d, self.toy)
        for name in glob.glob(self.toy + "/guests/*"):
            os.unlink(name)
        for d, _, names in os.walk(self.root + host.places()["RUNSTATEDIR"]):
            for n in names:
                os.unlink(os.path.join(d, n))
        if lose and os.path.exists(self.synced):
            # at once: somebody may be reading it
            shutil.copyfile(self.synced, self.journal + "~")
            os.chmod(self.journal + "~", 0o600)
            os.rename(self.journal + "~", self.journal)
            for name in glob.glob(self.journal + "?*"):
                os.unlink(name)

    def up(self):
        """Whether the daemon runs."""
        return self.daemon is not None and self.daemon.poll() is None

    def stop(self, how=signal.SIGTERM):
        if self.daemon and self.daemon.poll() is not None:
            self.daemon = None
        return super().stop(how)


class Lab(host.Lab):
    """Hosts A and B with a cable between them: all that A dials goes
    through a man in the middle."""

    host_class = Host

    def __init__(self, **settings):
        super().__init__(**settings)
        self.cable = proxy.Proxy(("127.0.0.13", 0), self.b.address)
        self.a.dial("hostB", self.cable.address)

    def close(self):
        if hasattr(self, "cable"):
            self.cable.close()
        super().close()
        for h in self.hosts:
            h.points.close()

    # ---- what has to hold ----

    def settled(self, guest):
        """By the journals: what is missing for the end of all of the
        guest's migrations, or "" and the letter of the host that has it."""
        for h in self.hosts:
            if not h.up():
                return "%s is down" % h.name, None
        a, b = self.a.records(guest), self.b.records(guest)
        for name, records in (("A", a), ("B", b)):
            for r in records:
                if not r["closed"]:
                    return "%s: %s is open" % (name, r["state"]), None
        owner = "A"
        here = {r["id"]: r["state"] for r in a}
        there = {r["id"]: r["state"] for r in b}
        for i in list(here) + [i for i in there if i not in here]:
            pair = here.get(i), there.get(i)
            if pair not in AGREE:
                raise AssertionError("the journals do not agree: %s, %s"
                                     % pair)
            owner = AGREE[pair]
        return "", owner

    def copies(self, guest):
        """Who has the guest, by the guest alone: the letters of the hosts on
        which it runs, or else of those that hold all of its memory."""
        running = [h for h in self.hosts if h in guest.where()]
        if not running:
            running = [h for h in self.hosts
                       if fakexen.guest_whole(guest.uuid, h.toy)]
        return "".join(h.name[-1] for h in running)

    def only_copy(self, guest, side, kept=False):
        """Whether the guest goes if that host loses its power now.  While it
        runs it tells; where two hosts hold it whole and neither runs it, it
        is what they have made durable by now that counts."""
        copies = self.copies(guest)
        if copies in ("A", "B"):
            return copies == side
        if side == "B":
            return self.b.promised(kept) == "ACCEPTED"
        # a source that did not write that all was sent cannot know it
        return (self.b.promised() not in ("READY", "ACCEPTED") or
                self.a.promised(kept) not in ("SENT", "RELEASED", "DONE"))

    def traces(self):
        """What nobody may leave behind."""
        for h in self.hosts:
            left = h.role(host.PEER_UID)
            if left:
                return "%s: peers left: %s" % (h.name, left)
            for d in h.domains():
                if "--" in d["name"]:
                    return "%s: domain %s left" % (h.name, d["name"])
            more = [n for n in glob.glob(h.journal + "?*")]
            if more:
                return "%s: files left: %s" % (h.name, more)
            left = host.tcp_sockets(h.address[1])
            if left:
                return "%s: connections left: %s" % (h.name, left)
        return ""
