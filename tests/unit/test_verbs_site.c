/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig site as an authority meets it, on a machine that is no host: keys,
 * certificates, serials, revocations, and what is shown of them.
 */
#include <sys/file.h>

#include "base/clock.h"
#include "base/file.h"
#include "seal/seal.h"
#include "trust/certificate.h"
#include "trust/identity.h"
#include "trust/revocation.h"
#include "verb.h"

#define KEY "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static char why[768];

/* A verb with "@" in its line standing for the scratch directory. */
static int site(const char *format)
{
    char line[1024], *to = line;

    for (; *format; format++)
        if (*format == '@')
            to += sprintf(to, "%s/", scratch);
        else
            *to++ = *format;
    *to = '\0';
    return run(sm_verb_site, line);
}

static void authority(void)
{
    ck_assert_int_eq(site("site init --key @acme --seal plain"), 0);
}

static size_t content(const char *leaf, char *text, size_t size)
{
    uint8_t *data;
    size_t len;

    ck_assert_msg(sm_file_read(scratch_path(leaf), SM_FILE_PUBLIC, size - 1,
                               &data, &len, why, sizeof(why)) == 0, "%s",
                  why);
    memcpy(text, data, len + 1);
    sm_file_free(data, len);
    return len;
}

static struct sm_minisign_public public_key(const char *leaf)
{
    struct sm_minisign_public key;
    char text[512];
    size_t len = content(leaf, text, sizeof(text));

    ck_assert_int_eq(sm_minisign_public_parse(text, len, &key, why,
                                              sizeof(why)), 0);
    return key;
}

static struct sm_certificate certificate(const char *leaf)
{
    struct sm_minisign_public key = public_key("acme.pub");
    struct sm_certificate c;
    char text[SM_CERTIFICATE_MAX + 1];
    size_t len = content(leaf, text, sizeof(text));

    ck_assert_msg(sm_certificate_verify(text, len, &key, 1, sm_clock_real(),
                                        &c, NULL, why, sizeof(why)) == 0,
                  "%s", why);
    return c;
}

static const struct sm_revocations *revoked(void)
{
    static struct sm_revocations list;
    static char text[SM_REVOCATIONS_MAX + 1];
    struct sm_minisign_public key = public_key("acme.pub");
    size_t len = content("acme.revoked", text, sizeof(text));

    ck_assert_msg(sm_revocations_verify(text, len, &key, 1, &list, NULL, why,
                                        sizeof(why)) == 0, "%s", why);
    return &list;
}

static bool there(const char *leaf)
{
    return access(scratch_path(leaf), F_OK) == 0;
}

/* ---- init ---- */

START_TEST(init_makes_key_public_half_serial_and_list)
{
    struct sm_minisign_public key;
    struct sm_seal_info info;
    char base64[SM_MINISIGN_BASE64_SIZE], text[32];

    authority();
    ck_assert_uint_eq(mode_of(scratch_path("acme")), 0600);
    ck_assert_uint_eq(mode_of(scratch_path("acme.pub")), 0644);
    ck_assert_int_eq(sm_seal_inspect(scratch_path("acme"), &info, why,
                                     sizeof(why)), 0);
    ck_assert_str_eq(info.purpose, "site-key");
    ck_assert_str_eq(info.backend, "plain");
    content("acme.serial", text, sizeof(text));
    ck_assert_str_eq(text, "0\n");
    ck_assert_uint_eq(revoked()->version, 1);
    ck_assert_uint_eq(revoked()->n_serials, 0);
    key = public_key("acme.pub");
    sm_minisign_public_base64(&key, base64);
    ck_assert_ptr_nonnull(strstr(out, base64));
}
END_TEST

