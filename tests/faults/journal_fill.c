/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal_fill FILE WITNESS COUNT: so many migrations more, refused a week ago
 * and closed, in a journal that no daemon has open.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handover/journal.h"

static struct sm_handover_record refused(int n)
{
    struct sm_handover_record r = {
        .state = SM_HANDOVER_REFUSED,
        .flags = SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED,
        .domid = UINT32_MAX, .code = SM_XL, .peer = "hostC",
        .why = "xl has failed",
    };

    randombytes_buf(r.id, sizeof(r.id));
    randombytes_buf(r.uuid, sizeof(r.uuid));
    snprintf(r.name, sizeof(r.name), "refused-%d", n);
    r.since = r.changed = time(NULL) - 7 * 86400;
    return r;
}

int main(int argc, char **argv)
{
    struct sm_handover_journal *journal;
    struct sm_handover_record r;
    char why[512];
    int rc, n;

    if (argc != 4) {
        fprintf(stderr, "usage: journal_fill FILE WITNESS COUNT\n");
        return 2;
    }
    rc = sm_handover_journal_open(argv[1], argv[2], &journal, why,
                                  sizeof(why));
    if (rc) {
        fprintf(stderr, "journal_fill: %s\n", why);
        return 1;
    }
    for (n = 0; n < atoi(argv[3]) && !rc; n++) {
        r = refused(n);
        rc = sm_handover_journal_put(journal, &r);
    }
    if (rc)
        fprintf(stderr, "journal_fill: %s: %s\n", argv[1], sm_err_text(rc));
    sm_handover_journal_close(journal);
    return rc ? 1 : 0;
}
