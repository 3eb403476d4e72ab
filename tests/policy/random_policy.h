/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random policies, made of few names so that rules and requests meet often.
 * A policy is kept in pieces, so that one can be made again with a rule more,
 * a rule less, in another order, or with another role inherited.
 */
#ifndef RANDOM_POLICY_H
#define RANDOM_POLICY_H

#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLES 5
#define OPERATORS 4         /* of accounts u0..u4, the last one is nobody's */
#define OWNERS 3
#define PLATFORMS 3
#define DIGESTS 3
#define AUTHORITIES 2       /* c2 is nobody's */
#define RULES_MAX 12
#define SIGNERS (OPERATORS + OWNERS + AUTHORITIES + 1)

/* ---- chance (SplitMix64) ---- */

static uint64_t random_state;

static uint64_t random_next(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned int below(unsigned int n)
{
    return (unsigned int)(random_next() % n);
}

static bool chance(unsigned int percent)
{
    return below(100) < percent;
}

#define PICK(list) (list)[below(sizeof(list) / sizeof((list)[0]))]

/* ---- text ---- */

struct text {
    char *s;
    size_t n, room;
};

static void put(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->room - t->n < 1024) {
        t->room = t->room * 2 + 4096;
        t->s = realloc(t->s, t->room);
        if (!t->s)
            abort();
    }
    va_start(ap, fmt);
    n = vsnprintf(t->s + t->n, t->room - t->n, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= t->room - t->n)
        abort();
    t->n += (size_t)n;
}

/* name="a c": some of `n` words PREFIX0, PREFIX1..., at least one. */
static void put_some(struct text *t, const char *name, const char *prefix,
                     unsigned int n)
{
    unsigned int set = 1 + below((1u << n) - 1), i;
    const char *space = "";

    if (chance(60))
        set = 1u << below(n);
    put(t, " %s=\"", name);
    for (i = 0; i < n; i++)
        if (set & 1u << i) {
            put(t, "%s%s%u", space, prefix, i);
            space = " ";
        }
    put(t, "\"");
}

/* ---- keys ---- */

/* Signers by number: operators, owners, authorities, and one that no policy
 * knows.  40 bytes each, as in policy/request.h, and as a document says it. */
static uint8_t signers[SIGNERS][40];
static char signers_base64[SIGNERS][57];
static uint8_t host_keys[4][32];
static char host_keys_base64[4][45];

#define OPERATOR(i) (i)
#define OWNER(i) (OPERATORS + (i))
#define AUTHORITY(i) (OPERATORS + OWNERS + (i))

static void make_keys(void)
{
    uint8_t seed[32] = { 0 }, secret[64], all[42] = "Ed";
    unsigned int i;

    for (i = 0; i < SIGNERS; i++) {
        seed[0] = (uint8_t)(i + 1);
        memset(signers[i], (int)i + 'A', 8);
        crypto_sign_seed_keypair(signers[i] + 8, secret, seed);
        memcpy(all + 2, signers[i], 40);
        sodium_bin2base64(signers_base64[i], sizeof(signers_base64[i]), all,
                          sizeof(all), sodium_base64_VARIANT_ORIGINAL);
    }
    for (i = 0; i < 4; i++) {
        memset(host_keys[i], (int)i + 'h', 32);
        sodium_bin2base64(host_keys_base64[i], sizeof(host_keys_base64[i]),
                          host_keys[i], 32, sodium_base64_VARIANT_ORIGINAL);
    }
}

/* ---- policies ---- */

struct random_policy {
    bool monotone;          /* nothing in it can turn against more roles */
    bool vm;                /* a VM policy */
    bool operators, certified, windows, groups;
    unsigned int inherits[ROLES];   /* set of roles, lower numbers only */
    struct text roles, rest;        /* before and after <role>s */
    struct text rules[RULES_MAX];
    bool allows[RULES_MAX];
    unsigned int n_rules;
};

static void random_vm(struct random_policy *p, struct text *t, bool in_group)
{
    static const char *const names[] = { "a-*", "*-1", "?-1", "b-1", "*" };
    static const char *const labels[] = { "x*", "y", "?1" };
    bool any = false;

    put(t, "<vm");
    if (chance(50)) {
        put(t, " name=\"%s\"", PICK(names));
        any = true;
    }
    if (chance(20)) {
        put(t, " uuid=\"00000000-0000-4000-8000-00000000000%u\"", below(2));
        any = true;
    }
    if (chance(20) || (in_group && !any)) {
        put(t, " label=\"%s\"", PICK(labels));
        any = true;
    }
    if (!in_group && p->groups) {
        if (chance(25)) {
            put_some(t, "group", "g", 3);
            any = true;
        }
        if (chance(25)) {
            put_some(t, "owner", "w", OWNERS);
            any = true;
        }
    }
    if (!in_group && (chance(25) || !any)) {
        put(t, " memory-min=\"%u GiB\"", 1 + below(3));
        if (chance(40))
            put(t, " memory-max=\"%u GiB\"", 3 + below(2));
    } else if (!in_group && chance(20)) {
        put(t, " memory-max=\"%u GiB\"", 1 + below(3));
    }
    put(t, "/>");
}

