/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs of secmig(1) as an administrator meets them: what they print,
 * their exit codes, what they leave on disk.  transport has its own file.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/frame.h"
#include "base/secret.h"
#include "base/wire.h"
#include "seal/box.h"
#include "seal/seal.h"
#include "trust/identity.h"
#include "trust/pairing.h"
#include "verb.h"

static struct sm_identity *other(const char *name, char *line, char *fpr)
{
    struct sm_identity *id;

    ck_assert_int_eq(sm_identity_generate(name, &id), 0);
    ck_assert_int_eq(sm_identity_format(name, id->public_key, line), 0);
    sm_identity_fingerprint(id->public_key, fpr);
    return id;
}

/* ---- init ---- */

START_TEST(init_makes_everything_with_its_mode)
{
    init_plain();
    ck_assert_uint_eq(mode_of(cli.conf.etc_dir), 0755);
    ck_assert_uint_eq(mode_of(cli.conf.hosts_dir), 0755);
    ck_assert_uint_eq(mode_of(cli.conf.state_dir), 0700);
    ck_assert_uint_eq(mode_of(cli.conf.empty_dir), 0755);
    ck_assert_uint_eq(mode_of(cli.conf.conf_file), 0644);
    ck_assert_uint_eq(mode_of(cli.conf.host_pub), 0644);
    ck_assert_uint_eq(mode_of(cli.conf.host_key), 0600);
    ck_assert_uint_eq(mode_of(cli.conf.store_key), 0600);
    ck_assert_ptr_nonnull(strstr(out, "hostA"));
    ck_assert_ptr_nonnull(strstr(out, "fingerprint"));
    ck_assert_ptr_nonnull(strstr(err, "'plain'"));
}
END_TEST

START_TEST(the_sealed_key_belongs_to_the_public_one)
{
    char name[SM_IDENTITY_NAME_SIZE], why[512];
    struct sm_seal_source source = { 0 };
    uint8_t key[32], *secret;
    struct sm_identity *id;
    struct sm_seal *seal;
    size_t len;

    init_plain();
    ck_assert_int_eq(sm_seal_open_backend("plain", &source, &seal, why,
                                          sizeof(why)), 0);
    ck_assert_int_eq(sm_seal_load(seal, cli.conf.host_key,
                                  SM_IDENTITY_PURPOSE, "hostA", &secret,
                                  &len, why, sizeof(why)), 0);
    ck_assert_uint_eq(len, 32);
    ck_assert_int_eq(sm_identity_from_secret("hostA", secret, &id), 0);
    ck_assert_int_eq(sm_cli_host_key(&cli, name, key), 0);
    ck_assert_mem_eq(id->public_key, key, 32);
    ck_assert_str_eq(name, "hostA");
    sm_identity_free(id);
    sm_secret_free(secret);
    sm_seal_free(seal);
}
END_TEST

/* The store key, opened with a backend; locked memory. */
static uint8_t *store_key(const char *backend,
                          const struct sm_seal_source *source)
{
    struct sm_seal *seal;
    uint8_t *key;
    char why[512];
    size_t len;

    ck_assert_int_eq(sm_seal_open_backend(backend, source, &seal, why,
                                          sizeof(why)), 0);
    ck_assert_int_eq(sm_seal_load(seal, cli.conf.store_key,
                                  SM_BOX_KEY_PURPOSE, "hostA", &key, &len,
                                  why, sizeof(why)), 0);
    ck_assert_uint_eq(len, SM_BOX_KEY_LEN);
    sm_seal_free(seal);
    return key;
}

