/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the verbs of `secmig handover` share. */
#ifndef SM_SECMIG_HANDOVER_H
#define SM_SECMIG_HANDOVER_H

#include "verbs.h"

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

#endif
