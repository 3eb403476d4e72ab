/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seal/approval.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "seal/tpm2.h"
#include "seal/update_key.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define FIRST_LINE "xen-secmig approval 1"

/* ---- signing ---- */

void sm_approval_signed(const struct sm_approval *a,
                        uint8_t out[static SM_APPROVAL_SIGNED_LEN])
{
    sm_tpm2_pcr_policy(a->pcrs, a->pcr, out);
    sm_tpm2_policy_ref(out + SM_SEAL_PCR_LEN);
}

static bool is_signed(const struct sm_approval *a)
{
    uint8_t bytes[SM_APPROVAL_SIGNED_LEN];

    sm_approval_signed(a, bytes);
    return sm_update_key_verify(&a->key, bytes, sizeof(bytes), a->signature);
}

int sm_approval_sign(const uint8_t *secret, const struct sm_update_key *key,
                     uint32_t pcrs,
                     const uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN],
                     struct sm_approval *out, char *why, size_t why_size)
{
    uint8_t bytes[SM_APPROVAL_SIGNED_LEN];
    unsigned int i;

    memset(out, 0, sizeof(*out));
    WHY("%s", "");
    if (!pcrs || pcrs & ~SM_TPM_PCR_MASK) {
        WHY("an approval names PCRs 0 to 23, one at least");
        return SM_USAGE;
    }
    out->key = *key;
    out->pcrs = pcrs;
    for (i = 0; i < SM_SEAL_PCRS; i++)
        if (pcrs >> i & 1)
            memcpy(out->pcr[i], pcr[i], SM_SEAL_PCR_LEN);
    sm_approval_signed(out, bytes);
    if (sm_update_key_sign(secret, key, bytes, sizeof(bytes),
                           out->signature)) {
        WHY("libcrypto cannot sign with this update key");
        return SM_FAIL;
    }
    if (!is_signed(out)) {
        WHY("the private update key is not that of the public one");
        return SM_CONFIG;
    }
    return 0;
}

bool sm_approval_fits(const struct sm_approval *a,
                      const uint8_t pcr[SM_SEAL_PCRS][SM_SEAL_PCR_LEN])
{
    unsigned int i;

    for (i = 0; i < SM_SEAL_PCRS; i++)
        if (a->pcrs >> i & 1 &&
            memcmp(a->pcr[i], pcr[i], SM_SEAL_PCR_LEN))
            return false;
    return a->pcrs != 0;
}

/* ---- text ---- */

static size_t put_hex(char *out, size_t size, size_t at, const uint8_t *data,
                      size_t len)
{
    size_t i;

    for (i = 0; i < len; i++, at += 2)
        if (at + 3 <= size)
            snprintf(out + at, 3, "%02x", data[i]);
    return at;
}

static size_t put_text(char *out, size_t size, size_t at, const char *text)
{
    size_t n = strlen(text);

    if (at + n + 1 <= size)
        memcpy(out + at, text, n + 1);
    return at + n;
}

size_t sm_approval_text(const struct sm_approval *a, char *out, size_t size)
{
    size_t at = 0;
    unsigned int i;
    char word[16];

    at = put_text(out, size, at, FIRST_LINE "\nupdate-key ");
    at = put_hex(out, size, at, a->key.x, sizeof(a->key.x));
    at = put_hex(out, size, at, a->key.y, sizeof(a->key.y));
    for (i = 0; i < SM_SEAL_PCRS; i++) {
        if (!(a->pcrs >> i & 1))
            continue;
        snprintf(word, sizeof(word), "\npcr %u ", i);
        at = put_text(out, size, at, word);
        at = put_hex(out, size, at, a->pcr[i], SM_SEAL_PCR_LEN);
    }
    at = put_text(out, size, at, "\nsignature ");
    at = put_hex(out, size, at, a->signature, sizeof(a->signature));
    at = put_text(out, size, at, "\n");
    return at < size ? at : 0;
}

/* One line at a time. */
struct lines {
    const char *at, *end;
    const char *line;
    size_t len;
};

static bool next_line(struct lines *l)
{
    const char *newline;

    if (l->at == l->end)
        return false;
    newline = memchr(l->at, '\n', (size_t)(l->end - l->at));
    if (!newline)
        return false;
    l->line = l->at;
    l->len = (size_t)(newline - l->at);
    l->at = newline + 1;
    return true;
}

/* Whether the line is `word`, a space and 2 * n hexadecimal digits. */
static bool hex_line(const struct lines *l, const char *word, uint8_t *out,
                     size_t n)
{
    size_t w = strlen(word);

    return l->len == w + 1 + 2 * n && !memcmp(l->line, word, w) &&
           l->line[w] == ' ' && sm_text_hex(l->line + w + 1, 2 * n, out, n);
}

