/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel/noise_pattern.h"

#include <string.h>

#include "channel/kem.h"

#define E SM_NOISE_E
#define S SM_NOISE_S
#define EE SM_NOISE_EE
#define ES SM_NOISE_ES
#define SE SM_NOISE_SE
#define SS SM_NOISE_SS

/* Sections 7.4 (one-way), 7.5 (fundamental) and 18.1 (deferred).  A row of
 * tokens ends with END, which is 0; there are `n` of them. */
static const struct row {
    const char *name;
    bool initiator_known, responder_known;
    unsigned int n;
    uint8_t messages[SM_NOISE_PATTERN_MESSAGES][SM_NOISE_PATTERN_TOKENS];
} table[] = {
    { "N",  false, true,  1, { { E, ES } } },
    { "K",  true,  true,  1, { { E, ES, SS } } },
    { "X",  false, true,  1, { { E, ES, S, SS } } },

    { "NN", false, false, 2, { { E }, { E, EE } } },
    { "NK", false, true,  2, { { E, ES }, { E, EE } } },
    { "NX", false, false, 2, { { E }, { E, EE, S, ES } } },
    { "KN", true,  false, 2, { { E }, { E, EE, SE } } },
    { "KK", true,  true,  2, { { E, ES, SS }, { E, EE, SE } } },
    { "KX", true,  false, 2, { { E }, { E, EE, SE, S, ES } } },
    { "XN", false, false, 3, { { E }, { E, EE }, { S, SE } } },
    { "XK", false, true,  3, { { E, ES }, { E, EE }, { S, SE } } },
    { "XX", false, false, 3, { { E }, { E, EE, S, ES }, { S, SE } } },
    { "IN", false, false, 2, { { E, S }, { E, EE, SE } } },
    { "IK", false, true,  2, { { E, ES, S, SS }, { E, EE, SE } } },
    { "IX", false, false, 2, { { E, S }, { E, EE, SE, S, ES } } },

    { "NK1", false, true, 2, { { E }, { E, EE, ES } } },
    { "NX1", false, false, 3, { { E }, { E, EE, S }, { ES } } },
    { "X1N", false, false, 4, { { E }, { E, EE }, { S }, { SE } } },
    { "X1K", false, true, 4, { { E, ES }, { E, EE }, { S }, { SE } } },
    { "XK1", false, true, 3, { { E }, { E, EE, ES }, { S, SE } } },
    { "X1K1", false, true, 4, { { E }, { E, EE, ES }, { S }, { SE } } },
    { "X1X", false, false, 4, { { E }, { E, EE, S, ES }, { S }, { SE } } },
    { "XX1", false, false, 3, { { E }, { E, EE, S }, { ES, S, SE } } },
    { "X1X1", false, false, 4, { { E }, { E, EE, S }, { ES, S }, { SE } } },
    { "K1N", true, false, 3, { { E }, { E, EE }, { SE } } },
    { "K1K", true, true, 3, { { E, ES }, { E, EE }, { SE } } },
    { "KK1", true, true, 2, { { E }, { E, EE, SE, ES } } },
    { "K1K1", true, true, 3, { { E }, { E, EE, ES }, { SE } } },
    { "K1X", true, false, 3, { { E }, { E, EE, S, ES }, { SE } } },
    { "KX1", true, false, 3, { { E }, { E, EE, SE, S }, { ES } } },
    { "K1X1", true, false, 3, { { E }, { E, EE, S }, { SE, ES } } },
    { "I1N", false, false, 3, { { E, S }, { E, EE }, { SE } } },
    { "I1K", false, true, 3, { { E, ES, S }, { E, EE }, { SE } } },
    { "IK1", false, true, 2, { { E, S }, { E, EE, SE, ES } } },
    { "I1K1", false, true, 3, { { E, S }, { E, EE, ES }, { SE } } },
    { "I1X", false, false, 3, { { E, S }, { E, EE, S, ES }, { SE } } },
    { "IX1", false, false, 3, { { E, S }, { E, EE, SE, S }, { ES } } },
    { "I1X1", false, false, 3, { { E, S }, { E, EE, S }, { SE, ES } } },
};

#undef E
#undef S
#undef EE
#undef ES
#undef SE
#undef SS

/* The part of a name up to `stop` or the end; *p moves behind it. */
static size_t part(const char **p, const char **start, const char *stop)
{
    size_t len;

    *start = *p;
    len = strcspn(*p, stop);
    *p += len;
    return len;
}

static bool is(const char *start, size_t len, const char *word)
{
    return strlen(word) == len && !memcmp(start, word, len);
}

static const char *base_pattern(const char *start, size_t len,
                                struct sm_noise_pattern *out)
{
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (!is(start, len, table[i].name))
            continue;
        out->initiator_known = table[i].initiator_known;
        out->responder_known = table[i].responder_known;
        out->n_messages = table[i].n;
        memcpy(out->messages, table[i].messages, sizeof(out->messages));
        return NULL;
    }
    return "pattern is not in the table";
}

