/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What build.c and build_config.c share.  Internal to lib/policy. */
#ifndef SM_POLICY_BUILD_H
#define SM_POLICY_BUILD_H

#include "policy/node.h"

/* The element <config> into `c`, whose types have a value already.  Returns
 * 0, SM_POLICY with the context's reason set, or SM_NO_MEMORY. */
int sm_build_config(struct sm_node_context *b, xmlNode *config,
                    struct sm_policy_config *c) SM_WARN_UNUSED;

#endif
