/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/own_certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "channel/hello.h"
#include "parent/parent.h"
#include "trust/certificate.h"

/* The other side verifies it; this is for whoever reads our log. */
static int check(const uint8_t *data, size_t len, char *why, size_t why_size)
{
    struct sm_certificate c;
    struct sm_statement s;
    int rc;

    rc = sm_statement_split(data, len, SM_HELLO_CERTIFICATE_MAX, &s, why,
                            why_size);
    if (!rc)
        rc = sm_certificate_read(&s, &c, why, why_size);
    if (rc)
        return rc;
    if (strcmp(c.host, parent.conf.name)) {
        snprintf(why, why_size, "it is of host %s, this is %s", c.host,
                 parent.conf.name);
        return SM_STATE;
    }
    if (memcmp(c.key, parent.own_key, sizeof(c.key))) {
        snprintf(why, why_size, "it is of another key than this host's");
        return SM_STATE;
    }
    return 0;
}

static void complain(const char *why)
{
    static char last[SM_CONF_PATH_MAX + 256];

    if (!strcmp(why, last))
        return;
    snprintf(last, sizeof(last), "%s", why);
    if (*why)
        sm_error("%s: not shown to other hosts: %s", parent.conf.certificate,
                 why);
    else
        sm_notice("%s is shown to other hosts", parent.conf.certificate);
}

void own_certificate_put(struct sm_wire_writer *w)
{
    char why[SM_CONF_PATH_MAX + 256];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    errno = 0;
    rc = sm_file_read(parent.conf.certificate, SM_FILE_PUBLIC,
                      SM_HELLO_CERTIFICATE_MAX, &data, &len, why,
                      sizeof(why));
    if (rc == SM_STATE && errno == ENOENT)
        goto out;
    if (!rc)
        rc = check(data, len, why, sizeof(why));
    complain(rc ? why : "");
out:
    if (rc)
        sm_wire_put_blob(w, NULL, 0);
    else
        sm_wire_put_blob(w, data, len);
    sm_file_free(data, len);
}