START_TEST(init_overwrites_nothing_and_leaves_nothing_half_made)
{
    static const char *const leaves[] = { "acme", "acme.pub", "acme.serial",
                                          "acme.revoked" };
    char text[32];
    size_t i, k;

    for (i = 0; i < 4; i++) {
        scratch_write(leaves[i], "mine", 4, 0600);
        ck_assert_int_eq(site("site init --key @acme --seal plain"), 4);
        fails(4, "nothing was changed");
        content(leaves[i], text, sizeof(text));
        ck_assert_str_eq(text, "mine");
        unlink(scratch_path(leaves[i]));
        for (k = 0; k < 4; k++)
            ck_assert(!there(leaves[k]));
    }
}
END_TEST

START_TEST(init_in_a_directory_that_is_not_there)
{
    ck_assert_int_eq(site("site init --key @no/acme --seal plain"), 6);
    ck_assert_ptr_nonnull(strstr(err, "no/acme"));
    ck_assert_int_eq(site("site init --seal plain"), 6);
    ck_assert_ptr_nonnull(strstr(err, cli.conf.site_key));
}
END_TEST

START_TEST(the_default_place_is_in_the_state_directory)
{
    init_plain();
    ck_assert_int_eq(site("site init --seal plain"), 0);
    ck_assert_uint_eq(mode_of(cli.conf.site_key), 0600);
    ck_assert_int_eq(site("site sign --host a --host-key " KEY " @a"), 0);
    ck_assert_ptr_nonnull(strstr(out, "serial 1"));
    ck_assert(there("var/lib/xen/secmig/site-key.pub"));
    ck_assert(there("var/lib/xen/secmig/site-key.serial"));
    ck_assert(there("var/lib/xen/secmig/site-key.revoked"));
}
END_TEST

START_TEST(init_refuses_bad_options)
{
    ck_assert_int_eq(site("site init --key @acme --seal none"), 2);
    fails(2, "none");
    ck_assert_int_eq(site("site init --key @acme --seal"), USAGE_CODE);
    ck_assert_int_eq(site("site init --key @a --key @b"), USAGE_CODE);
    ck_assert_int_eq(site("site init @acme"), USAGE_CODE);
    ck_assert_int_eq(site("site"), USAGE_CODE);
    ck_assert_int_eq(site("site destroy"), USAGE_CODE);
    ck_assert(!there("acme"));
}
END_TEST

START_TEST(a_passphrase_from_a_file_seals_and_opens)
{
    struct sm_seal_info info;

    scratch_write("pass", "correct horse\n", 14, 0600);
    scratch_write("other", "incorrect horse\n", 16, 0600);
    ck_assert_int_eq(site("site init --key @acme --passphrase-file @pass"),
                     0);
    ck_assert_str_eq(err, "");
    ck_assert_int_eq(sm_seal_inspect(scratch_path("acme"), &info, why,
                                     sizeof(why)), 0);
    ck_assert_str_eq(info.backend, "passphrase");
    ck_assert_int_eq(site("site sign --key @acme --passphrase-file @pass "
                          "--host a --host-key " KEY " @a.cert"), 0);
    ck_assert_uint_eq(certificate("a.cert").serial, 1);
    ck_assert_int_eq(site("site sign --key @acme --passphrase-file @other "
                          "--host b --host-key " KEY " @b.cert"), 31);
    fails(31, "passphrase");
    ck_assert(!there("b.cert"));
    /* Nothing to ask and nobody to answer. */
    ck_assert_int_eq(site("site sign --key @acme --host b --host-key " KEY
                          " @b.cert"), 2);
    fails(2, "passphrase-file");
    /* None of these attempts took a serial. */
    ck_assert_int_eq(site("site sign --key @acme --passphrase-file @pass "
                          "--host b --host-key " KEY " @b.cert"), 0);
    ck_assert_uint_eq(certificate("b.cert").serial, 2);
}
END_TEST

