# SPDX-License-Identifier: LGPL-2.1-or-later
"""The capture of the wire between the two hosts (QEMU's filter-dump)."""
import os
import struct

PCAP_HEADER = 24
RECORD = struct.Struct("<IIII")


class Capture:
    """Places in the capture are byte offsets of the file: mark() before,
    since=that mark to look only at what came after."""

    def __init__(self, path):
        self.path = path

    def mark(self):
        return max(os.path.getsize(self.path), PCAP_HEADER)

    def packets(self, since=PCAP_HEADER):
        """(seconds, frame) one by one."""
        with open(self.path, "rb") as file:
            file.seek(since)
            while True:
                head = file.read(RECORD.size)
                if len(head) < RECORD.size:
                    return
                seconds, micros, length, _ = RECORD.unpack(head)
                frame = file.read(length)
                if len(frame) < length:
                    return
                yield seconds + micros / 1e6, frame

    def size(self, since=PCAP_HEADER):
        """(packets, bytes in them) since the mark."""
        count = total = 0
        for _, frame in self.packets(since):
            count += 1
            total += len(frame)
        return count, total

    def streams(self, since=PCAP_HEADER):
        """{(source, port, destination, port): bytes}: what each direction of
        each TCP connection carried, in order, each byte once."""
        pieces = {}
        for _, frame in self.packets(since):
            parsed = tcp_segment(frame)
            if parsed:
                key, sequence, payload = parsed
                flow = pieces.setdefault(key, [])
                if flow:
                    # sequence numbers are 32 bits wide: count from the last
                    step = (sequence - flow[-1][0]) & 0xffffffff
                    if step >= 0x80000000:
                        step -= 1 << 32
                    sequence = flow[-1][0] + step
                flow.append((sequence, payload))
        return {key: join(flow) for key, flow in pieces.items()}

    def counts(self, needles, since=PCAP_HEADER):
        """How often each of some byte strings is on the wire: in the data of
        TCP streams (so across packets too) and in every other packet."""
        data = list(self.streams(since).values()) + [
            frame for _, frame in self.packets(since) if not tcp_segment(frame)]
        return {needle: sum(part.count(needle) for part in data)
                for needle in needles}

    def count(self, needle, since=PCAP_HEADER):
        return self.counts([needle], since)[needle]

    def contains(self, needle, since=PCAP_HEADER):
        return self.count(needle, since) > 0


def tcp_segment(frame):
    """((source, port, destination, port), sequence, payload), or None;
    addresses as in the packet."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    header = (frame[14] & 15) * 4
    end = 14 + struct.unpack_from(">H", frame, 16)[0]
    tcp = 14 + header
    sport, dport, sequence = struct.unpack_from(">HHI", frame, tcp)
    payload = frame[tcp + (frame[tcp + 12] >> 4) * 4:end]
    if not payload:
        return None
    return (frame[26:30], sport, frame[30:34], dport), sequence, payload


def join(flow):
    """The pieces in order; what was sent twice is taken once."""
    whole, at = [], None
    for sequence, payload in sorted(flow, key=lambda piece: piece[0]):
        if at is not None and sequence < at:
            payload = payload[at - sequence:]
            sequence = at
        whole.append(payload)
        at = sequence + len(payload)
    return b"".join(whole)
