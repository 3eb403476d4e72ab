/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guest that a verb of a handover is about, and whether it is held. */
#ifndef SECMIG_XL_GUEST_H
#define SECMIG_XL_GUEST_H

#include "xl.h"

struct xl_guest {
    libxl_dominfo *list;
    int count;
    const libxl_dominfo *info;  /* NULL: no domain with the uuid; in `list` */
    char *name;                 /* NULL: half made or half destroyed */
};

/*
 * Find a guest.  A dying domain is not there any more.
 *   uuid, name  as the verb has got them; checked here
 *   g           filled in, also on an error; for xl_guest_dispose()
 * Returns 0, also when there is none; SM_USAGE; SM_XL; SM_STATE, after a line
 * on standard output: two domains have the uuid.
 */
int xl_guest_find(libxl_ctx *ctx, const char *uuid, const char *name,
                  struct xl_guest *g) SM_WARN_UNUSED;

/*
 * Find what is to be acted upon.
 *   domid  its number; NULL: any
 * Returns as xl_guest_find(), and SM_NO_DOMAIN, after a line on standard
 * output: the domain with the uuid has another number.
 */
int xl_guest_find_to_act(libxl_ctx *ctx, const char *uuid, const char *name,
                         const char *domid, struct xl_guest *g)
    SM_WARN_UNUSED;

/* A number as `look` has said it.  Returns 0 or SM_USAGE. */
int xl_guest_parse_domid(const char *text, uint32_t *domid) SM_WARN_UNUSED;

void xl_guest_dispose(struct xl_guest *g);

/* Its name for people. */
const char *xl_guest_named(const struct xl_guest *g);

/* A copy whose start is not complete; also one whose name has been taken from
 * it by a destruction that was not finished. */
bool xl_guest_is_copy(const struct xl_guest *g, const char *name);
/* The same of one to which somebody has given another name: it has never run,
 * and has not got its own name, which comes last. */
bool xl_guest_is_renamed_copy(const struct xl_guest *g, const char *name);

bool xl_guest_is_suspended(const libxl_dominfo *info);

/*
 * Whether the guest has been asked to suspend, and has not begun to.
 *   take_back  do so, unless it begins at this moment
 * Returns 0, or SM_XL after a complaint.
 */
int xl_guest_request(uint32_t domid, bool take_back, bool *standing)
    SM_WARN_UNUSED;

/*
 * A resume that was killed half-way has had Xen resume the guest, and has not
 * told xenstore, which would then not announce the guest's end to anybody.
 * Nothing changes where it was told.
 */
void xl_guest_complete_resume(uint32_t domid);

/*
 * A hold's mark.  A suspended guest that may belong to another host is paused
 * as well: then libxl_domain_resume(), which xl calls when a save or a
 * migration has failed, whoever's that was, does not make it run.
 *
 * What it was like is in xenstore, before it is paused: how long it had run,
 * so that it can be told later whether it has run since, and whether its
 * owner had paused it already.  It is where the guest cannot write, and where
 * libxl removes it with the domain.
 */
struct xl_hold {
    bool there;
    uint64_t cpu_time;          /* ns, of the domain when it was held */
    bool ours;                  /* paused by us; else by its owner, before */
};

/* Each returns 0, or SM_XL after a complaint; read also SM_STATE: what is
 * there was not written here. */
int xl_hold_read(uint32_t domid, struct xl_hold *hold) SM_WARN_UNUSED;
int xl_hold_write(uint32_t domid, const struct xl_hold *hold) SM_WARN_UNUSED;
int xl_hold_remove(uint32_t domid) SM_WARN_UNUSED;

/* Marked, paused, and has not run since: somebody else may have resumed it. */
bool xl_hold_keeps(const struct xl_hold *hold, const libxl_dominfo *info);

/* Marked, and has run since. */
bool xl_hold_is_broken(const struct xl_hold *hold, const libxl_dominfo *info);

#endif
