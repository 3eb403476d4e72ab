/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PIN on what is sealed on a TPM, and the TPM's patience with wrong ones. */
#include "seal_tpm2.h"

static int asked, asked_confirm;
static const char *answer;

static int ask(void *ctx, int confirm, uint8_t *buf, size_t size, size_t *len)
{
    (void)ctx;
    asked++;
    asked_confirm = confirm;
    if (!answer)
        return SM_CANCELLED;
    ck_assert_uint_lt(strlen(answer), size);
    *len = strlen(answer);
    memcpy(buf, answer, *len);
    return 0;
}

static struct sm_seal_source with_file(const char *pin)
{
    struct sm_seal_source source = source_of(0);

    scratch_write("pin", pin, strlen(pin), 0600);
    source.pin_file = scratch_path("pin");
    return source;
}

static struct sm_seal_source to_seal(const char *pin)
{
    struct sm_seal_source source = with_file(pin);

    source.pin = true;
    source.fresh = 1;
    return source;
}

static void seal_with(const char *pin)
{
    struct sm_seal_source source = to_seal(pin);

    must_wrap(&source);
}

static int open_with(const char *pin)
{
    struct sm_seal_source source = with_file(pin);

    return unwrap(&source);
}

/* Limit, seconds until a wrong one is forgiven. */
static void set_patience(uint32_t tries, uint32_t interval)
{
    struct sm_tpm *tpm;

    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert_uint_eq(Esys_DictionaryAttackParameters(
                          sm_tpm_esys(tpm), ESYS_TR_RH_LOCKOUT,
                          ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                          tries, interval, 1000), 0);
    sm_tpm_close(tpm);
}

static void forgive(void)
{
    struct sm_tpm *tpm;

    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert_uint_eq(Esys_DictionaryAttackLockReset(
                          sm_tpm_esys(tpm), ESYS_TR_RH_LOCKOUT,
                          ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE), 0);
    sm_tpm_close(tpm);
}

static uint32_t wrong_ones(void)
{
    struct sm_tpm *tpm;
    uint32_t n;

    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert(sm_tpm_property(tpm, TPM2_PT_LOCKOUT_COUNTER, &n));
    sm_tpm_close(tpm);
    return n;
}

/* ---- the PIN ---- */

START_TEST(the_pin_opens_and_the_newline_is_none_of_it)
{
    struct sm_seal_info info;

    seal_with("2718281\n");
    ck_assert_msg(!open_with("2718281"), "%s", why);
    ck_assert_int_eq(sm_seal_describe(object, object_len, &info, why,
                                      sizeof(why)), 0);
    ck_assert(info.pin);
    ck_assert_uint_eq(wrong_ones(), 0);
}
END_TEST

START_TEST(with_pcrs_both_are_wanted)
{
    struct sm_seal_source source = to_seal("2718281");

    source.pcrs = 1u << 7;
    must_wrap(&source);
    ck_assert_msg(!open_with("2718281"), "%s", why);
    ck_assert_int_eq(open_with("2718282"), SM_SEAL);
    ck_assert_why("wrong PIN");
    swtpm_extend(&machine, 7, "another state");
    ck_assert_int_eq(open_with("2718281"), SM_SEAL);
    ck_assert_why("PCR 7");
    /* That cost no try. */
    ck_assert_uint_eq(wrong_ones(), 1);
}
END_TEST

START_TEST(a_pin_that_is_longer_than_a_hash_counts_whole)
{
    const char *pin = "0123456789abcdef0123456789abcdef0123456789abcdef0123"
                      "456789a";
    char other[65];

    seal_with(pin);
    ck_assert_msg(!open_with(pin), "%s", why);
    snprintf(other, sizeof(other), "%s", pin);
    other[strlen(other) - 1] = 'b';
    ck_assert_int_eq(open_with(other), SM_SEAL);
}
END_TEST

START_TEST(without_one_it_says_what_is_wanted)
{
    struct sm_seal_source source = source_of(0);

    seal_with("2718281");
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("pin-file");
    ck_assert_why("secmig-pin");
    ck_assert_uint_eq(wrong_ones(), 0);
}
END_TEST

START_TEST(a_person_is_asked_when_it_is_needed_only)
{
    struct sm_seal_source source = source_of(0);

    source.ask_pin = ask;
    must_wrap(&source);
    must_unwrap(&source);
    ck_assert_int_eq(asked, 0);
    answer = "2718281";
    source.pin = true;
    source.fresh = 1;
    must_wrap(&source);
    ck_assert_int_eq(asked, 1);
    ck_assert_int_eq(asked_confirm, 1);
    source.pin = false;
    source.fresh = 0;
    must_unwrap(&source);
    ck_assert_int_eq(asked, 2);
    ck_assert_int_eq(asked_confirm, 0);
    answer = NULL;
    ck_assert_int_eq(unwrap(&source), SM_CANCELLED);
    answer = "";
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_uint_eq(wrong_ones(), 0);
}
END_TEST

START_TEST(it_comes_from_the_systemd_credential)
{
    struct sm_seal_source source = source_of(0);

    seal_with("2718281");
    setenv("CREDENTIALS_DIRECTORY", scratch, 1);
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("no PIN");
    scratch_write(SM_SEAL_CREDENTIAL_PIN, "2718281\n", 8, 0600);
    must_unwrap(&source);
    unsetenv("CREDENTIALS_DIRECTORY");
}
END_TEST