START_TEST(init_makes_a_random_store_key_and_keeps_it)
{
    static const uint8_t zero[SM_BOX_KEY_LEN];
    struct sm_seal_source source = { .fresh = 0 };
    uint8_t *first, *second;

    init_plain();
    first = store_key("plain", &source);
    ck_assert_mem_ne(first, zero, SM_BOX_KEY_LEN);
    /* A new key of the host does not make a new store. */
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 0);
    second = store_key("plain", &source);
    ck_assert_mem_eq(first, second, SM_BOX_KEY_LEN);
    sm_secret_free(second);
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    ck_assert_int_eq(unlink(cli.conf.store_key), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 0);
    second = store_key("plain", &source);
    ck_assert_mem_ne(first, second, SM_BOX_KEY_LEN);
    sm_secret_free(first);
    sm_secret_free(second);
}
END_TEST

START_TEST(a_store_key_that_would_not_open_stops_init)
{
    init_plain();
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    ck_assert_int_eq(chmod(cli.conf.store_key, 0644), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 4);
    ck_assert_ptr_nonnull(strstr(err, "store-key.sealed"));
    ck_assert_ptr_nonnull(strstr(err, "move it away"));
    ck_assert_int_ne(access(cli.conf.host_key, F_OK), 0);
    ck_assert_int_ne(access(cli.conf.host_pub, F_OK), 0);
}
END_TEST

START_TEST(both_keys_of_a_host_open_with_one_passphrase)
{
    struct sm_seal_source source = {
        .passphrase_file = scratch_path("pass"),
    };
    char line[512];

    scratch_write("pass", "correct horse\n", 14, 0600);
    snprintf(line, sizeof(line), "init --name hostA --passphrase-file %s",
             scratch_path("pass"));
    ck_assert_int_eq(run(sm_verb_init, line), 0);
    sm_secret_free(store_key("passphrase", &source));
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    scratch_write("pass", "another horse\n", 14, 0600);
    ck_assert_int_eq(run(sm_verb_init, "init"), 31);
    fails(31, "move it away");
    ck_assert_int_ne(access(cli.conf.host_key, F_OK), 0);
    scratch_write("pass", "correct horse\n", 14, 0600);
    ck_assert_int_eq(run(sm_verb_init, "init"), 0);
}
END_TEST

START_TEST(init_never_overwrites)
{
    uint8_t *before, *after;
    size_t before_len, after_len;
    char why[512];

    init_plain();
    ck_assert_int_eq(sm_file_read(cli.conf.host_key, SM_FILE_PRIVATE, 10000,
                                  &before, &before_len, why, sizeof(why)),
                     0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 4);
    fails(4, "nothing was changed");
    ck_assert_int_eq(sm_file_read(cli.conf.host_key, SM_FILE_PRIVATE, 10000,
                                  &after, &after_len, why, sizeof(why)), 0);
    ck_assert_uint_eq(before_len, after_len);
    ck_assert_mem_eq(before, after, after_len);
    sm_file_free(before, before_len);
    sm_file_free(after, after_len);
    /* One half of a key is enough to stop. */
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 4);
    ck_assert_int_ne(access(cli.conf.host_key, F_OK), 0);
}
END_TEST

START_TEST(init_keeps_a_configuration_and_does_not_contradict_it)
{
    char why[512];

    init_plain();
    ck_assert_int_eq(unlink(cli.conf.host_key), 0);
    ck_assert_int_eq(unlink(cli.conf.host_pub), 0);
    ck_assert_int_eq(run(sm_verb_init, "init --name hostB"), 3);
    fails(3, "says otherwise");
    ck_assert_int_eq(run(sm_verb_init, "init --seal passphrase"), 3);
    ck_assert_int_ne(access(cli.conf.host_key, F_OK), 0);
    ck_assert_int_eq(run(sm_verb_init, "init"), 0);
    ck_assert_int_eq(sm_conf_load(&cli.conf, why, sizeof(why)), 0);
    ck_assert_str_eq(cli.conf.name, "hostA");
    ck_assert_str_eq(cli.conf.seal, "plain");
}
END_TEST

