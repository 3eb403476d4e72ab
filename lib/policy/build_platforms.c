/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <platforms>: which measurements of a host's boot are good. */
#include "policy/build.h"

#include <string.h>

#include "base/text.h"

#define HEX_LEN 64      /* digits of a SHA-256 digest */

/* The words of sha256: each a digest, none twice. */
static int build_values(struct sm_node_context *b, xmlNode *e,
                        const uint8_t (**out)[32], size_t *n)
{
    const char *value, *p, *word;
    uint8_t (*values)[32];
    size_t len, i;
    int rc;

    rc = sm_node_need_list(b, e, "sha256");
    if (!rc)
        rc = sm_node_attr(b, e, "sha256", &value);
    if (rc)
        return rc;
    values = sm_policy_pool_new(b->policy, sm_node_count_words(value),
                                sizeof(*values));
    if (!values)
        return SM_NO_MEMORY;
    *n = 0;
    for (p = value; sm_node_next_word(&p, &word, &len);) {
        if (!sm_text_hex(word, len, values[*n], 32))
            return sm_node_fail(b, e, "<pcr> sha256: \"%.*s\" is not a "
                                "SHA-256 digest of %d hexadecimal digits",
                                (int)(len < 70 ? len : 70), word, HEX_LEN);
        for (i = 0; i < *n; i++)
            if (!memcmp(values[i], values[*n], 32))
                return sm_node_fail(b, e, "<pcr> sha256: \"%.*s\" twice",
                                    (int)len, word);
        ++*n;
    }
    *out = values;
    return 0;
}

static int build_pcr(struct sm_node_context *b, xmlNode *e,
                     struct sm_policy_platform *set)
{
    uint64_t index = SM_POLICY_PCRS;
    int rc;

    rc = sm_node_leaf(b, e, "index sha256");
    if (!rc)
        rc = sm_node_number(b, e, "index", 0, SM_POLICY_PCRS - 1, &index);
    if (!rc && index == SM_POLICY_PCRS)
        rc = sm_node_lacks(b, e, "index");
    if (rc)
        return rc;
    if (set->pcrs & 1u << index)
        return sm_node_fail(b, e, "<pcr> index=\"%u\": used already in this "
                            "platform; several values are words of one "
                            "sha256", (unsigned int)index);
    set->pcrs |= 1u << index;
    return build_values(b, e, &set->pcr[index].values, &set->pcr[index].n);
}

static int build_head(struct sm_node_context *b, xmlNode *e,
                      struct sm_policy_platform *set)
{
    const char *log, *reset;
    int rc;

    set->line = sm_node_line(e);
    rc = sm_node_only(b, e, "id event-log after-reset");
    if (!rc)
        rc = sm_node_id(b, e, "id", &set->id);
    if (!rc)
        rc = sm_node_attr(b, e, "event-log", &log);
    if (!rc)
        rc = sm_node_attr(b, e, "after-reset", &reset);
    if (rc)
        return rc;
    if (log && !sm_text_hex(log, strlen(log), set->log, 32))
        return sm_node_bad(b, e, "event-log", log, "not a SHA-256 digest of "
                           "64 hexadecimal digits");
    set->has_log = log;
    set->approve_reset = reset && !strcmp(reset, "approve");
    if (reset && !set->approve_reset && strcmp(reset, "accept"))
        return sm_node_bad(b, e, "after-reset", reset,
                           "neither accept nor approve");
    return 0;
}

static int build_platform(struct sm_node_context *b, xmlNode *node,
                          struct sm_policy_platform *set)
{
    xmlNode *e;
    int rc = build_head(b, node, set);

    for (e = sm_node_element(node->children); e && !rc;
         e = sm_node_element(e->next))
        rc = sm_node_is(e, "pcr") ? build_pcr(b, e, set) :
             sm_node_unexpected(b, e);
    if (!rc && !set->pcrs)
        rc = sm_node_fail(b, node, "<platform> id=\"%s\" without a <pcr>: "
                          "every host would be in it", set->id);
    return rc;
}

int sm_build_platforms(struct sm_node_context *b, xmlNode *platforms)
{
    struct sm_policy *p = b->policy;
    struct sm_build_table *t = &b->ids->tables[SM_BUILD_PLATFORM];
    struct sm_policy_platform *set;
    xmlNode *e;
    size_t n;
    int rc;

    rc = sm_node_count_at_most(b, platforms, "platform",
                               SM_POLICY_PLATFORM_SETS_MAX, &n);
    if (!rc)
        rc = sm_build_table_new(t, n, 0);
    if (rc)
        return rc;
    p->platforms = sm_policy_pool_new(p, n, sizeof(*p->platforms));
    if (!p->platforms)
        return SM_NO_MEMORY;
    for (e = sm_node_element(platforms->children); e;
         e = sm_node_element(e->next)) {
        if (!sm_node_is(e, "platform"))
            return sm_node_unexpected(b, e);
        set = &p->platforms[p->n_platforms];
        rc = build_platform(b, e, set);
        if (rc)
            return rc;
        sm_build_table_add(t, set->id, p->n_platforms++, set->line);
    }
    if (!n)
        return sm_node_fail(b, platforms,
                            "<platforms> is empty: leave it out");
    return sm_build_table_sort(b, t, "<platform> id");
}
