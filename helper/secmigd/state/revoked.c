/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/revoked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void believe_none(struct revoked *out, size_t n_keys, const char *why)
{
    size_t i;

    for (i = 0; i < n_keys; i++) {
        out->of[i].have = false;
        snprintf(out->of[i].why, sizeof(out->of[i].why), "%s", why);
    }
}

/* One list.  Returns false when it is not known whose it is. */
static bool read_one(const char *text, size_t len,
                     const struct sm_minisign_public *keys, size_t n_keys,
                     const uint64_t *floors, struct revoked *out, char *why,
                     size_t why_size)
{
    struct sm_statement s;
    size_t i;

    if (sm_statement_verify(text, len, SM_REVOCATIONS_MAX, keys, n_keys, &s,
                            &i, why, why_size))
        return false;
    if (out->of[i].have || out->of[i].why[0]) {
        out->of[i].have = false;
        strcpy(out->of[i].why, "the authority has two lists");
    } else if (!sm_revocations_read(&s, &out->of[i].list, out->of[i].why,
                                    sizeof(out->of[i].why))) {
        if (out->of[i].list.version >= floors[i])
            out->of[i].have = true;
        else
            snprintf(out->of[i].why, sizeof(out->of[i].why), "list version "
                     "%" PRIu64 " is older than %" PRIu64 ", which this host "
                     "has seen", out->of[i].list.version, floors[i]);
    }
    return true;
}

void revoked_read(const void *text, size_t len, const char *problem,
                  const struct sm_minisign_public *keys, size_t n_keys,
                  const uint64_t *floors, struct revoked *out)
{
    char why[SM_STATEMENT_WHY_SIZE];
    const char *at = text;
    size_t n, i;

    for (i = 0; i < n_keys; i++) {
        out->of[i].have = false;
        out->of[i].why[0] = '\0';
    }
    if (problem) {
        believe_none(out, n_keys, problem);
        return;
    }
    for (; len; at += n, len -= n) {
        n = sm_statement_length(at, len);
        if (!read_one(at, n, keys, n_keys, floors, out, why, sizeof(why))) {
            believe_none(out, n_keys, why);
            return;
        }
    }
    for (i = 0; i < n_keys; i++)
        if (!out->of[i].have && !out->of[i].why[0] && floors[i])
            snprintf(out->of[i].why, sizeof(out->of[i].why), "the list is "
                     "missing, this host has seen version %" PRIu64,
                     floors[i]);
}
