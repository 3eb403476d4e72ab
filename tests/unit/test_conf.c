/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One test case per sentence of base/conf.h's contract; the values of each
 * key are in test_conf_values.c.
 */
#include "conf_text.h"

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
    ck_assert_int_eq(conf.action_timeout, 120000);
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
    ck_assert_str_eq(conf.operator_group, "");
    ck_assert_str_eq(conf.migrate.argv[2], "--secure");
    ck_assert_ptr_null(conf.migrate.argv[3]);
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
        "operator-group = ops\noperator-socket = /run/o.sock\n"
        "migrate-command = /bin/xl migrate\n"
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
    ck_assert_str_eq(conf.operator_group, "ops");
    ck_assert_str_eq(conf.operator_socket, "/run/o.sock");
    ck_assert_str_eq(conf.migrate.argv[1], "migrate");
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
