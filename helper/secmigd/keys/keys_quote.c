/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quotes: one secmig-vault at a time; hosts take turns. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "keys/keys.h"
#include "parent/loop.h"
#include "parent/parent.h"
#include "keys/vault.h"

#define QUEUE_MAX 16            /* of one host */
#define NEXT_ROUND 1            /* ms: of the loop; 0 would be never */

static struct vault vault;
static struct loop_timer soon;
static bool busy;                           /* `vault` is at work ... */
static struct quote_wait *queue, *served;   /* ... for `served` */

static void serve(void *ctx);

static bool same(const struct quote_wait *a, const struct quote_wait *b)
{
    return a->own == b->own && !strcmp(a->host, b->host);
}

/* The first in the queue, which is this host's own, or whose host's turn it
 * is; the others of that host go behind all that wait. */
static struct quote_wait *take(void)
{
    struct quote_wait *w = queue, *moved = NULL, **p, **last = &moved;

    queue = w->next;
    for (p = &queue; *p; ) {
        if (!w->own && same(*p, w)) {
            *last = *p;
            last = &(*p)->next;
            *p = *last;
        } else {
            p = &(*p)->next;
        }
    }
    *last = NULL;
    *p = moved;
    return w;
}

static void quoted(void *ctx, int err, const char *why,
                   const uint8_t *quote, size_t len)
{
    struct quote_wait *w = served;

    (void)ctx;
    if (err)
        sm_error("quote: %s", why);
    served = NULL;
    busy = false;
    loop_arm(&soon, NEXT_ROUND, serve, NULL);
    if (w)
        w->done(w->ctx, err, why, quote, len);
}

static void failed(void *ctx)
{
    quoted(ctx, SM_HELPER, "cannot start secmig-vault", NULL, 0);
}

static void serve(void *ctx)
{
    static const char *const request[] = { "quote", NULL };
    int rc, in;

    (void)ctx;
    if (!queue || busy)
        return;
    busy = true;
    served = take();
    in = ipc_memfd(served->extra, sizeof(served->extra));
    rc = in < 0 ? in : vault_start(&vault, request, in, -1, SM_ATTEST_QUOTE_MAX,
                                   quoted, NULL);
    if (in >= 0)
        close(in);
    if (rc)
        loop_arm(&soon, NEXT_ROUND, failed, NULL);
}

int keys_quote(struct quote_wait *w, const char *asker, bool own,
               const uint8_t extra[static SM_ATTEST_EXTRA_LEN],
               void (*done)(void *ctx, int err, const char *why,
                            const uint8_t *quote, size_t len),
               void *ctx)
{
    struct quote_wait **p;
    size_t n = 0;

    keys_forget_quote(w);
    w->host = asker;
    w->own = own;
    for (p = &queue; *p; p = &(*p)->next)
        n += same(*p, w);
    if (n == QUEUE_MAX) {
        sm_warning("quote: %d wait for %s already", QUEUE_MAX, asker);
        return SM_BUSY;
    }
    for (p = &queue; *p && (!own || (*p)->own); )
        p = &(*p)->next;
    memcpy(w->extra, extra, sizeof(w->extra));
    w->done = done;
    w->ctx = ctx;
    w->next = *p;
    *p = w;
    if (!busy)
        loop_arm(&soon, NEXT_ROUND, serve, NULL);
    return 0;
}

void keys_forget_quote(struct quote_wait *w)
{
    struct quote_wait **p;

    if (served == w)
        served = NULL;          /* the vault goes on, for nobody */
    for (p = &queue; *p; p = &(*p)->next) {
        if (*p == w) {
            *p = w->next;
            break;
        }
    }
}