/* "pcr N HEX", N above `*last`. */
static bool pcr_line(const struct lines *l, struct sm_approval *a, int *last)
{
    char word[16];
    int i;

    for (i = *last + 1; i < SM_SEAL_PCRS; i++) {
        snprintf(word, sizeof(word), "pcr %d", i);
        if (!hex_line(l, word, a->pcr[i], SM_SEAL_PCR_LEN))
            continue;
        a->pcrs |= 1u << i;
        *last = i;
        return true;
    }
    return false;
}

/* Returns NULL, or what is wrong. */
static const char *parse(const char *text, size_t len, struct sm_approval *a)
{
    struct lines l = { .at = text, .end = text + len };
    uint8_t point[64];
    int last = -1;

    if (!next_line(&l) || l.len != strlen(FIRST_LINE) ||
        memcmp(l.line, FIRST_LINE, l.len))
        return "not an approval of PCRs, or of another version";
    if (!next_line(&l) || !hex_line(&l, "update-key", point, sizeof(point)))
        return "line 2 is not 'update-key' and 128 hex digits";
    memcpy(a->key.x, point, 32);
    memcpy(a->key.y, point + 32, 32);
    while (next_line(&l) && pcr_line(&l, a, &last))
        ;
    if (!a->pcrs)
        return "line 3 is not 'pcr', its number and 64 hex digits";
    if (!hex_line(&l, "signature", a->signature, sizeof(a->signature)) ||
        l.at != l.end)
        return "it does not end with its PCRs in ascending order and "
               "'signature' with 128 hex digits";
    if (!is_signed(a))
        return "its signature is not good";
    return NULL;
}

int sm_approval_parse(const char *text, size_t len, struct sm_approval *out,
                      char *why, size_t why_size)
{
    const char *problem;

    memset(out, 0, sizeof(*out));
    WHY("%s", "");
    problem = len > SM_APPROVAL_TEXT_MAX ? "too long for an approval"
                                         : parse(text, len, out);
    if (!problem)
        return 0;
    memset(out, 0, sizeof(*out));
    WHY("%s", problem);
    return SM_SEAL;
}

/* ---- files ---- */

int sm_approval_read(const char *path, struct sm_approval *out, char *why,
                     size_t why_size)
{
    char reason[256];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sm_file_read(path, SM_FILE_PUBLIC, SM_APPROVAL_TEXT_MAX, &data, &len,
                      why, why_size);
    if (rc)
        return rc;
    rc = sm_approval_parse((const char *)data, len, out, reason,
                           sizeof(reason));
    if (rc)
        WHY("%s: %s", path, reason);
    sm_file_free(data, len);
    return rc;
}

/* Add one to the list, which has room. */
static int read_into(const char *dir, const char *name,
                     struct sm_approval *list, size_t *count)
{
    char path[4096], why[512];
    int rc;

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
        (int)sizeof(path))
        return SM_STATE;
    rc = sm_approval_read(path, &list[*count], why, sizeof(why));
    if (rc == SM_NO_MEMORY)
        return rc;
    if (rc)
        sm_warning("passed over: %s", why);
    else
        (*count)++;
    return 0;
}

int sm_approvals_read(const char *dir, struct sm_approval **out,
                      size_t *count, char *why, size_t why_size)
{
    struct sm_approval *list = NULL;
    struct dirent *entry;
    DIR *d = NULL;
    int rc;

    *out = NULL;
    *count = 0;
    WHY("%s", "");
    d = opendir(dir);
    if (!d) {
        if (errno == ENOENT)
            return 0;
        WHY("%s: %s", dir, strerror(errno));
        return SM_STATE;
    }
    list = calloc(SM_APPROVALS_MAX, sizeof(*list));
    if (!list) {
        WHY("out of memory");
        rc = SM_NO_MEMORY;
        goto out;
    }
    rc = 0;
    while (!rc && (entry = readdir(d))) {
        if (entry->d_name[0] == '.')
            continue;
        if (*count == SM_APPROVALS_MAX) {
            sm_warning("%s: more than %d approvals, the rest is passed over: "
                       "remove old ones", dir, SM_APPROVALS_MAX);
            break;
        }
        rc = read_into(dir, entry->d_name, list, count);
    }
    if (rc && !why[0])
        WHY("%s: %s", dir, sm_err_text(rc));
    if (!rc && *count) {
        *out = list;
        list = NULL;
    }
out:
    if (rc)
        *count = 0;
    free(list);
    closedir(d);
    return rc;
}
