#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who and what is turned away: by exit code, in one line, at once, with the
guest running on the source as if nothing had been."""
import os
import subprocess
import tempfile
import time

import case
import host
import site_setup
from case import check, equal

# exit codes: lib/base/err.h
NO_MEMORY, NO_DAEMON, UNKNOWN_HOST, UNREACHABLE = 5, 10, 11, 12
AUTH, PROTOCOL, UNPAIRED, REFUSED_LOCAL, REFUSED_REMOTE = 15, 16, 17, 20, 21
POLICY, NOMIGRATE, EXISTS, NO_DOMAIN, BUSY = 22, 23, 24, 25, 26
LINK, XEN_VERSION, PROCESSOR, XL = 14, 33, 34, 27

MISMATCH = (4, NO_DOMAIN, PROTOCOL)
SOON = host.SOON


def xl_never_started(h):
    equal(h.events("xl", "argv"), [], "xl on %s" % h.name)


# ---- nobody there ----

@case.case("no daemon on the source")
def _(lab):
    g = lab.guest()
    lab.a.stop()
    lab.fails(g, NO_DAEMON, within=SOON)
    p = lab.a.secmig("status", ok=False)
    equal(p.returncode, NO_DAEMON, "secmig status: " + p.stderr)
    equal(len(p.stderr.splitlines()), 1, "lines: " + p.stderr)
    p = lab.a.secmig("transport", "hostB", "xl", "migrate-receive", ok=False,
                     data="")
    equal(p.returncode, NO_DAEMON, "secmig transport: " + p.stderr)
    lab.a.start()
    lab.succeeds(g)


@case.case("no daemon on the destination: port closed")
def _(lab):
    g = lab.guest()
    lab.b.stop()
    lab.fails(g, UNREACHABLE, "hostB", within=SOON)
    lab.b.start()
    lab.succeeds(g)


@case.case("name of the destination does not resolve")
def _(lab):
    g = lab.guest()
    lab.a.dial("hostB", ("no-such-host.invalid", 8003))
    lab.fails(g, UNREACHABLE, within=10)


@case.case("unknown host")
def _(lab):
    g = lab.guest()
    for name in ("hostC", "hostB.new", "../hostB", ".", "a b"):
        lab.fails(g, UNKNOWN_HOST, within=SOON, dst=name)
    # no name at all, and one that no frame may hold: the line is closed
    for name in ("", "h" * 65):
        lab.fails(g, (UNKNOWN_HOST, NO_DAEMON), within=SOON, dst=name)


@case.case("itself as the destination")
def _(lab):
    g = lab.guest()
    lab.fails(g, (UNKNOWN_HOST, REFUSED_LOCAL), within=SOON, dst="hostA")
    # paired with its own key by hand
    with open(lab.a.etc + "/host.pub") as f:
        key = f.read().split()[2]
    name = lab.a.etc + "/hosts/mirror"
    with open(name, "w") as f:
        f.write("key = %s\naddress = %s:%d\n" % ((key,) + lab.a.address))
    try:
        out = lab.fails(g, tuple(range(1, 32)), within=SOON, dst="mirror")
        check(out["code"] != BUSY, out["text"])
    finally:
        os.unlink(name)
    xl_never_started(lab.a)


# ---- wrong key, no pairing ----

def stranger(lab, name):
    """A pairing file's worth of key that is nobody's."""
    p = subprocess.run([site_setup.EVIL, "keygen",
                        lab.dir + "/stranger.key", name],
                       capture_output=True, text=True, check=True)
    return p.stdout.split()[2]


def with_pairing(h, name, text):
    """Replace a pairing file; returns what puts it back."""
    path = "%s/hosts/%s" % (h.etc, name)
    with open(path) as f:
        old = f.read()
    h.lab.restore.append((path, old))
    if text is None:
        os.unlink(path)
    else:
        with open(path, "w") as f:
            f.write(text)


@case.case("wrong key: another host answers at the address")
def _(lab):
    g = lab.guest()
    with_pairing(lab.a, "hostB", "key = %s\naddress = %s:%d\n" % (
        (stranger(lab, "hostB"),) + lab.b.address))
    lab.fails(g, AUTH, within=SOON)
    xl_never_started(lab.b)


@case.case("unpaired: the destination does not know the source")
def _(lab):
    g = lab.guest()
    with_pairing(lab.b, "hostA", None)
    lab.fails(g, UNPAIRED, within=SOON)
    check(lab.b.logged("(?i)(unpaired|not paired|unknown|no pairing)"),
          "B logs nothing of it")
    xl_never_started(lab.b)


@case.case("the source's key stands under another name on the destination")
def _(lab):
    g = lab.guest()
    with_pairing(lab.b, "hostA", None)
    with open(lab.a.etc + "/host.pub") as f:
        key = f.read().split()[2]
    other = lab.b.etc + "/hosts/hostZ"
    with open(other, "w") as f:
        f.write("key = %s\naddress = %s:%d\n" % ((key,) + lab.a.address))
    try:
        lab.fails(g, (AUTH, UNPAIRED, REFUSED_REMOTE), within=SOON)
    finally:
        os.unlink(other)
    xl_never_started(lab.b)


@case.case("pairing removed: the next handshake is refused, no restart")
def _(lab):
    g = lab.guest()
    lab.succeeds(g)
    lab.succeeds(g, lab.b, "hostA")
    with_pairing(lab.b, "hostA", None)
    lab.fails(g, UNPAIRED, within=SOON)
    lab.put_back()
    lab.succeeds(g)


# ---- policy ----

@case.case("refused out: by rule, before the destination hears of it")
def _(lab):
    g = lab.guest(name="vault-1")
    p = lab.between()
    lab.fails(g, REFUSED_LOCAL, "no-vault.*the vault stays where it is",
              within=SOON)
    equal(len(p.sessions), 0, "connections made")


@case.case("refused out by default: no rule allows")
def _(lab):
    g = lab.guest(name="nobodys-1")
    lab.fails(g, REFUSED_LOCAL, "default-deny", within=SOON)


@case.case("refused in: the other host's rule is named")
def _(lab):
    g = lab.guest(name="ghost-1")
    lab.fails(g, REFUSED_REMOTE, "no-ghosts.*ghosts stay outside",
              within=SOON)
    xl_never_started(lab.b)
    check(lab.b.logged("no-ghosts"), "B does not log its rule")


@case.case("refused, then allowed: nothing stays locked")
def _(lab):
    g = lab.guest(name="ghost-2")
    lab.fails(g, REFUSED_REMOTE)
    site_setup.policy(lab.b, site_setup.RULES.replace('name="ghost-*"/></rule',
                                                      'name="zz"/></rule'))
    try:
        lab.succeeds(g)
    finally:
        site_setup.policy(lab.b)


BAD = {
    "unsigned": lambda h: os.unlink(h.etc + "/policy.xml.minisig"),
    "changed after signing": lambda h: append(h.etc + "/policy.xml", "\n"),
    "missing": lambda h: os.unlink(h.etc + "/policy.xml"),
    "without the site's public key": lambda h: os.unlink(
        h.etc + "/policy.pub"),
    "expired": lambda h: site_setup.policy(
        h, attributes=' not-after="2020-01-01T00:00:00Z"'),
    "not yet valid": lambda h: site_setup.policy(
        h, attributes=' not-before="2098-01-01T00:00:00Z"'),
    "not of the schema": lambda h: site_setup.policy(
        h, rules='<rule id="x" effect="perhaps" action="migrate-out"/>',
        unseen=True),
    "not XML": lambda h: rewrite(h, "hello\n"),
    "with a DOCTYPE": lambda h: rewrite(
        h, '<!DOCTYPE policy [<!ENTITY a "b">]>\n', keep=True),
    "signed by another key": lambda h: other_signer(h),
    "writable by others": lambda h: os.chmod(h.etc + "/policy.xml", 0o666),
}


def append(path, text):
    with open(path, "a") as f:
        f.write(text)


def rewrite(h, text, keep=False):
    path = h.etc + "/policy.xml"
    with open(path) as f:
        old = f.read()
    if keep:
        head, rest = old.split("\n", 1)
        text = head + "\n" + text + rest
    with open(path, "w") as f:
        f.write(text)
    site_setup.sign_unseen(h)


def other_signer(h):
    """The other host's administrator signs the same document."""
    o = [x for x in h.lab.hosts if x is not h][0]
    with open(h.etc + "/policy.xml") as f:
        text = f.read()
    for name in ("policy.xml", "policy.xml.minisig"):
        with open(o.etc + "/" + name) as f:
            h.lab.restore.append((o.etc + "/" + name, f.read()))
    with open(o.etc + "/policy.xml", "w") as f:
        f.write(text)
    site_setup.sign_policy(o)
    os.replace(o.etc + "/policy.xml.minisig", h.etc + "/policy.xml.minisig")
    h.lab.put_back()


