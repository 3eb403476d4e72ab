/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig seal: how keys are sealed, as their files say it.  Nothing is
 * opened here: neither passphrase nor TPM is needed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "pcr_list.h"
#include "seal_verbs.h"
#include "sealing.h"
#include "tpm/tpm.h"

#define SUFFIX ".sealed"

/* What goes with the backend, in words. */
static void details(const struct sm_seal_info *info, char *out, size_t size)
{
    char until[21], pcrs[SM_PCR_LIST_SIZE];
    int n = 0;

    out[0] = '\0';
    if (!strcmp(info->backend, "passphrase"))
        n = snprintf(out, size, "Argon2id, %u passes over %u MiB",
                     (unsigned int)info->ops,
                     (unsigned int)(info->mem >> 20));
    if (!strcmp(info->backend, "tpm2")) {
        sm_pcr_list_format(info->pcrs, pcrs);
        n = snprintf(out, size, "PCRs %s%s%s", pcrs, info->pin ? ", PIN" : "",
                     info->updatable ? ", updatable" : "");
    }
    if (info->expires) {
        sm_clock_format(info->expires, until);
        snprintf(out + n, size - (size_t)n, "%sopens until %s%s",
                 n ? "; " : "", until, sm_clock_real() > info->expires ?
                 " (EXPIRED)" : "");
    }
}

static int is_sealed(const struct dirent *de)
{
    size_t len = strlen(de->d_name), n = strlen(SUFFIX);

    return de->d_name[0] != '.' && len > n &&
           !strcmp(de->d_name + len - n, SUFFIX) &&
           sm_wire_text_ok(de->d_name, len);
}

/* Approvals, by what they approve besides what the host key is sealed to. */
static void list_approvals(const struct sm_conf *conf)
{
    struct sm_approval *approvals = NULL;
    char why[768], list[SM_PCR_LIST_SIZE];
    struct sm_seal_info host = { .pcrs = 0 };
    size_t i, n = 0;
    unsigned int k;

    if (sm_approvals_read(conf->approvals_dir, &approvals, &n, why,
                          sizeof(why)))
        sm_cli_note("%s", why);
    if (n && sm_seal_inspect(conf->host_key, &host, why, sizeof(why)))
        memset(&host, 0, sizeof(host));
    for (i = 0; i < n; i++) {
        uint32_t other = 0, waived = host.pcrs & ~approvals[i].pcrs;

        sm_pcr_list_format(approvals[i].pcrs, list);
        printf("approval: PCRs %s", list);
        for (k = 0; k < SM_SEAL_PCRS; k++)
            if ((approvals[i].pcrs & (1u << k)) &&
                memcmp(approvals[i].pcr[k], host.pcr[k], SM_SEAL_PCR_LEN))
                other |= 1u << k;
        sm_pcr_list_format(other, list);
        printf(", other than sealed: %s", list);
        sm_pcr_list_format(waived, list);
        printf("%s%s\n", waived ? "; WAIVES " : "", waived ? list : "");
    }
    free(approvals);
}

static int list_left(const char *path)
{
    const char *name = strrchr(path, '/') + 1;

    printf("%-22s  %s\n", name, name[0] == '.' ?
           "left by a command that was interrupted, or is running" :
           "kept by 'secmig seal restore': it did not open");
    return 0;
}

/* Every sealed file of the state directory, of whatever kind. */
static int list(const struct sm_cli *cli)
{
    char path[2 * SM_CONF_PATH_MAX], why[768], more[256];
    struct dirent **names = NULL;
    struct sm_seal_info info;
    int i, n, rc, bad = 0;

    n = scandir(cli->conf.state_dir, &names, is_sealed, alphasort);
    if (n < 0)
        return sm_cli_fail(errno == ENOENT ? SM_STATE : SM_IO, "%s: %s%s",
                           cli->conf.state_dir, strerror(errno),
                           errno == ENOENT ? " (run 'secmig init')" : "");
    for (i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s", cli->conf.state_dir,
                 names[i]->d_name);
        if (sm_seal_inspect(path, &info, why, sizeof(why))) {
            printf("%-22s  unusable: %s\n", names[i]->d_name, why);
            bad++;
        } else {
            details(&info, more, sizeof(more));
            printf("%-22s  %-10s  %-8s  %-10s  %s\n", names[i]->d_name,
                   info.purpose, info.host, info.backend, more);
        }
        free(names[i]);
    }
    free(names);
    rc = sm_sealing_left(&cli->conf, true, list_left);
    list_approvals(&cli->conf);
    if (rc)
        return rc;
    return bad ? sm_cli_fail(SM_STATE, "%s: %d file(s) cannot be used",
                             cli->conf.state_dir, bad) : 0;
}

static void show_hex(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}

static void show_tpm(const struct sm_seal_info *info)
{
    unsigned int i;

    printf("storage key  ");
    show_hex(info->parent, sizeof(info->parent));
    for (i = 0; i < SM_SEAL_PCRS; i++) {
        if (!(info->pcrs & (1u << i)))
            continue;
        printf("PCR %-2u       ", i);
        show_hex(info->pcr[i], SM_SEAL_PCR_LEN);
        printf("             %s\n", sm_tpm_pcr_text(i));
    }
    if (info->updatable) {
        printf("update key   ");
        show_hex(info->update_key.x, sizeof(info->update_key.x));
        printf("             ");
        show_hex(info->update_key.y, sizeof(info->update_key.y));
    }
}

static int show(const char *path)
{
    struct sm_seal_info info;
    char why[768], more[256];
    int rc;

    rc = sm_seal_inspect(path, &info, why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s", why);
    details(&info, more, sizeof(more));
    printf("purpose      %s\n"
           "host         %s\n"
           "sealed with  %s\n", info.purpose, info.host, info.backend);
    if (more[0])
        printf("             %s\n", more);
    if (!strcmp(info.backend, "tpm2"))
        show_tpm(&info);
    printf("secret       %zu bytes\n"
           "What a file says of itself is proven only when it is opened.\n",
           info.size);
    return 0;
}

int sm_verb_seal(const struct sm_cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct sm_cli *cli, int argc, char **argv);
    } verbs[] = {
        { "move", sm_seal_verb_move },
        { "copy", sm_seal_verb_copy },
        { "restore", sm_seal_verb_restore },
        { "wipe", sm_seal_verb_wipe },
        { "update-key", sm_seal_verb_update_key },
        { "approve", sm_seal_verb_approve },
    };
    int rc = SM_CLI_USAGE;
    size_t i;

    if (argc == 2 && !strcmp(argv[1], "list"))
        rc = list(cli);
    else if (argc == 3 && !strcmp(argv[1], "show"))
        rc = show(argv[2]);
    for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strcmp(argv[1], verbs[i].name))
            rc = verbs[i].run(cli, argc - 1, argv + 1);
    if (fflush(stdout) && !rc)
        return sm_cli_fail(SM_IO, "standard output: cannot write");
    return rc;
}
