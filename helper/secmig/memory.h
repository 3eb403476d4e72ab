/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The beginning of what secmigd remembers of versions and of the site's key
 * (helper/secmigd/state/floors.h): an object without content, in the store.  The
 * daemon does not start without that object, so that nobody can make it
 * forget by removing it; and only who can open the store key can make one.
 */
#ifndef SM_SECMIG_MEMORY_H
#define SM_SECMIG_MEMORY_H

#include <stdint.h>

#include "seal/box.h"
#include "verbs.h"

/*
 * Make the directory if need be, and the object, in place of one that is
 * there.
 *   key  the store key
 * Prints its own error line.  Returns 0 or an error.
 */
int sm_memory_begin(const struct sm_conf *conf,
                    const uint8_t key[static SM_BOX_KEY_LEN]) SM_WARN_UNUSED;

/* `secmig trust reset`, from "reset" on. */
int sm_trust_reset(const struct sm_cli *cli, int argc, char **argv);

#endif
