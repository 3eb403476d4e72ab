/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/node.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "trust/minisign.h"

#define SCRIPT_DIR "/etc/xen/scripts/" /* libxl's XEN_SCRIPT_DIR */
#define BLANKS " \t\r\n"
#define SIGNER_BASE64 56
#define MEMORY_DIGITS 15            /* as in the schema */

_Static_assert(SM_POLICY_SIGNER_LEN ==
               SM_MINISIGN_ID_LEN + SM_MINISIGN_KEY_LEN, "key id, then key");

unsigned int sm_node_line(const xmlNode *node)
{
    return (unsigned int)(uintptr_t)node->_private;
}

static void fail(struct sm_node_context *b, unsigned int line,
                 const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void fail(struct sm_node_context *b, unsigned int line,
                 const char *fmt, va_list ap)
{
    *b->line = line ? line : 1;
    vsnprintf(b->why, b->why_size, fmt, ap);
}

int sm_node_fail(struct sm_node_context *b, const xmlNode *node,
                 const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail(b, node ? sm_node_line(node) : 1, fmt, ap);
    va_end(ap);
    return SM_POLICY;
}

int sm_node_fail_at(struct sm_node_context *b, unsigned int line,
                    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail(b, line, fmt, ap);
    va_end(ap);
    return SM_POLICY;
}

bool sm_node_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
           !strcmp((const char *)node->ns->href, SM_NODE_NAMESPACE) &&
           !strcmp((const char *)node->name, name);
}

