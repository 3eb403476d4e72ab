#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock xl migrate and ours in the same faults, in the same run, on the same
two hosts (make faults; each case takes minutes).

Goal of this test
- what stock xl does in each fault of its last phase is seen here, not quoted;
- ours, in the fault that comes next to it, runs the guest by itself;
- both as a table: where it runs, what is left over, how long the guest stood
  still.

Stock xl is stopped between two of its messages (dom0/gate): the moments are
exact.  SECMIG_REPEAT says how often each is done [5].  --table prints that of
all runs so far."""
import json
import os
import statistics
import sys
import time

import cells
import faults
import migration
from case import Cases, expect
from migration import World, lab, the_guest
from rig import BUILD, say

ROWS = os.path.join(BUILD, "stock-rows")
cases = Cases("ours")
REPEAT = int(os.environ.get("SECMIG_REPEAT", "5"))
WATCH = 15          # seconds in which a stock guest may come back by itself
RESENT = 75         # seconds in which TCP sends again what a cut has held up
SAID = {"acknowledged": "Target has acknowledged transfer",
        "go": "Giving target permission to start",
        "restored": "Restore successful",
        "ready": "requesting permission to start domain",
        "got": "Got permission, starting domain"}


class Stock:
    """One plain migration from A to B; each xl behind a gate."""

    def __init__(self, rig, source=None, target=None):
        """source, target: the message after which that xl stands still."""
        self.rig, self.a, self.b = rig, rig.a, rig.b
        rig.clean()
        self.guest = rig.guest("g1", marker=migration.MARKER).create(rig.a)
        rig.tools("stock")
        for host, text in ((self.a, source), (self.b, target)):
            host.run("rm -rf /run/gate; mkdir -p /run/gate")
            if text:
                host.put("/run/gate/hold", SAID[text])
        self.receiver = self.b.start(
            "socat -b262144 TCP-LISTEN:7000,reuseaddr"
            " EXEC:'/rig/gate /run/gate xl migrate-receive'")
        self.b.run("n=50; until ss -Htln sport = :7000 | grep -q .; do"
                   " sleep 0.1; n=$((n-1)); [ $n -gt 0 ] || exit 1; done")
        self.since = time.monotonic()
        self.sender = self.a.start(
            "exec /rig/gate /run/gate " + rig.plain_command(self.guest, self.b))

    def wait_held(self, host):
        deadline = time.monotonic() + 240
        while host.run("[ -e /run/gate/held ]", check=False).code:
            expect(time.monotonic() < deadline, "%s did not get there: %s" % (
                host, self.said(host)))
            time.sleep(0.2)

    def wait_said(self, host, what):
        deadline = time.monotonic() + 60
        while SAID[what] not in self.said(host):
            expect(time.monotonic() < deadline, "%s has not said it: %s" % (
                host, self.said(host)))
            time.sleep(0.2)
        time.sleep(1)       # what it does next is done

    def said(self, host):
        return host.run("cat /run/gate/said", check=False).out

    def kill(self, host):
        host.run("kill -9 $(cat /run/gate/pid)", check=False)

    def release(self):
        for host in self.rig.hosts:
            host.run("rm -f /run/gate/hold")

    def end(self):
        """After the fault: what is there WATCH seconds later."""
        self.release()
        struck = time.monotonic()
        time.sleep(WATCH)
        return self.picture(struck)

    def picture(self, struck):
        where = {host for host, _ in self.guest.running_on(3, 3)}
        ticks = [t for t in self.guest.ticks(self.since) if t.time > struck]
        before = [t for t in self.guest.ticks(self.since) if t.time <= struck]
        text = "runs %s" % (" and ".join("at the " + {"A": "source", "B": "destination"}[w]
                                         for w in sorted(where)) or "**nowhere**")
        left = []
        for host in self.rig.hosts:
            for name, (_, state) in host.domains().items():
                if not (name == "g1" and host.name in where):
                    left.append("%s %s at the %s" % (
                        name, "suspended" if "s" in state else "paused" if "p" in state
                        else state, "source" if host is self.a else "destination"))
        if left:
            text += "; left: " + ", ".join(left)
        if where and ticks and before:
            text += "; stood still %.1f s" % self.guest.longest_gap(self.since)
        words = [l for l in self.said(self.a).splitlines() if l.strip()]
        return text, (words[-1][:90] if words else "")

    def over(self):
        self.release()
        self.rig.heal()
        self.rig.tools("ours")
        self.rig.clean()


def row(fault, way, text):
    say("%s: %s: %s" % (fault, way, text))
    with open(ROWS, "a") as file:
        file.write(json.dumps([fault, way, text]) + "\n")


def rows(fault, way):
    with open(ROWS) as file:
        return [text for f, w, text in map(json.loads, file) if (f, w) == (fault, way)]


def table():
    """Of all runs so far."""
    out = ["| fault | stock `xl migrate` | here |", "|---|---|---|"]
    with open(ROWS) as file:
        faults_seen = dict.fromkeys(json.loads(line)[0] for line in file)
    for fault in faults_seen:
        out.append("| %s | %s | %s |" % (fault, summary(rows(fault, "stock")),
                                         summary(rows(fault, "ours"))))
    return "\n".join(out) + "\n"


def summary(texts):
    """Each distinct outcome, with how often it came."""
    counts = {}
    for text in texts:
        head, _, gap = text.partition("; stood still ")
        counts.setdefault(head, []).append(float(gap.split()[0]) if gap else None)
    parts = []
    for head, gaps in counts.items():
        known = [g for g in gaps if g is not None]
        parts.append("%d of %d: %s%s" % (
            len(gaps), len(texts), head, "; stood still %.1f s (median), %.1f s at most" %
            (statistics.median(known), max(known)) if known else ""))
    return "; ".join(parts)


def ours(rig, fault, cell):
    """The fault next to it, in ours."""
    before = len(World.rows)
    migration.run(rig, cell)
    owner, gap = World.rows[before].owner, World.rows[before].gap
    row(fault, "ours", "runs at the %s, nothing is left%s" % (
        {"target": "destination"}.get(owner, owner),
        "; stood still %.1f s" % gap if gap else ""))


def case(fault, cell, holds, strike, *expected):
    """cell: ours.  holds: the messages after which stock's xl stand still;
    strike(stock): the fault.  expected: texts in every outcome of stock."""
    def here(rig):
        for _ in range(REPEAT):
            ours(rig, fault, cell)
        return summary(rows(fault, "ours"))

    def there(rig):
        wrong = []
        for _ in range(REPEAT):
            stock = Stock(rig, **holds)
            try:
                text = strike(stock) or stock.end()
                row(fault, "stock", text[0])
                if not all(words in text[0] for words in expected):
                    wrong.append(text[0])
            finally:
                stock.over()
        expect(not wrong, "stock does otherwise than was known: %s" % wrong)
        return summary(rows(fault, "stock"))
    cases.case("beside stock: ours: " + fault, long=True)(here)
    cases.case("beside stock: stock: " + fault, long=True)(there)


def kill_sender(stock):
    stock.wait_held(stock.a)
    stock.kill(stock.a)


def kill_sender_after_go(stock):
    stock.wait_held(stock.a)
    time.sleep(1)       # GO has been written: the next message is its answer's
    stock.kill(stock.a)


def kill_receiver(stock):
    stock.wait_held(stock.b)
    stock.kill(stock.b)


def kill_receiver_with_go(stock):
    stock.wait_held(stock.b)
    stock.wait_said(stock.a, "go")
    stock.kill(stock.b)


def cut_before_go(stock):
    """And mended again after the sender's xl has been ended by hand."""
    stock.wait_held(stock.a)
    stock.rig.cut()
    stock.release()
    struck = time.monotonic()
    time.sleep(25)
    first = stock.picture(struck)
    stock.a.run("pkill -f '[s]ocat.*TCP:'; kill $(cat /run/gate/pid)", check=False)
    time.sleep(3)
    stock.rig.heal()
    mended = time.monotonic()       # what is unsent is sent again ever more seldom
    while time.monotonic() < mended + RESENT and not stock.guest.ticks(mended):
        time.sleep(1)
    then = stock.picture(time.monotonic())
    return ("%s; after 25 s its xl is ended, and the link mended: %s" % (
        first[0], then[0]), first[1])


