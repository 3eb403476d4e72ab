#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for secmigd on the source host, for tests of the patched xl: it
plays one scene on the control socket, then ends.  Nothing is authenticated
or encrypted here; the destination is `xl migrate-receive --secure` behind a
TCP port.

    fake_secmigd.py SCENE [HOST PORT]

Scenes:
    pass         carries the migration through
    refuse       ANSWER 21 with a rule and a reason
    break        closes the stream after 20 MB, RESULT 14
    die          ends without a word after 20 MB
    deaf         no longer reads when READY comes, but passes that on
    deny         keeps GO back; says in the receiver's place that it failed
    cut          keeps GO back and closes everything, RESULT 14
    lose-report  passes GO on, loses the report, RESULT 0
    late-no      carries it through, but RESULT 27

What it saw is in /run/fake.json."""
import json
import os
import select
import socket
import struct
import sys

SOCKET = "/run/xen/secmig.sock"
MAGIC = b"Xen saved domain, xl format\n \0 \r"
BANNER = b"xl migration receiver ready, send binary domain data.\n"
READY = b"domain received, ready to unpause\0"
GO = b"domain is yours, you are cleared to unpause\0"
REPORT = b"my copy unpause results are as follows\0"

seen = {}


def read_exactly(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise EOFError("the client hung up")
        data += part
    return data


def string(text):
    return struct.pack(">H", len(text)) + text.encode()


def say(sock, kind, code, rule="", text=""):
    body = struct.pack(">H", code) + string(rule) + string(text)
    sock.sendall(struct.pack(">IHH", len(body), kind, 1) + body)


def read_migrate(sock):
    length, kind, version = struct.unpack(">IHH", read_exactly(sock, 8))
    if (kind, version) != (1, 1) or length > (1 << 20) + 4096:
        raise ValueError("not MIGRATE")
    body = read_exactly(sock, length)
    domid, uuid, flags = struct.unpack_from(">I16sI", body)
    at = 24

    def take(fmt):
        nonlocal at
        n, = struct.unpack_from(fmt, body, at)
        at += struct.calcsize(fmt)
        at += n
        return body[at - n:at]
    host, name, config = take(">H"), take(">H"), take(">I")
    seen.update(domid=domid, uuid=uuid.hex(), flags=flags, host=host.decode(),
                name=name.decode(), config=config.decode(),
                rest=len(body) - at)
    return config


def preamble(config):
    """As xl writes it: header, length, text with its NUL."""
    text = config + b"\0"
    return MAGIC + struct.pack("<IIIII", 0x01020304, 3, 0, len(text) + 4,
                               len(text)) + text


def main():
    scene = sys.argv[1]
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    listener.bind(SOCKET)
    listener.listen(1)
    sock, _ = listener.accept()
    os.unlink(SOCKET)
    config = read_migrate(sock)

    if scene == "refuse":
        say(sock, 2, 21, "payroll-stays", "the destination does not want it")
        return

    peer = socket.create_connection((sys.argv[2], int(sys.argv[3])), 30)
    peer.settimeout(None)
    banner = read_exactly(peer, len(BANNER))
    if banner != BANNER:
        raise ValueError("not a receiver")
    peer.sendall(preamble(config))

    to_us, from_xl = os.pipe()
    to_xl, from_us = os.pipe()
    say(sock, 2, 0)
    socket.send_fds(sock, [struct.pack(">IHH", 0, 3, 1)], [from_xl, to_xl])
    os.close(from_xl)
    os.close(to_xl)

    result = (0, "done")
    count, back, tail, go = 0, b"", b"", False
    while True:
        ready, _, _ = select.select([to_us, peer], [], [])
        if peer in ready:
            data = peer.recv(65536)
            if not data:
                break
            back += data
            if scene == "deaf" and READY in back:
                os.close(to_us)
                to_us = -1
                os.write(from_us, data)
                result = (14, "the connection was lost")
                # an error on it: the client has closed its end
                waiter = select.poll()
                waiter.register(from_us, 0)
                waiter.poll(60000)
                break
            if not (scene == "lose-report" and go):
                os.write(from_us, data)
            if scene == "lose-report" and REPORT + b"\0" in back:
                result = (0, "the destination has started it")
                break
            continue
        data = os.read(to_us, 262144)
        if not data:
            break
        if not count:
            seen["first"] = data[:8].decode("latin-1")
        count += len(data)
        tail = (tail + data)[-len(GO):]
        go = tail == GO
        if go and scene == "deny":
            os.write(from_us, REPORT + b"\3" + GO)
            result = (24, "the name is taken there")
            while os.read(to_us, 4096):
                pass
            break
        if go and scene == "cut":
            result = (14, "the connection was lost")
            break
        peer.sendall(data)
        if scene in ("break", "die") and count > 20 << 20:
            result = (14, "the connection was lost")
            break
    seen["bytes"] = count
    seen["go"] = go
    peer.shutdown(socket.SHUT_WR)
    if to_us >= 0:
        os.close(to_us)
    os.close(from_us)
    if scene == "die":
        return
    if scene == "late-no":
        result = (27, "xl complained in the end")
    say(sock, 4, *(result[0], "", result[1]))
    # RESULT is the last word: the client hangs up.
    seen["hung_up"] = sock.recv(1) == b""
    if scene in ("deny", "deaf", "cut"):
        # What the receiver says at its end is heard out: were it refused,
        # socat would kill the receiver before that has cleaned up.
        peer.settimeout(30)
        while peer.recv(65536):
            pass


try:
    main()
finally:
    with open("/run/fake.json.new", "w") as file:
        json.dump(seen, file)
    os.rename("/run/fake.json.new", "/run/fake.json")