START_TEST(init_refuses_bad_options)
{
    ck_assert_int_eq(run(sm_verb_init, "init --name ../x"), 2);
    fails(2, "../x");
    ck_assert_int_eq(run(sm_verb_init, "init --seal none"), 2);
    fails(2, "none");
    ck_assert_int_eq(run(sm_verb_init, "init --passphrase-file x"), 2);
    fails(2, "absolute");
    ck_assert_int_eq(run(sm_verb_init, "init --name"), USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_init, "init --name a --name b"),
                     USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_init, "init --passphrase secret"),
                     USAGE_CODE);
    ck_assert_int_ne(access(cli.conf.etc_dir, F_OK), 0);
}
END_TEST

START_TEST(plain_is_not_chosen_by_itself)
{
    ck_assert_int_eq(run(sm_verb_init, "init --name hostA"), 2);
    fails(2, "passphrase-file");
    ck_assert_int_ne(access(cli.conf.etc_dir, F_OK), 0);
}
END_TEST

START_TEST(init_takes_the_passphrase_from_a_file_and_notes_it)
{
    char line[512], why[512];
    struct sm_seal_info info;

    scratch_write("pass", "correct horse\n", 14, 0600);
    snprintf(line, sizeof(line), "init --name hostA --passphrase-file %s",
             scratch_path("pass"));
    ck_assert_int_eq(run(sm_verb_init, line), 0);
    ck_assert_str_eq(err, "");
    ck_assert_int_eq(sm_seal_inspect(cli.conf.host_key, &info, why,
                                     sizeof(why)), 0);
    ck_assert_str_eq(info.backend, "passphrase");
    ck_assert_str_eq(info.host, "hostA");
    ck_assert_str_eq(info.purpose, "host-key");
    ck_assert_int_eq(sm_conf_load(&cli.conf, why, sizeof(why)), 0);
    ck_assert_str_eq(cli.conf.passphrase_file, scratch_path("pass"));
}
END_TEST

START_TEST(init_asks_for_the_passphrase_twice_and_does_not_show_it)
{
    struct sm_seal_info info;
    char why[512];

    sit_down(sm_verb_init, "init --name hostA", "");
    see("New passphrase");
    type("correct horse\n");
    see("Again");
    type("correct hors\n");
    see("differ");
    see("New passphrase");
    type("correct horse\n");
    see("Again");
    type("correct horse\n");
    see("fingerprint");
    ck_assert_int_eq(leave(), 0);
    ck_assert_ptr_null(strstr(screen, "horse"));
    ck_assert_int_eq(sm_seal_inspect(cli.conf.host_key, &info, why,
                                     sizeof(why)), 0);
    ck_assert_str_eq(info.backend, "passphrase");
}
END_TEST

START_TEST(an_interrupted_question_leaves_the_terminal_as_it_was)
{
    struct termios t;

    sit_down(sm_verb_init, "init --name hostA", "");
    see("New passphrase");
    ck_assert_int_eq(tcgetattr(terminal, &t), 0);
    ck_assert(!(t.c_lflag & ECHO));
    type("\003");
    see("no passphrase was given");
    ck_assert_int_eq(tcgetattr(terminal, &t), 0);
    ck_assert(t.c_lflag & ECHO);
    ck_assert_int_eq(leave(), 28);
    ck_assert_int_ne(access(cli.conf.etc_dir, F_OK), 0);
}
END_TEST

START_TEST(a_short_new_passphrase_is_refused)
{
    sit_down(sm_verb_init, "init --name hostA", "");
    see("New passphrase");
    type("short\n");
    see("Again");
    type("short\n");
    see("too short");
    ck_assert_int_eq(leave(), 31);
}
END_TEST

/* ---- key ---- */

