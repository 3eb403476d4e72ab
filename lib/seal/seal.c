/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sealed object:
 *
 *     magic[8] "SMSEALED" · u16 version = 1 · u16 backend
 *     str purpose · str host · u64 expires · blob parameters   (1)
 *     blob wrapped object key
 *     nonce[24] · u32 length                                   (2)
 *     ciphertext (the length above)
 *     digest[32]: BLAKE2b-256 of everything before it
 *
 * The wrapped key is authenticated together with all bytes up to (1), the
 * ciphertext together with all bytes up to (2).  The digest has no key: it
 * is there to tell a damaged file from a wrong passphrase, and costs an
 * honest accident no Argon2id.
 */
#include "seal/seal.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/wire.h"
#include "seal/backend.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define MAGIC "SMSEALED"
#define MAGIC_LEN 8
#define VERSION 1
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define DIGEST_LEN crypto_generichash_BYTES

static const struct sm_seal_backend *const backends[] = {
    &sm_seal_plain,
    &sm_seal_passphrase,
    &sm_seal_tpm2,
};

#define N_BACKENDS (sizeof(backends) / sizeof(backends[0]))

struct sm_seal {
    const struct sm_seal_backend *backend;
    void *state;
};

/* An object taken apart; points into its bytes. */
struct object {
    const struct sm_seal_backend *backend;
    struct sm_seal_info info;
    struct sm_seal_bytes params, wrapped, cipher;
    struct sm_seal_bytes bound;         /* up to (1) */
    struct sm_seal_bytes header;        /* up to (2) */
    const uint8_t *nonce;
};

/* ---- backends ---- */

int sm_seal_open_backend(const char *name,
                         const struct sm_seal_source *source,
                         struct sm_seal **out, char *why, size_t why_size)
{
    const struct sm_seal_backend *backend = NULL;
    struct sm_seal *seal = NULL;
    size_t i;
    int rc;

    *out = NULL;
    WHY("%s", "");
    for (i = 0; i < N_BACKENDS; i++)
        if (!strcmp(backends[i]->name, name))
            backend = backends[i];
    if (!backend) {
        WHY("no sealed storage called '%s' (tpm2, passphrase and plain are "
            "known)", name);
        return SM_CONFIG;
    }
    seal = calloc(1, sizeof(*seal));
    if (!seal) {
        WHY("out of memory");
        return SM_NO_MEMORY;
    }
    rc = backend->open(source, &seal->state, why, why_size);
    if (rc) {
        free(seal);
        return rc;
    }
    seal->backend = backend;
    *out = seal;
    return 0;
}

void sm_seal_free(struct sm_seal *seal)
{
    if (!seal)
        return;
    seal->backend->close(seal->state);
    free(seal);
}

bool sm_seal_pin_refused(const struct sm_seal *seal)
{
    return seal && seal->backend->pin_refused &&
           seal->backend->pin_refused(seal->state);
}

/* ---- reading ---- */

static void digest(const uint8_t *data, size_t len,
                   uint8_t out[static DIGEST_LEN])
{
    /* Cannot fail: the lengths are constant or bounded. */
    crypto_generichash(out, DIGEST_LEN, data, len, NULL, 0);
}

static const struct sm_seal_backend *find_backend(uint16_t id)
{
    size_t i;

    for (i = 0; i < N_BACKENDS; i++)
        if (backends[i]->id == id)
            return backends[i];
    return NULL;
}

/* Take the fields out.  Returns NULL, or what is wrong. */
static const char *take_fields(struct sm_wire_reader *r, struct object *o)
{
    uint8_t magic[MAGIC_LEN], skipped[NONCE_LEN];
    uint16_t version, backend;
    uint64_t expires;

    sm_wire_get_bytes(r, magic, sizeof(magic));
    version = sm_wire_get_u16(r);
    backend = sm_wire_get_u16(r);
    if (memcmp(magic, MAGIC, MAGIC_LEN))
        return "not a sealed object";
    if (version != VERSION)
        return "sealed by another version of this program";
    o->backend = find_backend(backend);
    if (!o->backend)
        return "sealed by a backend that this program does not have";

    sm_wire_get_str(r, o->info.purpose, sizeof(o->info.purpose));
    sm_wire_get_str(r, o->info.host, sizeof(o->info.host));
    expires = sm_wire_get_u64(r);
    sm_wire_get_blob(r, SM_SEAL_PARAMS_MAX, &o->params.data, &o->params.len);
    o->bound.data = r->data;
    o->bound.len = r->pos;
    sm_wire_get_blob(r, SM_SEAL_WRAPPED_MAX, &o->wrapped.data,
                     &o->wrapped.len);
    o->nonce = r->data + r->pos;
    sm_wire_get_bytes(r, skipped, sizeof(skipped));
    o->header.data = r->data;
    o->header.len = r->pos + 4;
    sm_wire_get_blob(r, SM_SEAL_DATA_MAX + TAG_LEN, &o->cipher.data,
                     &o->cipher.len);
    if (sm_wire_end(r) || o->cipher.len <= TAG_LEN ||
        !o->info.purpose[0] || !o->info.host[0] || expires > INT64_MAX)
        return "damaged (malformed)";

    o->info.expires = (int64_t)expires;
    o->info.size = o->cipher.len - TAG_LEN;
    snprintf(o->info.backend, sizeof(o->info.backend), "%s",
             o->backend->name);
    return NULL;
}

