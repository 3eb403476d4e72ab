#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who signs the site's policy is remembered under seal: whoever edits /etc,
even while the daemon is off, cannot make a policy of their own count."""
import os
import re
import subprocess

import case
import host
import site_setup
from case import check, equal

STATE, LINK, POLICY = 4, 14, 22


def other_key(h):
    """As an attacker, or a site with a new key: policy and key replaced."""
    os.unlink(h.etc + "/policy.pub")
    os.rename(h.var + "/policy-key.sealed", h.var + "/old-key.sealed")
    site_setup.sign_policy(h)


def put_back(h, old_pub):
    os.unlink(h.etc + "/policy.pub")
    with open(h.etc + "/policy.pub", "w") as f:
        f.write(old_pub)
    os.rename(h.var + "/old-key.sealed", h.var + "/policy-key.sealed")
    site_setup.sign_policy(h)


@case.case("a policy of another key is not taken, not by a restart either",
           leftovers=False)
def _(lab):
    b = lab.b
    with open(b.etc + "/policy.pub") as f:
        old = f.read()
    lab.succeeds(lab.guest())
    other_key(b)
    p = b.secmig("reload", ok=False)
    check(p.returncode and "not the key that this host has trusted so far"
          in p.stderr, "reload: %d %s" % (p.returncode, p.stderr))
    equal(len(p.stderr.splitlines()), 1, "lines: " + p.stderr)
    lab.succeeds(lab.guest())           # the old policy stays
    b.stop()
    b.start()
    check(b.logged(r"no policy, everything is refused: .*not the key that "
                   "this host"), "not said: " + b.log()[-300:])
    lab.fails(lab.guest(), (POLICY, LINK))
    b.stop()
    put_back(b, old)
    b.start()
    check(b.logged("in force"), b.log()[-300:])
    lab.succeeds(lab.guest())


@case.case("root names the new key, and the versions begin anew",
           leftovers=False)
def _(lab):
    b = lab.b
    other_key(b)
    with open(b.etc + "/policy.xml") as f:
        text = re.sub(r' version="\d+"', ' version="1"', f.read())
    with open(b.etc + "/policy.xml", "w") as f:
        f.write(text)
    site_setup.sign_policy(b)
    check(b.secmig("reload", ok=False).returncode, "taken unasked")
    p = b.secmig("trust", "policy")
    check("version 1 in force" in p.stdout, p.stdout)
    lab.succeeds(lab.guest())
    b.stop()
    b.start()
    check(b.logged("version 1 in force"), b.log()[-300:])
    lab.succeeds(lab.guest())


@case.case("who removes what the host remembers gains nothing",
           leftovers=False)
def _(lab):
    b = lab.b
    b.stop()
    os.rename(b.var + "/store/floors", lab.dir + "/floors")
    other_key(b)
    p = subprocess.run([host.BUILD + "/secmigd", "--root", b.root],
                       capture_output=True, text=True, timeout=20)
    equal(p.returncode, STATE, "exit: " + p.stderr)
    check(re.search("floors: there is none; .*secmig trust reset", p.stderr),
          p.stderr)
    # the administrator can, who can open the store key
    p = b.secmig("trust", "reset", data="", ok=False)
    check(p.returncode, "reset without being asked")
    b.secmig("trust", "reset", "--yes")
    b.start()
    check(b.logged("is that of the site from now on"), b.log()[-300:])
    lab.succeeds(lab.guest())


@case.case("what is no key is refused, in one line")
def _(lab):
    path = lab.dir + "/no.pub"
    with open(path, "w") as f:
        f.write("untrusted comment: no\nRWQnonsense\n")
    for p in (lab.b.secmig("trust", "policy", path, ok=False),
              lab.b.secmig("trust", "policy", path + ".none", ok=False)):
        equal(p.returncode, STATE, "exit: " + p.stderr)
        equal(len(p.stderr.splitlines()), 1, "lines: " + p.stderr)
    lab.succeeds(lab.guest())


if __name__ == "__main__":
    case.main(host.Lab)
