#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The patched xl and libxl, with a stand-in for the daemon (see
xen-patches/test/fake_secmigd.py), so that what fails here is xl's; and
secmig-xl's questions to a real Xen.

Goal of this test
- without --secure xl sends and runs what stock xl does, byte for byte;
- with it, xl sends the daemon what the protocol says, the stream without
  its preamble, and migrates;
- whatever fails before the guest is handed over leaves it running at the
  sender, with one line and the daemon's exit code; afterwards xl never touches
  it, and says how things stand;
- xl.conf's migrate.secure closes what it says."""
import json
import os
import struct
import sys
import time

from case import Cases, Skip, expect
from rig import TOP

# In an order that lets one guest serve most cases.
cases = Cases("ours")
MARKER = "xlsec-77c0a1d2e9"
resumed = set()     # boot ids of guests that a failed migration has resumed
XL = "/root/secmig-xl "

# In the daemon's place on the other host: what it does with the copy.
RECEIVE = """#!/bin/sh
xl migrate-receive --secure || exit
cat >/dev/null
uuid=$(xl list -v | awk '$1 == "g1--incoming" { print $7 }')
if [ "$1" = pass ]; then
    setsid -f /root/secmig-xl start $uuid g1 run >/run/received 2>&1
else
    setsid -f /root/secmig-xl discard $uuid g1 >/run/received 2>&1
fi
"""

# A receiver that keeps what it is sent, says the banner and, after so many
# bytes, hangs up: the sender then resumes its guest.
RECORD = """#!/bin/sh
printf 'xl migration receiver ready, send binary domain data.\\n'
head -c 60000 >/run/recorded
"""

# Kills xl some time after it has asked the guest to suspend.
KILL = """
import os, subprocess, time
path = "/local/domain/%d/control/shutdown"
watch = subprocess.Popen(["xenstore-watch", path], stdout=subprocess.PIPE)
watch.stdout.readline()
watch.stdout.readline()
time.sleep(%g)
subprocess.run(["pkill", "-9", "-f", "[x]l migrate -s"], check=True)
watch.kill()
"""

CANCEL, HAND_OVER = 5, 6                        # frames of the control socket
GONE, RUNS, SUSPENDED, COPY = 1, 2, 3, 4        # lib/handover/handover.h


def running_guest(rig, host=None):
    host = host or rig.a
    guest = rig.guest("g1", marker=MARKER)
    if guest.is_only_guest(host):
        return guest
    rig.clean()
    return guest.create(host)


def push_secmig_xl(rig):
    program = os.path.join(TOP, "build/secmig-xl")
    if not os.path.exists(program):
        raise Skip("build/secmig-xl is not built")
    rig.both(lambda host: host.push(program, "/root/secmig-xl", 0o755))


def fake(rig, scene, source=None):
    """The stand-in on a host (A), playing one scene; for those that need
    one, a receiver on the other."""
    source = source or rig.a
    target = source.other
    push_secmig_xl(rig)
    source.push(os.path.join(TOP, "xen-patches/test/fake_secmigd.py"),
                "/root/fake_secmigd.py", 0o755)
    if scene != "refuse":
        target.put("/root/receive.sh", RECEIVE, 0o755)
        target.start("socat -t60 -b262144 TCP-LISTEN:7100,reuseaddr"
                     " EXEC:'/root/receive.sh %s'" % scene)
        target.run("n=50; until ss -Htln sport = :7100 | grep -q .; do"
                   " sleep 0.1; n=$((n-1)); [ $n -gt 0 ] || exit 1; done")
    source.run("rm -f /run/fake.json /run/xen/secmig.sock")
    source.start("python3 /root/fake_secmigd.py %s /root/secmig-xl %s 7100"
                 % (scene, target.address))
    source.run("n=50; until [ -S /run/xen/secmig.sock ]; do sleep 0.1;"
               " n=$((n-1)); [ $n -gt 0 ] || exit 1; done")


def saw(rig):
    return json.loads(rig.a.run(
        "n=100; until [ -e /run/fake.json ] || [ $n = 0 ]; do sleep 0.1;"
        " n=$((n-1)); done; cat /run/fake.json").out)


