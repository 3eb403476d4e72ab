/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of helper/secmigd/state/evidence.h's contract. */
#include "../../helper/secmigd/state/evidence.h"

#include <stdio.h>
#include <string.h>

#include "scratch.h"

static const uint8_t vm[16] = { 1, 2, 3 }, other_vm[16] = { 9 };

static struct evidence found;

static void find(const char *destination, int64_t now)
{
    evidence_find(vm, "hostA", destination, now, &found);
}

static struct evidence_about about(uint8_t id, const char *source,
                                   const char *destination, int64_t end)
{
    struct evidence_about a = { .id = { id }, .not_after = end };

    memcpy(a.uuid, vm, sizeof(a.uuid));
    snprintf(a.source, sizeof(a.source), "%s", source);
    snprintf(a.destination, sizeof(a.destination), "%s", destination);
    return a;
}

/* Cases run in one process each (check forks): the tables are empty. */

START_TEST(approvals_are_for_one_guest_and_one_host)
{
    ck_assert_int_eq(evidence_approve("bob", "", vm, "hostB", 100), 0);
    find("hostB", 100);
    ck_assert_uint_eq(found.n_approvals, 1);
    ck_assert_str_eq(found.approvals[0], "bob");
    find("hostC", 100);
    ck_assert_uint_eq(found.n_approvals, 0);
    evidence_find(other_vm, "hostA", "hostB", 100, &found);
    ck_assert_uint_eq(found.n_approvals, 0);
}
END_TEST

START_TEST(approvals_expire_after_an_hour)
{
    ck_assert_int_eq(evidence_approve("bob", "", vm, "hostB", 100), 0);
    find("hostB", 100 + EVIDENCE_APPROVAL_LIFE);
    ck_assert_uint_eq(found.n_approvals, 1);
    find("hostB", 101 + EVIDENCE_APPROVAL_LIFE);
    ck_assert_uint_eq(found.n_approvals, 0);
    find("hostB", 100);                 /* and do not come back */
    ck_assert_uint_eq(found.n_approvals, 0);
}
END_TEST

START_TEST(approving_again_renews_and_does_not_count_twice)
{
    ck_assert_int_eq(evidence_approve("bob", "lead", vm, "hostB", 100), 0);
    ck_assert_int_eq(evidence_approve("bob", "", vm, "hostB", 200), 0);
    find("hostB", 200 + EVIDENCE_APPROVAL_LIFE);
    ck_assert_uint_eq(found.n_approvals, 1);
}
END_TEST

START_TEST(approvals_are_used_up_by_their_migration_only)
{
    ck_assert_int_eq(evidence_approve("bob", "", vm, "hostB", 100), 0);
    ck_assert_int_eq(evidence_approve("carol", "", vm, "hostB", 100), 0);
    ck_assert_int_eq(evidence_approve("bob", "", vm, "hostC", 100), 0);
    ck_assert_int_eq(evidence_approve("bob", "", other_vm, "hostB", 100), 0);
    find("hostB", 100);
    ck_assert_uint_eq(found.n_approvals, 2);
    evidence_used(vm, "hostB", NULL);
    find("hostB", 100);
    ck_assert_uint_eq(found.n_approvals, 0);
    find("hostC", 100);
    ck_assert_uint_eq(found.n_approvals, 1);
    evidence_find(other_vm, "hostA", "hostB", 100, &found);
    ck_assert_uint_eq(found.n_approvals, 1);
}
END_TEST

START_TEST(one_account_cannot_fill_the_table)
{
    uint8_t uuid[16] = { 0 };
    char name[16];
    int i, j;

    for (i = 0; i < 1000; i++) {
        uuid[0] = (uint8_t)i;
        uuid[1] = (uint8_t)(i >> 8);
        ck_assert_int_eq(evidence_approve("flood", "", uuid, "hostB", 100),
                         0);
    }
    ck_assert_int_eq(evidence_approve("bob", "", vm, "hostB", 100), 0);
    find("hostB", 100);
    ck_assert_uint_eq(found.n_approvals, 1);
    /* its oldest have made room, its newest are there */
    evidence_find(uuid, "hostA", "hostB", 100, &found);
    ck_assert_uint_eq(found.n_approvals, 1);
    /* the table as a whole is bounded */
    for (i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "more%d", i);
        for (j = 0; j < EVIDENCE_OWN_MAX; j++) {
            uuid[2] = (uint8_t)(1 + j);
            if (evidence_approve(name, "", uuid, "hostB", 100))
                break;
        }
    }
    ck_assert_int_eq(evidence_approve("late", "", vm, "hostB", 100),
                     SM_BUSY);
    /* time makes room */
    ck_assert_int_eq(evidence_approve("late", "", vm, "hostB",
                                      101 + EVIDENCE_APPROVAL_LIFE), 0);
}
END_TEST

START_TEST(no_more_approvals_than_a_request_holds)
{
    char name[16];
    int i;

    for (i = 0; i < EVIDENCE_APPROVALS + 4; i++) {
        snprintf(name, sizeof(name), "op%d", i);
        ck_assert_int_eq(evidence_approve(name, "", vm, "hostB", 100), 0);
    }
    find("hostB", 100);
    ck_assert_uint_eq(found.n_approvals, EVIDENCE_APPROVALS);
    snprintf(name, sizeof(name), "op%d", EVIDENCE_APPROVALS + 3);
    ck_assert_str_eq(found.approvals[0], name);         /* the newest */
}
END_TEST