def with_bad_policy(h, what, then):
    """Do `then` while the host's policy is bad in that way."""
    saved = {}
    for n in ("policy.xml", "policy.xml.minisig", "policy.pub"):
        with open(h.etc + "/" + n) as f:
            saved[n] = f.read()
    daemon, h.daemon = h.daemon, None       # nobody to be told yet
    try:
        BAD[what](h)
        h.daemon = daemon
        then()
    finally:
        daemon = daemon if h.daemon is None else h.daemon
        for n, text in saved.items():
            path = h.etc + "/" + n
            with open(path, "w") as f:
                f.write(text)
            os.chmod(path, 0o644)
        # a good one, newer than any that was seen
        h.daemon = None
        site_setup.policy(h)
        h.daemon = daemon


def bad_at_start(lab, h, what):
    g = lab.guest()

    def then():
        h.stop()
        h.start()
        if h is lab.a:
            lab.fails(g, POLICY, "polic|expired|valid|sign", within=SOON)
        else:
            # no guest could come: the host key is not even unsealed, so
            # nobody can be told by whom or why
            lab.fails(g, LINK, "its log says why", within=SOON)
            check(h.logged("closed: the policy lets no guest in"),
                  "not logged: " + h.log())
            check("released" not in h.log(), "the host key was released")
        xl_never_started(lab.b)
    with_bad_policy(h, what, then)
    h.reload()
    check(h.logged("in force"), "the good policy is not taken on SIGHUP")
    lab.succeeds(g)


