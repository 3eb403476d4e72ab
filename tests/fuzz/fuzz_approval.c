/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Approvals of PCRs: what is read is written as the same text again, but for
 * the case of digits.  Without a good signature nothing is; so what a fuzzer
 * makes is also read with its signature put right, by a key of the fuzzer's.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "seal/approval.h"

#define HEX 128
#define KEY_AT (sizeof("xen-secmig approval 1\nupdate-key ") - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t secret[SM_UPDATE_SECRET_LEN];
static struct sm_update_key key;

static void put_hex(char *at, const uint8_t *bytes, size_t n)
{
    char hex[HEX + 1];

    sodium_bin2hex(hex, sizeof(hex), bytes, n);
    memcpy(at, hex, 2 * n);
}

static int parse(const char *text, size_t len, struct sm_approval *a)
{
    char again[SM_APPROVAL_TEXT_MAX], why[512];
    int rc = sm_approval_parse(text, len, a, why, sizeof(why));

    if (rc) {
        if (rc != SM_SEAL || !why[0] || a->pcrs)
            abort();
        return rc;
    }
    if (!a->pcrs || a->pcrs >> SM_SEAL_PCRS ||
        sm_approval_text(a, again, sizeof(again)) != len ||
        strncasecmp(again, text, len))
        abort();
    return 0;
}

/* Sign the PCRs that the text names, if it names any. */
static void parse_signed(char *text, size_t len)
{
    uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];
    struct sm_approval a, wanted;
    char why[512], *at, *line;
    unsigned int number;
    uint32_t pcrs = 0;

    for (line = text; (at = strchr(line, '\n')); line = at + 1) {
        if (strncmp(line, "pcr ", 4))
            continue;
        number = (unsigned int)strtoul(line + 4, &at, 10);
        if (number >= SM_SEAL_PCRS || *at != ' ' ||
            sodium_hex2bin(pcr[number], SM_SEAL_PCR_LEN, at + 1,
                           2 * SM_SEAL_PCR_LEN, NULL, NULL, NULL))
            return;
        pcrs |= 1u << number;
        at = strchr(line, '\n');
    }
    if (!pcrs || len < KEY_AT + HEX + 1 + HEX ||
        sm_approval_sign(secret, &key, pcrs,
                         (const uint8_t (*)[SM_SEAL_PCR_LEN])pcr, &wanted,
                         why, sizeof(why)))
        return;
    put_hex(text + KEY_AT, key.x, 32);
    put_hex(text + KEY_AT + 64, key.y, 32);
    put_hex(text + len - 1 - HEX, wanted.signature, 64);
    if (!parse(text, len, &a) && memcmp(&a, &wanted, sizeof(a)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ready;
    struct sm_approval a;
    char *text;

    if (!ready && (sodium_init() < 0 || sm_update_key_make(secret, &key)))
        abort();
    ready = 1;
    text = calloc(1, size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    parse(text, size, &a);
    if (strlen(text) == size)
        parse_signed(text, size);
    free(text);
    return 0;
}