START_TEST(init_asks_for_the_passphrase_twice_and_does_not_show_it)
{
    char line[256];

    snprintf(line, sizeof(line), "site init --key %s", scratch_path("acme"));
    sit_down(sm_verb_site, line, "");
    see("New passphrase");
    type("correct horse\n");
    see("Again");
    type("correct horse\n");
    see("sealed");
    ck_assert_int_eq(leave(), 0);
    ck_assert_ptr_null(strstr(screen, "horse"));
    snprintf(line, sizeof(line), "site sign --key %s --host a --host-key "
             KEY " %s", scratch_path("acme"), scratch_path("a.cert"));
    sit_down(sm_verb_site, line, "");
    see("Passphrase");
    type("correct horse\n");
    see("serial 1");
    ck_assert_int_eq(leave(), 0);
    ck_assert_uint_eq(certificate("a.cert").serial, 1);
}
END_TEST

/* ---- sign ---- */

START_TEST(a_certificate_says_what_was_asked_for)
{
    char fingerprint[SM_IDENTITY_FINGERPRINT_SIZE];
    int64_t now = sm_clock_real();
    struct sm_certificate c;

    authority();
    ck_assert_int_eq(site("site sign --key @acme --host hostA --host-key "
                          KEY " --location munich --jurisdiction DE "
                          "--platform x --platform y --valid 30d "
                          "@a.cert"), 0);
    ck_assert_ptr_nonnull(strstr(out, "serial 1"));
    c = certificate("a.cert");
    sm_identity_fingerprint(c.key, fingerprint);
    ck_assert_ptr_nonnull(strstr(out, fingerprint));
    ck_assert_str_eq(c.host, "hostA");
    ck_assert_uint_eq(c.key[0], 9);
    ck_assert_uint_eq(c.serial, 1);
    ck_assert_str_eq(c.location, "munich");
    ck_assert_str_eq(c.jurisdiction, "DE");
    ck_assert_uint_eq(c.n_platforms, 2);
    ck_assert_str_eq(c.platforms[1], "y");
    /* Five minutes are granted to clocks that differ. */
    ck_assert(c.not_before >= now - 301 && c.not_before <= now - 290);
    ck_assert(c.not_after >= now + 30 * 86400 &&
              c.not_after <= now + 30 * 86400 + 10);
    ck_assert_uint_eq(mode_of(scratch_path("a.cert")), 0644);
}
END_TEST

START_TEST(times_may_be_given)
{
    struct sm_certificate c;

    authority();
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " --not-before 2020-01-01T00:00:00Z --valid 5217w "
                          "@a.cert"), 0);
    c = certificate("a.cert");
    ck_assert_int_eq(c.not_before, 1577836800);
    ck_assert_int_eq(c.not_after, 1577836800 + 5217LL * 7 * 86400);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @b.cert"), 0);
    c = certificate("b.cert");
    ck_assert_int_eq(c.not_after - c.not_before, 365 * 86400 + 300);
}
END_TEST

START_TEST(without_out_it_goes_to_standard_output)
{
    struct sm_minisign_public key;
    struct sm_certificate c;

    authority();
    key = public_key("acme.pub");
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY),
                     0);
    ck_assert_int_eq(sm_certificate_verify(out, strlen(out), &key, 1,
                                           sm_clock_real(), &c, NULL, why,
                                           sizeof(why)), 0);
}
END_TEST

START_TEST(the_key_may_come_from_a_key_line)
{
    char line[SM_IDENTITY_LINE_SIZE];
    struct sm_identity *id;

    authority();
    ck_assert_int_eq(sm_identity_generate("hostB", &id), 0);
    ck_assert_int_eq(sm_identity_format("hostB", id->public_key, line), 0);
    scratch_write("b.pub", line, strlen(line), 0644);
    ck_assert_int_eq(site("site sign --key @acme --host hostB --host-key "
                          "@b.pub @b.cert"), 0);
    ck_assert_mem_eq(certificate("b.cert").key, id->public_key, 32);
    ck_assert_int_eq(site("site sign --key @acme --host hostC --host-key "
                          "@b.pub @c.cert"), 4);
    fails(4, "the key of 'hostB'");
    scratch_write("bad.pub", "x\n", 2, 0644);
    ck_assert_int_eq(site("site sign --key @acme --host hostC --host-key "
                          "@bad.pub @c.cert"), 4);
    fails(4, "bad.pub");
    ck_assert_int_eq(site("site sign --key @acme --host hostC --host-key "
                          "@none @c.cert"), 4);
    fails(4, "none");
    sm_identity_free(id);
}
END_TEST