START_TEST(key_shows_and_exports_the_same_key)
{
    char name[SM_IDENTITY_NAME_SIZE], why[128], fpr[64];
    uint8_t key[32];

    init_plain();
    ck_assert_int_eq(run(sm_verb_key, "key show"), 0);
    ck_assert_int_eq(sscanf(out, "hostA %63s", fpr), 1);
    ck_assert_int_eq(run(sm_verb_key, "key export"), 0);
    ck_assert_int_eq(sm_identity_parse(out, strlen(out), name, key, why,
                                       sizeof(why)), 0);
    ck_assert_str_eq(name, "hostA");
    ck_assert(sm_identity_fingerprint_ok(fpr, key));
    ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(key_without_a_key_says_what_to_do)
{
    ck_assert_int_eq(run(sm_verb_key, "key show"), 4);
    fails(4, "secmig init");
    ck_assert_int_eq(run(sm_verb_key, "key"), USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_key, "key steal"), USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_key, "key show all"), USAGE_CODE);
}
END_TEST

START_TEST(a_public_key_that_others_may_write_is_not_used)
{
    init_plain();
    ck_assert_int_eq(chmod(cli.conf.host_pub, 0666), 0);
    ck_assert_int_eq(run(sm_verb_key, "key export"), 4);
    fails(4, "host.pub");
}
END_TEST

/* ---- pair ---- */

START_TEST(pair_with_the_right_fingerprint)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b = other("hostB", line, fpr);
    char command[512], why[512];
    struct sm_pairing p;

    init_plain();
    snprintf(command, sizeof(command),
             "pair --fingerprint %s --comment rack-3 hostB [::1]:9", fpr);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line), 0);
    ck_assert_int_eq(sm_pairing_by_name(cli.conf.hosts_dir, NULL, "hostB",
                                        &p, why, sizeof(why)), 0);
    ck_assert_mem_eq(p.key, b->public_key, 32);
    ck_assert_str_eq(p.address, "::1");
    ck_assert_uint_eq(p.port, 9);
    ck_assert_str_eq(p.comment, "rack-3");
    sm_identity_free(b);
}
END_TEST

START_TEST(pair_reads_a_file_too)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b = other("hostB", line, fpr);
    char command[512];

    init_plain();
    scratch_write("b.key", line, strlen(line), 0644);
    snprintf(command, sizeof(command), "pair --fingerprint %s hostB h %s",
             fpr, scratch_path("b.key"));
    ck_assert_int_eq(run(sm_verb_pair, command), 0);
    snprintf(command, sizeof(command), "pair --fingerprint %s hostB h %s",
             fpr, scratch_path("none"));
    ck_assert_int_eq(run(sm_verb_pair, command), 6);
    fails(6, "none");
    snprintf(command, sizeof(command), "pair --fingerprint %s hostB i -",
             fpr);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line), 0);
    sm_identity_free(b);
}
END_TEST

static void assert_unpaired(void)
{
    ck_assert_int_eq(run(sm_verb_trust, "trust list"), 0);
    ck_assert_str_eq(out, "");
}

START_TEST(pair_refuses_what_does_not_match)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    char line_c[SM_IDENTITY_LINE_SIZE], fpr_c[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b = other("hostB", line, fpr);
    struct sm_identity *c = other("hostC", line_c, fpr_c);
    char command[512], long_line[400];

    init_plain();
    snprintf(command, sizeof(command), "pair --fingerprint %s hostB h",
             fpr_c);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line), 15);
    fails(15, "not paired");
    snprintf(command, sizeof(command), "pair --fingerprint %s hostB h",
             fpr);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line_c), 4);
    fails(4, "that is the key of 'hostC'");
    ck_assert_int_eq(run_with(sm_verb_pair, command, ""), 4);
    fails(4, "not a host key");
    memset(long_line, 'x', sizeof(long_line) - 1);
    long_line[sizeof(long_line) - 1] = '\0';
    ck_assert_int_eq(run_with(sm_verb_pair, command, long_line), 4);
    fails(4, "too long");
    ck_assert_int_eq(run_with(sm_verb_pair, "pair hostB h:0", line), 2);
    fails(2, "h:0");
    ck_assert_int_eq(run_with(sm_verb_pair, "pair ../x h", line), 2);
    fails(2, "../x");
    ck_assert_int_eq(run_with(sm_verb_pair, "pair hostB", line),
                     USAGE_CODE);
    assert_unpaired();
    sm_identity_free(b);
    sm_identity_free(c);
}
END_TEST

