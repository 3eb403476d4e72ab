/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of base/conf.h's contract. */
#include <pwd.h>

#include "base/conf.h"
#include "base/secret.h"
#include "scratch.h"

static struct sm_conf conf;
static char why[1024];

static void prepare(void)
{
    ck_assert_int_eq(sm_conf_init(&conf, "/r", NULL), 0);
}

static int parse(const char *text)
{
    int rc = sm_conf_parse(&conf, text, strlen(text), "x.conf", why,
                           sizeof(why));

    ck_assert_int_eq(rc == 0, why[0] == '\0');
    ck_assert(rc == 0 || rc == SM_CONFIG);
    return rc;
}

static void refused(const char *text, const char *reason)
{
    prepare();
    ck_assert_msg(parse(text) == SM_CONFIG, "accepted: %s", text);
    ck_assert_msg(strstr(why, reason) != NULL, "%s: %s", text, why);
}

/* ---- places ---- */

START_TEST(every_place_hangs_under_the_root)
{
    const char *const places[] = {
        conf.conf_file, conf.etc_dir, conf.hosts_dir, conf.policy_file,
        conf.policy_sig, conf.policy_pub, conf.state_dir, conf.host_key,
        conf.host_pub, conf.policy_key, conf.empty_dir, conf.socket,
    };
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        ck_assert_int_eq(strncmp(places[i], "/r/", 3), 0);
    ck_assert_int_eq(sm_conf_init(&conf, NULL, NULL), 0);
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        ck_assert_int_ne(strncmp(places[i], "/r/", 3), 0);
    ck_assert_str_eq(conf.socket, SM_RUN_DIR "/secmig.sock");
}
END_TEST

START_TEST(the_file_may_be_elsewhere)
{
    ck_assert_int_eq(sm_conf_init(&conf, "/r", "/other/file"), 0);
    ck_assert_str_eq(conf.conf_file, "/other/file");
    ck_assert_str_eq(conf.hosts_dir, "/r" SM_ETC_DIR "/hosts");
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
    char root[SM_CONF_PATH_MAX + 1];

    memset(root, 'r', sizeof(root) - 1);
    root[0] = '/';
    root[sizeof(root) - 1] = '\0';
    ck_assert_int_eq(sm_conf_init(&conf, root, NULL), SM_USAGE);
    ck_assert_int_eq(sm_conf_init(&conf, NULL, root), SM_USAGE);
}
END_TEST

START_TEST(the_places_are_as_documented)
{
    ck_assert_str_eq(conf.etc_dir, "/r" SM_ETC_DIR);
    ck_assert_str_eq(conf.conf_file, "/r" SM_ETC_DIR "/secmigd.conf");
    ck_assert_str_eq(conf.hosts_dir, "/r" SM_ETC_DIR "/hosts");
    ck_assert_str_eq(conf.policy_file, "/r" SM_ETC_DIR "/policy.xml");
    ck_assert_str_eq(conf.policy_sig, "/r" SM_ETC_DIR "/policy.xml.minisig");
    ck_assert_str_eq(conf.policy_pub, "/r" SM_ETC_DIR "/policy.pub");
    ck_assert_str_eq(conf.host_pub, "/r" SM_ETC_DIR "/host.pub");
    ck_assert_str_eq(conf.state_dir, "/r" SM_STATE_DIR);
    ck_assert_str_eq(conf.host_key, "/r" SM_STATE_DIR "/host-key.sealed");
    ck_assert_str_eq(conf.policy_key,
                     "/r" SM_STATE_DIR "/policy-key.sealed");
    ck_assert_str_eq(conf.empty_dir, "/r" SM_STATE_DIR "/empty");
    ck_assert_str_eq(conf.socket, "/r" SM_RUN_DIR "/secmig.sock");
}
END_TEST

