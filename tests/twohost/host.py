# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts on one machine: each a root directory, a secmigd with its real
processes and users, and a toy Xen (doubles/)."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid as uuidlib

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("SECMIG_BUILD",
                                       os.path.join(TOP, "build")))
sys.path.insert(0, os.path.join(HERE, "doubles"))
import fakexen                                                  # noqa: E402
import proxy                                                    # noqa: E402

SANITIZED = "asan" in os.path.basename(BUILD)
PEER_UID, KEEPER_UID, CONTROL_UID = 64101, 64102, 64103

# Short, so that a test of each costs seconds; the same units as the manual.
# A slow machine, or slow programs, need longer ones.
SCALE = int(os.environ.get("SECMIG_TEST_SCALE", "2" if SANITIZED else "1"))
DEADLINES = {k: v * SCALE for k, v in {
    "connect-timeout": 2, "handshake-timeout": 3, "answer-timeout": 5,
    "idle-timeout": 3, "finish-timeout": 5, "ready-timeout": 5,
    "verdict-timeout": 4, "settle-interval": 1}.items()}
DEADLINES["keepalive"] = 1
ROOM = 4 * SCALE        # for the rest of a test's work to take its time
SOON = 6 * SCALE        # what has to happen at once


def places():
    """Directories as ./configure set them."""
    out = {"SYSCONFDIR": "/etc", "LOCALSTATEDIR": "/var",
           "RUNSTATEDIR": "/run"}
    with open(os.path.join(BUILD, "config.mk")) as f:
        for line in f:
            m = re.match(r"(\w+)\s*[:?]?=\s*(.*\S)", line)
            if m and m.group(1) in out:
                out[m.group(1)] = m.group(2)
    return out


def post_quantum(build=BUILD):
    """Whether that build has the post-quantum handshake."""
    with open(os.path.join(build, "config.mk")) as f:
        return "-DHAVE_MLKEM" in f.read()


# Bytes of the handshake's messages on the wire: e e1, e ee ekem1 s es, s se.
MESSAGES = {("out", 0): 2 + 32, ("in", 0): 2 + 32 + 48 + 4368,
            ("out", 1): 2 + 48 + 4368}
if post_quantum():
    MESSAGES["out", 0] += 1184
    MESSAGES["in", 0] += 1088 + 16


def wait_until(true, limit=5.0, every=0.01):
    end = time.monotonic() + limit
    while True:
        got = true()
        if got or time.monotonic() > end:
            return got
        time.sleep(every)


# ---- processes ----

def proc_status(pid):
    """Fields of /proc/PID/status, or None."""
    try:
        with open("/proc/%d/status" % pid) as f:
            return dict(line.rstrip("\n").split(":\t", 1)
                        if ":\t" in line else (line.strip(":\n"), "")
                        for line in f)
    except (FileNotFoundError, ProcessLookupError):
        return None


def proc_table():
    """{pid: (ppid, state)}"""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as f:
                    rest = f.read().rsplit(")", 1)[1].split()
                table[int(name)] = (int(rest[1]), rest[0])
            except (OSError, IndexError):
                pass
    return table


