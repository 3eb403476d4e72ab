/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text of a pairing file, and what makes a pairing well formed.
 */
#include "trust/pairing.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/secret.h"
#include "base/wire.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

static bool address_ok(const char *s)
{
    size_t i;

    for (i = 0; i < SM_PAIRING_ADDRESS_SIZE && s[i]; i++) {
        char c = s[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || strchr("-._:%", c)))
            return false;
    }
    /* A leading '-' would be an option to some program one day. */
    return i > 0 && i < SM_PAIRING_ADDRESS_SIZE && s[0] != '-';
}

/* "key = value" without the blanks around; false when it is not that. */
static bool split_line(const char *line, size_t len, const char **key,
                       size_t *key_len, const char **value,
                       size_t *value_len)
{
    const char *equals = memchr(line, '=', len);
    size_t k, v;

    if (!equals)
        return false;
    k = (size_t)(equals - line);
    v = len - k - 1;
    *value = equals + 1;
    while (k && line[k - 1] == ' ')
        k--;
    while (v && **value == ' ') {
        (*value)++;
        v--;
    }
    while (v && (*value)[v - 1] == ' ')
        v--;
    *key = line;
    *key_len = k;
    *value_len = v;
    return true;
}

enum { HAVE_KEY = 1, HAVE_ADDRESS = 2, HAVE_COMMENT = 4, HAVE_NEXT = 8 };

/* Returns NULL, or what is wrong with the line. */
static const char *parse_line(struct sm_pairing *p, unsigned int *have,
                              const char *line, size_t len)
{
    const char *key, *value;
    size_t key_len, value_len;
    char text[SM_PAIRING_ENDPOINT_SIZE];
    unsigned int which;

    if (!len || line[0] == '#')
        return NULL;
    if (!split_line(line, len, &key, &key_len, &value, &value_len))
        return "expected 'key = value'";
    if (key_len == 3 && !memcmp(key, "key", 3))
        which = HAVE_KEY;
    else if (key_len == 8 && !memcmp(key, "next-key", 8))
        which = HAVE_NEXT;
    else if (key_len == 7 && !memcmp(key, "address", 7))
        which = HAVE_ADDRESS;
    else if (key_len == 7 && !memcmp(key, "comment", 7))
        which = HAVE_COMMENT;
    else
        return "unknown word (key, next-key, address and comment are known)";
    if (*have & which)
        return "given twice";
    *have |= which;

    if (which == HAVE_KEY) {
        p->has_key = value_len != strlen(SM_PAIRING_CERTIFIED) ||
                     memcmp(value, SM_PAIRING_CERTIFIED, value_len);
        return !p->has_key ||
               sm_identity_from_base64(value, value_len, p->key) ?
               NULL : "the key is damaged or unusable";
    }
    if (which == HAVE_NEXT) {
        p->has_next = sm_identity_from_base64(value, value_len, p->next);
        return p->has_next ? NULL : "the next key is damaged or unusable";
    }
    if (which == HAVE_COMMENT) {
        if (value_len >= sizeof(p->comment))
            return "the comment is too long";
        memcpy(p->comment, value, value_len);
        p->comment[value_len] = '\0';
        return NULL;
    }
    if (value_len >= sizeof(text))
        return "the address is too long";
    memcpy(text, value, value_len);
    text[value_len] = '\0';
    if (sm_conf_address(text, p->address, sizeof(p->address), &p->port) ||
        !address_ok(p->address))
        return "not an address (HOST, HOST:PORT or [V6]:PORT)";
    return NULL;
}

int sm_pairing_parse(const char *name, const char *text, size_t len,
                     struct sm_pairing *out, char *why, size_t why_size)
{
    const char *problem = NULL, *nl;
    unsigned int have = 0;
    int line = 0;
    size_t n;

    WHY("%s", "");
    memset(out, 0, sizeof(*out));
    if (!sm_conf_name_ok(name)) {
        WHY("not the name of a host");
        return SM_STATE;
    }
    snprintf(out->name, sizeof(out->name), "%s", name);
    while (len && !problem) {
        nl = memchr(text, '\n', len);
        n = nl ? (size_t)(nl - text) : len;
        line++;
        if (!sm_wire_text_ok(text, n))
            problem = "control character or broken UTF-8";
        else
            problem = parse_line(out, &have, text, n);
        n += nl ? 1 : 0;
        text += n;
        len -= n;
    }
    if (problem)
        WHY("line %d: %s", line, problem);
    else if (!(have & HAVE_KEY))
        WHY("%s", problem = "no key");
    else if (!(have & HAVE_ADDRESS))
        WHY("%s", problem = "no address");
    else if (out->has_next && !out->has_key)
        WHY("%s", problem = "a next key without a key");
    else if (out->has_next && sm_secret_equal(out->key, out->next,
                                              SM_IDENTITY_KEY_LEN))
        WHY("%s", problem = "the next key is the key");
    if (problem) {
        sm_secret_wipe(out, sizeof(*out));
        return SM_STATE;
    }
    return 0;
}

const char *sm_pairing_problem(const struct sm_pairing *p)
{
    size_t len = strnlen(p->comment, sizeof(p->comment));

    if (!sm_conf_name_ok(p->name))
        return "not the name of a host (letters, digits, '-', '_', '.')";
    if (!address_ok(p->address) || !p->port)
        return "not an address (HOST, HOST:PORT or [V6]:PORT)";
    if (p->has_key ? !sm_identity_key_ok(p->key) :
        !sodium_is_zero(p->key, sizeof(p->key)))
        return "the key is unusable";
    if (p->has_next ? !p->has_key || !sm_identity_key_ok(p->next) ||
                      sm_secret_equal(p->key, p->next, sizeof(p->key)) :
        !sodium_is_zero(p->next, sizeof(p->next)))
        return "the next key is unusable, or the key itself";
    if (len == sizeof(p->comment) || !sm_wire_text_ok(p->comment, len))
        return "the comment is too long or not clean text";
    return NULL;
}

void sm_pairing_endpoint(const struct sm_pairing *p,
                         char out[static SM_PAIRING_ENDPOINT_SIZE])
{
    bool v6 = strchr(p->address, ':') != NULL;

    snprintf(out, SM_PAIRING_ENDPOINT_SIZE, "%s%s%s:%u", v6 ? "[" : "",
             p->address, v6 ? "]" : "", (unsigned int)p->port);
}