START_TEST(an_empty_root_is_no_root)
{
    struct sm_conf other;

    ck_assert_int_eq(sm_conf_init(&conf, NULL, NULL), 0);
    ck_assert_int_eq(sm_conf_init(&other, "", NULL), 0);
    ck_assert_str_eq(conf.etc_dir, other.etc_dir);
    ck_assert_str_eq(conf.socket, other.socket);
}
END_TEST

/* The longest root for which every place still fits, found by trying, must
 * leave every place whole. */
START_TEST(no_place_is_ever_cut)
{
    char root[SM_CONF_PATH_MAX];
    size_t len;
    int rc = 0;

    for (len = 1; len < sizeof(root); len++) {
        memset(root, 'r', len);
        root[0] = '/';
        root[len] = '\0';
        rc = sm_conf_init(&conf, root, NULL);
        if (rc)
            break;
        ck_assert_uint_eq(strlen(conf.policy_sig),
                          len + strlen(SM_ETC_DIR "/policy.xml.minisig"));
        ck_assert_uint_eq(strlen(conf.policy_key),
                          len + strlen(SM_STATE_DIR "/policy-key.sealed"));
    }
    ck_assert_int_eq(rc, SM_USAGE);
    ck_assert_uint_gt(len, SM_CONF_PATH_MAX / 2);
}
END_TEST

/* ---- settings ---- */

START_TEST(the_defaults_are_as_documented)
{
    ck_assert_str_eq(conf.receive.argv[0], "/usr/sbin/xl");
    ck_assert_str_eq(conf.receive.argv[1], "migrate-receive");
    ck_assert_ptr_null(conf.receive.argv[2]);
    ck_assert_str_eq(conf.facts.argv[0], SM_LIBEXEC_DIR "/secmig-xl");
    ck_assert_ptr_null(conf.facts.argv[1]);
    ck_assert_str_eq(conf.passphrase_file, "");
    ck_assert_str_eq(conf.peer.name, "secmig-peer");
    ck_assert_str_eq(conf.keeper.name, "secmig-keeper");
    ck_assert_str_eq(conf.control.name, "secmig-control");
    ck_assert_int_eq(conf.connect_timeout, 10000);
    ck_assert_int_eq(conf.handshake_timeout, 10000);
    ck_assert_int_eq(conf.answer_timeout, 30000);
    ck_assert_int_eq(conf.idle_timeout, 30000);
    ck_assert_int_eq(conf.keepalive, 5000);
    ck_assert_int_eq(conf.finish_timeout, 120000);
    ck_assert_int_eq(conf.max_incoming, 16);
    ck_assert_int_eq(conf.max_outgoing, 16);
    ck_assert_int_eq(conf.max_unauthenticated, 32);
    ck_assert(!conf.name[0] || sm_conf_name_ok(conf.name));
}
END_TEST

START_TEST(an_empty_file_leaves_the_secure_defaults)
{
    ck_assert_int_eq(parse(""), 0);
    ck_assert_int_eq(parse("\n# a comment\n   \n\t# another\n"), 0);
    ck_assert_str_eq(conf.seal, "passphrase");
    ck_assert_str_eq(conf.socket_group, "");
    ck_assert_uint_eq(conf.listen_port, SM_CONF_PORT);
    ck_assert_str_eq(conf.listen_address, "");
}
END_TEST

