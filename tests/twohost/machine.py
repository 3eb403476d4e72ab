# SPDX-License-Identifier: LGPL-2.1-or-later
"""The build that is tested, its deadlines, and what this machine tells of
processes and sockets."""
import os
import re
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("SECMIG_BUILD",
                                       os.path.join(TOP, "build")))
sys.path.insert(0, os.path.join(HERE, "doubles"))
import fakexen                                                  # noqa: E402

SANITIZED = "asan" in os.path.basename(BUILD)
PEER_UID, KEEPER_UID, CONTROL_UID = 64101, 64102, 64103

# Short, so that a test of each costs seconds; the same units as the manual.
# A slow machine, or slow programs, need longer ones.
SCALE = int(os.environ.get("SECMIG_TEST_SCALE", "2" if SANITIZED else "1"))
DEADLINES = {k: v * SCALE for k, v in {
    "connect-timeout": 2, "handshake-timeout": 3, "answer-timeout": 5,
    "action-timeout": 8,
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
