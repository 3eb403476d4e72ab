/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `secmig platform` can do: capture; show and diff; accept is an
 * operator's (operator.h).  Functions return and report as verbs do
 * (verbs.h).
 */
#ifndef SM_SECMIG_PLATFORM_H
#define SM_SECMIG_PLATFORM_H

#include "arguments.h"
#include "policy/platform.h"
#include "verbs.h"

/* argv[0] is the word after "platform". */
int platform_capture(const struct sm_cli *cli, int argc, char **argv);
int platform_show(const struct sm_cli *cli, int argc, char **argv);
int platform_diff(const struct sm_cli *cli, int argc, char **argv);

/* Options of all three. */
struct platform_source {
    const char *tpm;        /* TCTI; NULL: as configured */
    const char *log;        /* file of the event log; NULL: the kernel's */
};

#define PLATFORM_SOURCE(s) \
    { .name = "--tpm", .value = &(s).tpm }, \
    { .name = "--log", .value = &(s).log }

/*
 * Read this host's TPM, and its event log if there is one.
 *   out  as if its reset had been approved; without a signer
 * Prints its own error line.
 */
int platform_measure(const struct sm_cli *cli,
                     const struct platform_source *from,
                     struct sm_policy_measured *out) SM_WARN_UNUSED;

/* Where that log is looked for. */
const char *platform_log(const struct platform_source *from);

/*
 * Read the platform sets of a file: a policy of either kind, or only
 * <platforms> or <platform> elements, as capture prints them.
 *   out  the caller's, to be freed with sm_policy_free(); it has one set or
 *        more, and is good for nothing else
 * Prints its own error line.
 */
int platform_open(const char *path, struct sm_policy **out) SM_WARN_UNUSED;

#define PLATFORM_HEX_SIZE 65

/* A digest in hexadecimal. */
void platform_hex(const uint8_t digest[static 32],
                  char out[static PLATFORM_HEX_SIZE]);

#endif
