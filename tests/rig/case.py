# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every test_*.py here is made of: cases on one rig, one line each
("ok - name", "not ok - name: why", "skip - name: why"), exit code 0 when
all are ok, 1 when one failed, 77 when all were skipped.

RIG_NAME=NAME in the environment: the test runs on that rig, boots it if
it is not up and leaves it up.  Arguments: only the cases whose name
contains one of them.  A long case is skipped unless it is so named, or
SECMIG_LONG is set."""
import os
import shutil
import sys
import time
import traceback

from rig import Rig, say


class Failed(Exception):
    """A case's condition does not hold."""


class Skip(Exception):
    """A case cannot run here."""


def expect(condition, why):
    if not condition:
        raise Failed(why)


def first_line(error):
    text = "%s" % error or type(error).__name__
    if not isinstance(error, (Failed, Skip)):
        text = "%s: %s" % (type(error).__name__, text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[:4])


LONG = bool(os.environ.get("SECMIG_LONG") or sys.argv[1:] or
            os.environ.get("SECMIG_FAULTS") == "all")


class Cases:
    def __init__(self, tools, lacks=""):
        self.tools = tools          # which Xen tools: "stock" or "ours"
        self.lacks = lacks          # then on hosts of their own: see Rig
        self.cases = []

    def case(self, name, long=False):
        """Decorator: a function of the rig.  Cases run in order; each one
        that needs a guest or a clean host makes it so itself.
        long: it takes minutes, and shows what seldom changes."""
        def add(function):
            self.cases.append((name, None if long and not LONG else function))
            return function
        return add

    def main(self):
        wanted = [(n, f) for n, f in self.cases if not sys.argv[1:] or
                  any(word in n for word in sys.argv[1:])]
        missing = [p for p in ("qemu-system-x86_64", "mmdebstrap") if not shutil.which(p)]
        if os.getuid():
            missing.append("root")
        if missing:
            for name, _ in wanted:
                print("skip - %s: needs %s" % (name, ", ".join(missing)))
            return 77
        name = os.environ.get("RIG_NAME")
        if self.lacks:
            if not any(function for _, function in wanted):
                for case, _ in wanted:
                    self.one(None, case, None)
                return 77
            rig = Rig((name or "tests") + "-unlike", lacks=self.lacks)
        else:
            rig = Rig(name or "tests", keep=bool(name))
        with rig:
            rig.clean()
            rig.tools(self.tools)
            results = [self.one(rig, n, f) for n, f in wanted]
        if "not ok" in results:
            return 1
        return 77 if set(results) == {"skip"} else 0

    def one(self, rig, name, function):
        if not function:
            print("skip - %s: it takes long (set SECMIG_LONG)" % name, flush=True)
            return "skip"
        start = time.monotonic()
        try:
            note = function(rig)
            result, why = "ok", None
        except Skip as reason:
            result, why = "skip", first_line(reason)
        except Exception as error:
            result, why, note = "not ok", first_line(error), None
            traceback.print_exc()
        print("%s - %s%s" % (result, name, ": " + why if why else ""), flush=True)
        if result == "ok":
            say("%5.1f s%s" % (time.monotonic() - start, ": " + note if note else ""))
        else:
            # what one case left must not fail the next
            rig.clean()
        return result