START_TEST(pair_refuses_our_own_key)
{
    char name[SM_IDENTITY_NAME_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    char command[256], line[SM_IDENTITY_LINE_SIZE];
    uint8_t key[32];

    init_plain();
    ck_assert_int_eq(sm_cli_host_key(&cli, name, key), 0);
    ck_assert_int_eq(sm_identity_format("hostB", key, line), 0);
    sm_identity_fingerprint(key, fpr);
    snprintf(command, sizeof(command), "pair --fingerprint %s hostB h", fpr);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line), 4);
    fails(4, "own key");
    assert_unpaired();
}
END_TEST

START_TEST(pair_asks_and_only_yes_pairs)
{
    static const char *const answers[] = { "no\n", "\n", "y\n", "YES\n",
                                           "yes please\n", "\004" };
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b = other("hostB", line, fpr);
    size_t i;

    init_plain();
    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        sit_down(sm_verb_pair, "pair hostB h", line);
        see(fpr);
        see("Type yes");
        type(answers[i]);
        see("not paired");
        ck_assert_int_eq(leave(), 28);
        assert_unpaired();
    }
    sit_down(sm_verb_pair, "pair hostB h", line);
    see("Type yes");
    type("yes\n");
    see("paired with hostB");
    ck_assert_int_eq(leave(), 0);
    sm_identity_free(b);
}
END_TEST

START_TEST(pair_without_a_terminal_needs_the_fingerprint)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b = other("hostB", line, fpr);

    init_plain();
    ck_assert_int_eq(run_with(sm_verb_pair, "pair hostB h", line), 2);
    fails(2, "--fingerprint");
    assert_unpaired();
    sm_identity_free(b);
}
END_TEST

/* ---- trust ---- */

START_TEST(trust_lists_shows_and_removes)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b = other("hostB", line, fpr);
    char command[256], base64[SM_IDENTITY_BASE64_SIZE], want[512];

    init_plain();
    snprintf(command, sizeof(command),
             "pair --fingerprint %s --comment c hostB h", fpr);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line), 0);
    ck_assert_int_eq(run(sm_verb_trust, "trust list"), 0);
    ck_assert_ptr_nonnull(strstr(out, fpr));
    ck_assert_int_eq(run(sm_verb_trust, "trust list --dump"), 0);
    sm_identity_base64(b->public_key, base64);
    snprintf(want, sizeof(want), "hostB\t%s\t%s\th:8003\tc\t\n", base64, fpr);
    ck_assert_str_eq(out, want);
    ck_assert_int_eq(run(sm_verb_trust, "trust show hostB"), 0);
    ck_assert_ptr_nonnull(strstr(out, base64));
    ck_assert_int_eq(run(sm_verb_trust, "trust show hostC"), 11);
    fails(11, "hostC");
    ck_assert_int_eq(run(sm_verb_trust, "trust remove hostB"), 0);
    ck_assert_int_eq(run(sm_verb_trust, "trust remove hostB"), 11);
    fails(11, "hostB");
    assert_unpaired();
    ck_assert_int_eq(run(sm_verb_trust, "trust"), USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_trust, "trust show"), USAGE_CODE);
    sm_identity_free(b);
}
END_TEST