for _what in BAD:
    @case.case("policy of the source %s" % _what)
    def _(lab, what=_what):
        bad_at_start(lab, lab.a, what)

for _what in ("unsigned", "missing", "expired", "signed by another key"):
    @case.case("policy of the destination %s" % _what)
    def _(lab, what=_what):
        bad_at_start(lab, lab.b, what)


@case.case("a bad policy on SIGHUP: said aloud, the old one stays")
def _(lab):
    g = lab.guest()

    def then():
        lab.b.mark_log()
        lab.b.reload()
        check(lab.b.logged("(?i)(not taken|old one|signature)"),
              "nothing said: " + lab.b.log())
        lab.succeeds(g)
    with_bad_policy(lab.b, "changed after signing", then)


@case.case("a policy that expires while the daemon runs denies from then on")
def _(lab):
    end = time.time() + 6
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    try:
        site_setup.policy(lab.b, attributes=' not-after="%s"' % text)
        g = lab.guest()
        lab.succeeds(g)
        lab.succeeds(g, lab.b, "hostA")
        time.sleep(max(0, end + 1.1 - time.time()))
        lab.fails(g, (POLICY, REFUSED_REMOTE), "expired", within=SOON)
    finally:
        site_setup.policy(lab.b)


# ---- the guest ----

@case.case("nomigrate")
def _(lab):
    g = lab.guest(nomigrate=True)
    lab.fails(g, NOMIGRATE, "nomigrate", within=SOON)


@case.case("no such domain; a uuid or name that is not the domain's")
def _(lab):
    g = lab.guest()
    m = host.Migration(lab.a, 999, "hostB")
    lab.senders.append(m)
    equal(m.wait()["code"], NO_DOMAIN, "code")
    lab.fails(g, MISMATCH, within=SOON,
              uuid="11111111-2222-3333-4444-555555555555")
    lab.fails(g, MISMATCH, within=SOON, name="guest-other")
    xl_never_started(lab.b)


@case.case("a config that names another guest than the domain's")
def _(lab):
    g = lab.guest()
    import json
    conf = host.fakexen.make_config("guest-other", g.uuid)
    with tempfile.NamedTemporaryFile("w", dir=lab.dir) as f:
        json.dump(conf, f)
        f.flush()
        lab.fails(g, MISMATCH, within=SOON, config=f.name)
    xl_never_started(lab.b)


