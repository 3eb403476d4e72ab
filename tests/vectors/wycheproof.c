/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wycheproof FILE.json
 *
 * Runs one of Wycheproof's files through this library's own functions: which
 * one is told by its "algorithm" (XDH for X25519, CHACHA20-POLY1305,
 * AES-GCM).
 *
 * X25519: the shared secret must be the one given, and a computation is
 * refused exactly when the one given is all zeroes.  AEAD: a valid vector
 * must seal to those bytes and open to the message; an invalid one must not
 * open.
 */
#include "vectors.h"

#include "base/secret.h"
#include "channel/dh.h"
#include "channel/suite.h"

struct count {
    unsigned int matched, refused;
    struct tally skipped, failed;
};

static void fail(struct count *c, yajl_val test, const char *why)
{
    yajl_val id = member(test, "tcId");

    printf("not ok - test %s: %s\n",
           id && YAJL_IS_NUMBER(id) ? YAJL_GET_NUMBER(id) : "?", why);
    tally_add(&c->failed, why);
}

static void run_x25519(yajl_val group, yajl_val test, struct count *c)
{
    struct bytes public = { 0 }, private = { 0 }, shared = { 0 };
    uint8_t ours[SM_DH_LEN], sum = 0;
    size_t i;
    int rc;

    (void)group;
    if (!hex_of(member(test, "public"), &public) ||
        !hex_of(member(test, "private"), &private) ||
        !hex_of(member(test, "shared"), &shared) ||
        public.len != SM_DH_LEN || private.len != SM_DH_LEN ||
        shared.len != SM_DH_LEN) {
        fail(c, test, "a member is not 32 bytes");
        goto out;
    }
    for (i = 0; i < SM_DH_LEN; i++)
        sum |= shared.data[i];
    rc = sm_dh_shared(private.data, public.data, ours);
    if (!sum && rc != SM_PROTOCOL)
        fail(c, test, "a shared secret of zeroes was not refused");
    else if (sum && rc)
        fail(c, test, "refused");
    else if (memcmp(ours, shared.data, SM_DH_LEN))
        fail(c, test, "shared secret differs");
    else if (rc)
        c->refused++;
    else
        c->matched++;

 out:
    bytes_free(&public);
    bytes_free(&private);
    bytes_free(&shared);
}

static const char *aead(enum sm_suite suite, yajl_val test,
                        const struct bytes *key, const struct bytes *iv,
                        const struct bytes *ad, const struct bytes *msg,
                        const struct bytes *sealed, bool *refused)
{
    const char *result = text_of(member(test, "result"));
    struct sm_suite_key k = { .id = SM_SUITE_NONE };
    uint8_t *out = malloc(sealed->len + SM_SUITE_TAG_MAX);
    const char *why = NULL;
    bool valid;
    int rc;

    if (!out || !result)
        abort();
    valid = !strcmp(result, "valid");
    *refused = !valid;
    if (sm_suite_key_set(&k, suite, key->data)) {
        why = "key refused";
        goto out;
    }
    rc = sm_suite_open(&k, iv->data, ad->data, ad->len, sealed->data,
                       sealed->len, out);
    if (!valid) {
        why = rc == SM_PROTOCOL ? NULL : "a forgery opened";
        goto out;
    }
    if (rc || memcmp(out, msg->data, msg->len)) {
        why = "does not open to the message";
        goto out;
    }
    rc = sm_suite_seal(&k, iv->data, ad->data, ad->len, msg->data, msg->len,
                       out);
    if (rc || memcmp(out, sealed->data, sealed->len))
        why = "does not seal to the bytes given";

 out:
    sm_suite_key_wipe(&k);
    free(out);
    return why;
}

