/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmigd.conf and the places of files.  Every path hangs under one root
 * ("" normally, --root DIR otherwise), so that several daemons can live on
 * one machine.  See secmigd.conf(5).
 */
#ifndef SM_BASE_CONF_H
#define SM_BASE_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define SM_CONF_NAME_MAX 64         /* host name, bytes without NUL */
#define SM_CONF_PATH_MAX 512        /* any path here, with NUL */
#define SM_CONF_WORDS_MAX 8         /* words of a command */
#define SM_CONF_PORT 8003           /* TCP port when none is given */

/* A program and its first arguments: split at spaces, never by a shell. */
struct sm_conf_command {
    char text[SM_CONF_PATH_MAX];            /* words, each NUL-ended */
    char *argv[SM_CONF_WORDS_MAX + 1];      /* into text, NULL-ended */
};

/* Uid and gid of a role. */
struct sm_conf_user {
    uid_t uid;
    gid_t gid;
    bool known;         /* false: no such account, or only a name yet */
    char name[33];      /* as configured */
};

struct sm_conf {
    /* places, from the root */
    char conf_file[SM_CONF_PATH_MAX];       /* ETC/secmigd.conf */
    char etc_dir[SM_CONF_PATH_MAX];         /* ROOT/etc/xen/secmig */
    char hosts_dir[SM_CONF_PATH_MAX];       /* ETC/hosts */
    char policy_file[SM_CONF_PATH_MAX];     /* ETC/policy.xml */
    char policy_sig[SM_CONF_PATH_MAX];      /* ETC/policy.xml.minisig */
    char policy_pub[SM_CONF_PATH_MAX];      /* ETC/policy.pub */
    char state_dir[SM_CONF_PATH_MAX];       /* ROOT/var/lib/xen/secmig */
    char host_key[SM_CONF_PATH_MAX];        /* STATE/host-key.sealed */
    char host_pub[SM_CONF_PATH_MAX];        /* ETC/host.pub */
    char policy_key[SM_CONF_PATH_MAX];      /* STATE/policy-key.sealed */
    char store_key[SM_CONF_PATH_MAX];       /* STATE/store-key.sealed */
    char site_key[SM_CONF_PATH_MAX];        /* STATE/site-key.sealed */
    char owner_key[SM_CONF_PATH_MAX];       /* STATE/owner-key.sealed */
    char update_key[SM_CONF_PATH_MAX];      /* STATE/update-key.sealed */
    char next_key[SM_CONF_PATH_MAX];        /* STATE/next-host-key.sealed */
    char next_pub[SM_CONF_PATH_MAX];        /* ETC/next-host.pub */
    char attestation_key[SM_CONF_PATH_MAX]; /* STATE/attestation-key */
    char approvals_dir[SM_CONF_PATH_MAX];   /* STATE/approvals: PCR policies
                                             * that the update key signed */
    char certificate[SM_CONF_PATH_MAX];     /* ETC/host.cert: our own */
    char next_certificate[SM_CONF_PATH_MAX];    /* ETC/next-host.cert */
    char revocations[SM_CONF_PATH_MAX];     /* ETC/revoked */
    char journal[SM_CONF_PATH_MAX];         /* STATE/journal: handovers */
    char journal_witness[SM_CONF_PATH_MAX]; /* ROOT/run/xen/secmig.journal */
    char empty_dir[SM_CONF_PATH_MAX];       /* STATE/empty: root of peers */
    char socket[SM_CONF_PATH_MAX];          /* ROOT/run/xen/secmig.sock */
    char operator_socket[SM_CONF_PATH_MAX]; /* ROOT/run/secmig/operator.sock,
                                             * unless the file says other */

    /* the file's settings */
    char name[SM_CONF_NAME_MAX + 1];        /* this host's name */
    char listen_address[64];                /* numeric; "" = any */
    uint16_t listen_port;
    char seal[16];                          /* a backend of seal/seal.h */
    char passphrase_file[SM_CONF_PATH_MAX]; /* "" = systemd credential */
    char tpm[SM_CONF_PATH_MAX];             /* TCTI, as tpm/tpm.h has it */
    char pin_file[SM_CONF_PATH_MAX];        /* "" = systemd credential */
    int tpm_timeout;                        /* ms for one use of the TPM */
    int key_lifetime;                       /* ms that the host key is held
                                             * after its last release; 0: for
                                             * the daemon's life */
    bool demand_attestation;                /* of every host, not only where
                                             * policy has platforms */
    enum { SM_CONF_PQ_AUTO, SM_CONF_PQ_REQUIRE, SM_CONF_PQ_OFF }
        post_quantum;
    struct sm_conf_command receive;         /* xl migrate-receive */
    struct sm_conf_command facts;           /* secmig-xl */
    struct sm_conf_command vault;           /* secmig-vault */
    struct sm_conf_command migrate;         /* xl migrate --secure */
    struct sm_conf_user peer, keeper, control;
    char socket_group[33];                  /* "" = root only */
    char operator_group[33];                /* "" = no operator socket */
    /* deadlines, milliseconds */
    int connect_timeout, handshake_timeout, answer_timeout;
    int idle_timeout, keepalive, finish_timeout;
    int action_timeout;                     /* secmig-xl at what is not only
                                             * asked, but done: to a guest */
    int ready_timeout;                      /* for READY, once all is sent */
    int verdict_timeout;                    /* xl's wait, once released */
    int settle_interval;                    /* between attempts to settle */
    /* limits */
    int max_incoming, max_outgoing, max_unauthenticated;
};

/*
 * Fill in defaults and all places.
 *   root  directory in front of every place; NULL or "" for none
 *   file  configuration file, NULL for ETC/secmigd.conf
 * Reads nothing.  Returns 0, or SM_USAGE when a path is too long.
 */
int sm_conf_init(struct sm_conf *conf, const char *root, const char *file)
    SM_WARN_UNUSED;

/*
 * Read conf->conf_file over the defaults.  Unknown or repeated keys, values
 * out of range and unsafe files are errors.
 *   why  out: `why_size` bytes, "FILE:LINE: reason" ("" on success)
 * Returns 0, SM_CONFIG, SM_STATE, SM_IO or SM_NO_MEMORY.
 */
int sm_conf_load(struct sm_conf *conf, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* As sm_conf_load(), from `len` bytes at `text` (which need not end in NUL);
 * `label` names them in messages. */
int sm_conf_parse(struct sm_conf *conf, const char *text, size_t len,
                  const char *label, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * Look the accounts up that were given by name.  A missing one stays
 * unknown.  Only the daemon needs them, and a lookup may ask other programs
 * on this machine: so nobody else opens a socket for it.
 */
void sm_conf_users(struct sm_conf *conf);

/*
 * Whether `name` may name a host: 1 to SM_CONF_NAME_MAX ASCII letters,
 * digits, '-', '_' or '.', not starting with '-' or '.'.
 */
bool sm_conf_name_ok(const char *name);

/*
 * Split "ADDRESS", "ADDRESS:PORT", "[V6]:PORT" or "[V6]".
 *   address  out: `size` bytes
 *   port     out: SM_CONF_PORT when the text has none
 * Returns 0 or SM_USAGE.
 */
int sm_conf_address(const char *text, char *address, size_t size,
                    uint16_t *port) SM_WARN_UNUSED;

#endif