static const char *maybe_not(void)
{
    return chance(35) ? "-not" : "";
}

static void random_where(struct random_policy *p, struct text *t,
                         const char *element, bool allow)
{
    char name[32];
    bool any = false;

    put(t, "<%s", element);
    if (chance(30)) {
        snprintf(name, sizeof(name), "host%s", maybe_not());
        put_some(t, name, "h", 3);
        any = true;
    }
    if (!p->vm && chance(40) && (allow || !p->monotone)) {
        snprintf(name, sizeof(name), "role%s",
                 p->monotone ? "" : maybe_not());
        put_some(t, name, "r", ROLES);
        any = true;
    }
    if (chance(30)) {
        snprintf(name, sizeof(name), "location%s", maybe_not());
        put_some(t, name, "L", 3);
        any = true;
    }
    if (chance(20)) {
        snprintf(name, sizeof(name), "platform%s", maybe_not());
        put_some(t, name, "p", 3);
        any = true;
    }
    if (chance(30) || !any) {
        snprintf(name, sizeof(name), "jurisdiction%s", maybe_not());
        put_some(t, name, "J", 3);
    }
    put(t, "/>");
}

static void random_subject(struct random_policy *p, struct text *t,
                           bool allow)
{
    bool any = false;

    put(t, "<subject");
    if (chance(30)) {
        put_some(t, "account", "u", OPERATORS + 1);
        any = true;
    }
    if (p->operators && chance(25)) {
        put_some(t, "operator", "o", OPERATORS);
        any = true;
    }
    if ((allow || !p->monotone) && (chance(50) || !any)) {
        put_some(t, "role", "r", ROLES);
        any = true;
    }
    if (!any)
        put_some(t, "account", "u", OPERATORS + 1);
    put(t, "/>");
}

static void random_channel(struct text *t)
{
    static const char *const suites[] = {
        "aegis-256", "aes-256-gcm", "chacha20-poly1305",
        "aegis-256 aes-256-gcm",
    };
    bool any = chance(60);

    put(t, "<channel");
    if (any)
        put(t, " suite=\"%s\"", PICK(suites));
    if (chance(50) || !any)
        put(t, " post-quantum=\"%s\"", chance(50) ? "yes" : "no");
    if (chance(35))
        put_some(t, chance(50) ? "attestation-not" : "attestation", "p",
                 PLATFORMS);
    put(t, "/>");
}

static void random_require(struct random_policy *p, struct text *t,
                           bool migrates)
{
    static const char *const tickets[] = { "owner", "operator", "any" };
    static const char *const units[] = { "minute", "hour", "day" };
    bool any = false;

    put(t, "<require");
    if (migrates && chance(35)) {
        put(t, " ticket=\"%s\"", p->vm ? "owner" : PICK(tickets));
        any = true;
    }
    if (!p->vm && chance(40)) {
        put(t, " approvals=\"%u\"", 1 + below(2));
        if (chance(60))
            put(t, " approver=\"r%u\"", below(ROLES));
        any = true;
    }
    if (!p->vm && migrates && chance(20)) {
        put(t, " vm-policy=\"owner\"");
        any = true;
    }
    if (migrates && chance(20)) {
        put(t, " attestation=\"p%u\"", below(PLATFORMS));
        any = true;
    }
    if (migrates && chance(20)) {
        put(t, " notify-guest=\"yes\"");
        any = true;
    }
    if (!p->vm && (chance(30) || (!any && !migrates))) {
        put(t, " rate=\"%u/%s\"", 1 + below(3), PICK(units));
        any = true;
    }
    if (migrates && (chance(20) || !any))
        put(t, " max-downtime=\"%u ms\"", 100 * (1 + below(20)));
    put(t, "/>");
}