case("kill -9 of the source's xl, the copy complete, before GO",
     cells.one("source", "+heard:READY", faults.kill_xl, "either"),
     {"source": "acknowledged"}, kill_sender, "**nowhere**")
case("kill -9 of the source's xl just after GO",
     cells.one("source", "+say:GO", faults.kill_xl, "target"),
     {"source": "go"}, kill_sender_after_go, "left: g1--migratedaway")
case("kill -9 of the destination's xl, the copy complete, before READY",
     cells.one("target", "+sync:LOADING", faults.kill_received, "either"),
     {"target": "restored"}, kill_receiver, "left: g1--incoming")
case("kill -9 of what starts the guest there, GO read, before the start",
     cells.one("target", "+sync:ACCEPTED", faults.kill_daemon, "target"),
     {"target": "ready"}, kill_receiver_with_go, "**nowhere**")
case("kill -9 of what has started the guest there, before its report",
     cells.one("target", "say:STARTED", faults.kill_daemon, "target"),
     {"target": "got"}, kill_receiver_with_go, "left: g1--migratedaway")
case("link cut between READY and GO",
     cells.one("source", "write:RELEASED", faults.cut, "target"),
     {"source": "acknowledged"}, cut_before_go, "runs **nowhere**",
     "mended: runs at the destination")


STREAM = "link cut in the middle of the stream"


@cases.case("beside stock: ours: " + STREAM, long=True)
def stream_cut(rig):
    """How long until each side says so."""
    times = []
    for _ in range(REPEAT):
        guest, source = the_guest(rig)
        site, since, mark = lab(rig), time.monotonic(), rig.capture.mark()
        job = source.start("xl migrate --secure g1 %s" % source.other)
        rig.wait_wire(12 << 20, mark, 120)
        rig.cut()
        began = time.monotonic()
        code = job.wait(60)
        here = time.monotonic() - began
        while any("LOADING" in r for r in site.open_records()):
            expect(time.monotonic() - began < 60, "the destination has not noticed")
            time.sleep(0.3)
        there = time.monotonic() - began
        rig.heal()
        migration.outcome(rig, guest, since, [source])
        expect(code == 13, "exit code %d: %s" % (code, job.err()))
        times.append((here, there))
        row(STREAM, "ours", "runs at the source, nothing is left; stood still %.1f s"
            % guest.longest_gap(since))
    return "noticed after %s s at the source, %s s at the destination" % tuple(
        "%.0f (%.0f at most)" % (statistics.median(t), max(t)) for t in zip(*times))


@cases.case("beside stock: stock: " + STREAM, long=True)
def stock_stream_cut(rig):
    """Watched for a minute."""
    stock = Stock(rig)
    try:
        mark = rig.capture.mark()
        rig.wait_wire(30 << 20, mark, 120)
        rig.cut()
        time.sleep(60)
        expect(stock.sender.running() and stock.receiver.running(),
               "one of them has noticed: %s %s" % (stock.sender, stock.receiver))
        row(STREAM, "stock", "neither side has noticed after 60 s; %s"
            % stock.picture(time.monotonic())[0])
    finally:
        stock.over()


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table())
        sys.exit(0)
    sys.exit(cases.main())