START_TEST(every_key_is_read)
{
    ck_assert_int_eq(parse(
        "name = hostA\n"
        "  listen=[::1]:9000  \n"
        "seal = plain\n"
        "passphrase-file = /p\n"
        "receive-command = /bin/xl  migrate-receive\t-v\n"
        "secmig-xl = /x\n"
        "peer-user = 1001\nkeeper-user = root\ncontrol-user = nosuchuser\n"
        "socket-group = xen\n"
        "connect-timeout = 1\nhandshake-timeout = 2\nanswer-timeout = 3\n"
        "idle-timeout = 40\nkeepalive = 5\nfinish-timeout = 6\n"
        "max-incoming = 7\nmax-outgoing = 8\nmax-unauthenticated = 9\n"), 0);
    ck_assert_str_eq(conf.name, "hostA");
    ck_assert_str_eq(conf.listen_address, "::1");
    ck_assert_uint_eq(conf.listen_port, 9000);
    ck_assert_str_eq(conf.seal, "plain");
    ck_assert_str_eq(conf.passphrase_file, "/p");
    ck_assert_str_eq(conf.receive.argv[0], "/bin/xl");
    ck_assert_str_eq(conf.receive.argv[1], "migrate-receive");
    ck_assert_str_eq(conf.receive.argv[2], "-v");
    ck_assert_ptr_null(conf.receive.argv[3]);
    ck_assert_str_eq(conf.facts.argv[0], "/x");
    ck_assert(conf.peer.known && conf.peer.uid == 1001);
    ck_assert(!conf.keeper.known);
    sm_conf_users(&conf);
    ck_assert(conf.peer.known && conf.peer.uid == 1001);
    ck_assert(conf.keeper.known && conf.keeper.uid == 0);
    ck_assert(!conf.control.known);
    ck_assert_str_eq(conf.control.name, "nosuchuser");
    ck_assert_str_eq(conf.socket_group, "xen");
    ck_assert_int_eq(conf.connect_timeout, 1000);
    ck_assert_int_eq(conf.handshake_timeout, 2000);
    ck_assert_int_eq(conf.answer_timeout, 3000);
    ck_assert_int_eq(conf.idle_timeout, 40000);
    ck_assert_int_eq(conf.keepalive, 5000);
    ck_assert_int_eq(conf.finish_timeout, 6000);
    ck_assert_int_eq(conf.max_incoming, 7);
    ck_assert_int_eq(conf.max_outgoing, 8);
    ck_assert_int_eq(conf.max_unauthenticated, 9);
}
END_TEST

START_TEST(mistakes_are_named_with_file_and_line)
{
    refused("\nnmae = x\n", "x.conf:2: unknown key");
    refused("name = a\nseal = plain\nname = b\n", "x.conf:3: key given");
    refused("name\n", "x.conf:1: expected");
    refused("= x\n", "x.conf:1: unknown key");
    refused("name = a\r\n", "x.conf:1: control character");
    refused("name = \xff\n", "x.conf:1: control character");
}
END_TEST

START_TEST(values_out_of_range_are_refused)
{
    refused("name = \n", "host name");
    refused("name = -a\n", "host name");
    refused("name = a/b\n", "host name");
    refused("seal = none\n", "passphrase");
    refused("seal = \n", "passphrase");
    refused("listen = a:0\n", "ADDRESS");
    refused("listen = a:99999\n", "ADDRESS");
    refused("passphrase-file = relative\n", "absolute");
    refused("receive-command = xl\n", "absolute");
    refused("receive-command = /x 1 2 3 4 5 6 7 8\n", "at most");
    refused("connect-timeout = 0\n", "seconds");
    refused("connect-timeout = 3601\n", "seconds");
    refused("connect-timeout = -1\n", "seconds");
    refused("connect-timeout = 1s\n", "seconds");
    refused("connect-timeout = 99999999999999999999\n", "seconds");
    refused("max-incoming = 0\n", "number");
    refused("max-incoming = 1001\n", "number");
    refused("keepalive = 10\nidle-timeout = 19\n", "twice");
}
END_TEST

/* Each number's range, with one accepted and one refused at both ends. */
static const struct {
    const char *key;
    int min, max;
    size_t field;
    int unit;
} numbers[] = {
#define NUMBER(key, min, max, field, unit) \
    { key, min, max, offsetof(struct sm_conf, field), unit }
    NUMBER("connect-timeout", 1, 3600, connect_timeout, 1000),
    NUMBER("handshake-timeout", 1, 3600, handshake_timeout, 1000),
    NUMBER("answer-timeout", 1, 3600, answer_timeout, 1000),
    NUMBER("idle-timeout", 2, 3600, idle_timeout, 1000),
    NUMBER("keepalive", 1, 600, keepalive, 1000),
    NUMBER("finish-timeout", 1, 3600, finish_timeout, 1000),
    NUMBER("max-incoming", 1, 1000, max_incoming, 1),
    NUMBER("max-outgoing", 1, 1000, max_outgoing, 1),
    NUMBER("max-unauthenticated", 1, 1000, max_unauthenticated, 1),
};

