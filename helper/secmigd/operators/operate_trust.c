/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this host is told to trust: another key of the site's policy, another
 * host's boot. */
#include "operators/operate.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "state/floors.h"
#include "parent/parent.h"
#include "state/seen.h"
#include "trust/minisign.h"

void operate_platform_accept(struct operate *o)
{
    const struct seen *last;
    unsigned int resets, restarts;
    char date[21];
    int rc;

    if (!operate_may(o, SM_POLICY_POLICY_ADMIN, NULL, o->host))
        return;
    rc = seen_accept(o->host, &last);
    if (rc == SM_UNKNOWN_HOST) {
        operate_finish(o, rc, "", "no quote of %s that counts was seen here: "
                       "it comes with a migration from or to there", o->host);
        return;
    }
    resets = last->tpm.reset_count;
    restarts = last->tpm.restart_count;
    sm_clock_format(last->when, date);
    if (rc == SM_UNMET) {
        operate_finish(o, rc, "", "%s is not accepted: since it was seen with "
                       "reset count %u, restart count %u, on %s, its TPM went "
                       "back behind that (an old state of it was restored, or "
                       "it was cleared), which cannot be accepted.  It counts "
                       "again once it has passed that; else with a new "
                       "attestation key (remove attestation-key there, enrol "
                       "it anew)", o->host,
                       resets, restarts, date);
        return;
    }
    if (rc) {
        operate_finish(o, rc, "store", "that the boot of %s is accepted "
                       "cannot be written down", o->host);
        return;
    }
    sm_notice("platform accepted host=%s reset-count=%u restart-count=%u "
              "by=%s@%s", o->host, resets, restarts, o->account,
              parent.conf.name);
    operate_finish(o, 0, "", "%s is accepted as it was seen last (reset count "
                   "%u, restart count %u, on %s)", o->host, resets, restarts,
                   date);
}

/* Only root: who signs the policy decides who may do everything else. */
void operate_trust_policy(struct operate *o, const uint8_t *text, size_t len)
{
    uint8_t signer[SM_POLICY_SIGNER_LEN];
    struct sm_minisign_public key;
    char why[128];

    if (o->uid != 0) {
        operate_finish(o, SM_REFUSED_LOCAL, "root-only", "only root may say "
                       "who signs the site's policy");
        return;
    }
    if (sm_minisign_public_parse(text, len, &key, why, sizeof(why))) {
        operate_finish(o, SM_STATE, "", "not a public key: %s", why);
        return;
    }
    memcpy(signer, key.id, sizeof(key.id));
    memcpy(signer + sizeof(key.id), key.key, sizeof(key.key));
    if (floors_pin_policy(signer)) {
        operate_finish(o, SM_IO, "store", "the key cannot be written down");
        return;
    }
    sm_notice("site key accepted by=%s@%s", o->account, parent.conf.name);
    o->reload.done = operate_reloaded;
    o->reload.ctx = o;
    reload_policy(&o->reload);
}
