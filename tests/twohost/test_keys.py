#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""When the host key is where, how it is held, and what becomes of those who
need it: from outside, with the daemon's real processes."""
import contextlib
import ctypes
import os
import re
import resource
import signal
import socket
import subprocess
import time

import case
import host
import memory
import site_setup
from case import Skip, check, equal

STATE, NO_MEMORY, TIMEOUT, LINK, HELPER, REFUSED, SEAL = (
    4, 5, 13, 14, 18, 20, 31)
LIFETIME = 5 * host.SCALE       # seconds: longer than one migration
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
UNLIMITED = (resource.RLIM_INFINITY,) * 2


def keeper(h):
    pids = h.role(host.KEEPER_UID)
    check(pids, h.name + " has no keeper")
    return pids[0]


def nowhere(h, key):
    """No process of the daemon has the key."""
    for p in h.tree():
        form = memory.holds(p, key)
        check(not form, "%s: %d (%s) holds the host key (%s)" % (
            h.name, p, host.cmdline(p), form))


@contextlib.contextmanager
def daemon(h, **settings):
    """The daemon, afresh, with other settings until the end."""
    before = {k: h.settings.get(k.replace("_", "-")) for k in settings}
    h.stop()
    h.configure(**settings)
    h.mark_log()
    h.start()
    try:
        yield h
    finally:
        h.stop()
        h.configure(**before)
        h.start()


@contextlib.contextmanager
def stand_in(h, script):
    """Another program for secmig-vault, which has the real one as $VAULT and
    takes its place for the host key only."""
    path = h.toy + "/vault"
    with open(path, "w") as f:
        f.write("#!/bin/sh\nVAULT=%s/secmig-vault\n"
                'case "$1 $2" in "release host") ;; '
                '*) exec "$VAULT" "$@";; esac\n%s\n' % (host.BUILD, script))
    os.chmod(path, 0o755)
    try:
        with daemon(h, secmig_vault=path):
            yield h
    finally:
        os.unlink(path)


def released(h):
    return h.log().count("host key is released")


def forgotten(h, limit=LIFETIME + host.ROOM):
    check(h.logged("host key is forgotten", limit), "not forgotten: "
          + h.log()[-300:])


# ---- where it is ----

@case.case("no key before the first migration that is allowed",
           limit=60 * host.SCALE)
def _(lab):
    # memories are looked through while a guest is held: that takes its time
    with daemon(lab.a, idle_timeout=60), daemon(lab.b, idle_timeout=60):
        keys = {h: memory.static_key(h) for h in lab.hosts}
        for h in lab.hosts:
            nowhere(h, keys[h])
        # one that is refused here needs none
        lab.fails(lab.guest(name="vault-1"), REFUSED, "no-vault")
        for h in lab.hosts:
            equal(released(h), 0, h.name + ": releases")
            nowhere(h, keys[h])
        g = lab.guest()
        m = lab.migrate(g, hold="mid", size=2 << 20)
        m.reached("mid")
        for h in lab.hosts:
            equal(released(h), 1, h.name + ": releases")
            check(memory.has(keeper(h), keys[h]), "%s: not found in the "
                  "keeper: the search sees nothing" % h.name)
            for p in h.tree():
                if p != keeper(h):
                    check(not memory.holds(p, keys[h]), "%s: %d (%s) holds "
                          "the host key" % (h.name, p, host.cmdline(p)))
        m.go_on()
        equal(m.wait()["exit"], 0, "exit")
        g.must_run_on(lab.b)
        # for the daemon's life
        lab.succeeds(g, lab.b, "hostA")
        for h in lab.hosts:
            equal(released(h), 1, h.name + ": releases")


@case.case("after key-lifetime it is gone, in every form; and comes again",
           limit=60 * host.SCALE)
def _(lab):
    with daemon(lab.a, key_lifetime=LIFETIME, idle_timeout=60):
        key = memory.static_key(lab.a)
        g = lab.guest()
        for n in (1, 2):
            lab.a.mark_log()
            src, dst = (lab.a, "hostB") if n == 1 else (lab.b, "hostA")
            lab.succeeds(g, src, dst)
            check(memory.has(keeper(lab.a), key), "never there")
            forgotten(lab.a)
            nowhere(lab.a, key)
            equal(released(lab.a), 1, "releases")


@case.case("several at once: it is released once, and all have it")
def _(lab):
    with daemon(lab.a):
        guests = [lab.guest() for _ in range(4)]
        moves = [lab.migrate(g) for g in guests]
        for m, g in zip(moves, guests):
            equal(m.wait()["exit"], 0, "exit")
            g.must_run_on(lab.b)
        equal(released(lab.a), 1, "releases")


