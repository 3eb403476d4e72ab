# SPDX-License-Identifier: LGPL-2.1-or-later
"""A toy Xen host for tests: what `xl` and `secmig-xl` stand on here.

A host is a directory (the one this file was copied to):

    domains.json   the domains, and the free memory
    control.json   misbehaviour wanted of the doubles, by the tests
    events.log     what the doubles did, one JSON object a line
    guests/UUID    state of the guest's process (running, paused, suspended),
                   its pid, and its memory at that moment
    shared         one line: the directory that both hosts share ("the SAN")

Two running copies of a guest, and an older copy that runs after a newer one,
are never silent: see `guest`.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def path(*names, base=HERE):
    return os.path.join(base, *names)


def exists():
    """Whether the toy host is still there: nothing of it outlives it."""
    return os.path.exists(path("shared"))


@contextlib.contextmanager
def state(base=HERE):
    """The host's domains, locked; written back when they changed."""
    with open(path("lock", base=base), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        name = path("domains.json", base=base)
        with open(name) as f:
            before = f.read()
        st = json.loads(before)
        yield st
        after = json.dumps(st, indent=1)
        if after != before:
            with open(name + ".new", "w") as f:
                f.write(after)
            os.rename(name + ".new", name)


def control(tool):
    """Misbehaviour wanted of `tool`; read at each step, so that a test can
    change its mind while the double runs."""
    try:
        with open(path("control.json")) as f:
            return json.load(f).get(tool, {})
    except FileNotFoundError:
        return {}


def event(tool, what, **more):
    line = dict(more, tool=tool, what=what, pid=os.getpid(), t=time.time())
    with open(path("events.log"), "a") as f:
        f.write(json.dumps(line) + "\n")


def events(tool=None, what=None, base=HERE):
    """What the doubles did, oldest first."""
    out = []
    try:
        with open(path("events.log", base=base)) as f:
            for line in f:
                e = json.loads(line)
                if tool in (None, e["tool"]) and what in (None, e["what"]):
                    out.append(e)
    except FileNotFoundError:
        pass
    return out


def find(st, **want):
    for d in st["domains"]:
        if all(d.get(k) == v for k, v in want.items()):
            return d
    return None


# ---- guests ----

def guest_state(uuid, base=HERE):
    try:
        with open(path("guests", uuid, base=base)) as f:
            state, pid = f.read().split()[:2]
    except (FileNotFoundError, ValueError):
        return "absent"
    return state if _lives(int(pid)) else "absent"


def guest_memory(uuid, base=HERE):
    """What a suspended guest's memory is."""
    with open(path("guests", uuid, base=base)) as f:
        return f.read().split(None, 2)[2].strip()


def guest_fill(uuid, memory, base=HERE):
    """Give a copy its memory."""
    name = path("guests", uuid + ".memory", base=base)
    with open(name + ".new", "w") as f:
        f.write(memory)
    os.rename(name + ".new", name)


def guest_whole(uuid, base=HERE):
    """Whether a domain here has all of the guest's memory."""
    state = guest_state(uuid, base)
    return state in ("running", "suspended") or (
        state == "paused" and
        os.path.exists(path("guests", uuid + ".memory", base=base)))


def guest_start(uuid, how, base=HERE):
    """Start the guest's process, `how` = "running", "paused" or "copy"; its
    pid."""
    # Its own session and no descriptor of ours: a domain belongs to the
    # hypervisor, not to the xl that made it.
    p = subprocess.Popen([path("guest", base=base), uuid, how],
                         stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL,
                         close_fds=True, start_new_session=True)
    p.wait()    # it forks once more, so that nobody has to reap the domain
    wait_state(uuid, ("running", "paused", "conflict"), base)
    with open(path("guests", uuid, base=base)) as f:
        return int(f.read().split()[1])


def wait_state(uuid, states, base=HERE, limit=10.0):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        s = guest_state(uuid, base)
        if s in states:
            return s
        time.sleep(0.003)
    raise RuntimeError("guest %s stayed %s" % (uuid, guest_state(uuid, base)))


def guest_run(uuid, pid, base=HERE):
    """Unpause or resume.  False when another copy runs."""
    if guest_state(uuid, base) == "running":
        return True
    os.kill(pid, signal.SIGUSR2)
    return wait_state(uuid, ("running", "conflict"), base) == "running"


# ---- domains, as Xen and libxl see them ----

def cpu_time(d, base=HERE):
    """Grows whenever it runs; how often that was, here."""
    mine = "%s %s " % (d["uuid"], os.path.abspath(base))
    try:
        with open(path("shared", base=base)) as f:
            starts = os.path.join(f.read().strip(), "starts")
        with open(starts) as f:
            return len([line for line in f if line.startswith(mine)])
    except FileNotFoundError:
        return 0


def is_suspended(d, base=HERE):
    return (guest_state(d["uuid"], base) == "suspended" and
            not d.get("resumed"))


def domain_resume(d, base=HERE):
    """libxl_domain_resume(), whoever calls it: what is paused as well does not
    run.  False when it was not suspended, or another copy runs."""
    if not is_suspended(d, base):
        return False
    if d["paused"]:
        d["resumed"] = True
        return True
    return guest_run(d["uuid"], d["pid"], base)


def domain_unpause(d, base=HERE):
    """libxl_domain_unpause()."""
    d["paused"] = False
    if d.pop("resumed", False):
        return guest_run(d["uuid"], d["pid"], base)
    return True


def guest_suspend(uuid, pid, base=HERE):
    os.kill(pid, signal.SIGUSR1)
    wait_state(uuid, ("suspended",), base)


def _lives(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def guest_destroy(uuid, pid, base=HERE):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    end = time.monotonic() + 5
    while _lives(pid) and time.monotonic() < end:
        time.sleep(0.003)
    for name in (uuid, uuid + ".memory"):
        try:
            os.unlink(path("guests", name, base=base))
        except FileNotFoundError:
            pass


def destroy(st, d, base=HERE):
    """Destroy the domain `d` of the state `st`."""
    guest_destroy(d["uuid"], d["pid"], base)
    st["domains"].remove(d)


# ---- configs ----

def make_config(name, uuid, mem_kb=98304, nomigrate=False, **parts):
    """A domain config as libxl 4.17 writes it as JSON, cut to what counts.
    `parts` adds or replaces top-level members; c_info and b_info merge."""
    c_info = {"type": "pvh", "name": name, "uuid": uuid}
    b_info = {"max_vcpus": 1, "avail_vcpus": [0], "max_memkb": mem_kb,
              "target_memkb": mem_kb, "video_memkb": 0, "shadow_memkb": 1024,
              "kernel": "/boot/guest-kernel", "cmdline": "console=hvc0",
              "type.pvh": {}}
    if nomigrate:
        b_info["disable_migrate"] = "True"
    c_info.update(parts.pop("c_info", {}))
    b_info.update(parts.pop("b_info", {}))
    return dict({"c_info": c_info, "b_info": b_info}, **parts)


def flatten(value, at=""):
    """The facts of a config: (field, value) pairs as secmig-xl lists them."""
    if value in ({}, []):
        yield at, json.dumps(value)
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from flatten(v, at + "." + k if at else k)
    elif isinstance(value, list):
        for i, v in enumerate(value):
            yield from flatten(v, "%s[%d]" % (at, i))
    elif isinstance(value, str):
        yield at, value
    else:
        yield at, json.dumps(value)
