# SPDX-License-Identifier: LGPL-2.1-or-later
"""A man in the middle between two secmigd.

It knows the framing of docs/protocol.md and nothing of the keys: handshake
messages are u16 length + bytes; records are an 8-byte header (u32 length, u8
stream, u8 flags, u16 zero) + body.  Direction "out" is initiator to
responder, "in" the way back.  Frames are counted from 0 in each direction,
handshake messages first.
"""
import socket
import struct
import threading
import time

# Noise XX: -> e, <- e ee s es, -> s se
HANDSHAKE = {"out": 2, "in": 1}


class Frame:
    def __init__(self, direction, index, data, record):
        self.direction = direction
        self.index = index
        self.data = data
        self.record = record    # number among the records, -1: handshake

    @property
    def stream(self):
        return self.data[4]

    @property
    def flags(self):
        return self.data[5]


class Cut(Exception):
    """Raised by an attack: end the connection; `last` goes out first."""
    def __init__(self, last=b""):
        self.last = last


class Session:
    """One connection through the proxy, with all that crossed it."""
    def __init__(self, client, server):
        self.socks = {"out": (client, server), "in": (server, client)}
        self.frames = {"out": [], "in": []}     # as the sender sent them
        self.closed = {"out": 0.0, "in": 0.0}   # when that sender went away
        self.raw = {"out": bytearray(), "in": bytearray()}
        self.threads = []
        self.began = time.monotonic()
        self.lock = threading.Lock()
        self.dark = set()           # directions in which nothing passes
        self.released = threading.Event()

    def send(self, direction, data):
        """Towards the receiver of `direction`."""
        with self.lock:
            self.socks[direction][1].sendall(data)

    def records(self, direction):
        return [f for f in self.frames[direction] if f.record >= 0]

    def pause(self, direction):
        """Where it is dark, wait for the light."""
        while direction in self.dark and not self.released.wait(0.02):
            pass

    def alive(self):
        return any(t.is_alive() for t in self.threads)

    def kill(self):
        for s in self.socks["out"]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        # not before: what is held would still get through
        self.released.set()


def read_exactly(sock, n):
    data = bytearray()
    while len(data) < n:
        got = sock.recv(n - len(data))
        if not got:
            return bytes(data), False
        data += got
    return bytes(data), True


def read_frame(sock, handshake):
    """One whole frame; (b"", False) at the end, a torn one comes as is."""
    head, ok = read_exactly(sock, 2 if handshake else 8)
    if not ok:
        return head, False
    if handshake:
        length, = struct.unpack(">H", head)
    else:
        length, = struct.unpack(">I", head[:4])
    body, ok = read_exactly(sock, length)
    return head + body, ok


