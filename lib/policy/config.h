/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The domain config allow-list.  `xl migrate-receive` acts as root on what
 * the sender's config names: scripts, device models, bootloaders, files,
 * devices.  This check runs on the destination before xl starts.
 *
 * The config comes as facts: libxl's own canonical JSON, flattened, one
 * (field, value) per scalar, for example
 *   disks[0].pdev_path = /dev/vg0/x      b_info.type.hvm.boot = cd
 * Each fact is harmless by a table of known fields and permitted values,
 * or is allowed by an element of the rule's <config>, or is refused; a field
 * that nobody knows is refused (fields.c).
 */
#ifndef SM_POLICY_CONFIG_H
#define SM_POLICY_CONFIG_H

#include <stddef.h>

#include "policy/decide.h"

/* More facts than this are refused. */
#define SM_POLICY_FACTS_MAX 4096

struct sm_policy_fact {
    const char *field;      /* path in the canonical JSON */
    const char *value;      /* scalars in their JSON spelling, strings
                             * without quotes */
};

/*
 * Check a domain config.
 *   policy    the policy that gave `accepted`
 *   request   what was decided
 *   accepted  the allow decision of sm_policy_decide() on it
 *   facts     `n` facts, the whole config; borrowed; not trusted
 *   out       as sm_policy_decide(): allow with the rule whose <config>
 *             admits every fact, else deny, rule "config", with the first
 *             refused field and its value in the text
 * The config is allowed when one of the allow rules that the request
 * satisfies (sm_policy_satisfied()) admits all of it; they are tried in the
 * document's order and the text of a refusal is that of the first.  What that
 * rule obliges to is added to the obligations of `accepted`.  `accepted` not
 * being an allow decision gives a copy of it.  `out` may be `accepted`.
 */
void sm_policy_check_config(const struct sm_policy *policy,
                            const struct sm_policy_request *request,
                            const struct sm_policy_decision *accepted,
                            const struct sm_policy_fact *facts, size_t n,
                            struct sm_policy_decision *out);

#endif