static int parse_number(int i, const char *value)
{
    char text[200];

    prepare();
    /* The other of the two that depend on each other, out of the way. */
    conf.idle_timeout = 3600 * 1000;
    conf.keepalive = 1000;
    snprintf(text, sizeof(text), "%s = %s\n", numbers[i].key, value);
    return parse(text);
}

START_TEST(numbers_are_taken_in_their_range_only)
{
    static const char *const nonsense[] = {
        "", "-1", "+5", "0x10", "5 5", "5s", "5.0", "1e2", "\xd9\xa5",
        "99999999999999999999", "4294967297", "0",
    };
    int values[] = { numbers[_i].min - 1, numbers[_i].min, numbers[_i].max,
                     numbers[_i].max + 1 };
    char value[20];
    size_t k;
    int rc;

    for (k = 0; k < 4; k++) {
        snprintf(value, sizeof(value), "%d", values[k]);
        rc = parse_number(_i, value);
        ck_assert_msg(rc == (k % 3 ? 0 : SM_CONFIG), "%s = %s",
                      numbers[_i].key, value);
        if (rc == 0)
            ck_assert_int_eq(*(int *)((char *)&conf + numbers[_i].field),
                             values[k] * numbers[_i].unit);
        else
            ck_assert_ptr_nonnull(strstr(why, "in range"));
    }
    for (k = 0; k < sizeof(nonsense) / sizeof(nonsense[0]); k++)
        ck_assert_msg(parse_number(_i, nonsense[k]) == SM_CONFIG,
                      "accepted: %s = %s", numbers[_i].key, nonsense[k]);
}
END_TEST

static const char *const settings_once[] = {
    "name = a\n", "listen = ::1\n", "seal = plain\n",
    "passphrase-file = /p\n", "receive-command = /x\n", "secmig-xl = /x\n",
    "peer-user = 1\n", "keeper-user = 1\n", "control-user = 1\n",
    "socket-group = g\n", "connect-timeout = 1\n",
    "handshake-timeout = 1\n", "answer-timeout = 1\n",
    "idle-timeout = 60\n", "keepalive = 1\n", "finish-timeout = 1\n",
    "max-incoming = 1\n", "max-outgoing = 1\n",
    "max-unauthenticated = 1\n",
};

START_TEST(no_key_may_be_given_twice)
{
    char text[200];

    snprintf(text, sizeof(text), "%s", settings_once[_i]);
    ck_assert_int_eq(parse(text), 0);
    snprintf(text, sizeof(text), "%s# again\n%s", settings_once[_i],
             settings_once[_i]);
    refused(text, "x.conf:3: key given twice");
}
END_TEST

START_TEST(no_key_may_be_abbreviated_or_in_capitals)
{
    refused("nam = a\n", "unknown key");
    refused("names = a\n", "unknown key");
    refused("Name = a\n", "unknown key");
    refused("na me = a\n", "unknown key");
    refused("[name] = a\n", "unknown key");
    refused("max_incoming = 1\n", "unknown key");
}
END_TEST

START_TEST(a_value_is_all_that_follows_the_first_equals_sign)
{
    ck_assert_int_eq(parse("passphrase-file = /a=b # c\n"), 0);
    ck_assert_str_eq(conf.passphrase_file, "/a=b # c");
    prepare();
    ck_assert_int_eq(parse("passphrase-file\t=\t/a\tb\t\n"), 0);
    ck_assert_str_eq(conf.passphrase_file, "/a b");
}
END_TEST

