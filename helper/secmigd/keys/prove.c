/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/prove.h"

#include "base/log.h"
#include "channel/message.h"
#include "ipc.h"

/* What another host learns of an error: paths and advice are not for it. */
static const char *class_of(int err)
{
    switch (err) {
    case SM_STATE:
        return "it has no attestation key that its TPM could use";
    case SM_BUSY:
        return "its TPM is busy";
    case SM_TIMEOUT:
    case SM_IO:
        return "its TPM does not answer";
    default:
        return "its TPM made no quote";
    }
}

static void tell(struct prove *p, const uint8_t *evidence, size_t len,
                 int err)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_wire_put_blob(&w, evidence, len);
    sm_wire_put_str(&w, err ? class_of(err) : "");
    if (p->peer->fd >= 0 &&
        ipc_send(p->peer->fd, IPC_PEER_QUOTE_IS, &w, NULL, 0))
        sm_debug("a peer has gone before its quote");
    sm_wire_writer_dispose(&w);
}

static void quoted(void *ctx, int err, const char *why,
                   const uint8_t *quote, size_t len)
{
    struct prove *p = ctx;
    uint8_t evidence[SM_ATTEST_EVIDENCE_MAX];
    size_t n = 0;

    (void)why;                  /* keys_quote.c has logged it */
    if (!err)
        err = sm_attest_evidence(&p->claims, quote, len, evidence,
                                 sizeof(evidence), &n);
    tell(p, evidence, err ? 0 : n, err);
}

void prove(struct prove *p, uint8_t role, const char *host,
           const struct loop_watch *peer, struct sm_wire_reader *r)
{
    uint8_t extra[SM_ATTEST_EXTRA_LEN];
    int rc;

    p->claims.role = role;
    p->claims.hash_len = sizeof(p->claims.hash);
    sm_wire_get_bytes(r, p->claims.nonce, sizeof(p->claims.nonce));
    sm_wire_get_bytes(r, p->claims.hash, sizeof(p->claims.hash));
    if (p->asked)
        r->error = SM_PROTOCOL;
    if (sm_wire_end(r))
        return;
    p->asked = true;
    p->peer = peer;
    p->claims.has_log = sm_attest_event_log(NULL, p->claims.log);
    rc = sm_attest_extra(&p->claims, extra);
    if (!rc)
        rc = keys_quote(&p->wait, host, role == SM_ATTEST_INITIATOR, extra,
                        quoted, p);
    if (rc)
        tell(p, NULL, 0, rc);
}

void prove_forget(struct prove *p)
{
    keys_forget_quote(&p->wait);
}
