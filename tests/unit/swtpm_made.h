/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TPM as its maker delivers it: with an endorsement key and its certificate
 * (RSA 2048), of a certificate authority in the scratch directory
 * (swtpm_setup, swtpm_localca).  Include scratch.h and swtpm.h before.
 */
#ifndef SM_TESTS_UNIT_SWTPM_MADE_H
#define SM_TESTS_UNIT_SWTPM_MADE_H

/* Certificates of the authority and of its root. */
#define SWTPM_ROOTS "maker/roots.pem"

static inline void swtpm_maker(void)
{
    char text[1024];

    if (!access(scratch_path("maker"), F_OK))
        return;
    ck_assert_int_eq(mkdir(scratch_path("maker"), 0700), 0);
    snprintf(text, sizeof(text), "statedir = %s/maker\n"
             "signingkey = %s/maker/key.pem\n"
             "issuercert = %s/maker/issuer.pem\n"
             "certserial = %s/maker/serial\n", scratch, scratch, scratch,
             scratch);
    scratch_write("maker/localca.conf", text, strlen(text), 0600);
    snprintf(text, sizeof(text), "--platform-manufacturer tests\n"
             "--platform-version 1.0\n--platform-model tests\n");
    scratch_write("maker/localca.options", text, strlen(text), 0600);
    snprintf(text, sizeof(text),
             "create_certs_tool = /usr/bin/swtpm_localca\n"
             "create_certs_tool_config = %s/maker/localca.conf\n"
             "create_certs_tool_options = %s/maker/localca.options\n",
             scratch, scratch);
    scratch_write("maker/setup.conf", text, strlen(text), 0600);
}

/* Make one and turn it on. */
static inline void swtpm_made(struct swtpm *s, const char *leaf)
{
    char line[1024];

    swtpm_maker();
    memset(s, 0, sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "%s/%s", scratch, leaf);
    snprintf(s->sock, sizeof(s->sock), "%s/sock", s->dir);
    snprintf(s->tcti, sizeof(s->tcti), "swtpm:path=%s", s->sock);
    ck_assert_int_eq(mkdir(s->dir, 0700), 0);
    snprintf(line, sizeof(line), "swtpm_setup --tpm2 --tpmstate %s "
             "--create-ek-cert --config %s/maker/setup.conf >%s/log 2>&1 && "
             "cat %s/maker/issuer.pem %s/maker/*root*cert.pem >%s/"
             SWTPM_ROOTS, s->dir, scratch, s->dir, scratch, scratch, scratch);
    ck_assert_msg(!system(line), "swtpm_setup failed: %s/log", s->dir);
    swtpm_on(s);
}

#endif
