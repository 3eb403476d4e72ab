/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parent/reload.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "state/floors.h"
#include "decision/judge.h"
#include "keys/keys.h"
#include "parent/parent.h"

/* Of the child that tries a policy before the parent takes it. */
#define TRIAL_MEMORY (768u << 20)
#define TRIAL_SECONDS 30
#define TRIAL_TIME 60000        /* ms by the clock on the wall */

static struct run trial;
static bool again;              /* asked for while a trial ran */
static struct reload_waiter *waiting, *later;
static int key_err;             /* of the host key, in this load */
static char key_why[512];

/* Only with the site's key that this host has trusted so far, if any. */
static int load(struct sm_policy **policy, uint8_t *key, char *why,
                size_t why_size)
{
    const struct sm_policy_files files = {
        .xml = parent.conf.policy_file,
        .signature = parent.conf.policy_sig,
        .public_key = parent.conf.policy_pub,
        .pinned = floors_policy_key(),
        .key = key,
    };

    return sm_policy_load(policy, &files, why, why_size);
}

/* In the child.  It stays root, since what it reads is what the parent is
 * about to read: only crashes and greed are kept away from the parent. */
static int try_load(void *arg)
{
    char why[SM_POLICY_WHY_MAX];
    struct sm_policy *policy;
    int rc;

    (void)arg;
    prctl(PR_SET_NAME, "secmigd-trial");
    rc = judge_limits(TRIAL_MEMORY, TRIAL_SECONDS);
    if (!rc)
        rc = load(&policy, NULL, why, sizeof(why));
    else
        strcpy(why, "cannot limit the child that tries the policy");
    if (rc && write(STDOUT_FILENO, why, strlen(why)) < 0)
        rc = SM_IO;
    return sm_err_exit(rc);
}

static void tell_waiters(int err, const char *text)
{
    char both[SM_POLICY_WHY_MAX + sizeof(key_why) + 64];
    struct reload_waiter *w;

    if (key_err) {
        snprintf(both, sizeof(both), "%s; this host's key is that of before: "
                 "%s", text, key_why);
        text = both;
        err = err ? err : key_err;
    }
    while ((w = waiting)) {
        waiting = w->next;
        w->done(w->ctx, err, text);
    }
    waiting = later;
    later = NULL;
}

static void not_taken(int err, const char *why)
{
    char text[SM_POLICY_WHY_MAX + 64];

    if (parent.policy) {
        snprintf(text, sizeof(text), "new policy not taken, the old one "
                 "stays: %s", why);
    } else {
        snprintf(text, sizeof(text), "no policy, everything is refused: %s",
                 why);
        snprintf(parent.policy_why, sizeof(parent.policy_why), "%s", why);
    }
    sm_error("%s", text);
    tell_waiters(err, text);
}

/* Older than one that this host has seen?  If not, it has seen this one, and
 * its key is that of the site. */
static int check_version(const struct sm_policy *policy, const uint8_t *key,
                         char *why, size_t why_size)
{
    unsigned long long version = sm_policy_version(policy);
    unsigned long long floor = floors_policy();

    if (version < floor) {
        snprintf(why, why_size, "policy version %llu is older than %llu, "
                 "which this host has seen", version, floor);
        return SM_POLICY;
    }
    if (floors_pin_policy(key) || floors_raise_policy(version)) {
        snprintf(why, why_size, "that this host has seen version %llu cannot "
                 "be written down", version);
        return SM_IO;
    }
    return 0;
}

static void take(void)
{
    uint8_t key[SM_POLICY_SIGNER_LEN];
    struct sm_policy *policy = NULL;
    char why[SM_POLICY_WHY_MAX], text[256];
    bool first = !floors_policy_key();
    int rc;

    rc = load(&policy, key, why, sizeof(why));
    if (!rc)
        rc = check_version(policy, key, why, sizeof(why));
    if (rc) {
        sm_policy_free(policy);
        not_taken(rc, why);
        return;
    }
    sm_policy_free(parent.policy);
    parent.policy = policy;
    parent.policy_why[0] = '\0';
    snprintf(text, sizeof(text), "policy of site %.100s version %llu in "
             "force: %zu rules", sm_policy_site(policy),
             (unsigned long long)sm_policy_version(policy),
             sm_policy_rule_count(policy));
    sm_notice("%s", text);
    if (first)
        sm_notice("the key in %s is that of the site from now on",
                  parent.conf.policy_pub);
    tell_waiters(0, text);
}

static void start_trial(void);

static void tried(void *ctx, int err)
{
    char why[SM_POLICY_WHY_MAX];
    int status = trial.status;

    (void)ctx;
    if (err && WIFEXITED(status) && trial.len &&
        sm_wire_text_ok(trial.data, trial.len))
        snprintf(why, sizeof(why), "%s", (char *)trial.data);
    else if (err == SM_TIMEOUT)
        strcpy(why, "loading it takes too long");
    else if (err)
        snprintf(why, sizeof(why), "the child that tried it failed: %s",
                 spawn_status_text(status));
    run_clear(&trial);
    if (err)
        not_taken(err, why);
    else
        take();
    if (again) {
        again = false;
        start_trial();
    }
}

static void start_trial(void)
{
    int rc;

    key_err = keys_reload(key_why, sizeof(key_why));
    if (key_err)
        sm_error("this host's key is not read again: %s", key_why);
    rc = run_fork(&trial, try_load, NULL, -1, SM_POLICY_WHY_MAX, TRIAL_TIME,
                  tried, NULL);
    if (rc)
        not_taken(rc, "cannot start the child that tries it");
}

void reload_policy(struct reload_waiter *waiter)
{
    struct reload_waiter **list = trial.active ? &later : &waiting;

    if (waiter) {
        waiter->next = *list;
        *list = waiter;
    }
    if (trial.active)
        again = true;
    else
        start_trial();
}

void reload_forget(struct reload_waiter *waiter)
{
    struct reload_waiter **lists[] = { &waiting, &later }, **p;
    size_t i;

    for (i = 0; i < 2; i++)
        for (p = lists[i]; *p; p = &(*p)->next)
            if (*p == waiter) {
                *p = waiter->next;
                break;
            }
}

bool reload_active(void)
{
    return trial.active;
}
