/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How new keys are sealed: from options, from what is there, in the
 * configuration; and what is weak about it. */
#include <stdio.h>
#include <string.h>

#include "pcr_list.h"
#include "sealing.h"
#include "tpm/tpm.h"

/* What GRUB measures of Xen and dom0. */
#define PCRS_DOM0 ((1u << 8) | (1u << 9) | (1u << 11))
/* Anybody can reset these at run time. */
#define PCRS_RESETTABLE ((1u << 16) | (1u << 23))

static int take_path(const char *option, const char *value, char *out)
{
    if (!value)
        return 0;
    if (value[0] != '/' || strlen(value) >= SM_CONF_PATH_MAX)
        return sm_cli_fail(SM_USAGE, "%s %s: not an absolute path", option,
                           value);
    snprintf(out, SM_CONF_PATH_MAX, "%s", value);
    return 0;
}

/* Options of a TPM, which mean nothing without one. */
static int take_tpm(const struct sm_sealing_options *o, struct sm_conf *conf,
                    struct sm_sealing_form *form)
{
    char why[768];
    int rc;

    if (o->tpm && (!strchr(o->tpm, ':') || o->tpm[0] == ':' ||
                   strlen(o->tpm) >= sizeof(conf->tpm)))
        return sm_cli_fail(SM_USAGE, "--tpm %s: not a TCTI, such as "
                           SM_TPM_DEFAULT, o->tpm);
    if (o->tpm)
        snprintf(conf->tpm, sizeof(conf->tpm), "%s", o->tpm);
    if (o->pcrs && !sm_pcr_list_parse(o->pcrs, &form->pcrs))
        return sm_cli_fail(SM_USAGE, "--pcrs %s: not 'none' or numbers from "
                           "0 to 23 with commas between", o->pcrs);
    if (o->pin && o->pin_file)
        return sm_cli_fail(SM_USAGE, "--pin asks for the PIN, --pin-file "
                           "names a file: one of them");
    rc = take_path("--pin-file", o->pin_file, conf->pin_file);
    if (rc)
        return rc;
    form->pin = o->pin || o->pin_file;
    if (!o->pin_file)
        conf->pin_file[0] = '\0';
    if (!o->update_key)
        return 0;
    form->updatable = true;
    rc = sm_update_key_read(o->update_key, &form->update_key, why,
                            sizeof(why));
    return rc ? sm_cli_fail(rc, "%s", why) : 0;
}

int sm_sealing_settle(const struct sm_sealing_options *o,
                      struct sm_conf *conf, struct sm_sealing_form *form)
{
    const char *backend = o->backend ? o->backend : conf->seal;
    bool tpm = !strcmp(backend, "tpm2");

    memset(form, 0, sizeof(*form));
    form->pcrs = SM_SEALING_PCRS;
    if (!tpm && strcmp(backend, "passphrase") && strcmp(backend, "plain"))
        return sm_cli_fail(SM_USAGE, "%s: no such sealed storage (tpm2, "
                           "passphrase and plain are known)", backend);
    if (!tpm && (o->tpm || o->pcrs || o->pin || o->pin_file ||
                 o->update_key))
        return sm_cli_fail(SM_USAGE, "%s: --tpm, --pcrs, --pin, --pin-file "
                           "and --update-key are for tpm2", backend);
    if (o->passphrase_file && strcmp(backend, "passphrase"))
        return sm_cli_fail(SM_USAGE, "%s: --passphrase-file is for "
                           "passphrase", backend);
    if (o->backend)
        snprintf(conf->seal, sizeof(conf->seal), "%s", o->backend);
    if (!tpm)
        conf->pin_file[0] = '\0';
    if (strcmp(backend, "passphrase"))
        conf->passphrase_file[0] = '\0';
    return tpm ? take_tpm(o, conf, form) :
           take_path("--passphrase-file", o->passphrase_file,
                     conf->passphrase_file);
}

const char *sm_sealing_alike(const struct sm_conf *conf,
                             struct sm_sealing_form *form)
{
    struct sm_sealing_object objects[SM_SEALING_OBJECTS];
    struct sm_seal_info info;
    char why[768];
    size_t i;

    memset(form, 0, sizeof(*form));
    form->pcrs = SM_SEALING_PCRS;
    sm_sealing_objects(conf, objects);
    for (i = 0; i < SM_SEALING_OBJECTS; i++) {
        if (sm_seal_inspect(objects[i].path, &info, why, sizeof(why)) ||
            strcmp(info.backend, "tpm2"))
            continue;
        form->pcrs = info.pcrs;
        form->pin = info.pin;
        form->updatable = info.updatable;
        form->update_key = info.update_key;
        return objects[i].path;
    }
    return NULL;
}

void sm_sealing_changes(const struct sm_conf *conf,
                        struct sm_conf_change out[static SM_SEALING_CHANGES])
{
    bool tpm = !strcmp(conf->seal, "tpm2");
    bool passphrase = !strcmp(conf->seal, "passphrase");

    out[0].key = "seal";
    out[0].value = conf->seal;
    out[1].key = "passphrase-file";
    out[1].value = passphrase && conf->passphrase_file[0] ?
                   conf->passphrase_file : NULL;
    out[2].key = "pin-file";
    out[2].value = tpm && conf->pin_file[0] ? conf->pin_file : NULL;
    /* Attestation needs the TPM, whatever keys are sealed with. */
    out[3].key = "tpm";
    out[3].value = strcmp(conf->tpm, SM_TPM_DEFAULT) ? conf->tpm : NULL;
}

/* PCRs of the form that nothing has ever been measured into. */
static uint32_t unmeasured(const struct sm_conf *conf, uint32_t pcrs)
{
    uint8_t pcr[SM_TPM_PCRS][SM_TPM_HASH_LEN];
    static const uint8_t zero[SM_TPM_HASH_LEN];
    struct sm_tpm *tpm = NULL;
    uint32_t found = 0;
    char why[768];
    unsigned int i;

    if (!sm_tpm_open(conf->tpm, conf->tpm_timeout, &tpm, why, sizeof(why)) &&
        !sm_tpm_pcr_read(tpm, pcr, why, sizeof(why)))
        for (i = 0; i < SM_TPM_PCRS; i++)
            if ((pcrs & (1u << i)) && !memcmp(pcr[i], zero, sizeof(zero)))
                found |= 1u << i;
    sm_tpm_close(tpm);
    return found;
}

void sm_sealing_warn(const struct sm_conf *conf,
                     const struct sm_sealing_form *form)
{
    char list[SM_PCR_LIST_SIZE];
    uint32_t empty;

    if (!form->pcrs && !form->pin)
        sm_cli_note("bound to this TPM only: whoever starts any system on "
                    "this machine as root can open the keys (--pcrs, --pin)");
    else if (form->pcrs && !(form->pcrs & PCRS_DOM0))
        sm_cli_note("none of PCRs 8, 9 and 11: whoever changes Xen, dom0's "
                    "kernel or initrd, or their command lines, on disk can "
                    "still open the keys (--pcrs)");
    if (form->pcrs & PCRS_RESETTABLE)
        sm_cli_note("PCRs 16 and 23 can be reset by anyone: they protect "
                    "nothing");
    empty = unmeasured(conf, form->pcrs);
    sm_pcr_list_format(empty, list);
    if (empty)
        sm_cli_note("nothing has been measured into PCR %s: as long as that "
                    "is so, it protects nothing", list);
    if (form->pcrs && !form->updatable)
        sm_cli_note("without an update key, the next update of what these "
                    "PCRs measure locks this host's keys: make recovery "
                    "copies ('secmig seal copy'), or use --update-key");
}
