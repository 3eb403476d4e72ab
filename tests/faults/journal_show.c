/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journal_show FILE: the migrations in a journal, one line of JSON each. */
#include <stdio.h>

#include "handover/journal.h"

static void show(void *ctx, const struct sm_handover_record *m)
{
    size_t i;

    (void)ctx;
    printf("{\"id\": \"");
    for (i = 0; i < sizeof(m->id); i++)
        printf("%02x", m->id[i]);
    printf("\", \"uuid\": \"");
    for (i = 0; i < sizeof(m->uuid); i++)
        printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
               m->uuid[i]);
    printf("\", \"state\": \"%s\", \"closed\": %s, \"acted\": %s, "
           "\"fenced\": %s, \"peer\": \"%s\", \"code\": %u, "
           "\"changed\": %lld}\n", sm_handover_state_name(m->state),
           m->flags & SM_HANDOVER_CLOSED ? "true" : "false",
           m->flags & SM_HANDOVER_ACTED ? "true" : "false",
           m->flags & SM_HANDOVER_FENCED ? "true" : "false", m->peer,
           m->code, (long long)m->changed);
}

int main(int argc, char **argv)
{
    char why[512];
    int rc;

    if (argc != 2) {
        fprintf(stderr, "usage: journal_show FILE\n");
        return 2;
    }
    rc = sm_handover_journal_read(argv[1], show, NULL, why, sizeof(why));
    if (rc)
        fprintf(stderr, "journal_show: %s: %s\n", argv[1], why);
    return rc ? 1 : 0;
}