START_TEST(commands_are_split_at_spaces_and_nothing_else)
{
    ck_assert_int_eq(parse("receive-command = /x 'a b' $c;\t1 2 3\n"), 0);
    ck_assert_str_eq(conf.receive.argv[0], "/x");
    ck_assert_str_eq(conf.receive.argv[1], "'a");
    ck_assert_str_eq(conf.receive.argv[2], "b'");
    ck_assert_str_eq(conf.receive.argv[3], "$c;");
    ck_assert_str_eq(conf.receive.argv[6], "3");
    ck_assert_ptr_null(conf.receive.argv[7]);
    prepare();
    ck_assert_int_eq(parse("secmig-xl = /x 1 2 3 4 5 6 7\n"), 0);
    ck_assert_str_eq(conf.facts.argv[SM_CONF_WORDS_MAX - 1], "7");
    ck_assert_ptr_null(conf.facts.argv[SM_CONF_WORDS_MAX]);
}
END_TEST

START_TEST(accounts_are_names_or_numbers)
{
    char text[100];

    ck_assert_int_eq(parse("peer-user = 4294967294\n"
                           "keeper-user = 4294967295\n"), 0);
    ck_assert(conf.peer.known && conf.peer.uid == 4294967294u);
    ck_assert_uint_eq(conf.peer.gid, 4294967294u);
    sm_conf_users(&conf);
    ck_assert(conf.peer.known && conf.peer.uid == 4294967294u);
    ck_assert(!conf.keeper.known);      /* (uid_t)-1 is nobody's */
    prepare();
    ck_assert_int_eq(parse("peer-user = 12x\nkeeper-user = daemon\n"), 0);
    ck_assert(!conf.peer.known && !conf.keeper.known);
    sm_conf_users(&conf);
    ck_assert(!conf.peer.known && conf.keeper.known);
    ck_assert_uint_eq(conf.keeper.uid, getpwnam("daemon")->pw_uid);
    ck_assert_uint_eq(conf.keeper.gid, getpwnam("daemon")->pw_gid);
    snprintf(text, sizeof(text), "peer-user = %033d\n", 1);
    refused(text, "account");
    refused("peer-user =\n", "account");
    refused("socket-group =\n", "group");
    snprintf(text, sizeof(text), "socket-group = %033d\n", 1);
    refused(text, "group");
    prepare();
    snprintf(text, sizeof(text), "socket-group = %032d\n", 1);
    ck_assert_int_eq(parse(text), 0);
    ck_assert_uint_eq(strlen(conf.socket_group), 32);
}
END_TEST

START_TEST(the_longest_path_fits_and_the_next_does_not)
{
    char text[SM_CONF_PATH_MAX + 64];
    int n = snprintf(text, sizeof(text), "passphrase-file = /");

    memset(text + n, 'p', SM_CONF_PATH_MAX);
    text[n + SM_CONF_PATH_MAX - 2] = '\0';
    ck_assert_int_eq(parse(text), 0);
    ck_assert_uint_eq(strlen(conf.passphrase_file), SM_CONF_PATH_MAX - 1);
    text[n + SM_CONF_PATH_MAX - 2] = 'p';
    text[n + SM_CONF_PATH_MAX - 1] = '\0';
    refused(text, "absolute path");
}
END_TEST

START_TEST(the_first_mistake_is_the_one_named)
{
    refused("name = a\n\n#\nseal = x\nfoo = 1\n", "x.conf:4: must be");
    refused("seal = plain\nidle-timeout = 9\n", "x.conf: idle-timeout");
}
END_TEST

START_TEST(the_text_ends_at_its_length)
{
    char *text = malloc(9);             /* ASan watches its end */

    ck_assert_ptr_nonnull(text);
    memcpy(text + 1, "name = a", 8);
    ck_assert_int_eq(sm_conf_parse(&conf, text + 1, 8, "x", why,
                                   sizeof(why)), 0);
    ck_assert_str_eq(conf.name, "a");
    free(text);
    ck_assert_int_eq(sm_conf_parse(&conf, "name = a\0b\n", 11, "x", why,
                                   sizeof(why)), SM_CONFIG);
    ck_assert_str_eq(why, "x:1: control character or broken UTF-8");
}
END_TEST