/* psk0 goes before the first message's tokens, pskN after the Nth's. */
static void add_psk(struct sm_noise_pattern *out, unsigned int where)
{
    uint8_t *row = out->messages[where ? where - 1 : 0];
    size_t n = 0;

    while (row[n] != SM_NOISE_END)
        n++;
    if (where) {
        row[n] = SM_NOISE_PSK;
    } else {
        memmove(row + 1, row, n);
        row[0] = SM_NOISE_PSK;
    }
    out->n_psks++;
}

/* A token, behind the first `before` of the pattern. */
static bool add_after(struct sm_noise_pattern *out, uint8_t before,
                      uint8_t token)
{
    uint8_t *p, *row;
    unsigned int m;

    for (m = 0; m < out->n_messages; m++) {
        row = out->messages[m];
        p = memchr(row, before, SM_NOISE_PATTERN_TOKENS);
        if (!p)
            continue;
        p++;
        memmove(p + 1, p, (size_t)(row + SM_NOISE_PATTERN_TOKENS - p - 1));
        *p = token;
        return true;
    }
    return false;
}

/* Noise HFS: "e1" behind the first "e", "ekem1" behind the first "ee". */
static const char *add_hfs(struct sm_noise_pattern *out)
{
    if (!add_after(out, SM_NOISE_EE, SM_NOISE_EKEM1))
        return "hfs has no place in a one-way pattern";
    (void)add_after(out, SM_NOISE_E, SM_NOISE_E1);
    out->hfs = true;
    return NULL;
}

static const char *modifiers(const char *start, size_t len,
                             struct sm_noise_pattern *out)
{
    int last = -1, where;
    const char *why;

    if (len >= 3 && !memcmp(start, "hfs", 3) && (len == 3 || start[3] == '+')) {
        why = add_hfs(out);
        if (why || len == 3)
            return why;
        start += 4;
        len -= 4;
        if (!len)
            return "modifiers are not separated by one +";
    }
    while (len) {
        if (len == 3 && !memcmp(start, "hfs", 3))
            return "modifiers are not in order";
        if (len < 4 || memcmp(start, "psk", 3))
            return "modifier is not hfs or psk0 to psk4";
        where = start[3] - '0';
        if (where < 0 || where > 4)
            return "modifier is not hfs or psk0 to psk4";
        if (where <= last)
            return "modifiers are not in order";
        if ((unsigned int)where > out->n_messages)
            return "psk modifier is beyond the last message";
        add_psk(out, (unsigned int)where);
        last = where;
        start += 4;
        len -= 4;
        if (len && (*start++ != '+' || !--len))
            return "modifiers are not separated by one +";
    }
    return NULL;
}

static const char *cipher(const char *start, size_t len, enum sm_suite *out)
{
    if (is(start, len, "ChaChaPoly")) {
        *out = SM_SUITE_CHACHA20POLY1305;
        return NULL;
    }
    if (!is(start, len, "AESGCM"))
        return "cipher is not ChaChaPoly or AESGCM";
    *out = SM_SUITE_AES256GCM;
    if (!(sm_suite_available() & SM_SUITE_BIT(*out)))
        return "AESGCM: this processor has no AES instructions";
    return NULL;
}

const char *sm_noise_pattern_parse(const char *name,
                                   struct sm_noise_pattern *out)
{
    const char *p = name, *start, *why;
    size_t len;

    memset(out, 0, sizeof(*out));
    if (strlen(name) > SM_NOISE_NAME_MAX)
        return "name is longer than 255 bytes";
    if (strncmp(p, "Noise_", 6))
        return "name does not start with Noise_";
    p += 6;

    len = part(&p, &start, "_abcdefghijklmnopqrstuvwxyz");
    why = base_pattern(start, len, out);
    if (why)
        return why;
    len = part(&p, &start, "_");
    why = modifiers(start, len, out);
    if (why)
        return why;

    if (*p++ != '_')
        return "name ends after the pattern";
    len = part(&p, &start, "_");
    if (out->hfs) {
        if (!is(start, len, "25519+" SM_KEM_NAME))
            return "DH and KEM are not 25519+" SM_KEM_NAME;
        if (!sm_kem_available())
            return SM_KEM_NAME " takes libsodium 1.0.22";
    } else if (!is(start, len, "25519")) {
        return "DH is not 25519";
    }

    if (*p++ != '_')
        return "name ends after the DH";
    len = part(&p, &start, "_");
    why = cipher(start, len, &out->suite);
    if (why)
        return why;

    if (*p++ != '_')
        return "name ends after the cipher";
    len = strlen(p);
    if (is(p, len, "BLAKE2s"))
        return "hash BLAKE2s is not in libsodium";
    if (sm_hash_by_name(p, len, &out->hash))
        return "hash is not BLAKE2b, SHA256 or SHA512";
    return NULL;
}
