/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig owner and secmig ticket as an owner meets them, on a machine that
 * is no host; and the options of such verbs.
 */
#include "../../helper/secmig/arguments.h"
#include "base/clock.h"
#include "base/file.h"
#include "seal/seal.h"
#include "trust/minisign.h"
#include "trust/ticket.h"
#include "verb.h"

#define VM "11111111-2222-3333-4444-555555555555"

static char why[768];

/* A verb with "@" in its line standing for the scratch directory. */
static int at_scratch(verb *v, const char *format)
{
    char line[1024], *to = line;

    for (; *format; format++)
        if (*format == '@')
            to += sprintf(to, "%s/", scratch);
        else
            *to++ = *format;
    *to = '\0';
    return run(v, line);
}

static int ticket(const char *line)
{
    return at_scratch(sm_verb_ticket, line);
}

static int owner(const char *line)
{
    return at_scratch(sm_verb_owner, line);
}

static void make_owner(void)
{
    ck_assert_int_eq(owner("owner init --key @own --seal plain"), 0);
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

static struct sm_minisign_public public_key(void)
{
    struct sm_minisign_public key;
    char text[512];
    size_t len = content("own.pub", text, sizeof(text));

    ck_assert_int_eq(sm_minisign_public_parse(text, len, &key, why,
                                              sizeof(why)), 0);
    return key;
}

static struct sm_ticket made(const char *leaf)
{
    struct sm_minisign_public key = public_key();
    char text[SM_TICKET_MAX + 1];
    size_t len = content(leaf, text, sizeof(text));
    struct sm_ticket t;

    ck_assert_msg(sm_ticket_verify(text, len, &key, 1, sm_clock_real(), &t,
                                   NULL, why, sizeof(why)) == 0, "%s", why);
    return t;
}

static bool there(const char *leaf)
{
    return access(scratch_path(leaf), F_OK) == 0;
}

/* ---- owner ---- */

START_TEST(an_owner_has_a_sealed_key_and_a_public_half)
{
    struct sm_minisign_public key;
    char base64[SM_MINISIGN_BASE64_SIZE];
    struct sm_seal_info info;

    make_owner();
    ck_assert_uint_eq(mode_of(scratch_path("own")), 0600);
    ck_assert_uint_eq(mode_of(scratch_path("own.pub")), 0644);
    ck_assert_int_eq(sm_seal_inspect(scratch_path("own"), &info, why,
                                     sizeof(why)), 0);
    ck_assert_str_eq(info.purpose, "owner-key");
    key = public_key();
    sm_minisign_public_base64(&key, base64);
    ck_assert_ptr_nonnull(strstr(out, base64));
    ck_assert_int_eq(owner("owner init --key @own --seal plain"), 4);
    fails(4, "nothing was changed");
    unlink(scratch_path("own"));
    ck_assert_int_eq(owner("owner init --key @own --seal plain"), 4);
    fails(4, "own.pub exists");
    ck_assert(!there("own"));
}
END_TEST

START_TEST(plain_is_not_chosen_by_itself)
{
    ck_assert_int_eq(owner("owner init --key @own"), 2);
    fails(2, "passphrase-file");
    ck_assert(!there("own") && !there("own.pub"));
    scratch_write("pass", "correct horse\n", 14, 0644);
    ck_assert_int_eq(owner("owner init --key @own --passphrase-file @pass"),
                     4);
    fails(4, "readable by group or others");
    ck_assert(!there("own"));
    ck_assert_int_eq(owner("owner"), USAGE_CODE);
    ck_assert_int_eq(owner("owner init now"), USAGE_CODE);
    ck_assert_int_eq(owner("owner lend"), USAGE_CODE);
}
END_TEST

static const char document[] =
    "<vm-policy xmlns=\"urn:xen-secmig:policy:1\" vm=\"" VM "\" "
    "version=\"3\">\n<rules><rule id=\"de\" effect=\"allow\" "
    "action=\"migrate-out migrate-in\"><destination jurisdiction=\"DE\"/>"
    "</rule></rules>\n</vm-policy>\n";

START_TEST(an_owner_signs_the_policy_of_a_guest)
{
    struct sm_minisign_signature sig;
    struct sm_minisign_public key;
    char text[SM_MINISIGN_TEXT_MAX];
    size_t len;

    make_owner();
    scratch_write("g1.xml", document, sizeof(document) - 1, 0644);
    ck_assert_int_eq(owner("owner sign --key @own @g1.xml"), 0);
    len = content("g1.xml.minisig", text, sizeof(text));
    ck_assert_int_eq(sm_minisign_signature_parse(text, len, &sig, why,
                                                 sizeof(why)), 0);
    key = public_key();
    ck_assert_int_eq(sm_minisign_verify(&key, &sig, document,
                                        sizeof(document) - 1, why,
                                        sizeof(why)), 0);
    ck_assert_str_eq(sig.comment, "vm-policy vm:" VM " version:3");
    /* A new version, a new signature. */
    ck_assert_int_eq(owner("owner sign --key @own @g1.xml"), 0);
}
END_TEST

START_TEST(what_is_no_policy_of_a_guest_is_not_signed)
{
    static const char *const bad[] = {
        "", "secmig-ticket 1\n",
        "<policy xmlns=\"urn:xen-secmig:policy:1\" site=\"s\" version=\"1\">"
        "<hosts><host id=\"a\"/></hosts><rules/></policy>\n",
        "<vm-policy xmlns=\"urn:xen-secmig:policy:1\" vm=\"" VM "\" "
        "version=\"3\"><rules><rule id=\"r\" effect=\"allow\" "
        "action=\"abort\"/></rules></vm-policy>\n",
    };
    size_t i;

    make_owner();
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        scratch_write("g1.xml", bad[i], strlen(bad[i]), 0644);
        ck_assert_int_eq(owner("owner sign --key @own @g1.xml"), 22);
        fails(22, "g1.xml");
        ck_assert(!there("g1.xml.minisig"));
    }
    ck_assert_int_eq(owner("owner sign --key @own @none"), 22);
    ck_assert_int_eq(owner("owner sign --key @own"), USAGE_CODE);
    scratch_write("g1.xml", document, sizeof(document) - 1, 0644);
    ck_assert_int_eq(owner("owner sign --key @nobody @g1.xml"), 4);
    fails(4, "secmig owner init");
}
END_TEST

