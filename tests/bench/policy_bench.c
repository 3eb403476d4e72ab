/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How loading a policy and deciding by it grow with rules, hosts and guests
 * (`make bench`).  Beside each: the same evaluator without its index, which
 * looks at every guest and rule, on the same policy and the same requests.
 *
 *   policy_bench          the table
 *   policy_bench --tiny   a moment's run: that it works, and that both
 *                         evaluators answer the same
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/decide.h"
#include "policy/model.h"

/* ---- a policy of a given size ---- */

struct size {
    size_t rules, hosts, vms;
};

struct text {
    char *data;
    size_t len, size;
};

static void put(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->size - t->len < 1024) {
        t->size = t->size * 2 + 4096;
        t->data = realloc(t->data, t->size);
        if (!t->data)
            abort();
    }
    va_start(ap, fmt);
    n = vsnprintf(t->data + t->len, t->size - t->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= t->size - t->len)
        abort();
    t->len += (size_t)n;
}

static uint64_t state = 1;

static uint64_t any(uint64_t n)     /* splitmix64: the same every time */
{
    uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) % n;
}

static size_t groups_of(const struct size *s)
{
    size_t n = s->vms / 20;

    return n < 1 ? 1 : n > 4000 ? 4000 : n;
}

/* Half of the guests by uuid, a third by name, the rest by pattern. */
static void put_guests(struct text *t, const struct size *s)
{
    size_t groups = groups_of(s), g, i = 0, end;

    put(t, "<vms>");
    for (g = 0; g < groups; g++) {
        put(t, "<group id='g%zu'>", g);
        for (end = (g + 1) * s->vms / groups; i < end; i++)
            if (i % 6 < 3)
                put(t, "<vm uuid='%08zx-0000-4000-8000-000000000001'/>", i);
            else if (i % 6 < 5)
                put(t, "<vm name='vm-%zu'/>", i);
            else
                put(t, "<vm name='vm-%zu-*'/>", i);
        put(t, "</group>");
    }
    put(t, "</vms>");
}

/* As a hoster's: most rules are about a customer's guests, some about a pair
 * of hosts, one in a hundred about everybody. */
static void put_rule(struct text *t, const struct size *s, size_t i)
{
    size_t g = i % groups_of(s), h = i % s->hosts;

    put(t, "<rule id='r%zu' effect='%s' action='migrate-out migrate-in'>", i,
        i % 7 == 3 ? "deny" : "allow");
    if (i % 100 == 50)
        put(t, "<time window='night'/><destination jurisdiction='XX'/>");
    else if (i % 10 < 6)
        put(t, "<vm group='g%zu'/><source role='compute'/>"
            "<destination role='compute' jurisdiction%s='DE FR'/>", g,
            i % 7 == 3 ? "-not" : "");
    else if (i % 10 < 8)
        put(t, "<vm name='vm-%zu' memory-max='64 GiB'/>", i % s->vms);
    else
        put(t, "<source host='h%zu'/><destination host='h%zu'/>"
            "<channel suite='aes-256-gcm'/>", h, (h + 1) % s->hosts);
    put(t, "</rule>");
}

static struct text make_policy(const struct size *s)
{
    struct text t = { NULL, 0, 0 };
    size_t i;

    put(&t, "<policy xmlns='urn:xen-secmig:policy:1' site='bench' "
        "version='1'><roles><role id='compute'/></roles><authorities>"
        "<authority id='ca' key="
        "'RWQBAQEBAQEBAYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'"
        "/></authorities><hosts>");
    for (i = 0; i < s->hosts; i++)
        put(&t, "<host id='h%zu' roles='compute'/>", i);
    put(&t, "</hosts>");
    put_guests(&t, s);
    put(&t, "<windows><window id='night' from='22:00' to='06:00' zone='Z'/>"
        "</windows><rules>");
    for (i = 0; i < s->rules; i++)
        put_rule(&t, s, i);
    put(&t, "</rules></policy>");
    return t;
}

/* ---- measuring ---- */

/* Of the processor, as others may be using the machine too. */
static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

struct request {
    struct sm_policy_request r;
    struct sm_policy_attributes attributes;
    char name[32], hosts[2][32];
    uint8_t uuid[16];
};

