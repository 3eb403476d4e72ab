# SPDX-License-Identifier: LGPL-2.1-or-later
"""One host: a root directory, a secmigd with its real processes and users, and
a toy Xen (doubles/)."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess

from machine import (BUILD, CONTROL_UID, DEADLINES, HERE, KEEPER_UID,
                     PEER_UID, ROOM, SANITIZED, SCALE, cmdline, fakexen,
                     free_port, places, proc_status, proc_table, tcp_sockets,
                     wait_until)


class Host:
    def __init__(self, lab, name, address, **settings):
        self.lab = lab
        self.name = name
        self.root = os.path.join(lab.dir, name)
        self.address = (address, free_port())
        self.toy = os.path.join(self.root, "toy")
        p = places()
        self.etc = self.root + p["SYSCONFDIR"] + "/xen/secmig"
        self.var = self.root + p["LOCALSTATEDIR"] + "/lib/xen/secmig"
        self.run = self.root + p["RUNSTATEDIR"] + "/xen"
        self.sock = self.run + "/secmig.sock"
        self.log_path = os.path.join(lab.dir, name + ".log")
        self.log_mark = 0
        self.daemon = None
        self.build = BUILD
        self.env = {}           # more for the daemon's environment
        self.base = None
        self.version = 0
        self.settings = dict(
            DEADLINES, name=name, seal="plain",
            listen="%s:%d" % self.address,
            **{"receive-command": self.toy + "/xl migrate-receive --secure",
               "secmig-xl": self.toy + "/secmig-xl",
               "secmig-vault": BUILD + "/secmig-vault",
               "migrate-command": self.toy + "/xl-migrate --secure",
               "peer-user": PEER_UID, "keeper-user": KEEPER_UID,
               "control-user": CONTROL_UID})
        self.settings.update(settings)
        for d in (self.etc, self.etc + "/hosts", self.var, self.run):
            os.makedirs(d, exist_ok=True)
        os.chmod(self.var, 0o700)
        self._make_toy()
        self.configure()

    def _make_toy(self):
        os.makedirs(self.toy + "/guests")
        for f in ("fakexen.py", "guest", "xl", "secmig-xl", "sender",
                  "xl-migrate"):
            shutil.copy(os.path.join(HERE, "doubles", f), self.toy)
        with open(self.toy + "/sock", "w") as f:
            f.write(self.sock + "\n")
        with open(self.toy + "/shared", "w") as f:
            f.write(self.lab.shared + "\n")
        with open(self.toy + "/domains.json", "w") as f:
            json.dump({"domains": [], "free_kb": 4 << 20, "next": 1}, f)

    # ---- set-up ----

    def configure(self, **changes):
        """Write secmigd.conf; a value of None leaves the key out."""
        self.settings.update({k.replace("_", "-"): v
                              for k, v in changes.items()})
        with open(self.etc + "/secmigd.conf", "w") as f:
            for k, v in self.settings.items():
                if v is not None:
                    f.write("%s = %s\n" % (k, v))

    def secmig(self, *args, data=None, ok=True):
        p = subprocess.run([self.build + "/secmig", "--root", self.root,
                            *args],
                           input=data, capture_output=True, text=True,
                           timeout=30)
        if ok and p.returncode:
            raise AssertionError("secmig %s: exit %d: %s" % (
                " ".join(args), p.returncode, p.stderr.strip()))
        return p

    def dial(self, other, address):
        """Change the address under which `other` is dialled from now on."""
        name = "%s/hosts/%s" % (self.etc, other)
        if not os.path.exists(name):
            return
        with open(name) as f:
            text = re.sub(r"(?m)^address = .*$",
                          "address = %s:%d" % tuple(address), f.read())
        # not beside it: that would be a host of its own
        with open(self.etc + "/.new", "w") as f:
            f.write(text)
        os.rename(self.etc + "/.new", name)

    # ---- the daemon ----

    def launch(self):
        """Start the daemon, and wait until it listens."""
        log = open(self.log_path, "a")
        env = {k: v for k, v in os.environ.items()
               if k.endswith("SAN_OPTIONS")}
        if SANITIZED:
            # its leak check clones and ptraces, which no role may
            env["ASAN_OPTIONS"] = "detect_leaks=0"
        env["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        env.update(self.env)
        self.daemon = subprocess.Popen(
            [self.build + "/secmigd", "--root", self.root], stderr=log,
            stdout=log, stdin=subprocess.DEVNULL, cwd="/", env=env)
        log.close()

        def up():
            if self.daemon.poll() is not None:
                raise AssertionError("secmigd ended with %d: %s" % (
                    self.daemon.returncode, self.log()[-300:]))
            return os.path.exists(self.sock) and self.listening()
        if not wait_until(up, 30 * SCALE):
            raise AssertionError("secmigd does not come up: " + self.log())

    def start(self):
        """Start the daemon, and see what stands when nothing goes on."""
        self.log_mark = self.log_size()
        self.base = None
        self.launch()
        last = [None]

        def steady():
            now = self.footprint()
            same, last[0] = now == last[0], now
            return same and not self.role(PEER_UID)
        wait_until(steady, 3, 0.1)
        self.base = self.footprint()

    def listening(self):
        a = "%s:%04X" % (socket.inet_aton(self.address[0])[::-1].hex()
                         .upper(), self.address[1])
        with open("/proc/net/tcp") as f:
            return any(w[1] == a and w[3] == "0A" for w in
                       (line.split() for line in f.readlines()[1:]))

    def stop(self, how=signal.SIGTERM):
        """Stop the daemon; everything below it must go too.  Its status."""
        if not self.daemon:
            return None
        tree = self.tree()
        if self.daemon.poll() is None:
            self.daemon.send_signal(how)
            try:
                self.daemon.wait(10)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
                raise AssertionError("%s: secmigd did not end in 10 s of "
                                     "signal %d" % (self.name, how))
        rc = self.daemon.returncode
        self.daemon = None
        self.base = None
        left = wait_until(
            lambda: not [p for p in tree if os.path.exists("/proc/%d" % p)],
            5)
        if not left:
            raise AssertionError("%s: left after the daemon's end: %s" % (
                self.name, ["%d %s" % (p, cmdline(p)) for p in tree
                            if os.path.exists("/proc/%d" % p)]))
        return rc

    def reload(self):
        self.daemon.send_signal(signal.SIGHUP)

    def tree(self):
        """All descendants of the daemon, itself included, sorted."""
        if not self.daemon or self.daemon.poll() is not None:
            return []
        table = proc_table()
        found = {self.daemon.pid}
        more = True
        while more:
            new = {p for p, (pp, _) in table.items()
                   if pp in found and p not in found}
            found |= new
            more = bool(new)
        return sorted(found)

    def role(self, uid):
        """Pids of the daemon's processes with that uid, sorted."""
        out = []
        for p in self.tree():
            st = proc_status(p)
            if st and st["Uid"].split()[0] == str(uid):
                out.append(p)
        return out

    def footprint(self):
        """Processes, states, descriptors, files: equal before and after."""
        tree = self.tree()
        table = proc_table()
        fds = {}
        for p in tree:
            try:
                fds[p] = len(os.listdir("/proc/%d/fd" % p))
            except OSError:
                fds[p] = -1
        files = []
        for top in (self.etc + "/hosts", self.var, self.run):
            for d, dirs, names in os.walk(top):
                files += [os.path.join(d, n) for n in names + dirs
                          # what is meant to be remembered
                          if n != "secmig.journal" and (
                              d != self.var + "/store"
                              or n not in ("tickets", "uses", "floors",
                                           "seen"))]
        return {"processes": tree,
                "zombies": [p for p in tree
                            if table.get(p, (0, "Z"))[1] == "Z"],
                "descriptors": fds, "files": sorted(files)}

    def no_more(self, now):
        """Whether that is what stood at the start, or less: a call to the
        other host may have been under way then."""
        old = self.base
        return (set(now["processes"]) <= set(old["processes"])
                and not now["zombies"] and now["files"] == old["files"]
                and all(n <= old["descriptors"][p]
                        for p, n in now["descriptors"].items()))

    def leftovers(self):
        """One line on what is left of finished work, or ""."""
        if not self.daemon:
            return ""
        if self.daemon.poll() is not None:
            return "%s: secmigd died with %d: %s" % (
                self.name, self.daemon.returncode, self.log()[-300:])
        now = [None]

        def clean():
            now[0] = self.footprint()
            return self.no_more(now[0]) and not tcp_sockets(self.address[1])
        # a secmig-xl that hangs has its deadline, too
        if wait_until(clean, DEADLINES["action-timeout"] + ROOM, 0.05):
            return ""
        for k, v in now[0].items():
            if v == self.base[k]:
                continue
            if k == "processes":
                new = [p for p in v if p not in self.base[k]]
                if not new:
                    continue
                return "%s: processes left: %s" % (
                    self.name, ["%d %s" % (p, cmdline(p)) for p in new])
            if k == "descriptors":
                more = [p for p in v if v[p] > self.base[k].get(p, 0)]
                if not more:
                    continue
                p = more[0]
                links = [os.readlink("/proc/%d/fd/%s" % (p, f))
                         for f in os.listdir("/proc/%d/fd" % p)]
                return "%s: descriptors of %d: %d, before %d: %s" % (
                    self.name, p, v[p], self.base[k].get(p, 0), links)
            if k == "files":
                return "%s: files changed: %s" % (
                    self.name, sorted(set(v) ^ set(self.base[k])))
            return "%s: %s: %s" % (self.name, k, v)
        return "%s: TCP sockets left: %s" % (
            self.name, tcp_sockets(self.address[1]))

    def records(self, guest=None):
        """The migrations in the journal, oldest first."""
        p = subprocess.run([BUILD + "/tests/faults/journal_show",
                            self.var + "/journal"], capture_output=True,
                           text=True, timeout=10)
        if p.returncode:
            raise AssertionError("%s: %s" % (self.name, p.stderr.strip()))
        lines = [json.loads(line) for line in p.stdout.splitlines()]
        return [r for r in lines if guest is None or r["uuid"] == guest.uuid]

    # ---- log ----

    def log_size(self):
        try:
            return os.path.getsize(self.log_path)
        except FileNotFoundError:
            return 0

    def log(self):
        """The log since mark_log()."""
        try:
            with open(self.log_path, errors="replace") as f:
                f.seek(self.log_mark)
                return f.read()
        except FileNotFoundError:
            return ""

    def mark_log(self):
        self.log_mark = self.log_size()

    def logged(self, pattern, limit=10 * SCALE):
        """Wait for a line that matches; the match object or None."""
        return wait_until(lambda: re.search(pattern, self.log(), re.M),
                          limit)

    # ---- the toy Xen ----

    def control(self, **tools):
        """Misbehaviour of the doubles: control(xl={...}); none: behave."""
        with open(self.toy + "/control.json.new", "w") as f:
            json.dump({k.replace("_", "-"): v for k, v in tools.items()}, f)
        os.rename(self.toy + "/control.json.new", self.toy + "/control.json")

    def events(self, tool=None, what=None):
        return fakexen.events(tool, what, self.toy)

    def clear_events(self):
        open(self.toy + "/events.log", "w").close()

    def domains(self):
        with fakexen.state(self.toy) as st:
            return [dict(d) for d in st["domains"]]

    def find(self, guest):
        for d in self.domains():
            if d["uuid"] == guest.uuid:
                return d
        return None

    def set_free(self, kb):
        with fakexen.state(self.toy) as st:
            st["free_kb"] = kb

    def destroy_all(self):
        with fakexen.state(self.toy) as st:
            for d in list(st["domains"]):
                fakexen.destroy(st, d, self.toy)
