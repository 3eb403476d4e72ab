/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/question.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "policy/match.h"
#include "trust/identity.h"

static int fail(char *why, size_t why_size, unsigned int line,
                const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(char *why, size_t why_size, unsigned int line,
                const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snprintf(why, why_size, "line %u: %s", line, text);
    return SM_CONFIG;
}

enum key {
    ACTION, VM, UUID, MEMORY, SOURCE, DESTINATION, ACCOUNT, SOURCE_KEY,
    DESTINATION_KEY, TIME, KEYS
};

static const char *const names[KEYS] = {
    [ACTION] = "action", [VM] = "vm", [UUID] = "uuid", [MEMORY] = "memory",
    [SOURCE] = "source", [DESTINATION] = "destination",
    [ACCOUNT] = "account", [SOURCE_KEY] = "source-key",
    [DESTINATION_KEY] = "destination-key", [TIME] = "time",
};

/* Set one key; NULL, or what is wrong with its value. */
static const char *set(struct sm_policy_question *q, enum key key,
                       const char *value)
{
    struct sm_policy_request *r = &q->request;

    switch (key) {
    case ACTION:
        if (!strcmp(value, "migrate-out"))
            r->action = SM_POLICY_MIGRATE_OUT;
        else if (!strcmp(value, "migrate-in"))
            r->action = SM_POLICY_MIGRATE_IN;
        else
            return "neither migrate-out nor migrate-in";
        return NULL;
    case VM:
        r->vm_name = value;
        return NULL;
    case UUID:
        r->vm_uuid = q->uuid;
        return sm_policy_uuid(value, q->uuid) ? NULL : "not a uuid";
    case MEMORY:
        return sm_policy_memory(value, &r->memory_kb) ? NULL :
               "not an amount of memory, as 4 GiB";
    case SOURCE:
        r->source = value;
        return NULL;
    case DESTINATION:
        r->destination = value;
        return NULL;
    case ACCOUNT:
        r->account = value;
        return NULL;
    case SOURCE_KEY:
        r->source_key = q->source_key;
        return sm_identity_from_base64(value, strlen(value), q->source_key)
               ? NULL : "not a public key in base64";
    case DESTINATION_KEY:
        r->destination_key = q->destination_key;
        return sm_identity_from_base64(value, strlen(value),
                                       q->destination_key)
               ? NULL : "not a public key in base64";
    case TIME:
        return sm_clock_parse(value, &r->now) ? "not a time with a zone" :
               NULL;
    case KEYS:
        break;
    }
    return "unknown key";
}

/* Cut blanks off both ends. */
static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " \t\r");
    n = strlen(s);
    while (n && strchr(" \t\r", s[n - 1]))
        s[--n] = '\0';
    return s;
}

static int one_line(struct sm_policy_question *q, char *text, bool *seen,
                    unsigned int line, char *why, size_t why_size)
{
    char *key, *value = strchr(text, '=');
    const char *wrong;
    unsigned int k;

    if (!value)
        return fail(why, why_size, line, "no \"=\"");
    *value++ = '\0';
    key = trim(text);
    value = trim(value);
    if (!strncmp(key, "config.", 7)) {
        q->facts[q->n_facts].field = key + 7;
        q->facts[q->n_facts++].value = value;
        return 0;
    }
    for (k = 0; k < KEYS && strcmp(names[k], key); k++)
        ;
    if (k == KEYS)
        return fail(why, why_size, line, "unknown key \"%.64s\"", key);
    if (seen[k])
        return fail(why, why_size, line, "%s twice", key);
    seen[k] = true;
    wrong = set(q, k, value);
    if (wrong)
        return fail(why, why_size, line, "%s: %s", key, wrong);
    return 0;
}

int sm_policy_question_parse(struct sm_policy_question *out,
                             const void *text, size_t len, int64_t now,
                             char *why, size_t why_size)
{
    static const enum key required[] = {
        ACTION, VM, UUID, MEMORY, SOURCE, DESTINATION,
    };
    bool seen[KEYS] = { false };
    unsigned int line = 1;
    size_t lines = 1, i, n;
    char *p, *end;
    int rc = 0;

    memset(out, 0, sizeof(*out));
    if (len > SM_POLICY_QUESTION_MAX)
        return fail(why, why_size, 1, "longer than %d bytes",
                    SM_POLICY_QUESTION_MAX);
    if (memchr(text, '\0', len))
        return fail(why, why_size, 1, "a NUL in it");
    out->text = malloc(len + 1);
    if (out->text) {
        memcpy(out->text, text, len);
        out->text[len] = '\0';
        for (i = 0; i < len; i++)
            lines += out->text[i] == '\n';
        out->facts = calloc(lines, sizeof(*out->facts));
    }
    if (!out->facts) {
        snprintf(why, why_size, "out of memory");
        rc = SM_NO_MEMORY;
        goto out;
    }
    out->request.now = now;
    for (p = out->text; p < out->text + len && !rc; p = end, line++) {
        n = strcspn(p, "\n");
        end = p + n + 1;
        for (i = 0; i < n; i++)
            if (p[i] == '\t' || p[i] == '\r')
                p[i] = ' ';
        p[n] = '\0';
        if (!sm_wire_text_ok(p, n))
            rc = fail(why, why_size, line, "not clean text");
        else if (p[strspn(p, " ")] && *p != '#')
            rc = one_line(out, p, seen, line, why, why_size);
    }
    for (i = 0; i < sizeof(required) / sizeof(required[0]) && !rc; i++)
        if (!seen[required[i]])
            rc = fail(why, why_size, line, "%s is missing",
                      names[required[i]]);
    if (!rc && why_size)
        why[0] = '\0';
out:
    if (rc)
        sm_policy_question_dispose(out);
    return rc;
}

void sm_policy_question_dispose(struct sm_policy_question *q)
{
    free(q->text);
    free(q->facts);
    memset(q, 0, sizeof(*q));
}