@case.case("a stranger's connection has it released only where a guest could "
           "come")
def _(lab):
    out_only = site_setup.RULES.split('<rule id="lab-in"')[0]
    try:
        with daemon(lab.b):
            site_setup.policy(lab.b, rules=out_only)
            lab.b.mark_log()
            g = lab.guest()
            lab.fails(g, LINK, "its log says why")
            check(lab.b.logged("closed: the policy lets no guest in"),
                  lab.b.log())
            equal(released(lab.b), 0, "releases")
            nowhere(lab.b, memory.static_key(lab.b))
            site_setup.policy(lab.b)
            lab.succeeds(g)
            equal(released(lab.b), 1, "releases")
    finally:
        site_setup.policy(lab.b)


def counted(h):
    """A vault that writes down each start for the host key."""
    return stand_in(h, "echo start >>%s/starts\nexec $VAULT \"$@\""
                    % h.toy)


def starts(h):
    try:
        with open(h.toy + "/starts") as f:
            return len(f.readlines())
    except FileNotFoundError:
        return 0


def stranger(h, data, limit, leave=False):
    """Connect, say that, and wait for what comes until the other side
    closes (or leave at once).  What came."""
    got = b""
    with socket.create_connection(h.address, timeout=limit) as s:
        s.sendall(data)
        if leave:
            return None
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    return got
                got += more
                if len(got) == host.MESSAGES["in", 0] - extra(data):
                    return got
        except ConnectionResetError:
            return got
        except TimeoutError:
            raise AssertionError("not closed in %d s: %r" % (limit, data))


def extra(data):
    """What our message 2 has more in the post-quantum handshake, which that
    message 1 did not ask for."""
    return 1088 + 16 if host.post_quantum() and len(data) == 2 + 32 else 0


def message1(point, kem=b""):
    return (len(point) + len(kem)).to_bytes(2, "big") + point + kem


LOW_ORDER = [bytes(32), b"\1" + bytes(31), bytes.fromhex(
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224ed"
                  "dd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffff"
                  "ffffffff7f"),
    bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffff"
                  "ffffffff7f"),
    bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffff"
                  "ffffffff7f")]


@case.case("strangers that say nothing, rubbish, half a message 1, or one with "
           "a low-order point: no vault is started; for a whole one it is",
           limit=60 * host.SCALE)
def _(lab):
    good = os.urandom(32)
    silent = host.DEADLINES["handshake-timeout"] + host.ROOM
    with counted(lab.b):
        key = memory.static_key(lab.b)
        for data in (b"", message1(good)[:20]):
            stranger(lab.b, data, silent, leave=True)
            equal(stranger(lab.b, data, silent), b"", "answer to silence")
        rubbish = [b"GET / HTTP/1.1\r\n\r\n", bytes(4096),
                   b"\xff" * 4096, message1(b""), message1(good + b"x"),
                   message1(good, bytes(1183)), os.urandom(3000)]
        rubbish += [message1(p) for p in LOW_ORDER]
        if host.post_quantum():
            rubbish += [message1(good, b"\xff" * 1184),
                        message1(bytes(32), bytes(1184))]
        for data in rubbish:
            equal(stranger(lab.b, data, silent), b"",
                  "answer to " + data.hex()[:80])
        equal(starts(lab.b), 0, "starts of the vault")
        equal(released(lab.b), 0, "releases")
        nowhere(lab.b, key)
        check("handshake message 1 is not ours" in lab.b.log(),
              lab.b.log()[-300:])
        got = stranger(lab.b, message1(good), silent)
        equal(len(got), host.MESSAGES["in", 0] - extra(message1(good)),
              "bytes of message 2")
        equal(starts(lab.b), 1, "starts of the vault")
        lab.succeeds(lab.guest())
        equal(starts(lab.b), 1, "starts of the vault")


@case.case("a stranger that leaves while the key is released; a vault that "
           "fails for it: the next guest comes")
def _(lab):
    with stand_in(lab.b, "sleep 0.5\nexec $VAULT \"$@\""):
        stranger(lab.b, message1(os.urandom(32)), 5, leave=True)
        check(lab.b.logged("host key is released"), lab.b.log()[-300:])
        lab.succeeds(lab.guest())
    with stand_in(lab.b, "echo >>%s/starts; [ -e %s/fail ] && exit 0\n"
                  "exec $VAULT \"$@\"" % (lab.b.toy, lab.b.toy)):
        with open(lab.b.toy + "/fail", "w"):
            pass
        before = starts(lab.b)
        for _ in range(3):
            equal(stranger(lab.b, message1(os.urandom(32)), 5), b"",
                  "answer")
        equal(starts(lab.b), before + 1, "starts of the vault")
        check(lab.b.logged("closed: this host's key cannot be used"),
              lab.b.log()[-300:])
        check("could not be used a moment ago" in lab.b.log(),
              lab.b.log()[-300:])
        os.unlink(lab.b.toy + "/fail")
        lab.b.reload()
        check(lab.b.logged("in force"), "no reload")
        lab.succeeds(lab.guest())


