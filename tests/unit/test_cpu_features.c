/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processor features: which are picked, which may differ, how they travel. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parent/facts.h"
#include "xen/cpu_features.h"

#define NONE UINT32_MAX

/* Xen's order and places (cpufeatureset.h), written down once more. */
static const struct {
    uint32_t leaf, subleaf;
    char reg;
    const char *name;
} places[SM_XEN_FEATURE_WORDS] = {
    { 1, NONE, 'd', "1.edx" }, { 1, NONE, 'c', "1.ecx" },
    { 0x80000001, NONE, 'd', "80000001.edx" },
    { 0x80000001, NONE, 'c', "80000001.ecx" },
    { 13, 1, 'a', "d:1.eax" }, { 7, 0, 'b', "7.ebx" },
    { 7, 0, 'c', "7.ecx" }, { 0x80000007, NONE, 'd', "80000007.edx" },
    { 0x80000008, NONE, 'b', "80000008.ebx" }, { 7, 0, 'd', "7.edx" },
    { 7, 1, 'a', "7:1.eax" }, { 0x80000021, NONE, 'a', "80000021.eax" },
    { 7, 1, 'b', "7:1.ebx" }, { 7, 2, 'd', "7:2.edx" },
    { 7, 1, 'c', "7:1.ecx" }, { 7, 1, 'd', "7:1.edx" },
};

/* Those that may differ; all others may not. */
static bool may_differ(size_t word, unsigned int bit)
{
    switch (word) {
    case 0:
        return bit == 9 || bit == 28;           /* APIC, HTT */
    case 1:
        return bit == 21 || bit == 27;          /* X2APIC, OSXSAVE */
    case 2:                                     /* those of 1.edx, on AMD */
        return bit <= 9 || (bit >= 12 && bit <= 17) || bit == 23 ||
               bit == 24;
    case 3:
        return bit == 1;                        /* CMP_LEGACY */
    case 5:
        return bit == 6 || bit == 13;           /* x87 that does less */
    case 6:
        return bit == 4;                        /* OSPKE */
    default:
        return false;
    }
}

START_TEST(each_word_comes_from_its_register)
{
    struct sm_xen_features f;
    size_t i, j;

    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++) {
        memset(&f, 0, sizeof(f));
        sm_xen_features_pick(&f, places[i].leaf, places[i].subleaf, 'a', 'b',
                             'c', 'd');
        for (j = 0; j < SM_XEN_FEATURE_WORDS; j++)
            if (places[j].leaf == places[i].leaf &&
                places[j].subleaf == places[i].subleaf)
                ck_assert_uint_eq(f.word[j], (uint32_t)places[j].reg);
            else
                ck_assert_uint_eq(f.word[j], 0);
    }
}
END_TEST

START_TEST(leaves_without_features_change_nothing)
{
    static const uint32_t others[][2] = {
        { 0, NONE }, { 2, NONE }, { 4, 1 }, { 7, 3 }, { 7, NONE }, { 13, 0 },
        { 13, 2 }, { 1, 0 }, { 1, 1 }, { 0x40000001, NONE },
        { 0x80000000, NONE }, { 0x80000001, 0 }, { 0x80000022, NONE },
    };
    struct sm_xen_features f, before;
    size_t i;

    memset(&f, 0x5a, sizeof(f));
    before = f;
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        sm_xen_features_pick(&f, others[i][0], others[i][1], 1, 2, 3, 4);
        ck_assert_mem_eq(&f, &before, sizeof(f));
    }
}
END_TEST

START_TEST(each_bit_counts_but_those_that_may_differ)
{
    char name[SM_XEN_FEATURE_NAME_SIZE], want[64];
    struct sm_xen_features guest, host;
    unsigned int bit, n;
    size_t i;

    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
        for (bit = 0; bit < 32; bit++) {
            memset(&guest, 0, sizeof(guest));
            memset(&host, 0xff, sizeof(host));
            guest.word[i] = UINT32_C(1) << bit;
            host.word[i] = ~guest.word[i];
            n = sm_xen_features_missing(&guest, &host, name);
            ck_assert_msg(n == !may_differ(i, bit), "word %zu bit %u", i,
                          bit);
            snprintf(want, sizeof(want), "CPUID %s bit %u", places[i].name,
                     bit);
            ck_assert_str_eq(name, n ? want : "");
            host.word[i] = UINT32_MAX;
            ck_assert_uint_eq(sm_xen_features_missing(&guest, &host, name),
                              0);
            ck_assert_str_eq(name, "");
        }
}
END_TEST

