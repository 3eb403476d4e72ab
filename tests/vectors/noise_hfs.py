# SPDX-License-Identifier: LGPL-2.1-or-later
"""Noise XXhfs_25519+MLKEM768_ChaChaPoly once more, in plain Python: X25519
from RFC 7748, ChaCha20-Poly1305 from RFC 8439, ML-KEM-768 from FIPS 203
(mlkem768.py), Noise from revision 34 and the draft of Noise HFS.  Nothing is
shared with the library but the specifications.

    noise_hfs.py PROGRAM      PROGRAM is the built noise_hfs

First it is checked itself against what others have published; then the
library's messages, hash and keys must be the same from the same seeds.
"""
import hashlib
import hmac
import os
import subprocess
import sys

import mlkem768

P = 2 ** 255 - 19


def x25519(secret, u):
    """RFC 7748, section 5."""
    k = bytearray(secret)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(u, "little") & (2 ** 255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public(secret):
    return x25519(secret, bytes([9]) + bytes(31))


def chacha20_block(key, counter, nonce):
    """RFC 8439, section 2.3."""
    def word(b, i):
        return int.from_bytes(b[4 * i:4 * i + 4], "little")

    def rotate(x, n):
        return (x << n | x >> (32 - n)) & 0xffffffff

    s = ([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] +
         [word(key, i) for i in range(8)] + [counter] +
         [word(nonce, i) for i in range(3)])
    w = list(s)
    rounds = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
              (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
    for _ in range(10):
        for a, b, c, d in rounds:
            for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8),
                               (c, d, b, 7)):
                w[x] = (w[x] + w[y]) & 0xffffffff
                w[z] = rotate(w[z] ^ w[x], n)
    return b"".join(((x + y) & 0xffffffff).to_bytes(4, "little")
                    for x, y in zip(w, s))