def secure(rig, options="", timeout=120, source=None):
    source = source or rig.a
    return source.run("xl migrate --secure %s g1 host%s" % (
        options, source.other.name), timeout, check=False)


def one_line(result, text):
    """The last line says it, and no other does."""
    lines = [l for l in result.err.splitlines() if text in l]
    return len(lines) == 1 and result.err.splitlines()[-1] == lines[0]


def still_here(rig, guest, since):
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
    expect(list(rig.a.domains()) == ["g1"], "domains: %s" % rig.a.domains())


def gone_there(rig, timeout=60):
    deadline = time.monotonic() + timeout
    while rig.b.domains() and time.monotonic() < deadline:
        time.sleep(0.5)
    expect(not rig.b.domains(), "left on B: %s" % rig.b.domains())


def wait_no_xl(host):
    """Until no xl migrates there any more."""
    host.run("n=100; while pgrep -f '[x]l migrate' >/dev/null && [ $n -gt 0 ];"
             " do sleep 0.1; n=$((n-1)); done")


@cases.case("xl: without --secure, what is sent and run is stock's, byte for byte")
def identical(rig):
    running_guest(rig)
    rig.a.put("/root/record.sh", RECORD, 0o755)
    rig.a.put("/root/ssh.sh", "#!/bin/sh\nprintf '%s\\n' \"$@\" >/run/argv\n"
              "exec /root/record.sh\n", 0o755)
    sent, run = {}, {}
    try:
        for tools in ("stock", "ours"):
            rig.a.tools(tools)
            rig.a.run("rm -f /run/recorded /run/argv")
            result = rig.a.run("xl migrate -s /root/ssh.sh -p g1 hostB", check=False)
            expect(result.code == 1, "%s: %r" % (tools, result))
            sent[tools] = rig.a.get("/run/recorded")
            run[tools] = rig.a.get("/run/argv")
    finally:
        rig.a.tools("ours")
    expect(sent["stock"].startswith(b"Xen saved domain"), "nothing recorded")
    length, = struct.unpack_from("<I", sent["stock"], 44)
    # header, config, libxl's header, libxc's context record and image header;
    # behind them memory begins
    common = 48 + length + 16 + 8 + 24 + 16
    expect(len(sent["stock"]) > common, "only %d bytes" % len(sent["stock"]))
    expect(sent["stock"][:common] == sent["ours"][:common],
           "the first %d bytes differ" % common)
    expect(run["stock"] == run["ours"], "the commands differ: %r" % run)
    return "%d bytes" % common


@cases.case("xl: --secure without a daemon fails before the guest is touched")
def no_daemon(rig):
    guest = running_guest(rig)
    rig.a.run("rm -f /run/xen/secmig.sock")
    since, mark = time.monotonic(), rig.capture.mark()
    result = secure(rig)
    expect(result.code == 10, repr(result))
    expect(len(result.err.splitlines()) == 1, "more than a line: %r" % result)
    expect("does not answer at" in result.err, repr(result))
    still_here(rig, guest, since)
    guest.not_stopped(since, mark)


@cases.case("xl: a refusal is one line and the daemon's exit code")
def refusal(rig):
    guest = running_guest(rig)
    since = time.monotonic()
    fake(rig, "refuse")
    result = secure(rig)
    expect(result.code == 21, repr(result))
    expect(result.err == "Migration refused: the destination does not want it"
           " (rule payroll-stays)\n", repr(result))
    still_here(rig, guest, since)


@cases.case("xl: -C sends another config, under the guest's own uuid")
def config(rig):
    guest = running_guest(rig)
    uuid = rig.a.run("xl list -v g1 | awk 'NR == 2 {print $7}'").out.strip()
    rig.a.put("/rig/guest/other.cfg", guest.config + 'on_reboot = "preserve"\n')
    fake(rig, "refuse")
    result = secure(rig, "-C /rig/guest/other.cfg")
    expect(result.code == 21, repr(result))
    sent = json.loads(saw(rig)["config"])
    expect(sent["c_info"]["uuid"] == uuid, "%s: %r" % (uuid, sent["c_info"]))
    expect(sent["on_reboot"] == "preserve", "not the config of -C")