static int take_apart(const uint8_t *data, size_t len, struct object *o,
                      char *why, size_t why_size)
{
    uint8_t want[DIGEST_LEN];
    struct sm_wire_reader r;
    const char *problem;

    memset(o, 0, sizeof(*o));
    WHY("%s", "");
    if (len < MAGIC_LEN + DIGEST_LEN || len > SM_SEAL_FILE_MAX) {
        WHY("not a sealed object, or truncated");
        return SM_SEAL;
    }
    digest(data, len - DIGEST_LEN, want);
    if (memcmp(data, MAGIC, MAGIC_LEN)) {
        WHY("not a sealed object");
        return SM_SEAL;
    }
    if (memcmp(data + len - DIGEST_LEN, want, DIGEST_LEN)) {
        WHY("damaged (its checksum is wrong): restore it from a backup");
        return SM_SEAL;
    }
    sm_wire_reader_init(&r, data, len - DIGEST_LEN);
    problem = take_fields(&r, o);
    if (problem) {
        WHY("%s", problem);
        return SM_SEAL;
    }
    return o->backend->check_params(o->params, &o->info, why, why_size);
}

static int check_binding(const struct sm_seal *seal, const struct object *o,
                         const char *purpose, const char *host, char *why,
                         size_t why_size)
{
    char when[21];

    if (o->backend != seal->backend)
        WHY("sealed with '%s', but '%s' is configured ('secmig seal move', "
            "run again, finishes what was interrupted)", o->info.backend,
            seal->backend->name);
    else if (strcmp(o->info.purpose, purpose))
        WHY("it is a '%s', not a '%s'", o->info.purpose, purpose);
    else if (strcmp(o->info.host, host))
        WHY("it belongs to host '%s', but this host's name is '%s'",
            o->info.host, host);
    else if (o->info.expires && sm_clock_real() > o->info.expires) {
        sm_clock_format(o->info.expires, when);
        WHY("it expired at %s", when);
    } else
        return 0;
    return SM_SEAL;
}

int sm_seal_unwrap(struct sm_seal *seal, const void *object,
                   size_t object_len, const char *purpose, const char *host,
                   uint8_t **data, size_t *len, char *why, size_t why_size)
{
    void *key = NULL, *plain = NULL;
    struct object o;
    int rc;

    *data = NULL;
    *len = 0;
    rc = take_apart(object, object_len, &o, why, why_size);
    if (rc)
        goto out;
    rc = check_binding(seal, &o, purpose, host, why, why_size);
    if (rc)
        goto out;
    rc = sm_secret_new(&key, SM_SEAL_KEY_LEN);
    if (!rc)
        rc = sm_secret_new(&plain, o.info.size);
    if (rc) {
        WHY("no locked memory for the secret (RLIMIT_MEMLOCK)");
        goto out;
    }
    rc = seal->backend->unwrap(seal->state, o.params, o.bound, o.wrapped,
                               key, why, why_size);
    if (rc)
        goto out;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            plain, NULL, NULL, o.cipher.data, o.cipher.len, o.header.data,
            o.header.len, o.nonce, key)) {
        WHY("tampered with: restore it from a backup");
        rc = SM_SEAL;
        goto out;
    }
    *data = plain;
    *len = o.info.size;
    plain = NULL;
out:
    sm_secret_free(plain);
    sm_secret_free(key);
    return rc;
}

int sm_seal_describe(const void *object, size_t object_len,
                     struct sm_seal_info *info, char *why, size_t why_size)
{
    struct object o;
    int rc;

    memset(info, 0, sizeof(*info));
    rc = take_apart(object, object_len, &o, why, why_size);
    if (!rc)
        *info = o.info;
    return rc;
}

/* ---- writing ---- */

static bool word_ok(const char *s)
{
    size_t n = strnlen(s, SM_SEAL_NAME_SIZE);

    return n > 0 && n < SM_SEAL_NAME_SIZE && sm_wire_text_ok(s, n);
}

