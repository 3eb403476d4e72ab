/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/err.h"

#include <stddef.h>

static const struct {
    int err;
    const char *text;
} table[] = {
    { SM_OK,             "success" },
    { SM_FAIL,           "failure" },
    { SM_USAGE,          "wrong usage" },
    { SM_CONFIG,         "bad configuration" },
    { SM_STATE,          "local state missing, damaged or unsafe" },
    { SM_NO_MEMORY,      "not enough memory" },
    { SM_IO,             "input/output error" },
    { SM_NO_DAEMON,      "secmigd does not answer" },
    { SM_UNKNOWN_HOST,   "unknown host" },
    { SM_UNREACHABLE,    "host cannot be reached" },
    { SM_TIMEOUT,        "timed out" },
    { SM_LINK,           "connection lost" },
    { SM_AUTH,           "peer is not who it should be" },
    { SM_PROTOCOL,       "peer broke the protocol" },
    { SM_UNPAIRED,       "this host is not paired there" },
    { SM_HELPER,         "a process of secmigd died" },
    { SM_REFUSED_LOCAL,  "refused by this host's policy" },
    { SM_REFUSED_REMOTE, "refused by the other host's policy" },
    { SM_POLICY,         "no valid policy" },
    { SM_NOMIGRATE,      "guest is marked nomigrate" },
    { SM_EXISTS,         "guest exists there already" },
    { SM_NO_DOMAIN,      "no such guest" },
    { SM_BUSY,           "busy" },
    { SM_XL,             "xl failed" },
    { SM_CANCELLED,      "cancelled" },
    { SM_UNMET,          "policy asks for more" },
    { SM_SANDBOX,        "sandbox could not be set up" },
    { SM_SEAL,           "sealed object does not open" },
    { SM_IN_DOUBT,       "the handover is not settled yet" },
    { SM_XEN_VERSION,    "wrong version of Xen" },
    { SM_PROCESSOR,      "processor lacks features of the guest" },
};

static const char *find(int err)
{
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].err == err)
            return table[i].text;
    return NULL;
}

const char *sm_err_text(int err)
{
    const char *text = find(err);

    return text ? text : "unknown error";
}

int sm_err_exit(int err)
{
    return find(err) ? -err : 1;
}

int sm_err_from_code(unsigned int code)
{
    if (code > 255 || !find(-(int)code))
        return SM_FAIL;
    return -(int)code;
}