@case.case("destination short of memory")
def _(lab):
    g = lab.guest()
    lab.b.set_free(1000)
    try:
        lab.fails(g, NO_MEMORY, within=SOON)
    finally:
        lab.b.set_free(4 << 20)
    xl_never_started(lab.b)
    lab.succeeds(g)


def runs_xen(h, major, minor):
    h.control(secmig_xl={"config": {"xen": [major, minor]}})


@case.case("destination with an older Xen: refused, with both versions")
def _(lab):
    g = lab.guest()
    for here, there in (((4, 17), (4, 16)), ((4, 17), (4, 9)),
                        ((5, 0), (4, 18))):
        runs_xen(lab.a, *here)
        runs_xen(lab.b, *there)
        out = lab.fails(g, XEN_VERSION, r"Xen %d\.%d\b" % here, within=SOON)
        check("Xen %d.%d," % there in out["text"] and "upgrade hostB" in
              out["text"], out["text"])
        xl_never_started(lab.b)
        asked = [e["argv"][0] for e in lab.b.events("secmig-xl", "argv")]
        check("config" in asked and "room" not in asked, "asked: %s" % asked)
        check(lab.b.logged("vm=%s .*code=33 rule=xen-version" % g.name),
              "not in the log of hostB")
    equal(lab.a.records(g) + lab.b.records(g), [], "journals")
    # which is upgraded, and from now on no guest comes back
    runs_xen(lab.b, 5, 0)
    runs_xen(lab.a, 4, 17)
    lab.succeeds(g)
    lab.fails(g, XEN_VERSION, "upgrade hostA", within=SOON, src=lab.b,
              dst="hostA")


@case.case("a version of Xen that cannot be read, or is none: refused")
def _(lab):
    g = lab.guest()
    for h in (lab.a, lab.b):
        h.control(secmig_xl={"config": {"exit": XEN_VERSION}})
        lab.fails(g, XEN_VERSION, "xen-version: .*%s cannot be read" % h.name,
                  within=SOON)
        runs_xen(h, 0, 17)
        lab.fails(g, PROTOCOL, "config", within=SOON)
        h.control()
    xl_never_started(lab.b)


# Some that Xen shows to guests on a processor with AES, and on one without.
BOTH = [0x178bfbff, 0xfdfa3223, 0x2fd3fbff, 0x121, 0xf, 0x219c07ab] + [0] * 10
AES = [BOTH[0], BOTH[1] | 1 << 25] + BOTH[2:]


def processors(h, told, has):
    h.control(secmig_xl={"features": {"told": told}, "fits": {"has": has}})


@case.case("destination with a lesser processor: refused; what both have moves")
def _(lab):
    g = lab.guest()
    processors(lab.a, AES, AES)
    processors(lab.b, BOTH, BOTH)
    out = lab.fails(g, PROCESSOR, "processor: .*lacks features of word 1",
                    within=SOON)
    check("hostB" in out["text"], out["text"])
    xl_never_started(lab.b)
    asked = [e["argv"] for e in lab.b.events("secmig-xl", "argv")]
    equal([a for a in asked if a[0] == "fits"],
          [["fits", "pvh", ":".join("%08x" % word for word in AES)]], "asked")
    check("room" not in [a[0] for a in asked], "asked: %s" % asked)
    check(lab.b.logged("vm=%s .*code=34 rule=processor" % g.name),
          "not in the log of hostB")
    equal(lab.a.records(g) + lab.b.records(g), [], "journals")
    # it has been started anew, with what both have
    processors(lab.a, BOTH, AES)
    lab.succeeds(g)
    lab.succeeds(g, src=lab.b, dst="hostA")


@case.case("processor features that cannot be read, or are none: refused")
def _(lab):
    g = lab.guest()
    lab.a.control(secmig_xl={"features": {"exit": XL}})
    lab.fails(g, XL, "processor: .*cannot be read on hostA", within=SOON)
    processors(lab.a, [0] * 16, AES)
    lab.fails(g, PROTOCOL, "processor: .*cannot be read on hostA", within=SOON)
    lab.a.control()
    lab.b.control(secmig_xl={"fits": {"exit": XL}})
    lab.fails(g, XL, "processor", within=SOON)
    xl_never_started(lab.b)


