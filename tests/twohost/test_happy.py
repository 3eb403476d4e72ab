#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest moves between two daemons: whole, once, and unseen on the wire."""
import json
import os

import case
import host
import proxy
from case import check, equal

KEY = 1 << 20           # records: SM_RECORD_REKEY_RECORDS


@case.case("there and back, several times")
def _(lab):
    g = lab.guest()
    for n in range(2):
        lab.succeeds(g, seed="there%d" % n)
        lab.succeeds(g, lab.b, "hostA", seed="back%d" % n)
    with open(lab.shared + "/starts") as f:
        starts = [line for line in f if line.startswith(g.uuid)]
    equal(len(starts), 5, "times the guest was started")


@case.case("the outcome is told: answer, result, rule of each host in the log")
def _(lab):
    g = lab.guest()
    out = lab.succeeds(g)
    check(out["text"], "RESULT without a text")
    check(lab.a.logged(r"%s.*lab-out" % g.name), "A does not log its rule")
    check(lab.b.logged(r"%s.*lab-in" % g.name), "B does not log its rule")


@case.case("an empty guest, and one that ends on every record boundary")
def _(lab):
    for size in (0, 1, 65535, 65536, 262143, 262144, 262145, 524288):
        g = lab.guest()
        lab.succeeds(g, size=size, chunk=262144)


@case.case("64 MiB arrive unharmed")
def _(lab):
    g = lab.guest()
    out = lab.succeeds(g, size=64 << 20, chunk=1 << 20)
    got = lab.b.events("xl", "stream-hash")[0]
    equal(got["bytes"], 64 << 20, "bytes")
    equal(got["sha256"], out["sha256"], "hash")


@case.case("xl gets: its arguments, three descriptors, the checked config")
def _(lab):
    g = lab.guest(disks=[{"pdev_path": "/dev/vg0/x", "vdev": "xvda",
                          "backend": "phy", "format": "raw",
                          "readwrite": 1}],
                  nics=[{"devid": 0, "mac": "00:16:3e:00:00:01",
                         "bridge": "xenbr0"}])
    conf = lab.a.find(g)["config"]
    lab.succeeds(g)
    argv = lab.b.events("xl", "argv")[0]
    equal(argv["argv"], ["migrate-receive", "--secure"], "argv")
    # the fourth is the listing of the directory itself
    check(len(argv["fds"]) == 4 and argv["fds"][:3] == [0, 1, 2],
          "descriptors of xl: %s" % argv["fds"])
    check(not [k for k in argv["env"] if "SECRET" in k or "CREDENTIALS" in k],
          "environment of xl: %s" % argv["env"])
    pre = lab.b.events("xl", "preamble")[0]
    equal((pre["mandatory"], pre["optional"]), (3, 0), "header flags")
    equal(json.loads(pre["config"]), conf, "config")


@case.case("--pause: the guest lies paused on B and nowhere else")
def _(lab):
    g = lab.guest()
    out = lab.migrate(g, flags=1).wait()
    equal(out["exit"], 0, "exit: " + out["text"])
    argv = lab.b.events("xl", "argv")[0]["argv"]
    check("-p" in argv or "--pause" in argv, "xl was not told: %s" % argv)
    d = lab.b.find(g)
    check(d and d["paused"] and d["name"] == g.name, "on B: %s" % d)
    equal(g.where(), [], "hosts where it runs")
    equal(lab.a.find(g), None, "domain on A")


@case.case("the wire shows no memory, no name, no config, no host name")
def _(lab):
    marker = "SECRET-MARKER-" + os.urandom(8).hex()
    g = lab.guest(name="guest-unmistakable",
                  disks=[{"pdev_path": "/dev/vg0/unmistakable-disk",
                          "vdev": "xvda", "backend": "phy", "format": "raw",
                          "readwrite": 1}])
    p = lab.between()
    lab.succeeds(g, marker=marker, size=4 << 20)
    p.settle()
    s = p.sessions[0]
    wire = bytes(s.raw["out"]) + bytes(s.raw["in"])
    check(len(wire) > 4 << 20, "only %d bytes captured" % len(wire))
    keys = [open(h.etc + "/host.pub").read().split()[2] for h in lab.hosts]
    import base64
    words = [marker, g.name, "unmistakable-disk", "c_info", "max_memkb",
             "pdev_path", "hostA", "hostB", "lab-in", "root",
             g.uuid] + keys
    for w in words:
        check(w.encode() not in wire, "on the wire: " + w)
    for raw in [bytes.fromhex(g.uuid.replace("-", ""))] + [
            base64.b64decode(k) for k in keys]:
        check(raw not in wire, "on the wire: " + raw.hex())
    # what is not found there was really sent
    head = bytes.fromhex(lab.b.events("xl", "stream-hash")[0]["head"])
    check(marker.encode() in head, "the marker did not arrive")
    # zero pages must not shine through as repeats
    blocks = [wire[i:i + 64] for i in range(0, len(wire) - 64, 64)]
    check(len(set(blocks)) == len(blocks), "repeated blocks on the wire")


