/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealed objects as the verbs need them: with what to seal, how to open each
 * by the backend that it names itself, which ones a host has, and how to
 * destroy one.  Every function prints its own error line, unless it says
 * otherwise.
 */
#ifndef SM_SECMIG_SEALING_H
#define SM_SECMIG_SEALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seal/seal.h"
#include "verbs.h"

/* From the command line: how new objects are sealed.  NULL: not given. */
struct sm_sealing_options {
    const char *backend, *passphrase_file;
};

/* The options above except for `backend`, for sm_arguments_sort(). */
#define SM_SEALING_ARGUMENTS(o) \
    { .name = "--passphrase-file", .value = &(o).passphrase_file }
#define SM_SEALING_N_ARGUMENTS 1

/*
 * Take the options into a configuration, as the file would say them.
 * Returns 0, or SM_USAGE when a value cannot stand there.
 */
int sm_sealing_settle(const struct sm_sealing_options *o,
                      struct sm_conf *conf) SM_WARN_UNUSED;

/*
 * Open a backend.
 *   conf   where it finds what it needs
 *   o      for new objects; NULL when none are made
 *   fresh  a new passphrase is chosen: it is asked for twice
 *   what   what the passphrase is of, when it is asked for; NULL: sealed
 *          storage; must outlive *out
 *   out    the caller's
 */
int sm_sealing_open(const struct sm_conf *conf, const char *backend,
                    const struct sm_sealing_options *o, int fresh,
                    const char *what, struct sm_seal **out) SM_WARN_UNUSED;

/* ---- opening what is there ---- */

/* Backends that are open; what one of them opens needs no second question. */
struct sm_sealing_ring {
    const struct sm_conf *conf;
    struct {
        char backend[16];
        struct sm_seal *seal;
        bool borrowed;
        bool asked;             /* a person had to say what opens it */
    } key[16];
    size_t n;
};

/* Lend the ring a backend, which stays the caller's. */
int sm_sealing_lend(struct sm_sealing_ring *ring, const char *backend,
                    struct sm_seal *seal) SM_WARN_UNUSED;

/* Have the ring open a backend, as `conf` says, before it is needed. */
int sm_sealing_ready(struct sm_sealing_ring *ring, const char *backend)
    SM_WARN_UNUSED;

/*
 * Open a sealed file by the backend that it names: with one that is open
 * already, else with one as `conf` says.  Where a person can be asked, one
 * that opens with none of these is asked for by its name.
 *   purpose  what it must be
 *   host     whose it must be
 *   secret   out: in locked memory, the caller's; NULL on error
 */
int sm_sealing_load(struct sm_sealing_ring *ring, const char *path,
                    const char *purpose, const char *host, uint8_t **secret,
                    size_t *len) SM_WARN_UNUSED;

/* Close what is not borrowed. */
void sm_sealing_close(struct sm_sealing_ring *ring);

/* ---- the objects of a host ---- */

#define SM_SEALING_OBJECTS 4

struct sm_sealing_object {
    const char *path;           /* into the configuration */
    const char *purpose;
};

/* All that belong to the host and not to a person, there or not. */
void sm_sealing_objects(
    const struct sm_conf *conf,
    struct sm_sealing_object out[static SM_SEALING_OBJECTS]);

/*
 * Whether a file is there.  Returns 0 when it is; SM_STATE with no error
 * line when it is not; SM_IO.
 */
int sm_sealing_there(const char *path) SM_WARN_UNUSED;

/*
 * Wait until no other command changes this host's keys.  Returns a
 * descriptor, which is closed to let others go on, or -1.
 */
int sm_sealing_lock(const struct sm_conf *conf) SM_WARN_UNUSED;

/*
 * Overwrite a file, durably, and remove it.  What a file system that copies
 * on write, or a flash disk, keeps of the old blocks is out of reach.
 * Returns 0, also when there is no such file; SM_STATE when it is not a
 * regular file with one name; SM_IO.
 */
int sm_sealing_wipe(const char *path) SM_WARN_UNUSED;

/*
 * Rename, durably, `from` over `to`, which is in the same directory, and
 * overwrite what `to` was.
 */
int sm_sealing_replace(const char *from, const char *to) SM_WARN_UNUSED;

#endif