# ---- how it is held ----

@case.case("locked memory that no core dump takes, and which comes back")
def _(lab):
    if host.SANITIZED:
        raise Skip("AddressSanitizer's mlock(2) locks nothing")
    with daemon(lab.a, key_lifetime=LIFETIME):
        def locked():
            return int(host.proc_status(keeper(lab.a))["VmLck"].split()[0])
        before = locked()
        check(before > 0, "the store key is not in locked memory")
        lab.succeeds(lab.guest())
        during = locked()
        check(during > before, "VmLck %d kB, before %d kB" % (during, before))
        where = memory.find(keeper(lab.a), memory.static_key(lab.a))
        check(where, "not found")
        flags = memory.flags(keeper(lab.a), where)
        for flag in ("lo", "dd"):
            check(flag in flags, "%s is not among the flags %s" % (flag,
                                                                   flags))
        forgotten(lab.a)
        equal(locked(), before, "VmLck, kB")


@case.case("no memory to lock: refused, and why")
def _(lab):
    if host.SANITIZED:
        raise Skip("AddressSanitizer's mlock(2) never fails")
    lab.a.stop()
    try:
        p = subprocess.run(
            [host.BUILD + "/secmigd", "--root", lab.a.root],
            capture_output=True, text=True, timeout=20,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK,
                                                  (8192, 8192)))
        equal(p.returncode, NO_MEMORY, "exit code: " + p.stderr[-300:])
        lines = [x for x in p.stderr.splitlines() if "MEMLOCK" in x]
        equal(len(lines), 1, "lines on it")
        check("8 KiB" in lines[0] and "LimitMEMLOCK" in lines[0], lines[0])
    finally:
        lab.a.start()


def as_keeper(what):
    """Run `what` in a process of the keeper's user; what it returns."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(*[host.KEEPER_UID] * 3)
            os.setresuid(*[host.KEEPER_UID] * 3)
            os.write(w, repr(what()).encode())
        except BaseException as e:
            os.write(w, repr("died of %r" % e).encode())
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return eval(text)                           # our own repr()


def attach(pid):
    """0 when it can be traced, else the errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, pid, None, None):
        return ctypes.get_errno()
    os.waitpid(pid, 0x40000000)                 # __WALL
    libc.ptrace(PTRACE_DETACH, pid, None, None)
    return 0


def opens(path):
    try:
        open(path, "rb").close()
        return 0
    except OSError as e:
        return e.errno


@case.case("its own user can neither trace the keeper nor read its memory; "
           "root can")
def _(lab):
    pid = keeper(lab.a)
    other = subprocess.Popen(["sleep", "30"], user=host.KEEPER_UID,
                             group=host.KEEPER_UID, extra_groups=[])
    try:
        time.sleep(0.2)
        if as_keeper(lambda: attach(other.pid)):
            raise Skip("no process may trace another of its user here")
        equal(as_keeper(lambda: opens("/proc/%d/mem" % other.pid)), 0,
              "memory of an ordinary process")
    finally:
        other.kill()
        other.wait()
    equal(as_keeper(lambda: attach(pid)), 1, "errno of PTRACE_ATTACH")
    for f in ("mem", "maps", "environ", "fd"):
        path = "/proc/%d/%s" % (pid, f)
        errno = as_keeper(lambda: opens(path) if f != "fd" else
                          0 if os.access(path, os.R_OK) else 13)
        check(errno in (1, 13), "%s: errno %s" % (path, errno))
    # which docs/trust.md says: nothing keeps dom0's root out
    equal(attach(pid), 0, "root: errno of PTRACE_ATTACH")


@contextlib.contextmanager
def cores(lab):
    """A directory to which this machine writes core dumps."""
    path = "/proc/sys/kernel/core_pattern"
    into = lab.dir + "/cores"
    os.makedirs(into, exist_ok=True)
    os.chmod(into, 0o777)
    with open(path) as f:
        before = f.read()
    try:
        with open(path, "w") as f:
            f.write(into + "/core.%p")
    except OSError as e:
        raise Skip("core_pattern cannot be set here: %s" % e)
    try:
        yield into
    finally:
        with open(path, "w") as f:
            f.write(before)
        for n in os.listdir(into):
            os.unlink(into + "/" + n)


