/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend `passphrase`: the object key is encrypted under
 * Argon2id(passphrase, salt), RFC 9106 version 1.3 with one lane, as
 * libsodium's crypto_pwhash() computes it.
 *
 * Parameters   u32 passes · u64 bytes of memory · salt[16]
 * Wrapped key  nonce[24] · XChaCha20-Poly1305(object key)
 */
#include "seal/backend.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/secret.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define WRAPPED_LEN (NONCE_LEN + SM_SEAL_KEY_LEN + TAG_LEN)

_Static_assert(SM_SEAL_KEY_LEN ==
               crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");

struct state {
    uint8_t *passphrase;    /* locked */
    size_t len;
    uint32_t ops;
    uint64_t mem;
};

struct params {
    uint32_t ops;
    uint64_t mem;
    uint8_t salt[crypto_pwhash_SALTBYTES];
};

static const char *cost_problem(uint32_t ops, uint64_t mem)
{
    if (ops < SM_SEAL_OPS_MIN || mem < SM_SEAL_MEM_MIN)
        return "too weak";
    if (ops > SM_SEAL_OPS_MAX || mem > SM_SEAL_MEM_MAX ||
        mem * ops > SM_SEAL_WORK_MAX)
        return "too high";
    return NULL;
}

/* ---- where the passphrase comes from ---- */

static void state_free(void *p)
{
    struct state *st = p;

    if (!st)
        return;
    sm_secret_free(st->passphrase);
    free(st);
}

static int from_file(struct state *st, const char *path, char *why,
                     size_t why_size)
{
    int rc;

    /* One byte over the limit for the newline. */
    rc = sm_file_read_secret(path, SM_SEAL_PASSPHRASE_MAX + 1,
                             &st->passphrase, &st->len, why, why_size);
    if (rc)
        return rc;
    if (st->len && st->passphrase[st->len - 1] == '\n')
        st->len--;
    return 0;
}

static int from_person(struct state *st, const struct sm_seal_source *source,
                       char *why, size_t why_size)
{
    void *locked = NULL;
    int rc;

    if (!source->ask) {
        WHY("no passphrase to open sealed storage with: name a file "
            "(passphrase-file) or give the systemd credential '"
            SM_SEAL_CREDENTIAL "'");
        return SM_SEAL;
    }
    rc = sm_secret_new(&locked, SM_SEAL_PASSPHRASE_MAX + 1);
    if (rc) {
        WHY("no locked memory for the passphrase (RLIMIT_MEMLOCK)");
        return rc;
    }
    st->passphrase = locked;
    rc = source->ask(source->ask_ctx, source->fresh, st->passphrase,
                     SM_SEAL_PASSPHRASE_MAX + 1, &st->len);
    if (rc)
        WHY("no passphrase was given (a file, passphrase-file, or the "
            "systemd credential '" SM_SEAL_CREDENTIAL "' will do, too)");
    return rc;
}

static int obtain(struct state *st, const struct sm_seal_source *source,
                  char *why, size_t why_size)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];
    int rc;

    if (source->passphrase_file)
        return from_file(st, source->passphrase_file, why, why_size);
    if (dir && dir[0] == '/') {
        if (snprintf(path, sizeof(path), "%s/" SM_SEAL_CREDENTIAL, dir) >=
            (int)sizeof(path)) {
            WHY("$CREDENTIALS_DIRECTORY: path too long");
            return SM_STATE;
        }
        errno = 0;
        rc = from_file(st, path, why, why_size);
        if (rc != SM_STATE || errno != ENOENT)
            return rc;
    }
    return from_person(st, source, why, why_size);
}

static int passphrase_open(const struct sm_seal_source *source, void **state,
                           char *why, size_t why_size)
{
    struct state *st = NULL;
    const char *problem;
    int rc;

    st = calloc(1, sizeof(*st));
    if (!st) {
        WHY("out of memory");
        rc = SM_NO_MEMORY;
        goto out;
    }
    st->ops = source->ops ? source->ops : SM_SEAL_OPS_DEFAULT;
    st->mem = source->mem ? source->mem : SM_SEAL_MEM_DEFAULT;
    problem = cost_problem(st->ops, st->mem);
    if (problem) {
        WHY("cost of Argon2id is %s", problem);
        rc = SM_CONFIG;
        goto out;
    }
    rc = obtain(st, source, why, why_size);
    if (rc)
        goto out;
    problem = NULL;
    if (!st->len)
        problem = "the passphrase is empty";
    else if (st->len > SM_SEAL_PASSPHRASE_MAX)
        problem = "the passphrase is too long";
    else if (source->fresh && st->len < SM_SEAL_PASSPHRASE_MIN)
        problem = "the passphrase is too short (8 characters at least)";
    if (problem) {
        WHY("%s", problem);
        rc = SM_SEAL;
        goto out;
    }
    *state = st;
    st = NULL;
out:
    state_free(st);
    return rc;
}

