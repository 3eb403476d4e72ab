#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""may_start.py XL PRELOAD: xl create and xl restore ask secmig before they
build a domain.

Goal of this test
- what is asked: the name and the uuid of the configuration, once;
- on anything but a yes nothing is built, and the exit code says so; on a yes,
  and where there is nobody to ask and never was, all is as in stock xl;
- a secmig that is broken is no answer: as if there were none, with a warning,
  where there is no journal, and no yes where there is one, or may be;
- what is not to be asked about is not: migrate-receive, a dry run,
  --ignore-handover, a host without migrations through the daemon.

The real xl runs, with may_start.c in place of what builds a domain, and a
secmig that answers as the case wants."""
import errno
import os
import signal
import struct
import subprocess
import sys
import tempfile

XL, PRELOAD = sys.argv[1:]
UUID = "11111111-2222-3333-4444-555555555555"
CONFIG = 'name = "%s"\ntype = "pvh"\nkernel = "/k"\nmemory = 64\n'
HELPER = """#!/bin/sh
echo "secmig: $ANSWER" >&2
echo "$@" >>"$ASKED"
[ "$CODE" != kill ] || kill -9 $$
exit "$CODE"
"""
failed = False


class World:
    def __init__(self, top):
        self.top = top
        os.makedirs(top + "/bin")
        self.put("bin/secmig", HELPER, 0o755)
        self.put("g1.cfg", CONFIG % "g1" + 'uuid = "%s"\n' % UUID)
        self.put("odd.cfg", CONFIG % "-g 1")
        text = (CONFIG % "g1" + 'uuid = "%s"\n' % UUID).encode() + b"\0"
        with open(top + "/g1.save", "wb") as file:
            file.write(b"Xen saved domain, xl format\n \0 \r" + struct.pack(
                "=5I", 0x01020304, 2, 0, 4 + len(text), len(text)) + text)

    def put(self, name, text, mode=0o644):
        with open(os.path.join(self.top, name), "w") as file:
            file.write(text)
        os.chmod(os.path.join(self.top, name), mode)

    def xl(self, *args, code="0", helper=True, journal=0, conf="", stdin=None):
        """Returns exit code, what was built, what was asked, what was said."""
        self.put("xl.conf", 'autoballoon = "off"\n' + conf)
        asked = self.top + "/asked"
        open(asked, "w").close()
        path = "/nonexistent" if not helper else self.top + "/bin:/usr/bin:/bin"
        env = dict(os.environ, PATH=path, CODE=code, ASKED=asked,
                   ANSWER="g1 may run on hostB", XL_CONF=self.top + "/xl.conf",
                   JOURNAL_ERRNO=str(journal), LD_PRELOAD=PRELOAD)
        with open(os.path.join(self.top, stdin or "bin/secmig"), "rb") as file:
            p = subprocess.run([XL, *args], cwd=self.top, env=env, text=True,
                               stdin=file, capture_output=True, errors="replace",
                               timeout=60)
        with open(asked) as file:
            questions = file.read().splitlines()
        built = [l for l in p.stdout.splitlines()
                 if l.startswith(("created ", "restored "))]
        return p.returncode, built, questions, p.stderr


def expect(name, got, built, asked, *words):
    global failed
    code, was_built, was_asked, said = got
    wrong = ["%r is not said" % w for w in words if w not in said]
    if built and "not created" in said:
        wrong.append("both created and not")
    if was_built != built:
        wrong.append("built: %s, expected %s" % (was_built, built))
    if asked is not None and was_asked != asked:
        wrong.append("asked: %s" % was_asked)
    # what builds a domain fails here, with an exit code, too
    if code <= 0:
        wrong.append("exit %d" % code)
    failed |= bool(wrong)
    print("%sok - may-start: %s%s" % ("not " if wrong else "", name,
                                      ": " + "; ".join(wrong) if wrong else ""))
    if wrong:
        print("# " + said.replace("\n", "\n# "))


def main(w):
    question = ["handover may-start --uuid %s -- g1" % UUID]
    no = "Domain g1 is not created"
    expect("xl create asks, and creates on a yes", w.xl("create", "g1.cfg"),
           ["created g1"], question)
    for code in ("26", "4", "2", "125"):
        for journal in (0, errno.ENOENT):
            expect("nothing is created when the answer is %s%s" % (
                       code, ", without a journal" if journal else ""),
                   w.xl("create", "g1.cfg", code=code, journal=journal), [],
                   question, "secmig: g1 may run on hostB", no,
                   "--ignore-handover")
    for code, why in (("126", "exit code 126"), ("127", "exit code 127"),
                      ("255", "exit code 255"), ("kill", "killed by signal 9")):
        for journal in (0, errno.EIO):
            expect("a secmig that is broken is no yes: %s, %s" % (
                       why, "journal unseen" if journal else "a journal"),
                   w.xl("create", "g1.cfg", code=code, journal=journal), [],
                   question, "cannot be run (%s)" % why,
                   "/var/lib/xen/secmig/journal", no, "--ignore-handover")
        for journal in (errno.ENOENT, errno.ENOTDIR):
            expect("a broken one where nothing was handed over: %s, %s" % (
                       why, errno.errorcode[journal]),
                   w.xl("create", "g1.cfg", code=code, journal=journal),
                   ["created g1"], question,
                   "Warning: secmig cannot be run (%s).  It has no journal here, "
                   "so domain g1 is created\n" % why)
    expect("the same for xl restore",
           w.xl("restore", "g1.save", code="127", journal=errno.ENOENT),
           ["restored g1"], question, "Warning: secmig cannot be run")
    expect("xl restore asks, and restores on a yes", w.xl("restore", "g1.save"),
           ["restored g1"], question)
    expect("nothing is restored when the answer is no",
           w.xl("restore", "g1.save", code="32"), [], question, no)
    expect("a configuration of its own is asked about",
           w.xl("restore", "odd.cfg", "g1.save", code="32"), [], None,
           "Domain -g 1 is not created")

    got = w.xl("create", "odd.cfg")
    uuid = got[2][0].split()[3] if got[2] else ""
    expect("a name that looks like an option, no uuid", got, ["created -g 1"],
           ["handover may-start --uuid %s -- -g 1" % uuid])

    for words in (["create", "--ignore-handover", "g1.cfg"],
                  ["create", "g1.cfg", "--ignore-handover"],
                  ["restore", "--ignore-handover", "g1.save"]):
        expect("not asked: " + " ".join(words), w.xl(*words, code="32"),
               ["%sd g1" % words[0]], [])
    for words in (["create", "g1.cfg"], ["restore", "g1.save"]):
        expect("not asked with migrate.secure off: %s" % words[0],
               w.xl(*words, code="32", conf='migrate.secure = "off"\n'),
               ["%sd g1" % words[0]], [])
    expect("asked with migrate.secure require",
           w.xl("create", "g1.cfg", code="32", conf='migrate.secure = "require"\n'),
           [], question, no)
    got = w.xl("create", "-n", "g1.cfg", code="32")
    expect("a dry run asks nobody", (0 if got[0] else 1,) + got[1:], [], [])
    expect("what arrives is not asked about",
           w.xl("migrate-receive", code="32", stdin="g1.save"),
           ["restored g1--incoming"], [])

    if any(os.path.exists(d + "/secmig") for d in ("/usr/bin", "/usr/local/bin")):
        print("skip - may-start: without secmig: it is installed here")
        return
    expect("without secmig and journal, as stock",
           w.xl("create", "g1.cfg", helper=False, journal=errno.ENOENT),
           ["created g1"], [])
    expect("without secmig, with a journal, nothing is created",
           w.xl("create", "g1.cfg", helper=False), [], [],
           "cannot be run (exit code 127)", no)
    expect("a journal that cannot be looked for is no yes",
           w.xl("create", "g1.cfg", helper=False, journal=errno.EIO), [], [], no)
    os.chmod(w.top + "/bin/secmig", 0o644)
    expect("a secmig that cannot be executed is no yes",
           w.xl("create", "g1.cfg"), [], [], "secmig: Permission denied",
           "cannot be run (exit code 126)", no)
    expect("one that cannot be executed where nothing was handed over",
           w.xl("create", "g1.cfg", journal=errno.ENOENT), ["created g1"], [],
           "Warning: secmig cannot be run (exit code 126)")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as directory:
        main(World(directory))
    sys.exit(failed)