def crash(pid, sig):
    os.kill(pid, sig)
    check(host.wait_until(lambda: not os.path.exists("/proc/%d" % pid), 5),
          "%d lives" % pid)


def no_core(lab, raised):
    """The keeper is made to crash with the key in its memory."""
    with cores(lab) as into:
        other = subprocess.Popen(
            ["sleep", "30"], user=host.KEEPER_UID, group=host.KEEPER_UID,
            extra_groups=[], cwd="/",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE,
                                                  UNLIMITED))
        time.sleep(0.2)
        other.send_signal(signal.SIGSEGV)
        other.wait()
        if not host.wait_until(lambda: os.listdir(into), 3):
            raise Skip("no process leaves a core here")
        os.unlink(into + "/" + os.listdir(into)[0])
        for sig in (signal.SIGSEGV, signal.SIGABRT):
            lab.succeeds(lab.guest())
            pid = keeper(lab.a)
            check(memory.has(pid, memory.static_key(lab.a)), "no key")
            if raised:
                try:
                    resource.prlimit(pid, resource.RLIMIT_CORE, UNLIMITED)
                except PermissionError:
                    raise Skip("root may not raise limits here "
                               "(CAP_SYS_RESOURCE)")
            crash(pid, sig)
            lab.a.daemon.wait(10)
            time.sleep(0.3)
            equal(os.listdir(into), [], "cores (signal %d)" % sig)
            lab.a.daemon = None
            lab.a.start()


@case.case("a keeper that crashes leaves no core")
def _(lab):
    no_core(lab, False)


@case.case("... even if somebody has raised its limit: it is not dumpable")
def _(lab):
    no_core(lab, True)


# ---- what survives ----

@case.case("a running migration survives the key's end, a reload, rotation")
def _(lab):
    # the stream stands still for longer than it usually may
    with daemon(lab.a, key_lifetime=1, finish_timeout=30), \
            daemon(lab.b, finish_timeout=30):
        key = memory.static_key(lab.a)
        g = lab.guest()
        m = lab.migrate(g, hold="mid", size=4 << 20)
        m.reached("mid")
        forgotten(lab.a)
        nowhere(lab.a, key)
        lab.a.reload()
        check(lab.a.logged("in force"), "no reload")
        line = rotate(lab.a, lab.b)
        lab.a.mark_log()
        lab.a.reload()
        check(lab.a.logged("this host's key is .* from now on"), lab.a.log())
        m.go_on()
        equal(m.wait()["exit"], 0, "exit")
        g.must_run_on(lab.b)
        # and the next one has the next key
        lab.succeeds(g, lab.b, "hostA")
        check(memory.static_key(lab.a) != key, "the same key: " + line)
        lab.b.secmig("trust", "retire", "hostA")
        lab.succeeds(g)


def rotate(h, other):
    """The next key becomes the current one; the other host knows it."""
    out = h.secmig("key", "rotate", "--prepare").stdout
    print_ = re.search(r"([0-9A-Z]{5}-){4}[0-9A-Z]{5}", out).group(0)
    with open(h.etc + "/next-host.pub") as f:
        line = f.read()
    p = subprocess.run([host.BUILD + "/secmig", "--root", other.root,
                        "trust", "next", "--fingerprint", print_, h.name],
                       input=line, text=True,
                       capture_output=True, timeout=30)
    equal(p.returncode, 0, "trust next: " + p.stderr)
    h.secmig("key", "rotate", "--activate")
    return line


@case.case("a handshake ends with the key that it began with")
def _(lab):
    """Message 2 is held back until the source has another key."""
    with daemon(lab.a):
        old = memory.static_key(lab.a)
        held = []

        def attack(session, frame):
            if frame.direction == "in" and frame.index == 0 and not held:
                held.append(frame)
                rotate(lab.a, lab.b)
                lab.a.mark_log()
                lab.a.reload()
                check(lab.a.logged("from now on"), lab.a.log())
                # forgotten, but for this handshake
                check(memory.has(keeper(lab.a), old), "gone too early")
            return None
        lab.between(attack)
        g = lab.guest()
        lab.succeeds(g)
        check(held, "nothing was held")
        check(host.wait_until(
            lambda: not memory.holds(keeper(lab.a), old), 5),
            "the old key stays")
        nowhere(lab.a, old)
        lab.b.secmig("trust", "retire", "hostA")
        lab.succeeds(g, lab.b, "hostA")


