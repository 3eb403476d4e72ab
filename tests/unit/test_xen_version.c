/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Versions of Xen: which is older, and how they travel. */
#include <check.h>
#include <stdlib.h>

#include "parent/facts.h"
#include "xen/version.h"

#define V(a, b) { .major = (a), .minor = (b) }

START_TEST(older_by_major_then_by_minor)
{
    static const struct {
        struct sm_xen_version v, than;
        bool older;
    } rows[] = {
        { V(4, 17), V(4, 17), false },
        { V(4, 16), V(4, 17), true },
        { V(4, 18), V(4, 17), false },
        { V(4, 9), V(4, 17), true },        /* numbers, not text */
        { V(4, 100), V(4, 20), false },
        { V(4, 0x1ff), V(4, 0x200), true },
        { V(3, 4), V(4, 0), true },
        { V(4, 20), V(5, 0), true },
        { V(5, 0), V(4, 20), false },
        { V(1, 0), V(65535, 65535), true },
        { V(65535, 65535), V(1, 0), false },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(sm_xen_version_older(&rows[i].v, &rows[i].than) ==
                      rows[i].older, "row %zu", i);
}
END_TEST

START_TEST(what_was_not_read_is_none)
{
    static const struct sm_xen_version none = V(0, 0), half = V(0, 17),
                                       first = V(1, 0);

    ck_assert(!sm_xen_version_ok(&none));
    ck_assert(!sm_xen_version_ok(&half));
    ck_assert(sm_xen_version_ok(&first));
}
END_TEST

START_TEST(travels_as_four_bytes)
{
    const struct sm_xen_version v = V(4, 0x1112), none = V(0, 17);
    struct sm_xen_version back;
    struct sm_wire_writer w;
    struct sm_wire_reader r;

    sm_wire_writer_init(&w, 4);
    sm_xen_version_put(&w, &v);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_uint_eq(w.len, 4);
    ck_assert_mem_eq(w.data, "\0\4\x11\x12", 4);
    sm_wire_reader_init(&r, w.data, w.len);
    sm_xen_version_get(&r, &back);
    ck_assert_int_eq(sm_wire_end(&r), 0);
    ck_assert_uint_eq(back.major, 4);
    ck_assert_uint_eq(back.minor, 0x1112);

    sm_wire_reader_init(&r, w.data, 3);
    sm_xen_version_get(&r, &back);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);
    sm_wire_reader_init(&r, "\0\0\0\x11", 4);
    sm_xen_version_get(&r, &back);
    ck_assert_int_eq(sm_wire_end(&r), SM_PROTOCOL);

    sm_wire_writer_reset(&w);
    sm_xen_version_put(&w, &none);
    ck_assert_int_eq(sm_wire_error(&w), SM_PROTOCOL);
    sm_wire_writer_dispose(&w);
}
END_TEST

/* secmig-xl's answer to `config`, with this version of Xen in it. */
static int answer(unsigned int major, unsigned int minor, struct facts *f)
{
    static const uint8_t uuid[16] = { 1 };
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, 1000);
    sm_wire_put_bytes(&w, uuid, sizeof(uuid));
    sm_wire_put_str(&w, "g1");
    sm_wire_put_u64(&w, 98304);
    sm_wire_put_u32(&w, 0);
    sm_wire_put_u16(&w, (uint16_t)major);
    sm_wire_put_u16(&w, (uint16_t)minor);
    sm_wire_put_blob(&w, "{}", 2);
    sm_wire_put_u32(&w, 0);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    rc = facts_config(f, w.data, w.len);
    sm_wire_writer_dispose(&w);
    return rc;
}

START_TEST(secmig_xl_has_to_say_it)
{
    struct facts f;

    ck_assert_int_eq(answer(4, 17, &f), 0);
    ck_assert_uint_eq(f.xen.major, 4);
    ck_assert_uint_eq(f.xen.minor, 17);
    ck_assert_str_eq(f.config, "{}");
    facts_clear(&f);
    ck_assert_int_eq(answer(0, 17, &f), SM_PROTOCOL);
    ck_assert_ptr_null(f.config);
    ck_assert_int_eq(answer(0, 0, &f), SM_PROTOCOL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("Xen's version");
    TCase *t = tcase_create("version");
    SRunner *runner;
    int failed;

    tcase_add_test(t, older_by_major_then_by_minor);
    tcase_add_test(t, what_was_not_read_is_none);
    tcase_add_test(t, travels_as_four_bytes);
    tcase_add_test(t, secmig_xl_has_to_say_it);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