@cases.case("xl: --secure excludes -s, -e and -F")
def excludes(rig):
    running_guest(rig)
    for options in ("-s ssh", "-s ''", "-e", "-F"):
        result = secure(rig, options)
        expect(result.code == 1 and "cannot be used with" in result.err,
               "%s: %r" % (options, result))


@cases.case("xl.conf: require closes ssh, -s, remus and plain reception")
def require(rig):
    guest = running_guest(rig)
    since = time.monotonic()
    for host in rig.hosts:
        host.run("cp /etc/xen/xl.conf /root/xl.conf.saved;"
                 "echo 'migrate.secure=\"require\"' >>/etc/xen/xl.conf")
    try:
        for command in ("xl migrate g1 %s" % rig.b.address,
                        "xl migrate -s '' g1 'touch /run/ran'",
                        "xl remus g1 %s" % rig.b.address,
                        "xl migrate-receive", "xl migrate-receive -r"):
            result = rig.a.run(command, 20, check=False)
            expect(result.code == 1 and "require" in result.err and
                   not result.out, "%s: %r" % (command, result))
        expect(rig.a.run("[ -e /run/ran ]", check=False).code, "it ran -s")
        result = rig.b.run("xl migrate-receive --secure </dev/null", 20, check=False)
        expect(result.out.startswith("xl migration receiver ready"), repr(result))
        result = rig.b.run("xl migrate-receive --secure -r </dev/null", 20, check=False)
        expect(result.code == 1 and not result.out, repr(result))
    finally:
        for host in rig.hosts:
            host.run("mv /root/xl.conf.saved /etc/xen/xl.conf")
    still_here(rig, guest, since)


@cases.case("xl.conf: off closes --secure, another value is an error")
def off(rig):
    running_guest(rig)
    rig.a.run("cp /etc/xen/xl.conf /root/xl.conf.saved")
    try:
        rig.a.run("echo 'migrate.secure=\"off\"' >>/etc/xen/xl.conf")
        result = secure(rig)
        expect(result.code == 1 and "off" in result.err, repr(result))
        result = rig.a.run("xl migrate-receive --secure </dev/null", 20, check=False)
        expect(result.code == 1 and not result.out, repr(result))
        rig.a.run("sed -i 's/\"off\"/\"maybe\"/' /etc/xen/xl.conf")
        result = rig.a.run("xl list", check=False)
        expect(result.code == 1 and '"maybe"' in result.err, repr(result))
    finally:
        rig.a.run("mv /root/xl.conf.saved /etc/xen/xl.conf")


@cases.case("xl: -p reaches the daemon as a flag")
def paused(rig):
    guest = running_guest(rig)
    since = time.monotonic()
    fake(rig, "break")
    secure(rig, "-p")
    expect(saw(rig)["flags"] == 1, repr(saw(rig)))
    still_here(rig, guest, since)
    gone_there(rig)


def stays(rig, scene, code, text, said):
    guest = running_guest(rig)
    since = time.monotonic()
    fake(rig, scene)
    result = secure(rig)
    expect(result.code == code, repr(result))
    expect(one_line(result, text), repr(result))
    still_here(rig, guest, since)
    wait_no_xl(rig.a)
    gone_there(rig)
    expect(saw(rig).get("said") == said, "xl said %r" % saw(rig).get("said"))
    return result.err.splitlines()[-1]


@cases.case("xl: the stream breaks: the guest goes on here, RESULT says why")
def breaks(rig):
    return stays(rig, "break", 14, "Migration failed, resumed at sender:"
                 " the connection was lost", CANCEL)


@cases.case("xl: the daemon dies in the middle: the guest goes on here")
def dies(rig):
    return stays(rig, "die", 10, "Migration failed, resumed at sender:"
                 " the migration daemon has gone away", None)


@cases.case("xl: the daemon is gone when all is sent: the guest goes on here")
def hangs_up(rig):
    return stays(rig, "hang-up", 10, "Migration failed, resumed at sender:"
                 " the migration daemon has gone away", None)


