/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one error space of xen-secmig.
 *
 * Functions return 0 (SM_OK) or a negative `enum sm_err`.  The classes are
 * those that an operator acts on differently: a refusal by policy, a bad
 * peer, bad local state, I/O, lack of memory.  The same numbers, positive,
 * are the exit codes of every program and the codes of ANSWER and RESULT on
 * the control socket, so that a script can tell them apart.
 */
#ifndef SM_BASE_ERR_H
#define SM_BASE_ERR_H

enum sm_err {
    SM_OK              = 0,
    SM_FAIL            = -1,   /* failure without a class of its own */
    SM_USAGE           = -2,   /* wrong arguments */
    SM_CONFIG          = -3,   /* configuration file wrong */
    SM_STATE           = -4,   /* local state missing, damaged or unsafe */
    SM_NO_MEMORY       = -5,   /* this host, or the destination, lacks memory */
    SM_IO              = -6,   /* a local system call failed */
    SM_NO_DAEMON       = -10,  /* secmigd does not answer on this host */
    SM_UNKNOWN_HOST    = -11,  /* no pairing of that name */
    SM_UNREACHABLE     = -12,  /* destination: no route, port closed, no name */
    SM_TIMEOUT         = -13,  /* a deadline passed */
    SM_LINK            = -14,  /* connection lost in the middle */
    SM_AUTH            = -15,  /* the other side is not who it should be */
    SM_PROTOCOL        = -16,  /* peer sent something malformed or tampered */
    SM_UNPAIRED        = -17,  /* the other side does not know this host */
    SM_HELPER          = -18,  /* one of secmigd's own processes died */
    SM_REFUSED_LOCAL   = -20,  /* this host's policy says no */
    SM_REFUSED_REMOTE  = -21,  /* the other host's policy says no */
    SM_POLICY          = -22,  /* policy missing, unsigned, expired, invalid */
    SM_NOMIGRATE       = -23,  /* the guest is marked nomigrate */
    SM_EXISTS          = -24,  /* the destination has that guest already */
    SM_NO_DOMAIN       = -25,  /* no such guest here */
    SM_BUSY            = -26,  /* limit reached, or guest already moving */
    SM_XL              = -27,  /* xl failed (or was killed) on some side */
    SM_CANCELLED       = -28,  /* the client gave up */
    SM_UNMET           = -29,  /* policy asks for more: ticket, approval … */
    SM_SANDBOX         = -30,  /* a sandbox could not be set up */
    SM_SEAL            = -31,  /* sealed object does not open */
    SM_IN_DOUBT        = -32,  /* handed over, and the other host has not
                                * said yet whether it runs the guest */
    SM_XEN_VERSION     = -33,  /* the destination's Xen is older; or which
                                * one a host has cannot be read */
    SM_PROCESSOR       = -34,  /* the destination's processor lacks features
                                * that the guest has been told of */
};

#define SM_WARN_UNUSED __attribute__((warn_unused_result))

/*
 * Text for an error: a few lower-case words without a full stop.
 *   err  a value of `enum sm_err`; any other number gives "unknown error".
 * Returns a static string, never NULL.
 */
const char *sm_err_text(int err);

/*
 * Process exit code for an error: 0 for SM_OK, else -err when err is a value
 * of `enum sm_err`, else 1.
 */
int sm_err_exit(int err);

/*
 * The error behind a code that travelled (exit code, ANSWER, RESULT).
 *   code  as received, not trusted.
 * Returns SM_OK for 0, the error when the code is known, else SM_FAIL.
 */
int sm_err_from_code(unsigned int code);

#endif
