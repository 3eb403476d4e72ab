#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An unpatched xl: `xl migrate -s 'secmig transport'`, played here up to the
byte as tools/xl/xl_migrate.c of Xen 4.17 does it, over two real daemons."""
import hashlib
import json
import os
import signal
import struct
import subprocess
import time

import case
import host
import site_setup
from case import check, equal

NO_DAEMON, UNKNOWN_HOST, TIMEOUT, LINK = 10, 11, 13, 14
REFUSED_LOCAL, REFUSED_REMOTE = 20, 21
XL, CANCELLED, IN_DOUBT = 27, 28, 32

BANNER = b"xl migration receiver ready, send binary domain data.\n"
READY = b"domain received, ready to unpause\0"
GO = b"domain is yours, you are cleared to unpause\0"
REPORT = b"my copy unpause results are as follows\0"
NOTE = "secmig: note: "


def preamble(config):
    text = json.dumps(config).encode() + b"\0"
    return (b"Xen saved domain, xl format\n \0 \r"
            + struct.pack("<4I", 0x01020304, 3, 0, 4 + len(text))
            + struct.pack("<I", len(text)) + text)


class Xl:
    """migrate_domain() with the transport as its child."""
    def __init__(self, lab, guest, *options, to="hostB", config=None):
        self.lab, self.guest, self.host = lab, guest, lab.a
        self.d = self.host.find(guest)
        self.config = config or self.d["config"]
        self.suspended = self.released = False
        # a process of its own that ends with it, as xl does
        self.p = subprocess.Popen(
            ["/bin/sh", "-c", '"$@"; exit $?', "xl", host.BUILD + "/secmig", "--root", self.host.root, "transport",
             to, "xl", "migrate-receive", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0, cwd="/")
        lab.later(self)

    def transport(self):
        """Its process, or processes."""
        table = host.proc_table()
        return [p for p, (parent, _) in table.items()
                if parent == self.p.pid]

    def close(self):
        if self.p.poll() is None:
            for p in self.transport() + [self.p.pid]:
                os.kill(p, signal.SIGKILL)
            self.p.wait()

    def read(self, want):
        got = b""
        while len(got) < len(want):
            data = self.p.stdout.read(len(want) - len(got))
            if not data:
                raise EOFError("end in place of %r" % want)
            got += data
        equal(got, want, "from the transport")

    def write(self, data):
        view = memoryview(data)
        while view:
            view = view[self.p.stdin.write(view):]

    def start(self):
        self.read(BANNER)
        self.write(preamble(self.config))

    def stream(self, size, damage=False, midway=None):
        h = hashlib.sha256()
        for n in range(size // 65536):
            data = hashlib.shake_256(b"%d" % n).digest(65536)
            self.write(struct.pack(">I", len(data)) + data)
            h.update(data)
            if midway and n == size // 65536 // 2:
                midway()
        host.fakexen.guest_suspend(self.guest.uuid, self.d["pid"],
                                   self.host.toy)
        self.suspended = True
        state = host.fakexen.guest_memory(self.guest.uuid,
                                          self.host.toy).encode()
        h.update(state)
        self.write(struct.pack(">IH", 0, len(state)) + state
                   + (bytes(32) if damage else h.digest()))
        return h.hexdigest()

    def rename(self, name):
        with host.fakexen.state(self.host.toy) as st:
            host.fakexen.find(st, uuid=self.guest.uuid)["name"] = name

    def ready(self):
        self.read(READY)
        self.rename(self.guest.name + "--migratedaway")

    def release(self):
        """From GO on; its status byte."""
        self.released = True
        self.write(GO)
        self.read(REPORT)
        status = self.p.stdout.read(1)
        check(status, "no status")
        if status != b"\0":
            self.read(GO)           # the permission to resume
            self.resume()
        else:
            with host.fakexen.state(self.host.toy) as st:
                d = host.fakexen.find(st, uuid=self.guest.uuid)
                if d:
                    host.fakexen.destroy(st, d, self.host.toy)
        return status[0]

    def resume(self):
        """libxl_domain_resume(): of what is there, and suspended."""
        with host.fakexen.state(self.host.toy) as st:
            d = host.fakexen.find(st, uuid=self.guest.uuid)
            if not d:
                return
            d["name"] = self.guest.name
            host.fakexen.domain_resume(d, self.host.toy)

    def migrate(self, size=2 << 20, between=None, **how):
        """All of it; exit code of the transport, lines it said, check-sum
        of the memory.
            between  called between READY and GO
        """
        try:
            self.start()
            digest = self.stream(size, **how)
            self.ready()
            if between:
                between()
            self.release()
        except (EOFError, BrokenPipeError):
            digest = None
            # after GO xl says "Domain state is now undefined", and leaves it
            if self.suspended and not self.released:
                self.resume()
        return self.end() + (digest,)

    def end(self):
        self.p.stdin.close()
        rest = self.p.stdout.read()
        equal(rest, b"", "behind the conversation")
        lines = self.p.stderr.read().decode().splitlines()
        code = self.p.wait(20)
        notes = [s for s in lines if s.startswith(NOTE)]
        check(len(notes) <= 2, "notes: %s" % notes)
        return code, [s for s in lines if not s.startswith(NOTE)]


def refused(lab, g, code, text, *options, within=host.SOON, **how):
    began = time.monotonic()
    got, lines, _ = Xl(lab, g, *options, **how).migrate()
    equal(got, code, "exit code (%s)" % lines)
    equal(len(lines), 1, "lines %s" % lines)
    check(text in lines[0], "%r lacks %r" % (lines[0], text))
    took = time.monotonic() - began
    check(took < within, "took %.1f s" % took)
    g.must_run_on(lab.a)


@case.case("a guest crosses whole")
def _(lab):
    g = lab.guest()
    x = Xl(lab, g)
    code, lines, digest = x.migrate(8 << 20)
    equal((code, lines), (0, []), "transport")
    g.must_run_on(lab.b)
    equal(lab.b.events("xl", "stream-hash")[0]["sha256"], digest, "memory")


@case.case("-p leaves it paused on B")
def _(lab):
    g = lab.guest()
    x = Xl(lab, g, "-e", "-p")
    equal(x.migrate()[:2], (0, []), "transport")
    d = lab.b.find(g)
    check(d and d["paused"] and d["name"] == g.name, "on B: %s" % d)
    equal(g.where(), [], "hosts where it runs")


@case.case("both policies are asked, and a refusal names its rule")
def _(lab):
    g = lab.guest()
    deny = ('<rule id="nothing-%s" effect="deny" action="migrate-%s">'
            '<vm name="guest-*"/></rule>')
    try:
        site_setup.policy(lab.a, rules=deny % ("out", "out")
                          + site_setup.RULES)
        refused(lab, g, REFUSED_LOCAL, "nothing-out")
        site_setup.policy(lab.a)
        site_setup.policy(lab.b, rules=deny % ("in", "in")
                          + site_setup.RULES)
        refused(lab, g, REFUSED_REMOTE, "nothing-in")
    finally:
        site_setup.policy(lab.a)
        site_setup.policy(lab.b)
    equal(lab.b.events("xl", "argv"), [], "xl on B")
    equal(Xl(lab, g).migrate()[0], 0, "exit code afterwards")
    g.must_run_on(lab.b)


@case.case("a config that names a foreign program never reaches xl")
def _(lab):
    g = lab.guest()
    config = dict(lab.a.find(g)["config"])
    config["nics"] = [{"devid": 0, "mac": "00:16:3e:00:00:01",
                       "bridge": "xenbr0", "script": "/root/evil.sh"}]
    refused(lab, g, REFUSED_REMOTE, "/root/evil.sh", config=config)
    equal(lab.b.events("xl", "argv"), [], "xl on B")


@case.case("a host that is not paired")
def _(lab):
    refused(lab, lab.guest(), UNKNOWN_HOST, "hostX", to="hostX")


@case.case("a guest that is marked nomigrate stays")
def _(lab):
    refused(lab, lab.guest(nomigrate=True), 23, "nomigrate")


@case.case("the link is cut in the middle: the guest goes on here")
def _(lab):
    g = lab.guest()
    p = lab.between()
    x = Xl(lab, g)
    code, lines, _ = x.migrate(16 << 20, midway=lambda: p.sessions[0].kill())
    equal(len(lines), 1, "lines %s" % lines)
    check(code in (LINK, TIMEOUT), "exit code %d: %s" % (code, lines))
    g.must_run_on(lab.a)


@case.case("xl on B dies in the middle: the guest goes on here")
def _(lab):
    g = lab.guest()
    lab.b.control(xl={"die-at": "stream", "after": 1 << 20})
    code, lines, _ = Xl(lab, g).migrate(4 << 20)
    equal(code, XL, "exit code (%s)" % lines)
    equal(len(lines), 1, "lines %s" % lines)
    g.must_run_on(lab.a)


@case.case("xl on B refuses the stream: the guest goes on here")
def _(lab):
    g = lab.guest()
    code, lines, _ = Xl(lab, g).migrate(damage=True)
    equal(code, XL, "exit code (%s)" % lines)
    g.must_run_on(lab.a)


@case.case("xl here is killed in the middle: nothing stays on B")
def _(lab):
    g = lab.guest()
    x = Xl(lab, g)
    x.start()
    data = os.urandom(65536)
    for _ in range(20):
        x.write(struct.pack(">I", len(data)) + data)
    x.p.stdin.close()
    x.p.stdout.close()
    lines = x.p.stderr.read().decode().splitlines()
    check(x.p.wait(20) != 0, "exit code 0: %s" % lines)
    g.must_run_on(lab.a)


@case.case("the daemon here is killed in the middle: the transport ends")
def _(lab):
    g = lab.guest()
    x = Xl(lab, g)
    code, lines, _ = x.migrate(16 << 20,
                               midway=lambda: lab.a.stop(signal.SIGKILL))
    equal(code, 10, "exit code (%s)" % lines)
    equal(len(lines), 1, "lines %s" % lines)
    lab.a.start()
    g.must_run_on(lab.a)


@case.case("the link goes dark between READY and GO: the guest goes on here")
def _(lab):
    g = lab.guest()
    p = lab.between()

    def dark():
        p.darken()
        time.sleep(host.DEADLINES["idle-timeout"] + 1)
    code, lines, _ = Xl(lab, g).migrate(between=dark)
    check(code in (LINK, TIMEOUT), "exit code %d: %s" % (code, lines))
    p.lighten()
    g.must_run_on(lab.a)


@case.case("the daemon here is killed between READY and GO: the guest goes "
           "on here")
def _(lab):
    g = lab.guest()
    code, lines, _ = Xl(lab, g).migrate(
        between=lambda: lab.a.stop(signal.SIGKILL))
    check(code in (NO_DAEMON, IN_DOUBT), "exit code %d: %s" % (code, lines))
    lab.a.start()
    g.must_run_on(lab.a)


@case.case("the destination cannot start the guest yet: xl leaves it alone, "
           "and is told where it is")
def _(lab):
    g = lab.guest()
    lab.b.control(secmig_xl={"start": {"exit": XL}})
    code, lines, _ = Xl(lab, g).migrate()
    equal(code, IN_DOUBT, "exit code (%s)" % lines)
    check("handover list" in " ".join(lines), "told: %s" % lines)
    equal(g.where(), [], "runs on")
    lab.b.control()
    g.must_run_on(lab.b, 10 + host.ROOM)


@case.case("the transport is killed, or the daemon, when all is handed over: "
           "it is settled all the same")
def _(lab):
    for victim in ("transport", "daemon"):
        g = lab.guest()
        lab.b.control(secmig_xl={"start": {"exit": XL}})    # time to kill
        x = Xl(lab, g)
        x.start()
        x.stream(1 << 20)
        x.ready()
        x.released = True
        x.write(GO)
        check(host.wait_until(lambda: lab.b.events("secmig-xl",
                                                   "misbehaves"), 5),
              "B does not start it")
        if victim == "daemon":
            lab.a.stop(signal.SIGKILL)
            equal(x.end()[0], IN_DOUBT, "exit code")
            lab.a.start()
        else:
            for p in x.transport():
                os.kill(p, signal.SIGKILL)
            x.p.wait(5)
        lab.b.control()
        g.must_run_on(lab.b, 15 + host.ROOM)
        lab.b.clear_events()


if __name__ == "__main__":
    case.main(host.Lab)
