/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Goal of this test
 * - for every state, with and without a reboot: who may start the guest;
 * - "yes" is said only of what is decided for good: from there the machine
 *   never runs the guest, nor lets the other host, whatever it sees or hears;
 * - of several migrations of a guest the right one decides;
 * - a fence frees what is the other host's by a settled handover, and no more.
 */
#include "base/wire.h"
#include "handover/start.h"
#include "scratch.h"

#define NOW 1800000000
#define FREE SM_HANDOVER_START_FREE
#define UNSETTLED SM_HANDOVER_START_UNSETTLED
#define DOUBT SM_HANDOVER_START_DOUBT
#define ELSEWHERE SM_HANDOVER_START_ELSEWHERE
#define UNNAMED SM_HANDOVER_UNNAMED
#define FENCED SM_HANDOVER_FENCED
#define ACTED SM_HANDOVER_ACTED
#define CLOSED (SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED)

static const enum sm_handover_state states[] = {
    SM_HANDOVER_SENDING, SM_HANDOVER_SENT, SM_HANDOVER_RELEASED,
    SM_HANDOVER_DONE, SM_HANDOVER_ABORTED, SM_HANDOVER_LOADING,
    SM_HANDOVER_READY, SM_HANDOVER_ACCEPTED, SM_HANDOVER_REFUSED,
};
#define N_STATES (sizeof(states) / sizeof(states[0]))

static const uint8_t boot[SM_HANDOVER_BOOT_LEN] = { 0xb0 };
static const uint8_t uuid[16] = { 0x11 }, other_uuid[16] = { 0x22 };

static struct sm_handover_record records[8];
static size_t n_records;

static struct sm_handover_record *add(enum sm_handover_state state,
                                      uint32_t flags, bool rebooted)
{
    struct sm_handover_record *r = &records[n_records++];

    memset(r, 0, sizeof(*r));
    memset(r->id, (int)n_records, sizeof(r->id));
    memcpy(r->uuid, uuid, sizeof(uuid));
    memcpy(r->boot, boot, sizeof(boot));
    r->boot[1] = rebooted;
    r->state = state;
    r->flags = flags;
    r->changed = NOW - 60;
    strcpy(r->name, "g1");
    strcpy(r->peer, "hostB");
    return r;
}

/* What all of them say together about g1; the peer of the one that is the
 * reason, NULL: none. */
static enum sm_handover_start asked(const uint8_t *id, const char *name,
                                    const char **peer)
{
    const struct sm_handover_record *r;
    enum sm_handover_start start;

    start = sm_handover_start_of(records, n_records, boot, id, name, NOW,
                                 &r);
    ck_assert_int_eq(!r, start == FREE);
    *peer = r ? r->peer : NULL;
    return start;
}

