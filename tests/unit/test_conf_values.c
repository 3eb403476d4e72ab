/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* base/conf.h: what each key of secmigd.conf takes and refuses. */
#include <pwd.h>

#include "conf_text.h"

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
    NUMBER("action-timeout", 1, 600, action_timeout, 1000),
    NUMBER("idle-timeout", 2, 3600, idle_timeout, 1000),
    NUMBER("keepalive", 1, 600, keepalive, 1000),
    NUMBER("finish-timeout", 1, 3600, finish_timeout, 1000),
    NUMBER("ready-timeout", 1, 3600, ready_timeout, 1000),
    NUMBER("verdict-timeout", 1, 3600, verdict_timeout, 1000),
    NUMBER("settle-interval", 1, 3600, settle_interval, 1000),
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
    "socket-group = g\n", "operator-group = g\n",
    "operator-socket = /s\n", "migrate-command = /x\n",
    "connect-timeout = 1\n",
    "handshake-timeout = 1\n", "answer-timeout = 1\n",
    "action-timeout = 1\n",
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

int main(void)
{
    Suite *suite = suite_create("conf_values");
    TCase *values = tcase_create("values");

    tcase_add_checked_fixture(values, prepare, NULL);
    tcase_add_loop_test(values, numbers_are_taken_in_their_range_only, 0,
                        (int)(sizeof(numbers) / sizeof(numbers[0])));
    tcase_add_loop_test(values, no_key_may_be_given_twice, 0,
        (int)(sizeof(settings_once) / sizeof(settings_once[0])));
    tcase_add_test(values, no_key_may_be_abbreviated_or_in_capitals);
    tcase_add_test(values,
                   a_value_is_all_that_follows_the_first_equals_sign);
    tcase_add_test(values, commands_are_split_at_spaces_and_nothing_else);
    tcase_add_test(values, accounts_are_names_or_numbers);
    tcase_add_test(values, the_longest_path_fits_and_the_next_does_not);
    tcase_add_test(values, the_first_mistake_is_the_one_named);
    tcase_add_test(values, the_text_ends_at_its_length);
    tcase_add_test(values, a_reason_is_cut_to_its_room);
    suite_add_tcase(suite, values);
    return scratch_run(suite);
}