static void run_aead(enum sm_suite suite, yajl_val test, struct count *c)
{
    struct bytes key = { 0 }, iv = { 0 }, ad = { 0 }, msg = { 0 };
    struct bytes ct = { 0 }, tag = { 0 }, sealed = { 0 };
    const char *why;
    bool refused;

    if (!hex_of(member(test, "key"), &key) ||
        !hex_of(member(test, "iv"), &iv) ||
        !hex_of(member(test, "aad"), &ad) ||
        !hex_of(member(test, "msg"), &msg) ||
        !hex_of(member(test, "ct"), &ct) ||
        !hex_of(member(test, "tag"), &tag)) {
        fail(c, test, "a member is not hexadecimal");
    } else if (key.len != SM_SUITE_KEY_LEN) {
        tally_add(&c->skipped, "key is not 256 bits");
    } else if (iv.len != sm_suite_nonce_len(suite)) {
        tally_add(&c->skipped, "nonce is not 96 bits");
    } else if (tag.len != sm_suite_tag_len(suite)) {
        tally_add(&c->skipped, "tag is not 128 bits");
    } else {
        sealed.len = ct.len + tag.len;
        sealed.data = malloc(sealed.len);
        if (!sealed.data)
            abort();
        memcpy(sealed.data, ct.data, ct.len);
        memcpy(sealed.data + ct.len, tag.data, tag.len);
        why = aead(suite, test, &key, &iv, &ad, &msg, &sealed, &refused);
        if (why)
            fail(c, test, why);
        else if (refused)
            c->refused++;
        else
            c->matched++;
    }
    bytes_free(&key);
    bytes_free(&iv);
    bytes_free(&ad);
    bytes_free(&msg);
    bytes_free(&ct);
    bytes_free(&tag);
    bytes_free(&sealed);
}

static void run_chacha(yajl_val group, yajl_val test, struct count *c)
{
    (void)group;
    run_aead(SM_SUITE_CHACHA20POLY1305, test, c);
}

static void run_gcm(yajl_val group, yajl_val test, struct count *c)
{
    (void)group;
    run_aead(SM_SUITE_AES256GCM, test, c);
}

static const struct {
    const char *algorithm;
    uint32_t suites;            /* needed on this machine */
    void (*run)(yajl_val group, yajl_val test, struct count *c);
} table[] = {
    { "XDH", 0, run_x25519 },
    { "CHACHA20-POLY1305", SM_SUITE_BIT(SM_SUITE_CHACHA20POLY1305),
      run_chacha },
    { "AES-GCM", SM_SUITE_BIT(SM_SUITE_AES256GCM), run_gcm },
};

static void run_file(size_t row, yajl_val groups, struct count *c)
{
    yajl_val group, tests;
    size_t i, j;

    for (i = 0; i < YAJL_GET_ARRAY(groups)->len; i++) {
        group = YAJL_GET_ARRAY(groups)->values[i];
        tests = member(group, "tests");
        if (!tests || !YAJL_IS_ARRAY(tests)) {
            tally_add(&c->failed, "a group without tests");
            continue;
        }
        for (j = 0; j < YAJL_GET_ARRAY(tests)->len; j++)
            table[row].run(group, YAJL_GET_ARRAY(tests)->values[j], c);
    }
}

int main(int argc, char **argv)
{
    const size_t rows = sizeof(table) / sizeof(table[0]);
    struct count c = { .matched = 0 };
    const char *algorithm;
    yajl_val root, groups;
    size_t row;

    if (argc != 2) {
        fprintf(stderr, "usage: wycheproof FILE.json\n");
        return 2;
    }
    if (sm_secret_init()) {
        fprintf(stderr, "wycheproof: no libsodium\n");
        return 2;
    }
    root = load(argv[1]);
    algorithm = text_of(member(root, "algorithm"));
    groups = member(root, "testGroups");
    if (!algorithm || !groups || !YAJL_IS_ARRAY(groups)) {
        fprintf(stderr, "%s: not a Wycheproof file\n", argv[1]);
        return 2;
    }
    for (row = 0; row < rows; row++)
        if (!strcmp(table[row].algorithm, algorithm))
            break;
    if (row == rows) {
        fprintf(stderr, "%s: no runner for %s\n", argv[1], algorithm);
        return 2;
    }
    if (table[row].suites & ~sm_suite_available()) {
        printf("skip - Wycheproof %s: this processor lacks it\n", algorithm);
        yajl_tree_free(root);
        return 77;
    }
    run_file(row, groups, &c);

    tally_print(&c.skipped, "skipped");
    tally_print(&c.failed, "failed");
    printf("%s - Wycheproof %s: %u match, %u refused, %u skipped, "
           "%u failed\n", c.failed.total || !c.matched ? "not ok" : "ok",
           algorithm, c.matched, c.refused, c.skipped.total,
           c.failed.total);
    yajl_tree_free(root);
    return c.failed.total || !c.matched;
}
