/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attestation but for the verification (attest_verify.c): what is quoted,
 * evidence as it travels, and what is remembered of an AK.
 */
#include "trust/attest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/wire.h"

#define EVENT_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"
#define EVENT_LOG_MAX (16u << 20)   /* no firmware writes as much */

#define CONTEXT "xen-secmig quote 1"
#define VERSION 1

/* ---- what is quoted ---- */

/* Its size is unknown to the kernel as well: read to the end. */
static bool digest_of(int fd, uint8_t out[static 32])
{
    crypto_hash_sha256_state state;
    uint8_t buf[16384];
    size_t total = 0;
    ssize_t n;

    crypto_hash_sha256_init(&state);
    while ((n = read(fd, buf, sizeof(buf)))) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || total + (size_t)n > EVENT_LOG_MAX)
            return false;
        crypto_hash_sha256_update(&state, buf, (size_t)n);
        total += (size_t)n;
    }
    crypto_hash_sha256_final(&state, out);
    return total != 0;
}

bool sm_attest_event_log(const char *path, uint8_t out[static 32])
{
    int fd = open(path ? path : EVENT_LOG,
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool there = fd >= 0 && digest_of(fd, out);

    if (fd >= 0)
        close(fd);
    if (!there)
        memset(out, 0, 32);
    return there;
}

static bool claims_ok(const struct sm_attest_claims *c)
{
    return (c->role == SM_ATTEST_INITIATOR ||
            c->role == SM_ATTEST_RESPONDER) &&
           c->hash_len && c->hash_len <= SM_ATTEST_HASH_MAX &&
           (c->has_log || sodium_is_zero(c->log, sizeof(c->log)));
}

int sm_attest_extra(const struct sm_attest_claims *c,
                    uint8_t extra[static SM_ATTEST_EXTRA_LEN])
{
    const uint8_t hash_len = (uint8_t)c->hash_len, has_log = c->has_log;
    crypto_generichash_state state;

    if (!claims_ok(c))
        return SM_USAGE;
    crypto_generichash_init(&state, NULL, 0, SM_ATTEST_EXTRA_LEN);
    crypto_generichash_update(&state, (const uint8_t *)CONTEXT,
                              strlen(CONTEXT));
    crypto_generichash_update(&state, &c->role, 1);
    crypto_generichash_update(&state, c->nonce, sizeof(c->nonce));
    crypto_generichash_update(&state, &hash_len, 1);
    crypto_generichash_update(&state, c->hash, c->hash_len);
    crypto_generichash_update(&state, &has_log, 1);
    crypto_generichash_update(&state, c->log, sizeof(c->log));
    crypto_generichash_final(&state, extra, SM_ATTEST_EXTRA_LEN);
    return 0;
}

int sm_attest_evidence(const struct sm_attest_claims *c,
                       const void *quote, size_t quote_len,
                       uint8_t *out, size_t size, size_t *len)
{
    struct sm_wire_writer w;
    int rc;

    *len = 0;
    if (!claims_ok(c))
        return SM_USAGE;
    sm_wire_writer_init(&w, SM_ATTEST_EVIDENCE_MAX);
    sm_wire_put_u16(&w, VERSION);
    sm_wire_put_u8(&w, c->role);
    sm_wire_put_bytes(&w, c->nonce, sizeof(c->nonce));
    sm_wire_put_blob(&w, c->hash, c->hash_len);
    sm_wire_put_u8(&w, c->has_log);
    sm_wire_put_bytes(&w, c->log, sizeof(c->log));
    sm_wire_put_bytes(&w, quote, quote_len);
    rc = sm_wire_error(&w);
    if (!rc && w.len <= size) {
        memcpy(out, w.data, w.len);
        *len = w.len;
    } else if (rc != SM_NO_MEMORY) {
        rc = SM_USAGE;
    }
    sm_wire_writer_dispose(&w);
    return rc;
}

void sm_attest_nonce(uint8_t out[static SM_ATTEST_NONCE_LEN])
{
    randombytes_buf(out, SM_ATTEST_NONCE_LEN);
}

/* ---- what was seen before ---- */

void sm_attest_remember(const struct sm_attested *now,
                        struct sm_attest_seen *out)
{
    *out = (struct sm_attest_seen){
        .clock = now->clock, .reset_count = now->reset_count,
        .restart_count = now->restart_count,
    };
    memcpy(out->ak, now->ak, sizeof(out->ak));
    crypto_hash_sha256(out->pcrs, now->pcr[0], sizeof(now->pcr));
}

enum sm_attest_since sm_attest_compare(const struct sm_attested *now,
                                       const struct sm_attest_seen *last,
                                       char *why, size_t why_size)
{
    struct sm_attest_seen seen;

    snprintf(why, why_size, "%s", "");
    if (memcmp(now->ak, last->ak, sizeof(last->ak)))
        return SM_ATTEST_FIRST;
    sm_attest_remember(now, &seen);
    if (now->reset_count < last->reset_count) {
        snprintf(why, why_size, "its reset counter went back from %" PRIu32
                 " to %" PRIu32 ": its TPM was cleared, or an old state of it "
                 "was restored", last->reset_count, now->reset_count);
        return SM_ATTEST_BACK;
    }
    if (now->reset_count > last->reset_count) {
        snprintf(why, why_size, "it was reset: its reset counter was %" PRIu32
                 " and is %" PRIu32, last->reset_count, now->reset_count);
        return SM_ATTEST_REBOOTED;
    }
    if (now->restart_count > last->restart_count) {
        snprintf(why, why_size, "it was restarted: its restart counter was "
                 "%" PRIu32 " and is %" PRIu32, last->restart_count,
                 now->restart_count);
        return SM_ATTEST_REBOOTED;
    }
    if (now->restart_count < last->restart_count ||
        (last->clock > now->clock &&
         last->clock - now->clock > SM_ATTEST_CLOCK_SLACK)) {
        snprintf(why, why_size, "its TPM's clock went back within one boot: "
                 "an old state of it was restored");
        return SM_ATTEST_BACK;
    }
    if (memcmp(seen.pcrs, last->pcrs, sizeof(seen.pcrs))) {
        snprintf(why, why_size, "PCRs have changed since it was last seen, "
                 "in the same boot");
        return SM_ATTEST_MOVED;
    }
    return SM_ATTEST_SAME;
}