/* ---- wrapping ---- */

static void passphrase_put_params(void *state, struct sm_wire_writer *w)
{
    const struct state *st = state;
    uint8_t salt[crypto_pwhash_SALTBYTES];

    randombytes_buf(salt, sizeof(salt));
    sm_wire_put_u32(w, st->ops);
    sm_wire_put_u64(w, st->mem);
    sm_wire_put_bytes(w, salt, sizeof(salt));
}

static int get_params(struct sm_seal_bytes bytes, struct params *out)
{
    struct sm_wire_reader r;

    sm_wire_reader_init(&r, bytes.data, bytes.len);
    out->ops = sm_wire_get_u32(&r);
    out->mem = sm_wire_get_u64(&r);
    sm_wire_get_bytes(&r, out->salt, sizeof(out->salt));
    return sm_wire_end(&r);
}

static int passphrase_check_params(struct sm_seal_bytes bytes,
                                   struct sm_seal_info *info, char *why,
                                   size_t why_size)
{
    const char *problem;
    struct params p;

    if (get_params(bytes, &p)) {
        WHY("damaged (parameters of the passphrase)");
        return SM_SEAL;
    }
    problem = cost_problem(p.ops, p.mem);
    if (problem) {
        WHY("the cost of Argon2id in it is %s (%u passes over %llu bytes): "
            "not a file of this program, or tampered with", problem,
            (unsigned int)p.ops, (unsigned long long)p.mem);
        return SM_SEAL;
    }
    info->ops = p.ops;
    info->mem = p.mem;
    return 0;
}

/* The key that encrypts object keys, in locked memory. */
static int stretch(const struct state *st, struct sm_seal_bytes bytes,
                   void **kek, char *why, size_t why_size)
{
    struct params p;
    int rc;

    *kek = NULL;
    rc = get_params(bytes, &p);
    if (rc) {
        WHY("damaged (parameters of the passphrase)");
        return SM_SEAL;
    }
    rc = sm_secret_new(kek, SM_SEAL_KEY_LEN);
    if (rc) {
        WHY("no locked memory for a key (RLIMIT_MEMLOCK)");
        return rc;
    }
    /* Fails only when the memory cannot be had. */
    if (crypto_pwhash(*kek, SM_SEAL_KEY_LEN, (const char *)st->passphrase,
                      st->len, p.salt, p.ops, (size_t)p.mem,
                      crypto_pwhash_ALG_ARGON2ID13)) {
        WHY("Argon2id needs %llu MiB of memory: not to be had",
            (unsigned long long)(p.mem >> 20));
        sm_secret_free(*kek);
        *kek = NULL;
        return SM_NO_MEMORY;
    }
    return 0;
}

static int passphrase_wrap(void *state, struct sm_seal_bytes params,
                           struct sm_seal_bytes bound, const uint8_t *key,
                           struct sm_wire_writer *w, char *why,
                           size_t why_size)
{
    uint8_t nonce[NONCE_LEN], box[SM_SEAL_KEY_LEN + TAG_LEN];
    void *kek = NULL;
    int rc;

    rc = stretch(state, params, &kek, why, why_size);
    if (rc)
        return rc;
    randombytes_buf(nonce, sizeof(nonce));
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        box, NULL, key, SM_SEAL_KEY_LEN, bound.data, bound.len, NULL, nonce,
        kek);
    sm_wire_put_bytes(w, nonce, sizeof(nonce));
    sm_wire_put_bytes(w, box, sizeof(box));
    sm_secret_free(kek);
    return 0;
}

static int passphrase_unwrap(void *state, struct sm_seal_bytes params,
                             struct sm_seal_bytes bound,
                             struct sm_seal_bytes wrapped, uint8_t *key,
                             char *why, size_t why_size)
{
    void *kek = NULL;
    int rc;

    if (wrapped.len != WRAPPED_LEN) {
        WHY("damaged (wrong length of the object key)");
        return SM_SEAL;
    }
    rc = stretch(state, params, &kek, why, why_size);
    if (rc)
        return rc;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            key, NULL, NULL, wrapped.data + NONCE_LEN,
            wrapped.len - NONCE_LEN, bound.data, bound.len, wrapped.data,
            kek)) {
        WHY("wrong passphrase (or its header was tampered with)");
        rc = SM_SEAL;
    }
    sm_secret_free(kek);
    return rc;
}

const struct sm_seal_backend sm_seal_passphrase = {
    .id = 2,
    .name = "passphrase",
    .open = passphrase_open,
    .close = state_free,
    .put_params = passphrase_put_params,
    .check_params = passphrase_check_params,
    .wrap = passphrase_wrap,
    .unwrap = passphrase_unwrap,
};
