/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of trust/pairing.h's contract. */
#include <signal.h>
#include <sodium.h>
#include <sys/wait.h>

#include "base/secret.h"
#include "scratch.h"
#include "trust/pairing.h"

static char why[1024];
static uint8_t own[32], key_b[32], key_c[32];

static void make_key(uint8_t *key)
{
    uint8_t secret[32];

    do {
        randombytes_buf(secret, sizeof(secret));
        ck_assert_int_eq(crypto_scalarmult_base(key, secret), 0);
    } while (!sm_identity_key_ok(key));
}

static void prepare(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    scratch_make();
    make_key(own);
    make_key(key_b);
    make_key(key_c);
}

static struct sm_pairing host(const char *name, const uint8_t *key)
{
    struct sm_pairing p = { .port = 8003, .has_key = true };

    snprintf(p.name, sizeof(p.name), "%s", name);
    memcpy(p.key, key, 32);
    snprintf(p.address, sizeof(p.address), "%s.example", name);
    return p;
}

static int add(const char *name, const uint8_t *key)
{
    struct sm_pairing p = host(name, key);

    return sm_pairing_add(scratch, own, &p, why, sizeof(why));
}

static int by_name(const char *name, struct sm_pairing *out)
{
    return sm_pairing_by_name(scratch, own, name, out, why, sizeof(why));
}

static int by_key(const uint8_t *key, struct sm_pairing *out)
{
    return sm_pairing_by_key(scratch, own, key, out, why, sizeof(why));
}

static void assert_same(const struct sm_pairing *a,
                        const struct sm_pairing *b)
{
    ck_assert_str_eq(a->name, b->name);
    ck_assert_int_eq(a->has_key, b->has_key);
    ck_assert_mem_eq(a->key, b->key, 32);
    ck_assert_str_eq(a->address, b->address);
    ck_assert_uint_eq(a->port, b->port);
    ck_assert_str_eq(a->comment, b->comment);
}

/* Write a file by hand, as an editor would. */
static void put(const char *name, const uint8_t *key, mode_t mode)
{
    char base64[SM_IDENTITY_BASE64_SIZE], text[256];

    sm_identity_base64(key, base64);
    snprintf(text, sizeof(text), "key = %s\naddress = x:1\n", base64);
    scratch_write(name, text, strlen(text), mode);
}

static void assert_wiped(const struct sm_pairing *p)
{
    static const struct sm_pairing zero;

    ck_assert_mem_eq(p, &zero, sizeof(zero));
}

/* ---- look-ups ---- */

START_TEST(what_was_added_is_found_both_ways)
{
    struct sm_pairing p = host("hostB", key_b), out;

    snprintf(p.address, sizeof(p.address), "fe80::1");
    p.port = 9;
    snprintf(p.comment, sizeof(p.comment), "rack = 3 # \xc3\xa4");
    ck_assert_int_eq(sm_pairing_add(scratch, own, &p, why, sizeof(why)), 0);
    ck_assert_str_eq(why, "");
    ck_assert_int_eq(by_name("hostB", &out), 0);
    assert_same(&out, &p);
    ck_assert_int_eq(by_key(key_b, &out), 0);
    assert_same(&out, &p);
    ck_assert_str_eq(why, "");
}
END_TEST

START_TEST(unknown_hosts_are_told_apart_from_unpaired_keys)
{
    struct sm_pairing out;

    ck_assert_int_eq(add("hostB", key_b), 0);
    ck_assert_int_eq(by_name("hostC", &out), SM_UNKNOWN_HOST);
    ck_assert_ptr_nonnull(strstr(why, "hostC"));
    assert_wiped(&out);
    ck_assert_int_eq(by_name("../hostB", &out), SM_UNKNOWN_HOST);
    ck_assert_int_eq(by_name("", &out), SM_UNKNOWN_HOST);
    ck_assert_int_eq(by_key(key_c, &out), SM_UNPAIRED);
    assert_wiped(&out);
}
END_TEST

