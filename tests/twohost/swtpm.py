# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TPM 2.0 of its own for a host of the lab: swtpm on a socket.  It serves
one connection at a time, and has no resource manager."""
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PACKAGES = ("swtpm", "tpm2_pcrextend", "tpm2_pcrread", "tpm2_clear")


def missing():
    """Programs that are not there, "" when all are."""
    return ", ".join(p for p in PACKAGES if not shutil.which(p))


class Swtpm:
    def __init__(self, directory):
        self.dir = directory
        self.sock = directory + "/sock"
        self.tcti = "swtpm:path=" + self.sock
        self.p = None
        os.mkdir(directory, 0o700)
        self.on()

    def on(self):
        """Power: the first time, or again with the state that it had, as at
        a boot of its host."""
        for f in (self.sock, self.sock + ".ctrl"):
            if os.path.exists(f):
                os.unlink(f)
        self.p = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + self.dir,
             "--server", "type=unixio,path=" + self.sock,
             "--ctrl", "type=unixio,path=%s.ctrl" % self.sock,
             "--flags", "startup-clear"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        end = time.monotonic() + 10
        while True:
            with socket.socket(socket.AF_UNIX) as s:
                try:
                    s.connect(self.sock)
                    return
                except OSError:
                    pass
            if self.p.poll() is not None or time.monotonic() > end:
                raise AssertionError("swtpm does not come up")
            time.sleep(0.01)

    def kill(self):
        """Take its power away."""
        if self.p and self.p.poll() is None:
            self.p.kill()
        if self.p:
            self.p.wait()

    close = kill

    def stop(self):
        """Let it hang."""
        self.p.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.p.send_signal(signal.SIGCONT)

    def reset(self):
        self.kill()
        self.on()

    def saved(self):
        """A copy of its state, to be put back by restore(); it is reset."""
        self.kill()
        copy = tempfile.mkdtemp(prefix="tpm-", dir=os.path.dirname(self.dir))
        shutil.copytree(self.dir, copy, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("sock*"))
        self.on()
        return copy

    def restore(self, copy):
        """... or that of another TPM; an empty directory is a new one."""
        self.kill()
        shutil.rmtree(self.dir)
        shutil.copytree(copy, self.dir)
        self.on()

    def pcrs(self, *which):
        """{index: hex value}"""
        name = self.dir + "/pcrs"
        self.tool("tpm2_pcrread", "-o", name, "sha256:" + ",".join(
            str(i) for i in which))
        with open(name, "rb") as f:
            data = f.read()
        os.unlink(name)
        if len(data) != 32 * len(which):
            raise AssertionError("no values of PCRs: %d bytes" % len(data))
        return {i: data[32 * n:32 * n + 32].hex()
                for n, i in enumerate(sorted(which))}

    def tool(self, *args, ok=True):
        """A program of tpm2-tools, on this TPM."""
        p = subprocess.run([*args, "-T", self.tcti], capture_output=True,
                           text=True, timeout=30, cwd=self.dir)
        if ok and p.returncode:
            raise AssertionError("%s: %s" % (" ".join(args),
                                             p.stderr.strip()[-300:]))
        return p

    def extend(self, pcr, event):
        """Measure something."""
        self.tool("tpm2_pcrextend", "%d:sha256=%s" % (
            pcr, hashlib.sha256(event.encode()).hexdigest()))

    def clear(self):
        """A new owner's seed: all that was sealed is lost."""
        self.tool("tpm2_clear", "-c", "platform")