/* A rule called `id`. */
static void random_rule(struct random_policy *p, struct text *t,
                        const char *id, bool allow)
{
    static const char *const others[] = {
        "abort", "force-handover", "policy-admin", "audit-read",
        "abort force-handover", "migrate-out abort",
    };
    static const char *const moves[] = {
        "migrate-out", "migrate-in", "migrate-out migrate-in",
    };
    const char *action = p->vm || chance(80) ? PICK(moves) : PICK(others);
    bool migrates = action == moves[0] || action == moves[1] ||
                    action == moves[2];
    bool guest = migrates || strstr(action, "abort") ||
                 strstr(action, "force");
    unsigned int i;

    put(t, "<rule id=\"%s\" effect=\"%s\" action=\"%s\">", id,
        allow ? "allow" : "deny", action);
    for (i = chance(40) ? 1 + chance(30) : 0; i && !p->vm; i--)
        random_subject(p, t, allow);
    for (i = chance(40) ? 1 + chance(30) : 0; i && !p->vm && guest; i--)
        random_vm(p, t, false);
    for (i = chance(25) ? 1 + chance(30) : 0; i && guest; i--)
        random_where(p, t, "source", allow);
    for (i = chance(40) ? 1 + chance(30) : 0; i && guest; i--)
        random_where(p, t, "destination", allow);
    for (i = chance(25) ? 1 + chance(20) : 0; i && p->windows; i--) {
        put(t, "<time");
        put_some(t, chance(60) ? "window" : "window-not", "t", 3);
        put(t, "/>");
    }
    for (i = chance(20) ? 1 + chance(20) : 0; i && migrates; i--)
        random_channel(t);
    if (allow && chance(40))
        random_require(p, t, migrates);
    put(t, "</rule>");
}

static void random_windows(struct text *t, bool names)
{
    static const char *const days[] = {
        "", " days=\"mon tue\"", " days=\"sat sun\"", " days=\"fri\"",
    };
    static const char *const zones[] = {
        "Z", "+01:00", "-05:30", "Europe/Berlin", "America/New_York",
        "Australia/Lord_Howe",
    };
    unsigned int i;

    put(t, "<windows>");
    for (i = 0; i < 3; i++)
        put(t, "<window id=\"t%u\"%s from=\"%02u:%u0\" to=\"%02u:%u0\" "
            "zone=\"%s\"/>", i, PICK(days), below(24), 3 * below(2),
            below(24), 3 * below(2), zones[below(names ? 6 : 3)]);
    put(t, "</windows>");
}

static void random_authorities(struct text *t)
{
    static const char *const words[] = {
        "", " attributes=\"location jurisdiction\"",
        " attributes=\"platform attestation\"",
    };
    unsigned int i;

    put(t, "<authorities>");
    for (i = 0; i < AUTHORITIES; i++)
        put(t, "<authority id=\"c%u\" key=\"%s\"%s/>", i,
            signers_base64[AUTHORITY(i)], PICK(words));
    put(t, "</authorities>");
}

/* Digest number `i` of a few: all octets the same, none zero. */
static void put_digest(struct text *t, unsigned int i)
{
    unsigned int k;

    for (k = 0; k < 32; k++)
        put(t, "%02x", 0xa0 + i);
}

static void random_pcr(struct text *t, unsigned int index)
{
    unsigned int first = below(DIGESTS);

    put(t, "<pcr index=\"%u\" sha256=\"", index);
    put_digest(t, first);
    if (chance(40)) {
        put(t, " ");
        put_digest(t, (first + 1) % DIGESTS);
    }
    put(t, "\"/>");
}

static void random_platforms(struct text *t)
{
    unsigned int i;
    bool four;

    put(t, "<platforms>");
    for (i = 0; i < PLATFORMS; i++) {
        put(t, "<platform id=\"p%u\"", i);
        if (chance(20)) {
            put(t, " event-log=\"");
            put_digest(t, below(DIGESTS));
            put(t, "\"");
        }
        if (chance(30))
            put(t, " after-reset=\"%s\"", chance(60) ? "approve" : "accept");
        put(t, ">");
        four = chance(50);
        if (four)
            random_pcr(t, 4);
        if (!four || chance(40))
            random_pcr(t, 7);
        put(t, "</platform>");
    }
    put(t, "</platforms>");
}

static void random_people(struct random_policy *p)
{
    struct text *t = &p->roles;
    unsigned int i;

    for (i = 1; i < ROLES; i++)
        p->inherits[i] = chance(40) ? below(1u << i) : 0;
    t = &p->rest;
    if (!p->monotone && chance(40)) {
        put(t, "<exclusive id=\"x0\" kind=\"dynamic\"");
        put(t, " roles=\"r%u r%u\"/>", below(2), 2 + below(3));
    }
    put(t, "</roles>");
    if (p->operators) {
        put(t, "<operators>");
        for (i = 0; i < OPERATORS; i++) {
            put(t, "<operator id=\"o%u\"", i);
            if (i != 3)
                put(t, " account=\"u%u\"", i);
            if (i)
                put(t, " key=\"%s\"", signers_base64[OPERATOR(i)]);
            put_some(t, "roles", "r", ROLES);
            put(t, "/>");
        }
        put(t, "</operators>");
    }
}

