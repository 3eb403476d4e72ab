/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is explored, and within which bounds. */
#include "model.h"

#define CRASHES (F_XL | F_KILL | F_REBOOT | F_CUT | F_WRITE | F_ACTION | \
                 F_OTHER | F_FORGET | F_NAME | F_REQUEST)
#define PEOPLE (F_UNDO | F_DESTROY | F_FOREIGN)

#define ALWAYS "no journal is put back from a copy; no closed record is " \
    "dropped while its request is under way"

const struct run_text runs[] = {
    { "crashes", "xl dies or fails, daemons are killed, hosts rebooted, links "
      "cut, journal writes and secmig-xl fail, the guest's name is taken, it "
      "is suspended by others later, and migrates to the other host by another "
      "migration while this one is not settled, closed records are dropped; "
      "messages come late, twice, never; the request comes late, or never",
      "no host is lost for good; no journal is replaced; " ALWAYS, CRASHES },
    { "people", "crashes; administrators undo it on either side, destroy the "
      "guest at the source, have it resumed by a command that fails, and fence "
      "a host that is lost for good, truthfully",
      "one host is lost at most, and only that is fenced; the guest is not "
      "resumed so, before it is held, where its host loses its power before "
      "that is written down; no journal is replaced; " ALWAYS,
      CRASHES | PEOPLE | F_LOSS },
    { "owners", "crashes and undo; the owner destroys the guest on either "
      "side and starts it anew from its disks, under the same uuid",
      "that once at most on each side, not in the moment between a look at "
      "Xen and what is written for it, and not before a loss of power that "
      "comes before the next look; no host is lost for good; no journal is "
      "replaced; " ALWAYS, CRASHES | F_UNDO | F_RECREATE },
    { "journals", "crashes and undo; journals are replaced, and people do "
      "what docs/handover.md says under \"Another journal\", truthfully: they "
      "fence the host, resume, start, destroy or discard what it has "
      "forgotten, and name it",
      "each host's journal is replaced once at most, and only such a host is "
      "fenced; no host is lost for good; " ALWAYS,
      CRASHES | F_UNDO | F_RESET },
};
const unsigned int n_runs = sizeof(runs) / sizeof(runs[0]);
