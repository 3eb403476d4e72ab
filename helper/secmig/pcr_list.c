/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcr_list.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "tpm/tpm.h"

/* A number of one or two digits without a zero in front. */
static bool take_number(const char **text, unsigned int *n)
{
    const char *p = *text;

    if (*p < '0' || *p > '9')
        return false;
    *n = (unsigned int)(*p++ - '0');
    if (*n && *p >= '0' && *p <= '9')
        *n = 10 * *n + (unsigned int)(*p++ - '0');
    *text = p;
    return *n < SM_TPM_PCRS;
}

bool sm_pcr_list_parse(const char *text, uint32_t *pcrs)
{
    unsigned int n;

    *pcrs = 0;
    if (!strcmp(text, "none"))
        return true;
    for (;;) {
        if (!take_number(&text, &n) || (*pcrs & (1u << n)))
            return false;
        *pcrs |= 1u << n;
        if (!*text)
            return true;
        if (*text++ != ',')
            return false;
    }
}

void sm_pcr_list_format(uint32_t pcrs, char out[static SM_PCR_LIST_SIZE])
{
    unsigned int n;
    int len = 0;

    snprintf(out, SM_PCR_LIST_SIZE, "none");
    for (n = 0; n < SM_TPM_PCRS; n++)
        if (pcrs & (1u << n))
            len += snprintf(out + len, SM_PCR_LIST_SIZE - (size_t)len,
                            "%s%u", len ? "," : "", n);
}

bool sm_pcr_value_parse(const char *text, unsigned int *n, uint8_t value[32])
{
    size_t len;

    if (!take_number(&text, n) || *text++ != '=' || strlen(text) != 64)
        return false;
    return !sodium_hex2bin(value, 32, text, 64, NULL, &len, NULL) &&
           len == 32;
}