/* ---- ticket ---- */

START_TEST(a_ticket_says_what_was_asked_for)
{
    int64_t now = sm_clock_real();
    struct sm_ticket t;

    make_owner();
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --from hostA "
                            "--to hostB --location munich --jurisdiction DE "
                            "--valid 2h @t"), 0);
    ck_assert_ptr_nonnull(strstr(out, VM));
    t = made("t");
    ck_assert_uint_eq(t.vm[0], 0x11);
    ck_assert_uint_eq(t.vm[15], 0x55);
    ck_assert_str_eq(t.source, "hostA");
    ck_assert_str_eq(t.destination, "hostB");
    ck_assert_str_eq(t.location, "munich");
    ck_assert_str_eq(t.jurisdiction, "DE");
    ck_assert(t.not_before >= now - 301 && t.not_before <= now - 290);
    ck_assert(t.not_after >= now + 7200 && t.not_after <= now + 7210);
    ck_assert_uint_eq(mode_of(scratch_path("t")), 0600);
}
END_TEST

START_TEST(each_ticket_has_an_id_of_its_own)
{
    static const uint8_t zero[SM_TICKET_ID_LEN];
    struct sm_ticket a, b;

    make_owner();
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to b @1"),
                     0);
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to b @2"),
                     0);
    a = made("1");
    b = made("2");
    ck_assert_mem_ne(a.id, b.id, SM_TICKET_ID_LEN);
    ck_assert_mem_ne(a.id, zero, SM_TICKET_ID_LEN);
    ck_assert_int_eq(a.not_after - a.not_before, 3600 + 300);
}
END_TEST

START_TEST(anywhere_has_to_be_said)
{
    struct sm_ticket t;

    make_owner();
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " @t"), 2);
    fails(2, "where to");
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to * @t"),
                     0);
    t = made("t");
    ck_assert_str_eq(t.source, "");
    ck_assert_str_eq(t.destination, "");
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM
                            " --jurisdiction DE @u"), 0);
    t = made("u");
    ck_assert_str_eq(t.destination, "");
    ck_assert_str_eq(t.jurisdiction, "DE");
}
END_TEST