static void make_request(struct request *q, const struct sm_policy *p,
                         const struct size *s)
{
    size_t vm = any(s->vms + s->vms / 10), h = any(s->hosts), i;

    memset(q, 0, sizeof(*q));
    for (i = 0; i < 4; i++)
        q->uuid[i] = (uint8_t)(vm >> (24 - 8 * i));
    q->uuid[6] = 0x40;
    q->uuid[8] = 0x80;
    q->uuid[15] = 1;
    snprintf(q->name, sizeof(q->name), vm % 6 == 5 ? "vm-%zu-x" : "vm-%zu",
             vm);
    snprintf(q->hosts[0], sizeof(q->hosts[0]), "h%zu", h);
    snprintf(q->hosts[1], sizeof(q->hosts[1]), "h%zu", (h + 1) % s->hosts);
    q->attributes.signer = p->authorities[0].key;
    q->attributes.jurisdiction = any(2) ? "DE" : "US";
    q->r.action = any(2) ? SM_POLICY_MIGRATE_OUT : SM_POLICY_MIGRATE_IN;
    q->r.vm_name = q->name;
    q->r.vm_uuid = q->uuid;
    q->r.memory_kb = 4 << 20;
    q->r.source.name = q->hosts[0];
    q->r.destination.name = q->hosts[1];
    q->r.destination.attributes = &q->attributes;
    q->r.suite = 2;
    q->r.now = 1800000000 + (int64_t)any(86400);
}

struct times {
    double median, high, worst;     /* microseconds */
};

/* Decide `n` requests of the same sequence; the answers into `answers`. */
static struct times measure(const struct sm_policy *p, const struct size *s,
                            size_t n, uint8_t *answers)
{
    double *took = calloc(n, sizeof(*took)), start;
    struct sm_policy_decision d;
    struct times t;
    struct request q;
    size_t i;

    if (!took)
        abort();
    state = 42;
    for (i = 0; i < n; i++) {
        make_request(&q, p, s);
        start = seconds();
        sm_policy_decide(p, &q.r, &d);
        took[i] = (seconds() - start) * 1e6;
        answers[i] = d.allow;
    }
    qsort(took, n, sizeof(*took), by_value);
    t.median = took[n / 2];
    t.high = took[n - 1 - n / 100];
    t.worst = took[n - 1];
    free(took);
    return t;
}

/* One line of the table; false when the two evaluators disagree. */
static bool row(const struct size *s, size_t n, size_t n_plain)
{
    struct sm_policy_index *index;
    struct sm_policy *p = NULL;
    uint8_t *answers[2] = { calloc(n, 1), calloc(n, 1) };
    struct times fast, plain;
    char why[SM_POLICY_WHY_MAX];
    size_t i, allowed = 0;
    struct text t;
    double load;
    bool same;

    if (!answers[0] || !answers[1])
        abort();
    t = make_policy(s);
    load = seconds();
    if (sm_policy_parse(&p, SM_POLICY_SITE, t.data, t.len, NULL, why,
                        sizeof(why))) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    load = seconds() - load;
    fast = measure(p, s, n, answers[0]);
    index = p->index;
    p->index = NULL;
    plain = measure(p, s, n_plain, answers[1]);
    p->index = index;
    same = !memcmp(answers[0], answers[1], n_plain);
    for (i = 0; i < n; i++)
        allowed += answers[0][i];
    printf("%7zu %7zu %8zu %7.1f %8.0f  %8.1f %8.1f %8.1f  %9.1f %9.1f "
           "%7.0f  %3.0f%%\n", s->rules, s->hosts, s->vms,
           (double)t.len / 1e6, load * 1e3, fast.median, fast.high,
           fast.worst, plain.median, plain.worst,
           plain.median / fast.median, 100.0 * (double)allowed / (double)n);
    fflush(stdout);
    sm_policy_free(p);
    free(t.data);
    free(answers[0]);
    free(answers[1]);
    return same;
}

int main(int argc, char **argv)
{
    static const struct size sizes[] = {
        { 10, 5, 50 }, { 100, 50, 500 }, { 1000, 500, 5000 },
        { 10000, 5000, 50000 }, { 16000, 5000, 50000 },
        { 10000, 60000, 50000 }, { 10000, 5000, 250000 },
    };
    bool tiny = argc > 1 && !strcmp(argv[1], "--tiny"), same = true;
    size_t i, n = tiny ? 2 : sizeof(sizes) / sizeof(sizes[0]);

    printf("policy                          load       decision, processor "
           "microseconds      without index  ratio  allowed\n"
           "  rules   hosts   guests      MB       ms    median      99%%"
           "    worst     median     worst\n");
    for (i = 0; i < n; i++)
        same = row(&sizes[i], tiny ? 200 : 20000, tiny ? 200 : 300) && same;
    if (!same)
        printf("not ok - bench/policy: with and without index the answers "
               "differ\n");
    else if (tiny)
        printf("ok - bench/policy: with and without index the answers are "
               "the same\n");
    return !same;
}