START_TEST(what_cannot_be_said_is_refused_and_costs_no_serial)
{
    static const struct {
        const char *line;
        const char *words;
        int code;
    } bad[] = {
        { "--host a/b --host-key " KEY, "--host a/b", 2 },
        { "--host a --host-key " KEY " --location ..", "--location ..", 2 },
        { "--host a --host-key " KEY " --jurisdiction *",
          "--jurisdiction *", 2 },
        { "--host a --host-key " KEY " --platform x,y", "--platform x,y",
          2 },
        { "--host a --host-key " KEY " --platform x --platform x",
          "each once", 2 },
        { "--host a --host-key " KEY " --valid 0d", "--valid 0d", 2 },
        { "--host a --host-key " KEY " --valid 365", "--valid 365", 2 },
        { "--host a --host-key " KEY " --valid -1d", "--valid -1d", 2 },
        { "--host a --host-key " KEY " --valid 36526d", "36526d", 2 },
        { "--host a --host-key " KEY " --valid 1d --not-before now",
          "--not-before now", 2 },
        { "--host a --host-key " KEY " --valid 36525d --not-before "
          "9990-01-01T00:00:00Z", "9999", 2 },
        { "--host a --host-key " KEY " --serial 0", "--serial 0", 2 },
        { "--host a --host-key " KEY " --serial x", "--serial x", 2 },
    };
    char line[512];
    size_t i;

    authority();
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(line, sizeof(line), "site sign --key @acme %s @a.cert",
                 bad[i].line);
        ck_assert_msg(site(line) == bad[i].code, "%s: %s", bad[i].line, err);
        fails(bad[i].code, bad[i].words);
        ck_assert(!there("a.cert"));
    }
    ck_assert_int_eq(site("site sign --key @acme --host a"), USAGE_CODE);
    ck_assert_int_eq(site("site sign --key @acme --host-key " KEY),
                     USAGE_CODE);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @a @b"), USAGE_CODE);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @a.cert"), 0);
    ck_assert_uint_eq(certificate("a.cert").serial, 1);
}
END_TEST

START_TEST(a_certificate_is_never_overwritten)
{
    char text[16];

    authority();
    scratch_write("a.cert", "mine", 4, 0600);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @a.cert"), 4);
    fails(4, "a.cert exists");
    content("a.cert", text, sizeof(text));
    ck_assert_str_eq(text, "mine");
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @no/a.cert"), 6);
}
END_TEST

/* ---- serials ---- */

START_TEST(serials_only_rise)
{
    authority();
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @1"), 0);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " --serial 40 @40"), 0);
    ck_assert_uint_eq(certificate("40").serial, 40);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @41"), 0);
    ck_assert_uint_eq(certificate("41").serial, 41);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " --serial 41 @x"), 4);
    ck_assert_ptr_nonnull(strstr(err, "up to 41"));
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " --serial 2 @x"), 4);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " --serial 18446744073709551615 @max"), 0);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @x"), 4);
    ck_assert_ptr_nonnull(strstr(err, "no serial is left"));
    ck_assert(!there("x"));
}
END_TEST

