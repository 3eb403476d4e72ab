# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to hold after a migration, whatever has happened to it: who has
the guest, that it is the same guest, that somebody watches it, that nothing
is left, and that xl has told the truth."""
import re
import time

from case import expect

OF_SOURCE = ("SENDING", "SENT", "RELEASED", "DONE", "ABORTED")
# How a migration can have ended, for both, and who has the guest then.
ENDS = {("DONE", "ACCEPTED"): "target", ("ABORTED", "REFUSED"): "source",
        ("ABORTED", None): "source", (None, "REFUSED"): "source"}
SETTLE = 30         # seconds
MONITOR = r"^domain g1 |xl (create|migrate-receive)\b"
# Of each xl that may be a monitor: its number, and the last line of its log
# that says what it watches.
WATCHES = r"""for p in $(pgrep -f '^([^ ]*/)?xl (create|migrate-receive|restore)'); do
    echo "$p $(grep 'Waiting for domain' /proc/$p/fd/1 2>/dev/null | tail -n 1)"
done"""
WAITING = re.compile(r"^(\d+) Waiting for domain (\S+) \(domid (\d+)\) to die \[pid (\d+)\]")


def wait_settled(site):
    """Seconds until both journals are at their end."""
    start = time.monotonic()
    while site.open_records():
        expect(time.monotonic() - start < SETTLE, "not settled in %d s: %s" % (
            SETTLE, site.open_records()))
        time.sleep(0.5)
    return time.monotonic() - start


def owners(rig):
    """The hosts that have the guest; no host has anything else."""
    domains = rig.both(lambda host: list(host.domains()))
    found = [host for host in rig.hosts if domains[host.name]]
    expect(len(found) < 2 and domains == {
        h.name: ["g1"] if h in found else [] for h in rig.hosts},
        "domains: %s" % domains)
    return found


def wait_owners(rig, timeout=20):
    """As owners; but who has a part in the end of a domain may take a
    moment after the journals are closed."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return owners(rig)
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def known(rig, site):
    """The migrations that any journal has."""
    return {r["id"] for host in rig.hosts for r in site.records(host)}


def outcome(rig, site, residue, guest, since, wants, before=()):
    """Waits until both journals are at their end, then looks at everything.
    wants: the hosts that may have the guest, None among them if it may be
    gone.  before: what was known() then, of which none says where a guest is
    that was made since.  Returns how long it took and who has it."""
    took = wait_settled(site)
    found = wait_owners(rig)
    owner = found[0] if found else None
    expect(owner in wants, "it runs on %s" % (owner or "no host"))
    if owner:
        expect(guest.runs_only_on(owner), "%s has it, it runs on %s" % (
            owner, guest.running_on()))
        expect(not guest.continuity(since), "; ".join(guest.continuity(since)))
        watched(owner)
    nothing_left(rig, residue, found)
    agree(rig, site, owner, before)
    return took, owner


def agree(rig, site, owner, before=()):
    """Each migration of which a host knows anything has ended for both in the
    same way, the last one as Xen says, unless it is one from before."""
    records = {host: {r["id"]: r["state"] for r in site.records(host)}
               for host in rig.hosts}
    a, b = (records[host] for host in rig.hosts)
    for here, there, host in ((a, b, rig.a), (b, a, rig.b)):
        for number, state in here.items():
            other = there.get(number)
            ends = ENDS.get((state, other)) or ENDS.get((other, state))
            expect(ends, "the journals do not agree: %s here, %s there" % (state, other))
            last = number == list(here)[-1] and list(there)[-1:] in ([], [number])
            if last and owner and state in OF_SOURCE and number not in before:
                expect(owner is (host if ends == "source" else host.other),
                       "by the journals the %s has it, it runs on %s" % (ends, owner))


def monitors(host):
    """[(pid, name, domid)] of the xl that watch a guest there; None for
    what does not say so."""
    found = []
    for line in host.run(WATCHES, check=False).out.splitlines():
        match = WAITING.match(line)
        pid = int(line.split()[0])
        if match and int(match.group(4)) == pid:
            found.append((pid, match.group(2), int(match.group(3))))
        else:
            found.append((pid, None, None))
    return found


def watched(host, name="g1", timeout=15):
    """Exactly one xl watches the guest, under the number it has now, so that
    its end and its reboot are seen to."""
    domid = host.domains()[name][0]
    deadline = time.monotonic() + timeout
    while True:
        found = monitors(host)
        if [d for _, _, d in found] == [domid]:
            return
        expect(time.monotonic() < deadline, "%s: domain %d is watched by %s" % (
            host, domid, found or "nobody"))
        time.sleep(1)


def nothing_left(rig, residue, found):
    ignore = {host.name: MONITOR for host in found}
    deadline = time.monotonic() + 40
    while True:
        left = rig.leftovers(residue, ignore)
        for host in rig.hosts:
            ids = host.run("xenstore-list /local/domain").out.split()
            known = {"0"} | {str(d) for d, _ in host.domains().values()}
            left += ["%s: xenstore has domain %s" % (host, i) for i in ids
                     if i not in known]
        if not left:
            return
        expect(time.monotonic() < deadline, "left behind: %s" % left)
        time.sleep(1)


def told_the_truth(job, source, owner, killed=False, lost=False):
    """What xl has said, against what is.  killed: it was, by the test.  lost:
    so was the host that may have started the guest."""
    code = job.wait(60)
    words = [l for l in job.err().splitlines() if l.strip()]
    said = "xl: %d, %r" % (code, words[-1][:100] if words else "")
    expect(code != -9 or killed, "somebody has killed it")
    if code == 0:
        expect(owner is source.other or lost and not owner, "%s, but it runs on %s" % (said, owner))
    elif code not in (32, -9) and owner:
        expect(owner is source, "%s, but it runs on %s" % (said, owner))
    if code == 32:
        # where it is, what happens by itself, what to type
        for what in ("suspended|resumed", "by (itself|themselves)", "secmig handover list"):
            expect(re.search(what, job.err()), "32 without %r: %s" % (what, job.err()))
    return said
