/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `secmig seal` can do besides list and show, one file each.  Functions
 * return and report as verbs do (verbs.h); argv[0] is the word after "seal".
 */
#ifndef SM_SECMIG_SEAL_VERBS_H
#define SM_SECMIG_SEAL_VERBS_H

#include "verbs.h"

int sm_seal_verb_move(const struct sm_cli *cli, int argc, char **argv);
int sm_seal_verb_copy(const struct sm_cli *cli, int argc, char **argv);
int sm_seal_verb_restore(const struct sm_cli *cli, int argc, char **argv);
int sm_seal_verb_update_key(const struct sm_cli *cli, int argc, char **argv);
int sm_seal_verb_approve(const struct sm_cli *cli, int argc, char **argv);
int sm_seal_verb_wipe(const struct sm_cli *cli, int argc, char **argv);

#endif