START_TEST(a_lost_or_damaged_serial_stops_signing)
{
    static const char *const bad[] = { "", "x\n", "-1\n", "1 2\n", "01\n" };
    size_t i;

    authority();
    unlink(scratch_path("acme.serial"));
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @x"), 4);
    ck_assert_ptr_nonnull(strstr(err, "highest serial"));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        scratch_write("acme.serial", bad[i], strlen(bad[i]), 0644);
        ck_assert_int_eq(site("site sign --key @acme --host a --host-key "
                              KEY " @x"), 4);
        ck_assert_ptr_nonnull(strstr(err, "damaged"));
    }
    ck_assert(!there("x"));
    scratch_write("acme.serial", "7\n", 2, 0644);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @x"), 0);
    ck_assert_uint_eq(certificate("x").serial, 8);
}
END_TEST

START_TEST(many_at_once_get_different_serials)
{
    enum { MANY = 8 };
    char leaf[16], line[512];
    bool seen[MANY + 1] = { false };
    pid_t pids[MANY];
    uint64_t serial;
    int i, status;

    authority();
    for (i = 0; i < MANY; i++) {
        snprintf(line, sizeof(line), "site sign --key %s --host a "
                 "--host-key " KEY " %s/c%d", scratch_path("acme"), scratch,
                 i);
        fflush(NULL);
        pids[i] = fork();
        ck_assert_int_ge(pids[i], 0);
        if (!pids[i]) {
            ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
            ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
            run_and_exit(sm_verb_site, line);
        }
    }
    for (i = 0; i < MANY; i++) {
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    for (i = 0; i < MANY; i++) {
        snprintf(leaf, sizeof(leaf), "c%d", i);
        serial = certificate(leaf).serial;
        ck_assert(serial >= 1 && serial <= MANY);
        ck_assert(!seen[serial]);
        seen[serial] = true;
    }
}
END_TEST

/* ---- revoke ---- */

START_TEST(revoking_makes_the_next_version)
{
    struct sm_certificate c;

    authority();
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @1"), 0);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " --serial 9 @9"), 0);
    ck_assert_int_eq(site("site revoke --key @acme 9"), 0);
    ck_assert_ptr_nonnull(strstr(out, "version 2, 1 revoked"));
    ck_assert_uint_eq(revoked()->version, 2);
    c = certificate("9");
    ck_assert(sm_revocations_cover(revoked(), &c));
    c = certificate("1");
    ck_assert(!sm_revocations_cover(revoked(), &c));
    ck_assert_int_eq(site("site revoke --key @acme 1 5"), 0);
    ck_assert_uint_eq(revoked()->version, 3);
    ck_assert_uint_eq(revoked()->n_serials, 3);
    ck_assert(sm_revocations_cover(revoked(), &c));
    ck_assert_int_eq(site("site revoke --key @acme --issue-only"), 0);
    ck_assert_uint_eq(revoked()->version, 4);
    ck_assert_uint_eq(revoked()->n_serials, 3);
}
END_TEST

START_TEST(what_cannot_be_revoked_changes_nothing)
{
    authority();
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @1"), 0);
    ck_assert_int_eq(site("site revoke --key @acme 1 2"), 4);
    ck_assert_ptr_nonnull(strstr(err, "2: no certificate"));
    ck_assert_uint_eq(revoked()->version, 1);
    ck_assert_int_eq(site("site revoke --key @acme 1"), 0);
    ck_assert_int_eq(site("site revoke --key @acme 1"), 4);
    ck_assert_ptr_nonnull(strstr(err, "revoked already"));
    ck_assert_uint_eq(revoked()->version, 2);
    ck_assert_int_eq(site("site revoke --key @acme 3 1 3"), 2);
    fails(2, "3 is given twice");
    ck_assert_int_eq(site("site revoke --key @acme 0"), 2);
    ck_assert_int_eq(site("site revoke --key @acme hostA"), 2);
    fails(2, "not a serial");
    ck_assert_int_eq(site("site revoke --key @acme"), USAGE_CODE);
    ck_assert_int_eq(site("site revoke --key @acme 1 --issue-only"),
                     USAGE_CODE);
    ck_assert_uint_eq(revoked()->version, 2);
}
END_TEST

START_TEST(only_ones_own_list_is_continued)
{
    char list[1024], *at;
    size_t len;

    authority();
    ck_assert_int_eq(site("site init --key @other --seal plain"), 0);
    len = content("other.revoked", list, sizeof(list));
    scratch_write("acme.revoked", list, len, 0644);
    ck_assert_int_eq(site("site revoke --key @acme --issue-only"), 15);
    ck_assert_ptr_nonnull(strstr(err, "acme.revoked"));
    len = content("other.revoked", list, sizeof(list));
    at = strstr(list, "version = 1");
    ck_assert_ptr_nonnull(at);
    at[strlen("version = ")] = '9';
    scratch_write("other.revoked", list, len, 0644);
    ck_assert_int_eq(site("site revoke --key @other --issue-only"), 15);
    unlink(scratch_path("other.revoked"));
    ck_assert_int_eq(site("site revoke --key @other --issue-only"), 4);
    ck_assert_ptr_nonnull(strstr(err, "fetch the newest list"));
}
END_TEST

START_TEST(a_revocation_waits_for_another)
{
    char line[256], moment[64];
    int lock, status;
    pid_t pid;

    authority();
    lock = open(scratch_path("acme"), O_RDONLY);
    ck_assert_int_eq(flock(lock, LOCK_EX), 0);
    snprintf(line, sizeof(line), "site revoke --key %s --issue-only",
             scratch_path("acme"));
    fflush(NULL);
    pid = fork();
    if (!pid) {
        close(lock);
        ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
        ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
        run_and_exit(sm_verb_site, line);
    }
    /* /proc/locks shows who waits ("->"). */
    do {
        FILE *f = fopen("/proc/locks", "r");
        char one[256];

        ck_assert_ptr_nonnull(f);
        snprintf(moment, sizeof(moment), " %d ", (int)pid);
        status = 0;
        while (fgets(one, sizeof(one), f))
            if (strstr(one, "->") && strstr(one, moment))
                status = 1;
        fclose(f);
        usleep(1000);
    } while (!status);
    ck_assert_uint_eq(revoked()->version, 1);
    close(lock);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(revoked()->version, 2);
}
END_TEST

/* ---- keys ---- */

START_TEST(a_key_of_another_kind_or_place_is_refused)
{
    char line[256];

    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @x"), 4);
    fails(4, "secmig site init");
    snprintf(line, sizeof(line), "owner init --key %s --seal plain",
             scratch_path("own"));
    ck_assert_int_eq(run(sm_verb_owner, line), 0);
    ck_assert_int_eq(site("site sign --key @own --host a --host-key " KEY
                          " @x"), 31);
    fails(31, "'owner-key', not a 'site-key'");
    authority();
    ck_assert_int_eq(chmod(scratch_path("acme"), 0644), 0);
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @x"), 4);
    ck_assert_ptr_nonnull(strstr(err, "readable by group or others"));
    ck_assert(!there("x"));
}
END_TEST

START_TEST(no_secret_is_left_in_a_file)
{
    static const char *const leaves[] = { "acme", "acme.pub", "acme.serial",
                                          "acme.revoked", "1" };
    struct sm_seal_source source = { .fresh = 0 };
    struct sm_seal *seal;
    uint8_t *secret, *data;
    size_t len, secret_len, i;

    authority();
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " @1"), 0);
    ck_assert_int_eq(sm_seal_open_backend("plain", &source, &seal, why,
                                          sizeof(why)), 0);
    ck_assert_int_eq(sm_seal_load(seal, scratch_path("acme"), "site-key",
                                  "any", &secret, &secret_len, why,
                                  sizeof(why)), 0);
    ck_assert_uint_eq(secret_len, SM_MINISIGN_SECRET_LEN);
    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(sm_file_read(scratch_path(leaves[i]),
                                      SM_FILE_PUBLIC, 10000, &data, &len,
                                      why, sizeof(why)), 0);
        ck_assert_ptr_null(memmem(data, len, secret + SM_MINISIGN_ID_LEN,
                                  32));
        sm_file_free(data, len);
    }
    sm_secret_free(secret);
    sm_seal_free(seal);
}
END_TEST

