/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing single settings of secmigd.conf, so that a person's comments and
 * order stay.
 */
#ifndef SM_SECMIG_CONF_EDIT_H
#define SM_SECMIG_CONF_EDIT_H

#include <stddef.h>

#include "verbs.h"

struct sm_conf_change {
    const char *key;
    const char *value;          /* NULL: the setting is removed */
};

/*
 * Change settings, all at once: the file is replaced atomically and keeps its
 * mode; a missing one is made, with the name and the seal of cli->conf.  What
 * would not be read again is not written.
 *   changes  `n` of them, keys all different
 * Prints its own error line.  Returns 0; SM_CONFIG; SM_STATE; SM_IO;
 * SM_NO_MEMORY.
 */
int sm_conf_edit(const struct sm_cli *cli,
                 const struct sm_conf_change *changes, size_t n)
    SM_WARN_UNUSED;

#endif
