/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of helper/secmigd/state/floors.h's contract. */
#include <check.h>

#include "store_double.h"
#include "../../helper/secmigd/state/floors.c"

/* Cases run in one process each (check forks): nothing is remembered. */

static void restart(void)
{
    free(vms);
    vms = NULL;
    policy = 0;
    pinned = false;
    memset(policy_key, 0, sizeof(policy_key));
    n_vms = n_authorities = room = 0;
    ck_assert_int_eq(floors_init(), 0);
}

static const uint8_t *uuid_of(unsigned int i)
{
    static uint8_t uuid[16];

    /* Not in order, so that sorting has something to do. */
    uuid[0] = (uint8_t)(i * 167);
    uuid[1] = (uint8_t)(i >> 8);
    uuid[15] = (uint8_t)i;
    return uuid;
}

START_TEST(without_the_object_nothing_begins)
{
    ck_assert_int_eq(floors_init(), SM_STATE);
}
END_TEST

START_TEST(nothing_seen_is_no_floor)
{
    uint8_t signer[SM_STATEMENT_SIGNER_LEN] = { 1 };

    strcpy(stored.kind, "floors");      /* as secmig init leaves it */
    ck_assert_int_eq(floors_init(), 0);
    ck_assert_uint_eq(floors_policy(), 0);
    ck_assert_uint_eq(floors_revocations(signer), 0);
    ck_assert_uint_eq(floors_vm(uuid_of(1)), 0);
    ck_assert(floors_vm_room(uuid_of(1)));
}
END_TEST

START_TEST(floors_rise_and_never_fall)
{
    uint8_t signer[SM_STATEMENT_SIGNER_LEN] = { 1 };

    ck_assert_int_eq(floors_raise_policy(5), 0);
    ck_assert_int_eq(floors_raise_policy(3), 0);
    ck_assert_int_eq(floors_raise_revocations(signer, 7), 0);
    ck_assert_int_eq(floors_raise_revocations(signer, 6), 0);
    ck_assert_int_eq(floors_raise_vm(uuid_of(1), 9), 0);
    ck_assert_int_eq(floors_raise_vm(uuid_of(1), 8), 0);
    ck_assert_uint_eq(floors_policy(), 5);
    ck_assert_uint_eq(floors_revocations(signer), 7);
    ck_assert_uint_eq(floors_vm(uuid_of(1)), 9);
    ck_assert_int_eq(stored.puts, 3);       /* only when something changes */
}
END_TEST

START_TEST(a_restart_lowers_none)
{
    uint8_t signer[SM_STATEMENT_SIGNER_LEN] = { 1 };
    unsigned int i;

    ck_assert_int_eq(floors_raise_policy(5), 0);
    ck_assert_int_eq(floors_raise_revocations(signer, 7), 0);
    for (i = 0; i < 300; i++)
        ck_assert_int_eq(floors_raise_vm(uuid_of(i), i + 1), 0);
    restart();
    ck_assert_uint_eq(floors_policy(), 5);
    ck_assert_uint_eq(floors_revocations(signer), 7);
    for (i = 0; i < 300; i++)
        ck_assert_uint_eq(floors_vm(uuid_of(i)), i + 1);
    ck_assert_uint_eq(floors_vm(uuid_of(300)), 0);
}
END_TEST

START_TEST(the_first_key_of_the_policy_stays)
{
    uint8_t key[SM_POLICY_SIGNER_LEN] = { 5 }, other[40] = { 6 };

    ck_assert_ptr_null(floors_policy_key());
    ck_assert_int_eq(floors_pin_policy(key), 0);
    ck_assert_int_eq(floors_raise_policy(7), 0);
    ck_assert_int_eq(floors_pin_policy(key), 0);
    ck_assert_int_eq(stored.puts, 2);           /* nothing changed */
    restart();
    ck_assert_ptr_nonnull(floors_policy_key());
    ck_assert_mem_eq(floors_policy_key(), key, sizeof(key));
    ck_assert_uint_eq(floors_policy(), 7);
    /* root says otherwise: the versions are those of the new key */
    ck_assert_int_eq(floors_pin_policy(other), 0);
    ck_assert_uint_eq(floors_policy(), 0);
    restart();
    ck_assert_mem_eq(floors_policy_key(), other, sizeof(other));
    ck_assert_uint_eq(floors_policy(), 0);
}
END_TEST

START_TEST(a_key_that_cannot_be_written_down_is_not_forgotten)
{
    uint8_t key[SM_POLICY_SIGNER_LEN] = { 5 };

    stored.fail = SM_IO;
    ck_assert_int_eq(floors_pin_policy(key), SM_IO);
    ck_assert_ptr_nonnull(floors_policy_key());
    ck_assert_int_eq(floors_pin_policy(key), SM_IO);
    stored.fail = 0;
    ck_assert_int_eq(floors_flush(), 0);
    restart();
    ck_assert_mem_eq(floors_policy_key(), key, sizeof(key));
}
END_TEST