START_TEST(every_state_with_and_without_a_reboot)
{
    static const struct {
        enum sm_handover_state state;
        uint32_t flags;
        enum sm_handover_start here, rebooted;
    } table[] = {
        { SM_HANDOVER_SENDING, 0, UNSETTLED, FREE },
        { SM_HANDOVER_SENT, 0, UNSETTLED, DOUBT },
        { SM_HANDOVER_RELEASED, 0, DOUBT, DOUBT },
        { SM_HANDOVER_DONE, 0, ELSEWHERE, ELSEWHERE },
        { SM_HANDOVER_DONE, ACTED, ELSEWHERE, ELSEWHERE },
        { SM_HANDOVER_DONE, CLOSED, FREE, ELSEWHERE },
        { SM_HANDOVER_ABORTED, 0, UNSETTLED, FREE },
        { SM_HANDOVER_ABORTED, ACTED, FREE, FREE },
        { SM_HANDOVER_ABORTED, CLOSED, FREE, FREE },
        { SM_HANDOVER_LOADING, 0, ELSEWHERE, ELSEWHERE },
        { SM_HANDOVER_READY, 0, ELSEWHERE, ELSEWHERE },
        { SM_HANDOVER_ACCEPTED, 0, UNSETTLED, FREE },
        { SM_HANDOVER_ACCEPTED, ACTED, FREE, FREE },
        { SM_HANDOVER_ACCEPTED, CLOSED, FREE, FREE },
        { SM_HANDOVER_REFUSED, 0, UNSETTLED, ELSEWHERE },
        { SM_HANDOVER_REFUSED, ACTED, UNSETTLED, ELSEWHERE },
        { SM_HANDOVER_REFUSED, CLOSED, FREE, ELSEWHERE },
        /* it runs here, under a name that is not its own */
        { SM_HANDOVER_ABORTED, ACTED | UNNAMED, UNSETTLED, FREE },
        { SM_HANDOVER_ACCEPTED, CLOSED | UNNAMED, UNSETTLED, FREE },
        /* somebody has said that the other host does not run it */
        { SM_HANDOVER_DONE, FENCED, ELSEWHERE, ELSEWHERE },
        { SM_HANDOVER_DONE, FENCED | CLOSED, FREE, FREE },
        { SM_HANDOVER_REFUSED, FENCED | CLOSED, FREE, FREE },
        { SM_HANDOVER_RELEASED, FENCED, DOUBT, DOUBT },
        { SM_HANDOVER_READY, FENCED, ELSEWHERE, ELSEWHERE },
    };
    struct sm_handover_record *r;
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        n_records = 0;
        r = add(table[i].state, table[i].flags, false);
        ck_assert_msg(sm_handover_start(r, false, NOW) == table[i].here,
                      "%zu", i);
        ck_assert_msg(sm_handover_start(r, true, NOW) == table[i].rebooted,
                      "%zu, rebooted", i);
        /* an open one does not become old */
        r->changed = NOW - 2 * 86400;
        ck_assert_msg(sm_handover_start(r, true, NOW) ==
                      (r->flags & SM_HANDOVER_CLOSED ? FREE :
                       table[i].rebooted), "%zu, old", i);
    }
    n_records = 0;
    r = add((enum sm_handover_state)77, 0, false);
    ck_assert_int_eq(sm_handover_start(r, true, NOW), DOUBT);
}
END_TEST

/* Whether a record that is free stays so, whatever the machine does next. */
static bool stays_free(const struct sm_handover_record *r,
                       const struct sm_handover_view *v)
{
    struct sm_handover_next next = sm_handover_next(r->state, v);
    struct sm_handover_record then = *r;

    switch (next.step) {
    case SM_HANDOVER_WRITE:
        then.state = next.state;
        return sm_handover_start(&then, !v->same_boot, NOW) == FREE;
    case SM_HANDOVER_WAIT:
        return !next.say || next.say == SM_HANDOVER_SAY_ABORT ||
               (next.say == SM_HANDOVER_SAY_STARTED &&
                r->state == SM_HANDOVER_ACCEPTED);
    case SM_HANDOVER_MARK:
    case SM_HANDOVER_CLOSE:
        return true;
    default:        /* RESUME, START, DESTROY, DISCARD, LET_GO, LOOK */
        return false;
    }
}

START_TEST(what_is_free_is_never_run_by_the_machine)
{
    static const uint32_t flags[] = { 0, ACTED };
    unsigned int bits, heard, n = 0;
    size_t i, j;

    for (i = 0; i < N_STATES; i++)
        for (j = 0; j < 2; j++)
            for (bits = 0; bits < 1024; bits++) {
                struct sm_handover_record *r;
                struct sm_handover_view v = {
                    .domain = SM_HANDOVER_UNSEEN, .same_boot = bits & 1,
                    .acted = flags[j], .linked = bits & 2,
                    .given = bits & 4, .complete = bits & 8,
                    .stop = bits & 16, .cancel = bits & 32,
                    .fenced = bits & 64, .failed = bits & 128,
                    /* what ran before a boot has gone */
                    .holder = (bits & 256) && (bits & 1) && !flags[j],
                };

                n_records = 0;
                r = add(states[i], flags[j], !v.same_boot);
                if (sm_handover_start(r, !v.same_boot, NOW) != FREE)
                    continue;
                for (heard = 0; heard < 256; heard += 2)
                    for (v.domain = SM_HANDOVER_UNSEEN;
                         v.domain <= SM_HANDOVER_COPY; v.domain++) {
                        v.heard = heard;
                        if (!stays_free(r, &v))
                            ck_abort_msg("state %d, flags %u, view %x, heard "
                                         "%x, domain %d", states[i],
                                         flags[j], bits, heard, v.domain);
                        n++;
                    }
            }
    ck_assert_uint_gt(n, 100000);
}
END_TEST

