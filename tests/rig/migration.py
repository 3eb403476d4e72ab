# SPDX-License-Identifier: LGPL-2.1-or-later
"""Running one migration with faults at its moments, on one lab and one guest
that live through all of them; and what all of them came to, as a table."""
import json
import os
import statistics
import time

import faults
import verdict
from case import Failed, expect
from durable import Durable
from rig import BUILD, say

ROWS = os.path.join(BUILD, "handover-rows")
MARKER = "handover-5b1d90c2"


class World:
    lab = None
    residue = {}
    rows = []


def lab(rig):
    if not World.lab:
        World.lab = Durable(rig).set_up()
        time.sleep(1)
        World.residue = rig.both(lambda host: host.residue())
    return World.lab


def the_guest(rig):
    """The guest, and the host that it runs on; the daemons run."""
    site = lab(rig)
    guest = rig.guest("g1", marker=MARKER)
    for host in rig.hosts:
        if host.name not in site.daemons:
            site.restart(host)
    for host in rig.hosts:
        if not site.open_records() and guest.is_only_guest(host):
            return guest, host
    if site.open_records() or any(host.domains() for host in rig.hosts):
        site.forget()
    # it may have been lost with the host that it belongs to
    return guest.create(rig.a, options="--ignore-handover"), rig.a


def outcome(rig, guest, since, wants, before=()):
    return verdict.outcome(rig, lab(rig), World.residue, guest, since, wants, before)


def arm(site, sides, plan):
    for side, moment, fault in plan:
        site.arm(sides[side], moment, faults.ACTION.get(fault, "stop"))


def strike(site, source, job, hit, plan, loose):
    """The fault of a moment that has come; the plan without it.  loose: what
    it was to kill need not be there."""
    host, moment = hit
    side = "source" if host is source else "target"
    for entry in plan:
        if entry[:2] == (side, moment):
            try:
                entry[2](faults.Moment(site, host, source, job))
            except faults.Missed:
                if not loose:
                    raise
                site.go_on(host)
            return [e for e in plan if e is not entry]
    raise Failed("%s at %s was not asked for" % (host, moment))


def tell(rig, site, job):
    """For whoever has to find out why."""
    for host in rig.hosts:
        try:
            say("%s: %s\n%s" % (host, " ".join(site.passed(host)[-40:]),
                                site.log(host)[-3000:]))
        except Exception as error:      # it may be down, or frozen
            say("%s: %s" % (host, error))
    if job:
        say(job.err()[-1500:])


def run(rig, cell):
    """One cell; its note."""
    guest, source = the_guest(rig)
    site = lab(rig)
    site.disarm()
    known = verdict.known(rig, site)
    sides = {"source": source, "target": source.other}
    plan = ([cell.first] if cell.first else []) + cell.plan
    arm(site, sides, plan)
    job, since, left = None, time.monotonic(), plan
    try:
        job = source.start("xl migrate --secure g1 %s" % source.other)
        cut_off = False         # xl's host has lost its power, and xl with it
        while left:
            hit = site.wait_hit(None if cut_off else job)
            if not hit:
                break
            before = left
            left = strike(site, source, job, hit, left, cell.loose)
            done = [e[2] for e in before if e not in left][0]
            if done in faults.POWER:    # which has also forgotten its moments
                arm(site, sides, [e for e in left if done is faults.power_both or
                                  sides[e[0]] is hit[0]])
            cut_off = cut_off or done is faults.power_both or (
                done is faults.power and hit[0] is source)
        expect(cell.loose or not [e for e in left if e[1] not in cell.may], "these moments did not come: %s; xl: %s" % (
            [e[:2] for e in left], "" if cut_off else job.err()[-300:]))
        if not cut_off:         # an early fault is followed by the migration
            job.wait(120)
        wants = {"source": [source], "target": [source.other], "none": [None],
                 "either": [source, source.other],
                 "any": [source, source.other, None]}[cell.want]
        took, owner = outcome(rig, guest, since, wants, known)
        note = "settled in %.0f s, runs on the %s" % (
            took, "source" if owner is source else "target" if owner else "-")
        if cell.loose:
            note += ", %d of %d faults struck" % (len(plan) - len(left), len(plan))
        if not cut_off:
            note += "; " + verdict.told_the_truth(
                job, source, owner, faults.kill_xl in cell.kinds,
                bool(cell.kinds & set(faults.POWER)))
        add_row(cell, len(plan) - len(left) - bool(cell.first), "source" if owner is
                source else "target" if owner else "gone", took,
                guest.longest_gap(since) if owner else None)
        return note
    except Exception:
        add_row(cell, 0, "failed")
        tell(rig, site, job)
        site.forget()
        raise
    finally:
        site.disarm()
        if {faults.clock_on, faults.clock_back} & cell.kinds:
            rig.both(site.clock)


# ---- the table ----

class Row:
    """What one migration came to.  owner: source, target, gone or failed."""

    def __init__(self, name, kinds, loose, struck, owner, took=None, gap=None):
        self.name, self.kinds, self.loose, self.struck = name, kinds, loose, struck
        self.owner, self.took, self.gap = owner, took, gap


def add_row(cell, *values):
    row = Row(cell.name, sorted(k.__name__ for k in cell.kinds), cell.loose, *values)
    World.rows.append(row)
    with open(ROWS, "a") as file:
        file.write(json.dumps(vars(row)) + "\n")


def earlier():
    """The last row of each cell, of this run and of those before."""
    rows = {}
    with open(ROWS) as file:
        for text in file:
            row = Row(**json.loads(text))
            rows[row.name] = row
    return list(rows.values())


def line(what, rows):
    ends = [row.owner for row in rows]
    gaps = [row.gap for row in rows if row.gap]
    times = [row.took for row in rows if row.took is not None]

    def both(values):
        return "%.1f s, %.1f s" % (statistics.median(values), max(values)) \
            if values else "–"
    return "| %s | %d | %d | %d | %d | %d | %d | %s | %s |" % (
        what, sum(row.struck for row in rows), len(rows), ends.count("source"),
        ends.count("target"), ends.count("gone"), ends.count("failed"), both(gaps),
        both(times))


def table(rows):
    """Markdown: a line for each fault, what all its migrations came to."""
    out = ["| fault | faults | migrations | runs at the source | runs at the "
           "destination | gone, with its host or by its owner | failed | stood still: "
           "median, longest | settled in: median, longest |",
           "|---|---|---|---|---|---|---|---|---|"]
    for kind, words in faults.WORDS.items():
        found = [r for r in rows if r.kinds == [kind.__name__] and not r.loose]
        if found:
            out.append(line(words, found))
    mixed = [r for r in rows if len(r.kinds) > 1 and not r.loose]
    if mixed:
        out.append(line("several of these, one after the other", mixed))
    loose = [r for r in rows if r.loose]
    if loose:
        out.append(line("random schedules, on both sides", loose))
    out.append(line("**all**", rows))
    return "\n".join(out) + "\n"