@case.case("nothing is sent in the first message but keys")
def _(lab):
    p = lab.between()
    g = lab.guest()
    lab.succeeds(g)
    first = p.sessions[0].frames["out"][0].data
    equal(len(first), host.MESSAGES["out", 0], "bytes of message 1")


@case.case("lengths on the wire do not tell the guest's name or config")
def _(lab):
    sizes = []
    for name in ("guest-a", "guest-" + "a" * 40):
        p = lab.between()
        g = lab.guest(name=name)
        lab.succeeds(g)
        sizes.append([len(f.data) for d in ("out", "in")
                      for f in p.sessions[0].frames[d][:2] if f.record < 0])
    equal(sizes[0], sizes[1], "lengths of handshake messages")


@case.case("both ways at once, ten guests: all arrive or are told busy", 120)
def _(lab):
    here = [lab.guest(lab.a) for _ in range(5)]
    there = [lab.guest(lab.b) for _ in range(5)]
    moves = ([(g, lab.b, lab.migrate(g)) for g in here]
             + [(g, lab.a, lab.migrate(g, lab.b, "hostA")) for g in there])
    for g, to, m in moves:
        out = m.wait(60)
        equal((out["exit"], out["text"] != ""), (0, True),
              "%s: %s" % (g.name, out["text"]))
        g.must_run_on(to)


@case.case("status while a guest moves, and after")
def _(lab):
    g = lab.guest()
    m = lab.migrate(g, hold="mid")
    m.reached("mid")
    for h in lab.hosts:
        text = h.secmig("status").stdout
        check(g.name in text, "status on %s: %r" % (h.name, text))
    m.go_on()
    equal(m.wait()["exit"], 0, "exit")
    g.must_run_on(lab.b)
    for h in lab.hosts:
        text = host.wait_until(
            lambda: (lambda t: t if g.name not in t else None)(
                h.secmig("status").stdout), 3)
        check(text is not None, "%s still shows the guest" % h.name)


@case.case("fifty migrations leave no descriptor and little memory", 180)
def _(lab):
    def rss():
        return [int(host.proc_status(h.daemon.pid)["VmRSS"].split()[0])
                for h in lab.hosts]
    g = lab.guest()
    lab.succeeds(g, size=1000)
    lab.succeeds(g, lab.b, "hostA", size=1000)
    before = rss()
    for _ in range(25):
        lab.succeeds(g, size=1000)
        lab.succeeds(g, lab.b, "hostA", size=1000)
    for a, b in zip(before, rss()):
        check(host.SANITIZED or b - a < 1024,
              "a daemon grew from %d to %d KiB" % (a, b))


@case.case("a stream of more than three keys (2^20 records each) arrives whole",
           1900)
def _(lab):
    if not os.environ.get("SECMIG_LONG"):
        raise case.Skip("it takes long (set SECMIG_LONG)")
    g = lab.guest()
    meter = lab.later(proxy.Meter(("127.0.0.13", 0), lab.b.address))
    lab.a.dial("hostB", meter.address)
    enough = lab.dir + "/enough"
    m = lab.migrate(g, chunk=16, until=enough)
    check(host.wait_until(lambda: meter.records["out"] > 3 * KEY or
                          m.p.poll() is not None, 1800, 0.1),
          "%s records" % meter.records)
    with open(enough, "w"):
        pass
    out = m.wait()
    equal(out["exit"], 0, "exit (%s)" % out["text"])
    g.must_run_on(lab.b)
    check(out["sha256"] in [e["sha256"] for e in lab.b.events(
        "xl", "stream-hash")], "the memory differs")
    print("#   %d records" % meter.records["out"], flush=True)


if __name__ == "__main__":
    case.main(host.Lab)