START_TEST(a_ticket_lasts_31_days_at_most)
{
    int64_t now = sm_clock_real();
    struct sm_ticket t;

    make_owner();
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to b "
                            "--valid 31d @t"), 0);
    t = made("t");
    ck_assert_int_eq(t.not_after - t.not_before, SM_TICKET_LIFE_MAX);
    ck_assert(t.not_before >= now && t.not_before <= now + 10);
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to b "
                            "--valid 32d @u"), 2);
    ck_assert_ptr_nonnull(strstr(err, "31 days"));
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to b "
                            "--not-before 2999-01-01T00:00:00Z --valid 31d "
                            "@v"), 0);
    t = made("v");
    ck_assert_int_eq(t.not_after - t.not_before, SM_TICKET_LIFE_MAX);
    ck_assert(!there("u"));
}
END_TEST

START_TEST(what_cannot_be_said_is_refused)
{
    static const struct {
        const char *line, *words;
    } bad[] = {
        { "--vm g1 --to b", "--vm g1" },
        { "--vm " VM "0 --to b", "--vm" },
        { "--vm " VM " --to a/b", "--to a/b" },
        { "--vm " VM " --from a* --to b", "--from a*" },
        { "--vm " VM " --location * --to b", "--location *" },
        { "--vm " VM " --jurisdiction D/E", "--jurisdiction D/E" },
        { "--vm " VM " --to b --valid soon", "--valid soon" },
        { "--vm " VM " --to b --not-before soon", "--not-before soon" },
    };
    char line[512];
    size_t i;

    make_owner();
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(line, sizeof(line), "ticket sign --key @own %s @t",
                 bad[i].line);
        ck_assert_msg(ticket(line) == 2, "%s: %s", bad[i].line, err);
        fails(2, bad[i].words);
        ck_assert(!there("t"));
    }
    ck_assert_int_eq(ticket("ticket sign --key @own --to b @t"), USAGE_CODE);
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to b"),
                     USAGE_CODE);
    ck_assert_int_eq(ticket("ticket"), USAGE_CODE);
    ck_assert_int_eq(ticket("ticket forge"), USAGE_CODE);
}
END_TEST

START_TEST(a_ticket_is_never_overwritten)
{
    char text[16];

    make_owner();
    scratch_write("t", "mine", 4, 0600);
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to b @t"),
                     4);
    fails(4, "t exists");
    content("t", text, sizeof(text));
    ck_assert_str_eq(text, "mine");
}
END_TEST

START_TEST(an_authority_s_key_signs_no_ticket)
{
    char line[256];

    snprintf(line, sizeof(line), "site init --key %s --seal plain",
             scratch_path("acme"));
    ck_assert_int_eq(run(sm_verb_site, line), 0);
    ck_assert_int_eq(ticket("ticket sign --key @acme --vm " VM " --to b @t"),
                     31);
    fails(31, "'site-key', not a 'owner-key'");
    ck_assert_int_eq(ticket("ticket sign --key @none --vm " VM " --to b @t"),
                     4);
    fails(4, "secmig owner init");
    ck_assert(!there("t"));
}
END_TEST

START_TEST(a_ticket_is_shown_in_words)
{
    make_owner();
    ck_assert_int_eq(ticket("ticket sign --key @own --vm " VM " --to hostB "
                            "--location munich @t"), 0);
    ck_assert_int_eq(ticket("ticket show @t"), 0);
    ck_assert_ptr_nonnull(strstr(out, "migrate guest " VM " once\n"));
    ck_assert_ptr_nonnull(strstr(out, "from          any host\n"));
    ck_assert_ptr_nonnull(strstr(out, "to            hostB\n"));
    ck_assert_ptr_nonnull(strstr(out, "in location munich\n"));
    ck_assert_ptr_nonnull(strstr(out, "NOT VERIFIED"));
    ck_assert_int_eq(ticket("ticket show --key @own.pub @t"), 0);
    ck_assert_ptr_null(strstr(out, "NOT VERIFIED"));
    ck_assert_ptr_nonnull(strstr(out, "verified with"));
}
END_TEST

/* ---- options ---- */

