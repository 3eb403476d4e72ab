/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PIN of the backend `tpm2`. */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/secret.h"
#include "seal/tpm2.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define AUTH_CONTEXT "xen-secmig PIN 1"
#define LIMIT_SPARED 5      /* wrong PINs */

void sm_tpm2_pin_free(struct sm_tpm2_pin *pin)
{
    sm_secret_free(pin->bytes);
    memset(pin, 0, sizeof(*pin));
}

static int pin_from_file(struct sm_tpm2_pin *pin, const char *path, char *why,
                         size_t why_size)
{
    int rc;

    /* One byte over the limit for the newline. */
    rc = sm_file_read_secret(path, SM_SEAL_PIN_MAX + 1, &pin->bytes,
                             &pin->len, why, why_size);
    if (rc)
        return rc;
    if (pin->len && pin->bytes[pin->len - 1] == '\n')
        pin->len--;
    return 0;
}

static int pin_from_person(struct sm_tpm2_pin *pin, int confirm, char *why,
                           size_t why_size)
{
    void *locked = NULL;
    int rc;

    if (!pin->ask) {
        WHY("no PIN to open it with: name a file (pin-file) or give the "
            "systemd credential '" SM_SEAL_CREDENTIAL_PIN "'");
        return SM_SEAL;
    }
    rc = sm_secret_new(&locked, SM_SEAL_PIN_MAX + 1);
    if (rc) {
        WHY("no locked memory for the PIN (RLIMIT_MEMLOCK)");
        return rc;
    }
    pin->bytes = locked;
    pin->asked = true;
    rc = pin->ask(pin->ask_ctx, confirm, pin->bytes, SM_SEAL_PIN_MAX + 1,
                 &pin->len);
    if (rc) {
        sm_secret_free(pin->bytes);
        pin->bytes = NULL;
        WHY("no PIN was given (a file, pin-file, or the systemd credential '"
            SM_SEAL_CREDENTIAL_PIN "' will do, too)");
    }
    return rc;
}

static int check_pin(const struct sm_tpm2_pin *pin, int fresh, char *why,
                     size_t why_size)
{
    if (!pin->len)
        WHY("the PIN is empty");
    else if (pin->len > SM_SEAL_PIN_MAX)
        WHY("the PIN is too long (%d characters at most)", SM_SEAL_PIN_MAX);
    else if (fresh && pin->len < SM_SEAL_PIN_MIN)
        WHY("the PIN is too short (%d characters at least)",
            SM_SEAL_PIN_MIN);
    else
        return 0;
    return SM_SEAL;
}

/* From a file when there is one; a person is asked when it is needed, which
 * is now for new objects. */
int sm_tpm2_pin_obtain(struct sm_tpm2_pin *pin,
                       const struct sm_seal_source *source, char *why,
                       size_t why_size)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];
    int rc = 0;

    pin->ask = source->ask_pin;
    pin->ask_ctx = source->ask_ctx;
    if (source->pin_file) {
        rc = pin_from_file(pin, source->pin_file, why, why_size);
    } else if (dir && dir[0] == '/') {
        if (snprintf(path, sizeof(path), "%s/" SM_SEAL_CREDENTIAL_PIN, dir) >=
            (int)sizeof(path)) {
            WHY("$CREDENTIALS_DIRECTORY: path too long");
            return SM_STATE;
        }
        errno = 0;
        rc = pin_from_file(pin, path, why, why_size);
        if (rc == SM_STATE && errno == ENOENT) {
            WHY("%s", "");
            rc = 0;
        }
    }
    if (!rc && !pin->bytes && source->pin)
        rc = pin_from_person(pin, source->fresh, why, why_size);
    if (!rc && pin->bytes)
        rc = check_pin(pin, source->pin && source->fresh, why, why_size);
    return rc;
}

/*
 * The authorization value of a PIN: as long as the TPM takes them, whatever
 * the PIN's length.  Its last byte is not zero: a TPM cuts zeros off, and not
 * every library does.  No stretching: the TPM counts.
 *
 * ESAPI copies it into what it keeps of a session, where nobody can wipe it:
 * it is gone when the process is.
 */
void sm_tpm2_pin_auth(const struct sm_tpm2_pin *pin, TPM2B_AUTH *out)
{
    out->size = SM_TPM2_AUTH_LEN;
    /* Cannot fail: the lengths are constant or bounded. */
    crypto_generichash(out->buffer, SM_TPM2_AUTH_LEN, pin->bytes, pin->len,
                       (const uint8_t *)AUTH_CONTEXT, strlen(AUTH_CONTEXT));
    out->buffer[SM_TPM2_AUTH_LEN - 1] |= 1;
}

/*
 * Whether one more wrong PIN would lock the TPM for all programs.  Where the
 * limit is lower still, a loss of power or two would keep the right PIN out.
 */
static bool would_lock(struct sm_tpm *tpm)
{
    uint32_t tries, max;

    return sm_tpm_property(tpm, TPM2_PT_LOCKOUT_COUNTER, &tries) &&
           sm_tpm_property(tpm, TPM2_PT_MAX_AUTH_FAIL, &max) &&
           max >= LIMIT_SPARED && tries + 1 == max;
}

int sm_tpm2_pin_need(struct sm_tpm2_pin *pin, struct sm_tpm *tpm, char *why,
                     size_t why_size)
{
    int rc;

    if (pin->refused) {
        WHY("the PIN was wrong before, and is not tried again");
        return SM_SEAL;
    }
    if (pin->bytes && !pin->asked && would_lock(tpm)) {
        WHY("the PIN in the file is not tried: one more wrong PIN, and the "
            "TPM would lock for every program (correct the file, then "
            "tpm2_dictionarylockout -c, or wait)");
        return SM_SEAL;
    }
    if (pin->bytes)
        return 0;
    rc = pin_from_person(pin, 0, why, why_size);
    if (!rc)
        rc = check_pin(pin, 0, why, why_size);
    if (rc) {
        sm_secret_free(pin->bytes);
        pin->bytes = NULL;
    }
    return rc;
}