def seal(key, n, ad, plaintext):
    """RFC 8439, section 2.8; the nonce is Noise's (section 12.3)."""
    nonce = bytes(4) + n.to_bytes(8, "little")
    stream = b"".join(chacha20_block(key, 1 + i, nonce)
                      for i in range((len(plaintext) + 63) // 64))
    c = bytes(x ^ y for x, y in zip(plaintext, stream))
    otk = chacha20_block(key, 0, nonce)[:32]
    r = (int.from_bytes(otk[:16], "little") &
         0x0ffffffc0ffffffc0ffffffc0fffffff)
    data = (ad + bytes(-len(ad) % 16) + c + bytes(-len(c) % 16) +
            len(ad).to_bytes(8, "little") + len(c).to_bytes(8, "little"))
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r
        acc %= 2 ** 130 - 5
    acc += int.from_bytes(otk[16:], "little")
    return c + (acc % 2 ** 128).to_bytes(16, "little")


class Symmetric:
    """Noise, section 5.2, of one who writes."""

    def __init__(self, protocol, prologue):
        self.hash = {"BLAKE2b": hashlib.blake2b,
                     "SHA256": hashlib.sha256}[protocol.split("_")[4]]
        name = protocol.encode()
        size = self.hash().digest_size
        self.h = (name.ljust(size, b"\0") if len(name) <= size
                  else self.hash(name).digest())
        self.ck, self.k, self.n = self.h, None, 0
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.h = self.hash(self.h + data).digest()

    def hkdf2(self, ikm):
        def mac(key, data):
            return hmac.new(key, data, self.hash).digest()
        temp = mac(self.ck, ikm)
        first = mac(temp, b"\1")
        return first, mac(temp, first + b"\2")

    def mix_key(self, ikm):
        self.ck, k = self.hkdf2(ikm)
        self.k, self.n = k[:32], 0

    def encrypt_and_hash(self, data):
        if self.k is not None:
            data = seal(self.k, self.n, self.h, data)
            self.n += 1
        self.mix_hash(data)
        return data

    def split(self):
        a, b = self.hkdf2(b"")
        return a[:32], b[:32]


def handshake(protocol, prologue, static, ephemeral, kem_seed, encaps_seed,
              payloads):
    """XXhfs: the three messages, the hash, the two keys."""
    (si, sr), (ei, er) = static, ephemeral
    s = Symmetric(protocol, prologue)
    ek, dk = mlkem768.keygen(kem_seed[:32], kem_seed[32:])
    # -> e, e1
    s.mix_hash(public(ei))
    m1 = public(ei) + s.encrypt_and_hash(ek)
    m1 += s.encrypt_and_hash(payloads[0])
    # <- e, ee, ekem1, s, es
    s.mix_hash(public(er))
    s.mix_key(x25519(er, public(ei)))
    shared, c = mlkem768.encaps(ek, encaps_seed)
    assert mlkem768.decaps(dk, c) == shared
    m2 = public(er) + s.encrypt_and_hash(c)
    s.mix_key(shared)
    m2 += s.encrypt_and_hash(public(sr))
    s.mix_key(x25519(sr, public(ei)))
    m2 += s.encrypt_and_hash(payloads[1])
    # -> s, se
    m3 = s.encrypt_and_hash(public(si))
    s.mix_key(x25519(si, public(er)))
    m3 += s.encrypt_and_hash(payloads[2])
    return [m1, m2, m3, s.h, *s.split()]


# ---- what others have published ----

XXHFS = "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_"

# Handshake hash and keys of vector 1 in the specification of libp2p's hybrid
# handshake (libp2p/specs, pull request 723; js-libp2p-noise, pull request
# 665), which implementations in four languages reproduce.  All seeds are one
# repeated byte; no prologue, empty payloads.
LIBP2P = [
    "b5a3c9854777aa5dad0a633c769bcc6662713f20f14e0371e4bfd253e1869eef",
    "0a825d67cbf14170dcccf6f5c54d50f46a9a23541122654f5bec41ef0a5657e5",
    "f8546817671a440fd8df45b26fd6b45ebbf39e4207455ca12bc6d56ac0b35ebc",
]
LIBP2P_SEEDS = ([b"\x11" * 32, b"\x12" * 32], [b"\x13" * 32, b"\x14" * 32],
                b"\x15" * 64, b"\x16" * 32)

# Go's crypto/mlkem, TestAccumulated with 100 iterations.
ACCUMULATED_100 = \
    "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"


def itself():
    nine = bytes([9]) + bytes(31)
    yield "X25519 of RFC 7748, section 5.2", x25519(nine, nine).hex() == (
        "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079")
    yield "ChaCha20 of RFC 8439, section 2.3.2", \
        chacha20_block(bytes(range(32)), 1,
                       bytes.fromhex("000000090000004a00000000")) \
        .hex().startswith("10f1e7e4d13b5915500fdd1fa32071c4")
    yield "100 key pairs of ML-KEM-768", \
        mlkem768.accumulated(100) == ACCUMULATED_100
    yield "the published XXhfs handshake", [
        x.hex() for x in handshake(XXHFS + "SHA256", b"", *LIBP2P_SEEDS,
                                   [b""] * 3)[3:]] == LIBP2P


# ---- the library ----

def library(program, protocol, prologue, static, ephemeral, kem_seed,
            encaps_seed, payloads):
    args = [prologue, *static, *ephemeral, kem_seed, encaps_seed, *payloads]
    out = subprocess.run([program, protocol] + [a.hex() for a in args],
                         stdout=subprocess.PIPE, check=True)
    return [bytes.fromhex(line) for line in out.stdout.decode().split()]


def from_seed(seed, *sizes):
    stream = hashlib.shake_256(seed).digest(sum(sizes))
    parts, at = [], 0
    for size in sizes:
        parts.append(stream[at:at + size])
        at += size
    return parts


def compare(program):
    ours = [x.hex() for x in library(program, XXHFS + "SHA256", b"",
                                     *LIBP2P_SEEDS, [b""] * 3)[3:]]
    yield "the published XXhfs handshake", ours == LIBP2P
    # The prologue and payload sizes that hosts use, and others.
    for i, sizes in enumerate([(19, 0, 4352, 4352), (0, 0, 0, 0),
                               (1, 100, 1, 63), (64, 0, 64, 65)]):
        si, sr, ei, er, d, m, prologue, p1, p2, p3 = from_seed(
            b"xen-secmig %d" % i, 32, 32, 32, 32, 64, 32, *sizes)
        for name in ("BLAKE2b", "SHA256"):
            args = (XXHFS + name, prologue, (si, sr), (ei, er), d, m,
                    [p1, p2, p3])
            yield ("messages, hash and keys of XXhfs with %s, case %d" %
                   (name, i), library(program, *args) == handshake(*args))
    # ... and one that nobody could foresee.
    seed = os.urandom(16)
    si, sr, ei, er, d, m, p2 = from_seed(seed, 32, 32, 32, 32, 64, 32, 200)
    args = (XXHFS + "BLAKE2b", seed, (si, sr), (ei, er), d, m, [b"", p2, b""])
    yield ("messages, hash and keys of XXhfs from seed " + seed.hex(),
           library(program, *args) == handshake(*args))


def main():
    program = sys.argv[1]
    failed = 0
    for name, good in itself():
        print("%s - Python: %s" % ("ok" if good else "not ok", name))
        failed += not good
    if subprocess.run([program], check=False).returncode == 77:
        print("skip - Noise XXhfs: this build's libsodium has no ML-KEM-768")
    else:
        for name, good in compare(program):
            print("%s - library: %s" % ("ok" if good else "not ok", name))
            failed += not good
    sys.exit(1 if failed else 0)


main()
