/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig vm-policy: the policies that owners of guests have signed, as the
 * daemon keeps them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "draft.h"
#include "operator.h"

#define SUFFIX ".minisig"

static int add(const struct sm_cli *cli, const char *role, const char *path,
               const char *signature)
{
    char beside[SM_CONF_PATH_MAX + sizeof(SUFFIX)];
    uint8_t *xml = NULL, *sig = NULL;
    size_t xml_len, sig_len;
    struct sm_wire_writer w = { 0 };
    int rc;

    if (!signature) {
        if (strlen(path) >= SM_CONF_PATH_MAX)
            return sm_cli_fail(SM_USAGE, "%s: path too long", path);
        snprintf(beside, sizeof(beside), "%s" SUFFIX, path);
        signature = beside;
    }
    rc = sm_draft_read(path, FRAME_VM_POLICY_MAX, SM_POLICY, &xml, &xml_len);
    if (!rc)
        rc = sm_draft_read(signature, FRAME_SIGNATURE_MAX, SM_POLICY, &sig,
                           &sig_len);
    if (rc)
        goto out;
    sm_operator_begin(&w, role);
    sm_wire_put_blob(&w, xml, xml_len);
    sm_wire_put_blob(&w, sig, sig_len);
    rc = sm_operator_command(cli, "vm-policy", FRAME_VM_POLICY_ADD, &w);
out:
    free(xml);
    free(sig);
    sm_wire_writer_dispose(&w);
    return rc;
}

/* The document as its owner signed it, or a list. */
static int show(const struct sm_cli *cli, const char *role,
                enum frame_type type, const char *vm)
{
    struct sm_client_frame frame;
    struct sm_client *client;
    struct sm_wire_writer w;
    int rc;

    sm_operator_begin(&w, role);
    if (vm)
        sm_wire_put_str(&w, vm);
    rc = sm_operator_ask(cli, "vm-policy", type, &w, FRAME_OUTPUT,
                         FRAME_ANSWER, &frame, &client);
    if (!rc && frame.type == FRAME_ANSWER) {
        rc = sm_operator_verdict(&frame, "vm-policy");
    } else if (!rc) {
        rc = sm_operator_print(frame.body, frame.len);
        if (rc)
            sm_cli_fail(rc, "vm-policy: what secmigd has sent is not fit to "
                        "be shown");
    }
    sm_client_frame_dispose(&frame);
    sm_client_free(client);
    sm_wire_writer_dispose(&w);
    return rc;
}

static int remove_one(const struct sm_cli *cli, const char *role,
                      const char *vm)
{
    struct sm_wire_writer w;
    int rc;

    sm_operator_begin(&w, role);
    sm_wire_put_str(&w, vm);
    rc = sm_operator_command(cli, "vm-policy", FRAME_VM_POLICY_REMOVE, &w);
    sm_wire_writer_dispose(&w);
    return rc;
}

int sm_verb_vm_policy(const struct sm_cli *cli, int argc, char **argv)
{
    const char *role = NULL, *words[3];
    const struct sm_argument options[] = { SM_OPERATOR_ROLE };
    size_t n;

    if (sm_arguments_sort(argc, argv, options, 1, words, 3, &n) || n == 0)
        return SM_CLI_USAGE;
    if (!strcmp(words[0], "add") && n >= 2)
        return add(cli, role, words[1], n == 3 ? words[2] : NULL);
    if (!strcmp(words[0], "list") && n == 1)
        return show(cli, role, FRAME_VM_POLICY_LIST, NULL);
    if (!strcmp(words[0], "show") && n == 2)
        return show(cli, role, FRAME_VM_POLICY_SHOW, words[1]);
    if (!strcmp(words[0], "remove") && n == 2)
        return remove_one(cli, role, words[1]);
    return SM_CLI_USAGE;
}