/* ---- show ---- */

START_TEST(show_says_it_in_words_and_whether_it_is_verified)
{
    authority();
    ck_assert_int_eq(site("site sign --key @acme --host hostA --host-key "
                          KEY " --location munich --jurisdiction DE "
                          "--platform sev @a"), 0);
    ck_assert_int_eq(site("site show @a"), 0);
    ck_assert_ptr_nonnull(strstr(out, "certificate of host hostA\n"));
    ck_assert_ptr_nonnull(strstr(out, "serial        1\n"));
    ck_assert_ptr_nonnull(strstr(out, "location      munich\n"));
    ck_assert_ptr_nonnull(strstr(out, "jurisdiction  DE\n"));
    ck_assert_ptr_nonnull(strstr(out, "platform      sev\n"));
    ck_assert_ptr_nonnull(strstr(out, "NOT VERIFIED"));
    ck_assert_ptr_null(strstr(out, "EXPIRED"));
    ck_assert_int_eq(site("site show --key @acme.pub @a"), 0);
    ck_assert_ptr_null(strstr(out, "NOT VERIFIED"));
    ck_assert_ptr_nonnull(strstr(out, "verified with"));
    ck_assert_int_eq(site("site show --key @acme.pub @acme.revoked"), 0);
    ck_assert_ptr_nonnull(strstr(out, "version       1\n"));
    ck_assert_ptr_nonnull(strstr(out, "revoked       none\n"));
    ck_assert_int_eq(site("site revoke --key @acme 1"), 0);
    ck_assert_int_eq(site("site show @acme.revoked"), 0);
    ck_assert_ptr_nonnull(strstr(out, "revoked       serials 1\n"));
}
END_TEST