START_TEST(removal_takes_effect_at_the_next_look_up)
{
    struct sm_pairing out;

    ck_assert_int_eq(add("hostB", key_b), 0);
    ck_assert_int_eq(by_key(key_b, &out), 0);
    ck_assert_int_eq(sm_pairing_remove(scratch, "hostB", why, sizeof(why)),
                     0);
    ck_assert_int_eq(by_key(key_b, &out), SM_UNPAIRED);
    ck_assert_int_eq(by_name("hostB", &out), SM_UNKNOWN_HOST);
    ck_assert_int_eq(sm_pairing_remove(scratch, "hostB", why, sizeof(why)),
                     SM_UNKNOWN_HOST);
    ck_assert_int_eq(sm_pairing_remove(scratch, "../x", why, sizeof(why)),
                     SM_UNKNOWN_HOST);
}
END_TEST

START_TEST(our_own_key_is_never_a_peer)
{
    struct sm_pairing out;

    ck_assert_int_eq(add("hostB", own), SM_STATE);
    put("mirror", own, 0644);
    ck_assert_int_eq(by_key(own, &out), SM_STATE);
    assert_wiped(&out);
    ck_assert_int_eq(by_name("mirror", &out), SM_STATE);
    assert_wiped(&out);
    /* Without a key of our own there is nothing to compare with. */
    ck_assert_int_eq(sm_pairing_by_key(scratch, NULL, own, &out, why,
                                       sizeof(why)), 0);
}
END_TEST

START_TEST(a_key_under_two_names_matches_nothing)
{
    struct sm_pairing out;

    ck_assert_int_eq(add("hostB", key_b), 0);
    ck_assert_int_eq(add("hostC", key_b), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "hostB"));
    put("hostC", key_b, 0644);
    ck_assert_int_eq(by_key(key_b, &out), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "hostB"));
    ck_assert_ptr_nonnull(strstr(why, "hostC"));
    assert_wiped(&out);
    ck_assert_int_eq(by_name("hostB", &out), SM_STATE);
    ck_assert_int_eq(by_name("hostC", &out), SM_STATE);
    ck_assert_int_eq(add("hostB", key_b), SM_STATE);
}
END_TEST

/* ---- unsafe files ---- */

/* A file of `key_b` that must not be a match, and why not. */
static void assert_refused(const char *reason)
{
    struct sm_pairing out;

    ck_assert_int_eq(by_name("hostB", &out), SM_STATE);
    ck_assert_msg(strstr(why, reason) != NULL, "reason: %s", why);
    assert_wiped(&out);
    ck_assert_int_eq(by_key(key_b, &out), SM_UNPAIRED);
    ck_assert_msg(strstr(why, reason) != NULL, "reason: %s", why);
    assert_wiped(&out);
}

START_TEST(files_others_may_write_are_no_match)
{
    put("hostB", key_b, 0664);
    assert_refused("writable by group or others");
    ck_assert_int_eq(chmod(scratch_path("hostB"), 0646), 0);
    assert_refused("writable by group or others");
}
END_TEST

START_TEST(links_are_no_match)
{
    put(".elsewhere", key_b, 0644);
    ck_assert_int_eq(symlink(".elsewhere", scratch_path("hostB")), 0);
    assert_refused("symbolic link");
    ck_assert_int_eq(unlink(scratch_path("hostB")), 0);
    ck_assert_int_eq(link(scratch_path(".elsewhere"), scratch_path("hostB")),
                     0);
    assert_refused("hard link");
}
END_TEST

START_TEST(other_kinds_of_file_are_no_match_and_do_not_stall)
{
    ck_assert_int_eq(mkfifo(scratch_path("hostB"), 0644), 0);
    assert_refused("not a regular file");
    ck_assert_int_eq(unlink(scratch_path("hostB")), 0);
    ck_assert_int_eq(mkdir(scratch_path("hostB"), 0755), 0);
    assert_refused("not a regular file");
}
END_TEST

START_TEST(files_of_other_users_are_no_match)
{
    if (geteuid())
        return;     /* only root can give a file away */
    put("hostB", key_b, 0644);
    ck_assert_int_eq(chown(scratch_path("hostB"), 12345, 0), 0);
    assert_refused("owned by another user");
}
END_TEST

#define ROUNDS 10000

/* Swap two files for each other as fast as it goes. */
static pid_t swap_for_ever(const char *a, const char *b)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    while (!pid)
        if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE))
            _exit(1);
    return pid;
}

