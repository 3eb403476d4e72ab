/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text of a pairing file and a host key line.  What is accepted must be
 * well formed, and come back the same after it was written again.
 */
#include <stdlib.h>
#include <string.h>

#include "trust/pairing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void line(const char *text, size_t size)
{
    char name[SM_IDENTITY_NAME_SIZE], again[SM_IDENTITY_LINE_SIZE], why[256];
    uint8_t key[SM_IDENTITY_KEY_LEN];

    if (sm_identity_parse(text, size, name, key, why, sizeof(why))) {
        if (!why[0])
            abort();
        return;
    }
    if (!sm_conf_name_ok(name) || !sm_identity_key_ok(key) ||
        sm_identity_format(name, key, again))
        abort();
    /* The newline may be missing in what came. */
    if (size > strlen(again) || size + 1 < strlen(again) ||
        memcmp(again, text, size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char endpoint[SM_PAIRING_ENDPOINT_SIZE], why[256];
    char address[SM_PAIRING_ADDRESS_SIZE];
    struct sm_pairing p;
    uint16_t port;

    line((const char *)data, size);
    if (sm_pairing_parse("host", (const char *)data, size, &p, why,
                         sizeof(why))) {
        if (!why[0])
            abort();
        return 0;
    }
    if (p.has_key != sm_identity_key_ok(p.key) ||
        p.has_next != sm_identity_key_ok(p.next) || !p.port ||
        !p.address[0] || strcmp(p.name, "host") || sm_pairing_problem(&p))
        abort();
    sm_pairing_endpoint(&p, endpoint);
    if (sm_conf_address(endpoint, address, sizeof(address), &port) ||
        strcmp(address, p.address) || port != p.port)
        abort();
    return 0;
}
