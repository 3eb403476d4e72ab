#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proof of the processes' fences, from outside: /proc of the real processes
during a real migration, their memory, and system calls."""
import os
import re
import signal
import subprocess
import time

import case
import host
import memory
from case import Skip, check, equal

ROLES = {"peer": host.PEER_UID, "keeper": host.KEEPER_UID,
         "control": host.CONTROL_UID}


def moving(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="mid", size=2 << 20)
    m.reached("mid")
    return g, m


def finish(lab, g, m):
    m.go_on()
    equal(m.wait()["exit"], 0, "exit")
    g.must_run_on(lab.b)


def all_roles(lab):
    """(host, role, pid) of each process that serves a migration."""
    out = []
    for h in lab.hosts:
        for role, uid in ROLES.items():
            if role == "control" and h is lab.b:
                continue
            pids = h.role(uid)
            check(pids, "%s has no %s process" % (h.name, role))
            out += [(h, role, p) for p in pids]
    return out


@case.case("uids, groups, capabilities, NoNewPrivs, seccomp")
def _(lab):
    g, m = moving(lab)
    for h, role, pid in all_roles(lab):
        st = host.proc_status(pid)
        who = "%s's %s: " % (h.name, role)
        uid = str(ROLES[role])
        equal(st["Uid"].split(), [uid] * 4, who + "uids")
        equal(st["Gid"].split(), [uid] * 4, who + "gids")
        equal(st["Groups"].split(), [], who + "groups")
        equal(st["NoNewPrivs"], "1", who + "NoNewPrivs")
        equal(st["Seccomp"], "2", who + "Seccomp")
        for cap in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            equal(int(st[cap], 16), 0, who + cap)
        equal(st["Threads"], "1", who + "threads")
    finish(lab, g, m)


@case.case("an empty root that cannot be written")
def _(lab):
    g, m = moving(lab)
    for h, role, pid in all_roles(lab):
        who = "%s's %s: " % (h.name, role)
        root = "/proc/%d/root" % pid
        equal(os.path.realpath(os.readlink(root)), h.var + "/empty",
              who + "root")
        equal(os.listdir(root + "/"), [], who + "in its root")
        st = os.stat(root + "/")
        equal((st.st_uid, st.st_mode & 0o022), (0, 0), who + "root's owner")
        cwd = os.readlink("/proc/%d/cwd" % pid)
        equal(os.path.realpath(cwd), h.var + "/empty", who + "cwd")
    finish(lab, g, m)


@case.case("limits: no core, no processes, few files")
def _(lab):
    g, m = moving(lab)
    for h, role, pid in all_roles(lab):
        who = "%s's %s: " % (h.name, role)
        with open("/proc/%d/limits" % pid) as f:
            limits = {line[:25].strip(): line[26:].split()[:2]
                      for line in f}
        equal(limits["Max core file size"], ["0", "0"], who + "core")
        equal(limits["Max processes"], ["0", "0"], who + "processes")
        check(int(limits["Max open files"][1]) <= 256, who + "files")
        # not dumpable: /proc/PID belongs to root, whatever its uid
        equal(os.stat("/proc/%d/mem" % pid).st_uid, 0, who + "dumpable")
    with open("/proc/%d/limits" % lab.a.daemon.pid) as f:
        check(re.search(r"Max core file size\s+0\s+0", f.read()),
              "the parent may dump core")
    finish(lab, g, m)


@case.case("descriptors: each process has what its job needs")
def _(lab):
    g, m = moving(lab)
    for h, role, pid in all_roles(lab):
        who = "%s's %s: " % (h.name, role)
        d = "/proc/%d/fd" % pid
        links = {f: os.readlink(d + "/" + f) for f in os.listdir(d)}
        files = [x for x in links.values() if x.startswith("/")
                 and x not in ("/dev/null", h.log_path)]
        equal(files, [], who + "files")
        check(len(links) < 16, who + "descriptors: %s" % links)
        tcp = tcp_inodes()
        has = [x for x in links.values()
               if x.startswith("socket:[") and x[8:-1] in tcp]
        equal(len(has), 1 if role == "peer" else 0,
              who + "network sockets: %s" % links)
    finish(lab, g, m)


def tcp_inodes():
    """Inodes of all TCP sockets here."""
    with open("/proc/net/tcp") as f:
        return {line.split()[9] for line in f.readlines()[1:]}


@case.case("the parent holds no connection's data: it never reads one")
def _(lab):
    """While a guest moves, the parents' system calls are recorded: no read
    from a TCP connection, no byte of the stream."""
    if subprocess.run(["sh", "-c", "command -v strace"],
                      stdout=subprocess.DEVNULL).returncode:
        raise Skip("no strace here")
    logs = []
    tracers = []
    for h in lab.hosts:
        log = lab.dir + "/" + h.name + ".strace"
        logs.append(log)
        t = subprocess.Popen(
            ["strace", "-yy", "-s", "64", "-o", log, "-e",
             "trace=read,readv,recvfrom,recvmsg,pread64,splice,recvmmsg,"
             "preadv,accept4,accept,io_uring_enter",
             "-p", str(h.daemon.pid)], stderr=subprocess.PIPE, text=True)
        check("attached" in t.stderr.readline(), "strace does not attach")
        tracers.append(t)
    try:
        g = lab.guest()
        lab.succeeds(g, marker="PARENT-MUST-NOT-SEE", size=1 << 20)
    finally:
        for t in tracers:
            t.send_signal(signal.SIGINT)
            t.wait(5)
            t.stderr.close()
    accepted = 0
    for log in logs:
        with open(log) as f:
            text = f.read()
        check(text, "nothing recorded")
        accepted += len(re.findall(r"^accept4?\(.*TCP", text, re.M))
        for line in text.splitlines():
            call = line.split("(")[0]
            if call.startswith("accept"):
                continue
            check("TCP" not in line.split(",")[0], "the parent reads: "
                  + line[:200])
            check("PARENT-MUST-NOT-SEE" not in line, "the parent saw it")
        os.unlink(log)
    check(accepted, "no TCP connection seen: the check sees nothing")


@case.case("the static key is in the keeper's memory and nowhere else")
def _(lab):
    g, m = moving(lab)
    for h in lab.hosts:
        key = memory.static_key(h)
        keeper = h.role(host.KEEPER_UID)[0]
        check(memory.has(keeper, key), "not found in the keeper: the search "
              "sees nothing")
        for p in h.tree():
            if p != keeper:
                check(not memory.has(p, key), "%s: %d (%s) holds the static "
                      "key" % (h.name, p, host.cmdline(p)))
    finish(lab, g, m)


@case.case("the key is not in any file, argument or environment")
def _(lab):
    for h in lab.hosts:
        key = memory.static_key(h)
        forms = [key, key.hex().encode()]
        for p in h.tree():
            for part in ("cmdline", "environ"):
                with open("/proc/%d/%s" % (p, part), "rb") as f:
                    data = f.read()
                for k in forms:
                    check(k not in data, "in %s of %d" % (part, p))
        for d, _, names in os.walk(h.root):
            for n in names:
                path = os.path.join(d, n)
                if n == "host-key.sealed" or not os.path.isfile(path):
                    continue
                with open(path, "rb") as f:
                    data = f.read()
                for k in forms:
                    check(k not in data, "in " + path)
        with open(h.log_path, "rb") as f:
            data = f.read()
        for k in forms:
            check(k not in data, "in the log")
        st = os.stat(h.var + "/host-key.sealed")
        equal((st.st_mode & 0o777, st.st_uid), (0o600, 0), "mode of the key")


@case.case("plain storage is warned about at every start")
def _(lab):
    lab.a.stop()
    lab.a.start()
    check(lab.a.logged("(?i)plain"), "no warning in: " + lab.a.log())


@case.case("a forbidden system call kills the role")
def _(lab):
    """A process of each role is made to call open(2): it must die of
    SIGSYS.  gdb makes the call; without it there is no such test here."""
    if subprocess.run(["sh", "-c", "command -v gdb"],
                      stdout=subprocess.DEVNULL).returncode:
        raise Skip("no gdb here")
    if host.SANITIZED:
        raise Skip("the sanitizer's runtime may open files")
    g, m = moving(lab)
    keeper = lab.a.role(host.KEEPER_UID)[0]
    subprocess.run(["gdb", "-p", str(keeper), "-batch", "-ex",
                    'call (int)open("/etc/passwd",0)'],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=30)
    died = host.wait_until(lambda: not os.path.exists("/proc/%d" % keeper),
                           5)
    check(died, "the keeper lives")
    lab.a.daemon.wait(5)
    m.go_on()
    m.wait()
    lab.a.daemon = None
    lab.a.start()


@case.case("xl runs as root without anything of ours")
def _(lab):
    lab.b.control(xl={"hang-at": "config"})
    g = lab.guest()
    m = lab.migrate(g)
    check(host.wait_until(lambda: lab.b.events("xl", "hangs"),
                          2 * host.SOON), "no xl")
    pid = lab.b.events("xl", "hangs")[0]["pid"]
    st = host.proc_status(pid)
    equal(st["Uid"].split()[0], "0", "uid")
    equal(st["Seccomp"], host.proc_status(os.getpid())["Seccomp"],
          "seccomp")
    equal(int(st["SigBlk"], 16), 0, "blocked signals")
    # Python's own in the toy xl (SIGPIPE, SIGXFSZ), and 32 and 33, which
    # libc keeps for itself and lets nobody set
    own = {signal.SIGPIPE, signal.SIGXFSZ, 32, 33}
    equal(int(st["SigIgn"], 16) & ~sum(1 << (s - 1) for s in own), 0,
          "ignored signals")
    check(st["NoNewPrivs"] == "0", "no new privileges")
    m.wait()
    time.sleep(0.1)


if __name__ == "__main__":
    case.main(host.Lab)
