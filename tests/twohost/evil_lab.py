# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab with a third host, evil, that the others are paired with: evil.c
speaks for it."""
import json
import subprocess

import host
import site_setup

EVIL = host.BUILD + "/tests/twohost/evil"

UUID = "0102030405060708090a0b0c0d0e0f10"
NAME = "guest-evil"
DASHED = "01020304-0506-0708-090a-0b0c0d0e0f10"


class Lab(host.Lab):
    """With a third host, evil, that A and B are paired with."""

    def set_up(self):
        super().set_up()
        key, fpr = subprocess.run(
            [EVIL, "keygen", self.dir + "/evil.key", "evil"], text=True,
            capture_output=True, check=True).stdout.splitlines()
        for h in self.hosts:
            h.secmig("pair", "--fingerprint", fpr, "evil",
                     "127.0.0.14:9", data=key + "\n")
            site_setup.policy(h, hosts=["hostA", "hostB", "evil"])

    def config(self, **parts):
        """A config file; parts as make_config()'s, or raw=bytes."""
        path = self.dir + "/evil.json"
        raw = parts.pop("raw", None)
        name = parts.pop("name", NAME)
        with open(path, "wb") as f:
            f.write(raw if raw is not None else json.dumps(
                host.fakexen.make_config(name, DASHED, **parts)).encode())
        return path

    def evil(self, *steps, peer="hostB", dst=None, ok=True, name="evil"):
        """Dial a host and do the steps.  Lines of output."""
        to = dst or self.b
        p = subprocess.run(
            [EVIL, "source", self.dir + "/evil.key", name, to.address[0],
             str(to.address[1]), peer] + [str(s) for s in steps],
            capture_output=True, text=True, timeout=50)
        if ok and p.returncode:
            raise AssertionError("evil: %s" % (p.stdout + p.stderr)[-300:])
        return p.stdout

    def evil_host(self, *steps):
        """Listen as the host "evil" for A to dial; a Popen."""
        port = host.free_port()
        p = subprocess.Popen(
            [EVIL, "destination", self.dir + "/evil.key", "evil",
             "127.0.0.14", str(port)] + [str(s) for s in steps],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        p.stdout.readline()
        self.a.dial("evil", ("127.0.0.14", port))
        self.children.append(p)
        return p

    children = []

    def fence(self):
        """It will never say how a guest fared that it was to get: A's
        administrator knows, so that nothing stays open."""
        self.a.secmig("handover", "fence", "--yes", "evil", "evil", ok=False)

    def finish(self, strict):
        self.fence()
        for p in self.children:
            p.kill()
            p.wait()
            p.stdout.close()
        self.children.clear()
        return super().finish(strict)
