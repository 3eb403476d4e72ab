# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can happen to a migration, in words and seconds."""
from lab import host

D = host.DEADLINES
LIMIT = 30.0            # decided, once both hosts are up and talk
STEPS = {"A": ["connected", "asked", "answered", "stream", "mid",
               "suspended", "sent", "closed", "given"],
         "B": ["start", "banner", "header", "config", "stream",
               "received"]}
# Those that a point can answer with.
DISK = ["eio", "enospc", "short", "eio!", "erofs!"]
LASTING = {"eio!", "erofs!"}     # until somebody sees to it
FAULTS = ["kill", "kill-both", "power", "power-kept", "power-both", "peer",
          "keeper", "control", "xl", "self", "done", "cut", "dark", "dark-out",
          "dark-in", "stop", "stop-long", "stop-peer", "stop-keeper",
          "stop-control", "stop-xl", "stop-self", "clock+", "clock-",
          "drop", "twice", "late", "role"]
# What a fact is taken for that is not the other side's to say.
FOREIGN = {"READY": "GO", "REFUSED": "ABORT", "STARTED": "CANCEL",
           "GO": "STARTED", "ABORT": "READY", "CANCEL": "REFUSED"}
FACTS = ["?", "READY", "GO", "ABORT", "CANCEL", "REFUSED", "STARTED",
         "SETTLED"]
# Those that need a process of that kind.
NEEDS = {"peer": "peer", "keeper": "keeper", "control": "control",
         "xl": "xl", "stop-peer": "peer", "stop-keeper": "keeper",
         "stop-control": "control", "stop-xl": "xl"}
STOPPED = max(D[k] for k in ("answer-timeout", "action-timeout",
                             "idle-timeout",
                             "finish-timeout", "ready-timeout",
                             "verdict-timeout")) + 2
LET_GO = 12             # and xl that keeps a guest has 10 s, always
YEARS = 10 * 365 * 86400

WORDS = {
    "kill": "kill -9 of the daemon",
    "kill-both": "kill -9 of both daemons",
    "power": "power cut; what was not synced is lost",
    "power-kept": "power cut; all that was written is kept",
    "power-both": "power cut of both hosts at once; what was not synced is "
                  "lost",
    "peer": "kill -9 of the process that talks to the network",
    "keeper": "kill -9 of the process that holds the keys",
    "control": "kill -9 of the process that talks to xl",
    "xl": "kill -9 of xl",
    "self": "kill -9 of a judge, dialer, vault, peer, control process or "
            "secmig-xl as it starts",
    "done": "kill -9 of secmig-xl when it has done its work",
    "cut": "link cut for a second, connections lost",
    "dark": "link silent beyond the deadlines, all delivered then",
    "dark-out": "the same, only from source to destination",
    "dark-in": "the same, only from destination to source",
    "stop": "daemon stopped (SIGSTOP) for 2 s",
    "stop-long": "daemon stopped beyond all deadlines",
    "stop-peer": "the process that talks to the network, likewise",
    "stop-keeper": "the process that holds the keys, likewise",
    "stop-control": "the process that talks to xl, likewise",
    "stop-xl": "xl, likewise",
    "stop-self": "a judge, dialer, vault, peer, control process or secmig-xl "
                 "stopped as it starts, beyond all deadlines",
    "clock+": "clock 10 years on", "clock-": "clock 10 years back",
    "drop": "a fact is lost", "twice": "a fact is said twice",
    "late": "a fact is held, and said after a later one",
    "role": "a fact turns into one that is the other side's to say",
    "eio": "EIO from the journal, once", "eio!": "EIO from then on",
    "erofs!": "the journal's file system is read-only from then on",
    "enospc": "ENOSPC from the journal, once",
    "short": "half a record written, then EIO",
}
