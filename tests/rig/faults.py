# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can happen at a moment of a migration.  When a fault is called, the
daemon of that side stands still at the moment (but for those with an ACTION,
which is done by then); when it returns, everything goes on."""
import time

DARK = 16           # seconds: longer than idle-timeout and verdict-timeout
YEARS = 10 * 365 * 86400


class Moment:
    """Where a fault strikes.  host: whose daemon stands still; source: who
    had the guest when the migration began; job: xl there."""

    def __init__(self, site, host, source, job):
        self.site, self.rig, self.job = site, site.rig, job
        self.host, self.source = host, source


def kill_daemon(m):
    m.site.restart(m.host)


def kill_both(m):
    for host in m.rig.hosts:
        m.site.kill(host)
    for host in m.rig.hosts:
        m.site.restart(host)


class Missed(RuntimeError):
    """There was nothing to kill."""


def struck(host, command):
    """A kill that must hit something."""
    if host.run(command, check=False).code:
        raise Missed("%s: nothing to hit: %s" % (host, command))


def kill_peer(m):
    struck(m.host, "pkill -9 -f '[r]ole peer'")
    m.site.go_on(m.host)


def kill_keeper(m):
    """Who holds the keys.  The daemon ends with it, and is started anew, as
    by the service manager."""
    struck(m.host, "pkill -9 -f '[r]ole keeper'")
    m.site.go_on(m.host)
    m.site.daemons[m.host.name].wait(30)
    m.site.restart(m.host)


def kill_control(m):
    """Who talks to xl and to administrators."""
    struck(m.host, "pkill -9 -f '[r]ole control'")
    m.site.go_on(m.host)


def kill_xl(m):
    struck(m.source, "pkill -9 -f '[x]l migrate --secure'")
    m.site.go_on(m.host)


# The xl that receive, not the monitors of guests that they have started.
RECEIVING = ("n=0; for p in $(pgrep -f '[x]l migrate-receive'); do"
             " [ $(ps -o ppid= -p $p) = 1 ] || grep -q migrate-receive"
             " /proc/$(ps -o ppid= -p $p | tr -d ' ')/cmdline ||"
             " { %s; n=1; }; done; [ $n = 1 ]")


def wait_receiving(target):
    deadline = time.monotonic() + 60
    while target.run(RECEIVING % ":", check=False).code:
        if time.monotonic() > deadline:
            raise RuntimeError("%s: no xl receives" % target)
        time.sleep(0.2)


def kill_receive(m):
    """While the stream arrives."""
    m.site.go_on(m.host)
    wait_receiving(m.source.other)
    struck(m.source.other, RECEIVING % "kill -9 $p")


def kill_received(m):
    """When the copy is whole, and its daemon has not heard it yet."""
    target = m.source.other
    m.site.go_on(m.host)
    wait_receiving(target)
    target.run("kill -STOP %d" % m.site.pid(target))
    mark = m.rig.capture.mark()
    while True:
        time.sleep(3)
        now = m.rig.capture.mark()
        if now - mark < 200000:     # nothing but the signs of life
            break
        mark = now
    struck(target, RECEIVING % "kill -9 $p")
    m.site.go_on(target)


def kill_helper(m):
    """What reads or writes the guest's memory for xl, while it does."""
    m.site.go_on(m.host)
    deadline = time.monotonic() + 60
    while m.host.run("pkill -9 -f '[l]ibxl-save-helper'", check=False).code:
        if time.monotonic() > deadline:
            raise Missed("%s: no libxl-save-helper" % m.host)
        time.sleep(0.2)


def stop_daemon(m):
    time.sleep(DARK)
    m.site.go_on(m.host)


def freeze(m):
    m.host.freeze()
    try:
        time.sleep(DARK)
    finally:
        m.host.freeze(False)
    m.site.go_on(m.host)


def cut(m):
    m.rig.cut()
    m.site.go_on(m.host)
    time.sleep(DARK)
    m.rig.heal()


def one_way(m, host):
    host.deaf()
    m.site.go_on(m.host)
    time.sleep(DARK)
    host.deaf(False)


def deaf_here(m):
    one_way(m, m.host)


def deaf_there(m):
    one_way(m, m.host.other)


def power(m):
    m.site.lose_power([m.host])


def power_both(m):
    m.site.lose_power(m.rig.hosts)


def clock_on(m):
    m.site.clock(m.host, YEARS)
    m.site.go_on(m.host)


def clock_back(m):
    m.site.clock(m.host, -YEARS)
    m.site.go_on(m.host)


def full_disk(m):
    m.site.fill(m.host)
    m.site.go_on(m.host)
    time.sleep(6)
    m.site.fill(m.host, False)


def read_only(m):
    """Until somebody sees to it."""
    m.site.break_disk(m.host)
    m.site.go_on(m.host)
    time.sleep(4)
    m.site.mend_disk(m.host)


def destroy(m):
    """Its owner does not want it any more.  What was seen of it just before
    is relied upon for 2 s, or longer where looks take long."""
    m.source.run("xl destroy g1")
    time.sleep(8)
    m.site.go_on(m.host)


def eio(m):
    pass


def enospc(m):
    pass


def short(m):
    pass


def eio_on(m):
    """Until somebody sees to it."""
    time.sleep(4)
    m.site.restart(m.host)


def kill_secmig_xl(m):
    pass


def kill_starting(m):
    pass


# What the daemon is answered at the moment; else it is stopped there.
ACTION = {eio: "eio", enospc: "enospc", short: "short", eio_on: "eio!",
          kill_secmig_xl: "reap 60", kill_starting: "reap 20"}
POWER = (power, power_both)

WORDS = {
    kill_daemon: "kill -9 of the daemon",
    kill_both: "kill -9 of both daemons",
    kill_peer: "kill -9 of the process that talks to the network",
    kill_keeper: "kill -9 of the process that holds the keys",
    kill_control: "kill -9 of the process that talks to xl",
    kill_starting: "kill -9 of a dialer, peer or judge as it starts",
    kill_xl: "kill -9 of xl migrate",
    kill_receive: "kill -9 of xl migrate-receive in the stream",
    kill_received: "kill -9 of xl migrate-receive, the copy complete",
    kill_helper: "kill -9 of libxl-save-helper in the stream",
    kill_secmig_xl: "kill -9 of secmig-xl at work",
    stop_daemon: "SIGSTOP of the daemon for %d s" % DARK,
    freeze: "whole host stands still for %d s" % DARK,
    cut: "link cut for %d s" % DARK,
    deaf_here: "one-way loss for %d s, towards that side" % DARK,
    deaf_there: "one-way loss for %d s, from that side" % DARK,
    power: "power cut of that host",
    power_both: "power cut of both hosts",
    clock_on: "clock 10 years on",
    clock_back: "clock 10 years back",
    full_disk: "the journal's disk is full for 6 s",
    read_only: "the journal's file system becomes read-only for 4 s",
    eio: "EIO from the journal, once",
    eio_on: "EIO from the journal, from then on",
    enospc: "ENOSPC from the journal, once",
    short: "half a record written, then EIO",
    destroy: "xl destroy of the guest",
}
