/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explores the model: every state that can be reached is visited, the nearest
 * first, and from each one a fair run without further faults must end.
 *
 *   explore RUN             one of the runs below; prints counts
 *   explore --mutants       each mutant must be caught; prints how
 *   explore --list          names of runs
 *   SECMIG_HANDOVER_MIB     memory, at most [256]
 *
 * Exit code 0: as it must be; 1: not; 2: used wrongly, or out of memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "model.h"

#define NONE UINT32_MAX
#define FAIR_MAX 250        /* steps; more is no end */
#define ENDS 4              /* that model_end() tells apart */

/* ---- states that were reached ---- */

static union state *states;
static uint32_t *parents, *table;
static uint8_t *fair;           /* steps to an end, plus 1; 0: not known */
static uint32_t n_states, max_states, table_mask;
static uint64_t n_transitions;

static void *reserve(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        fprintf(stderr, "explore: %s\n", strerror(errno));
        exit(2);
    }
    return p;
}

/* 25 bytes a state, and a table of at least twice their number. */
static void make_room(void)
{
    const char *mib = getenv("SECMIG_HANDOVER_MIB");
    size_t bytes = (size_t)(mib ? atoi(mib) : 256) << 20;
    uint32_t size = 1u << 16;

    while ((size_t)size * 2 * sizeof(*table) <= bytes / 3)
        size *= 2;
    table_mask = size - 1;
    max_states = size / 2;
    table = reserve(size * sizeof(*table));
    states = reserve(max_states * sizeof(*states));
    parents = reserve(max_states * sizeof(*parents));
    fair = reserve(max_states);
}

