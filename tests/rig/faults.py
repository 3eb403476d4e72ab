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


def kill_peer(m):
    m.host.run("pkill -9 -f '[r]ole peer'", check=False)
    m.site.go_on(m.host)


def kill_xl(m):
    m.source.run("pkill -9 -f '[x]l migrate --secure'", check=False)
    m.site.go_on(m.host)


def kill_receive(m):
    """The xl that receives, not the guest's monitor that it has started."""
    m.source.other.run(
        "for p in $(pgrep -f '[x]l migrate-receive'); do"
        " [ $(ps -o ppid= -p $p) = 1 ] || grep -q migrate-receive"
        " /proc/$(ps -o ppid= -p $p | tr -d ' ')/cmdline || kill -9 $p; done",
        check=False)
    m.site.go_on(m.host)


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


def destroy(m):
    """Its owner does not want it any more."""
    m.source.run("xl destroy g1")
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


# What the daemon is answered at the moment; else it is stopped there.
ACTION = {eio: "eio", enospc: "enospc", short: "short", eio_on: "eio!",
          kill_secmig_xl: "reap 60"}
POWER = (power, power_both)

WORDS = {
    kill_daemon: "kill -9 of the daemon",
    kill_both: "kill -9 of both daemons",
    kill_peer: "kill -9 of the process that talks to the network",
    kill_xl: "kill -9 of xl migrate",
    kill_receive: "kill -9 of xl migrate-receive",
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
    eio: "EIO from the journal, once",
    eio_on: "EIO from the journal, from then on",
    enospc: "ENOSPC from the journal, once",
    short: "half a record written, then EIO",
    destroy: "xl destroy of the guest",
}