START_TEST(the_last_migration_decides)
{
    const char *peer;

    n_records = 0;
    ck_assert_int_eq(asked(uuid, "g1", &peer), FREE);
    /* it left in an earlier boot ... */
    add(SM_HANDOVER_DONE, CLOSED, true);
    ck_assert_int_eq(asked(uuid, "g1", &peer), ELSEWHERE);
    /* ... and has come back; hostB has yet to hear of the first time */
    records[0].flags = ACTED;
    strcpy(add(SM_HANDOVER_ACCEPTED, CLOSED, true)->peer, "hostC");
    ck_assert_int_eq(asked(uuid, "g1", &peer), FREE);
    /* ... and is on its way again */
    strcpy(add(SM_HANDOVER_RELEASED, 0, false)->peer, "hostD");
    ck_assert_int_eq(asked(uuid, "g1", &peer), DOUBT);
    ck_assert_str_eq(peer, "hostD");
    /* what is not acted upon counts, though a later one says otherwise */
    add(SM_HANDOVER_ABORTED, CLOSED, false);
    ck_assert_int_eq(asked(uuid, "g1", &peer), DOUBT);
    /* and of two the worse */
    strcpy(add(SM_HANDOVER_READY, 0, false)->peer, "hostE");
    ck_assert_int_eq(asked(uuid, "g1", &peer), ELSEWHERE);
    ck_assert_str_eq(peer, "hostE");
}
END_TEST

START_TEST(a_refused_copy_hides_nothing)
{
    static const uint32_t flags[] = { 0, ACTED, CLOSED };
    const char *peer;
    size_t i;

    for (i = 0; i < 3; i++) {
        /* it left in an earlier boot, and its new host wanted to send it
         * back in this one */
        n_records = 0;
        add(SM_HANDOVER_DONE, CLOSED, true);
        add(SM_HANDOVER_REFUSED, flags[i], false);
        ck_assert_int_eq(asked(uuid, "g1", &peer), ELSEWHERE);
        ck_assert_int_eq(asked(NULL, "g1", &peer), ELSEWHERE);
        /* it left in this boot, and that is not closed */
        n_records = 0;
        add(SM_HANDOVER_DONE, ACTED, false);
        add(SM_HANDOVER_REFUSED, flags[i], false);
        ck_assert_int_eq(asked(uuid, "g1", &peer), ELSEWHERE);
    }
    n_records = 0;
    add(SM_HANDOVER_DONE, CLOSED, true);
    add(SM_HANDOVER_DONE, ACTED, false);
    ck_assert_int_eq(asked(uuid, "g1", &peer), ELSEWHERE);
    /* what came back meanwhile does */
    n_records = 0;
    add(SM_HANDOVER_DONE, CLOSED, true);
    add(SM_HANDOVER_ACCEPTED, CLOSED, true);
    add(SM_HANDOVER_REFUSED, CLOSED, false);
    ck_assert_int_eq(asked(uuid, "g1", &peer), FREE);
}
END_TEST

START_TEST(another_guest_of_that_name_is_another_guest)
{
    static const struct {
        enum sm_handover_state state;
        uint32_t flags;
        enum sm_handover_start here, rebooted;
    } table[] = {
        { SM_HANDOVER_LOADING, 0, UNSETTLED, UNSETTLED },
        { SM_HANDOVER_READY, 0, UNSETTLED, UNSETTLED },
        { SM_HANDOVER_REFUSED, 0, UNSETTLED, FREE },
        { SM_HANDOVER_REFUSED, ACTED, FREE, FREE },
        { SM_HANDOVER_REFUSED, CLOSED, FREE, FREE },
        { SM_HANDOVER_DONE, CLOSED, FREE, ELSEWHERE },
        { SM_HANDOVER_RELEASED, 0, DOUBT, DOUBT },
    };
    const char *peer;
    size_t i;
    int b;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        for (b = 0; b < 2; b++) {
            n_records = 0;
            add(table[i].state, table[i].flags, b);
            ck_assert_msg(asked(other_uuid, "g1", &peer) ==
                          (b ? table[i].rebooted : table[i].here),
                          "%zu, %d", i, b);
            /* one of the two uuids is not known */
            ck_assert_int_eq(asked(NULL, "g1", &peer),
                             sm_handover_start(&records[0], b, NOW));
            memset(records[0].uuid, 0, 16);
            ck_assert_int_eq(asked(other_uuid, "g1", &peer),
                             sm_handover_start(&records[0], b, NOW));
        }
}
END_TEST

