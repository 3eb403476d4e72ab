/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seal/box.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/wire.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define HEADER_LEN 6
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES

/* Header, then kind and name, each behind its length. */
#define BOUND_MAX (HEADER_LEN + 2 * (1 + SM_BOX_WORD_MAX))

_Static_assert(SM_BOX_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
               "XChaCha20-Poly1305");
_Static_assert(SM_BOX_OVERHEAD == HEADER_LEN + NONCE_LEN + TAG_LEN,
               "the layout above");

static const uint8_t header[HEADER_LEN] = { 'S', 'M', 'B', 'X', 0, 2 };

#define KEY_CONTEXT "xen-secmig box 2"

/* The key of a kind, which has been checked; the caller's to wipe. */
static void key_of(const uint8_t key[static SM_BOX_KEY_LEN],
                   const char *kind, uint8_t out[static SM_BOX_KEY_LEN])
{
    crypto_generichash_state h;

    /* Cannot fail: the lengths are constant. */
    crypto_generichash_init(&h, key, SM_BOX_KEY_LEN, SM_BOX_KEY_LEN);
    crypto_generichash_update(&h, (const uint8_t *)KEY_CONTEXT,
                              strlen(KEY_CONTEXT));
    crypto_generichash_update(&h, (const uint8_t *)kind, strlen(kind));
    crypto_generichash_final(&h, out, SM_BOX_KEY_LEN);
    sm_secret_wipe(&h, sizeof(h));
}

/* What is authenticated besides the content; 0 when a word is unfit. */
static size_t bind(const char *kind, const char *name,
                   uint8_t out[static BOUND_MAX])
{
    const char *const words[] = { kind, name };
    size_t at = HEADER_LEN, i, n;

    memcpy(out, header, HEADER_LEN);
    for (i = 0; i < 2; i++) {
        n = strnlen(words[i], SM_BOX_WORD_MAX + 1);
        if (!n || n > SM_BOX_WORD_MAX || !sm_wire_text_ok(words[i], n))
            return 0;
        out[at++] = (uint8_t)n;
        memcpy(out + at, words[i], n);
        at += n;
    }
    return at;
}

int sm_box_close(const uint8_t key[static SM_BOX_KEY_LEN], const char *kind,
                 const char *name, const void *data, size_t len,
                 uint8_t *out, size_t size, size_t *out_len)
{
    uint8_t bound[BOUND_MAX], mine[SM_BOX_KEY_LEN];
    size_t n = bind(kind, name, bound);

    *out_len = 0;
    if (!n || len > SM_BOX_DATA_MAX || size < len + SM_BOX_OVERHEAD)
        return SM_USAGE;
    memcpy(out, header, HEADER_LEN);
    randombytes_buf(out + HEADER_LEN, NONCE_LEN);
    key_of(key, kind, mine);
    /* Cannot fail: the length is bounded. */
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + HEADER_LEN + NONCE_LEN, NULL, data, len, bound, n, NULL,
        out + HEADER_LEN, mine);
    sm_secret_wipe(mine, sizeof(mine));
    *out_len = len + SM_BOX_OVERHEAD;
    return 0;
}

int sm_box_open(const uint8_t key[static SM_BOX_KEY_LEN], const char *kind,
                const char *name, const void *box, size_t box_len,
                uint8_t *out, size_t size, size_t *out_len,
                char *why, size_t why_size)
{
    uint8_t bound[BOUND_MAX], mine[SM_BOX_KEY_LEN];
    const uint8_t *bytes = box;
    size_t n = bind(kind, name, bound);
    int bad;

    *out_len = 0;
    WHY("%s", "");
    if (!n) {
        WHY("not the kind and name of a box");
        return SM_USAGE;
    }
    if (box_len < SM_BOX_OVERHEAD ||
        box_len > SM_BOX_DATA_MAX + SM_BOX_OVERHEAD ||
        memcmp(bytes, header, 4)) {
        WHY("not a box, or cut short");
        return SM_SEAL;
    }
    if (memcmp(bytes, header, HEADER_LEN)) {
        WHY("written by another version of this program");
        return SM_SEAL;
    }
    if (size < box_len - SM_BOX_OVERHEAD) {
        WHY("no room for what is in the box");
        return SM_USAGE;
    }
    key_of(key, kind, mine);
    bad = crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, NULL, NULL, bytes + HEADER_LEN + NONCE_LEN,
        box_len - HEADER_LEN - NONCE_LEN, bound, n, bytes + HEADER_LEN,
        mine);
    sm_secret_wipe(mine, sizeof(mine));
    if (bad) {
        WHY("does not open: damaged, or of another key, kind or name");
        return SM_SEAL;
    }
    *out_len = box_len - SM_BOX_OVERHEAD;
    return 0;
}
