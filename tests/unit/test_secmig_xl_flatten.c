/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The flattener of secmig-xl: what policy sees of a configuration. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../helper/secmig-xl/flatten.h"

/* Flatten and join the facts as "field=value" lines. */
static int flatten(const char *json, char *out, size_t size, char *why,
                   size_t why_size)
{
    struct sm_wire_writer w;
    struct sm_wire_reader r;
    char field[SM_FLATTEN_FIELD_MAX];
    static char value[65536];
    uint32_t count, i;
    size_t at = 0;
    int rc;

    out[0] = '\0';
    sm_wire_writer_init(&w, 1 << 20);
    rc = sm_flatten(json, strlen(json), &w, &count, why, why_size);
    if (!rc) {
        sm_wire_reader_init(&r, w.data, w.len);
        for (i = 0; i < count; i++) {
            sm_wire_get_str(&r, field, sizeof(field));
            sm_wire_get_str(&r, value, sizeof(value));
            at += (size_t)snprintf(out + at, size - at, "%s=%s\n", field,
                                   value);
            ck_assert_uint_lt(at, size);
        }
        ck_assert_int_eq(sm_wire_end(&r), 0);
    }
    sm_wire_writer_dispose(&w);
    return rc;
}

static void gives(const char *json, const char *facts)
{
    char out[4096], why[256];

    ck_assert_msg(flatten(json, out, sizeof(out), why, sizeof(why)) == 0,
                  "%s: %s", json, why);
    ck_assert_str_eq(out, facts);
    ck_assert_str_eq(why, "");
}

static void refused(const char *json, const char *reason)
{
    char out[4096], why[256];
    uint32_t count;

    ck_assert_int_eq(flatten(json, out, sizeof(out), why, sizeof(why)),
                     SM_PROTOCOL);
    ck_assert_str_eq(why, reason);
    /* Checking alone comes to the same verdict. */
    ck_assert_int_eq(sm_flatten(json, strlen(json), NULL, &count, why,
                                sizeof(why)), SM_PROTOCOL);
    ck_assert_str_eq(why, reason);
    ck_assert_uint_eq(count, 0);
}

START_TEST(a_config_of_xl)
{
    /* Indented as libxl does it, with a union and an empty struct. */
    gives("{\n"
          "    \"c_info\": {\n"
          "        \"type\": \"pvh\",\n"
          "        \"name\": \"g1\",\n"
          "        \"run_hotplug_scripts\": \"True\"\n"
          "    },\n"
          "    \"b_info\": {\n"
          "        \"max_memkb\": 196608,\n"
          "        \"sched_params\": {\n"
          "        },\n"
          "        \"type.pvh\": {\n"
          "            \"pvshim\": \"False\"\n"
          "        }\n"
          "    }\n"
          "}\n",
          "c_info.type=pvh\n"
          "c_info.name=g1\n"
          "c_info.run_hotplug_scripts=True\n"
          "b_info.max_memkb=196608\n"
          "b_info.sched_params={}\n"
          "b_info.type.pvh.pvshim=False\n");
}
END_TEST

START_TEST(members_of_maps_and_arrays)
{
    gives("{\"c_info\": {\"name\": \"g1\"}, \"disks\": ["
          "{\"pdev_path\": \"/dev/vg0/x\", \"readwrite\": 1},"
          "{\"pdev_path\": \"/dev/vg0/y\"}],"
          "\"nics\": [{\"bridge\": \"xenbr0\"}]}",
          "c_info.name=g1\n"
          "disks[0].pdev_path=/dev/vg0/x\n"
          "disks[0].readwrite=1\n"
          "disks[1].pdev_path=/dev/vg0/y\n"
          "nics[0].bridge=xenbr0\n");
}
END_TEST

START_TEST(spelling_is_kept)
{
    gives("{\"a\": true, \"b\": false, \"c\": null, \"d\": -1,"
          " \"e\": 18446744073709551615, \"f\": 1.50, \"g\": \"True\","
          " \"h\": \"\"}",
          "a=true\nb=false\nc=null\nd=-1\ne=18446744073709551615\n"
          "f=1.50\ng=True\nh=\n");
}
END_TEST