def cmdline(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def tcp_sockets(port):
    """States of sockets with that local or remote port (hex, as in
    /proc/net/tcp), without LISTEN and TIME_WAIT."""
    out = []
    want = ":%04X" % port
    with open("/proc/net/tcp") as f:
        for line in f.readlines()[1:]:
            w = line.split()
            if ((w[1].endswith(want) or w[2].endswith(want))
                    and w[3] not in ("0A", "06")):
                out.append(w[3])
    return out


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


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
        if not wait_until(up, 10 * SCALE):
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
        if wait_until(clean, DEADLINES["answer-timeout"] + ROOM, 0.05):
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


class Guest:
    def __init__(self, lab, host, name=None, running=True, **config):
        self.lab = lab
        self.uuid = str(uuidlib.uuid4())
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
        if d["name"] != self.name:
            return "on %s it is called %s" % (host.name, d["name"])
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


class Lab:
    """Hosts A and B, paired, with policies that let them migrate."""
    host_class = Host

    def __init__(self, names=("hostA", "hostB"), **settings):
        os.umask(0o022)
        self.dir = tempfile.mkdtemp(prefix="sm2h-")
        # peers run as other users: the way to their root must be open
        os.chmod(self.dir, 0o755)
        self.shared = self.dir + "/san"
        os.makedirs(self.shared + "/disks")
        self.guests = []
        self.senders = []
        self.closing = []
        self.hosts = []
        self.case = ""
        try:
            for i, n in enumerate(names):
                self.hosts.append(self.host_class(
                    self, n, "127.0.0.%d" % (11 + i), **settings))
            self.a, self.b = self.hosts[:2]
            self.set_up()
            for h in self.hosts:
                h.start()
        except BaseException:
            self.show_logs()
            self.close()
            raise

    def set_up(self):
        import site_setup
        for h in self.hosts:
            site_setup.init(h)
        for h in self.hosts:
            for o in self.hosts:
                if o is not h:
                    site_setup.pair(h, o)
            site_setup.policy(h)

    # ---- what cases use ----

    def guest(self, host=None, **kw):
        return Guest(self, host or self.a, **kw)

    def migrate(self, guest, src=None, dst="hostB", **opts):
        src = src or self.a
        m = Migration(src, guest.on(src), dst, **opts)
        self.senders.append(m)
        return m

    def succeeds(self, guest, src=None, dst="hostB", **opts):
        """Migrate; the guest must end there, whole.  The outcome."""
        src = src or self.a
        to = [h for h in self.hosts if h.name == dst][0]
        out = self.migrate(guest, src, dst, **opts).wait()
        if out["exit"] or out["code"]:
            raise AssertionError("migration failed with %d: %s" % (
                out["exit"], out["text"]))
        guest.must_run_on(to)
        hashes = [e["sha256"] for e in to.events("xl", "stream-hash")]
        if out["sha256"] not in hashes:
            raise AssertionError("the memory differs")
        return out

    def fails(self, guest, code, text="", within=None, src=None,
              dst="hostB", stays=None, **opts):
        """Migrate; it must fail with that exit code and one line that
        matches `text`, while the guest goes on running.  The outcome."""
        src = src or self.a
        m = self.migrate(guest, src, dst, **opts)
        return self.failed(m, guest, code, text, within, stays or src)

    def failed(self, m, guest, code, text="", within=None, stays=None):
        out = m.wait()
        what = "%s: %s" % (out.get("rule", ""), out["text"])
        codes = code if isinstance(code, tuple) else (code,)
        if out["code"] not in codes or out["exit"] != out["code"]:
            raise AssertionError("exit code %d (%s), expected %s" % (
                out["exit"], what, code))
        if not out["text"] or "\n" in out["text"]:
            raise AssertionError("not one line: %r" % out["text"])
        if text and not re.search(text, what, re.I):
            raise AssertionError("%r does not match %r" % (what, text))
        if within is not None and out["seconds"] > within:
            raise AssertionError("took %.1f s, limit %.1f: %s" % (
                out["seconds"], within, what))
        guest.must_run_on(stays or self.a)
        return out

    def later(self, what):
        """Close `what` at the end of the case."""
        self.closing.append(what)
        return what

    def between(self, attack=None, src=None, dst=None):
        """A man in the middle of src and dst until the end of the case."""
        src, dst = src or self.a, dst or self.b
        p = self.later(proxy.Proxy(("127.0.0.13", 0), dst.address, attack))
        src.dial(dst.name, p.address)
        return p

    # ---- between cases ----

    def begin(self, name):
        self.case = name
        for h in self.hosts:
            h.mark_log()
            h.clear_events()
            h.control()

    def finish(self, strict):
        """Clean up; one line on what was left behind, or ""."""
        problem = ""
        for w in reversed(self.closing):
            w.close()
        self.closing.clear()
        for h in self.hosts:
            for o in self.hosts:
                if o is not h:
                    h.dial(o.name, o.address)
        for m in self.senders:
            if m.p.poll() is None:
                problem = problem or "a sender was still running"
                m.kill()
        self.senders.clear()
        if strict:
            problem = problem or self.unsettled()
            for h in self.hosts:
                problem = problem or h.leftovers()
                for d in h.domains():
                    if "--" in d["name"]:
                        problem = problem or "%s: domain %s left" % (
                            h.name, d["name"])
            problem = problem or self.strays()
        for h in self.hosts:
            bad = re.search(r".*(Sanitizer|runtime error).*", h.log())
            if bad:
                problem = "%s: %s" % (h.name, bad.group(0))
        try:
            with open(self.shared + "/violations") as f:
                problem = "TWO RUNNING COPIES: " + f.read().strip()
        except FileNotFoundError:
            pass
        for h in self.hosts:
            h.destroy_all()
        self.guests.clear()
        return problem

    def unsettled(self):
        """A migration that is still open on some host, or ""."""
        def still():
            return ["%s: %s of %s with %s is open" % (
                h.name, r["state"], r["uuid"], r["peer"])
                for h in self.hosts if h.daemon for r in h.records()
                if not r["closed"]]
        if wait_until(lambda: not still(), 4 * DEADLINES["settle-interval"]
                      + ROOM, 0.1):
            return ""
        return (still() or [""])[0]

    def strays(self):
        """Doubles that no daemon is the parent of any more."""
        def found():
            return ["%d %s" % (p, cmdline(p)) for p in proc_table()
                    if self.dir in cmdline(p) and any(
                        "/toy/" + t in cmdline(p)
                        for t in ("xl", "secmig-xl", "sender"))]
        if wait_until(lambda: not found(), DEADLINES["finish-timeout"] + ROOM,
                      0.05):
            return ""
        return "processes left: %s" % found()

    def show_logs(self):
        for h in self.hosts:
            for line in h.log().splitlines()[-25:]:
                print("#   %s| %s" % (h.name, line))
        sys.stdout.flush()

    def close(self):
        for w in self.closing:
            w.close()
        for h in self.hosts:
            try:
                h.stop()
            except AssertionError as e:
                print("# " + str(e))
            h.destroy_all()
        if os.environ.get("KEEP"):
            print("# kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
