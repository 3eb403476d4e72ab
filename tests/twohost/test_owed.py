#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host that is owed an answer gets it, whatever the settings require by
then: they were changed while the handover was open.  And it brings no guest
that way."""
import os
import signal

import case
import doubt
import host
from case import Skip, check, equal
from doubt import in_doubt, settles

NOT_ALLOWED, REFUSED_LOCAL, REFUSED_REMOTE, UNMET = 17, 20, 21, 29
DAY = 86400


def after(lab, h, other, settings, refusal):
    """A handover is open; the daemon of `h` comes back with other settings,
    and `other` has no post-quantum handshake if they require that.  It is
    settled; a new guest is refused."""
    g = lab.guest()
    in_doubt(lab, g)
    h.stop(signal.SIGTERM)
    h.configure(**settings)
    try:
        h.launch()
        lab.cable.lighten()
        settles(lab, g, lab.b)
        if refusal:
            new = lab.guest()
            out = lab.migrate(new).wait()
            equal(out["code"], refusal[0], out["text"])
            check(refusal[1] in out["text"], out["text"])
            new.must_run_on(lab.a)
    finally:
        h.stop()
        h.configure(**{k: None for k in settings})
        h.start()


def classic(lab, h, other, refusal):
    if not host.post_quantum():
        raise Skip("this build's libsodium has no ML-KEM-768")
    other.stop()
    other.configure(post_quantum="off")
    other.start()
    try:
        after(lab, h, other, {"post_quantum": "require"}, refusal)
    finally:
        other.stop()
        other.configure(post_quantum=None)
        other.start()


@case.case("B requires the post-quantum handshake by now, and A has none: it "
           "is settled, and no guest is let in", 120)
def _(lab):
    classic(lab, lab.b, lab.a, (REFUSED_REMOTE, "hostB requires the "
                                "post-quantum handshake, which hostA has not"))


@case.case("A requires the post-quantum handshake by now, and B has none: it "
           "is settled, and no guest is sent", 120)
def _(lab):
    classic(lab, lab.a, lab.b, (REFUSED_LOCAL, "post-quantum = require"))


@case.case("B demands attestation by now, and A has no TPM: it is settled, "
           "and no guest is let in", 120)
def _(lab):
    after(lab, lab.b, lab.a, {"demand_attestation": "always"},
          (UNMET, "hostA has not proven what it runs"))


@case.case("A demands attestation by now, and B has no TPM: it is settled, "
           "and no guest is sent", 120)
def _(lab):
    after(lab, lab.a, lab.b, {"demand_attestation": "always"}, None)


@case.case("days later, and not paired with B any more, A is told that its "
           "guest was refused: it goes on", 120)
def _(lab):
    g, b = lab.guest(), lab.b
    in_doubt(lab, g, "released")
    b.power_off()
    b.boot()
    paired, kept = b.etc + "/hosts/hostA", b.etc + "/hostA"
    os.rename(paired, kept)
    try:
        b.launch()
        check(host.wait_until(lambda: [(r["state"], r["closed"])
                                       for r in b.records(g)] ==
                              [("REFUSED", True)], 20), "it is not refused")
        b.ages(3 * DAY)
        lab.cable.lighten()
        settles(lab, g, lab.a)
        out = lab.migrate(lab.guest()).wait()
        equal(out["code"], NOT_ALLOWED, out["text"])
    finally:
        b.stop()
        os.rename(kept, paired)
        b.start()


if __name__ == "__main__":
    case.main(doubt.make_lab)