START_TEST(show_says_what_is_over_or_not_yet)
{
    authority();
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " --not-before 2020-01-01T00:00:00Z --valid 1d "
                          "@old"), 0);
    ck_assert_int_eq(site("site show --key @acme.pub @old"), 0);
    ck_assert_ptr_nonnull(strstr(out, "2020-01-02T00:00:00Z (EXPIRED)"));
    ck_assert_int_eq(site("site sign --key @acme --host a --host-key " KEY
                          " --not-before 9000-01-01T00:00:00Z --valid 1d "
                          "@new"), 0);
    ck_assert_int_eq(site("site show @new"), 0);
    ck_assert_ptr_nonnull(strstr(out, "(NOT YET)"));
}
END_TEST

START_TEST(show_takes_the_key_as_base64_too)
{
    struct sm_minisign_public key;
    char base64[SM_MINISIGN_BASE64_SIZE], line[256];

    authority();
    key = public_key("acme.pub");
    sm_minisign_public_base64(&key, base64);
    snprintf(line, sizeof(line), "site show --key %s @acme.revoked", base64);
    ck_assert_int_eq(site(line), 0);
    ck_assert_ptr_null(strstr(out, "NOT VERIFIED"));
}
END_TEST

START_TEST(show_refuses_what_is_not_genuine)
{
    char text[1024], *at;
    size_t len;

    authority();
    ck_assert_int_eq(site("site init --key @other --seal plain"), 0);
    ck_assert_int_eq(site("site show --key @other.pub @acme.revoked"), 15);
    fails(15, "not signed with a key that counts");
    len = content("acme.revoked", text, sizeof(text));
    at = strstr(text, "version = 1");
    at[strlen("version = ")] = '2';
    scratch_write("forged", text, len, 0644);
    ck_assert_int_eq(site("site show --key @acme.pub @forged"), 15);
    fails(15, "does not match the content");
    ck_assert_int_eq(site("site show @acme.pub"), 16);
    fails(16, "not a signed statement");
    scratch_write("forged", "secmig-revocations 1\nversion = x\n\n", 34,
                  0644);
    ck_assert_int_eq(site("site show @forged"), 16);
    ck_assert_int_eq(site("site show @none"), 4);
    fails(4, "none");
    ck_assert_int_eq(site("site show --key @none @acme.revoked"), 4);
    ck_assert_int_eq(site("site show --key @acme.revoked @acme.revoked"), 4);
    ck_assert_int_eq(site("site show"), USAGE_CODE);
    ck_assert_int_eq(site("site show @a @b"), USAGE_CODE);
}
END_TEST

