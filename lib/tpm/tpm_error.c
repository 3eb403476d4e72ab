/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a TPM's answers mean to an operator. */
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_rc.h>

#include "tpm/internal.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* Part 2, 6.6: format 1 holds the number of a handle, session or parameter
 * beside the code. */
#define FORMAT_1 0x80u
#define FORMAT_1_CODE 0x3fu

#define LEFT_BEHIND "another program, or one that was killed, holds them: " \
    "use the kernel's resource manager, /dev/tpmrm0, or flush them " \
    "(tpm2_flushcontext -t -l -s)"

static const struct {
    TSS2_RC code;
    int err;
    const char *text;
} meanings[] = {
    { TPM2_RC_RETRY, SM_BUSY, "it is busy: try again" },
    { TPM2_RC_YIELDED, SM_BUSY, "it is busy: try again" },
    { TPM2_RC_TESTING, SM_BUSY, "it is testing itself: try again" },
    { TPM2_RC_NV_RATE, SM_BUSY, "it slows down writes to spare its memory: "
                                "try again in some minutes" },
    { TPM2_RC_NV_UNAVAILABLE, SM_BUSY, "its memory cannot be written now: "
                                       "try again" },
    { TPM2_RC_CANCELED, SM_BUSY, "another program cancelled it: try again" },
    { TPM2_RC_OBJECT_MEMORY, SM_BUSY, "no room for objects: " LEFT_BEHIND },
    { TPM2_RC_OBJECT_HANDLES, SM_BUSY, "no room for objects: " LEFT_BEHIND },
    { TPM2_RC_SESSION_MEMORY, SM_BUSY, "no room for sessions: " LEFT_BEHIND },
    { TPM2_RC_SESSION_HANDLES, SM_BUSY, "no room for sessions: "
                                        LEFT_BEHIND },
    { TPM2_RC_CONTEXT_GAP, SM_BUSY, "no room for sessions: " LEFT_BEHIND },
    { TPM2_RC_MEMORY, SM_BUSY, "no room in it: " LEFT_BEHIND },
    { TPM2_RC_BAD_AUTH, SM_SEAL, "wrong password" },
    { TPM2_RC_POLICY_FAIL, SM_SEAL, "its policy is not met" },
    { TPM2_RC_PCR_CHANGED, SM_SEAL, "a PCR was extended meanwhile" },
    { TPM2_RC_INTEGRITY, SM_SEAL, "the object was damaged, or is another "
                                  "TPM's" },
    { TPM2_RC_SENSITIVE, SM_SEAL, "the object was damaged" },
    { TPM2_RC_SIGNATURE, SM_SEAL, "the signature is not good" },
    { TPM2_RC_FAILURE, SM_STATE, "it failed its self-test: reset the host; "
                                 "when that does not help, it is broken" },
    { TPM2_RC_INITIALIZE, SM_STATE, "it was not started by the firmware" },
    { TPM2_RC_DISABLED, SM_STATE, "the firmware has turned its owner's "
                                  "hierarchy off" },
    { TPM2_RC_HIERARCHY, SM_STATE, "the firmware has turned its owner's "
                                   "hierarchy off" },
    { TPM2_RC_REBOOT, SM_STATE, "it wants the host to be restarted" },
    { TPM2_RC_UPGRADE, SM_STATE, "its firmware is being replaced" },
    { TPM2_RC_BAD_TAG, SM_STATE, "it is a TPM 1.2" },
    { TPM2_RC_COMMAND_CODE, SM_STATE, "it does not know this command" },
};

TSS2_RC sm_tpm_code(TSS2_RC rc)
{
    TSS2_RC layer = rc & TSS2_RC_LAYER_MASK, code = rc & 0xffff;

    /* A resource manager puts its own layer over the TPM's words. */
    if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER)
        return 0;
    if (code & FORMAT_1)
        code &= FORMAT_1 | FORMAT_1_CODE;
    return code;
}

static const char *seconds(uint32_t n, char out[static 24])
{
    if (n < 120)
        snprintf(out, 24, "%u s", (unsigned int)n);
    else if (n < 7200)
        snprintf(out, 24, "%u min", (unsigned int)(n + 59) / 60);
    else
        snprintf(out, 24, "%u h", (unsigned int)(n + 3599) / 3600);
    return out;
}

/* Wrong PINs: how many more, and for how long. */
static int wrong_pin(struct sm_tpm *tpm, const char *doing, bool locked,
                     char *why, size_t why_size)
{
    uint32_t tries, max, interval;
    char when[24];

    if (!sm_tpm_property(tpm, TPM2_PT_LOCKOUT_COUNTER, &tries) ||
        !sm_tpm_property(tpm, TPM2_PT_MAX_AUTH_FAIL, &max) ||
        !sm_tpm_property(tpm, TPM2_PT_LOCKOUT_INTERVAL, &interval))
        WHY("the TPM cannot %s: %s", doing,
            locked ? "it is locked after too many wrong PINs" : "wrong PIN");
    else if (!locked && tries < max)
        WHY("the TPM cannot %s: wrong PIN (it has counted %u wrong ones, of "
            "any program on this host; at %u it locks)", doing,
            (unsigned int)tries, (unsigned int)max);
    else if (interval)
        WHY("the TPM cannot %s: it is locked after %u wrong PINs of any "
            "program on this host; the next try is possible in %s, or at "
            "once after tpm2_dictionarylockout -c", doing,
            (unsigned int)tries, seconds(interval, when));
    else
        WHY("the TPM cannot %s: it is locked after %u wrong PINs of any "
            "program on this host, until tpm2_dictionarylockout -c", doing,
            (unsigned int)tries);
    return SM_SEAL;
}

/* What the connection says, whatever ESAPI made of it. */
static int connection(const struct sm_tpm *tpm, const char *doing, char *why,
                      size_t why_size)
{
    int ms = tpm->tcti.timeout;

    switch (tpm->tcti.failed) {
    case 0:
        return 0;
    case SM_TIMEOUT:
        WHY("the TPM at %s did not answer within %d.%d s (asked to %s): "
            "another program holds it, or it hangs; see dmesg", tpm->name,
            ms / 1000, ms % 1000 / 100, doing);
        return SM_TIMEOUT;
    case SM_BUSY:
        WHY("the TPM cannot %s: it is busy: try again", doing);
        return SM_BUSY;
    default:
        WHY("the connection to the TPM at %s was lost (asked to %s): see "
            "dmesg", tpm->name, doing);
        return SM_IO;
    }
}

int sm_tpm_rc(struct sm_tpm *tpm, TSS2_RC rc, const char *doing, char *why,
              size_t why_size)
{
    TSS2_RC code = sm_tpm_code(rc);
    size_t i;
    int err;

    WHY("%s", "");
    if (!rc)
        return 0;
    err = connection(tpm, doing, why, why_size);
    if (err)
        return err;
    if (code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_LOCKOUT)
        return wrong_pin(tpm, doing, code == TPM2_RC_LOCKOUT, why, why_size);
    if ((rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_MEMORY &&
        (rc & TSS2_RC_LAYER_MASK) == TSS2_ESAPI_RC_LAYER) {
        WHY("out of memory");
        return SM_NO_MEMORY;
    }
    for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (code && meanings[i].code == code) {
            WHY("the TPM cannot %s: %s", doing, meanings[i].text);
            return meanings[i].err;
        }
    WHY("the TPM cannot %s: %s (0x%x)", doing, Tss2_RC_Decode(rc),
        (unsigned int)rc);
    return SM_FAIL;
}