START_TEST(a_guest_is_known_by_its_uuid_and_by_its_name)
{
    const char *peer;

    n_records = 0;
    add(SM_HANDOVER_RELEASED, 0, false);
    ck_assert_int_eq(asked(uuid, "g1", &peer), DOUBT);
    ck_assert_int_eq(asked(uuid, "g2", &peer), DOUBT);
    ck_assert_int_eq(asked(other_uuid, "g1", &peer), DOUBT);
    ck_assert_int_eq(asked(NULL, "g1", &peer), DOUBT);
    ck_assert_int_eq(asked(other_uuid, "g2", &peer), FREE);
    ck_assert_int_eq(asked(NULL, "11000000-0000-0000-0000-000000000000",
                           &peer), DOUBT);
    ck_assert_int_eq(asked(NULL, "g", &peer), FREE);

    /* without a uuid in its file it has another one each time it is made:
     * only its last life counts */
    n_records = 0;
    add(SM_HANDOVER_DONE, CLOSED, true);
    memcpy(add(SM_HANDOVER_ABORTED, CLOSED, false)->uuid, other_uuid, 16);
    ck_assert_int_eq(asked(NULL, "g1", &peer), FREE);
    /* but the first guest is still where it went */
    ck_assert_int_eq(asked(uuid, "g1", &peer), ELSEWHERE);
}
END_TEST

static const struct sm_handover_record *at(size_t i)
{
    return i < n_records ? &records[i] : NULL;
}

static bool freed(size_t i)
{
    return sm_handover_start_freed(at, i, "hostB", NOW);
}

START_TEST(a_fence_frees_what_is_the_other_hosts_and_settled)
{
    static const uint32_t flags[] = { 0, ACTED, CLOSED, CLOSED | FENCED };
    const char *peer;
    size_t i, j;

    for (i = 0; i < N_STATES; i++)
        for (j = 0; j < 4; j++) {
            n_records = 0;
            add(states[i], flags[j], false);
            ck_assert_msg(freed(0) == (flags[j] == CLOSED &&
                                       (states[i] == SM_HANDOVER_DONE ||
                                        states[i] == SM_HANDOVER_REFUSED)),
                          "%zu, %zu", i, j);
        }
    /* after a boot, too, and then it is free */
    n_records = 0;
    add(SM_HANDOVER_DONE, CLOSED, true);
    ck_assert(freed(0));
    ck_assert_int_eq(asked(uuid, "g1", &peer), ELSEWHERE);
    records[0].flags |= FENCED;
    ck_assert(!freed(0));
    ck_assert_int_eq(asked(uuid, "g1", &peer), FREE);
    /* what does not count any more, of another host, of no known guest */
    n_records = 0;
    add(SM_HANDOVER_DONE, CLOSED, true)->changed = NOW - 2 * 86400;
    strcpy(add(SM_HANDOVER_DONE, CLOSED, true)->peer, "hostC");
    add(SM_HANDOVER_REFUSED, CLOSED, true)->name[0] = '\0';
    for (i = 0; i < 3; i++)
        ck_assert_msg(!freed(i), "%zu", i);
}
END_TEST

START_TEST(a_fence_frees_nothing_that_has_come_back)
{
    n_records = 0;
    add(SM_HANDOVER_DONE, CLOSED, false);
    strcpy(add(SM_HANDOVER_ACCEPTED, CLOSED, false)->peer, "hostC");
    ck_assert(!freed(0));
    /* nor what has left again: that one counts */
    n_records = 0;
    add(SM_HANDOVER_DONE, CLOSED, false);
    add(SM_HANDOVER_DONE, CLOSED, false);
    ck_assert(!freed(0));
    ck_assert(freed(1));
    /* a copy that was refused has not been here, another guest says nothing */
    n_records = 0;
    add(SM_HANDOVER_DONE, CLOSED, false);
    add(SM_HANDOVER_REFUSED, CLOSED, false);
    memcpy(add(SM_HANDOVER_ACCEPTED, CLOSED, false)->uuid, other_uuid, 16);
    ck_assert(freed(0));
    ck_assert(freed(1));
}
END_TEST

