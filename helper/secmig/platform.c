/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secmig platform: which of its verbs, and what they share. */
#include "platform.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "draft.h"
#include "operator.h"
#include "policy.h"
#include "tpm/tpm.h"
#include "trust/attest.h"

#define KERNELS_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"

/* Sets alone become a VM policy of nobody's, all in line 1 so that lines of
 * errors are those of the file. */
#define HEAD "<vm-policy xmlns=\"urn:xen-secmig:policy:1\" version=\"1\" " \
             "vm=\"00000000-0000-0000-0000-000000000000\">"
#define TAIL "<rules/></vm-policy>"

_Static_assert(SM_POLICY_PCRS == SM_TPM_PCRS, "PCRs of policies and of TPMs");

const char *platform_log(const struct platform_source *from)
{
    return from->log ? from->log : KERNELS_LOG;
}

int platform_measure(const struct sm_cli *cli,
                     const struct platform_source *from,
                     struct sm_policy_measured *out)
{
    struct sm_tpm *tpm;
    char why[768];
    int rc;

    memset(out, 0, sizeof(*out));
    out->reset_approved = true;
    rc = sm_tpm_open(from->tpm ? from->tpm : cli->conf.tpm,
                     cli->conf.tpm_timeout, &tpm, why, sizeof(why));
    if (!rc)
        rc = sm_tpm_pcr_read(tpm, out->pcr, why, sizeof(why));
    sm_tpm_close(tpm);
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    out->has_log = sm_attest_event_log(platform_log(from), out->log);
    if (from->log && !out->has_log)
        return sm_cli_fail(SM_IO, "%s: cannot be read as an event log",
                           from->log);
    return 0;
}

/* The sets of a fragment, in a document of their own. */
static int parse_sets(const char *path, const uint8_t *data, size_t len,
                      bool wrapped, struct sm_policy **out)
{
    const char *head = wrapped ? HEAD : HEAD "<platforms>";
    const char *tail = wrapped ? TAIL : "</platforms>" TAIL;
    size_t size = strlen(head) + len + strlen(tail);
    char why[SM_POLICY_WHY_MAX], *text = malloc(size);
    int rc;

    if (!text)
        return sm_cli_fail(SM_NO_MEMORY, "out of memory");
    memcpy(text, head, strlen(head));
    memcpy(text + strlen(head), data, len);
    memcpy(text + strlen(head) + len, tail, strlen(tail));
    rc = sm_policy_parse(out, SM_POLICY_VM, text, size, path, why,
                         sizeof(why));
    free(text);
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int platform_open(const char *path, struct sm_policy **out)
{
    bool sets, set;
    uint8_t *data;
    size_t len;
    int rc;

    *out = NULL;
    rc = sm_draft_read(path, SM_POLICY_DOCUMENT_MAX, SM_POLICY, &data, &len);
    if (rc)
        return rc;
    sets = policy_starts_with(data, len, "platforms");
    set = policy_starts_with(data, len, "platform");
    rc = sets || set ? parse_sets(path, data, len, sets, out) :
                       policy_open(path, out);
    free(data);
    if (!rc && !sm_policy_platform_count(*out)) {
        sm_policy_free(*out);
        *out = NULL;
        rc = sm_cli_fail(SM_POLICY, "%s: it has no <platforms>", path);
    }
    return rc;
}

void platform_hex(const uint8_t digest[static 32],
                  char out[static PLATFORM_HEX_SIZE])
{
    sodium_bin2hex(out, PLATFORM_HEX_SIZE, digest, 32);
}

int sm_verb_platform(const struct sm_cli *cli, int argc, char **argv)
{
    static const struct {
        const char *verb;
        int (*run)(const struct sm_cli *cli, int argc, char **argv);
    } verbs[] = {
        { "capture", platform_capture },
        { "show", platform_show },
        { "diff", platform_diff },
        { "accept", sm_platform_accept },
    };
    size_t i;

    for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strcmp(argv[1], verbs[i].verb))
            return verbs[i].run(cli, argc - 1, argv + 1);
    return SM_CLI_USAGE;
}