@cases.case("xl: handed over, and the daemon has resumed it: RESULT says why")
def deny(rig):
    note = stays(rig, "deny", 24, "Migration failed, resumed at sender:"
                 " the name is taken there", HAND_OVER)
    resumed.add(rig.guest("g1").last().boot)
    return note


@cases.case("xl: after a failed migration the guest's reboot is still handled")
def reboot(rig):
    guest = running_guest(rig)
    if guest.last().boot not in resumed:
        deny(rig)
    expect(rig.a.run("pgrep -f '[x]l create'", check=False).out.strip(),
           "nobody watches the guest any more")
    boot, domid = guest.last().boot, rig.a.domains()["g1"][0]
    since = time.monotonic()
    rig.a.run("xl trigger g1 nmi; xl reboot g1 || xl reboot -F g1", check=False)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = guest.last()
        if now.time > since and now.boot != boot:
            break
        time.sleep(0.5)
    if guest.last().boot == boot:
        raise Skip("this guest does not reboot when asked")
    expect(rig.a.domains()["g1"][0] != domid, "the same domain")


@cases.case("xl: an incoming header that lies is refused")
def header(rig):
    magic = b"Xen saved domain, xl format\n \0 \r"
    for name, fields, rest, text in (
            ("700 MiB", (0x01020304, 3, 0, 700 << 20), b"", "more than"),
            ("negative", (0x01020304, 3, 0, 8), struct.pack("<I", 0xffffffff) +
             b"{}\0\0", "truncated"),
            ("no NUL", (0x01020304, 3, 0, 6), struct.pack("<I", 2) + b"{}",
             "not terminated"),
            ("no JSON", (0x01020304, 3, 0, 7), struct.pack("<I", 3) + b"{:\0",
             "cannot be parsed")):
        result = rig.b.run("xl migrate-receive --secure", 20, check=False,
                           data=magic + struct.pack("<IIII", *fields) + rest)
        expect(result.code == 1 and text in result.err and not result.timeout,
               "%s: %r" % (name, result))


@cases.case("xl: a migration through the daemon; MIGRATE is as the protocol says")
def through(rig):
    guest = running_guest(rig)
    domid = rig.a.domains()["g1"][0]
    uuid = rig.a.run("xl list -v g1 | awk 'NR == 2 {print $7}'").out.strip()
    config = rig.a.run("xl list -l g1").out
    since = time.monotonic()
    fake(rig, "pass")
    result = secure(rig)
    expect(result.code == 0, repr(result))
    expect(result.err.endswith("Migration successful.\n"), repr(result))
    guest.wait_tick(rig.b, since)
    expect(guest.runs_only_on(rig.b), "it runs on %s" % guest.running_on())
    expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
    expect(not rig.a.domains(), "left on A: %s" % rig.a.domains())
    expect(list(rig.b.domains()) == ["g1"], "on B: %s" % rig.b.domains())
    seen = saw(rig)
    expect(seen["domid"] == domid and seen["host"] == "hostB" and
           seen["name"] == "g1" and seen["flags"] == 0 and
           seen["rest"] == 0, repr(seen))
    expect(seen["uuid"] == uuid.replace("-", ""), "%s: %r" % (uuid, seen))
    sent = json.loads(seen["config"])
    ours = json.loads(config)[0]["config"]
    expect(sent["c_info"]["name"] == "g1" and
           sent["b_info"] == ours["b_info"], "the config is another")
    # libxl's stream begins at once, without xl's header
    expect(seen["first"] == "LibxlFmt", repr(seen["first"]))
    expect(seen["said"] == HAND_OVER and seen["ready"] and seen["hung_up"],
           repr(seen))
    left = rig.a.run("pgrep -af '[x]l |[s]ave-helper'", check=False).out
    expect(not left, "left running on A: %s" % left)
    return "downtime %.2f s" % guest.downtime(since)


