/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What requests are made of when two policies are compared (diff.h).
 * Internal to lib/policy. */
#ifndef SM_POLICY_DIFF_VALUES_H
#define SM_POLICY_DIFF_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/model.h"
#include "policy/request.h"

/* Parts of a request. */
enum sm_diff_part {
    SM_DIFF_GUEST, SM_DIFF_SOURCE, SM_DIFF_DESTINATION, SM_DIFF_WHO,
    SM_DIFF_TIME, SM_DIFF_CHANNEL, SM_DIFF_EVIDENCE, SM_DIFF_PARTS
};

/* One value of a part.  Those that rule `tag` has asked for are the witnesses
 * of that rule; 0: of no rule. */
struct sm_diff_value {
    uint32_t tag;
    union {
        struct {
            char name[128], label[64];
            uint8_t uuid[16];
            uint64_t memory_kb;
            const uint8_t *owner;       /* key, or NULL */
        } guest;
        struct {
            const char *name;
            const uint8_t *key, *signer;
            const char *location, *jurisdiction, *platform;
        } end;
        struct {
            const char *account, *role;
        } who;
        int64_t time;
        struct {
            unsigned int suite, post_quantum;
            const struct sm_policy_measured *measured;  /* or NULL */
        } channel;
        struct {
            const char *approvals[SM_POLICY_APPROVALS_MAX];
            size_t n_approvals;
            size_t n_asked;             /* so many of them, without that of
                                         * who asks; 0: all */
            const uint8_t *tickets[SM_POLICY_TICKETS_MAX - 1];
            size_t n_tickets;
            bool owner;                 /* his ticket and VM policy, too */
            const char *used;           /* a rule with a rate, or NULL */
            size_t n_uses;              /* ... was used so often */
            int64_t ago;                /* ... so many seconds ago */
        } evidence;
    } u;
};

/* Hosts in the platform sets of a document, and just not. */
struct sm_diff_measured {
    struct sm_policy_measured *list;
    size_t start[SM_POLICY_PLATFORM_SETS_MAX + 1];  /* of each set, and the
                                                     * end */
};

struct sm_diff_values {
    struct {
        struct sm_diff_value *list;     /* by tag */
        size_t n, size;
        size_t *start;                  /* of each tag, and the end */
    } parts[SM_DIFF_PARTS];
    struct sm_diff_measured measured[2];    /* of each document */
    bool failed;                        /* out of memory */
};

/* All values of two documents; tags are 1 + index of the rule, those of
 * `after` from before->n_rules + 1 on.  Each part has values without a tag. */
void sm_diff_values_collect(struct sm_diff_values *v,
                            const struct sm_policy *before,
                            const struct sm_policy *after, int64_t now);
/* Those of one document; false when out of memory.  The list is the caller's,
 * to be freed. */
bool sm_diff_measure(const struct sm_policy *p, struct sm_diff_measured *out);

void sm_diff_values_dispose(struct sm_diff_values *v);

#endif