START_TEST(show_prints_nothing_of_a_file_that_is_not_clean)
{
    static const char evil[] =
        "secmig-ticket 1\nid = \033[2J\n\nuntrusted comment: \033[2J\n";

    scratch_write("evil", evil, sizeof(evil) - 1, 0644);
    ck_assert_int_eq(site("site show @evil"), 16);
    ck_assert_ptr_null(strchr(err, '\033'));
    ck_assert_ptr_null(strchr(out, '\033'));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbs site");
    TCase *init = tcase_create("init");
    TCase *sign = tcase_create("sign");
    TCase *revoke = tcase_create("revoke");
    TCase *show = tcase_create("show");

    tcase_add_checked_fixture(init, prepare, scratch_remove);
    tcase_set_timeout(init, 60);
    tcase_add_test(init, init_makes_key_public_half_serial_and_list);
    tcase_add_test(init,
                   init_overwrites_nothing_and_leaves_nothing_half_made);
    tcase_add_test(init, init_in_a_directory_that_is_not_there);
    tcase_add_test(init, the_default_place_is_in_the_state_directory);
    tcase_add_test(init, init_refuses_bad_options);
    tcase_add_test(init, a_passphrase_from_a_file_seals_and_opens);
    tcase_add_test(init,
                   init_asks_for_the_passphrase_twice_and_does_not_show_it);
    tcase_add_checked_fixture(sign, prepare, scratch_remove);
    tcase_set_timeout(sign, 60);
    tcase_add_test(sign, a_certificate_says_what_was_asked_for);
    tcase_add_test(sign, times_may_be_given);
    tcase_add_test(sign, without_out_it_goes_to_standard_output);
    tcase_add_test(sign, the_key_may_come_from_a_key_line);
    tcase_add_test(sign, what_cannot_be_said_is_refused_and_costs_no_serial);
    tcase_add_test(sign, a_certificate_is_never_overwritten);
    tcase_add_test(sign, serials_only_rise);
    tcase_add_test(sign, a_lost_or_damaged_serial_stops_signing);
    tcase_add_test(sign, many_at_once_get_different_serials);
    tcase_add_checked_fixture(revoke, prepare, scratch_remove);
    tcase_set_timeout(revoke, 60);
    tcase_add_test(revoke, revoking_makes_the_next_version);
    tcase_add_test(revoke, what_cannot_be_revoked_changes_nothing);
    tcase_add_test(revoke, only_ones_own_list_is_continued);
    tcase_add_test(revoke, a_revocation_waits_for_another);
    tcase_add_test(revoke, a_key_of_another_kind_or_place_is_refused);
    tcase_add_test(revoke, no_secret_is_left_in_a_file);
    tcase_add_checked_fixture(show, prepare, scratch_remove);
    tcase_set_timeout(show, 60);
    tcase_add_test(show, show_says_it_in_words_and_whether_it_is_verified);
    tcase_add_test(show, show_says_what_is_over_or_not_yet);
    tcase_add_test(show, show_takes_the_key_as_base64_too);
    tcase_add_test(show, show_refuses_what_is_not_genuine);
    tcase_add_test(show, show_prints_nothing_of_a_file_that_is_not_clean);
    suite_add_tcase(suite, init);
    suite_add_tcase(suite, sign);
    suite_add_tcase(suite, revoke);
    suite_add_tcase(suite, show);
    return scratch_run(suite);
}
