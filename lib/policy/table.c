/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/wire.h"
#include "policy/question.h"

struct run {
    const struct sm_policy_table *t;
    /* The defaults so far, and a place for the case. */
    struct sm_policy_lines parts[SM_POLICY_TABLE_DEFAULTS_MAX + 1];
    size_t n_parts;
    struct sm_policy_question q;
    size_t cases, failed;
    unsigned int line;
    char *why;
    size_t why_size;
};

static int fail(struct run *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct run *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, r->why_size, fmt, ap);
    va_end(ap);
    return SM_CONFIG;
}

const char *sm_policy_verdict(const struct sm_policy_decision *d)
{
    if (d->allow)
        return "allow";
    return d->code == SM_UNMET ? "unmet" : "deny";
}

static int decide(struct run *r, const struct sm_policy_question *q,
                  struct sm_policy_decision *d)
{
    const struct sm_policy *vm;
    char reason[256] = "";

    if (q->vm_policy) {
        vm = r->t->open_vm ? r->t->open_vm(r->t->ctx, q->vm_policy, reason,
                                           sizeof(reason)) : NULL;
        if (!vm)
            return fail(r, "vm-policy=%.100s: %s", q->vm_policy, reason);
        sm_policy_decide_both(r->t->policy, vm, &q->request, d);
    } else {
        sm_policy_decide(r->t->policy, &q->request, d);
    }
    if (q->n_facts && q->request.action == SM_POLICY_MIGRATE_IN)
        sm_policy_check_config(r->t->policy, &q->request, d, q->facts,
                               q->n_facts, d);
    return 0;
}

/* `words`: "allow RULE". */
static int one_case(struct run *r, const char *words)
{
    struct sm_policy_question *q = &r->q;
    struct sm_policy_decision d;
    char answer[sizeof(d.rule) + 8];
    bool passed;
    int rc;

    rc = sm_policy_question_layers(q, r->t->policy, r->parts,
                                   r->n_parts + 1, r->t->now, &r->line,
                                   r->why, r->why_size);
    if (rc)
        return rc;
    rc = decide(r, q, &d);
    if (!rc) {
        snprintf(answer, sizeof(answer), "%s %s", sm_policy_verdict(&d),
                 d.rule);
        passed = !strcmp(answer, words);
        r->cases++;
        r->failed += !passed;
        r->t->each(r->t->ctx, r->line, words, &d, passed);
    }
    sm_policy_question_dispose(q);
    return rc;
}

/* The part in front of the colon, with single spaces; false when it is too
 * long, or not two words ("default" alone aside). */
static bool head(const char *text, size_t n, char *out, size_t size)
{
    size_t len = 0, words = 0, i;

    for (i = 0; i < n; i++) {
        if (text[i] == ' ')
            continue;
        if ((i == 0 || text[i - 1] == ' ') && words++)
            out[len++] = ' ';
        if (len + 3 > size)
            return false;
        out[len++] = text[i];
    }
    out[len] = '\0';
    if (!strcmp(out, "default"))
        return true;
    return words == 2 && (!strncmp(out, "allow ", 6) ||
                          !strncmp(out, "deny ", 5) ||
                          !strncmp(out, "unmet ", 6));
}

/* The colon after the head; those of "vm:RULE" are followed by no blank. */
static size_t find_colon(const char *text, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (text[i] == ':' && (i + 1 == n || text[i + 1] == ' '))
            break;
    return i;
}

static int one_line(struct run *r, const char *text, size_t n)
{
    struct sm_policy_lines *part = &r->parts[r->n_parts];
    char words[160];
    size_t colon;

    while (n && (text[n - 1] == ' ' || text[n - 1] == '\r'))
        n--;
    if (!n || *text == '#')
        return 0;
    if (!sm_wire_text_ok(text, n))
        return fail(r, "not clean text");
    colon = find_colon(text, n);
    if (colon == n || !head(text, colon, words, sizeof(words)))
        return fail(r, "neither \"default: ...\" nor \"allow|deny|unmet "
                    "RULE: ...\"");
    *part = (struct sm_policy_lines){
        .text = text + colon + 1, .len = n - colon - 1, .separator = ';',
        .line = r->line,
    };
    if (strcmp(words, "default"))
        return one_case(r, words);
    if (r->n_parts == SM_POLICY_TABLE_DEFAULTS_MAX)
        return fail(r, "more than %d lines of defaults",
                    SM_POLICY_TABLE_DEFAULTS_MAX);
    r->n_parts++;
    return 0;
}

int sm_policy_table_run(const struct sm_policy_table *t, const char *text,
                        size_t len, size_t *cases, size_t *failed,
                        unsigned int *line, char *why, size_t why_size)
{
    struct run r = {
        .t = t, .line = 1, .why = why, .why_size = why_size,
    };
    const char *end = text + len, *next;
    unsigned int number = 1;
    int rc = 0;

    if (len > SM_POLICY_TABLE_MAX)
        rc = fail(&r, "longer than %d bytes", SM_POLICY_TABLE_MAX);
    for (; text < end && !rc; text = next + 1, number++) {
        next = memchr(text, '\n', (size_t)(end - text));
        if (!next)
            next = end;
        r.line = number;
        rc = one_line(&r, text, (size_t)(next - text));
    }
    *cases = r.cases;
    *failed = r.failed;
    *line = r.line;
    if (!rc && why_size)
        why[0] = '\0';
    return rc;
}