START_TEST(the_first_is_named_and_all_are_counted)
{
    char name[SM_XEN_FEATURE_NAME_SIZE];
    struct sm_xen_features guest, host;

    memset(&guest, 0, sizeof(guest));
    guest.word[0] = 0x178bfbff;
    guest.word[1] = 0xfffa3223;
    guest.word[5] = 1 << 5;
    host = guest;
    ck_assert_uint_eq(sm_xen_features_missing(&guest, &host, name), 0);
    host.word[9] = UINT32_MAX;          /* more than the guest has */
    ck_assert_uint_eq(sm_xen_features_missing(&guest, &host, name), 0);
    host.word[1] &= ~(UINT32_C(1) << 1 | UINT32_C(1) << 20 |
                      UINT32_C(1) << 25 | UINT32_C(1) << 27);
    ck_assert_uint_eq(sm_xen_features_missing(&guest, &host, name), 3);
    ck_assert_str_eq(name, "CPUID 1.ecx bit 1");
    host.word[5] = 0;
    host.word[1] |= 1 << 1;
    ck_assert_uint_eq(sm_xen_features_missing(&guest, &host, name), 3);
    ck_assert_str_eq(name, "CPUID 1.ecx bit 20");

    memset(&guest, 0xff, sizeof(guest));    /* a peer may say anything */
    memset(&host, 0, sizeof(host));
    ck_assert_uint_eq(sm_xen_features_missing(&guest, &host, name),
                      16 * 32 - 26);
    ck_assert_str_eq(name, "CPUID 1.edx bit 0");
}
END_TEST

START_TEST(as_text_and_back)
{
    char text[SM_XEN_FEATURES_TEXT_SIZE], bad[sizeof(text) + 2];
    struct sm_xen_features f, back;
    size_t i;

    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
        f.word[i] = 0x0f1e2d00 + (uint32_t)i;
    sm_xen_features_format(&f, text);
    ck_assert_uint_eq(strlen(text), sizeof(text) - 1);
    ck_assert_int_eq(strncmp(text, "0f1e2d00:0f1e2d01:", 18), 0);
    ck_assert_str_eq(text + 9 * 15, "0f1e2d0f");
    ck_assert(sm_xen_features_parse(&back, text));
    ck_assert_mem_eq(&back, &f, sizeof(f));

    for (i = 0; i < sizeof(text) - 1; i++) {
        strcpy(bad, text);
        bad[i] = 'x';
        ck_assert_msg(!sm_xen_features_parse(&back, bad), "byte %zu", i);
        bad[i] = '\0';
        ck_assert_msg(!sm_xen_features_parse(&back, bad), "up to %zu", i);
    }
    snprintf(bad, sizeof(bad), "%s:", text);
    ck_assert(!sm_xen_features_parse(&back, bad));
    ck_assert(!sm_xen_features_parse(&back, ""));
    f.word[0] = 0;
    sm_xen_features_format(&f, text);
    ck_assert(!sm_xen_features_parse(&back, text));
}
END_TEST

/* That secmig-xl's answer is nothing but this is seen here as well. */
START_TEST(travels_as_64_bytes)
{
    struct sm_xen_features f, back;
    struct sm_wire_writer w;
    uint8_t bytes[65];
    size_t i;

    for (i = 0; i < 64; i++)
        bytes[i] = (uint8_t)(0xc0 + i);
    bytes[64] = 0;
    ck_assert_int_eq(facts_features(&f, bytes, 64), 0);
    ck_assert_uint_eq(f.word[0], 0xc0c1c2c3);
    ck_assert_uint_eq(f.word[15], 0xfcfdfeff);
    sm_wire_writer_init(&w, 64);
    sm_xen_features_put(&w, &f);
    ck_assert_int_eq(sm_wire_error(&w), 0);
    ck_assert_uint_eq(w.len, 64);
    ck_assert_mem_eq(w.data, bytes, 64);

    ck_assert_int_eq(facts_features(&back, bytes, 65), SM_PROTOCOL);
    ck_assert_int_eq(facts_features(&back, bytes, 63), SM_PROTOCOL);
    ck_assert_int_eq(facts_features(&back, bytes, 0), SM_PROTOCOL);
    memset(bytes, 0, 4);                    /* no processor has none */
    ck_assert_int_eq(facts_features(&back, bytes, 64), SM_PROTOCOL);
    f.word[0] = 0;
    sm_wire_writer_reset(&w);
    sm_xen_features_put(&w, &f);
    ck_assert_int_eq(sm_wire_error(&w), SM_PROTOCOL);
    sm_wire_writer_dispose(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("processor features");
    TCase *t = tcase_create("features");
    SRunner *runner;
    int failed;

    tcase_add_test(t, each_word_comes_from_its_register);
    tcase_add_test(t, leaves_without_features_change_nothing);
    tcase_add_test(t, each_bit_counts_but_those_that_may_differ);
    tcase_add_test(t, the_first_is_named_and_all_are_counted);
    tcase_add_test(t, as_text_and_back);
    tcase_add_test(t, travels_as_64_bytes);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
