/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded with fake_xen.c: as much of libxl and xenstore as the verbs of a
 * handover call, over a file (FAKE_DOMAINS) with a line for each domain:
 *
 *     DOMID UUID NAME|- running|paused|suspended|poweroff|dying[+N] CPU_TIME
 *
 * with N pauses; "paused" is running+1.  What runs and is not paused has used
 * more CPU time whenever it was changed.
 *
 * FAKE_DOMAINS.request holds control/shutdown, FAKE_DOMAINS.held the mark of a
 * hold, FAKE_DOMAINS.resumed gets those of which xenstore is told that they
 * run, FAKE_DOMAINS.calls gets a line for each call that changes something.
 * FAKE_FAIL names a call that fails; FAKE_KILL one in the middle of which the
 * process is killed, with all that it does done; FAKE_FOREIGN one just before
 * which somebody resumes the domain, FAKE_UNPAUSED one just after which somebody
 * unpauses it; FAKE_SUSPENDS=N lets a guest that runs suspend at the Nth
 * time that libxl is asked about it alone, FAKE_ACKS=N lets it take a request
 * at that time.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxl.h>
#include <libxl_utils.h>
#include <xenstore.h>

#define MAX 8

static struct domain {
    unsigned int domid;
    char uuid[64], name[64], state[16];
    unsigned int pauses;
    unsigned long long cpu;
} domains[MAX];
static int n;

static const char *path(const char *suffix)
{
    static char text[512];

    snprintf(text, sizeof(text), "%s%s", getenv("FAKE_DOMAINS"), suffix);
    return text;
}

static void load(void)
{
    FILE *f = fopen(path(""), "r");

    if (!f)
        abort();
    for (n = 0; n < MAX; n++) {
        struct domain *d = &domains[n];
        char state[32];

        if (fscanf(f, "%u %63s %63s %31s %llu", &d->domid, d->uuid, d->name,
                   state, &d->cpu) != 5)
            break;
        d->pauses = 0;
        if (!strcmp(state, "paused"))
            strcpy(state, "running+1");
        if (sscanf(state, "%15[a-z]+%u", d->state, &d->pauses) < 1)
            abort();
    }
    fclose(f);
}

static void print_state(FILE *f, const struct domain *d)
{
    if (!strcmp(d->state, "running") && d->pauses == 1)
        fprintf(f, "paused");
    else if (d->pauses)
        fprintf(f, "%s+%u", d->state, d->pauses);
    else
        fprintf(f, "%s", d->state);
}

static void ran(struct domain *d)
{
    if (!d->pauses && !strcmp(d->state, "running"))
        d->cpu++;
}

static void store(void)
{
    FILE *f = fopen(path(""), "w");
    int i;

    for (i = 0; f && i < n; i++)
        if (strcmp(domains[i].state, "none")) {
            fprintf(f, "%u %s %s ", domains[i].domid, domains[i].uuid,
                    domains[i].name);
            print_state(f, &domains[i]);
            fprintf(f, " %llu\n", domains[i].cpu);
        }
    if (!f || fclose(f))
        abort();
}

/* Returns the domain when the call may go on. */
static struct domain *call(const char *what, uint32_t domid)
{
    FILE *f = fopen(path(".calls"), "a");
    const char *fail = getenv("FAKE_FAIL"), *by = getenv("FAKE_FOREIGN");
    struct domain *d = NULL;
    int i;

    if (!f)
        abort();
    fprintf(f, "%s %u\n", what, domid);
    fclose(f);
    load();
    if (fail && !strcmp(fail, what))
        return NULL;
    for (i = 0; i < n && !d; i++)
        if (domains[i].domid == domid)
            d = &domains[i];
    if (d && by && !strcmp(by, what) && !strcmp(d->state, "suspended")) {
        strcpy(d->state, "running");
        ran(d);
        store();
    }
    return d;
}

static void die_in(const char *what)
{
    const char *kill_in = getenv("FAKE_KILL");

    if (kill_in && !strcmp(kill_in, what)) {
        store();
        kill(getpid(), SIGKILL);
    }
}

static void fill(const struct domain *d, libxl_dominfo *info)
{
    info->domid = d->domid;
    libxl_uuid_from_string(&info->uuid, d->uuid);
    info->paused = d->pauses;
    info->running = !strcmp(d->state, "running") && !d->pauses;
    info->dying = !strcmp(d->state, "dying");
    info->shutdown = true;
    if (!strcmp(d->state, "suspended"))
        info->shutdown_reason = LIBXL_SHUTDOWN_REASON_SUSPEND;
    else if (!strcmp(d->state, "poweroff"))
        info->shutdown_reason = LIBXL_SHUTDOWN_REASON_POWEROFF;
    else
        info->shutdown = false;
    info->cpu_time = d->cpu;
}

libxl_dominfo *libxl_list_domain(libxl_ctx *ctx, int *count)
{
    libxl_dominfo *list;
    int i;

    (void)ctx;
    if (getenv("FAKE_FAIL") && !strcmp(getenv("FAKE_FAIL"), "list"))
        return NULL;
    load();
    list = calloc((size_t)n + 1, sizeof(*list));
    for (i = 0; i < n; i++) {
        libxl_dominfo_init(&list[i]);
        fill(&domains[i], &list[i]);
    }
    *count = n;
    return list;
}

int libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info, uint32_t domid)
{
    static int times;
    const char *at = getenv("FAKE_SUSPENDS"), *acks = getenv("FAKE_ACKS");
    int i;

    (void)ctx;
    load();
    times++;
    if (acks && times == atoi(acks))
        fclose(fopen(path(".request"), "w"));
    for (i = 0; i < n; i++) {
        if (domains[i].domid != domid)
            continue;
        if (at && times >= atoi(at)) {
            strcpy(domains[i].state, "suspended");
            store();
        }
        fill(&domains[i], info);
        return 0;
    }
    return ERROR_DOMAIN_NOTFOUND;
}

char *libxl_domid_to_name(libxl_ctx *ctx, uint32_t domid)
{
    int i;

    (void)ctx;
    for (i = 0; i < n; i++)
        if (domains[i].domid == domid && strcmp(domains[i].name, "-"))
            return strdup(domains[i].name);
    return NULL;
}

int libxl_domain_resume(libxl_ctx *ctx, uint32_t domid, int suspend_cancel,
                        const libxl_asyncop_how *ao_how)
{
    struct domain *d = call("resume", domid);

    (void)ctx;
    if (!d || !suspend_cancel || ao_how || strcmp(d->state, "suspended"))
        return ERROR_FAIL;
    strcpy(d->state, "running");
    ran(d);
    die_in("resume");
    store();
    return 0;
}

int libxl_domain_destroy(libxl_ctx *ctx, uint32_t domid,
                         const libxl_asyncop_how *ao_how)
{
    struct domain *d = call("destroy", domid);

    (void)ctx;
    if (!d || ao_how)
        return ERROR_FAIL;
    strcpy(d->name, "-");       /* as libxl: xenstore first */
    die_in("destroy");
    strcpy(d->state, "none");
    store();
    return 0;
}

int libxl_domain_unpause(libxl_ctx *ctx, uint32_t domid,
                         const libxl_asyncop_how *ao_how)
{
    struct domain *d = call("unpause", domid);

    (void)ctx;
    if (!d || ao_how || !d->pauses)
        return ERROR_FAIL;
    d->pauses--;
    ran(d);
    die_in("unpause");
    store();
    return 0;
}

int libxl_domain_pause(libxl_ctx *ctx, uint32_t domid,
                       const libxl_asyncop_how *ao_how)
{
    struct domain *d = call("pause", domid);
    const char *by = getenv("FAKE_UNPAUSED");

    (void)ctx;
    if (!d || ao_how)
        return ERROR_FAIL;
    if (!by || strcmp(by, "pause"))
        d->pauses++;
    die_in("pause");
    store();
    return 0;
}

int libxl_domain_rename(libxl_ctx *ctx, uint32_t domid, const char *old_name,
                        const char *new_name)
{
    struct domain *d = call("rename", domid);
    int i;

    (void)ctx;
    if (!d || strcmp(d->name, old_name))
        return ERROR_FAIL;
    for (i = 0; i < n; i++)
        if (&domains[i] != d && !strcmp(domains[i].name, new_name))
            return ERROR_INVAL;
    snprintf(d->name, sizeof(d->name), "%s", new_name);
    die_in("rename");
    store();
    return 0;
}

/* ---- xenstore ---- */

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    (void)h;
    return 1;
}

/* The first end of a transaction that changes something is in vain. */
bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort_it)
{
    static int ends;

    (void)h;
    (void)t;
    if (!abort_it && ends++ == 0) {
        errno = EAGAIN;
        return false;
    }
    return true;
}

bool xs_resume_domain(struct xs_handle *h, unsigned int domid)
{
    FILE *f = fopen(path(".resumed"), "a");

    (void)h;
    return f && fprintf(f, "%u\n", domid) > 0 && !fclose(f);
}

/* The file that stands for a node. */
static const char *node(const char *where)
{
    if (!strcmp(where, "/libxl/3/secmig-held"))
        return path(".held");
    if (strcmp(where, "/local/domain/3/control/shutdown"))
        abort();
    return path(".request");
}

/* What is done to the mark is a call like those of libxl. */
static bool may_change(const char *where, const char *what)
{
    return strcmp(where, "/libxl/3/secmig-held") || call(what, 3);
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *where,
              unsigned int *len)
{
    FILE *f = fopen(node(where), "r");
    char text[64] = "";

    (void)h;
    (void)t;
    if (!f)
        return NULL;    /* ENOENT */
    *len = (unsigned int)fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    return strdup(text);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *where,
              const void *data, unsigned int len)
{
    FILE *f;

    (void)h;
    (void)t;
    if (!may_change(where, "mark"))
        return false;
    f = fopen(node(where), "w");
    if (!f || fwrite(data, 1, len, f) != len || fclose(f))
        return false;
    die_in("mark");
    return true;
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *where)
{
    (void)h;
    (void)t;
    if (!may_change(where, "unmark") || remove(node(where)))
        return false;
    die_in("unmark");
    return true;
}
