/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a TPM can do to us: each wait is bounded, each failure has its words,
 * nothing is lost.  What is sealed is opened again afterwards.
 *
 * PCRs, another TPM and a cleared one: test_seal_tpm2.c; wrong PINs and the
 * lock after them: test_seal_tpm2_pin.c.
 */
#include <termios.h>

#include "seal_tpm2.h"
#include "tpm_relay.h"

#define TIMEOUT 1500    /* ms; a TPM's own answers take a tenth of it */
#define SLACK 6000      /* on a busy machine */

static struct relay relay;
static struct sm_seal_source through;       /* the relay */

static void begin(void)
{
    prepare();
    relay_start(&relay, &machine);
    through = source_of(1u << 7);
    must_wrap(&through);
    through.tpm = relay.tcti;
    through.tpm_timeout = TIMEOUT;
}

static void end(void)
{
    relay_stop(&relay);
    finish();
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Open the object, through the relay or `source`; how long that took. */
static int attempt(const struct sm_seal_source *source, int64_t *took)
{
    int64_t start = now_ms();
    struct sm_seal *seal = NULL;
    int rc;

    rc = sm_seal_open_backend("tpm2", source, &seal, why, sizeof(why));
    if (!rc)
        rc = unwrap_in(seal);
    sm_seal_free(seal);
    *took = now_ms() - start;
    if (rc)
        ck_assert_str_ne(why, "");
    return rc;
}

static void opens_again(void)
{
    struct sm_seal_source source = source_of(0);

    relay.s->fault = RELAY_NONE;
    ck_assert_msg(!unwrap(&source), "%s", why);
}

/* ---- busy ---- */

START_TEST(busy_for_a_while_is_waited_for)
{
    static const uint32_t codes[] = {
        TPM2_RC_RETRY, TPM2_RC_TESTING, TPM2_RC_YIELDED, TPM2_RC_NV_RATE,
    };
    struct sm_seal *seal = open_from(&through);

    relay_fault(&relay, RELAY_CODE, codes[_i], 3);
    ck_assert_msg(!unwrap_in(seal), "%s", why);
    ck_assert_int_eq(relay.s->faults, 3);
    sm_seal_free(seal);
}
END_TEST

START_TEST(busy_for_too_long_is_told)
{
    static const uint32_t codes[] = { TPM2_RC_RETRY, TPM2_RC_YIELDED };
    struct sm_seal *seal = open_from(&through);
    int64_t start = now_ms();

    relay_fault(&relay, RELAY_CODE, codes[_i], 0);
    ck_assert_int_eq(unwrap_in(seal), SM_BUSY);
    ck_assert_why("it is busy: try again");
    ck_assert_int_lt(now_ms() - start, TIMEOUT + SLACK);
    ck_assert_int_gt(now_ms() - start, TIMEOUT / 2);
    /* Pauses of 20 to 500 ms within one timeout: ESAPI did not begin it all
     * anew. */
    ck_assert_int_le(relay.s->faults, 8);
    sm_seal_free(seal);
    opens_again();
}
END_TEST

/* ---- silent, gone, confused ---- */

START_TEST(a_tpm_that_hangs)
{
    int64_t took;

    swtpm_stop(&machine);
    ck_assert_int_eq(attempt(&through, &took), SM_TIMEOUT);
    ck_assert_why("did not answer within 1.5 s");
    ck_assert_int_lt(took, TIMEOUT + SLACK);
    through.tpm = machine.tcti;
    ck_assert_int_eq(attempt(&through, &took), SM_TIMEOUT);
    ck_assert_int_lt(took, TIMEOUT + SLACK);
    /* Its queue fills up with those that gave up. */
    ck_assert_int_eq(attempt(&through, &took), SM_TIMEOUT);
    ck_assert_int_eq(attempt(&through, &took), SM_TIMEOUT);
    ck_assert_int_eq(attempt(&through, &took), SM_TIMEOUT);
    ck_assert_int_lt(took, TIMEOUT + SLACK);
    swtpm_continue(&machine);
    opens_again();
}
END_TEST

START_TEST(a_tpm_that_hangs_in_the_middle_fails_the_rest_at_once)
{
    struct sm_seal *seal = open_from(&through);
    int64_t start;

    relay_fault(&relay, _i ? RELAY_HALF : RELAY_SILENT, 0, 0);
    ck_assert_int_eq(unwrap_in(seal), SM_TIMEOUT);
    start = now_ms();
    ck_assert_int_eq(unwrap_in(seal), SM_TIMEOUT);
    sm_seal_free(seal);
    ck_assert_int_lt(now_ms() - start, SLACK);
    opens_again();
}
END_TEST

START_TEST(a_tpm_that_is_not_there)
{
    int64_t took;

    relay_stop(&relay);
    relay_start(&relay, &machine);
    swtpm_kill(&machine);
    through.tpm = machine.tcti;
    ck_assert_int_eq(attempt(&through, &took), SM_IO);
    ck_assert_why("no TPM answers at swtpm:path=");
    ck_assert_why("Connection refused");
    swtpm_on(&machine);
    opens_again();
}
END_TEST

START_TEST(a_tpm_that_is_killed_while_it_works)
{
    struct timespec ms = { .tv_nsec = 200 * 1000000 };
    int64_t took;
    pid_t killer;

    through.tpm = machine.tcti;
    through.tpm_timeout = 20000;
    swtpm_stop(&machine);
    killer = fork();
    if (!killer) {
        nanosleep(&ms, NULL);
        kill(machine.pid, SIGKILL);
        _exit(0);
    }
    ck_assert_int_eq(attempt(&through, &took), SM_IO);
    ck_assert_why("was lost");
    ck_assert_int_lt(took, 200 + SLACK);
    waitpid(killer, NULL, 0);
    waitpid(machine.pid, NULL, 0);
    swtpm_on(&machine);
    opens_again();
}
END_TEST

/* The connection ends before, or after, the TPM does each command in turn. */
START_TEST(a_cut_at_each_command)
{
    static const enum relay_fault faults[] = {
        RELAY_CUT, RELAY_CUT_AFTER, RELAY_LONG, RELAY_SHORT,
    };
    enum relay_fault fault = faults[_i];
    struct sm_seal *seal;
    int n, all;
    uint8_t *made;
    size_t len;
    int rc;

    relay.s->commands = 0;
    must_unwrap(&through);
    all = relay.s->commands;
    ck_assert_int_gt(all, 7);
    for (n = 1; n <= all; n++) {
        relay.s->commands = 0;
        relay_fault(&relay, fault, 0, 1);
        relay.s->at = n;
        seal = NULL;
        rc = sm_seal_open_backend("tpm2", &through, &seal, why, sizeof(why));
        if (!rc)
            rc = unwrap_in(seal);
        /* The last ones only tidy up. */
        ck_assert_msg(rc == SM_IO || (!rc && n > all - 4), "%d of %d: %d %s",
                      n, all, rc, why);
        if (seal) {
            rc = sm_seal_wrap(seal, "host-key", "hostA", 0, secret,
                              sizeof(secret), &made, &len, why, sizeof(why));
            ck_assert_int_eq(!rc, made != NULL);
            sm_file_free(made, len);
        }
        sm_seal_free(seal);
        relay.s->fault = RELAY_NONE;
        /* What was left in a TPM without a resource manager. */
        swtpm_reset(&machine);
    }
    opens_again();
}
END_TEST

START_TEST(noise_is_not_believed)
{
    int64_t took;
    int n, rc;

    for (n = 1; n <= 8; n++) {
        relay.s->commands = 0;
        relay_fault(&relay, RELAY_NOISE, 0, 0);
        relay.s->at = n;
        rc = attempt(&through, &took);
        ck_assert_int_ne(rc, 0);
        relay.s->fault = RELAY_NONE;
        swtpm_reset(&machine);
    }
    opens_again();
}
END_TEST

/* ---- a device ---- */

/*
 * tcti-device of tpm2-tss, which is what drives /dev/tpmrm0, on a terminal
 * that another process answers from the TPM: read, write and poll as a device
 * has them.
 *   silent_at  it stops answering at this command; -1: never
 *   gone_at    it vanishes at this command
 */
static pid_t device(char path[static 64], int silent_at, int gone_at)
{
    uint8_t buf[4096];
    struct termios raw;
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave, tpm, n;
    ssize_t len;
    size_t size;
    pid_t pid;

    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    ck_assert_int_eq(ptsname_r(master, path, 64), 0);
    slave = open(path, O_RDWR | O_NOCTTY);
    ck_assert_int_ge(slave, 0);
    ck_assert_int_eq(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    ck_assert_int_eq(tcsetattr(slave, TCSANOW, &raw), 0);
    pid = fork();
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        tpm = relay_connect(machine.sock);
        for (n = 1; ; n++) {
            len = read(master, buf, sizeof(buf));
            if (len < 10 || n == gone_at)
                _exit(0);
            if (n == silent_at)
                pause();
            if (!relay_all(tpm, buf, (size_t)len, false))
                _exit(1);
            size = relay_read(relay.s, tpm, buf);
            if (!size || write(master, buf, size) != (ssize_t)size)
                _exit(1);
        }
    }
    close(master);
    close(slave);
    return pid;
}

START_TEST(a_device_works_hangs_and_vanishes)
{
    static const struct { int silent_at, gone_at, rc; } cases[] = {
        { -1, -1, 0 },
        { 1, -1, SM_TIMEOUT }, { 5, -1, SM_TIMEOUT },
        { -1, 1, SM_IO }, { -1, 5, SM_IO },
    };
    char path[64], tcti[80];
    int64_t took;
    pid_t pid;

    pid = device(path, cases[_i].silent_at, cases[_i].gone_at);
    snprintf(tcti, sizeof(tcti), "device:%s", path);
    through.tpm = tcti;
    ck_assert_msg(attempt(&through, &took) == cases[_i].rc, "%s, %d ms",
                  why, (int)took);
    ck_assert_int_lt(took, TIMEOUT + SLACK);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    swtpm_reset(&machine);
    opens_again();
}
END_TEST

/* ---- what it says ---- */

START_TEST(each_answer_has_its_class_and_its_words)
{
    static const struct {
        uint32_t code;
        int rc;
        const char *text;
    } cases[] = {
        { TPM2_RC_SESSION_MEMORY, SM_BUSY, "no room for sessions" },
        { TPM2_RC_SESSION_HANDLES, SM_BUSY, "no room for sessions" },
        { TPM2_RC_CONTEXT_GAP, SM_BUSY, "no room for sessions" },
        { TPM2_RC_OBJECT_MEMORY, SM_BUSY, "no room for objects" },
        { TPM2_RC_OBJECT_HANDLES, SM_BUSY, "no room for objects" },
        { TPM2_RC_MEMORY, SM_BUSY, "tpm2_flushcontext" },
        { TPM2_RC_NV_UNAVAILABLE, SM_BUSY, "try again" },
        { TPM2_RC_CANCELED, SM_BUSY, "cancelled" },
        { TPM2_RC_FAILURE, SM_STATE, "failed its self-test" },
        { TPM2_RC_INITIALIZE, SM_STATE, "not started" },
        { TPM2_RC_UPGRADE, SM_STATE, "being replaced" },
        { TPM2_RC_LOCKOUT, SM_SEAL, "wrong PINs" },
        { TPM2_RC_BAD_TAG, SM_STATE, "TPM 1.2" },
        /* A resource manager's layer, a session's number. */
        { TPM2_RC_SESSION_MEMORY | TSS2_RESMGR_TPM_RC_LAYER, SM_BUSY,
          "no room for sessions" },
        { TPM2_RC_POLICY_FAIL | TPM2_RC_S | TPM2_RC_1, SM_SEAL,
          "policy is not met" },
        { TPM2_RC_NV_SPACE, SM_FAIL, "0x14b" },
    };
    int64_t took;

    relay_fault(&relay, RELAY_CODE, cases[_i].code, 1);
    ck_assert_int_eq(attempt(&through, &took), cases[_i].rc);
    ck_assert_why(cases[_i].text);
    opens_again();
}
END_TEST

#define CASES 16

/* ---- no room ---- */

/* Another program that does not tidy up, in a TPM without a manager. */
static void fill_sessions(void)
{
    TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
    struct sm_tpm *tpm;
    ESYS_TR session;
    int i;

    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    for (i = 0; i < 100; i++)
        if (Esys_StartAuthSession(sm_tpm_esys(tpm), ESYS_TR_NONE,
                                  ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                  ESYS_TR_NONE, NULL, TPM2_SE_HMAC, &none,
                                  TPM2_ALG_SHA256, &session))
            break;
    ck_assert_int_lt(i, 100);
    sm_tpm_close(tpm);
}

static void fill_objects(void)
{
    TPM2B_SENSITIVE_CREATE secret_part = { 0 };
    TPM2B_PUBLIC public = {
        .publicArea = {
            .type = TPM2_ALG_KEYEDHASH, .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_USERWITHAUTH |
                                TPMA_OBJECT_SIGN_ENCRYPT |
                                TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                TPMA_OBJECT_FIXEDTPM |
                                TPMA_OBJECT_FIXEDPARENT,
            .parameters.keyedHashDetail.scheme = {
                .scheme = TPM2_ALG_HMAC,
                .details.hmac.hashAlg = TPM2_ALG_SHA256,
            },
        },
    };
    TPML_PCR_SELECTION pcrs = { 0 };
    TPM2B_DATA outside = { 0 };
    struct sm_tpm *tpm;
    ESYS_TR object_handle;
    int i;

    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    for (i = 0; i < 100; i++)
        if (Esys_CreatePrimary(sm_tpm_esys(tpm), ESYS_TR_RH_NULL,
                               ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                               &secret_part, &public, &outside, &pcrs,
                               &object_handle, NULL, NULL, NULL, NULL))
            break;
    ck_assert_int_gt(i, 0);
    ck_assert_int_lt(i, 100);
    sm_tpm_close(tpm);
}

START_TEST(no_room_for_sessions)
{
    int64_t took;

    fill_sessions();
    ck_assert_int_eq(attempt(&through, &took), SM_BUSY);
    ck_assert_why("no room for sessions: another program");
    swtpm_reset(&machine);
    opens_again();
}
END_TEST

START_TEST(no_room_for_objects)
{
    int64_t took;

    fill_objects();
    ck_assert_int_eq(attempt(&through, &took), SM_BUSY);
    ck_assert_why("no room for objects: another program");
    swtpm_reset(&machine);
    opens_again();
}
END_TEST

START_TEST(we_leave_no_session_and_no_object_behind)
{
    struct sm_seal_source source = source_of(1u << 7);
    int i;

    /* swtpm has room for 3 objects and 3 loaded sessions. */
    for (i = 0; i < 6; i++) {
        must_wrap(&source);
        must_unwrap(&source);
        swtpm_extend(&machine, 7, "another state");
        ck_assert_int_eq(unwrap(&source), SM_SEAL);
        ck_assert_why("PCR 7");
    }
}
END_TEST

/* ---- files ---- */

START_TEST(what_was_there_stays_when_sealing_fails)
{
    struct sm_seal_source source = source_of(0);
    struct sm_seal *seal = open_from(&source);
    uint8_t *data;
    size_t len;

    ck_assert_int_eq(sm_seal_store(seal, scratch_path("o"), "host-key",
                                   "hostA", 0, secret, sizeof(secret), why,
                                   sizeof(why)), 0);
    sm_seal_free(seal);
    seal = open_from(&through);
    relay_fault(&relay, RELAY_SILENT, 0, 0);
    ck_assert_int_eq(sm_seal_store(seal, scratch_path("o"), "host-key",
                                   "hostA", 0, "other", 5, why,
                                   sizeof(why)), SM_TIMEOUT);
    sm_seal_free(seal);
    relay.s->fault = RELAY_NONE;
    seal = open_from(&source);
    ck_assert_int_eq(sm_seal_load(seal, scratch_path("o"), "host-key",
                                  "hostA", &data, &len, why, sizeof(why)),
                     0);
    ck_assert_uint_eq(len, sizeof(secret));
    sm_secret_free(data);
    sm_seal_free(seal);
}
END_TEST

/* ---- something extends PCRs all the time ---- */

START_TEST(a_pcr_that_moves_between_policy_and_use)
{
    struct sm_seal *seal = open_from(&through);

    relay.s->only = TPM2_CC_Unseal;
    relay_fault(&relay, RELAY_CODE, TPM2_RC_PCR_CHANGED, 3);
    ck_assert_msg(!unwrap_in(seal), "%s", why);
    ck_assert_int_eq(relay.s->faults, 3);
    relay_fault(&relay, RELAY_CODE, TPM2_RC_PCR_CHANGED, 0);
    ck_assert_int_eq(unwrap_in(seal), SM_BUSY);
    ck_assert_why("do not hold still");
    ck_assert_int_lt(relay.s->faults, 20);
    sm_seal_free(seal);
    opens_again();
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("tpm_faults");
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, busy_for_a_while_is_waited_for, 0, 4);
    tcase_add_loop_test(tc, busy_for_too_long_is_told, 0, 2);
    tcase_add_test(tc, a_tpm_that_hangs);
    tcase_add_loop_test(tc,
                        a_tpm_that_hangs_in_the_middle_fails_the_rest_at_once,
                        0, 2);
    tcase_add_test(tc, a_tpm_that_is_not_there);
    tcase_add_test(tc, a_tpm_that_is_killed_while_it_works);
    tcase_add_loop_test(tc, a_cut_at_each_command, 0, 4);
    tcase_add_test(tc, noise_is_not_believed);
    tcase_add_loop_test(tc, a_device_works_hangs_and_vanishes, 0, 5);
    tcase_add_loop_test(tc, each_answer_has_its_class_and_its_words, 0,
                        CASES);
    tcase_add_test(tc, no_room_for_sessions);
    tcase_add_test(tc, no_room_for_objects);
    tcase_add_test(tc, we_leave_no_session_and_no_object_behind);
    tcase_add_test(tc, what_was_there_stays_when_sealing_fails);
    tcase_add_test(tc, a_pcr_that_moves_between_policy_and_use);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return swtpm_there() ? scratch_run(make()) : 77;
}