START_TEST(trust_adds_hosts_that_are_known_by_their_certificates)
{
    char line[SM_IDENTITY_LINE_SIZE], fpr[SM_IDENTITY_FINGERPRINT_SIZE];
    struct sm_identity *b = other("hostB", line, fpr);
    char command[256];

    ck_assert_int_eq(run(sm_verb_trust, "trust add hostC c"), 4);   /* init */
    init_plain();
    ck_assert_int_eq(run(sm_verb_trust, "trust add hostC c.example:7"), 0);
    ck_assert_int_eq(run(sm_verb_trust, "trust list"), 0);
    ck_assert_ptr_nonnull(strstr(out, "certified  c.example:7"));
    ck_assert_int_eq(run(sm_verb_trust, "trust add --comment new hostC c"),
                     0);
    ck_assert_int_eq(run(sm_verb_trust, "trust list --dump"), 0);
    ck_assert_str_eq(out, "hostC\tcertified\tcertified\tc:8003\tnew\t\n");
    ck_assert_int_eq(run(sm_verb_trust, "trust show hostC"), 0);
    ck_assert_ptr_nonnull(strstr(out, "key          certified\n"));

    /* Neither takes the other's place unasked. */
    snprintf(command, sizeof(command), "pair --fingerprint %s hostB h", fpr);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line), 0);
    ck_assert_int_eq(run(sm_verb_trust, "trust add hostB b"), 24);
    fails(24, "paired with a key");
    ck_assert_int_eq(run(sm_verb_trust, "trust remove hostB"), 0);
    ck_assert_int_eq(run(sm_verb_trust, "trust add hostB b"), 0);
    ck_assert_int_eq(run_with(sm_verb_pair, command, line), 24);
    fails(24, "certificate");

    ck_assert_int_eq(run(sm_verb_trust, "trust add hostA a"), 2);
    fails(2, "this host");
    ck_assert_int_eq(run(sm_verb_trust, "trust add ../x a"), 2);
    ck_assert_int_eq(run(sm_verb_trust, "trust add hostD d:0"), 2);
    ck_assert_int_eq(run(sm_verb_trust, "trust add hostD"), USAGE_CODE);
    ck_assert_int_eq(run(sm_verb_trust, "trust add --comment c hostD"),
                     USAGE_CODE);
    sm_identity_free(b);
}
END_TEST

START_TEST(trust_names_files_that_cannot_be_used)
{
    char path[600];
    FILE *f;

    init_plain();
    snprintf(path, sizeof(path), "%s/hostX", cli.conf.hosts_dir);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs("nonsense\n", f);
    fclose(f);
    ck_assert_int_eq(run(sm_verb_trust, "trust list"), 4);
    ck_assert_ptr_nonnull(strstr(out, "hostX"));
    ck_assert_ptr_nonnull(strstr(out, "line 1"));
    ck_assert_int_eq(run(sm_verb_trust, "trust list --dump"), 4);
    ck_assert_str_eq(out, "");
}
END_TEST

/* ---- status ---- */

/* A daemon that answers one client with `len` bytes, then ends. */
static pid_t daemon_with(const void *reply, size_t len)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    char request[10];
    pid_t pid;
    int s, c;

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s", cli.conf.socket);
    unlink(sa.sun_path);
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
    ck_assert_int_eq(listen(s, 1), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        c = accept(s, NULL, NULL);
        /* the body is the role: none */
        if (recv(c, request, 10, MSG_WAITALL) != 10 ||
            memcmp(request, "\0\0\0\2\0\020\0\001\0\0", 10) ||
            send(c, reply, len, 0) != (ssize_t)len)
            _exit(1);
        _exit(0);
    }
    close(s);
    return pid;
}

static int status_of(const char *text, size_t body_len)
{
    struct sm_wire_writer w;
    int code, status;
    pid_t pid;

    sm_wire_writer_init(&w, 65536);
    sm_wire_put_u32(&w, (uint32_t)body_len);
    sm_wire_put_u16(&w, FRAME_STATUS_IS);
    sm_wire_put_u16(&w, FRAME_VERSION);
    sm_wire_put_u16(&w, (uint16_t)strlen(text));
    sm_wire_put_bytes(&w, text, strlen(text));
    ck_assert_int_eq(sm_wire_error(&w), 0);
    pid = daemon_with(w.data, w.len);
    sm_wire_writer_dispose(&w);
    code = run(sm_verb_status, "status");
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    return code;
}