START_TEST(each_authority_has_its_own)
{
    uint8_t signer[SM_STATEMENT_SIGNER_LEN] = { 0 };
    int i;

    for (i = 0; i < FLOORS_AUTHORITIES_MAX; i++) {
        signer[39] = (uint8_t)i;
        ck_assert_int_eq(floors_raise_revocations(signer, 10 + (uint64_t)i),
                         0);
    }
    signer[39] = 3;
    ck_assert_uint_eq(floors_revocations(signer), 13);
    signer[0] = 1;
    ck_assert_int_eq(floors_raise_revocations(signer, 1), SM_BUSY);
}
END_TEST

START_TEST(no_more_guests_than_are_remembered)
{
    uint8_t uuid[16] = { 0 };
    size_t i;

    /* As if that many had come; one store_put() each would take long. */
    vms = calloc(FLOORS_VMS_MAX, sizeof(*vms));
    ck_assert_ptr_nonnull(vms);
    for (i = 0; i < FLOORS_VMS_MAX; i++) {
        vms[i].uuid[0] = (uint8_t)(i >> 8);
        vms[i].uuid[1] = (uint8_t)i;
        vms[i].version = 1;
    }
    n_vms = room = FLOORS_VMS_MAX;
    ck_assert_int_eq(floors_raise_vm(uuid, 2), 0);
    restart();
    ck_assert_uint_eq(floors_vm(uuid), 2);
    uuid[15] = 1;
    ck_assert(!floors_vm_room(uuid));
    ck_assert_int_eq(floors_raise_vm(uuid, 2), SM_BUSY);
}
END_TEST

START_TEST(what_cannot_be_written_down_counts_all_the_same)
{
    uint8_t uuid[16] = { 1 }, signer[SM_STATEMENT_SIGNER_LEN] = { 2 };
    int puts;

    ck_assert_int_eq(floors_raise_vm(uuid, 7), 0);
    ck_assert_int_eq(floors_raise_revocations(signer, 7), 0);
    stored.fail = SM_IO;
    ck_assert_int_eq(floors_raise_policy(5), SM_IO);
    ck_assert_uint_eq(floors_policy(), 5);
    /* it is not forgotten that it is nowhere but in memory */
    ck_assert_int_eq(floors_raise_policy(5), SM_IO);
    ck_assert_int_eq(floors_raise_policy(4), SM_IO);
    ck_assert_int_eq(floors_raise_vm(uuid, 6), SM_IO);
    ck_assert_int_eq(floors_raise_revocations(signer, 6), SM_IO);
    ck_assert_int_eq(floors_flush(), SM_IO);
    stored.fail = 0;
    puts = stored.puts;
    ck_assert_int_eq(floors_raise_policy(5), 0);
    ck_assert_int_eq(stored.puts, puts + 1);
    ck_assert_int_eq(floors_flush(), 0);
    ck_assert_int_eq(stored.puts, puts + 1);
}
END_TEST

START_TEST(a_damaged_object_is_an_error)
{
    uint8_t key[SM_POLICY_SIGNER_LEN] = { 5 };
    size_t len;

    ck_assert_int_eq(floors_pin_policy(key), 0);
    ck_assert_int_eq(floors_raise_policy(5), 0);
    ck_assert_int_eq(floors_raise_vm(uuid_of(1), 1), 0);
    stored.data[2] = 2;         /* neither pinned nor not */
    free(vms);
    vms = NULL;
    ck_assert_int_eq(floors_init(), SM_STATE);
    stored.data[2] = 1;
    for (len = stored.len - 1; len > 0; len--) {
        stored.len = len;
        free(vms);
        vms = NULL;
        ck_assert_int_ne(floors_init(), 0);
    }
    stored.fail = SM_SEAL;
    ck_assert_int_eq(floors_init(), SM_SEAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("floors");
    TCase *t = tcase_create("floors");
    SRunner *sr;
    int failed;

    tcase_add_test(t, without_the_object_nothing_begins);
    tcase_add_test(t, nothing_seen_is_no_floor);
    tcase_add_test(t, floors_rise_and_never_fall);
    tcase_add_test(t, a_restart_lowers_none);
    tcase_add_test(t, the_first_key_of_the_policy_stays);
    tcase_add_test(t, a_key_that_cannot_be_written_down_is_not_forgotten);
    tcase_add_test(t, each_authority_has_its_own);
    tcase_add_test(t, no_more_guests_than_are_remembered);
    tcase_add_test(t, what_cannot_be_written_down_counts_all_the_same);
    tcase_add_test(t, a_damaged_object_is_an_error);
    suite_add_tcase(s, t);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
