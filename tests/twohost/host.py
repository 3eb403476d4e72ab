# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts on one machine, paired, and what must not be left of them.  What a
test needs of the modules below is to be had from here."""
import os
import re
import shutil
import sys
import tempfile

import proxy
from daemon import Host
from guests import Guest, Migration
from machine import (BUILD, CONTROL_UID, DEADLINES,             # noqa: F401
                     KEEPER_UID, MESSAGES, PEER_UID, ROOM, SANITIZED, SCALE,
                     SOON, TOP, cmdline, fakexen, free_port, places,
                     post_quantum, proc_status, proc_table, tcp_sockets,
                     wait_until)


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