START_TEST(nothing_is_invisible)
{
    gives("{\"disks\": [], \"nics\": [{}, {}], \"m\": {\"k\": {}}}",
          "disks=[]\nnics[0]={}\nnics[1]={}\nm.k={}\n");
    gives("{}", "");
}
END_TEST

START_TEST(arrays_in_arrays)
{
    gives("{\"a\": [[1, 2], [3, [4]], 5], \"b\": 6}",
          "a[0][0]=1\na[0][1]=2\na[1][0]=3\na[1][1][0]=4\na[2]=5\nb=6\n");
}
END_TEST

START_TEST(names_cannot_pass_for_members)
{
    const char *why = "a name has a character that none of libxl's has";
    char with_path[256];

    snprintf(with_path, sizeof(with_path), "%s at a", why);
    refused("{\"a[0]\": 1}", why);
    refused("{\"a\": {\"b]\": 1}}", with_path);
    refused("{\"a b\": 1}", why);
    refused("{\"\\u0000\": 1}", why);
    refused("{\"\\u00e9\": 1}", why);
    refused("{\"\": 1}", "a name is empty");
}
END_TEST

START_TEST(text_is_clean)
{
    const char *why = "a value has control characters or is not UTF-8 at a";

    refused("{\"a\": \"x\\ny\"}", why);
    refused("{\"a\": \"\\u0000\"}", why);
    refused("{\"a\": \"\\u202e\"}", why);
    gives("{\"a\": \"\\u00e9 \\\" \\\\\"}", "a=\xc3\xa9 \" \\\n");
    refused("{\"a\": \"\xff\"}", "not JSON at a");
}
END_TEST

START_TEST(only_one_map)
{
    refused("", "not JSON");
    refused("[1]", "not a map");
    refused("7", "not a map");
    refused("\"x\"", "not a map");
    refused("{} {}", "not JSON");
    refused("{\"a\": 1", "not JSON at a");
    refused("{\"a\": /* b */ 1}", "not JSON at a");
}
END_TEST

/* `open` n times, `middle`, `close` n times, within {"a": ...}. */
static char *nested(const char *open, const char *middle, const char *close,
                    size_t n)
{
    size_t size = 32 + n * (strlen(open) + strlen(close)) + strlen(middle);
    char *text = malloc(size), *p;
    size_t i;

    ck_assert_ptr_nonnull(text);
    p = stpcpy(text, "{\"a\":");
    for (i = 0; i < n; i++)
        p = stpcpy(p, open);
    p = stpcpy(p, middle);
    for (i = 0; i < n; i++)
        p = stpcpy(p, close);
    stpcpy(p, "}");
    return text;
}

static int check(const char *json, char *why, size_t why_size)
{
    uint32_t count;

    return sm_flatten(json, strlen(json), NULL, &count, why, why_size);
}

START_TEST(depth_is_bounded)
{
    char why[256], *text;

    text = nested("[", "1", "]", SM_FLATTEN_DEPTH_MAX - 1);
    ck_assert_int_eq(check(text, why, sizeof(why)), 0);
    free(text);
    text = nested("[", "1", "]", SM_FLATTEN_DEPTH_MAX);
    ck_assert_int_eq(check(text, why, sizeof(why)), SM_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(why, "nested too deep"));
    free(text);
    text = nested("[", "", "", 200000);
    ck_assert_int_eq(check(text, why, sizeof(why)), SM_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(why, "nested too deep"));
    free(text);
}
END_TEST

