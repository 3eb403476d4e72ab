/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of helper/secmigd/state/ledger.h's contract. */
#include <check.h>

#include "store_double.h"
#include "../../helper/secmigd/state/ledger.c"

/* Cases run in one process each (check forks): nothing was used. */

static struct ledger_ticket ticket(unsigned int n, int64_t end)
{
    struct ledger_ticket t = { .not_after = end };

    t.id[0] = (uint8_t)n;
    t.id[1] = (uint8_t)(n >> 8);
    return t;
}

static void restart(void)
{
    n_tickets = n_uses = 0;
    ck_assert_int_eq(ledger_init(), 0);
}

START_TEST(a_ticket_is_used_once)
{
    struct ledger_ticket t = ticket(1, 100), other = ticket(2, 100);

    ck_assert(!ledger_ticket_used(t.id));
    ck_assert_int_eq(ledger_use_tickets(&t, 1, 50), 0);
    ck_assert(ledger_ticket_used(t.id));
    ck_assert(!ledger_ticket_used(other.id));
    ck_assert_int_eq(ledger_use_tickets(&t, 1, 50), SM_EXISTS);
    restart();
    ck_assert(ledger_ticket_used(t.id));
}
END_TEST

START_TEST(all_of_them_or_none)
{
    struct ledger_ticket both[] = { ticket(2, 100), ticket(1, 100) };

    ck_assert_int_eq(ledger_use_tickets(both + 1, 1, 50), 0);
    ck_assert_int_eq(ledger_use_tickets(both, 2, 50), SM_EXISTS);
    ck_assert(!ledger_ticket_used(both[0].id));
}
END_TEST

START_TEST(forgotten_only_when_no_longer_valid)
{
    struct ledger_ticket t = ticket(1, 100), next = ticket(2, 300),
                         last = ticket(3, 300);

    ck_assert_int_eq(ledger_use_tickets(&t, 1, 50), 0);
    ck_assert_int_eq(ledger_use_tickets(&next, 1, 100), 0);
    ck_assert(ledger_ticket_used(t.id));
    ck_assert_int_eq(ledger_use_tickets(&last, 1, 101), 0);
    ck_assert(!ledger_ticket_used(t.id));
    ck_assert(ledger_ticket_used(next.id));
}
END_TEST

START_TEST(too_many_are_refused)
{
    struct ledger_ticket t = ticket(40000, 100);
    unsigned int i;

    for (i = 0; i < LEDGER_TICKETS_MAX; i++)
        tickets[i] = ticket(i, 100);
    n_tickets = LEDGER_TICKETS_MAX;
    ck_assert_int_eq(ledger_use_tickets(&t, 1, 50), SM_BUSY);
    ck_assert(!ledger_ticket_used(t.id));
    ck_assert_int_eq(ledger_use_tickets(&t, 1, 101), 0);
}
END_TEST

START_TEST(a_failing_store_is_told)
{
    struct ledger_ticket t = ticket(1, 100);

    stored.fail = SM_IO;
    ck_assert_int_eq(ledger_use_tickets(&t, 1, 50), SM_IO);
    ck_assert(ledger_ticket_used(t.id));
    ck_assert_int_eq(ledger_use_rule("r", 60, 50), SM_IO);
    stored.fail = SM_SEAL;
    ck_assert_int_eq(ledger_init(), SM_SEAL);
}
END_TEST

START_TEST(uses_count_for_their_time)
{
    const struct sm_policy_use *list;
    unsigned long before = ledger_turn();
    size_t n;

    ck_assert_int_eq(ledger_use_rule("short", 60, 1000), 0);
    ck_assert_int_eq(ledger_use_rule("long", 3600, 1001), 0);
    ck_assert_uint_ne(ledger_turn(), before);
    ledger_uses(&list, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(ledger_use_rule("long", 3600, 1060), 0);
    restart();
    ledger_uses(&list, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(list[0].rule, "long");
    ck_assert_int_eq(list[0].when, 1001);
    ck_assert_str_eq(list[1].rule, "long");
    ck_assert_int_eq(list[1].when, 1060);
}
END_TEST

START_TEST(too_many_uses_are_refused)
{
    size_t i;

    for (i = 0; i < LEDGER_USES_MAX; i++) {
        rules[i].until = 100;
        uses[i].rule = rules[i].rule;
    }
    n_uses = LEDGER_USES_MAX;
    ck_assert_int_eq(ledger_use_rule("r", 60, 99), SM_BUSY);
    ck_assert_int_eq(ledger_use_rule("r", 60, 100), 0);
}
END_TEST

START_TEST(damaged_objects_are_errors)
{
    struct ledger_ticket t = ticket(1, 100);
    size_t len;

    ck_assert_int_eq(ledger_use_tickets(&t, 1, 50), 0);
    for (len = stored.len - 1; len > 0; len--) {
        stored.len = len;
        ck_assert_int_eq(ledger_init(), SM_STATE);
    }
    ck_assert_int_eq(ledger_use_rule("r", 60, 50), 0);
    for (len = stored.len - 1; len > 0; len--) {
        stored.len = len;
        ck_assert_int_eq(ledger_init(), SM_STATE);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ledger");
    TCase *t = tcase_create("ledger");
    SRunner *sr;
    int failed;

    tcase_add_test(t, a_ticket_is_used_once);
    tcase_add_test(t, all_of_them_or_none);
    tcase_add_test(t, forgotten_only_when_no_longer_valid);
    tcase_add_test(t, too_many_are_refused);
    tcase_add_test(t, a_failing_store_is_told);
    tcase_add_test(t, uses_count_for_their_time);
    tcase_add_test(t, too_many_uses_are_refused);
    tcase_add_test(t, damaged_objects_are_errors);
    suite_add_tcase(s, t);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