START_TEST(the_line_names_host_state_and_what_to_do)
{
    static const struct {
        enum sm_handover_state state;
        uint32_t flags;
        bool rebooted;
        const char *words[4];
    } table[] = {
        { SM_HANDOVER_RELEASED, 0, true,
          { "g1 may run on hostB: died here with a reboot, may run on hostB "
            "(since 2027-01-15T07:59:00Z)", "hostB is asked until it answers",
            "secmig handover list", "try again then" } },
        { SM_HANDOVER_SENT, 0, true, { "g1 may run on hostB" } },
        { SM_HANDOVER_SENDING, 0, false,
          { "g1 is in a handover to hostB: runs here, being sent",
            "by itself" } },
        { SM_HANDOVER_ACCEPTED, 0, false,
          { "g1 is in a handover from hostB: is to run here" } },
        { SM_HANDOVER_DONE, ACTED, true, { "g1 belongs to hostB: went to "
            "hostB (since 2027-01-15T07:59:00Z" } },
        { SM_HANDOVER_READY, 0, false, { "g1 belongs to hostB: a whole copy "
            "is here, paused, and waits for hostB" } },
        { SM_HANDOVER_READY, 0, true, { "the copy here died" } },
        { SM_HANDOVER_DONE, CLOSED, true, { "g1 belongs to hostB: went to "
            "hostB (2027-01-15T07:59:00Z)", "this host was booted since",
            "'secmig handover fence hostB' first", "--ignore-handover" } },
    };
    struct sm_handover_now now = { .daemon = true, .retry = -1 };
    char line[SM_HANDOVER_LINE_SIZE];
    struct sm_handover_record *r;
    enum sm_handover_start start;
    size_t i, j;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        n_records = 0;
        r = add(table[i].state, table[i].flags, table[i].rebooted);
        now.rebooted = table[i].rebooted;
        now.daemon = true;
        start = sm_handover_start(r, table[i].rebooted, NOW);
        sm_handover_start_line(r, &now, start, line);
        for (j = 0; j < 4 && table[i].words[j]; j++)
            ck_assert_msg(strstr(line, table[i].words[j]) != NULL, "%s",
                          line);
        ck_assert_ptr_null(strstr(line, "does not run here"));
        now.daemon = false;
        sm_handover_start_line(r, &now, start, line);
        ck_assert_msg(!strstr(line, "secmigd does not run here (at boot") ==
                      !!(r->flags & SM_HANDOVER_CLOSED), "%s", line);
    }
}
END_TEST

START_TEST(hostile_names_do_no_harm)
{
    struct sm_handover_now now = { .retry = -1 };
    char line[SM_HANDOVER_LINE_SIZE];
    struct sm_handover_record *r;
    size_t i, j;
    int start;

    for (i = 0; i < N_STATES; i++)
        for (j = 0; j < 4; j++)
            for (start = UNSETTLED; start <= ELSEWHERE; start++) {
                n_records = 0;
                r = add(states[i], j & 1 ? CLOSED : 0, false);
                memset(r->name, j & 2 ? '\n' : 'n', SM_HANDOVER_NAME_MAX);
                memset(r->peer, j & 2 ? '\033' : 'p', SM_HANDOVER_PEER_MAX);
                sm_handover_start_line(r, &now,
                                       (enum sm_handover_start)start, line);
                ck_assert(sm_wire_text_ok(line, strlen(line)));
                ck_assert_uint_lt(strlen(line), sizeof(line) - 1);
            }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("who may start a guest");
    TCase *t = tcase_create("start");

    tcase_add_test(t, every_state_with_and_without_a_reboot);
    tcase_add_test(t, what_is_free_is_never_run_by_the_machine);
    tcase_add_test(t, the_last_migration_decides);
    tcase_add_test(t, a_refused_copy_hides_nothing);
    tcase_add_test(t, another_guest_of_that_name_is_another_guest);
    tcase_add_test(t, a_guest_is_known_by_its_uuid_and_by_its_name);
    tcase_add_test(t, a_fence_frees_what_is_the_other_hosts_and_settled);
    tcase_add_test(t, a_fence_frees_nothing_that_has_come_back);
    tcase_add_test(t, the_line_names_host_state_and_what_to_do);
    tcase_add_test(t, hostile_names_do_no_harm);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