START_TEST(tickets_come_back_as_they_were)
{
    struct evidence_about a = about(1, "hostA", "hostB", 500);
    char text[] = "a ticket";

    ck_assert_int_eq(evidence_deposit("bob", &a, text, 8, 100), 0);
    memset(text, 'x', sizeof(text));            /* it was copied */
    find("hostB", 100);
    ck_assert_uint_eq(found.n_tickets, 1);
    ck_assert_uint_eq(found.tickets[0].len, 8);
    ck_assert_mem_eq(found.tickets[0].text, "a ticket", 8);
}
END_TEST

START_TEST(a_ticket_fits_its_hosts_or_any)
{
    struct evidence_about a;

    a = about(1, "hostZ", "hostB", 500);
    ck_assert_int_eq(evidence_deposit("bob", &a, "1", 1, 100), 0);
    a = about(2, "", "hostC", 500);
    ck_assert_int_eq(evidence_deposit("bob", &a, "2", 1, 100), 0);
    a = about(3, "hostA", "", 500);
    ck_assert_int_eq(evidence_deposit("bob", &a, "3", 1, 100), 0);
    find("hostB", 100);
    ck_assert_uint_eq(found.n_tickets, 1);
    ck_assert_mem_eq(found.tickets[0].text, "3", 1);
    find("hostC", 100);
    ck_assert_uint_eq(found.n_tickets, 2);
    evidence_find(other_vm, "hostA", "hostC", 100, &found);
    ck_assert_uint_eq(found.n_tickets, 0);
}
END_TEST

START_TEST(one_id_is_deposited_once_and_used_once)
{
    struct evidence_about a = about(1, "", "", 500);

    ck_assert_int_eq(evidence_deposit("bob", &a, "1", 1, 100), 0);
    ck_assert_int_eq(evidence_deposit("eve", &a, "2", 1, 100), SM_EXISTS);
    evidence_used(vm, "hostB", a.id);
    find("hostB", 100);
    ck_assert_uint_eq(found.n_tickets, 0);
}
END_TEST

START_TEST(a_ticket_ends_when_it_says)
{
    struct evidence_about a = about(1, "", "", 500);

    ck_assert_int_eq(evidence_deposit("bob", &a, "1", 1, 100), 0);
    find("hostB", 500);
    ck_assert_uint_eq(found.n_tickets, 1);
    find("hostB", 501);
    ck_assert_uint_eq(found.n_tickets, 0);
}
END_TEST

START_TEST(no_more_tickets_than_a_request_holds)
{
    struct evidence_about a;
    uint8_t i;

    for (i = 0; i < EVIDENCE_TICKETS + 2; i++) {
        a = about(i, "", "", 500);
        ck_assert_int_eq(evidence_deposit("bob", &a, &i, 1, 100), 0);
    }
    find("hostB", 100);
    ck_assert_uint_eq(found.n_tickets, EVIDENCE_TICKETS);
    ck_assert_uint_eq(found.tickets[0].text[0], EVIDENCE_TICKETS + 1);
}
END_TEST

START_TEST(status_is_whole_lines_of_one_account_or_all)
{
    char text[4096], little[100];
    size_t n;

    ck_assert_int_eq(evidence_approve("bob", "lead", vm, "hostB", 100), 0);
    ck_assert_int_eq(evidence_approve("carol", "", vm, "hostB", 100), 0);
    evidence_status(text, sizeof(text), "bob", 160);
    ck_assert_str_eq(text, "approval of bob as lead: 01020300-0000-0000-"
                     "0000-000000000000 to hostB, 3540 s left\n");
    evidence_status(text, sizeof(text), NULL, 160);
    ck_assert_ptr_nonnull(strstr(text, "carol"));
    ck_assert_ptr_nonnull(strstr(text, "bob"));
    evidence_status(little, sizeof(little), NULL, 160);
    n = strlen(little);
    ck_assert(n == 0 || little[n - 1] == '\n');
}
END_TEST

int main(void)
{
    Suite *s = suite_create("evidence");
    TCase *tc = tcase_create("evidence");

    tcase_add_test(tc, approvals_are_for_one_guest_and_one_host);
    tcase_add_test(tc, approvals_expire_after_an_hour);
    tcase_add_test(tc, approving_again_renews_and_does_not_count_twice);
    tcase_add_test(tc, approvals_are_used_up_by_their_migration_only);
    tcase_add_test(tc, one_account_cannot_fill_the_table);
    tcase_add_test(tc, no_more_approvals_than_a_request_holds);
    tcase_add_test(tc, tickets_come_back_as_they_were);
    tcase_add_test(tc, a_ticket_fits_its_hosts_or_any);
    tcase_add_test(tc, one_id_is_deposited_once_and_used_once);
    tcase_add_test(tc, a_ticket_ends_when_it_says);
    tcase_add_test(tc, no_more_tickets_than_a_request_holds);
    tcase_add_test(tc, status_is_whole_lines_of_one_account_or_all);
    suite_add_tcase(s, tc);
    return scratch_run(s);
}
