#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""suspended.py XL PRELOAD: xl save and xl migrate leave alone what somebody
else has suspended.

Goal of this test
- a domain that is suspended already is refused, before a file is opened or
  anything is done to it; one that runs, or has crashed, is not;
- what did not suspend in time is not resumed; what failed otherwise is.

The real xl runs, with suspended.c in place of Xen."""
import os
import subprocess
import sys
import tempfile

XL, PRELOAD = sys.argv[1:]
TIMED_OUT, FAIL = "-8", "-3"        # ERROR_GUEST_TIMEDOUT, ERROR_FAIL
failed = False


def xl(top, state, rc, *args):
    """Exit code, what was done, what was said."""
    with open(top + "/xl.conf", "w") as file:
        file.write('autoballoon = "off"\n')
    env = dict(os.environ, STATE=state, RC=rc, XL_CONF=top + "/xl.conf",
               LD_PRELOAD=PRELOAD)
    # a stock xl migrate resumes, and waits
    p = subprocess.run(["timeout", "-k", "1", "20", XL, *args], cwd=top, env=env,
                       text=True, stdin=subprocess.DEVNULL, capture_output=True)
    return p.returncode, p.stdout.split(), p.stderr


def expect(name, got, good, done, words=""):
    global failed
    code, was_done, said = got
    wrong = []
    if (code == 0) != good:
        wrong.append("exit code %d" % code)
    if was_done != done:
        wrong.append("did %s, expected %s" % (was_done, done))
    if words not in said:
        wrong.append("%r is not said: %s" % (words, said))
    failed = failed or bool(wrong)
    print("%s - %s%s" % ("not ok" if wrong else "ok", name,
                         ": " + "; ".join(wrong) if wrong else ""))


def main():
    with tempfile.TemporaryDirectory() as top:
        for command in (["save", "g1", "f"], ["save", "-c", "g1", "f"],
                        ["migrate", "-s", "", "g1", "true"],
                        ["migrate", "--secure", "g1", "hostB"]):
            expect("xl %s: a domain that is suspended is left alone"
                   % " ".join(command[:-2]),
                   xl(top, "suspended", "0", *command), False, [],
                   "suspended by a migration or a save")
        expect("xl save: no file was opened for it",
               (os.path.exists(top + "/f"), [], ""), True, [])
        expect("xl save: one that runs is saved",
               xl(top, "running", "0", "save", "g1", "f"), True,
               ["suspend", "destroy"])
        expect("xl save: so is one that has crashed",
               xl(top, "crashed", "0", "save", "g1", "f"), True,
               ["suspend", "destroy"])
        expect("xl save -c: it goes on",
               xl(top, "running", "0", "save", "-c", "g1", "f"), True,
               ["suspend", "resume"])
        expect("xl save: what did not suspend is not resumed",
               xl(top, "running", TIMED_OUT, "save", "-c", "g1", "f"), False,
               ["suspend"], "did not suspend")
        expect("xl save: what failed otherwise is resumed",
               xl(top, "running", FAIL, "save", "g1", "f"), False,
               ["suspend", "resume"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