@cases.case("xl: plain migration between patched and stock xl, both ways", long=True)
def plain(rig):
    guest = running_guest(rig)
    since = time.monotonic()
    rig.b.tools("stock")
    try:
        rig.migrate_plain(guest, rig.a, rig.b)
        rig.migrate_plain(guest, rig.b, rig.a)
    finally:
        rig.b.tools("ours")
    still_here(rig, guest, since)


@cases.case("secmig-xl: domain, config, room and discard on a real Xen")
def secmig_xl(rig):
    guest = running_guest(rig)
    push_secmig_xl(rig)
    domid = rig.a.domains()["g1"][0]
    uuid = rig.a.run("xl list -v g1 | awk 'NR == 2 {print $7}'").out.strip()

    data = rig.a.run("/root/secmig-xl domain %d" % domid).raw
    number, raw, length = struct.unpack_from(">I16sH", data)
    expect(number == domid and raw.hex() == uuid.replace("-", "") and
           data[22:22 + length] == b"g1", repr(data))
    memory, flags = struct.unpack(">QI", data[22 + length:])
    expect(96 << 10 <= memory < 98 << 10 and flags == 0, "%d %d" % (memory, flags))
    expect(rig.a.run("/root/secmig-xl domain g1").raw == data, "by its name")
    for wrong, code in (("0", 25), ("7777", 25), ("x", 25), ("Domain-0", 25),
                        ("-1", 2), ("4294967296", 2), ("''", 2)):
        expect(rig.a.run("/root/secmig-xl domain %s" % wrong, check=False).code
               == code, "domain %s" % wrong)

    config = rig.a.run("xl list -l g1").out
    text = json.dumps(json.loads(config)[0]["config"])
    answer = rig.b.run("/root/secmig-xl config", data=text).raw
    expect(answer[:16].hex() == uuid.replace("-", "") and
           b"b_info.kernel" in answer, repr(answer[:80]))

    other = "11111111-2222-3333-4444-555555555555"
    for args, code, text in (
            ("98304 %s g2" % other, 0, "room for"),
            ("98304 %s g1" % other, 24, "named g1"),
            ("98304 %s g2" % uuid, 24, "uuid"),
            ("98304000 %s g2" % other, 5, "needs"),
            ("x %s g2" % other, 2, ""), ("98304 nonsense g2", 2, "")):
        result = rig.a.run("/root/secmig-xl room %s" % args, check=False)
        expect(result.code == code and text in result.out, "%s: %r" % (args, result))
    expect(rig.b.run("/root/secmig-xl room 98304 %s g1" % uuid).code == 0, "B")

    # never anything but an incoming copy that has not run
    result = rig.a.run("/root/secmig-xl discard %s g1" % uuid, check=False)
    expect(result.code == 24 and "left alone" in result.out, repr(result))
    result = rig.a.run("/root/secmig-xl discard %s g1" % other)
    expect("nothing" in result.out, repr(result))
    expect(guest.runs_only_on(rig.a), "it runs on %s" % guest.running_on())
    rig.a.run("xl rename g1 g1--incoming; xl pause g1--incoming")
    result = rig.a.run("/root/secmig-xl discard %s g1" % uuid, check=False)
    expect(result.code == 24 and "has run" in result.out, repr(result))
    rig.a.run("xl unpause g1--incoming; xl rename g1--incoming g1")

    # a receiver killed in the middle leaves one
    mark = rig.capture.mark()
    rig.receive_plain(rig.b)
    sender = rig.a.start(rig.plain_command(guest, rig.b))
    rig.wait_wire(30 << 20, mark)
    rig.b.run("pkill -9 -x xl")
    sender.wait(60)
    expect("g1--incoming" in rig.b.domains(), repr(rig.b.domains()))
    result = rig.b.run("/root/secmig-xl room 98304 %s g1" % other, check=False)
    expect(result.code == 24 and "g1--incoming" in result.out, repr(result))
    result = rig.b.run("/root/secmig-xl discard %s g2" % uuid, check=False)
    expect(result.code == 24, repr(result))
    result = rig.b.run("/root/secmig-xl discard %s g1" % uuid, check=False)
    expect(result.code == 0 and "discarded" in result.out, repr(result))
    gone_there(rig)


