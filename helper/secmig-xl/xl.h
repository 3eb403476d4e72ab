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
 * One verb.  `argv` has the arguments that main.c's table counts, and then
 * NULL.
 * Returns 0 or a negative error; on an error that is not an answer the
 * reason is on standard error.
 */
int xl_domain(libxl_ctx *ctx, char **argv);
int xl_config(libxl_ctx *ctx, char **argv);
int xl_room(libxl_ctx *ctx, char **argv);

/*
 * The verbs about processors (xen/cpu_features.h):
 *
 *   features UUID
 *       answers 16 u32: the features that the guest has been told of.
 *       SM_NO_DOMAIN; SM_STATE: two domains have the uuid; SM_XL.
 *   fits pv|pvh|hvm FEATURES
 *       0: such a guest with these features (sm_xen_features_format()) can
 *       run here; SM_PROCESSOR: the host lacks some; SM_XL: Xen does not say
 *       what it has.  A line for people is on standard output.
 */
int xl_features(libxl_ctx *ctx, char **argv);
int xl_fits(libxl_ctx *ctx, char **argv);

/*
 * The verbs of a handover (helper/secmigd/handovers/handover.h), about the guest
 * with a uuid, which is or will be named NAME.  They may be repeated.  But for
 * `look` and `hold` a line for people is on standard output in any case.
 *
 *   look source|destination UUID NAME
 *       answers u8 domain (enum sm_handover_domain), u32 domid (UINT32_MAX:
 *       none), str its present name, u64 when it looked (CLOCK_MONOTONIC, ms:
 *       the answer may be read much later).  A source's guest is meant to
 *       stay: SUSPENDED is what `resume` lets run again, also one that is
 *       paused by a hold and that somebody else has resumed.  Of one that
 *       runs it answers only when it is certain that it goes on running:
 *       three seconds; a request to suspend that a dead xl has left is taken
 *       back, and a resume that was killed half-way is completed.  So it is
 *       not to be asked of a source while xl may still act on the guest.
 *   hold UUID NAME [DOMID]
 *       what `look` answers of a source whose guest may belong to another
 *       host: SUSPENDED is what nobody else's resume lets run, seen after it
 *       was held (guest.h: a suspended domain is paused as well), and has not
 *       run since it was held first, whether somebody has resumed it or not.
 *       What has run since then is RUNS, also if it is suspended or paused by
 *       now.  A domain with another number than DOMID is RUNS, and not held.
 *       SM_XL also when it does not stay paused.
 *   resume UUID NAME [DOMID]
 *       0: it runs, and is not held; or its owner had paused it before it was
 *       held, and it is still paused; SM_NO_DOMAIN; SM_EXISTS: it runs, but
 *       could not get its name back; SM_XL.  A guest that is neither suspended
 *       nor held is left as it is.
 *   destroy UUID NAME [DOMID]
 *       0: it is gone; SM_STATE: it is neither suspended nor held, or has run
 *       since it was held, and left alone; SM_XL.
 *   start UUID NAME run|paused [DOMID]
 *       0: the start is complete; SM_NO_DOMAIN; SM_EXISTS: it runs, but
 *       another domain has its name; SM_STATE: half destroyed; SM_XL.
 *   name UUID NAME DOMID
 *       of a guest that `start` or `resume` has left with the name of a copy,
 *       or of one that has moved: 0: it has its name, or one that somebody
 *       has given it; SM_NO_DOMAIN; SM_EXISTS: another domain has its name;
 *       SM_STATE: half destroyed.
 *   discard UUID NAME [DOMID]
 *       0: there is no copy any more; SM_EXISTS: what is there is no copy, or
 *       has run, and is left alone; SM_XL.
 *
 * With DOMID, when the domain with the uuid has another number, it has been
 * made anew since: SM_NO_DOMAIN, and it is left alone.
 *
 * All of them: SM_USAGE; SM_STATE when two domains have the uuid, or when the
 * mark of a hold was not written here.
 */
int xl_look(libxl_ctx *ctx, char **argv);
int xl_hold(libxl_ctx *ctx, char **argv);
int xl_resume(libxl_ctx *ctx, char **argv);
int xl_destroy(libxl_ctx *ctx, char **argv);
int xl_start(libxl_ctx *ctx, char **argv);
int xl_name(libxl_ctx *ctx, char **argv);
int xl_discard(libxl_ctx *ctx, char **argv);

/* Arguments of verbs.  They return 0, or SM_USAGE after a complaint. */
int xl_parse_uuid(const char *text, libxl_uuid *uuid);
int xl_check_name(const char *name);

/* Whether `full` is `name` followed by `suffix`. */
bool xl_name_is(const char *full, const char *name, const char *suffix);

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

/* Whether what was printed has arrived.  Returns `rc`, or SM_IO instead of 0. */
int xl_said(int rc);

/* A line on standard error: "secmig-xl: ...". */
void xl_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