/* The first element at or after `node`, passing over comments. */
xmlNode *sm_node_element(xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

size_t sm_node_count(xmlNode *parent, const char *name)
{
    xmlNode *e;
    size_t n = 0;

    for (e = sm_node_element(parent->children); e;
         e = sm_node_element(e->next))
        n += sm_node_is(e, name);
    return n;
}

int sm_node_count_at_most(struct sm_node_context *b, xmlNode *parent,
                          const char *name, size_t max, size_t *n)
{
    *n = sm_node_count(parent, name);
    if (*n <= max)
        return 0;
    return sm_node_fail(b, parent, "more than %zu <%s> in <%.64s>", max, name,
                        (const char *)parent->name);
}

int sm_node_unexpected(struct sm_node_context *b, xmlNode *e)
{
    return sm_node_fail(b, e, "unexpected element <%.64s> in <%.64s>",
                        (const char *)e->name, (const char *)e->parent->name);
}

/* ---- attributes ---- */

static bool among(const char *names, const char *name)
{
    size_t n = strlen(name), len;

    for (; *names; names += len + (names[len] == ' ')) {
        len = strcspn(names, " ");
        if (len == n && !memcmp(names, name, n))
            return true;
    }
    return false;
}

int sm_node_only(struct sm_node_context *b, xmlNode *e, const char *names)
{
    const xmlAttr *a;

    for (a = e->properties; a; a = a->next)
        if (a->ns || !among(names, (const char *)a->name))
            return sm_node_fail(b, e, "<%.64s> must not have the attribute "
                                "%.64s%s%.64s", (const char *)e->name,
                                a->ns && a->ns->prefix ?
                                (const char *)a->ns->prefix : "",
                                a->ns ? ":" : "", (const char *)a->name);
    return 0;
}

int sm_node_leaf(struct sm_node_context *b, xmlNode *e, const char *names)
{
    xmlNode *child = sm_node_element(e->children);

    return child ? sm_node_unexpected(b, child) : sm_node_only(b, e, names);
}

/* Copy an attribute into the pool; *out is NULL when it is not there. */
int sm_node_attr(struct sm_node_context *b, xmlNode *e, const char *name,
                 const char **out)
{
    xmlChar *value;
    char *copy;
    size_t n;

    *out = NULL;
    if (!xmlHasNsProp(e, (const xmlChar *)name, NULL))
        return 0;
    value = xmlGetNoNsProp(e, (const xmlChar *)name);
    if (!value)
        return SM_NO_MEMORY;
    n = strlen((const char *)value) + 1;
    copy = sm_policy_pool_new(b->policy, n, 1);
    if (copy)
        memcpy(copy, value, n);
    xmlFree(value);
    *out = copy;
    return copy ? 0 : SM_NO_MEMORY;
}

int sm_node_need(struct sm_node_context *b, xmlNode *e, const char *name,
                 const char **out)
{
    int rc = sm_node_attr(b, e, name, out);

    if (!rc && !*out)
        rc = sm_node_lacks(b, e, name);
    return rc;
}

int sm_node_lacks(struct sm_node_context *b, xmlNode *e, const char *name)
{
    return sm_node_fail(b, e, "<%.64s> lacks the attribute %s",
                        (const char *)e->name, name);
}

int sm_node_bad(struct sm_node_context *b, xmlNode *e, const char *name,
                const char *value, const char *what)
{
    return sm_node_fail(b, e, "<%.64s> %s=\"%.64s\": %s",
                        (const char *)e->name, name, value, what);
}

int sm_node_id(struct sm_node_context *b, xmlNode *e, const char *name,
               const char **out)
{
    int rc = sm_node_need(b, e, name, out);

    if (!rc && !sm_policy_id_ok(*out))
        rc = sm_node_bad(b, e, name, *out,
                         "not an id (1 to 64 letters, digits, \".\", "
                         "\"_\", \"-\"; the first neither \".\" nor "
                         "\"-\")");
    return rc;
}

/* The next word of a list; false at its end. */
bool sm_node_next_word(const char **p, const char **word, size_t *n)
{
    *p += strspn(*p, BLANKS);
    *word = *p;
    *n = strcspn(*p, BLANKS);
    *p += *n;
    return *n != 0;
}

size_t sm_node_count_words(const char *p)
{
    const char *word;
    size_t n, total = 0;

    while (sm_node_next_word(&p, &word, &n))
        total++;
    return total;
}

int sm_node_need_list(struct sm_node_context *b, xmlNode *e, const char *name)
{
    const char *value;
    int rc;

    rc = sm_node_need(b, e, name, &value);
    if (!rc && !sm_node_count_words(value))
        rc = sm_node_bad(b, e, name, value, "empty list");
    return rc;
}

int sm_node_number(struct sm_node_context *b, xmlNode *e, const char *name,
                   uint64_t min, uint64_t max, uint64_t *out)
{
    const char *value;
    uint64_t n;
    int rc;

    rc = sm_node_attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    if (!sm_policy_number(value, max, &n) || n < min)
        return sm_node_fail(b, e, "<%.64s> %s=\"%.64s\": not a number from "
                            "%llu to %llu", (const char *)e->name, name,
                            value, (unsigned long long)min,
                            (unsigned long long)max);
    *out = n;
    return 0;
}

int sm_node_signer(struct sm_node_context *b, xmlNode *e, const char *name,
                   uint8_t key[static SM_POLICY_SIGNER_LEN], bool *present)
{
    struct sm_minisign_public public;
    const char *value;
    char why[80];
    int rc;

    *present = false;
    rc = sm_node_attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    /* Without the length, comments and line ends would pass as well. */
    if (strlen(value) != SIGNER_BASE64 ||
        sm_minisign_public_parse(value, SIGNER_BASE64, &public, why,
                                 sizeof(why)) ||
        !crypto_core_ed25519_is_valid_point(public.key))
        return sm_node_fail(b, e, "<%.64s> %s: not a minisign public key "
                            "(the line RW...)", (const char *)e->name, name);
    memcpy(key, public.id, sizeof(public.id));
    memcpy(key + sizeof(public.id), public.key, sizeof(public.key));
    *present = true;
    return 0;
}

/* A list of fixed words as a set; `fallback` when the attribute is missing
 * (0: then it is required). */
int sm_node_words(struct sm_node_context *b, xmlNode *e, const char *name,
                  enum sm_policy_vocabulary words, unsigned int fallback,
                  unsigned int *out)
{
    const char *value, *p, *word;
    unsigned int bit;
    size_t n;
    int rc;

    *out = fallback;
    rc = fallback ? sm_node_attr(b, e, name, &value)
                  : sm_node_need(b, e, name, &value);
    if (rc || !value)
        return rc;
    *out = 0;
    for (p = value; sm_node_next_word(&p, &word, &n); *out |= bit) {
        bit = sm_policy_word(words, word, n);
        if (!bit)
            return sm_node_fail(b, e, "<%.64s> %s: unknown word \"%.*s\"",
                                (const char *)e->name, name,
                                (int)(n < 64 ? n : 64), word);
        if (*out & bit)
            return sm_node_fail(b, e, "<%.64s> %s: \"%.*s\" twice",
                                (const char *)e->name, name, (int)n, word);
    }
    if (!*out)
        return sm_node_bad(b, e, name, value, "empty list");
    return 0;
}

int sm_node_yes_no(struct sm_node_context *b, xmlNode *e, const char *name,
                   bool *out)
{
    const char *value;
    int rc;

    *out = false;
    rc = sm_node_attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    *out = !strcmp(value, "yes");
    if (!*out && strcmp(value, "no"))
        return sm_node_bad(b, e, name, value, "neither yes nor no");
    return 0;
}

int sm_node_time(struct sm_node_context *b, xmlNode *e, const char *name,
                 int64_t *out)
{
    const char *value;
    int rc;

    rc = sm_node_attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    if (sm_clock_parse(value, out))
        return sm_node_bad(b, e, name, value,
                           "not a date and time with a zone, as "
                           "2027-11-01T00:00:00Z, up to the year 9999");
    return 0;
}

int sm_node_memory(struct sm_node_context *b, xmlNode *e, const char *name,
                   uint64_t *out)
{
    const char *value;
    int rc;

    rc = sm_node_attr(b, e, name, &value);
    if (rc || !value)
        return rc;
    if (!sm_policy_memory(value, out))
        return sm_node_bad(b, e, name, value,
                           "not an amount of memory, as 64 GiB");
    if (strspn(value, "0123456789") > MEMORY_DIGITS)
        return sm_node_bad(b, e, name, value,
                           "an amount of memory with more than 15 digits");
    return 0;
}

int sm_node_pattern(struct sm_node_context *b, xmlNode *e, const char *name,
                    enum sm_node_pattern kind, const char *value)
{
    const char *p;
    bool path, word = true;

    if (!*value || strlen(value) > 255)
        return sm_node_bad(b, e, name, value,
                           "empty, or longer than 255 characters");
    path = sm_policy_path_ok(value, true);
    for (p = value; *p; p++) {
        char c[2] = { *p, '\0' };

        word = word && (*p == '*' || *p == '?' || sm_policy_word_ok(c));
    }
    if (kind == SM_NODE_PATH && !path)
        return sm_node_bad(
            b, e, name, value,
            "not a pattern for an absolute path "
            "without \".\", \"..\", empty components or special "
            "characters");
    if (kind == SM_NODE_PROGRAM && !path && (!word || strchr(value, '/')))
        return sm_node_bad(b, e, name, value,
                           "neither an absolute path nor a name");
    if (kind == SM_NODE_WORD && !word)
        return sm_node_bad(b, e, name, value,
                           "a character that can never match");
    return 0;
}

/* A script as libxl finds it: a plain name is in its script directory. */
int sm_node_script(struct sm_node_context *b, xmlNode *e, const char **out)
{
    const char *value;
    char *full;
    size_t n;
    int rc;

    *out = NULL;
    rc = sm_node_attr(b, e, "script", &value);
    if (rc || !value)
        return rc;
    n = sizeof(SCRIPT_DIR) + strlen(value);
    full = sm_policy_pool_new(b->policy, n, 1);
    if (!full)
        return SM_NO_MEMORY;
    snprintf(full, n, "%s%s", strchr(value, '/') ? "" : SCRIPT_DIR, value);
    if (!*value || n > 255 || !sm_policy_path_ok(full, false))
        return sm_node_bad(b, e, "script", value,
                           "neither an absolute path nor the "
                           "name of a script");
    *out = full;
    return 0;
}
