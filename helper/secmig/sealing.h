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

#include "conf_edit.h"
#include "seal/seal.h"
#include "verbs.h"

/*
 * From the command line: how new objects are sealed.  What is not given
 * (NULL, false) is as the configuration has it, or the default.
 */
struct sm_sealing_options {
    const char *backend, *passphrase_file;
    const char *tpm, *pcrs, *pin_file, *update_key;
    bool pin;
};

/* The options above except for `backend`, for sm_arguments_sort(). */
#define SM_SEALING_ARGUMENTS(o) \
    { .name = "--passphrase-file", .value = &(o).passphrase_file }, \
    SM_SEALING_TPM_ARGUMENTS(o)
#define SM_SEALING_TPM_ARGUMENTS(o) \
    { .name = "--tpm", .value = &(o).tpm }, \
    { .name = "--pcrs", .value = &(o).pcrs }, \
    { .name = "--pin-file", .value = &(o).pin_file }, \
    { .name = "--update-key", .value = &(o).update_key }, \
    { .name = "--pin", .flag = &(o).pin }
#define SM_SEALING_N_TPM_ARGUMENTS 5
#define SM_SEALING_N_ARGUMENTS (1 + SM_SEALING_N_TPM_ARGUMENTS)

/*
 * What a new object is bound to without --pcrs: firmware, option ROMs, boot
 * loader, Secure Boot.  They change when one of these is updated or switched
 * off, and not with each new kernel.
 */
#define SM_SEALING_PCRS ((1u << 0) | (1u << 2) | (1u << 4) | (1u << 7))

/* How new objects are sealed: the options, read and checked. */
struct sm_sealing_form {
    uint32_t pcrs;
    bool pin, updatable;
    struct sm_update_key update_key;
};

/*
 * Take the options into a configuration, as the file would say them, and
 * into *form.
 * Returns 0, or SM_USAGE, or what sm_update_key_read() returns.
 */
int sm_sealing_settle(const struct sm_sealing_options *o,
                      struct sm_conf *conf, struct sm_sealing_form *form)
    SM_WARN_UNUSED;

/*
 * The form of this host's keys, so that another one is sealed likewise: that
 * of the host key or, where this is lost or not on a TPM, of the first other
 * one that is.
 * Returns its path, in *conf; NULL when there is none: the defaults then.
 */
const char *sm_sealing_alike(const struct sm_conf *conf,
                             struct sm_sealing_form *form);

/*
 * Lines of the configuration that go with its backend.
 *   out  SM_SEALING_CHANGES of them; they point into *conf
 */
#define SM_SEALING_CHANGES 4
void sm_sealing_changes(const struct sm_conf *conf,
                        struct sm_conf_change out[static SM_SEALING_CHANGES]);

/* Say on standard error what a new object on a TPM is not protected from. */
void sm_sealing_warn(const struct sm_conf *conf,
                     const struct sm_sealing_form *form);

/*
 * Open a backend.
 *   conf   where it finds what it needs
 *   form   of new objects; NULL when none are made
 *   fresh  a new passphrase is chosen: it is asked for twice
 *   what   what the passphrase is of, when it is asked for; NULL: sealed
 *          storage; must outlive *out
 *   out    the caller's
 */
int sm_sealing_open(const struct sm_conf *conf, const char *backend,
                    const struct sm_sealing_form *form, int fresh,
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

/*
 * Open a sealed file by the backend that it names: with one that is open
 * already, else with one as `conf` says.  Where a person can be asked, one
 * that opens with none of these is asked for by its name.
 *   purpose  what it must be
 *   host     whose it must be
 *   secret   out: in locked memory, the caller's; NULL on error
 * A TPM that serves one program at a time is not asked by another one while
 * the ring holds it: sm_sealing_close() first.
 */
int sm_sealing_load(struct sm_sealing_ring *ring, const char *path,
                    const char *purpose, const char *host, uint8_t **secret,
                    size_t *len) SM_WARN_UNUSED;

/* Likewise, but a file that does not open (SM_SEAL) is no error yet: 0 and
 * no secret, and nobody is asked twice. */
int sm_sealing_try(struct sm_sealing_ring *ring, const char *path,
                   const char *purpose, const char *host, uint8_t **secret,
                   size_t *len) SM_WARN_UNUSED;

/* Close what is not borrowed; the ring is empty then. */
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

/* How the name ends of what restore found in a key's place, unopened. */
#define SM_SEALING_OLD ".old"

/*
 * Files beside the keys of this host that may hold one: temporary ones, which
 * a killed command has left.
 *   old   those that restore has kept (SM_SEALING_OLD), too
 *   each  called with the path of each; what it returns, if not 0, ends it
 * Returns 0, also when there is no directory; SM_IO; what `each` returned.
 */
int sm_sealing_left(const struct sm_conf *conf, bool old,
                    int (*each)(const char *path)) SM_WARN_UNUSED;

/*
 * Wait until no other command changes this host's keys, and destroy what one
 * that was killed has left of them.  Every command that writes a key holds
 * this.  Returns a descriptor, which is closed to let others go on, or -1.
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

/*
 * Replace a sealed file, as sm_file_write() does with mode 0600, and overwrite
 * what it was: sealed with less, or plain, it would open.
 * Returns 0; SM_STATE when what is there is not a regular file with one name;
 * SM_IO.
 */
int sm_sealing_write(const char *path, const uint8_t *object, size_t len)
    SM_WARN_UNUSED;

/* Seal a secret as sm_seal_store() does, into a file by sm_sealing_write(). */
int sm_sealing_store(struct sm_seal *seal, const char *path,
                     const char *purpose, const char *host, int64_t expires,
                     const uint8_t *secret, size_t len) SM_WARN_UNUSED;

#endif