static void random_places(struct random_policy *p)
{
    struct text *t = &p->rest;
    unsigned int i;

    put(t, "<owners>");
    for (i = 0; i < OWNERS; i++)
        put(t, "<owner id=\"w%u\" key=\"%s\"/>", i,
            signers_base64[OWNER(i)]);
    put(t, "</owners>");
    random_authorities(t);
    random_platforms(t);
    put(t, "<hosts>");
    for (i = 0; i < 3; i++) {
        put(t, "<host id=\"h%u\"", i);
        if (chance(30))
            put(t, " key=\"%s\"", host_keys_base64[i]);
        if (chance(60))
            put_some(t, "roles", "r", ROLES);
        put(t, "/>");
    }
    for (i = 0; p->certified && i < AUTHORITIES; i++) {
        put(t, "<certified authority=\"c%u\"", i);
        if (chance(70))
            put_some(t, "roles", "r", ROLES);
        put(t, "/>");
    }
    put(t, "</hosts>");
    if (p->groups) {
        put(t, "<vms>");
        for (i = 0; i < 3; i++) {
            put(t, "<group id=\"g%u\"", i);
            if (chance(60))
                put(t, " owner=\"w%u\"", below(OWNERS));
            put(t, ">");
            random_vm(p, t, true);
            if (chance(40))
                random_vm(p, t, true);
            put(t, "</group>");
        }
        put(t, "</vms>");
    }
}

static void random_policy_make(struct random_policy *p, bool monotone,
                               bool vm)
{
    unsigned int i;
    char id[16];

    memset(p, 0, sizeof(*p));
    p->monotone = monotone;
    p->vm = vm;
    p->operators = chance(80);
    p->certified = chance(60);
    p->windows = chance(70);
    p->groups = chance(80);
    if (vm) {
        if (chance(50))
            random_authorities(&p->rest);
        random_platforms(&p->rest);
    } else {
        random_people(p);
        random_places(p);
    }
    if (p->windows)
        random_windows(&p->rest, !vm);
    p->n_rules = 1 + below(RULES_MAX);
    for (i = 0; i < p->n_rules; i++) {
        p->allows[i] = chance(78);
        snprintf(id, sizeof(id), "rule%u", i);
        random_rule(p, &p->rules[i], id, p->allows[i]);
    }
}

static void random_policy_free(struct random_policy *p)
{
    unsigned int i;

    free(p->roles.s);
    free(p->rest.s);
    for (i = 0; i < p->n_rules; i++)
        free(p->rules[i].s);
}

/* The document.
 *   order  of the rules, `n` of them; RULES_MAX stands for `extra` */
static void random_policy_write(const struct random_policy *p,
                                const unsigned int *order, unsigned int n,
                                const char *extra, struct text *out)
{
    static const char *const permits[ROLES] = {
        "migrate-out migrate-in", "abort audit-read", "migrate-out",
        "policy-admin force-handover", "audit-read",
    };
    unsigned int i, k;

    out->n = 0;
    if (p->vm)
        put(out, "<vm-policy xmlns=\"urn:xen-secmig:policy:1\" version=\"1\""
            " vm=\"00000000-0000-4000-8000-000000000001\">");
    else
        put(out, "<policy xmlns=\"urn:xen-secmig:policy:1\" site=\"s\" "
            "version=\"1\"><roles>");
    for (i = 0; !p->vm && i < ROLES; i++) {
        put(out, "<role id=\"r%u\"", i);
        if (p->inherits[i]) {
            put(out, " inherits=\"");
            for (k = 0; k < i; k++)
                if (p->inherits[i] & 1u << k)
                    put(out, " r%u", k);
            put(out, "\"");
        }
        put(out, "><permit action=\"%s\"/></role>", permits[i]);
    }
    for (i = 0; i < p->rest.n; i += 900)
        put(out, "%.*s", p->rest.n - i < 900 ? (int)(p->rest.n - i) : 900,
            p->rest.s + i);
    put(out, "<rules>");
    for (i = 0; i < n; i++) {
        const char *rule = order[i] == RULES_MAX ? extra :
                           p->rules[order[i]].s;

        for (k = 0; k < strlen(rule); k += 900)
            put(out, "%.900s", rule + k);
    }
    put(out, "</rules></%s>", p->vm ? "vm-policy" : "policy");
}

#endif
