/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the policy tests: policies from text, and a usual request. */
#ifndef TEST_POLICY_REQUEST_H
#define TEST_POLICY_REQUEST_H

#include <check.h>
#include <string.h>

#include "policy/decide.h"

#define KEY_A_TEXT "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

static const uint8_t key_a[32] = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
};

static const uint8_t uuid_1[16] = {
    0x8e, 0x8a, 0x3b, 0x1c, 0x6c, 0x1b, 0x4f, 0x3e,
    0x9c, 0x1a, 0x5d, 0x1f, 0x7a, 0x2b, 0x3c, 0x4d,
};

#define HEAD \
    "<policy xmlns='urn:xen-secmig:policy:1' site='lab' version='1'" \
    " not-before='2026-01-01T00:00:00Z' not-after='2027-01-01T00:00:00Z'>" \
    "<hosts><host id='hostA' key='" KEY_A_TEXT "'/><host id='hostB'/>" \
    "<host id='hostC'/></hosts><rules>"
#define TAIL "</rules></policy>"

#define NOT_BEFORE  INT64_C(1767225600)
#define NOT_AFTER   INT64_C(1798761600)

/* The policy with these rules; it must be in order. */
static struct sm_policy *policy_of(const char *rules)
{
    static char text[SM_POLICY_DOCUMENT_MAX];
    struct sm_policy *policy = NULL;
    char why[SM_POLICY_WHY_MAX];
    int rc;

    strcpy(text, HEAD);
    strcat(text, rules);
    strcat(text, TAIL);
    rc = sm_policy_parse(&policy, text, strlen(text), NULL, why,
                         sizeof(why));
    ck_assert_msg(rc == 0, "%s\n%s", why, text);
    return policy;
}

/* g1, 512 MiB, asked for by root, from hostA to hostB. */
static struct sm_policy_request usual(enum sm_policy_action action)
{
    struct sm_policy_request r = {
        .action = action, .vm_name = "g1", .vm_uuid = uuid_1,
        .memory_kb = 512 * 1024, .account = "root", .source = "hostA",
        .destination = "hostB", .source_key = key_a, .now = NOT_BEFORE + 1,
    };

    return r;
}

#endif