START_TEST(unfit_pins_and_files_are_refused)
{
    static const char long_one[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0";
    static const struct { const char *pin, *text; int fresh, rc; } bad[] = {
        { "", "empty", 0, SM_SEAL },
        { "\n", "empty", 1, SM_SEAL },
        { "123", "too short", 1, SM_SEAL },
        { long_one, "too long", 0, SM_SEAL },
    };
    struct sm_seal_source source;
    struct sm_seal *seal;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        source = to_seal(bad[i].pin);
        source.fresh = bad[i].fresh;
        ck_assert_int_eq(sm_seal_open_backend("tpm2", &source, &seal, why,
                                              sizeof(why)), bad[i].rc);
        ck_assert_why(bad[i].text);
    }
    source = to_seal("2718281");
    ck_assert_int_eq(chmod(scratch_path("pin"), 0644), 0);
    ck_assert_int_eq(sm_seal_open_backend("tpm2", &source, &seal, why,
                                          sizeof(why)), SM_STATE);
    source.pin_file = scratch_path("nowhere");
    ck_assert_int_eq(sm_seal_open_backend("tpm2", &source, &seal, why,
                                          sizeof(why)), SM_STATE);
}
END_TEST

/* ---- dictionary attacks ---- */

static int open_by_hand(const char *pin)
{
    struct sm_seal_source source = source_of(0);

    source.ask_pin = ask;
    answer = pin;
    return unwrap(&source);
}

START_TEST(wrong_pins_are_counted_and_lock)
{
    struct sm_seal_source plain = source_of(0);
    int i;

    set_patience(5, 7200);
    seal_with("2718281");
    for (i = 1; i < 5; i++) {
        ck_assert_int_eq(open_by_hand("2718282"), SM_SEAL);
        ck_assert_why("wrong PIN (it has counted");
        ck_assert_why("at 5 it locks");
    }
    ck_assert_int_eq(open_by_hand("2718282"), SM_SEAL);
    ck_assert_why("is locked after 5 wrong PINs");
    /* The right one, too, now. */
    ck_assert_int_eq(open_with("2718281"), SM_SEAL);
    ck_assert_why("is locked after 5 wrong PINs");
    ck_assert_why("in 2 h");
    ck_assert_why("tpm2_dictionarylockout -c");
    /* What has no PIN has nothing to guess. */
    must_wrap(&plain);
    must_unwrap(&plain);
    forgive();
    seal_with("2718281");
    ck_assert_msg(!open_with("2718281"), "%s", why);
}
END_TEST

START_TEST(a_wrong_file_does_not_lock)
{
    int i;

    set_patience(5, 7200);
    seal_with("2718281");
    for (i = 0; i < 20; i++)
        ck_assert_int_eq(open_with("2718282"), SM_SEAL);
    ck_assert_why("the PIN in the file is not tried");
    ck_assert_uint_eq(wrong_ones(), 4);
    ck_assert_msg(!open_by_hand("2718281"), "%s", why);
    forgive();
    ck_assert_msg(!open_with("2718281"), "%s", why);
}
END_TEST

START_TEST(time_forgives)
{
    struct timespec ts = { 0 };
    uint32_t patience;
    char in[16];
    time_t began;

    /* On a busy machine the lock may be over before the second try at it: it
     * is then longer the next time. */
    for (patience = 2; ; patience *= 4) {
        ck_assert_uint_lt(patience, 1000);
        set_patience(1, patience);
        seal_with("2718281");
        began = time(NULL);
        ck_assert_int_eq(open_with("2718282"), SM_SEAL);
        if (open_with("2718281") == SM_SEAL)
            break;
        ck_assert_int_ge(time(NULL) - began + 1, patience);
    }
    snprintf(in, sizeof(in), "in %u s", patience);
    ck_assert_why(in);
    ts.tv_sec = patience + 1;
    nanosleep(&ts, NULL);
    ck_assert_msg(!open_with("2718281"), "%s", why);
}
END_TEST

/* As seal.h says: of a loss of power. */
START_TEST(a_loss_of_power_counts_as_a_wrong_one)
{
    set_patience(10, 7200);
    seal_with("2718281");
    ck_assert_msg(!open_with("2718281"), "%s", why);
    ck_assert_uint_eq(wrong_ones(), 0);
    swtpm_reset(&machine);
    ck_assert_uint_eq(wrong_ones(), 1);
    swtpm_reset(&machine);
    ck_assert_uint_eq(wrong_ones(), 1);
}
END_TEST

START_TEST(a_wrong_pin_is_sent_once)
{
    struct sm_seal_source source;
    struct sm_seal *seal;
    int i;

    set_patience(10, 7200);
    seal_with("2718281");
    source = with_file("2718282");
    seal = open_from(&source);
    for (i = 0; i < 5; i++)
        ck_assert_int_eq(unwrap_in(seal), SM_SEAL);
    ck_assert_why("not tried again");
    sm_seal_free(seal);
    ck_assert_uint_eq(wrong_ones(), 1);
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("seal_tpm2_pin");

    ADD("pin", the_pin_opens_and_the_newline_is_none_of_it,
        with_pcrs_both_are_wanted,
        a_pin_that_is_longer_than_a_hash_counts_whole,
        without_one_it_says_what_is_wanted,
        a_person_is_asked_when_it_is_needed_only,
        it_comes_from_the_systemd_credential,
        unfit_pins_and_files_are_refused);
    ADD("attack", wrong_pins_are_counted_and_lock,
        a_wrong_file_does_not_lock, time_forgives,
        a_loss_of_power_counts_as_a_wrong_one, a_wrong_pin_is_sent_once);
    return suite;
}

int main(void)
{
    return swtpm_there() ? scratch_run(make()) : 77;
}