START_TEST(a_file_that_is_swapped_between_check_and_use_is_no_match)
{
    char good[512], bad[512];
    int i, found = 0, status;
    struct sm_pairing out;
    pid_t pid;

    snprintf(good, sizeof(good), "%s", scratch_path("hostB"));
    snprintf(bad, sizeof(bad), "%s", scratch_path(".bad"));
    put("hostB", key_b, 0644);
    put(".bad", key_c, 0666);
    pid = swap_for_ever(good, bad);
    for (i = 0; i < ROUNDS; i++) {
        if (by_name("hostB", &out))
            continue;
        found++;
        ck_assert_mem_eq(out.key, key_b, 32);
    }
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    /* Both were met, so there was something to confuse. */
    ck_assert_int_gt(found, 0);
    ck_assert_int_lt(found, ROUNDS);
}
END_TEST

START_TEST(large_files_are_no_match)
{
    char text[SM_PAIRING_FILE_MAX + 1];

    memset(text, '#', sizeof(text));
    scratch_write("hostB", text, sizeof(text), 0644);
    assert_refused("too large");
}
END_TEST

START_TEST(one_bad_file_does_not_shut_out_the_others)
{
    struct sm_pairing out;

    scratch_write("hostA", "nonsense", 8, 0644);
    ck_assert_int_eq(add("hostB", key_b), 0);
    ck_assert_int_eq(by_key(key_b, &out), 0);
    ck_assert_int_eq(by_name("hostB", &out), 0);
}
END_TEST

START_TEST(a_directory_others_may_write_is_refused)
{
    struct sm_pairing out;

    ck_assert_int_eq(add("hostB", key_b), 0);
    ck_assert_int_eq(chmod(scratch, 0777), 0);
    ck_assert_int_eq(by_name("hostB", &out), SM_STATE);
    ck_assert_int_eq(by_key(key_b, &out), SM_STATE);
    ck_assert_int_eq(add("hostC", key_c), SM_STATE);
    ck_assert_int_eq(sm_pairing_remove(scratch, "hostB", why, sizeof(why)),
                     SM_STATE);
    ck_assert_int_eq(chmod(scratch, 0700), 0);
}
END_TEST

START_TEST(a_missing_directory_is_a_state_to_mend)
{
    struct sm_pairing out;

    ck_assert_int_eq(sm_pairing_by_key("/nonexistent/hosts", own, key_b,
                                       &out, why, sizeof(why)), SM_STATE);
    ck_assert_ptr_nonnull(strstr(why, "secmig init"));
}
END_TEST

START_TEST(the_directory_is_bounded)
{
    struct sm_pairing out;
    char name[32];
    int i, fd;

    for (i = 0; i < SM_PAIRING_MAX; i++) {
        snprintf(name, sizeof(name), "h%d", i);
        fd = open(scratch_path(name), O_CREAT | O_WRONLY, 0644);
        ck_assert_int_ge(fd, 0);
        close(fd);
    }
    ck_assert_int_eq(by_key(key_b, &out), SM_UNPAIRED);
    ck_assert_int_eq(add("hostB", key_b), SM_STATE);
    put("hostB", key_b, 0644);
    ck_assert_int_eq(by_key(key_b, &out), SM_STATE);
    ck_assert_int_eq(by_name("hostB", &out), SM_STATE);
}
END_TEST

/* ---- changes ---- */

START_TEST(another_key_for_a_name_needs_a_removal_first)
{
    struct sm_pairing out;

    ck_assert_int_eq(add("hostB", key_b), 0);
    ck_assert_int_eq(add("hostB", key_c), SM_EXISTS);
    ck_assert_ptr_nonnull(strstr(why, "remove"));
    ck_assert_int_eq(by_key(key_b, &out), 0);
    /* Also over a file that cannot be read any more. */
    scratch_write("hostC", "nonsense", 8, 0644);
    ck_assert_int_eq(add("hostC", key_c), SM_EXISTS);
}
END_TEST

START_TEST(the_address_can_be_updated)
{
    struct sm_pairing p = host("hostB", key_b), out;

    ck_assert_int_eq(add("hostB", key_b), 0);
    snprintf(p.address, sizeof(p.address), "192.0.2.7");
    ck_assert_int_eq(sm_pairing_add(scratch, own, &p, why, sizeof(why)), 0);
    ck_assert_int_eq(by_name("hostB", &out), 0);
    ck_assert_str_eq(out.address, "192.0.2.7");
}
END_TEST

