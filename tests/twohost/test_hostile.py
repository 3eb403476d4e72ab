#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers that hold a key we trust, and break the protocol or ask for what
they must not have.  evil.c speaks; this file says what."""
import json
import os
import struct
import time

import case
import host
from case import check, equal
from evil_lab import DASHED, EVIL, NAME, UUID, Lab

TIMEOUT, LINK, AUTH, PROTOCOL = 13, 14, 15, 16
UNPAIRED, REFUSED_REMOTE, BUSY, XL = 17, 21, 26, 27
D = host.DEADLINES
# milliseconds: at once, and longer than any deadline
NOW = 2500 * host.SCALE
LONG = 1000 * (D["answer-timeout"] + D["finish-timeout"] + 2 * host.ROOM)

REQUEST, ACCEPT, REFUSE, KEEPALIVE, CANCEL, DONE = 1, 2, 3, 4, 5, 6
HANDOVER = 8
CONTROL, STATE, CONTEXT, FINAL = 0, 1, 2, 1


def request(lab, kb=98304, flags=0, name=NAME, **config):
    config.setdefault("name", name)
    return ["request", lab.config(**config), name, UUID, kb, flags]


def bare_request(papers):
    """The body of a REQUEST in hex; `papers` in hex, its length included."""
    return ("0004" + UUID + "0000000000018000" + "00000000" + "00040010"
            + "00000001" + "00000000" * 15
            + "11" * 16 + "22" * 16 + "00" * 8 + "000a" + NAME.encode().hex() + "0000" + "000000027b7d"
            + papers)


def no_xl(lab):
    equal([e["what"] for e in lab.b.events("xl")], [], "xl on B")


def good_stream(lab, size=200000):
    """What a sender writes, as a file."""
    import hashlib
    body = os.urandom(size)
    path = lab.dir + "/evil.stream"
    with open(path, "wb") as f:
        state = b"0 0 x"        # nobody lets it run
        f.write(struct.pack(">I", size) + body
                + struct.pack(">IH", 0, len(state)) + state
                + hashlib.sha256(body + state).digest())
    return path


def sent(lab):
    """Steps up to a copy that is complete."""
    return ["state", good_stream(lab), "record", STATE, FINAL, 0, "expect",
            HANDOVER, NOW]


# ---- as the source: order ----

@case.case("evil that behaves is let in (so the refusals below mean it)")
def _(lab):
    out = lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW,
                   *sent(lab), "handover", ABORT, 1, "expect", HANDOVER,
                   NOW, "expect", DONE, NOW)
    check("got ACCEPT" in out, out)
    check(lab.b.events("xl", "received"), "xl did not get the whole copy")
    check("got DONE" in out, out)
    equal(lab.b.domains(), [], "on B")


OUT_OF_ORDER = {
    "data before REQUEST": ["record", STATE, 0, 1000],
    "an end of STATE before REQUEST": ["record", STATE, FINAL, 0],
    "CONTEXT before REQUEST": ["record", CONTEXT, 0, 1000],
    "ACCEPT of its own": ["control", ACCEPT, "00036c6162"],
    "DONE of its own": ["control", DONE, "00000000"],
    "CANCEL before REQUEST": ["control", CANCEL, "001c0000"],
    "a message of type 0": ["control", 0, "-"],
    "a message of type 255": ["control", 255, "00"],
    "a message of type 65535": ["control", 65535, "-"],
    "a REQUEST that claims 4 GiB": ["claim", REQUEST, 0xffffffff],
    "a REQUEST one byte over its cap": ["claim", REQUEST, 1180120],
    "a message of length 0": ["claim", REQUEST, 0],
    "a message of length 1": ["claim", REQUEST, 1],
    "a REQUEST of one byte": ["control", REQUEST, "00"],
    "a REQUEST that claims 4 GiB of papers":
        ["control", REQUEST, bare_request("ffffffff")],
    "a REQUEST that claims one byte of papers too many":
        ["control", REQUEST, bare_request("00020001" + "00" * 200)],
    "a KEEPALIVE with a body": ["control", KEEPALIVE, "00"],
    "a header of length 2^32-1": ["header", 0xffffffff, 0, 0, 0],
    "a header of length 0": ["header", 0, 0, 0, 0],
    "a header one over the cap": ["header", 262144 + 33, 0, 0, 0],
    "a header for stream 3": ["header", 100, 3, 0, 0],
    "a header for stream 255": ["header", 100, 255, 0, 0],
    "a header with unknown flags": ["header", 100, 0, 2, 0],
    "a header with pad bytes": ["header", 100, 0, 0, 1],
    "a record of noise": ["raw", "0000002000000000" + "5a" * 32],
    "the end of CONTROL": ["record", CONTROL, FINAL, 0],
}

@case.case("a REQUEST made of bytes is read (so the refusals below mean it)")
def _(lab):
    out = lab.evil("handshake", "control", REQUEST, bare_request("00000000"),
                   "expect", REFUSE, NOW)
    check("got REFUSE" in out, out)


for _what, _steps in OUT_OF_ORDER.items():
    @case.case("after the handshake: " + _what)
    def _(lab, steps=_steps):
        lab.evil("handshake", *steps, "closed", NOW)
        no_xl(lab)


AFTER_REQUEST = {
    "data before ACCEPT": ["record", STATE, 0, 1000],
    "a second REQUEST": None,
}

for _what, _steps in AFTER_REQUEST.items():
    @case.case("after REQUEST: " + _what)
    def _(lab, steps=_steps):
        # the daemon must be slow to answer for this to be before ACCEPT
        lab.b.control(secmig_xl={"config": {"hang": True}})
        steps = steps or request(lab)
        lab.evil("handshake", *request(lab), *steps, "closed", NOW)
        no_xl(lab)


AFTER_ACCEPT = {
    "a second REQUEST": None,
    "data on CONTEXT": ["record", CONTEXT, 0, 100],
    "an ACCEPT": ["control", ACCEPT, "00036c6162"],
    "a DONE": ["control", DONE, "00000000"],
    "data after the end of STATE":
        ["record", STATE, FINAL, 0, "raw", "0000002001000000" + "5a" * 32],
    "two ends of STATE":
        ["record", STATE, FINAL, 0, "raw", "0000001001010000" + "5a" * 16],
    "a record for stream 3": ["header", 100, 3, 0, 0],
    "the end of CONTROL": ["record", CONTROL, FINAL, 0],
    "the line closed": [],
}

for _what, _steps in AFTER_ACCEPT.items():
    @case.case("after ACCEPT: " + _what)
    def _(lab, steps=_steps):
        steps = request(lab) if steps is None else steps
        end = ["closed", NOW] if steps else []
        lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW,
                 "record", STATE, 0, 500, *steps, *end)
        check(host.wait_until(lambda: not lab.b.domains(), 4),
              "B keeps the copy")


# ---- as the source: who has the guest ----

READY, GO, ABORT, CANCEL_IT, REFUSED, STARTED, SETTLED = range(1, 8)


def started(lab):
    """What secmig-xl was told to start."""
    return [e["argv"] for e in lab.b.events("secmig-xl", "argv")
            if e["argv"][0] == "start"]


NOT_ITS_TO_SAY = {"READY": READY, "REFUSED": REFUSED, "STARTED": STARTED,
                  "fact 0": 0, "fact 8": 8, "fact 255": 255}

for _what, _fact in NOT_ITS_TO_SAY.items():
    @case.case("a source that says %s" % _what)
    def _(lab, fact=_fact):
        # by hand: the library does not encode what is no fact
        body = "%02x" % fact + "11" * 16 + "22" * 16 + "00" * 8 + "00000000"
        says = ["control", HANDOVER, body, "closed", NOW]
        lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW, *says)
        lab.evil("handshake", *says)
        equal(started(lab), [], "started")
        check(host.wait_until(lambda: not lab.b.domains(), 4), "a copy")


@case.case("GO before the copy is complete starts nothing")
def _(lab):
    lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW, "handover",
             GO, 1, "handover", GO, 1, "record", STATE, 0, 1000, "quiet",
             500)
    check(host.wait_until(lambda: not lab.b.domains(), 4), "a copy")
    equal(started(lab), [], "started")


@case.case("a copy that is complete waits for its source, and for nobody "
           "else, nor for another journal of it", 90)
def _(lab):
    lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW, *sent(lab))
    d = lab.b.domains()
    check(d and d[0]["name"] == NAME + "--incoming", "no copy: %s" % d)
    # another id: not known, and never will be
    out = lab.evil("handshake", "handover", GO, 1, "expect", HANDOVER, NOW)
    check("got HANDOVER" in out, out)
    time.sleep(0.5)
    equal((started(lab), len(lab.b.domains())), ([], 1), "after another id")
    text = lab.b.secmig("handover", "settle", "--undo", "--yes",
                        NAME).stdout
    check(host.wait_until(lambda: not lab.b.domains(), 4),
          "undone, and the copy is still there: " + text)


@case.case("handovers that nobody knows, a thousand of them")
def _(lab):
    steps = []
    for _ in range(1000):
        steps += ["forget", "handover", ABORT, 1]
    began = time.monotonic()
    lab.evil("handshake", *steps, "control", DONE, "00000000", "closed",
             20000, ok=False)
    took = time.monotonic() - began
    check(took < 20, "took %.1f s" % took)
    lab.succeeds(lab.guest())


@case.case("all types in all states: none does harm", 120)
def _(lab):
    for t in list(range(0, 12)) + [127, 128, 255, 256, 32768, 65535]:
        if t in (REQUEST, KEEPALIVE):
            continue
        lab.evil("handshake", "control", t, "0000", "closed", NOW)
    no_xl(lab)


@case.case("silent after each step: the line is closed in time")
def _(lab):
    room = 1000 * host.ROOM
    lab.evil("closed", D["handshake-timeout"] * 1000 + room)
    lab.evil("message1", "message2", "closed",
             D["handshake-timeout"] * 1000 + room)
    lab.evil("handshake", "closed", D["answer-timeout"] * 1000 + room)
    lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW, "closed",
             D["idle-timeout"] * 1000 + room)
    check(not lab.b.leftovers(), "left after the first")
    lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW, "record",
             STATE, 0, 1000, "closed", D["idle-timeout"] * 1000 + room)
    check(host.wait_until(lambda: not lab.b.domains(), 4), "a copy stays")


@case.case("keepalives alone do not hold a place for ever")
def _(lab):
    began = time.monotonic()
    out = lab.evil("handshake", "keep-alive", LONG, ok=False)
    check("closed" in out, "after the handshake: " + out)
    out = lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW,
                   "keep-alive", LONG, ok=False)
    check("closed" in out, "after ACCEPT: " + out)
    check(time.monotonic() - began < 4 * LONG / 1000, "too long")


@case.case("half a header, half a record, then silence")
def _(lab):
    limit = (D["answer-timeout"] + host.ROOM) * 1000
    lab.evil("handshake", "raw", "000001", "closed", limit)
    lab.evil("handshake", "raw", "0003ff0000000000" + "00" * 100, "closed",
             limit)


# ---- as the source: handshake ----

@case.case("lies in the handshake: version, suites, the suite chosen")
def _(lab):
    for lie in ((2, 8, 3), (0, 8, 3), (1, 0, 3), (1, 8, 1), (1, 8, 77),
                (1, 4, 3)):
        # the record layer of evil itself may refuse such a suite
        lab.evil("lie", *lie, "handshake", *request(lab), "expect", ACCEPT,
                 NOW, ok=False)
        no_xl(lab)


@case.case("talked down: the weaker suite chosen though both have a better")
def _(lab):
    out = lab.evil("lie", 1, 0xe, 3, "handshake", *request(lab), "expect",
                   ACCEPT, NOW, ok=False)
    check("got ACCEPT" not in out, out)
    no_xl(lab)


@case.case("a name that is not the key's")
def _(lab):
    for name in ("hostA", "hostB", "evil2"):
        out = lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW,
                       name=name, ok=False)
        check("got ACCEPT" not in out, "%s: %s" % (name, out))
    no_xl(lab)


@case.case("another name dialled than the host's own")
def _(lab):
    out = lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW,
                   peer="hostA", ok=False)
    check("fail" in out and "got ACCEPT" not in out, out)
    no_xl(lab)


@case.case("removed from the pairings: the next handshake gets nothing")
def _(lab):
    path = lab.b.etc + "/hosts/evil"
    with open(path) as f:
        text = f.read()
    os.unlink(path)
    out = lab.evil("handshake", *request(lab), "expect", ACCEPT, NOW,
                   ok=False)
    with open(path, "w") as f:
        f.write(text)
    check("got ACCEPT" not in out, out)
    check("REFUSE 17" in out, "not told that it is unpaired: " + out)
    no_xl(lab)


# ---- as the source: what it asks for ----

def refused(lab, what, code=None, **config):
    """The REFUSE line of a request."""
    kb = config.pop("kb", 98304)
    out = lab.evil("handshake", *request(lab, kb=kb, **config), "expect",
                   REFUSE, NOW, ok=False)
    line = [x for x in out.splitlines() if x.startswith("got REFUSE")]
    if not line:
        raise AssertionError("%s: not refused: %s" % (what, out[-300:]))
    no_xl(lab)
    got = int(line[0].split()[2])
    if code is not None and got not in code:
        raise AssertionError("%s: code %d: %s" % (what, got, line[0]))
    return line[0]


DISK = {"pdev_path": "/dev/vg0/x", "vdev": "xvda", "backend": "phy",
        "format": "raw", "readwrite": 1}
NIC = {"devid": 0, "mac": "00:16:3e:11:22:33", "bridge": "xenbr0"}

# field named in the refusal -> parts of the config
FORBIDDEN = {
    r"nics\[0\]\.script": {"nics": [dict(NIC, script="/root/probe.sh")]},
    r"disks\[0\]\.script": {"disks": [dict(DISK, script="/root/probe.sh")]},
    r"disks\[0\]\.pdev_path": {"disks": [dict(DISK,
                                              pdev_path="/dev/sda")]},
    r"disks\[1\]\.pdev_path": {"disks": [
        DISK, dict(DISK, pdev_path="/dev/vg0/../sda")]},
    r"disks\[0\]\.format": {"disks": [dict(DISK, format="qcow2")]},
    r"nics\[0\]\.bridge": {"nics": [dict(NIC, bridge="management")]},
    r"nics\[1\]\.bridge": {"nics": [NIC, dict(NIC, bridge="br-secret")]},
    r"b_info\.device_model": {"b_info": {"device_model": "/tmp/evil"}},
    r"b_info\.bootloader": {"b_info": {"bootloader": "/bin/sh"}},
    r"b_info\.extra": {"b_info": {"extra": ["-chardev", "x"]}},
    r"b_info\.kernel": {"b_info": {"kernel": "/etc/shadow"}},
    r"b_info\.ramdisk": {"b_info": {"ramdisk": "/etc/shadow"}},
    r"pcidevs\[0\]": {"pcidevs": [{"bus": 3, "dev": 0, "func": 0,
                                   "domain": 0}]},
    r"b_info\.irqs": {"b_info": {"irqs": [9]}},
    r"b_info\.ioports": {"b_info": {"ioports": [{"first": 0x70,
                                                 "number": 8}]}},
    r"b_info\.iomem": {"b_info": {"iomem": [{"start": 0xfee00,
                                             "number": 1}]}},
    r"usbctrls|usbdevs": {"usbdevs": [{"ctrl": 0, "port": 1}]},
    r"p9s|p9": {"p9s": [{"tag": "x", "path": "/", "security_model":
                         "none"}]},
    r"channels": {"channels": [{"name": "x", "connection.socket": {
        "path": "/run/x"}}]},
    r"vfbs": {"vfbs": [{"vnc": {"enable": "True", "listen": "0.0.0.0"}}]},
    r"dtdevs": {"dtdevs": [{"path": "/soc/x"}]},
    r"b_info\.device_tree": {"b_info": {"device_tree": "/etc/shadow"}},
    r"b_info\.stubdomain": {"b_info": {"stubdomain_kernel":
                                       "/etc/shadow"}},
    r"c_info\.ssid|c_info": {"c_info": {"ssid_label":
                                        "system_u:system_r:dom0_t"}},
    r"b_info\.exec_ssid": {"b_info": {"exec_ssid_label": "dom0"}},
    r"type|hvm": {"c_info": {"type": "hvm"}},
    r"b_info\.nobody_knows": {"b_info": {"nobody_knows": 1}},
    r"unheard_of": {"unheard_of": {"x": 1}},
    r"on_crash|on_": {"on_crash": "coredump_destroy_x"},
    r"coloft|disks\[0\]": {"disks": [dict(DISK, colo_enable="True",
                                          colo_host="10.0.0.1")]},
    r"disks\[0\]\.backend": {"disks": [dict(DISK, backend_domid=7)]},
    r"nics\[0\]\.": {"nics": [dict(NIC, backend_domid=5)]},
    r"c_info\.poolid|c_info\.pool": {"c_info": {"pool_name": "dom0pool"}},
}


for _field, _parts in FORBIDDEN.items():
    @case.case("incoming config refused by the field's name: "
               + "".join(c for c in _field.split("|")[0] if c != "\\"))
    def _(lab, field=_field, parts=_parts):
        import re
        line = refused(lab, field, (20, 21), **json.loads(json.dumps(parts)))
        check(re.search(field, line), "the refusal does not name %s: %s"
              % (field, line))
        check(lab.b.logged("config"), "B's log does not name the rule")


@case.case("a bad field behind many good ones is found")
def _(lab):
    nics = [dict(NIC, devid=i) for i in range(100)]
    nics.append(dict(NIC, script="/x"))
    line = refused(lab, "late", (20, 21), nics=nics)
    check("nics[100]" in line, line)


@case.case("the config names another guest, memory or uuid than the request")
def _(lab):
    refused(lab, "name", None, raw=json.dumps(host.fakexen.make_config(
        "guest-other", DASHED)).encode())
    refused(lab, "memory above policy", None, kb=1000, mem_kb=8 << 20)
    refused(lab, "uuid", None, raw=json.dumps(host.fakexen.make_config(
        NAME, "ffffffff-0506-0708-090a-0b0c0d0e0f10")).encode())


@case.case("room is looked for by the config's memory, not by the claim")
def _(lab):
    lab.b.set_free(50000)
    try:
        line = refused(lab, "no room", (5,), kb=1000)
    finally:
        lab.b.set_free(4 << 20)
    check("98304" in line, line)


BAD_CONFIGS = {
    "not JSON": b"hello",
    "a list": b"[]",
    "empty map": b"{}",
    "a NUL in it": b'{"c_info":\0{}}',
    "truncated": json.dumps(host.fakexen.make_config(
        NAME, DASHED)).encode()[:-20],
    "deep": b"[" * 200000,
    "deep map": b'{"a":' * 50000,
    "bad UTF-8": b'{"c_info":{"name":"\xff\xfe"}}',
    "many members": json.dumps({"x": list(range(100000))}).encode(),
    "all of 1 MiB": json.dumps({"x": "y" * (1048576 - 9)}).encode(),
    "a second c_info": json.dumps(host.fakexen.make_config(
        NAME, DASHED)).encode()[:-1] + b', "c_info": {"name": "guest-two"}}',
}

for _what, _raw in BAD_CONFIGS.items():
    @case.case("config: " + _what)
    def _(lab, raw=_raw, what=_what):
        refused(lab, what, None, raw=raw)


@case.case("config of more than 1 MiB")
def _(lab):
    out = lab.evil("handshake", "claim", REQUEST, 2 << 20, "closed", NOW)
    check("did closed" in out, out)
    no_xl(lab)


def blob(data):
    return struct.pack(">I", len(data)) + data


DEEP = b'<vm-policy xmlns="urn:xen-secmig:policy:1">' + b"<a>" * 9000
BAD_PAPERS = {
    "one byte": b"\0",
    "nothing, in nine bytes": bytes(9),
    "noise": bytes(range(256)) * 16,
    "128 KiB of noise": bytes(range(256)) * 512,
    "five tickets": b"\5" + blob(b"t") * 5 + blob(b"") * 2,
    "255 tickets": b"\xff" + blob(b"t") * 255 + blob(b"") * 2,
    "a ticket over its cap": b"\1" + blob(b"t" * 8193) + blob(b"") * 2,
    "a ticket that claims 4 GiB": b"\1\xff\xff\xff\xfft" + bytes(8),
    "a policy over its cap": b"\0" + blob(b"p" * 65537) + blob(b"s"),
    "a policy without a signature": b"\0" + blob(DEEP) + blob(b""),
    "a signature without a policy": b"\0" + blob(b"") + blob(b"s"),
    "a byte too many": b"\1" + blob(b"t") + blob(b"") * 2 + b"\0",
    "a policy that nobody signed": b"\0" + blob(DEEP) + blob(b"s" * 4096),
}

for _what, _papers in BAD_PAPERS.items():
    @case.case("papers: " + _what)
    def _(lab, papers=_papers):
        path = lab.dir + "/evil.papers"
        with open(path, "wb") as f:
            f.write(papers)
        out = lab.evil("papers", path, "handshake", *request(lab), "expect",
                       REFUSE, NOW)
        check("got REFUSE" in out, out)
        no_xl(lab)


@case.case("papers: a ticket that is none is no help, and no hindrance")
def _(lab):
    path = lab.dir + "/evil.papers"
    with open(path, "wb") as f:
        f.write(b"\4" + blob(b"secmig-ticket 1\n\x1b[2J" * 400) * 4
                + blob(b"") * 2)
    lab.evil("papers", path, "handshake", *request(lab), "expect", ACCEPT,
             NOW)
    check("\x1b" not in lab.b.log(), "an escape sequence in the log")


@case.case("what the request says of itself decides nothing twice: "
           "denied name, allowed config")
def _(lab):
    out = lab.evil("handshake", "request", lab.config(name="ghost-1"),
                   "ghost-1", UUID, 98304, 0, "expect", REFUSE, NOW)
    check("no-ghosts" in out, out)
    no_xl(lab)


@case.case("flags nobody knows, names that no guest has")
def _(lab):
    lab.evil("handshake", *request(lab, flags=0x80), "closed", NOW,
             ok=False)
    no_xl(lab)
    for name in ("guest-\x1b[2J", "guest-\x7f", "guest-" + "x" * 250):
        out = lab.evil("handshake", *request(lab, name=name), "expect",
                       ACCEPT, NOW, ok=False)
        check("got ACCEPT" not in out, "%r: %s" % (name, out))
    no_xl(lab)


@case.case("what a peer says cannot forge a line in the log")
def _(lab):
    lab.evil("handshake", *request(lab, name="guest-x\nsecmigd: forged"),
             "closed", NOW, ok=False)
    check("\nsecmigd: forged" not in lab.b.log(), "a forged line")


@case.case("a peer cannot fill the log")
def _(lab):
    before = lab.b.log_size()
    for _ in range(30):
        lab.evil("handshake", *request(lab, name="ghost-1"), "expect",
                 REFUSE, NOW)
    grown = lab.b.log_size() - before
    check(grown < 30 * 2000, "%d bytes for 30 refusals" % grown)


# ---- as the destination ----

def to_evil(lab, steps, codes, within, **opts):
    g = lab.guest()
    p = lab.evil_host(*steps)
    out = lab.fails(g, codes, dst="evil", within=within, **opts)
    p.kill()
    lab.fence()
    return out


@case.case("a destination that is silent after each step")
def _(lab):
    room = host.ROOM
    to_evil(lab, ["quiet", LONG], TIMEOUT, D["handshake-timeout"] + room)
    to_evil(lab, ["message1", "quiet", LONG], TIMEOUT,
            D["handshake-timeout"] + room)
    to_evil(lab, ["handshake", "quiet", LONG], TIMEOUT,
            D["answer-timeout"] + room)
    to_evil(lab, ["handshake", "expect", REQUEST, NOW, "quiet", LONG],
            TIMEOUT, D["answer-timeout"] + room)
    to_evil(lab, ["handshake", "expect", REQUEST, NOW, "accept", "quiet",
                  LONG], (TIMEOUT, LINK), D["idle-timeout"] + room,
            size=64 << 20)


@case.case("a destination that takes all and never says READY")
def _(lab):
    to_evil(lab, ["handshake", "expect", REQUEST, NOW, "accept",
                  "keep-alive", LONG], (TIMEOUT, LINK),
            D["finish-timeout"] + D["idle-timeout"] + host.ROOM)


@case.case("a destination that says DONE at once: not believed")
def _(lab):
    to_evil(lab, ["handshake", "expect", REQUEST, NOW, "accept", "done", 0,
                  "closed", NOW], (PROTOCOL, LINK, XL), host.SOON)


@case.case("a destination that answers out of order")
def _(lab):
    for steps in (["accept"], ["done", 0], ["record", STATE, 0, 100],
                  ["control", 3, "00"], ["control", 99, "-"],
                  ["claim", ACCEPT, 0xffffffff], ["header", 1 << 30, 0, 0,
                                                  0]):
        to_evil(lab, ["message1", "message2", "message3"] + steps
                + ["closed", NOW], (PROTOCOL, LINK), host.SOON)
    for steps in (["record", STATE, 0, 100], ["done", 0],
                  ["control", REQUEST, "-"], ["record", CONTEXT, 0, 5]):
        to_evil(lab, ["handshake", "expect", REQUEST, NOW] + steps
                + ["closed", NOW], (PROTOCOL, LINK), host.SOON)
    to_evil(lab, ["handshake", "expect", REQUEST, NOW, "accept", "accept",
                  "closed", NOW], (PROTOCOL, LINK), host.SOON, size=16 << 20)


@case.case("a destination that lies about itself")
def _(lab):
    for lie in ((2, 0xe, 0), (1, 0, 3)):
        to_evil(lab, ["lie", *lie, "handshake", "quiet", 100],
                (AUTH, PROTOCOL), host.SOON)


@case.case("a REFUSE with hostile text is one clean line")
def _(lab):
    # code 21, rule "x", text with an escape sequence and a newline
    text = b"no\x1b[2J\nsecmigd: forged"
    body = "0015" + "000178" + "%04x" % len(text) + text.hex()
    out = to_evil(lab, ["handshake", "expect", REQUEST, NOW, "control",
                        REFUSE, body, "quiet", 300],
                  (REFUSED_REMOTE, PROTOCOL, LINK), host.SOON)
    check("\x1b" not in out["text"] and "\n" not in out["text"],
          repr(out["text"]))
    check("\nsecmigd: forged" not in lab.a.log(), "a forged line")


@case.case("a REFUSE with code 0, and with codes nobody knows, is a refusal")
def _(lab):
    for code in ("0000", "ffff", "0063"):
        to_evil(lab, ["handshake", "expect", REQUEST, NOW, "control",
                      REFUSE, code + "000178" + "0001" + "79", "quiet",
                      300], tuple(range(1, 32)), host.SOON)


if __name__ == "__main__":
    if not os.path.exists(EVIL):
        print("not ok - twohost/hostile: %s is not built (make unit)" % EVIL)
        raise SystemExit(1)
    case.main(Lab)