START_TEST(options_are_sorted)
{
    char *argv[] = { "verb", "a", "--flag", "--one", "1", "b", "--many", "x",
                     "--many", "y" };
    const char *one = NULL, *many[2], *words[2];
    size_t n_many = 0, n;
    bool flag = false;
    const struct sm_argument options[] = {
        { .name = "--one", .value = &one },
        { .name = "--flag", .flag = &flag },
        { .name = "--many", .list = many, .list_max = 2, .n_list = &n_many },
    };

    ck_assert_int_eq(sm_arguments_sort(10, argv, options, 3, words, 2, &n),
                     0);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(words[0], "a");
    ck_assert_str_eq(words[1], "b");
    ck_assert_str_eq(one, "1");
    ck_assert(flag);
    ck_assert_uint_eq(n_many, 2);
    ck_assert_str_eq(many[1], "y");
    /* Each of these is one too many, or misses its value. */
    one = NULL;
    n_many = 0;
    flag = false;
    ck_assert_int_eq(sm_arguments_sort(10, argv, options, 3, words, 1, &n),
                     SM_CLI_USAGE);
    one = NULL;
    n_many = 1;
    flag = false;
    ck_assert_int_eq(sm_arguments_sort(10, argv, options, 3, words, 2, &n),
                     SM_CLI_USAGE);
    n_many = 0;
    flag = false;
    ck_assert_int_eq(sm_arguments_sort(10, argv, options, 3, words, 2, &n),
                     SM_CLI_USAGE);     /* --one was there before */
    one = NULL;
    n_many = 0;
    ck_assert_int_eq(sm_arguments_sort(10, argv, options, 3, words, 2, &n),
                     SM_CLI_USAGE);     /* --flag was */
    flag = false;
    ck_assert_int_eq(sm_arguments_sort(4, argv, options, 3, words, 2, &n),
                     SM_CLI_USAGE);
    argv[2] = "--other";
    ck_assert_int_eq(sm_arguments_sort(10, argv, options, 3, words, 2, &n),
                     SM_CLI_USAGE);
}
END_TEST

START_TEST(durations_have_units)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        { "1m", 60 }, { "90m", 5400 }, { "12h", 43200 }, { "1d", 86400 },
        { "2w", 1209600 }, { "36525d", 36525LL * 86400 },
    };
    static const char *const bad[] = {
        "", "m", "1", "0m", "00m", "01m", "-1m", "+1m", " 1m", "1m ", "1 m",
        "1s", "1y", "1M", "1mm", "1.5h", "36526d", "99999999999999999999m",
    };
    int64_t t;
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(sm_arguments_duration(good[i].text, &t), "%s",
                      good[i].text);
        ck_assert_int_eq(t, good[i].seconds);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!sm_arguments_duration(bad[i], &t), "%s", bad[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbs owner and ticket");
    TCase *owners = tcase_create("owner");
    TCase *tickets = tcase_create("ticket");
    TCase *options = tcase_create("options");

    tcase_add_checked_fixture(owners, prepare, scratch_remove);
    tcase_set_timeout(owners, 60);
    tcase_add_test(owners, an_owner_has_a_sealed_key_and_a_public_half);
    tcase_add_test(owners, plain_is_not_chosen_by_itself);
    tcase_add_test(owners, an_owner_signs_the_policy_of_a_guest);
    tcase_add_test(owners, what_is_no_policy_of_a_guest_is_not_signed);
    tcase_add_checked_fixture(tickets, prepare, scratch_remove);
    tcase_set_timeout(tickets, 60);
    tcase_add_test(tickets, a_ticket_says_what_was_asked_for);
    tcase_add_test(tickets, each_ticket_has_an_id_of_its_own);
    tcase_add_test(tickets, anywhere_has_to_be_said);
    tcase_add_test(tickets, a_ticket_lasts_31_days_at_most);
    tcase_add_test(tickets, what_cannot_be_said_is_refused);
    tcase_add_test(tickets, a_ticket_is_never_overwritten);
    tcase_add_test(tickets, an_authority_s_key_signs_no_ticket);
    tcase_add_test(tickets, a_ticket_is_shown_in_words);
    tcase_add_test(options, options_are_sorted);
    tcase_add_test(options, durations_have_units);
    suite_add_tcase(suite, owners);
    suite_add_tcase(suite, tickets);
    suite_add_tcase(suite, options);
    return scratch_run(suite);
}
