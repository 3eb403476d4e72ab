#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rig itself: that what the tests rely on is so.  Run it after a change
of the rig (RIG_NAME as for every test); `make check` leaves it out."""
import os
import struct
import sys
import tempfile
import time

from capture import Capture
from case import Cases, Skip, expect
from host import CommandError
from rig import DIST

cases = Cases("stock")


def packet(sequence, payload, dport=7000):
    tcp = struct.pack(">HHIIBBHHH", 40000, dport, sequence & 0xffffffff, 0,
                      5 << 4, 0x10, 0, 0, 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0,
                     bytes([10, 9, 0, 1]), bytes([10, 9, 0, 2])) + tcp
    return b"\0" * 12 + b"\x08\x00" + ip


@cases.case("rig: the capture search finds text that is cut in two, out of order, sent twice")
def search(_):
    start = 0xfffffffa           # the sequence number wraps in between
    frames = [packet(start, b"abcRAM"), packet(start + 9, b"rker:x"),
              packet(start + 6, b":ma"), packet(start + 6, b":marke"),
              packet(5, b"RAM:m", dport=7001),
              b"\0" * 12 + b"\x08\x06" + b"arp says RAM:other:" + b"\0" * 30]
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\0" * 24)
        for frame in frames:
            file.write(struct.pack("<IIII", 1, 2, len(frame), len(frame)) + frame)
        file.flush()
        capture = Capture(file.name)
        expect(capture.count(b"RAM:marker:") == 1, "cut text: %d" %
               capture.count(b"RAM:marker:"))
        expect(capture.contains(b"RAM:other:"), "text in another protocol")
        expect(not capture.contains(b"RAM:absent:"), "found what is not there")
        after = 24 + sum(16 + len(f) for f in frames[:5])
        expect(not capture.contains(b"RAM:marker:", after), "found before the mark")


@cases.case("rig: commands: exit code, both outputs, input, time limit, background")
def commands(rig):
    result = rig.a.run("cat; echo err >&2; exit 3", data="in", check=False)
    expect((result.code, result.out, result.err) == (3, "in", "err\n"), repr(result))
    try:
        rig.a.run("false")
        expect(False, "a failed command went unnoticed")
    except CommandError:
        pass
    # the child too, not only the shell
    result = rig.b.run("sleep 77 & sleep 78", timeout=1, check=False)
    expect(result.timeout and result.code < 0, "time limit: %r" % result)
    time.sleep(0.5)
    expect(rig.b.run("pgrep -x sleep", check=False).code == 1, "its child lives on")
    job = rig.b.start("echo begun; sleep 0.5; exit 4")
    expect(job.running() and job.wait() == 4, "background exit code")
    expect(job.out() == "begun\n", "background output %r" % job.out())
    job = rig.b.start("sleep 79")
    job.kill()
    expect(job.wait() == -9, "kill in the background")


@cases.case("rig: files: both ways, whole, with their mode")
def files(rig):
    data = os.urandom(3 << 20)
    rig.a.put("/run/deep/er/file", data, 0o751)
    expect(rig.a.get("/run/deep/er/file") == data, "3 MiB came back changed")
    expect(rig.a.run("stat -c %a /run/deep/er/file").out == "751\n", "mode")


@cases.case("rig: a silent link and a pulled cable, and both undone")
def link(rig):
    reach = "echo | socat -T2 -t2 - TCP:%s:9,connect-timeout=2" % rig.b.address
    server = rig.b.start("socat TCP-LISTEN:9,fork,reuseaddr EXEC:cat")
    rig.b.run("until ss -Htln sport = :9 | grep -q .; do sleep 0.1; done", timeout=10)
    try:
        rig.a.run(reach)
        rig.cut()
        expect(rig.a.run(reach, check=False).code, "reached over a silent link")
        expect("state UP" in rig.a.run("ip link show eth0").out, "carrier lost")
        rig.heal()
        rig.a.run(reach)
        rig.a.link(False)
        rig.a.run("until ip link show eth0 | grep -q NO-CARRIER; do sleep 0.2; done",
                  timeout=10)
        rig.a.link(True)
        rig.a.run("until %s; do sleep 0.5; done" % reach, timeout=20)
    finally:
        server.kill()


@cases.case("rig: patched and stock tools in one boot")
def tools(rig):
    path = "/usr/lib/xen-4.17/bin/xl"
    if not os.path.exists(DIST + path):
        raise Skip("no patched tools in %s" % DIST)
    with open(DIST + path, "rb") as file:
        ours = file.read()
    stock = rig.a.get(path)
    expect(stock != ours, "stock's xl is ours")
    rig.a.tools("ours")
    expect(rig.a.get(path) == ours, "ours is not in place")
    rig.a.run("xl info")
    rig.a.tools("stock")
    expect(rig.a.get(path) == stock, "stock's is not back")
    rig.a.run("xl info")


@cases.case("rig: a guest with vif and disk migrates, its network with it; leftovers are told")
def devices(rig):
    for host in rig.hosts:
        host.run("truncate -s 8M /run/disk.img; losetup -D; losetup /dev/loop0 /run/disk.img")
    clean = [host.residue() for host in rig.hosts]
    guest = rig.guest("net1", marker="net", ip="10.9.0.20",
                      disk="/dev/loop0").create(rig.a)
    expect("domain net1 " in rig.a.leftovers(clean[0]), "no leftover seen")
    echo = "echo hello | socat -t60 - TCP:10.9.0.20:7,connect-timeout=30"
    expect(rig.b.run(echo).out == "hello\n", "guest's network before")
    moved = rig.migrate_plain(guest, rig.a, rig.b)
    expect(guest.runs_only_on(rig.b), "it runs on %s" % guest.running_on())
    expect(rig.a.run(echo).out == "hello\n", "guest's network after")
    expect(not rig.a.leftovers(clean[0]), "left: %s" % rig.a.leftovers(clean[0]))
    guest.destroy()
    for host in rig.hosts:
        host.run("losetup -d /dev/loop0")
    return str(moved)


@cases.case("rig: two running copies are seen as two")
def copies(rig):
    # the same name on both hosts: what no migration may ever leave
    first = rig.guest("g2", marker="two").create(rig.a)
    rig.guest("g2", marker="two").create(rig.b)
    places = {host for host, _ in first.running_on()}
    expect(places == {"A", "B"}, "seen on %s" % places)
    expect(not first.runs_only_on(rig.a), "two taken for one")
    first.destroy()
    expect(not first.running_on(3, 3), "it ticks after its end")


@cases.case("rig: each host has a TPM: firmware and kernel have measured the boot")
def tpm(rig):
    pcrs = rig.both(lambda host: host.pcrs())
    expect(pcrs["A"] == pcrs["B"], "they booted the same: %s" % pcrs)
    for pcr in (*range(8), 10):
        expect(int(pcrs["A"][pcr], 16), "PCR %d has not been extended" % pcr)
    seeds = [host.run("tpm2_createprimary -Q -C o -G ecc -c /run/p.ctx &&"
                      " tpm2_readpublic -Q -c /run/p.ctx -o /run/p.pub &&"
                      " sha256sum </run/p.pub").out for host in rig.hosts]
    expect(seeds[0] != seeds[1], "one TPM for both")
    size = rig.a.run("cat /sys/kernel/security/tpm0/binary_bios_measurements | wc -c")
    expect(int(size.out) > 500, "no event log of the firmware")
    # IMA: the kernel measures what a rule names, into PCR 10
    rig.a.ima("measure func=BPRM_CHECK fowner=4711")
    rig.a.run("true")
    expect(rig.a.pcrs()[10] == pcrs["A"][10], "measured what no rule names")
    rig.a.run("install -o 4711 /bin/true /run/measured && /run/measured")
    expect(rig.a.pcrs()[10] != pcrs["A"][10], "not measured")


@cases.case("rig: a TPM that does not answer for a while; one that is cleared")
def tpm_faults(rig):
    rig.a.freeze_tpm()
    try:
        stuck = rig.a.run("tpm2_getrandom --hex 8", timeout=2, check=False)
        expect(stuck.timeout, "it answered: %r" % stuck)
    finally:
        rig.a.freeze_tpm(False)
    rig.a.run("tpm2_getrandom --hex 8")
    before, again, after = (rig.a.run(
        "tpm2_createprimary -Q -C o -G ecc -c /run/p.ctx && tpm2_readpublic -Q"
        " -c /run/p.ctx -o /run/p.pub && sha256sum </run/p.pub%s"
        % then).out for then in ("", "; tpm2_clear -c l", ""))
    expect(before == again, "another storage key each time")
    expect(before != after, "the same storage key after clearing")


@cases.case("rig: a host comes back from a power cut without its guests; its TPM measures anew")
def power(rig):
    rig.guest("g3").create(rig.b)
    rig.b.put("/var/lib/survives", "yes")
    booted = rig.b.pcrs()
    rig.b.extend(9, "another kernel")
    extended = rig.b.pcrs()
    expect([n for n in booted if booted[n] != extended[n]] == [9], "PCR 9 alone")
    rig.b.power_cycle()
    rig.b.run("until xl info; do sleep 0.5; done", timeout=60)
    expect(not rig.b.domains(), "guests: %s" % rig.b.domains())
    expect(rig.b.get("/var/lib/survives") == b"yes", "the disk was lost")
    expect(rig.b.pcrs() == booted, "the same boot measures otherwise")


if __name__ == "__main__":
    sys.exit(cases.main())