static void assert_usage(struct sm_pairing p)
{
    ck_assert_int_eq(sm_pairing_add(scratch, own, &p, why, sizeof(why)),
                     SM_USAGE);
    ck_assert_str_ne(why, "");
}

START_TEST(malformed_pairings_are_not_written)
{
    struct sm_pairing good = host("hostB", key_b), p;

    p = good, strcpy(p.name, "../b"), assert_usage(p);
    p = good, strcpy(p.address, ""), assert_usage(p);
    p = good, strcpy(p.address, "a b"), assert_usage(p);
    p = good, strcpy(p.address, "a\nkey = x"), assert_usage(p);
    p = good, strcpy(p.address, "-oProxyCommand=x"), assert_usage(p);
    p = good, p.port = 0, assert_usage(p);
    p = good, memset(p.key, 0, 32), assert_usage(p);
    p = good, strcpy(p.comment, "a\nb"), assert_usage(p);
    p = good, memset(p.comment, 'c', sizeof(p.comment)), assert_usage(p);
    ck_assert_int_ne(access(scratch_path("hostB"), F_OK), 0);
}
END_TEST

struct walk {
    char seen[256];
    int stop_after;
};

static int step(void *ctx, const char *name, const struct sm_pairing *p,
                const char *problem)
{
    struct walk *w = ctx;

    ck_assert_int_ne(p == NULL, problem == NULL);
    strcat(w->seen, name);
    strcat(w->seen, p ? " " : "! ");
    return --w->stop_after ? 0 : 77;
}

START_TEST(the_list_is_sorted_and_names_bad_files)
{
    struct walk w = { .stop_after = -1 };

    put("b", key_b, 0644);
    put("c", key_c, 0644);
    put("a", key_b, 0666);
    put(".hidden", key_b, 0644);
    put("copy~", key_b, 0644);
    ck_assert_int_eq(sm_pairing_list(scratch, step, &w, why, sizeof(why)),
                     0);
    ck_assert_str_eq(w.seen, "a! b c ");
    w = (struct walk){ .stop_after = 2 };
    ck_assert_int_eq(sm_pairing_list(scratch, step, &w, why, sizeof(why)),
                     77);
    ck_assert_str_eq(w.seen, "a! b ");
}
END_TEST

/* ---- the text ---- */

START_TEST(bad_text_is_refused_with_its_line)
{
    static const struct {
        const char *text, *reason;
    } bad[] = {
        { "", "no key" },
        { "# only a comment\n", "no key" },
        { "key = K\n", "no address" },
        { "address = h\n", "no key" },
        { "key = K\nkey = K\n", "line 2: given twice" },
        { "key = K\naddress = h\naddress = h\n", "line 3: given twice" },
        { "key = K\naddress = h\nport = 1\n", "line 3: unknown word" },
        { "nonsense\naddress = h\n", "line 1: expected" },
        { "key = KK\naddress = h\n", "line 1: the key" },
        { "key = \naddress = h\n", "line 1: the key" },
        { "key = K\naddress = \n", "line 2: not an address" },
        { "key = K\naddress = h:0\n", "line 2: not an address" },
        { "key = K\naddress = h:65536\n", "line 2: not an address" },
        { "key = K\naddress = h:1x\n", "line 2: not an address" },
        { "key = K\naddress = $(x)\n", "line 2: not an address" },
        { "key = K\r\naddress = h\n", "line 1: control" },
        { "key = K\naddress = h\ncomment = \xff\n", "line 3: control" },
    };
    char base64[SM_IDENTITY_BASE64_SIZE], text[512], *to;
    struct sm_pairing out;
    const char *from;
    size_t i;

    sm_identity_base64(key_b, base64);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        /* K stands for a good key. */
        for (from = bad[i].text, to = text; *from; from++)
            to += sprintf(to, *from == 'K' ? "%s" : "%.1s",
                          *from == 'K' ? base64 : from);
        ck_assert_int_eq(sm_pairing_parse("h", text, (size_t)(to - text),
                                          &out, why, sizeof(why)),
                         SM_STATE);
        ck_assert_msg(strstr(why, bad[i].reason) == why, "%s: %s",
                      bad[i].text, why);
        assert_wiped(&out);
    }
}
END_TEST

