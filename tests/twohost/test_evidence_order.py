#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""EVIDENCE that comes too early, too late, twice, or not at all, from a host
whose key is good.  What evidence is worth is test_attestation.py's."""
import os

import case
import host
from case import check
from evil_lab import EVIL, NAME, UUID, Lab

ACCEPT, REFUSE, EVIDENCE = 2, 3, 7
NOW = 2500 * host.SCALE
D = host.DEADLINES
NONCE = "6e" * 32


def request(lab):
    return ["request", lab.config(), NAME, UUID, 98304, 0]


def noise(lab, size=100):
    path = lab.dir + "/noise"
    with open(path, "wb") as f:
        f.write(os.urandom(size))
    return path


def no_xl(lab):
    check(not lab.b.events("xl"), "xl was started on B")


def demanding():
    return Lab(**{"demand-attestation": "always", "tpm-timeout": 2})


@case.case("B demands evidence of who dials, and says so in the handshake")
def _(lab):
    out = lab.evil("handshake", "alive", 300)
    check("got DEMAND " in out and "got DEMAND " + "0" * 64 not in out, out)
    other = lab.evil("handshake", "alive", 300)
    nonces = [line.split()[2] for line in (out + other).splitlines()
              if line.startswith("got DEMAND")]
    check(len(set(nonces)) == 2, "the same nonce twice")


@case.case("REQUEST in place of the EVIDENCE that is owed")
def _(lab):
    lab.evil("handshake", *request(lab), "closed", NOW)
    check(lab.b.logged("malformed or out of turn"), "not in B's log")
    no_xl(lab)


@case.case("EVIDENCE twice")
def _(lab):
    lab.evil("handshake", "unable", "no TPM", "unable", "really none",
             "closed", NOW)
    lab.evil("handshake", "evidence", noise(lab), "evidence", noise(lab),
             "closed", NOW)
    no_xl(lab)


@case.case("EVIDENCE after REQUEST")
def _(lab):
    lab.evil("handshake", "unable", "no TPM", *request(lab), "control",
             EVIDENCE, "000000000001" + "78", "closed", NOW)
    no_xl(lab)


@case.case("EVIDENCE that is malformed, empty, or longer than allowed")
def _(lab):
    for body in ("-", "00", "00000000" "0000", "00000001" "78" "0001" "78",
                 "00000001" "78" "0000" "00", "00000000" "0001" "0a",
                 "ffffffff" "0000", "00001001" + "78" * 4097 + "0000"):
        lab.evil("handshake", "control", EVIDENCE, body, "closed", NOW)
    lab.evil("handshake", "claim", EVIDENCE, 5000, "closed", NOW)
    lab.evil("handshake", "claim", EVIDENCE, 0xffffffff, "closed", NOW)
    no_xl(lab)


@case.case("EVIDENCE that never comes: a bounded wait")
def _(lab):
    lab.evil("handshake", "closed", 1000 * (
        D["answer-timeout"] + 2 + host.ROOM))


@case.case("EVIDENCE of noise: no guest on its strength")
def _(lab):
    for size in (1, 100, 4096):
        lab.evil("handshake", "evidence", noise(lab, size), *request(lab),
                 "closed", NOW + 1000 * D["answer-timeout"])
    no_xl(lab)


@case.case("evil demands evidence of a B without a TPM: told why there is none")
def _(lab):
    out = lab.evil("demand", NONCE, "handshake", "unable", "no TPM",
                   "expect", EVIDENCE, 1000 * (3 + host.ROOM))
    line = [x for x in out.splitlines() if x.startswith("got EVIDENCE 0 ")]
    check(line and len(line[0]) > len("got EVIDENCE 0 "), out)


@case.case("one that demands evidence and hurries on: not before it has it")
def _(lab):
    # REQUEST has no place while B owes: B refuses it
    lab.evil("demand", NONCE, "handshake", "unable", "no TPM",
             *request(lab), "closed", NOW + 1000 * D["answer-timeout"])
    no_xl(lab)


@case.case("a destination that owes evidence and answers with silence")
def _(lab):
    # A demands it of evil, too
    lab.evil_host("handshake", "closed", 1000 * (
        2 * D["answer-timeout"] + 2 + host.ROOM))
    lab.fails(lab.guest(), tuple(range(1, 32)), dst="evil",
              within=2 * D["answer-timeout"] + 2 + host.ROOM)


@case.case("a destination that owes evidence and answers with ACCEPT")
def _(lab):
    e = lab.evil_host("handshake", "accept", "closed", NOW)
    lab.fails(lab.guest(), (16,), dst="evil", within=host.SOON)
    e.wait(10)


@case.case("a destination that cannot: A says so, and tells no guest's name")
def _(lab):
    e = lab.evil_host("handshake", "unable", "there is no TPM here",
                      "expect", 5, NOW + 1000 * D["answer-timeout"],
                      "closed", NOW)
    out = lab.fails(lab.guest(), tuple(range(1, 32)), dst="evil",
                    within=host.SOON)
    text = e.communicate()[0]
    check("got REQUEST" not in text, text)
    check("TPM" in out["text"] or "prove" in out["text"], out["text"])


if __name__ == "__main__":
    if not os.path.exists(EVIL):
        print("not ok - twohost/evidence_order: %s is not built (make unit)"
              % EVIL)
        raise SystemExit(1)
    case.main(demanding)
