#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a TPM can do to the daemon whose keys it seals: hang, vanish, die in
the middle of a command, see another boot, lock itself, be cleared.  Always a
bounded wait, one clear line, the guest where it was, the daemon alive, and
work again when the TPM is back."""
import os
import shutil
import signal
import subprocess
import sys
import time

import case
import host
import swtpm
from case import check, equal

IO, TIMEOUT, LINK, SEAL = 6, 13, 14, 31
WAIT = 2 * host.SCALE           # tpm-timeout, seconds
ENOUGH = WAIT + host.ROOM
PCR = 9
PIN = "a long enough PIN"


class Lab(host.Lab):
    """Host A's keys are sealed by a TPM, bound to a PCR; held for a second
    only, so that each migration needs the TPM."""

    def set_up(self):
        super().set_up()
        self.tpm = swtpm.Swtpm(self.dir + "/tpm")
        h = self.a
        self.write_pin(PIN)
        h.configure(tpm=self.tpm.tcti, tpm_timeout=WAIT, key_lifetime=1)
        self.plain = self.dir + "/plain"
        shutil.copytree(h.var, self.plain)
        self.move("--pcrs", str(PCR))

    def move(self, *options):
        self.a.secmig("seal", "move", "--to", "tpm2", "--tpm", self.tpm.tcti,
                      *options)
        self.a.settings["seal"] = "tpm2"
        if "--pin-file" in options:
            self.a.settings["pin-file"] = self.pin_file
        self.a.configure()

    @property
    def pin_file(self):
        return self.dir + "/pin"

    def write_pin(self, text):
        with open(self.pin_file, "w") as f:
            f.write(text + "\n")
        os.chmod(self.pin_file, 0o600)

    def again(self, *options):
        """The host with its keys as they were, sealed anew."""
        self.a.stop()
        self.tpm.reset()
        for n in os.listdir(self.plain):
            if n.endswith(".sealed"):
                shutil.copy(self.plain + "/" + n, self.a.var + "/" + n)
        self.a.settings.pop("pin-file", None)
        self.a.configure(seal="plain")
        self.move(*(options or ("--pcrs", str(PCR))))
        self.a.mark_log()
        self.a.start()

    def close(self):
        super().close()
        if hasattr(self, "tpm"):
            self.tpm.close()


def key_gone(h):
    """The next migration needs the TPM."""
    def gone():
        with open(h.log_path) as f:
            log = f.read()
        return log.rfind("host key is released") < max(
            log.rfind("host key is forgotten"), log.rfind("ready on port"))
    check(host.wait_until(gone, 1 + host.ROOM), "the key is still held")


def refused(lab, code, text):
    """A migration from A fails for its TPM, in time; A goes on."""
    pid = lab.a.daemon.pid
    g = lab.guest()
    key_gone(lab.a)
    out = lab.fails(g, code, "host-key: .*" + text, within=ENOUGH)
    check(lab.a.logged("host key: .*" + text), "not in the log")
    equal(lab.a.daemon.poll(), None, "the daemon")
    equal(lab.a.daemon.pid, pid, "the daemon")
    return g, out["text"]


def works(lab, g=None):
    key_gone(lab.a)
    lab.succeeds(g or lab.guest())


def vault(lab):
    """Pid of a vault that has its connection to the TPM, or None."""
    for p in lab.a.tree():
        if "secmig-vault" in host.cmdline(p).split(" ")[0]:
            return p
    return None


@case.case("it works: there and back, each time unsealed anew")
def _(lab):
    g = lab.guest()
    works(lab, g)
    key_gone(lab.a)
    lab.succeeds(g, lab.b, "hostA")
    key_gone(lab.a)
    equal(lab.a.log().count("host key is released"), 2, "releases")


@case.case("it hangs: a bounded wait, and work again when it goes on")
def _(lab):
    lab.tpm.stop()
    try:
        g, _ = refused(lab, TIMEOUT, "(answer|time)")
    finally:
        lab.tpm.go_on()
    works(lab, g)


@case.case("it hangs while a guest moves: that does not concern the guest")
def _(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="mid", size=4 << 20)
    m.reached("mid")
    key_gone(lab.a)
    lab.tpm.stop()
    try:
        m.go_on()
        equal(m.wait()["exit"], 0, "exit")
        g.must_run_on(lab.b)
    finally:
        lab.tpm.go_on()


@case.case("it hangs: another host's connection is closed, and not waited for")
def _(lab):
    g = lab.guest(lab.b)
    key_gone(lab.a)
    lab.tpm.stop()
    try:
        lab.fails(g, (LINK, TIMEOUT), src=lab.b, dst="hostA",
                  within=ENOUGH + host.DEADLINES["handshake-timeout"],
                  stays=lab.b)
        check(lab.a.logged("host key: "), lab.a.log())
        # strangers are not let near it again at once
        for _ in range(3):
            lab.fails(g, LINK, src=lab.b, dst="hostA", stays=lab.b,
                      within=host.SOON)
        equal(lab.a.log().count("host key: "), 1, "tries")
    finally:
        lab.tpm.go_on()
    lab.a.reload()
    check(lab.a.logged("in force"), lab.a.log())
    key_gone(lab.a)
    lab.succeeds(g, lab.b, "hostA")


@case.case("it is not there: said at once, and work again when it is back")
def _(lab):
    lab.tpm.kill()
    try:
        g, _ = refused(lab, IO, "no TPM answers")
    finally:
        lab.tpm.on()
    works(lab, g)


@case.case("it is killed in the middle of a command")
def _(lab):
    key_gone(lab.a)
    lab.tpm.stop()
    g = lab.guest()
    m = lab.migrate(g)
    try:
        check(host.wait_until(lambda: vault(lab), host.SOON), "no vault")
        time.sleep(0.3)
        lab.tpm.kill()
        out = lab.failed(m, g, (IO, TIMEOUT), "host-key", ENOUGH, lab.a)
        equal(out["code"], IO, "code: " + out["text"])
    finally:
        lab.tpm.on()
    works(lab, g)


@case.case("the vault is killed in the middle of a command")
def _(lab):
    key_gone(lab.a)
    lab.tpm.stop()
    g = lab.guest()
    m = lab.migrate(g)
    try:
        check(host.wait_until(lambda: vault(lab), host.SOON), "no vault")
        os.kill(vault(lab), signal.SIGKILL)
        lab.failed(m, g, 18, "host-key.*signal 9", ENOUGH, lab.a)
    finally:
        lab.tpm.go_on()
    works(lab, g)


@case.case("another boot: the PCR that differs is named")
def _(lab):
    lab.tpm.extend(PCR, "another kernel")
    g, text = refused(lab, SEAL, r"\b%d\b" % PCR)
    check("PCR" in text, text)
    # nor as the destination; and there, too, nothing of the guest is moved
    other = lab.guest(lab.b)
    lab.fails(other, LINK, src=lab.b, dst="hostA", stays=lab.b)
    # nor does the daemon come up
    lab.a.stop()
    p = subprocess.run([host.BUILD + "/secmigd", "--root", lab.a.root],
                       capture_output=True, text=True, timeout=30,
                       env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    equal(p.returncode, SEAL, "exit code: " + p.stderr[-300:])
    check("store key: " in p.stderr and str(PCR) in p.stderr, p.stderr)
    lab.tpm.reset()
    lab.a.start()
    works(lab, g)


@case.case("a boot while a guest moves does not stop it")
def _(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="mid", size=4 << 20)
    m.reached("mid")
    key_gone(lab.a)
    lab.tpm.extend(PCR, "another kernel")
    try:
        m.go_on()
        equal(m.wait()["exit"], 0, "exit")
        g.must_run_on(lab.b)
    finally:
        lab.tpm.reset()


@case.case("wrong PINs lock it; the words say how long and what resets it")
def _(lab):
    try:
        lab.again("--pcrs", "none", "--pin-file", lab.pin_file)
        works(lab)
        lab.tpm.tool("tpm2_dictionarylockout", "-s", "-n", "2", "-t", "3600",
                     "-l", "3600")
        lab.write_pin("a long but wrong one")
        refused(lab, SEAL, "wrong PIN .*counted 1")
        # the same file costs no second try, before reload or a change
        refused(lab, SEAL, "not tried again")
        refused(lab, SEAL, "not tried again")
        lab.write_pin("another one, wrong too")
        _, text = refused(lab, SEAL, "lock")
        check("dictionarylockout" in text, text)
        lab.write_pin(PIN)
        _, text = refused(lab, SEAL, "lock")
        lab.tpm.tool("tpm2_dictionarylockout", "-c")
        works(lab)
    finally:
        lab.write_pin(PIN)
        lab.tpm.tool("tpm2_dictionarylockout", "-c", ok=False)
        lab.again()


@case.case("it is cleared: said so; recovery copies are the way back")
def _(lab):
    word = lab.dir + "/word"
    with open(word, "w") as f:
        f.write("of the recovery copies\n")
    os.chmod(word, 0o600)
    copies = [lab.dir + "/copy-" + n for n in ("host-key", "store-key")]
    for c in copies:
        if os.path.exists(c):
            os.unlink(c)
        lab.a.secmig("seal", "copy", "--passphrase-file", word,
                     c.replace(lab.dir + "/copy-", lab.a.var + "/")
                     + ".sealed", c)
    lab.tpm.clear()
    try:
        g, text = refused(lab, SEAL, "cleared")
        lab.a.secmig("seal", "restore", "--passphrase-file", word, *copies)
        works(lab, g)
        lab.a.stop()
        lab.a.start()
        works(lab)
    finally:
        for n in os.listdir(lab.a.var):
            if n.endswith(".old"):
                os.unlink(lab.a.var + "/" + n)
        lab.again()


@case.case("the files on another machine: its TPM does not open them")
def _(lab):
    mine = lab.tpm.saved()
    empty = lab.dir + "/another"
    os.mkdir(empty, 0o700)
    lab.tpm.restore(empty)
    try:
        refused(lab, SEAL, "another TPM")
    finally:
        lab.tpm.restore(mine)
    works(lab)


if __name__ == "__main__":
    absent = swtpm.missing()
    if absent:
        print("skip - twohost/tpm_faults: not installed: " + absent)
        sys.exit(77)
    case.main(Lab)
