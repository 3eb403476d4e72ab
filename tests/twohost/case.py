# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases of a test file: one line each, a time limit each.

    @case("link cut in the middle")
    def _(lab): ...

    main(make_lab)

A case fails by an exception (AssertionError, or anything else); Skip skips.
After each case the lab is checked for leftovers, which fail the case.
"""
import os
import signal
import sys
import time
import traceback

CASES = []
LIMIT = 60


class Skip(Exception):
    pass


class TooLong(Exception):
    pass


def case(name, limit=LIMIT, leftovers=True):
    def register(f):
        CASES.append((name, f, limit, leftovers))
        return f
    return register


def equal(got, want, what):
    if got != want:
        raise AssertionError("%s: %r, expected %r" % (what, got, want))


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def one_line(e):
    text = str(e) or type(e).__name__
    if not isinstance(e, AssertionError):
        where = traceback.extract_tb(e.__traceback__)[-1]
        text = "%s: %s (%s:%d)" % (type(e).__name__, text,
                                   os.path.basename(where.filename),
                                   where.lineno)
    return " ".join(text.split())[:600]


def _alarm(*_):
    raise TooLong("the case took too long")


def main(make_lab):
    """Runs all cases, or those whose name holds an argument's text."""
    prefix = os.path.basename(sys.argv[0])[len("test_"):-len(".py")]
    if os.geteuid() != 0:
        print("skip - twohost/%s: needs root (roles have users of their own)"
              % prefix, flush=True)
        sys.exit(77)
    picked = [c for c in CASES
              if not sys.argv[1:] or any(a in c[0] for a in sys.argv[1:])]
    signal.signal(signal.SIGALRM, _alarm)
    failed = 0
    passed = 0
    lab = None
    for name, f, limit, leftovers in picked:
        title = "twohost/%s: %s" % (prefix, name)
        problem = None
        began = time.monotonic()
        signal.alarm(limit)
        try:
            if lab is None:
                lab = make_lab()
            lab.begin(name)
            f(lab)
        except Skip as e:
            signal.alarm(0)
            print("skip - %s: %s" % (title, e), flush=True)
            continue
        except Exception as e:          # noqa: B902
            problem = one_line(e)
            if os.environ.get("VERBOSE"):
                traceback.print_exc()
        signal.alarm(30)
        try:
            if lab is not None:
                left = lab.finish(leftovers and not problem)
                problem = problem or left
        except Exception as e:          # noqa: B902
            problem = problem or one_line(e)
        signal.alarm(0)
        if problem:
            failed += 1
            print("not ok - %s: %s" % (title, problem), flush=True)
            if lab is not None:
                lab.show_logs()
                lab.close()
                lab = None              # the next case gets a fresh one
        else:
            passed += 1
            print("ok - %s" % title, flush=True)
        if os.environ.get("VERBOSE"):
            print("#   %.1f s" % (time.monotonic() - began), flush=True)
    if lab is not None:
        lab.close()
    sys.exit(1 if failed else 0 if passed else 77)
