/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests of the journal: migrations to write down, and what a journal
 * holds, as one line of text each.
 */
#ifndef SM_TESTS_UNIT_JOURNAL_H
#define SM_TESTS_UNIT_JOURNAL_H

#include <errno.h>
#include <sodium.h>

#include "handover/journal.h"
#include "handover/table.h"
#include "scratch.h"

#define JOURNAL scratch_path("journal")
#define WITNESS scratch_path("witness")

static char why[1024];

/* A fixture: in memory where that can be.  Ten thousand files take long on a
 * disk that others use, too. */
static inline void scratch_in_memory(void)
{
    strcpy(scratch, "/dev/shm/secmig-unit.XXXXXX");
    if (!mkdtemp(scratch))
        scratch_make();
}

/* The `n`th migration, at the source or the destination. */
static inline struct sm_handover_record migration(unsigned int n,
                                                  enum sm_handover_state state)
{
    struct sm_handover_record m = {
        .state = state, .flags = SM_HANDOVER_LEAVE_PAUSED,
        .domid = 7 + n, .holder = 4711, .holder_start = 123456789012ull,
        .since = 1700000000 + n, .changed = 1700000001 + n,
        .peer_sequence = n,
    };

    crypto_generichash(m.id, sizeof(m.id), (const uint8_t *)&n, sizeof(n),
                       NULL, 0);
    memset(m.uuid, (int)(n % 251), sizeof(m.uuid));
    memcpy(m.uuid, &n, sizeof(n));
    snprintf(m.name, sizeof(m.name), "guest%u", n);
    strcpy(m.peer, "hostB");
    memset(m.peer_key, 3, sizeof(m.peer_key));
    memset(m.peer_epoch, 4, sizeof(m.peer_epoch));
    memset(m.boot, 5, sizeof(m.boot));
    strcpy(m.by, "operator");
    return m;
}

static inline struct sm_handover_record closed(unsigned int n,
                                               enum sm_handover_state state)
{
    struct sm_handover_record m = migration(n, state);

    m.flags |= SM_HANDOVER_CLOSED;
    m.code = 27;
    strcpy(m.why, "xl has failed");
    return m;
}

static inline bool same(const struct sm_handover_record *a,
                        const struct sm_handover_record *b)
{
    return !memcmp(a->id, b->id, sizeof(a->id)) && a->state == b->state &&
           a->flags == b->flags &&
           !memcmp(a->uuid, b->uuid, sizeof(a->uuid)) &&
           !strcmp(a->name, b->name) && !strcmp(a->peer, b->peer) &&
           !memcmp(a->peer_key, b->peer_key, sizeof(a->peer_key)) &&
           !memcmp(a->peer_epoch, b->peer_epoch, sizeof(a->peer_epoch)) &&
           a->peer_sequence == b->peer_sequence &&
           !memcmp(a->boot, b->boot, sizeof(a->boot)) &&
           a->domid == b->domid && a->holder == b->holder &&
           a->holder_start == b->holder_start && a->since == b->since &&
           a->changed == b->changed && !strcmp(a->by, b->by) &&
           a->code == b->code && !strcmp(a->why, b->why);
}

static inline struct sm_handover_journal *open_journal(void)
{
    struct sm_handover_journal *j;
    int rc = sm_handover_journal_open(JOURNAL, WITNESS, &j, why, sizeof(why));

    ck_assert_msg(rc == 0, "%d: %s", rc, why);
    ck_assert_str_eq(why, "");
    return j;
}

/* The journal does not open, with this error, and says that. */
static inline void does_not_open(int error, const char *text)
{
    struct sm_handover_journal *j;

    ck_assert_int_eq(sm_handover_journal_open(JOURNAL, WITNESS, &j, why,
                                              sizeof(why)), error);
    ck_assert_ptr_null(j);
    ck_assert_msg(strstr(why, text) != NULL, "'%s' is not in: %s", text, why);
}

static inline void put(struct sm_handover_journal *j,
                       const struct sm_handover_record *m)
{
    ck_assert_int_eq(sm_handover_journal_put(j, m), 0);
}

static inline void put_state(struct sm_handover_journal *j, unsigned int n,
                             enum sm_handover_state state)
{
    struct sm_handover_record m = migration(n, state);

    put(j, &m);
}

/* The `n`th migration is in the journal just so; with NONE: is not in it. */
static inline void holds(const struct sm_handover_journal *j, unsigned int n,
                         enum sm_handover_state state)
{
    struct sm_handover_record m = migration(n, state);
    const struct sm_handover_record *found =
        sm_handover_journal_find(j, m.id);

    if (state == SM_HANDOVER_NONE) {
        ck_assert_ptr_null(found);
        return;
    }
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(found->state, state);
    ck_assert(same(found, &m));
}

static inline size_t count(const struct sm_handover_journal *j)
{
    size_t n = 0;

    while (sm_handover_journal_at(j, n))
        n++;
    return n;
}

#endif