class Proxy:
    """attack(session, frame) returns the list of byte strings to pass on in
    place of the frame (None: pass it as it is), or raises Cut."""

    def __init__(self, listen, upstream, attack=None):
        self.upstream = upstream
        self.attack = attack
        self.sessions = []
        self.down = False
        self.server = socket.socket()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(listen)
        self.server.listen(64)
        self.address = self.server.getsockname()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            if self.down:
                client.close()
                continue
            try:
                server = socket.create_connection(self.upstream, 5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s = Session(client, server)
            self.sessions.append(s)
            s.threads = [threading.Thread(target=self._pump, args=(s, d),
                                          daemon=True) for d in ("out", "in")]
            for t in s.threads:
                t.start()

    def _pump(self, session, direction):
        source, sink = session.socks[direction]
        try:
            index = 0
            while True:
                handshake = index < HANDSHAKE[direction]
                data, whole = read_frame(source, handshake)
                session.raw[direction] += data
                session.pause(direction)
                if not whole:
                    if data:
                        session.send(direction, data)
                    break
                frame = Frame(direction, index, data,
                              index - HANDSHAKE[direction]
                              if not handshake else -1)
                session.frames[direction].append(frame)
                index += 1
                todo = None
                if self.attack:
                    todo = self.attack(session, frame)
                for d in [data] if todo is None else todo:
                    session.send(direction, d)
            session.closed[direction] = time.monotonic()
            sink.shutdown(socket.SHUT_WR)
        except Cut as c:
            try:
                if c.last:
                    session.send(direction, c.last)
            except OSError:
                pass
            session.kill()
        except OSError:
            session.closed[direction] = time.monotonic()
            session.kill()

    def darken(self, *directions):
        """Cut the cable: nothing passes any more (or only one way), nobody
        is told, and nobody gets through."""
        self.down = True
        for s in self.sessions:
            s.dark.update(directions or ("out", "in"))

    def lighten(self, deliver=False):
        """Mend it.  What was under way is lost, with its connections, or
        else it arrives now, however long its sender has been gone."""
        for s in self.sessions:
            if s.dark and not deliver:
                s.kill()
            s.dark.clear()
        self.down = False

    def settle(self, limit=10):
        """Wait until no session is open."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if not any(s.alive() for s in self.sessions):
                return True
            time.sleep(0.01)
        return False

    def close(self):
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.server.close()
        self.thread.join(5)
        for s in self.sessions:
            s.kill()
        for s in self.sessions:
            for t in s.threads:
                t.join(5)


class Meter(Proxy):
    """Passes everything on and keeps nothing of it: how many records went
    each way, of sessions that have millions."""

    def __init__(self, listen, upstream):
        self.records = {"out": 0, "in": 0}
        super().__init__(listen, upstream)

    def _pump(self, session, direction):
        source, sink = session.socks[direction]
        frames = -HANDSHAKE[direction]
        head, left = b"", 0             # of the frame at hand
        try:
            while data := source.recv(1 << 18):
                sink.sendall(data)
                at = 0
                while at < len(data):
                    size = 2 if frames < 0 else 8
                    if not left and len(head) < size:
                        n = size - len(head)
                        head += data[at:at + n]
                        at += n
                        if len(head) < size:
                            break
                        left = int.from_bytes(head[:min(size, 4)], "big")
                    n = min(left, len(data) - at)
                    left -= n
                    at += n
                    if not left:
                        head = b""
                        frames += 1
                        self.records[direction] = max(frames, 0)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            session.kill()


# ---- attacks: each is for one frame, named by direction and number ----

def at(direction, index, what):
    """Do `what(session, frame)` to that frame of each session."""
    def attack(session, frame):
        if frame.direction == direction and frame.index == index:
            return what(session, frame)
        return None
    return attack


def flip(offset, bit=0):
    def what(_, frame):
        data = bytearray(frame.data)
        data[offset % len(data)] ^= 1 << bit
        return [bytes(data)]
    return what


def drop(_, frame):
    return []


def duplicate(_, frame):
    return [frame.data, frame.data]


def reflect(session, frame):
    """Back to the one who sent it."""
    session.send("in" if frame.direction == "out" else "out", frame.data)
    return []


def truncate(keep):
    """Pass on `keep` bytes of the frame (negative: from the end), then
    close."""
    def what(_, frame):
        raise Cut(frame.data[:keep])
    return what


def cut(_, frame):
    raise Cut()


def append(extra):
    def what(_, frame):
        return [frame.data + extra]
    return what


def replace(data):
    def what(_, frame):
        return [data]
    return what


def swap(direction, index):
    """Frame `index` and the one after it change places."""
    kept = {}

    def attack(session, frame):
        if frame.direction != direction:
            return None
        if frame.index == index:
            kept[session] = frame.data
            return []
        if frame.index == index + 1 and session in kept:
            return [frame.data, kept.pop(session)]
        return None
    return attack


def hold(direction, index):
    """From that frame on nothing passes that way until the session is
    released; the connection stays open."""
    def attack(session, frame):
        if frame.direction == direction and frame.index >= index:
            session.released.wait()
        return None
    return attack


def hold_both(direction, index):
    """As hold(), but both ways: a link that is cut without a word."""
    def attack(session, frame):
        if frame.direction == direction and frame.index >= index:
            session.dark.update(("out", "in"))
        session.pause(frame.direction)
        return None
    return attack


def play(address, frames, limit=10):
    """A client that sends recorded frames and reads to the end.  Returns
    what came back."""
    s = socket.create_connection(address, 5)
    s.settimeout(limit)
    back = b""
    try:
        for f in frames:
            s.sendall(f)
            time.sleep(0.02)
        s.shutdown(socket.SHUT_WR)
        while True:
            got = s.recv(65536)
            if not got:
                break
            back += got
    except OSError:
        pass
    s.close()
    return back


class Player(threading.Thread):
    """A server that answers every connection with recorded frames."""

    def __init__(self, listen, frames):
        super().__init__(daemon=True)
        self.frames = frames
        self.accepted = 0
        self.server = socket.socket()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(listen)
        self.server.listen(8)
        self.address = self.server.getsockname()
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.server.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                c.settimeout(10)
                c.recv(65536)
                for f in self.frames:
                    c.sendall(f)
                while c.recv(65536):
                    pass
            except OSError:
                pass
            c.close()

    def close(self):
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.server.close()
        self.join(12)