START_TEST(a_reason_is_cut_to_its_room)
{
    char small[8];

    memset(small, 'z', sizeof(small));
    ck_assert_int_eq(sm_conf_parse(&conf, "x", 1, "label", small, 4),
                     SM_CONFIG);
    ck_assert_str_eq(small, "lab");
    ck_assert_int_eq(small[4], 'z');
}
END_TEST

START_TEST(a_line_that_is_too_long_is_refused)
{
    char text[4096];

    memset(text, '#', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    refused(text, "x.conf:1: line too long");
}
END_TEST

START_TEST(the_last_newline_may_be_missing)
{
    ck_assert_int_eq(parse("name = a\nseal = plain"), 0);
    ck_assert_str_eq(conf.seal, "plain");
}
END_TEST

START_TEST(every_truncation_and_flip_is_safe)
{
    char text[] = "name = hostA\nlisten = [::1]:9\nkeepalive = 5\n"
                  "receive-command = /bin/xl a b\n";
    size_t len = sizeof(text) - 1, bit;
    int rc;

    for (bit = 0; bit < 8 * len; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        prepare();
        rc = sm_conf_parse(&conf, text, len, "x", why, sizeof(why));
        ck_assert_int_eq(rc == 0, why[0] == '\0');
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (bit = 0; bit < len; bit++) {
        prepare();
        rc = sm_conf_parse(&conf, text, bit, "x", why, sizeof(why));
        ck_assert_int_eq(rc == 0, why[0] == '\0');
    }
}
END_TEST

/* ---- the file ---- */

START_TEST(a_file_is_read_after_checks)
{
    char path[512];

    scratch_make();
    snprintf(path, sizeof(path), "%s", scratch_path("secmigd.conf"));
    ck_assert_int_eq(sm_conf_init(&conf, "/r", path), 0);
    ck_assert_int_eq(sm_conf_load(&conf, why, sizeof(why)), SM_STATE);
    scratch_write("secmigd.conf", "name = hostX\n", 13, 0644);
    ck_assert_int_eq(sm_conf_load(&conf, why, sizeof(why)), 0);
    ck_assert_str_eq(conf.name, "hostX");
    ck_assert_int_eq(chmod(path, 0666), 0);
    ck_assert_int_eq(sm_conf_load(&conf, why, sizeof(why)), SM_STATE);
    ck_assert_int_eq(chmod(path, 0644), 0);
    scratch_write("secmigd.conf", "name = a\n\nfoo = 1\n", 18, 0644);
    ck_assert_int_eq(sm_conf_load(&conf, why, sizeof(why)), SM_CONFIG);
    ck_assert_ptr_nonnull(strstr(why, "secmigd.conf:3:"));
    ck_assert_int_eq(truncate(path, 64 * 1024 + 1), 0);
    ck_assert_int_eq(sm_conf_load(&conf, why, sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "too large"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/dev/null", path), 0);
    ck_assert_int_eq(sm_conf_load(&conf, why, sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "symbolic link"));
    scratch_remove();
}
END_TEST

/* ---- words ---- */

START_TEST(host_names_are_as_documented)
{
    char name[SM_CONF_NAME_MAX + 2];

    memset(name, 'a', sizeof(name));
    name[SM_CONF_NAME_MAX + 1] = '\0';
    ck_assert(!sm_conf_name_ok(name));
    name[SM_CONF_NAME_MAX] = '\0';
    ck_assert(sm_conf_name_ok(name));
    ck_assert(sm_conf_name_ok("a"));
    ck_assert(sm_conf_name_ok("Host-1_b.example"));
    ck_assert(!sm_conf_name_ok(""));
    ck_assert(!sm_conf_name_ok("."));
    ck_assert(!sm_conf_name_ok(".a"));
    ck_assert(!sm_conf_name_ok("-a"));
    ck_assert(!sm_conf_name_ok("a b"));
    ck_assert(!sm_conf_name_ok("a/b"));
    ck_assert(!sm_conf_name_ok("a\n"));
    ck_assert(!sm_conf_name_ok("\xc3\xa4"));
}
END_TEST

START_TEST(addresses_are_split)
{
    static const struct {
        const char *text, *address;
        uint16_t port;
    } good[] = {
        { "h", "h", SM_CONF_PORT },
        { "h:1", "h", 1 },
        { "192.0.2.1:65535", "192.0.2.1", 65535 },
        { "::1", "::1", SM_CONF_PORT },
        { "[::1]", "::1", SM_CONF_PORT },
        { "[::1]:22", "::1", 22 },
    };
    static const char *const bad[] = {
        "h:", "h:0", "h:65536", "h:x", "h:1 ", "h:+1", "[::1", "[::1]22",
        "[::1]:", "a b",
    };
    char address[64], small[4];
    uint16_t port;
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_int_eq(sm_conf_address(good[i].text, address,
                                         sizeof(address), &port), 0);
        ck_assert_str_eq(address, good[i].address);
        ck_assert_uint_eq(port, good[i].port);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(sm_conf_address(bad[i], address, sizeof(address),
                                      &port) == SM_USAGE,
                      "accepted: %s", bad[i]);
    ck_assert_int_eq(sm_conf_address("abc", small, sizeof(small), &port), 0);
    ck_assert_int_eq(sm_conf_address("abcd", small, sizeof(small), &port),
                     SM_USAGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf");
    TCase *places = tcase_create("places");
    TCase *settings = tcase_create("settings");
    TCase *words = tcase_create("words");

    tcase_add_checked_fixture(places, prepare, NULL);
    tcase_add_test(places, every_place_hangs_under_the_root);
    tcase_add_test(places, the_file_may_be_elsewhere);
    tcase_add_test(places, a_path_that_is_too_long_is_refused);
    tcase_add_test(places, the_places_are_as_documented);
    tcase_add_test(places, an_empty_root_is_no_root);
    tcase_add_test(places, no_place_is_ever_cut);
    tcase_add_checked_fixture(settings, prepare, NULL);
    tcase_add_test(settings, an_empty_file_leaves_the_secure_defaults);
    tcase_add_test(settings, every_key_is_read);
    tcase_add_test(settings, mistakes_are_named_with_file_and_line);
    tcase_add_test(settings, values_out_of_range_are_refused);
    tcase_add_test(settings, the_defaults_are_as_documented);
    tcase_add_loop_test(settings, numbers_are_taken_in_their_range_only, 0,
                        (int)(sizeof(numbers) / sizeof(numbers[0])));
    tcase_add_loop_test(settings, no_key_may_be_given_twice, 0,
        (int)(sizeof(settings_once) / sizeof(settings_once[0])));
    tcase_add_test(settings, no_key_may_be_abbreviated_or_in_capitals);
    tcase_add_test(settings,
                   a_value_is_all_that_follows_the_first_equals_sign);
    tcase_add_test(settings, commands_are_split_at_spaces_and_nothing_else);
    tcase_add_test(settings, accounts_are_names_or_numbers);
    tcase_add_test(settings, the_longest_path_fits_and_the_next_does_not);
    tcase_add_test(settings, the_first_mistake_is_the_one_named);
    tcase_add_test(settings, the_text_ends_at_its_length);
    tcase_add_test(settings, a_reason_is_cut_to_its_room);
    tcase_add_test(settings, a_line_that_is_too_long_is_refused);
    tcase_add_test(settings, the_last_newline_may_be_missing);
    tcase_add_test(settings, every_truncation_and_flip_is_safe);
    tcase_add_test(settings, a_file_is_read_after_checks);
    tcase_add_test(words, host_names_are_as_documented);
    tcase_add_test(words, addresses_are_split);
    suite_add_tcase(suite, places);
    suite_add_tcase(suite, settings);
    suite_add_tcase(suite, words);
    return scratch_run(suite);
}
