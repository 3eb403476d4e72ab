# SPDX-License-Identifier: LGPL-2.1-or-later
"""ML-KEM-768 in plain Python, written from FIPS 203 (August 2024), to check
the one in libsodium against.  Slow, and not constant in time: for tests only.

Names are those of the standard; "Algorithm n" is its number there.
"""
import hashlib

N, Q, K, ETA, DU, DV = 256, 3329, 3, 2, 10, 4       # table 2; ETA1 = ETA2


def g(data):
    h = hashlib.sha3_512(data).digest()
    return h[:32], h[32:]


def h(data):
    return hashlib.sha3_256(data).digest()


def j(data):
    return hashlib.shake_256(data).digest(32)


def prf(s, b):
    return hashlib.shake_256(s + bytes([b])).digest(64 * ETA)


def bit_reverse7(i):
    return int("{:07b}".format(i)[::-1], 2)


ZETA = [pow(17, bit_reverse7(i), Q) for i in range(128)]
GAMMA = [pow(17, 2 * bit_reverse7(i) + 1, Q) for i in range(128)]


def byte_encode(d, f):
    """Algorithm 5."""
    bits = 0
    for i, c in enumerate(f):
        bits |= c << (i * d)
    return bits.to_bytes(32 * d, "little")


def byte_decode(d, data):
    """Algorithm 6."""
    assert len(data) == 32 * d
    bits = int.from_bytes(data, "little")
    f = [bits >> (i * d) & ((1 << d) - 1) for i in range(N)]
    return [c % Q for c in f] if d == 12 else f


def compress(d, f):
    """Equation 4.7: round(2^d / q * x) mod 2^d, halves up."""
    return [((c << (d + 1)) + Q) // (2 * Q) % (1 << d) for c in f]


def decompress(d, f):
    """Equation 4.8: round(q / 2^d * y), halves up."""
    return [(c * Q * 2 + (1 << d)) >> (d + 1) for c in f]


def sample_ntt(seed):
    """Algorithm 7: as many bytes of SHAKE128 as it takes."""
    size = 840
    while True:
        stream = hashlib.shake_128(seed).digest(size)
        a = []
        for i in range(0, size - 2, 3):
            d1 = stream[i] + 256 * (stream[i + 1] % 16)
            d2 = stream[i + 1] // 16 + 16 * stream[i + 2]
            a += [d for d in (d1, d2) if d < Q]
        if len(a) >= N:
            return a[:N]
        size += 168


def sample_cbd(data):
    """Algorithm 8."""
    bits = [data[i // 8] >> (i % 8) & 1 for i in range(8 * len(data))]
    f = []
    for i in range(N):
        x = sum(bits[2 * i * ETA + t] for t in range(ETA))
        y = sum(bits[2 * i * ETA + ETA + t] for t in range(ETA))
        f.append((x - y) % Q)
    return f


def ntt(f):
    """Algorithm 9."""
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            for t in range(start, start + length):
                x = ZETA[i] * f[t + length] % Q
                f[t + length] = (f[t] - x) % Q
                f[t] = (f[t] + x) % Q
            i += 1
        length //= 2
    return f


def ntt_inverse(f):
    """Algorithm 10."""
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            for t in range(start, start + length):
                x = f[t]
                f[t] = (x + f[t + length]) % Q
                f[t + length] = ZETA[i] * (f[t + length] - x) % Q
            i -= 1
        length *= 2
    return [c * 3303 % Q for c in f]


def multiply(f, g_):
    """Algorithms 11 and 12."""
    out = []
    for i in range(128):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g_[2 * i], g_[2 * i + 1]
        out.append((a0 * b0 + a1 * b1 * GAMMA[i]) % Q)
        out.append((a0 * b1 + a1 * b0) % Q)
    return out


def add(*fs):
    return [sum(cs) % Q for cs in zip(*fs)]


def dot(fs, gs):
    return add(*[multiply(f, g_) for f, g_ in zip(fs, gs)])


def matrix(rho):
    return [[sample_ntt(rho + bytes([c, r])) for c in range(K)]
            for r in range(K)]


def pke_keygen(d):
    """Algorithm 13."""
    rho, sigma = g(d + bytes([K]))
    a = matrix(rho)
    s = [ntt(sample_cbd(prf(sigma, i))) for i in range(K)]
    e = [ntt(sample_cbd(prf(sigma, K + i))) for i in range(K)]
    t = [add(dot(a[i], s), e[i]) for i in range(K)]
    return (b"".join(byte_encode(12, f) for f in t) + rho,
            b"".join(byte_encode(12, f) for f in s))


def pke_encrypt(ek, m, r):
    """Algorithm 14."""
    t = [byte_decode(12, ek[384 * i:384 * (i + 1)]) for i in range(K)]
    a = matrix(ek[384 * K:])
    y = [ntt(sample_cbd(prf(r, i))) for i in range(K)]
    e1 = [sample_cbd(prf(r, K + i)) for i in range(K)]
    e2 = sample_cbd(prf(r, 2 * K))
    u = [add(ntt_inverse(dot([a[k][i] for k in range(K)], y)), e1[i])
         for i in range(K)]
    mu = decompress(1, byte_decode(1, m))
    v = add(ntt_inverse(dot(t, y)), e2, mu)
    return (b"".join(byte_encode(DU, compress(DU, f)) for f in u) +
            byte_encode(DV, compress(DV, v)))


def pke_decrypt(dk, c):
    """Algorithm 15."""
    u = [decompress(DU, byte_decode(DU, c[32 * DU * i:32 * DU * (i + 1)]))
         for i in range(K)]
    v = decompress(DV, byte_decode(DV, c[32 * DU * K:]))
    s = [byte_decode(12, dk[384 * i:384 * (i + 1)]) for i in range(K)]
    su = ntt_inverse(dot(s, [ntt(f) for f in u]))
    w = [(a - b) % Q for a, b in zip(v, su)]
    return byte_encode(1, compress(1, w))


def keygen(d, z):
    """Algorithm 16: (encapsulation key, decapsulation key)."""
    ek, dk = pke_keygen(d)
    return ek, dk + ek + h(ek) + z


def encaps(ek, m):
    """Algorithm 17, after the checks of section 7.2: (shared secret,
    ciphertext)."""
    assert len(ek) == 384 * K + 32
    for i in range(K):
        part = ek[384 * i:384 * (i + 1)]
        if byte_encode(12, byte_decode(12, part)) != part:
            raise ValueError("modulus check")
    k, r = g(m + h(ek))
    return k, pke_encrypt(ek, m, r)


def decaps(dk, c):
    """Algorithm 18."""
    pke, ek = dk[:384 * K], dk[384 * K:768 * K + 32]
    hash_, z = dk[768 * K + 32:768 * K + 64], dk[768 * K + 64:]
    m = pke_decrypt(pke, c)
    k, r = g(m + hash_)
    return k if pke_encrypt(ek, m, r) == c else j(z + c)


def accumulated(n):
    """The digest over n random key pairs, encapsulations and decapsulations
    that implementations compare (Go's crypto/mlkem, TestAccumulated)."""
    size = 64 + 32 + 1088
    stream = hashlib.shake_128().digest(n * size)
    out = hashlib.shake_128()
    for i in range(n):
        part = stream[i * size:(i + 1) * size]
        ek, dk = keygen(part[:32], part[32:64])
        k, c = encaps(ek, part[64:96])
        assert decaps(dk, c) == k
        out.update(ek + c + k + decaps(dk, part[96:]))
    return out.digest(32).hex()
