/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCRs on the command line: "0,2,4,7", "none", "4=HEX". */
#ifndef SM_SECMIG_PCR_LIST_H
#define SM_SECMIG_PCR_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enough for all of them in words. */
#define SM_PCR_LIST_SIZE 80

/* Read "none" or numbers from 0 to 23 with commas between, none twice, into a
 * bit each.  Returns whether it is that. */
bool sm_pcr_list_parse(const char *text, uint32_t *pcrs);

/* Write them as they are read. */
void sm_pcr_list_format(uint32_t pcrs, char out[static SM_PCR_LIST_SIZE]);

/* Read "N=HEX", 64 digits of it.  Returns whether it is that. */
bool sm_pcr_value_parse(const char *text, unsigned int *n, uint8_t value[32]);

#endif