@case.case("a guest of that name, or half of it, or of that uuid, is there")
def _(lab):
    g = lab.guest()
    for twin in ({"name": g.name}, {"name": g.name + "--incoming"},
                 {"name": "guest-other", "uuid": g.uuid}):
        t = lab.guest(lab.b, running=False, **twin)
        lab.fails_with_twin(g, t, EXISTS)
    xl_never_started(lab.b)
    lab.succeeds(g)


@case.case("the same guest twice at once: one moves, one is told busy")
def _(lab):
    g = lab.guest()
    first = lab.migrate(g, hold="mid")
    first.reached("mid")
    second = lab.migrate(g).wait()
    equal((second["code"], g.where()), (BUSY, [lab.a]), second["text"])
    first.go_on()
    equal(first.wait()["exit"], 0, "the first")
    g.must_run_on(lab.b)


@case.case("secmig-xl fails, hangs, babbles or dies, on either side", 90)
def _(lab):
    for h in (lab.a, lab.b):
        for verb in ("domain", "config", "features", "fits", "room"):
            if h is lab.a and verb in ("fits", "room"):
                continue
            hang = [{"hang": True}] if verb != "domain" else []
            for how in [{"exit": 6}, {"garbage": True}, {"kill": True}] + hang:
                if h is lab.b and verb in ("domain", "features"):
                    continue
                if verb in ("fits", "room") and "garbage" in how:
                    continue            # its text is for people
                g = lab.guest()
                h.control(secmig_xl={verb: how})
                used = lab.migrate(g)
                out = used.wait()
                h.control()
                asked = [e for e in h.events("secmig-xl", "argv")
                         if e["argv"][0] == verb]
                h.clear_events()
                if not asked:
                    equal(out["exit"], 0, "%s %s: %s" % (h.name, verb,
                                                         out["text"]))
                    continue
                check(out["code"] and out["text"], "%s %s %s: %s" % (
                    h.name, verb, how, out))
                g.must_run_on(lab.a)
                xl_never_started(lab.b)


# ---- the client ----

@case.case("garbage on the control socket")
def _(lab):
    g = lab.guest()
    frames = ["00", "ffffffff00010001", "0000000000630001",
              "0000000000010002", "0000000500010001" + "00" * 5,
              "0000000000050001", "0000000000020001",
              "0010100100010001" + "00" * 100, "474554202f0d0a0d0a" * 3]
    for f in frames:
        m = lab.migrate(g, sends=f, wait=2)
        out = m.wait()
        check(out["code"], "accepted: " + f)
        g.must_run_on(lab.a)
    lab.succeeds(g)


@case.case("two hundred idle clients, then a real one")
def _(lab):
    import socket
    idle = []
    for _ in range(200):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(0.2)
        try:
            s.connect(lab.a.sock)
        except OSError:
            s.close()
            break
        idle.append(s)
    procs = len(lab.a.tree())
    check(procs < 120, "%d processes for idle clients" % procs)
    for s in idle:
        s.close()
    g = lab.guest()
    end = time.monotonic() + 5
    while True:
        out = lab.migrate(g).wait()
        if out["exit"] == 0 or time.monotonic() > end:
            break
    equal(out["exit"], 0, out["text"])
    g.must_run_on(lab.b)


@case.case("the control socket is not for everybody")
def _(lab):
    st = os.stat(lab.a.sock)
    equal(st.st_mode & 0o7, 0, "permissions for others")
    equal(st.st_uid, 0, "owner")


class Lab(host.Lab):
    def __init__(self):
        self.restore = []
        super().__init__()

    def put_back(self):
        for path, text in self.restore:
            with open(path, "w") as f:
                f.write(text)
        self.restore.clear()

    def fails_with_twin(self, guest, twin, code):
        """As fails(), where B has a guest of its own in the way."""
        m = self.migrate(guest)
        out = m.wait()
        equal(out["code"], code, out["text"])
        equal([h.name for h in guest.where()], ["hostA"], "runs on")
        check(self.b.find(twin), "the other guest is gone from B")
        for d in self.b.domains():
            if d["uuid"] == twin.uuid:
                host.fakexen.guest_destroy(d["uuid"], d["pid"], self.b.toy)
        with host.fakexen.state(self.b.toy) as st:
            st["domains"] = [d for d in st["domains"]
                             if d["uuid"] != twin.uuid]

    def finish(self, strict):
        self.put_back()
        return super().finish(strict)


if __name__ == "__main__":
    case.main(Lab)
