#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""migrate_says.py XL PRELOAD: what xl migrate --secure says of a domain that
has not moved.

Goal of this test
- "resumed at sender" is said of a domain that is there, "gone at sender" of
  one that was destroyed meanwhile, before or after it was handed over;
- the reason and the exit code are the daemon's in both cases;
- what was handed over is not resumed by xl, what was not is.

The real xl runs, with migrate_says.c in place of the domain and the daemon."""
import os
import subprocess
import sys
import tempfile

XL, PRELOAD = sys.argv[1:]
NOTFOUND, DOMAIN_NOTFOUND, FAIL = -23, -21, -3  # libxl_error
RESUMED = "Migration failed, resumed at sender: the reason\n"
GONE = "Migration failed, the domain is gone at sender: the reason\n"
failed = False


def expect(name, words, done, suspend=0, handed=0, verdict=24, after=0):
    global failed
    with tempfile.NamedTemporaryFile("w") as conf:
        conf.write('autoballoon = "off"\n')
        conf.flush()
        env = dict(os.environ, LD_PRELOAD=PRELOAD, XL_CONF=conf.name,
                   SUSPEND=str(suspend), HANDED=str(handed),
                   VERDICT=str(verdict), AFTER=str(after))
        p = subprocess.run([XL, "migrate", "--secure", "g1", "hostB"], env=env,
                           text=True, capture_output=True, timeout=60)
    wrong = []
    if p.returncode != verdict:
        wrong.append("exit %d" % p.returncode)
    for line in (RESUMED, GONE):
        if (line in p.stderr) != (line == words):
            wrong.append("%r is %ssaid" % (line, "" if line in p.stderr
                                           else "not "))
    if p.stdout.split("\n")[:-1] != done:
        wrong.append("done: %s" % p.stdout.split("\n"))
    failed |= bool(wrong)
    print("%sok - migrate --secure: %s%s" % (
        "not " if wrong else "", name, ": " + "; ".join(wrong) if wrong else ""))
    if wrong:
        print("# " + p.stderr.replace("\n", "\n# "))


def main():
    over = ["suspend", "hand over"]
    expect("handed over, and it stays", RESUMED, over)
    expect("handed over, it stays, and has gone meanwhile", GONE, over,
           after=DOMAIN_NOTFOUND)
    expect("handed over, it stays, and is dying", GONE, over, after=1)
    expect("whether it is there cannot be seen: not said to be gone", RESUMED,
           over, after=FAIL)
    back = ["suspend", "resume", "end"]
    expect("it cannot be sent", RESUMED, back, suspend=FAIL, verdict=14)
    expect("it cannot be sent, since it has gone", GONE, back, suspend=FAIL,
           verdict=14, after=DOMAIN_NOTFOUND)
    back.insert(1, "hand over")
    expect("not taken over, and resumed", RESUMED, back, handed=NOTFOUND,
           verdict=14)
    expect("not taken over, and gone", GONE, back, handed=NOTFOUND, verdict=14,
           after=DOMAIN_NOTFOUND)


if __name__ == "__main__":
    main()
    sys.exit(failed)
