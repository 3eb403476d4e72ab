# SPDX-License-Identifier: LGPL-2.1-or-later
"""One emulated host, seen from the test: commands, files, background jobs,
what is left behind on it, its link and its power."""
import hashlib
import json
import os
import re
import shlex
import signal
import socket
import struct
import tarfile
import tempfile
import time
import uuid


class CommandError(Exception):
    """A command ended with another exit code than 0."""

    def __init__(self, host, cmd, result):
        self.result = result
        super().__init__("%s: %s: exit %s\n%s%s" % (host, cmd, result.code,
                                                     result.out, result.err))


class AgentError(Exception):
    """The agent could not be reached or could not do it."""


class Result:
    def __init__(self, code, out, err, seconds, timeout):
        self.code = code            # negative: ended by that signal
        self.raw = out
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")
        self.seconds = seconds
        self.timeout = timeout      # True: killed because it took too long

    def __repr__(self):
        return "exit %d in %.1f s\n%s%s" % (self.code, self.seconds, self.out,
                                            self.err)


class Job:
    """A command in the background; its output is kept on the host."""

    def __init__(self, host, name, pid, cmd):
        self.host, self.name, self.pid, self.cmd = host, name, pid, cmd
        self.dir = "/run/rig/jobs/" + name

    def code(self):
        """The exit code (negative: ended by that signal), or None while it
        runs."""
        try:
            return int(self.host.get(self.dir + "/rc"))
        except AgentError as error:
            if "FileNotFoundError" in str(error):
                return None
            raise

    def running(self):
        return self.code() is None

    def wait(self, timeout=60):
        """The exit code; TimeoutError if it still runs after that."""
        deadline = time.monotonic() + timeout
        while self.code() is None:
            if time.monotonic() > deadline:
                raise TimeoutError("%s: still running: %s" % (self.host, self.cmd))
            time.sleep(0.2)
        return self.code()

    def out(self):
        return self.host.get(self.dir + "/out").decode("utf-8", "replace")

    def err(self):
        return self.host.get(self.dir + "/err").decode("utf-8", "replace")

    def kill(self, sig=signal.SIGKILL):
        """To the whole process group."""
        # not the shell's own kill: that one knows no process groups
        self.host.run("/bin/kill -%d -- -%d" % (sig, self.pid), check=False)


