#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for secmigd on the source host, for tests of the patched xl: it
plays one scene on the control socket, then ends.  Nothing is authenticated
or encrypted here, and nothing written down; the destination is `xl
migrate-receive --secure` behind a TCP port, and secmig-xl does what has to be
done to the domain.

    fake_secmigd.py SCENE SECMIG-XL [HOST PORT]

Scenes:
    pass         carries the migration through
    refuse       ANSWER 21 with a rule and a reason
    break        closes the stream after 20 MB, RESULT 14
    die          ends without a word after 20 MB
    hang-up      closes the control socket after 20 MB, and reads on
    deny         takes the domain, resumes it, RESULT 24
    doubt        takes the domain and leaves it, RESULT 32
    lose         takes the domain and ends without a word

What it saw is in /run/fake.json."""
import json
import os
import socket
import struct
import subprocess
import sys
import uuid

SOCKET = "/run/xen/secmig.sock"
MAGIC = b"Xen saved domain, xl format\n \0 \r"
BANNER = b"xl migration receiver ready, send binary domain data.\n"
READY = b"domain received, ready to unpause\0"
ANSWER, STREAM, RESULT, CANCEL, HAND_OVER = 2, 3, 4, 5, 6
SOME = 20 << 20     # bytes

seen = {}


def read_exactly(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise EOFError("hung up")
        data += part
    return data


def string(text):
    return struct.pack(">H", len(text)) + text.encode()


def say(sock, kind, code, rule="", text=""):
    body = struct.pack(">H", code) + string(rule) + string(text)
    sock.sendall(struct.pack(">IHH", len(body), kind, 1) + body)


def hear(sock):
    """The type of the next frame, which has no body; 0: it hung up."""
    try:
        length, kind, version = struct.unpack(">IHH", read_exactly(sock, 8))
    except EOFError:
        return 0
    if length or version != 1:
        raise ValueError("not a frame without a body")
    return kind


def read_migrate(sock):
    length, kind, version = struct.unpack(">IHH", read_exactly(sock, 8))
    if (kind, version) != (1, 1) or length > (1 << 20) + 4096:
        raise ValueError("not MIGRATE")
    body = read_exactly(sock, length)
    domid, guest, flags = struct.unpack_from(">I16sI", body)
    at = 24

    def take(fmt):
        nonlocal at
        n, = struct.unpack_from(fmt, body, at)
        at += struct.calcsize(fmt)
        at += n
        return body[at - n:at]
    host, name, config = take(">H"), take(">H"), take(">I")
    seen.update(domid=domid, uuid=guest.hex(), flags=flags, host=host.decode(),
                name=name.decode(), config=config.decode(),
                rest=len(body) - at)
    return config


def preamble(config):
    """As xl writes it: header, length, text with its NUL."""
    text = config + b"\0"
    return MAGIC + struct.pack("<IIIII", 0x01020304, 3, 0, len(text) + 4,
                               len(text)) + text


def secmig_xl(verb):
    """On this host's domain."""
    subprocess.run([sys.argv[2], verb, str(uuid.UUID(seen["uuid"])), seen["name"]],
                   check=True, stdout=subprocess.DEVNULL)


def carry(sock, peer, scene):
    """The stream, one way, to its end; whether it came to one."""
    stream, from_xl = os.pipe()
    say(sock, ANSWER, 0)
    socket.send_fds(sock, [struct.pack(">IHH", 0, STREAM, 1)], [from_xl])
    os.close(from_xl)
    seen["bytes"] = 0
    while True:
        data = os.read(stream, 262144)
        if not data:
            return True
        if not seen["bytes"]:
            seen["first"] = data[:8].decode("latin-1")
        seen["bytes"] += len(data)
        peer.sendall(data)
        if seen["bytes"] > SOME and scene == "hang-up":
            sock.shutdown(socket.SHUT_RDWR)
        if seen["bytes"] > SOME and scene in ("break", "die"):
            os.close(stream)
            return False


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
        say(sock, ANSWER, 21, "payroll-stays", "the destination does not want it")
        return

    peer = socket.create_connection((sys.argv[3], int(sys.argv[4])), 30)
    peer.settimeout(60)
    banner = read_exactly(peer, len(BANNER))
    if banner != BANNER:
        raise ValueError("not a receiver")
    peer.sendall(preamble(config))
    whole = carry(sock, peer, scene)
    if not whole:
        peer.shutdown(socket.SHUT_WR)
        if scene == "die":
            return
        # xl has resumed the guest when it says so
        seen["said"] = hear(sock)
        say(sock, RESULT, 14, "", "the connection was lost")
        return
    if scene == "hang-up":
        return

    seen["ready"] = read_exactly(peer, len(READY)) == READY
    seen["said"] = hear(sock)
    if scene == "pass":
        secmig_xl("destroy")
        # now the other end may start it
        peer.shutdown(socket.SHUT_WR)
        say(sock, RESULT, 0, "", "done")
    elif scene == "deny":
        secmig_xl("resume")
        say(sock, RESULT, 24, "", "the name is taken there")
    elif scene == "doubt":
        say(sock, RESULT, 32, "", "it may run there")
    if scene != "lose":
        # RESULT is the last word: the client hangs up.
        seen["hung_up"] = hear(sock) == 0


try:
    main()
finally:
    with open("/run/fake.json.new", "w") as file:
        json.dump(seen, file)
    os.rename("/run/fake.json.new", "/run/fake.json")