START_TEST(numbers_of_facts_and_elements_are_bounded)
{
    char why[256], *many, *text;
    uint32_t n;

    for (n = SM_FLATTEN_FACTS_MAX; n <= SM_FLATTEN_FACTS_MAX + 1; n++) {
        char *p;
        uint32_t i;

        many = malloc(n * 2 + 1);
        ck_assert_ptr_nonnull(many);
        for (p = many, i = 0; i < n; i++)
            p = stpcpy(p, i ? ",1" : "1");
        text = nested("[", many, "]", 1);
        free(many);
        ck_assert_int_eq(check(text, why, sizeof(why)),
                         n > SM_FLATTEN_FACTS_MAX ? SM_PROTOCOL : 0);
        free(text);
    }
    ck_assert_ptr_nonnull(strstr(why, "too many fields"));

    /* Containers count too: 3 of them for each fact. */
    text = nested("[", "[[[1]]]", ",[[[1]]]]", 1);
    ck_assert_int_eq(check(text, why, sizeof(why)), 0);
    free(text);
    {
        size_t i, groups = SM_FLATTEN_ELEMENTS_MAX / 4 + 1;
        char *p;

        many = malloc(groups * 8 + 1);
        ck_assert_ptr_nonnull(many);
        for (p = many, i = 0; i < groups; i++)
            p = stpcpy(p, i ? ",[[[1]]]" : "[[[1]]]");
        text = nested("[", many, "]", 1);
        free(many);
    }
    ck_assert_int_eq(check(text, why, sizeof(why)), SM_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(why, "too many elements"));
    free(text);
}
END_TEST

START_TEST(lengths_are_bounded)
{
    char why[256], *long_text, *text;
    size_t n;

    for (n = 65535; n <= 65536; n++) {
        long_text = malloc(n + 3);
        ck_assert_ptr_nonnull(long_text);
        memset(long_text, 'x', n + 2);
        long_text[0] = long_text[n + 1] = '"';
        long_text[n + 2] = '\0';
        text = nested("", long_text, "", 0);
        free(long_text);
        ck_assert_int_eq(check(text, why, sizeof(why)),
                         n > 65535 ? SM_PROTOCOL : 0);
        free(text);
    }
    ck_assert_str_eq(why, "a value is too long at a");

    text = nested("{\"123456789012345678901234567890123456789\":", "1", "}",
                  SM_FLATTEN_DEPTH_MAX - 1);
    ck_assert_int_eq(check(text, why, sizeof(why)), SM_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(why, "a path is too long"));
    free(text);
}
END_TEST

START_TEST(a_full_writer_is_an_error)
{
    struct sm_wire_writer w;
    char why[256];
    uint32_t count;

    sm_wire_writer_init(&w, 8);
    ck_assert_int_eq(sm_flatten("{\"abc\": \"defg\"}", 15, &w, &count, why,
                                sizeof(why)), SM_PROTOCOL);
    ck_assert_str_eq(why, "the fields do not fit at abc");
    sm_wire_writer_dispose(&w);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    const char *json = "{\"a\": [{\"b\": \"c\"}, 12, true], \"d\": {}}";
    size_t len, whole = strlen(json);
    char why[256];
    uint32_t count;

    for (len = 0; len < whole; len++)
        ck_assert_int_eq(sm_flatten(json, len, NULL, &count, why,
                                    sizeof(why)), SM_PROTOCOL);
    ck_assert_int_eq(sm_flatten(json, whole, NULL, &count, why,
                                sizeof(why)), 0);
    ck_assert_uint_eq(count, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secmig-xl flatten");
    TCase *tc = tcase_create("facts"), *bounds = tcase_create("bounds");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, a_config_of_xl);
    tcase_add_test(tc, members_of_maps_and_arrays);
    tcase_add_test(tc, spelling_is_kept);
    tcase_add_test(tc, nothing_is_invisible);
    tcase_add_test(tc, arrays_in_arrays);
    tcase_add_test(bounds, names_cannot_pass_for_members);
    tcase_add_test(bounds, text_is_clean);
    tcase_add_test(bounds, only_one_map);
    tcase_add_test(bounds, depth_is_bounded);
    tcase_add_test(bounds, numbers_of_facts_and_elements_are_bounded);
    tcase_add_test(bounds, lengths_are_bounded);
    tcase_add_test(bounds, a_full_writer_is_an_error);
    tcase_add_test(bounds, every_truncation_is_refused);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, bounds);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