static void forget_all(void)
{
    memset(table, 0, ((size_t)table_mask + 1) * sizeof(*table));
    memset(fair, 0, n_states);
    n_states = 0;
    n_transitions = 0;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

/* The place of a state in the table: its own, or a free one. */
static uint32_t *place(const union state *s)
{
    uint32_t i = (uint32_t)(mix(s->w[0]) ^ mix(s->w[1] + 0x9e3779b97f4a7c15u));

    for (i &= table_mask; table[i]; i = (i + 1) & table_mask)
        if (!memcmp(&states[table[i] - 1], s, sizeof(*s)))
            break;
    return &table[i];
}

static uint32_t find(const union state *s)
{
    return *place(s) - 1;       /* NONE when free */
}

static bool add(const union state *s, uint32_t parent)
{
    uint32_t *at = place(s);

    if (*at)
        return false;
    if (n_states == max_states) {
        fprintf(stderr, "explore: more than %u states: not enough memory\n",
                max_states);
        exit(2);
    }
    states[n_states] = *s;
    parents[n_states] = parent;
    *at = ++n_states;
    return true;
}

/* ---- what was wrong ---- */

struct wrong {
    const char *why;        /* NULL: nothing */
    uint32_t at;            /* the last good state */
    union state bad;        /* behind it, if in one step */
    bool in_step;
};

struct label {
    const union state *to;
    const char *what;
};

static void find_label(void *ctx, const union state *next, const char *what,
                       int turn, const char *bad)
{
    struct label *l = ctx;

    (void)turn;
    (void)bad;
    if (!l->what && !memcmp(next, l->to, sizeof(*next)))
        l->what = what;
}

static void print_step(const struct model *m, const union state *from,
                       const union state *to, unsigned int n)
{
    struct label l = { .to = to };
    char line[300];

    model_follow(m, from, find_label, &l);
    model_print(to, line, sizeof(line));
    printf("#   %2u %-48s %s\n", n, l.what, line);
}

/* Returns the number of steps to a state; prints them. */
static unsigned int trace(const struct model *m, uint32_t at)
{
    unsigned int n;

    if (parents[at] == NONE)
        return 0;
    n = trace(m, parents[at]) + 1;
    print_step(m, &states[parents[at]], &states[at], n);
    return n;
}

static unsigned int depth(uint32_t at)
{
    unsigned int n;

    for (n = 0; parents[at] != NONE; n++)
        at = parents[at];
    return n;
}

/* ---- fair runs ---- */

struct choice {
    union state next;
    const char *what;
    int turn;
};

static void choose(void *ctx, const union state *next, const char *what,
                   int turn, const char *bad)
{
    struct choice *c = ctx;

    (void)bad;      /* was seen when the state was visited */
    if (turn && (!c->turn || turn < c->turn)) {
        c->next = *next;
        c->what = what;
        c->turn = turn;
    }
}

/* Whether the run goes on; no: it has ended, or stands still. */
static bool goes_on(const struct model *m, union state *s, const char **what)
{
    struct choice c = { .turn = 0 };

    if (model_end(m, s))
        return false;
    model_follow(m, s, choose, &c);
    if (!c.turn)
        return false;
    *s = c.next;
    *what = c.what;
    return true;
}

/*
 * Follow the fair run from a state, up to an end or to a state from which one
 * is known to follow.  Returns the number of steps to the end; 0: none.
 */
static unsigned int run_fairly(const struct model *m, uint32_t from)
{
    uint32_t path[FAIR_MAX], i;
    union state s = states[from];
    unsigned int n = 0, rest = 1;
    const char *what;

    for (i = from; ; i = find(&s)) {
        if (i != NONE && fair[i]) {
            rest = fair[i];
            break;
        }
        if (n == FAIR_MAX)
            return 0;
        path[n++] = i;
        if (!goes_on(m, &s, &what)) {
            if (!model_end(m, &s))
                return 0;
            rest = 0;
            break;
        }
    }
    while (n > 0) {
        i = path[--n];
        if (rest == UINT8_MAX)
            return 0;
        rest++;
        if (i != NONE)
            fair[i] = (uint8_t)rest;
    }
    return rest;
}

/* The fair run from a state that has no end: it stands still, or goes round.
 * Returns its length, and where it stands. */
static unsigned int fair_steps(const struct model *m, uint32_t from,
                               bool print, union state *where)
{
    union state path[FAIR_MAX + 1] = { states[from] };
    unsigned int n, i;
    const char *what;
    char line[300];

    for (n = 0; n < FAIR_MAX; n++) {
        *where = path[n];
        path[n + 1] = path[n];
        if (!goes_on(m, &path[n + 1], &what))
            break;
        for (i = 0; i <= n; i++)
            if (!memcmp(&path[i], &path[n + 1], sizeof(path[i])))
                return n;
        model_print(&path[n + 1], line, sizeof(line));
        if (print)
            printf("#   %2u %-48s %s\n", depth(from) + n + 1, what, line);
    }
    return n;
}

/* ---- all that can be reached ---- */

struct visit {
    uint32_t at;
    struct wrong *wrong;
};

static void visit(void *ctx, const union state *next, const char *what,
                  int turn, const char *bad)
{
    struct visit *v = ctx;

    (void)what;
    (void)turn;
    n_transitions++;
    if (bad && !v->wrong->why)
        *v->wrong = (struct wrong){ .why = bad, .at = v->at, .bad = *next,
                                    .in_step = true };
    else if (!bad)
        add(next, v->at);
}

static void check_fair(const struct model *m, uint32_t at,
                       struct wrong *wrong)
{
    union state stands;

    if (run_fairly(m, at))
        return;
    fair_steps(m, at, false, &stands);
    *wrong = (struct wrong){ .why = model_stuck(&stands), .at = at };
}

/* Stops at the first thing that is wrong: there is none nearer. */
static void explore(const struct model *m, struct wrong *wrong)
{
    union state first;
    struct visit v = { .wrong = wrong };
    uint32_t i;

    memset(wrong, 0, sizeof(*wrong));
    model_begin(m, &first);
    add(&first, NONE);
    for (v.at = 0; v.at < n_states && !wrong->why; v.at++)
        model_follow(m, &states[v.at], visit, &v);
    for (i = 0; i < n_states && !wrong->why; i++)
        check_fair(m, i, wrong);
}

static unsigned int steps_of(const struct model *m, const struct wrong *w)
{
    union state stands;

    return depth(w->at) +
           (w->in_step ? 1 : fair_steps(m, w->at, false, &stands));
}

static void print_wrong(const struct model *m, const struct wrong *w)
{
    unsigned int n = trace(m, w->at);
    union state stands;

    if (w->in_step) {
        print_step(m, &states[w->at], &w->bad, n + 1);
    } else {
        printf("#      and then, without any fault:\n");
        fair_steps(m, w->at, true, &stands);
    }
    printf("#      %s\n", w->why);
}

/* ---- what is asked for ---- */

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count_ends(const struct model *m)
{
    const char *ends[ENDS] = { NULL };
    unsigned int counts[ENDS] = { 0 }, longest = 0, deepest = 0, i, j;

    for (i = 0; i < n_states; i++) {
        const char *end = model_end(m, &states[i]);

        if (fair[i] > longest)
            longest = fair[i];
        for (j = 0; end && j < ENDS; j++) {
            if (!ends[j])
                ends[j] = end;
            if (ends[j] == end) {
                counts[j]++;
                break;
            }
        }
    }
    deepest = depth(n_states - 1);
    for (j = 0; j < ENDS && ends[j]; j++)
        printf("#   %u settled ends: the guest %s\n", counts[j], ends[j]);
    printf("#   no state is more than %u steps away from the beginning, and "
           "none more than %u from a settled end\n", deepest,
           longest ? longest - 1 : 0);
}

static bool one_run(size_t i)
{
    struct model m = { .faults = runs[i].faults };
    double start = seconds();
    struct wrong wrong;

    explore(&m, &wrong);
    if (wrong.why) {
        printf("not ok - handover: %s: after %u steps %s\n", runs[i].name,
               steps_of(&m, &wrong), wrong.why);
        print_wrong(&m, &wrong);
        forget_all();
        return false;
    }
    printf("ok - handover: %s: %u states, %llu transitions: never two "
           "copies, never an outdated one, no guest lost but with its only "
           "owner, and each fair run ends\n", runs[i].name, n_states,
           (unsigned long long)n_transitions);
    printf("#   faults, any number at any time: %s\n", runs[i].text);
    printf("#   but: %s\n", runs[i].bounds);
    count_ends(&m);
    printf("#   %.1f s, %zu MiB\n", seconds() - start,
           (n_states * (sizeof(*states) + sizeof(*parents) + 1) +
            ((size_t)table_mask + 1) * sizeof(*table)) >> 20);
    forget_all();
    return true;
}

static bool one_mutant(enum mutant which)
{
    struct model m = {
        .faults = F_XL | F_KILL | F_REBOOT | F_CUT | mutants[which].faults,
        .mutant = which,
    };
    struct wrong wrong;
    const char *why = mutants[which].why;
    bool ok = false;

    explore(&m, &wrong);
    if (!wrong.why) {
        printf("not ok - handover: mutant %s is not caught in %u states\n",
               mutants[which].name, n_states);
    } else if (strcmp(wrong.why, why)) {
        printf("not ok - handover: mutant %s is caught in %u steps, not for "
               "\"%s\", but for \"%s\"\n", mutants[which].name,
               steps_of(&m, &wrong), why, wrong.why);
    } else {
        printf("ok - handover: mutant %s is caught in %u steps: %s\n",
               mutants[which].name, steps_of(&m, &wrong), why);
        ok = true;
    }
    printf("#   %s\n", mutants[which].text);
    if (wrong.why)
        print_wrong(&m, &wrong);
    forget_all();
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = true, known = false;
    size_t i;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (i = 0; i < n_runs; i++)
            printf("%s\n", runs[i].name);
        return 0;
    }
    if (argc != 2) {
        fprintf(stderr, "usage: explore RUN | --mutants | --list\n");
        return 2;
    }
    make_room();
    if (!strcmp(argv[1], "--mutants")) {
        known = true;
        for (i = M_NONE + 1; i < M_COUNT; i++)
            ok &= one_mutant(i);
    }
    for (i = 0; i < n_runs; i++)
        if (!strcmp(argv[1], runs[i].name)) {
            known = true;
            ok = one_run(i);
        }
    if (!known) {
        fprintf(stderr, "explore: no run %s; see --list\n", argv[1]);
        return 2;
    }
    if (!model_masks()) {
        printf("not ok - handover: the model forgets facts that matter\n");
        return 1;
    }
    return ok ? 0 : 1;
}
