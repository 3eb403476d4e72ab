/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is explored, and within which bounds. */
#include "model.h"

#define CRASHES (F_XL | F_KILL | F_REBOOT | F_CUT | F_WRITE | F_ACTION | \
                 F_OTHER | F_FORGET | F_NAME)
#define PEOPLE (F_UNDO | F_DESTROY)

#define LOADING_FIRST "the run begins with LOADING durable at the destination"

const struct run_text runs[] = {
    { "crashes", "xl dies or fails, daemons are killed, hosts rebooted, links "
      "cut, journal writes and secmig-xl fail, the guest's name is taken, it "
      "is suspended by others later, and migrates to the other host by another "
      "migration while this one is not settled, closed records are dropped; "
      "messages come late, twice, never",
      LOADING_FIRST "; no journal is replaced, and none is put back from a "
      "copy", CRASHES },
    { "people", "crashes; administrators undo it on either side, destroy the "
      "guest at the source, and fence a host that is lost for good, "
      "truthfully",
      LOADING_FIRST "; one host is lost at most, and only a lost one is "
      "fenced", CRASHES | PEOPLE | F_LOSS },
    { "owners", "crashes and undo; the owner destroys the guest on either "
      "side and starts it anew from its disks, under the same uuid",
      LOADING_FIRST "; the guest is made anew once at most on each side, not "
      "in the moment between a look at Xen and what is written for it, and "
      "not before a loss of power that comes before the next look",
      CRASHES | F_UNDO | F_RECREATE },
    { "journals", "crashes and undo; a host's journal is replaced: nothing "
      "wrong may happen, but people have to end it",
      LOADING_FIRST "; each host's journal is replaced once at most, and none "
      "is put back from a copy; nobody fences",
      CRASHES | F_UNDO | F_RESET },
};
const unsigned int n_runs = sizeof(runs) / sizeof(runs[0]);