class Host:
    def __init__(self, rundir, name, state, token):
        self.rundir, self.name, self.token = rundir, name, token
        self.port, self.tpm_pid = state["port"], state["tpm"]
        self.other = None           # the host at the other end of the wire
        self.address = "10.9.0.%d" % (ord(name) - ord("A") + 1)

    def __repr__(self):
        return "host" + self.name

    # -- the agent

    def request(self, op, timeout, data=b"", **values):
        """(result, stdout, stderr) of one request to the agent."""
        size = (data.seek(0, os.SEEK_END) if hasattr(data, "read")
                else len(data))
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.settimeout(timeout)
            head = dict(values, op=op, token=self.token, stdin=size)
            try:
                s.sendall(json.dumps(head).encode() + b"\n")
                if hasattr(data, "read"):
                    data.seek(0)
                    s.sendfile(data)
                else:
                    s.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass                # it ended without reading its input
            stream = s.makefile("rb")
            parts = {b"o": [], b"e": []}
            while True:
                frame = stream.read(5)
                if len(frame) < 5:
                    raise AgentError("%s: the agent hung up" % self)
                kind, length = struct.unpack(">cI", frame)
                body = stream.read(length)
                if len(body) < length:
                    raise AgentError("%s: the agent hung up" % self)
                if kind == b"x":
                    break
                parts[kind].append(body)
        result = json.loads(body)
        if "error" in result:
            raise AgentError("%s: %s" % (self, result["error"]))
        return result, b"".join(parts[b"o"]), b"".join(parts[b"e"])

    def run(self, cmd, timeout=120, check=True, data=b"", env=None):
        """Runs a shell command and waits; Result.  timeout in seconds, then
        its process group is killed.  check: CommandError unless exit 0."""
        if isinstance(data, str):
            data = data.encode()
        start = time.monotonic()
        answer, out, err = self.request("run", timeout + 30, data, cmd=cmd,
                                        limit=timeout, env=env)
        result = Result(answer["code"], out, err, time.monotonic() - start,
                        answer["timeout"])
        if check and result.code:
            raise CommandError(self, cmd, result)
        return result

    def start(self, cmd, env=None):
        """Runs a shell command in the background; Job."""
        name = uuid.uuid4().hex[:12]
        answer, _, _ = self.request("start", 30, cmd=cmd, job=name, env=env)
        return Job(self, name, answer["pid"], cmd)

    def put(self, path, data, mode=0o644):
        """Writes a file (bytes or str), whole or not at all."""
        if isinstance(data, str):
            data = data.encode()
        self.request("put", 120, data, path=path, mode=mode)

    def push(self, local, path, mode=None):
        """Copies a local file to the host."""
        mode = mode or os.stat(local).st_mode & 0o777
        with open(local, "rb") as file:
            self.request("put", 300, file, path=path, mode=mode)

    def get(self, path):
        """A file's bytes."""
        return self.request("get", 300, path=path)[1]

    def push_tree(self, local, path="/"):
        """Lays a local directory over a directory of the host."""
        with tempfile.TemporaryFile(dir=self.rundir) as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                tar.add(local, arcname=".", filter=as_root)
            self.run("mkdir -p %s && tar -C %s -xf - --keep-directory-symlink"
                     " --no-overwrite-dir" % (path, path), data=file, timeout=300)

    def pingable(self):
        try:
            self.request("ping", 5)
            return True
        except (OSError, AgentError, ValueError):
            return False

    # -- Xen

    def tools(self, which):
        """Which Xen tools this host runs: "ours" (patched) or "stock"."""
        self.run("/rig/xen-tools " + which)

    def domains(self):
        """{name: (domid, state)} without Domain-0; state as xl list's."""
        found = {}
        for line in self.run("xl list").out.splitlines()[1:]:
            fields = line.split()
            if len(fields) >= 6 and fields[-5] != "0":
                found[" ".join(fields[:-5])] = (int(fields[-5]), fields[-2])
        return found

    def residue(self):
        """What a migration may leave behind, as a set of short texts: take
        it before and after and compare (see leftovers)."""
        found = set()
        for name, (_, state) in self.domains().items():
            found.add("domain %s %s" % (name, "paused" if "p" in state else
                                        "suspended" if "s" in state else ""))
        processes, sockets = self.run(
            "ps -eo pid=,ppid=,args=; echo --; ss -Hatn; ss -Hxln").out.split("\n--\n")
        counts = {}
        for line in processes.splitlines():
            args = line.split(None, 2)[2]
            if re.search(r"\bxl\b|secmig|libxl-save-helper|socat", args) and \
                    "ps -eo" not in args:
                counts[args] = counts.get(args, 0) + 1
        for args, n in counts.items():
            found.add("process %s x%d" % (args.strip(), n))
        for line in sockets.splitlines():
            fields = line.split()
            if fields[0] in ("u_str", "u_seq", "u_dgr"):
                if not re.match(r"\*|@", fields[4]):
                    found.add("socket %s" % fields[4])
            elif not fields[3].startswith("10.0.2.15:"):
                state = fields[0]
                where = fields[3] if state == "LISTEN" else "%s %s" % (fields[3],
                                                                       fields[4])
                if state != "TIME-WAIT":
                    found.add("tcp %s %s" % (state, where))
        return found

    def leftovers(self, before, ignore=""):
        """What is there now and was not: a sorted list of texts.  ignore: a
        regular expression of what may be new."""
        new = self.residue() - before
        return sorted(x for x in new if not (ignore and re.search(ignore, x)))

    # -- the link, the power

    def deaf(self, on=True):
        """Drops, without a sign, all that comes in from the wire."""
        if on:
            self.run("nft -f -", data="table netdev rig_deaf {\n chain in {\n"
                     "type filter hook ingress device eth0 priority -500\n"
                     "policy drop\n }\n}\n")
        else:
            self.run("nft delete table netdev rig_deaf", check=False)

    def qmp(self, command, **arguments):
        """One command to QEMU's monitor; its answer."""
        fd = os.open(self.rundir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(30)
                # the path of a socket may be 107 bytes only
                s.connect("/proc/self/fd/%d/qmp-%s" % (fd, self.name))
                stream = s.makefile("rwb")
                stream.readline()
                for name, args in (("qmp_capabilities", {}), (command, arguments)):
                    stream.write(json.dumps({"execute": name,
                                             "arguments": args}).encode() + b"\n")
                    stream.flush()
                    while True:
                        answer = json.loads(stream.readline())
                        if "event" not in answer:
                            break
                if "error" in answer:
                    raise AgentError("%s: %s: %s" % (self, command, answer["error"]))
                return answer["return"]
        finally:
            os.close(fd)

    def link(self, up):
        """Pulls or plugs the cable of eth0; dom0 sees the carrier change."""
        self.qmp("set_link", name="eth0", up=up)

    def freeze(self, on=True):
        """The whole host stands still, hypervisor and guests with it."""
        self.qmp("stop" if on else "cont")

    def power_cycle(self, wait=True, timeout=300, sync=True):
        """Power off and on again.  What was on the disks stays (without sync:
        only what some program has made durable); memory, and every guest, is
        lost.  swtpm's clock starts anew, as no TPM in hardware's does."""
        if sync:
            self.run("sync", check=False)
        self.qmp("system_reset")
        time.sleep(1)
        deadline = time.monotonic() + timeout
        while wait and not self.pingable():
            if time.monotonic() > deadline:
                raise AgentError("%s: not back in %d s" % (self, timeout))
            time.sleep(1)

    # -- the TPM: what is measured into it changes with what boots

    def pcrs(self):
        """{number: hex} of the SHA-256 bank."""
        text = self.run("tpm2_pcrread sha256").out
        return {int(n): value.lower() for n, value in re.findall(
            r"^ +(\d+) *: 0x([0-9A-Fa-f]{64})$", text, re.M)}

    def extend(self, pcr, text):
        """Measures a text into a PCR: until the next power cycle, this host
        has booted something else."""
        self.run("tpm2_pcrextend %d:sha256=%s" % (
            pcr, hashlib.sha256(text.encode()).hexdigest()))

    def ima(self, rule):
        """Has the kernel measure what this rule names into PCR 10, until the
        next power cycle; Debian's kernel takes rules once a boot."""
        self.run("cat >/sys/kernel/security/ima/policy", data=rule + "\n")

    def clear_tpm(self):
        """As the firmware's "clear the TPM": a new owner seed."""
        self.run("tpm2_clear -c l")

    def freeze_tpm(self, on=True):
        """The TPM no longer answers; then it goes on.  When the driver gives
        up a command meanwhile, QEMU waits for swtpm, and the host with it,
        whose clock may go wrong then until it is powered off."""
        os.kill(self.tpm_pid, signal.SIGSTOP if on else signal.SIGCONT)

    def kill_tpm(self):
        """The TPM is gone until the rig ends."""
        os.kill(self.tpm_pid, signal.SIGKILL)

    def quoted(self, *words):
        return " ".join(shlex.quote(w) for w in words)


def as_root(info):
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info