START_TEST(every_truncation_and_flip_is_safe)
{
    char base64[SM_IDENTITY_BASE64_SIZE], text[256];
    struct sm_pairing out;
    size_t len, bit;

    sm_identity_base64(key_b, base64);
    len = (size_t)snprintf(text, sizeof(text), "key = %s\naddress = [::1]:7"
                           "\ncomment = c\n", base64);
    for (bit = 0; bit < 8 * len; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        if (!sm_pairing_parse("h", text, len, &out, why, sizeof(why)))
            ck_assert(sm_identity_key_ok(out.key) && out.port);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (bit = 0; bit < len; bit++)
        if (!sm_pairing_parse("h", text, bit, &out, why, sizeof(why)))
            ck_assert(sm_identity_key_ok(out.key) && out.port);
}
END_TEST

START_TEST(endpoints_are_written_so_that_they_can_be_read)
{
    static const struct {
        const char *address, *endpoint;
        uint16_t port;
    } cases[] = {
        { "h", "h:1", 1 },
        { "192.0.2.1", "192.0.2.1:65535", 65535 },
        { "fe80::1%eth0", "[fe80::1%eth0]:8003", 8003 },
    };
    char out[SM_PAIRING_ENDPOINT_SIZE], address[SM_PAIRING_ADDRESS_SIZE];
    struct sm_pairing p = host("h", key_b);
    uint16_t port;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        strcpy(p.address, cases[i].address);
        p.port = cases[i].port;
        sm_pairing_endpoint(&p, out);
        ck_assert_str_eq(out, cases[i].endpoint);
        ck_assert_int_eq(sm_conf_address(out, address, sizeof(address),
                                         &port), 0);
        ck_assert_str_eq(address, cases[i].address);
        ck_assert_uint_eq(port, cases[i].port);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pairing");
    TCase *lookup = tcase_create("look-ups");
    TCase *unsafe = tcase_create("unsafe files");
    TCase *change = tcase_create("changes");
    TCase *text = tcase_create("text");

    tcase_add_checked_fixture(lookup, prepare, scratch_remove);
    tcase_add_test(lookup, what_was_added_is_found_both_ways);
    tcase_add_test(lookup, unknown_hosts_are_told_apart_from_unpaired_keys);
    tcase_add_test(lookup, removal_takes_effect_at_the_next_look_up);
    tcase_add_test(lookup, our_own_key_is_never_a_peer);
    tcase_add_test(lookup, a_key_under_two_names_matches_nothing);
    tcase_add_checked_fixture(unsafe, prepare, scratch_remove);
    tcase_set_timeout(unsafe, 60);
    tcase_add_test(unsafe, files_others_may_write_are_no_match);
    tcase_add_test(unsafe, links_are_no_match);
    tcase_add_test(unsafe,
                   other_kinds_of_file_are_no_match_and_do_not_stall);
    tcase_add_test(unsafe, files_of_other_users_are_no_match);
    tcase_add_test(unsafe,
        a_file_that_is_swapped_between_check_and_use_is_no_match);
    tcase_add_test(unsafe, large_files_are_no_match);
    tcase_add_test(unsafe, one_bad_file_does_not_shut_out_the_others);
    tcase_add_test(unsafe, a_directory_others_may_write_is_refused);
    tcase_add_test(unsafe, a_missing_directory_is_a_state_to_mend);
    tcase_add_test(unsafe, the_directory_is_bounded);
    tcase_add_checked_fixture(change, prepare, scratch_remove);
    tcase_add_test(change, another_key_for_a_name_needs_a_removal_first);
    tcase_add_test(change, the_address_can_be_updated);
    tcase_add_test(change, malformed_pairings_are_not_written);
    tcase_add_test(change, the_list_is_sorted_and_names_bad_files);
    tcase_add_checked_fixture(text, prepare, scratch_remove);
    tcase_add_test(text, bad_text_is_refused_with_its_line);
    tcase_add_test(text, every_truncation_and_flip_is_safe);
    tcase_add_test(text, endpoints_are_written_so_that_they_can_be_read);
    suite_add_tcase(suite, lookup);
    suite_add_tcase(suite, unsafe);
    suite_add_tcase(suite, change);
    suite_add_tcase(suite, text);
    return scratch_run(suite);
}