START_TEST(status_prints_what_the_daemon_says)
{
    static const char text[] = "host hostA\npolicy: none\n";

    init_plain();
    ck_assert_int_eq(status_of(text, 2 + strlen(text)), 0);
    ck_assert_str_eq(out, text);
    ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(status_does_not_let_escapes_through)
{
    static const char text[] = "host \033]0;owned\007\n";

    init_plain();
    ck_assert_int_eq(status_of(text, 2 + strlen(text)), 16);
    ck_assert_ptr_null(strchr(out, '\033'));
}
END_TEST

START_TEST(status_refuses_wrong_lengths)
{
    init_plain();
    ck_assert_int_eq(status_of("four", 2 + 3), 16);
    /* The end comes before the announced length. */
    ck_assert_int_eq(status_of("four", 2 + 5), 10);
}
END_TEST

START_TEST(status_without_a_daemon_has_its_own_code)
{
    init_plain();
    ck_assert_int_eq(run(sm_verb_status, "status"), 10);
    fails(10, "secmigd does not run");
    ck_assert_int_eq(run(sm_verb_status, "status now"), USAGE_CODE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbs");
    TCase *init = tcase_create("init");
    TCase *key = tcase_create("key");
    TCase *pairing = tcase_create("pair");
    TCase *rest = tcase_create("trust, status");

    tcase_add_checked_fixture(init, prepare, scratch_remove);
    tcase_set_timeout(init, 60);
    tcase_add_test(init, init_makes_everything_with_its_mode);
    tcase_add_test(init, the_sealed_key_belongs_to_the_public_one);
    tcase_add_test(init, init_makes_a_random_store_key_and_keeps_it);
    tcase_add_test(init, a_store_key_that_would_not_open_stops_init);
    tcase_add_test(init, both_keys_of_a_host_open_with_one_passphrase);
    tcase_add_test(init, init_never_overwrites);
    tcase_add_test(init,
                   init_keeps_a_configuration_and_does_not_contradict_it);
    tcase_add_test(init, init_refuses_bad_options);
    tcase_add_test(init, plain_is_not_chosen_by_itself);
    tcase_add_test(init, init_takes_the_passphrase_from_a_file_and_notes_it);
    tcase_add_test(init,
                   init_asks_for_the_passphrase_twice_and_does_not_show_it);
    tcase_add_test(init,
                   an_interrupted_question_leaves_the_terminal_as_it_was);
    tcase_add_test(init, a_short_new_passphrase_is_refused);
    tcase_add_checked_fixture(key, prepare, scratch_remove);
    tcase_add_test(key, key_shows_and_exports_the_same_key);
    tcase_add_test(key, key_without_a_key_says_what_to_do);
    tcase_add_test(key, a_public_key_that_others_may_write_is_not_used);
    tcase_add_checked_fixture(pairing, prepare, scratch_remove);
    tcase_set_timeout(pairing, 30);
    tcase_add_test(pairing, pair_with_the_right_fingerprint);
    tcase_add_test(pairing, pair_reads_a_file_too);
    tcase_add_test(pairing, pair_refuses_what_does_not_match);
    tcase_add_test(pairing, pair_refuses_our_own_key);
    tcase_add_test(pairing, pair_asks_and_only_yes_pairs);
    tcase_add_test(pairing, pair_without_a_terminal_needs_the_fingerprint);
    tcase_add_checked_fixture(rest, prepare, scratch_remove);
    tcase_set_timeout(rest, 30);
    tcase_add_test(rest, trust_lists_shows_and_removes);
    tcase_add_test(rest,
        trust_adds_hosts_that_are_known_by_their_certificates);
    tcase_add_test(rest, trust_names_files_that_cannot_be_used);
    tcase_add_test(rest, status_prints_what_the_daemon_says);
    tcase_add_test(rest, status_does_not_let_escapes_through);
    tcase_add_test(rest, status_refuses_wrong_lengths);
    tcase_add_test(rest, status_without_a_daemon_has_its_own_code);
    suite_add_tcase(suite, init);
    suite_add_tcase(suite, key);
    suite_add_tcase(suite, pairing);
    suite_add_tcase(suite, rest);
    return scratch_run(suite);
}
