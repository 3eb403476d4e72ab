/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/match.h"

#include <string.h>

#include "base/text.h"

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

bool sm_policy_id_ok(const char *s)
{
    size_t i;

    if (!is_alnum(s[0]) && s[0] != '_')
        return false;
    for (i = 1; s[i]; i++)
        if (i >= SM_POLICY_ID_MAX || (!is_alnum(s[i]) &&
                                      !strchr("._-", s[i])))
            return false;
    return true;
}

/*
 * Only the last "*" need be tried again: whatever an earlier one could take
 * more, the last one can take as well.
 */
static bool match(const char *p, size_t pn, const char *t, size_t tn)
{
    size_t pi = 0, ti = 0, star = 0, mark = 0;
    bool have_star = false;

    while (ti < tn) {
        if (pi < pn && p[pi] == '*') {
            have_star = true;
            star = pi++;
            mark = ti;
        } else if (pi < pn && (p[pi] == '?' || p[pi] == t[ti])) {
            pi++;
            ti++;
        } else if (have_star) {
            pi = star + 1;
            ti = ++mark;
        } else {
            return false;
        }
    }
    while (pi < pn && p[pi] == '*')
        pi++;
    return pi == pn;
}

bool sm_policy_match_text(const char *pattern, const char *text)
{
    return match(pattern, strlen(pattern), text, strlen(text));
}

/* Component by component, as nothing in a pattern stands for "/". */
bool sm_policy_match_path(const char *pattern, const char *text)
{
    size_t pn, tn;

    for (;;) {
        pn = strcspn(pattern, "/");
        tn = strcspn(text, "/");
        if (!match(pattern, pn, text, tn) || pattern[pn] != text[tn])
            return false;
        if (!pattern[pn])
            return true;
        pattern += pn + 1;
        text += tn + 1;
    }
}

bool sm_policy_word_ok(const char *s)
{
    for (; *s; s++)
        if (!is_alnum(*s) && !strchr("/._+:@=~-", *s))
            return false;
    return true;
}

bool sm_policy_path_ok(const char *s, bool wild)
{
    size_t n;

    if (*s != '/')
        return false;
    while (*s) {
        s++;                                    /* the "/" */
        n = strcspn(s, "/");
        if (!n || (n == 1 && s[0] == '.') ||
            (n == 2 && s[0] == '.' && s[1] == '.'))
            return false;
        for (; n; n--, s++)
            if (!is_alnum(*s) && !strchr("._+:@=~-", *s) &&
                !(wild && (*s == '*' || *s == '?')))
                return false;
    }
    return true;
}

bool sm_policy_account_ok(const char *s)
{
    size_t i;

    if (!is_alnum(s[0]) && s[0] != '_')
        return false;
    for (i = 1; s[i]; i++)
        if (i >= 64 || (!is_alnum(s[i]) && !strchr("_.@$-", s[i])))
            return false;
    return true;
}

bool sm_policy_number(const char *s, uint64_t max, uint64_t *out)
{
    return sm_text_number(s, strlen(s), max, out);
}

bool sm_policy_memory(const char *s, uint64_t *kb)
{
    static const struct {
        const char *unit;
        unsigned int shift;
    } units[] = {
        { "KiB", 0 }, { "MiB", 10 }, { "GiB", 20 }, { "TiB", 30 },
    };
    char digits[20];
    uint64_t v;
    size_t n = strspn(s, "0123456789"), i;

    if (n >= sizeof(digits))
        return false;
    memcpy(digits, s, n);
    digits[n] = '\0';
    s += n;
    if (*s == ' ')
        s++;
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (!strcmp(s, units[i].unit)) {
            if (!sm_policy_number(digits, UINT64_MAX >> units[i].shift, &v))
                return false;
            *kb = v << units[i].shift;
            return true;
        }
    return false;
}

bool sm_policy_uuid(const char *s, uint8_t out[static 16])
{
    return sm_text_uuid(s, strlen(s), out);
}
