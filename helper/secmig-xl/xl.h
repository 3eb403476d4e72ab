/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig-xl: the only program that links libxl.  The daemon runs it as root
 * for one question at a time; it answers on standard output and exits with a
 * code of base/err.h.
 */
#ifndef SECMIG_XL_H
#define SECMIG_XL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libxl.h>
#include <libxl_utils.h>

#include "base/err.h"
#include "base/wire.h"

#define XL_CONFIG_MAX   (1024u * 1024u)     /* bytes of a configuration */
#define XL_NAME_MAX     1024u               /* bytes of a domain's name */
#define XL_NOMIGRATE    (1u << 0)           /* flags of `domain`, `config` */

/*
 * One verb.  `argv` has exactly the arguments that main.c's table counts.
 * Returns 0 or a negative error; on an error that is not an answer the
 * reason is on standard error.
 */
int xl_domain(libxl_ctx *ctx, char **argv);
int xl_config(libxl_ctx *ctx, char **argv);
int xl_room(libxl_ctx *ctx, char **argv);
int xl_discard(libxl_ctx *ctx, char **argv);

/*
 * Kilobytes that a new domain could have at most on this host: what is free
 * and, where xl balloons dom0 by itself, what dom0 could give up.
 * Returns 0 or SM_XL.
 */
int xl_memory_room(libxl_ctx *ctx, uint64_t *kb_r);

/*
 * From here on this process has its standard streams and no other
 * descriptor: libxl's context cannot reach Xen or xenstore any more.  It may
 * compute, allocate memory, read, write and exit; nothing else.
 * Returns 0 or SM_SANDBOX.
 */
int xl_sandbox(void);

/* Write all of a message to standard output.  Returns its error or SM_IO. */
int xl_answer(const struct sm_wire_writer *w);

/* A line on standard error: "secmig-xl: ...". */
void xl_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