@case.case("activated, but not reloaded: said, and reload is the way")
def _(lab):
    with daemon(lab.a):
        rotate(lab.a, lab.b)
        g = lab.guest()
        lab.fails(g, STATE, "not the one of host.pub.*reload")
        lab.a.reload()
        check(lab.a.logged("from now on"), lab.a.log())
        lab.succeeds(g)
        lab.b.secmig("trust", "retire", "hostA")


@case.case("host.pub unreadable at a reload: the key of before stays")
def _(lab):
    path = lab.a.etc + "/host.pub"
    with open(path) as f:
        good = f.read()
    with daemon(lab.a):
        lab.a.mark_log()
        try:
            with open(path, "w") as f:
                f.write("nonsense\n")
            lab.a.reload()
            check(lab.a.logged("key is not read again: .*host.pub"),
                  lab.a.log())
        finally:
            with open(path, "w") as f:
                f.write(good)
        lab.succeeds(lab.guest())


# ---- what goes wrong ----

@case.case("a passphrase that is wrong later: refused, and no end of it")
def _(lab):
    """Sealed with a passphrase, so that it is asked for each time."""
    name = lab.dir + "/passphrase"

    def write(text):
        with open(name, "w") as f:
            f.write(text + "\n")
        os.chmod(name, 0o600)
    write("the right one, long enough")
    lab.a.stop()
    saved = {}
    for f in ("/host-key.sealed", "/store-key.sealed"):
        with open(lab.a.var + f, "rb") as o:
            saved[f] = o.read()
    try:
        lab.a.secmig("seal", "move", "--to", "passphrase",
                     "--passphrase-file", name)
        lab.a.configure(seal="passphrase", passphrase_file=name,
                        key_lifetime=1)
        lab.a.start()
        lab.a.mark_log()
        g = lab.guest()
        write("the wrong one, long enough")
        lab.fails(g, SEAL, "host-key.sealed.*passphrase")
        write("the right one, long enough")
        lab.succeeds(g)
        # coming back, it is the destination that cannot; strangers are not
        # let near the seal again so soon
        check(lab.a.logged("forgotten"), "not forgotten")
        write("the wrong one, long enough")
        lab.a.mark_log()
        for n in range(3):
            lab.fails(g, LINK, "its log says why", src=lab.b, dst="hostA",
                      stays=lab.b)
        equal(lab.a.log().count("host key: "), 1, "tries")
        check("could not be used a moment ago" in lab.a.log(), lab.a.log())
        write("the right one, long enough")
        lab.a.reload()
        check(lab.a.logged("in force"), lab.a.log())
        lab.succeeds(g, lab.b, "hostA")
    finally:
        lab.a.stop()
        for f, data in saved.items():
            with open(lab.a.var + f, "wb") as o:
                o.write(data)
        lab.a.configure(seal="plain", passphrase_file=None,
                        key_lifetime=None)
        lab.a.start()


BAD = {
    "dies": ("kill -SEGV $$", HELPER, "signal 11"),
    "says nothing": ("exit 0", HELPER, "broke the rules"),
    "babbles": ("head -c 100000 /dev/zero", HELPER, "secmig-vault"),
    "says yes and sends nothing": (r"printf '\0\0\0\0\0\0'", HELPER,
                                   "sent no key"),
    "sends another key": (
        r"""printf '\0\0\0\0\0\0'; exec python3 -c 'import socket; """
        r"""socket.socket(fileno=3).send(b"k" * 32)'""", STATE,
        "not the one of host.pub"),
    "sends too much": (
        r"""printf '\0\0\0\0\0\0'; exec python3 -c 'import socket; """
        r"""socket.socket(fileno=3).send(b"k" * 33)'""", HELPER,
        "sent no key"),
    "hangs": ("exec sleep 60", TIMEOUT, "no answer in 1 s"),
}
for _what, _bad in BAD.items():
    @case.case("a vault that %s: the guest stays, the daemon goes on" % _what)
    def _(lab, bad=_bad):
        script, code, text = bad
        lab.a.settings["tpm-timeout"] = 1
        try:
            with stand_in(lab.a, script):
                pid = lab.a.daemon.pid
                g = lab.guest()
                lab.fails(g, code, text, within=host.SOON)
                equal(lab.a.daemon.poll(), None, "the daemon")
                with open(lab.a.toy + "/vault", "w") as f:
                    f.write("#!/bin/sh\nexec %s/secmig-vault \"$@\"\n"
                            % host.BUILD)
                lab.succeeds(g)
                equal(lab.a.daemon.pid, pid, "the daemon")
        finally:
            del lab.a.settings["tpm-timeout"]


if __name__ == "__main__":
    case.main(host.Lab)
