#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two real Xen hosts whose processors differ: the second lacks what guests of
the first have been told that they have (make faults: it boots hosts of its
own).

Goal of this test
- a guest that has seen features that the destination's processor lacks is
  refused before it is suspended, and goes on; nothing is left;
- a guest that has seen no more than both have crosses, both ways."""
import sys
import time

from case import Cases, expect
from migration import lab, outcome, the_guest

LACKING = "aes=off,pclmulqdq=off,sse4.2=off"
cases = Cases("ours", lacks=LACKING)


@cases.case("unlike: a guest that has seen more than the destination's processor has is"
            " refused before it is suspended", long=True)
def refused(rig):
    flags = rig.both(lambda host: host.run("xl info hw_caps; grep -m1 ^flags"
                                           " /proc/cpuinfo").out.split())
    expect("aes" in flags["A"] and "aes" not in flags["B"], "the hosts are alike")
    guest, source = the_guest(rig)
    expect(source is rig.a, "it runs on %s" % source)
    since = time.monotonic()
    result = lab(rig).migrate(guest, source, check=False)
    expect(result.code not in (0, 32), "exit code %d: %s" % (result.code, result.err))
    outcome(rig, guest, since, [source])
    gap = guest.longest_gap(since)
    expect("state=SENT" not in lab(rig).log(source), "it was suspended")
    return "xl %d after %.1f s, stood still %.1f s: %s" % (
        result.code, result.seconds, gap, result.err.splitlines()[-1])


@cases.case("unlike: a guest of the lesser host crosses, both ways", long=True)
def crosses(rig):
    guest, _ = the_guest(rig)
    guest.destroy()
    guest.create(rig.b)
    since = time.monotonic()
    for source in (rig.b, rig.a):
        lab(rig).migrate(guest, source)
        outcome(rig, guest, since, [source.other])


if __name__ == "__main__":
    sys.exit(cases.main())
