# SPDX-License-Identifier: LGPL-2.1-or-later
"""What root sees in a process's memory, and keys to look for in it."""
import re
import subprocess

import host
from case import equal


def areas(pid):
    """(first, end) of each area that can be read and has pages."""
    with open("/proc/%d/smaps" % pid) as f:
        for line in f:
            w = line.split()
            if not w[0].endswith(":"):
                lo, hi = (int(x, 16) for x in w[0].split("-"))
                readable = "r" in w[1] and w[5:] not in (["[vvar]"],
                                                         ["[vsyscall]"])
            elif w[0] in ("Rss:", "Swap:") and w[1] != "0" and readable \
                    and hi - lo <= 1 << 31:     # else a sanitizer's shadow
                yield lo, hi
                readable = False                # once is enough


def find_any(pid, needles):
    """(which, address) of the first of these byte strings in a process's
    memory, or None; also when it has ended."""
    try:
        return _find_any(pid, needles)
    except (FileNotFoundError, ProcessLookupError):
        return None


def _find_any(pid, needles):
    with open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for lo, hi in areas(pid):
            try:
                mem.seek(lo)
                while lo < hi:
                    data = mem.read(min(hi - lo, 1 << 24))
                    if not data:
                        break
                    for n, needle in enumerate(needles):
                        at = data.find(needle)
                        if at >= 0:
                            return n, lo + at
                    lo += len(data)
            except OSError:
                continue
    return None


def find(pid, needle):
    """Address of these bytes, or None."""
    found = find_any(pid, [needle])
    return found and found[1]


def has(pid, needle):
    return find(pid, needle) is not None


def flags(pid, address):
    """The kernel's flags of the area there: "lo" locked, "dd" not in core
    dumps (proc(5), smaps)."""
    inside = False
    with open("/proc/%d/smaps" % pid) as f:
        for line in f:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
            if m:
                inside = (int(m.group(1), 16) <= address
                          < int(m.group(2), 16))
            elif inside and line.startswith("VmFlags:"):
                return line.split()[1:]
    return []


def static_key(h, name="host-key"):
    """This host's secret key, from its plain sealed object: the 32 bytes
    whose public key is the host's."""
    p = subprocess.run([host.BUILD + "/tests/twohost/evil", "unseal",
                        "%s/%s.sealed" % (h.var, name), h.name],
                       capture_output=True, text=True)
    equal(p.returncode, 0, "unseal: " + p.stdout)
    return bytes.fromhex(p.stdout.strip())


def forms(key):
    """An X25519 key as it may lie about: as it is (its ends are changed by
    clamping, RFC 7748 section 5, so the middle is looked for), in hex, and as
    the signed digits to the base 16 that fixed-base multiplication makes."""
    a = bytearray(key)
    a[0] &= 248
    a[31] = a[31] & 127 | 64
    digits, carry = [d for b in a for d in (b & 15, b >> 4)], 0
    for i in range(63):
        digits[i] += carry
        carry = digits[i] + 8 >> 4
        digits[i] -= carry << 4
    digits[63] += carry
    return {"bytes": key[1:31], "hex": key.hex().encode(),
            "digits": bytes(d & 255 for d in digits)}


def holds(pid, key):
    """In which form a process has a key, "" when in none."""
    names, needles = zip(*forms(key).items())
    found = find_any(pid, needles)
    return names[found[0]] if found else ""