/* Everything in front of the ciphertext, for `len` bytes of secret. */
static int put_header(struct sm_seal *seal, struct sm_wire_writer *w,
                      const char *purpose, const char *host, int64_t expires,
                      size_t len, const uint8_t *key,
                      uint8_t nonce[static NONCE_LEN], char *why,
                      size_t why_size)
{
    struct sm_wire_writer params, wrapped;
    struct sm_seal_bytes bound, given;
    int rc;

    sm_wire_writer_init(&params, SM_SEAL_PARAMS_MAX);
    sm_wire_writer_init(&wrapped, SM_SEAL_WRAPPED_MAX);
    seal->backend->put_params(seal->state, &params);
    sm_wire_put_bytes(w, MAGIC, MAGIC_LEN);
    sm_wire_put_u16(w, VERSION);
    sm_wire_put_u16(w, seal->backend->id);
    sm_wire_put_str(w, purpose);
    sm_wire_put_str(w, host);
    sm_wire_put_u64(w, (uint64_t)expires);
    sm_wire_put_blob(w, params.data, params.len);
    rc = sm_wire_error(&params);
    if (!rc)
        rc = sm_wire_error(w);
    if (rc)
        goto out;
    bound.data = w->data;
    bound.len = w->len;
    given.data = params.data;
    given.len = params.len;
    rc = seal->backend->wrap(seal->state, given, bound, key, &wrapped, why,
                             why_size);
    if (rc)
        goto out;
    sm_wire_put_blob(w, wrapped.data, wrapped.len);
    randombytes_buf(nonce, NONCE_LEN);
    sm_wire_put_bytes(w, nonce, NONCE_LEN);
    sm_wire_put_u32(w, (uint32_t)(len + TAG_LEN));
    rc = sm_wire_error(&wrapped);
    if (!rc)
        rc = sm_wire_error(w);
out:
    sm_wire_writer_dispose(&wrapped);
    sm_wire_writer_dispose(&params);
    return rc;
}

int sm_seal_wrap(struct sm_seal *seal, const char *purpose, const char *host,
                 int64_t expires, const void *data, size_t len,
                 uint8_t **out, size_t *out_len, char *why, size_t why_size)
{
    uint8_t nonce[NONCE_LEN], *object = NULL;
    struct sm_wire_writer w;
    void *key = NULL;
    size_t header;
    int rc;

    *out = NULL;
    *out_len = 0;
    WHY("%s", "");
    sm_wire_writer_init(&w, SM_SEAL_FILE_MAX);
    if (!word_ok(purpose) || !word_ok(host) || expires < 0 || !len ||
        len > SM_SEAL_DATA_MAX) {
        WHY("a secret, its purpose or its host is out of bounds");
        rc = SM_USAGE;
        goto out;
    }
    rc = sm_secret_new(&key, SM_SEAL_KEY_LEN);
    if (rc) {
        WHY("no locked memory for a key (RLIMIT_MEMLOCK)");
        goto out;
    }
    randombytes_buf(key, SM_SEAL_KEY_LEN);
    rc = put_header(seal, &w, purpose, host, expires, len, key, nonce, why,
                    why_size);
    if (rc)
        goto out;
    header = w.len;
    object = malloc(header + len + TAG_LEN + DIGEST_LEN);
    if (!object) {
        WHY("out of memory");
        rc = SM_NO_MEMORY;
        goto out;
    }
    memcpy(object, w.data, header);
    crypto_aead_xchacha20poly1305_ietf_encrypt(object + header, NULL, data,
                                               len, object, header, NULL,
                                               nonce, key);
    digest(object, header + len + TAG_LEN, object + header + len + TAG_LEN);
    *out = object;
    *out_len = header + len + TAG_LEN + DIGEST_LEN;
out:
    if (rc && !why[0])
        WHY("%s", sm_err_text(rc));
    sm_wire_writer_dispose(&w);
    sm_secret_free(key);
    return rc;
}

/* ---- files ---- */

int sm_seal_store(struct sm_seal *seal, const char *path,
                  const char *purpose, const char *host, int64_t expires,
                  const void *data, size_t len, char *why, size_t why_size)
{
    uint8_t *object = NULL;
    size_t object_len = 0;
    int rc;

    rc = sm_seal_wrap(seal, purpose, host, expires, data, len, &object,
                      &object_len, why, why_size);
    if (!rc)
        rc = sm_file_write(path, object, object_len, 0600, why, why_size);
    sm_file_free(object, object_len);
    return rc;
}

/* Put the path in front of a reason that lacks it. */
static void add_path(const char *path, char *why, size_t why_size)
{
    char reason[512];

    snprintf(reason, sizeof(reason), "%s", why);
    WHY("%s: %s", path, reason);
}

int sm_seal_load(struct sm_seal *seal, const char *path,
                 const char *purpose, const char *host,
                 uint8_t **data, size_t *len, char *why, size_t why_size)
{
    uint8_t *object = NULL;
    size_t object_len = 0;
    int rc;

    *data = NULL;
    *len = 0;
    rc = sm_file_read(path, SM_FILE_PRIVATE, SM_SEAL_FILE_MAX, &object,
                      &object_len, why, why_size);
    if (rc)
        return rc;
    rc = sm_seal_unwrap(seal, object, object_len, purpose, host, data, len,
                        why, why_size);
    if (rc)
        add_path(path, why, why_size);
    sm_file_free(object, object_len);
    return rc;
}

int sm_seal_inspect(const char *path, struct sm_seal_info *info,
                    char *why, size_t why_size)
{
    uint8_t *object = NULL;
    size_t object_len = 0;
    int rc;

    memset(info, 0, sizeof(*info));
    rc = sm_file_read(path, SM_FILE_PRIVATE, SM_SEAL_FILE_MAX, &object,
                      &object_len, why, why_size);
    if (rc)
        return rc;
    rc = sm_seal_describe(object, object_len, info, why, why_size);
    if (rc)
        add_path(path, why, why_size);
    sm_file_free(object, object_len);
    return rc;
}
