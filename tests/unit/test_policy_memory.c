/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lack of memory at each allocation, once and from then on: never a policy
 * that says something else, and never an invalid document taken for a valid
 * one.
 *
 * libxml2 2.9.14 dereferences NULL after some of its own allocations have
 * failed.  Such an end of the process accepts nothing, but is not good; it is
 * counted and shown, and must not happen where memory is enough for libxml2.
 */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/config.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OWN_MALLOC 0
#endif
#endif
#if !defined(OWN_MALLOC) && !defined(__SANITIZE_ADDRESS__)
#define OWN_MALLOC 1
#endif

#if OWN_MALLOC

static bool counting, forever;
static unsigned long allocations, fail_at;

/* glibc's own names for what the functions below replace. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static bool refuse(void)
{
    if (!counting)
        return false;
    allocations++;
    return forever ? allocations >= fail_at : allocations == fail_at;
}

void *malloc(size_t size)
{
    return refuse() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return refuse() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return refuse() ? NULL : __libc_realloc(p, size);
}

#define KEY "RWQBAQEBAQEBATU8h68AfhAuz8N9yeErf+1upnn4uD8VXbtbP67pwWgD"

#define DOC(attribute) \
    "<policy xmlns='urn:xen-secmig:policy:1' site='s' version='7'" \
    " not-after='2030-01-01T00:00:00Z'><roles><role id='h' inherits='i'/>" \
    "<role id='i'/><role id='o'/>" \
    "<exclusive id='x' roles='h o' kind='static'/></roles>" \
    "<operators><operator id='o' account='o' roles='o'/></operators>" \
    "<owners><owner id='w' key='" KEY "'/></owners>" \
    "<authorities><authority id='c' key='" KEY "'/></authorities>" \
    "<hosts><host id='a' roles='h'/><host id='b'/>" \
    "<certified authority='c'/></hosts>" \
    "<vms><group id='g' owner='w'><vm name='g*'/></group></vms>" \
    "<windows><window id='t' from='00:00' to='00:00' zone='+01:00'/>" \
    "</windows><rules><rule id='r' effect='allow' action='migrate-in'>" \
    "<vm group='g'/><source role='i' host='a b'/><time window='t'/>" \
    "<config><disk path='/dev/vg0/*' " attribute "/></config></rule>" \
    "</rules></policy>"

static const char good[] = DOC("");
/* Wrong for the schema and for our own checks. */
static const char bad[] = DOC("colour='x'");

static int parse(const char *text, unsigned long n, bool on,
                 struct sm_policy **policy)
{
    char why[SM_POLICY_WHY_MAX];
    int rc;

    fail_at = n;
    forever = on;
    allocations = 0;
    counting = true;
    rc = sm_policy_parse(policy, SM_POLICY_SITE, text, strlen(text), "p", why, sizeof(why));
    counting = false;
    if (rc) {
        ck_assert_ptr_null(*policy);
        ck_assert(rc == SM_NO_MEMORY || rc == SM_POLICY);
        ck_assert_str_ne(why, "");
    }
    return rc;
}

/* What came of a trial in a process of its own. */
enum { REFUSED = 10, ACCEPTED, WRONG, LAST = 32 };

static void right_answers(const struct sm_policy *policy)
{
    static const uint8_t uuid[16];
    struct sm_policy_request r = {
        .action = SM_POLICY_MIGRATE_IN, .vm_name = "g1", .vm_uuid = uuid,
        .source = { .name = "a" }, .destination = { .name = "b" },
    };
    struct sm_policy_decision d;

    sm_policy_decide(policy, &r, &d);
    ck_assert(d.allow);
    r.source.name = "b";
    sm_policy_decide(policy, &r, &d);
    ck_assert_str_eq(d.rule, "default-deny");
    ck_assert_uint_eq(sm_policy_version(policy), 7);
    ck_assert_int_eq(sm_policy_expiry(policy), 1893456000);
}

static int trial(const char *text, unsigned long n, bool on)
{
    struct sm_policy *policy = NULL;
    int rc;

    rc = parse(text, n, on, &policy);
    if (!rc)
        right_answers(policy);
    sm_policy_free(policy);
    return (rc ? REFUSED : ACCEPTED) | (allocations < n ? LAST : 0);
}

/* The trial's result, or 0 when the process was ended by a signal. */
static int apart(const char *text, unsigned long n, bool on)
{
    static const struct rlimit none;
    pid_t child = fork();
    int status = 0;

    ck_assert_int_ge(child, 0);
    if (!child) {
        if (setrlimit(RLIMIT_CORE, &none) || !freopen("/dev/null", "w",
                                                      stderr))
            _exit(WRONG);
        _exit(trial(text, n, on));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* Every allocation, or every `step`th one. */
static void each_failure(bool on, unsigned long step)
{
    unsigned long n, refused = 0, ended = 0, tried = 0;
    int r;

    for (n = 1; ; n += step, tried++) {
        r = apart(good, n, on);
        if (r == (ACCEPTED | LAST))
            break;
        ck_assert_msg(r == 0 || r == REFUSED || r == ACCEPTED,
                      "allocation %lu: %d", n, r);
        refused += r == REFUSED;
        ended += r == 0;
    }
    ck_assert_uint_gt(refused, 50);
    printf("# of %lu failed allocations libxml2 ended the process after "
           "%lu\n", tried, ended);

    for (n = 1; ; n += step) {
        r = apart(bad, n, on);
        if (r == (REFUSED | LAST))
            break;
        ck_assert_msg(r == 0 || r == REFUSED, "allocation %lu: %d", n, r);
    }
    ck_assert_uint_gt(n, 100);
}

START_TEST(one_allocation_fails)
{
    each_failure(false, 1);
}
END_TEST

START_TEST(all_allocations_fail_from_one_on)
{
    each_failure(true, 11);
}
END_TEST

START_TEST(a_config_is_not_allowed_without_memory)
{
    static const uint8_t uuid[16];
    const struct sm_policy_request r = {
        .action = SM_POLICY_MIGRATE_IN, .vm_name = "g1", .vm_uuid = uuid,
        .source = { .name = "a" }, .destination = { .name = "b" },
    };
    const struct sm_policy_fact facts[] = { { "c_info.type", "pvh" } };
    struct sm_policy_decision accepted, d;
    struct sm_policy *policy = NULL;

    ck_assert_int_eq(parse(good, 0, false, &policy), 0);
    sm_policy_decide(policy, &r, &accepted);
    sm_policy_check_config(policy, &r, &accepted, facts, 1, &d);
    ck_assert(d.allow);
    allocations = 0;
    fail_at = 1;
    counting = true;
    sm_policy_check_config(policy, &r, &accepted, facts, 1, &d);
    counting = false;
    ck_assert(!d.allow);
    ck_assert_int_eq(d.code, SM_NO_MEMORY);
    sm_policy_free(policy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy memory");
    TCase *tc = tcase_create("memory");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, one_allocation_fails);
    tcase_add_test(tc, all_allocations_fail_from_one_on);
    tcase_add_test(tc, a_config_is_not_allowed_without_memory);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#else

int main(void)
{
    printf("skip - policy memory: the sanitizer has malloc() to itself\n");
    return 77;
}

#endif
