/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public keys and signatures in minisign's format.  What parses is clean;
 * nothing but the one genuine signature verifies; a key that parses comes
 * out of the writer as a key that parses to the same.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "trust/minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key_text[] =
    "RWTIpNA40OUmpb2HUjIIvL+4SqiA6dvc1SKuv0bN0EPcqbxK7xvq1J5D";

/* Of the signature in corpus/minisign/prehashed, over "policy bytes\n". */
static const char comment[] = "a trusted comment";
static const char message[] = "policy bytes\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_minisign_public key, other, again;
    struct sm_minisign_signature sig;
    char why[256], text[128];
    size_t i;

    if (sodium_init() < 0 ||
        sm_minisign_public_parse(key_text, sizeof(key_text) - 1, &key, why,
                                 sizeof(why)))
        abort();
    if (sm_minisign_public_parse(data, size, &other, why,
                                 sizeof(why)) == 0) {
        if (sm_minisign_public_format(&other, text, sizeof(text)) ||
            sm_minisign_public_parse(text, strlen(text), &again, why,
                                     sizeof(why)) ||
            memcmp(&other, &again, sizeof(other)))
            abort();
    } else if (!why[0]) {
        abort();
    }
    if (sm_minisign_signature_parse(data, size, &sig, why,
                                    sizeof(why)) == 0) {
        for (i = 0; sig.comment[i]; i++)
            if (sig.comment[i] != '\t' &&
                (unsigned char)sig.comment[i] < 0x20)
                abort();
        if (sm_minisign_verify(&key, &sig, message, sizeof(message) - 1, why,
                               sizeof(why)) == 0 &&
            strcmp(sig.comment, comment) &&
            strcmp(sig.comment, "legacy comment"))
            abort();
        if (sm_minisign_verify(&key, &sig, message, sizeof(message) - 2, why,
                               sizeof(why)) == 0)
            abort();
    } else if (!why[0]) {
        abort();
    }
    return 0;
}
