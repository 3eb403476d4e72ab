/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes of secmigd.  Each role is this program, executed afresh by
 * the parent as `secmigd --role NAME`, with its message channel to the
 * parent as descriptor ROLE_CHANNEL and nothing else but standard error.
 * Each main function returns the process's exit code.
 */
#ifndef SECMIGD_ROLES_H
#define SECMIGD_ROLES_H

#include "base/conf.h"

#define ROLE_CHANNEL 3

int parent_main(const struct sm_conf *conf, const char *root,
                const char *conf_file);
int keeper_main(const struct sm_conf *conf);
int dialer_main(const struct sm_conf *conf);
int peer_main(const struct sm_conf *conf);
int control_main(const struct sm_conf *conf);

#endif