def looked(host, role, uuid):
    """(domain, domid, name) as secmig-xl says."""
    data = host.run(XL + "look %s %s g1" % (role, uuid)).raw
    domain, domid, length = struct.unpack_from(">BIH", data)
    return domain, domid, data[7:7 + length].decode()


@cases.case("xl: handed over, not settled: xl says so and leaves the guest alone;"
            " secmig-xl resumes it")
def doubt(rig):
    guest = running_guest(rig)
    domid, since = rig.a.domains()["g1"][0], time.monotonic()
    uuid = rig.a.run("xl list -v g1 | awk 'NR == 2 {print $7}'").out.strip()
    expect(looked(rig.a, "source", uuid) == (RUNS, domid, "g1"), "look: it runs")
    expect(looked(rig.b, "destination", uuid)[0] == GONE, "look at B: nothing there")
    for scene, text in (("doubt", "Migration not settled: it may run there"),
                        ("lose", "secmig handover list")):
        fake(rig, scene)
        result = secure(rig)
        expect(result.code == 32 and one_line(result, text), repr(result))
        running = guest.running_on(3, 0)
        expect(not running, "it runs on %s" % running)
        expect(list(rig.a.domains()) == ["g1"], repr(rig.a.domains()))
        expect(looked(rig.a, "source", uuid) == (SUSPENDED, domid, "g1"), "look")
        result = rig.a.run(XL + "start %s g1 run" % uuid, check=False)
        expect(result.code == 0 and "already" in result.out, repr(result))
        if scene == "lose":     # as stock xl leaves it
            rig.a.run("xl rename g1 g1--migratedaway")
        rig.a.run(XL + "resume %s g1" % uuid)
        rig.a.run(XL + "resume %s g1" % uuid)
        still_here(rig, guest, since)
        gone_there(rig)
    for verb, code in (("destroy", 4), ("discard", 24)):
        result = rig.a.run(XL + "%s %s g1" % (verb, uuid), check=False)
        expect(result.code == code and "left alone" in result.out, repr(result))
    still_here(rig, guest, since)


@cases.case("secmig-xl: an xl killed while the guest suspends: look waits for the"
            " guest, resume brings it back")
def killed_suspending(rig):
    guest = running_guest(rig)
    since, waited = time.monotonic(), []
    uuid = rig.a.run("xl list -v g1 | awk 'NR == 2 {print $7}'").out.strip()
    domid = rig.a.domains()["g1"][0]
    # a receiver that never says READY: nothing else can happen to the guest
    rig.a.put("/root/sink.sh", RECORD.replace("head -c 60000 >/run/recorded",
                                              "exec cat >/dev/null"), 0o755)
    for delay in (0, 0.05, 0.2):
        rig.a.put("/root/kill.py", KILL % (domid, delay))
        killer = rig.a.start("python3 /root/kill.py")
        rig.a.run("xl migrate -s '' g1 /root/sink.sh", check=False)
        expect(killer.wait(30) == 0, "it was not killed: %s" % killer.err())
        start = time.monotonic()
        domain, _, _ = looked(rig.a, "source", uuid)
        waited.append("%s after %.1f s" % ({RUNS: "runs", SUSPENDED: "suspended"}.get(
            domain, domain), time.monotonic() - start))
        if domain == SUSPENDED:
            rig.a.run(XL + "resume %s g1" % uuid)
        expect(guest.runs_only_on(rig.a, 4), "%.2f s after the request: %s; it runs on"
               " %s" % (delay, waited[-1], guest.running_on()))
    still_here(rig, guest, since)
    return ", ".join(waited)


@cases.case("xl: nomigrate=1 is refused by xl itself")
def nomigrate(rig):
    rig.clean()
    guest = rig.guest("g1", marker=MARKER, extra="nomigrate = 1").create(rig.a)
    since = time.monotonic()
    rig.a.run("rm -f /run/xen/secmig.sock")
    result = secure(rig)
    expect(result.code == 23 and "nomigrate=1" in result.err, repr(result))
    still_here(rig, guest, since)


if __name__ == "__main__":
    sys.exit(cases.main())
