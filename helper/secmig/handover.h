/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the verbs of `secmig handover` share. */
#ifndef SM_SECMIG_HANDOVER_H
#define SM_SECMIG_HANDOVER_H

#include "handover/journal.h"
#include "verbs.h"

/* What is in the journal, oldest migration first.  All zero: nothing. */
struct sm_handover_records {
    struct sm_handover_record *list;    /* to be freed with free() */
    size_t n;
    bool lost;                          /* for want of memory */
};

/*
 * Read the journal, whether a daemon runs or not; it changes nothing.
 *   out  the caller's to free, also on error: what is whole
 * Returns as sm_handover_journal_read() does.
 */
int sm_handover_records_read(const struct sm_cli *cli,
                             struct sm_handover_records *out, char *why,
                             size_t why_size) SM_WARN_UNUSED;

/* Which boot of this host this is.  Returns 0, or SM_IO: that cannot be
 * told. */
int sm_handover_boot_read(uint8_t boot[static SM_HANDOVER_BOOT_LEN])
    SM_WARN_UNUSED;

/*
 * Where no daemon runs: what its journal says, on standard output.
 *   guest  all about these; NULL: a list
 * Prints its own error line.  Returns 0 or an error: SM_NO_DOMAIN when there
 * is no such guest.
 */
int sm_handover_offline(const struct sm_cli *cli, const char *guest)
    SM_WARN_UNUSED;

/* `secmig handover reset`, from "reset" on. */
int sm_handover_reset(const struct sm_cli *cli, int argc, char **argv);

/* `secmig handover may-start`, from "may-start" on. */
int sm_handover_may_start(const struct sm_cli *cli, int argc, char **argv);

#endif
