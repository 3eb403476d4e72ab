/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `secmig key rotate`: a verb function as of verbs.h, argv[0] is "rotate". */
#ifndef SM_SECMIG_KEY_ROTATE_H
#define SM_SECMIG_KEY_ROTATE_H

#include "verbs.h"

int sm_key_rotate(const struct sm_cli *cli, int argc, char **argv);

#endif
