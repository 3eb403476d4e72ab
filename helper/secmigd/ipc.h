/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages between the processes of secmigd: one SOCK_SEQPACKET datagram
 * each, at most IPC_MAX bytes, with up to two descriptors.  Anything large
 * (a domain config) travels as a sealed memfd, so that no process has to
 * hold bytes of it that it does not need.
 *
 * Every sender but the parent is taken for hostile.  The parent looks each
 * message up in a table {type, states in which it is permitted, number of
 * descriptors, handler}; the handler decodes the body with base/wire, to the
 * last byte.  Whatever does not fit ends that child.
 */
#ifndef SECMIGD_IPC_H
#define SECMIGD_IPC_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"

#define IPC_MAX 32768
#define IPC_FDS 2

/* Layouts beside the types; str, blob, u16 … as in base/wire.h. */
enum ipc_type {
    /* keeper */
    IPC_KEEPER_READY = 1,   /* > parent: nothing; it is locked in */
    IPC_KEEPER_CLIENT,      /* < parent: fd of one peer's request socket */
    IPC_KEEPER_SEAL,        /* < parent: u32 number, str kind, str name;
                               fd: content (seal/box.h) */
    IPC_KEEPER_OPEN,        /* < parent: the same; fd: box */
    IPC_KEEPER_TAKE,        /* < parent: u8 enum vault_key, public key[32]
                               that a host key must have; fd: socket on which
                               secmig-vault sends the key */
    IPC_KEEPER_TAKEN,       /* > parent: u8 enum vault_key, u16 code,
                               str text */
    IPC_KEEPER_FORGET,      /* < parent: nothing; the host key is wiped */
    IPC_KEEPER_BOX,         /* > parent: u32 number of the request, u16 code,
                               str text; fd when 0: box, or content */

    /* dialer */
    IPC_DIAL,               /* < parent: str address, u16 port */
    IPC_DIALED,             /* > parent: u16 code, str text; fd when 0 */

    /* peer */
    IPC_PEER_START,         /* < parent: u8 flags (PEER_INITIATOR, ...), str
                               destination name, nonce[32] of our demand for
                               a quote; fd: connection */
    IPC_PEER_NEED_KEY,      /* > parent, responder: nothing; a message 1 that
                               can be answered is here.  KEEPER follows */
    IPC_PEER_KEEPER,        /* < parent: own public key[32], blob own
                               certificate (empty: none); fd: keeper's
                               request socket.  To the initiator: at once */
    IPC_PEER_CLASSIC,       /* > parent, initiator: nothing; it ends, since
                               the other side has no post-quantum handshake
                               (or somebody in between says so) */
    IPC_PEER_KEY,           /* > parent: key[32], str claimed name,
                               u16 suite of the records, u8 flags
                               (PEER_POST_QUANTUM; PEER_DEMAND: of the other
                               side), blob certificate (empty: none) */
    IPC_PEER_QUOTE,         /* > parent: the other side's nonce[32],
                               handshake hash[64] */
    IPC_PEER_QUOTE_IS,      /* < parent: blob evidence (trust/attest.h;
                               empty: none), str why there is none */
    IPC_PEER_EVIDENCE,      /* > parent: handshake hash[64], blob evidence
                               (empty: none), str why there is none */
    IPC_PEER_EVIDENCE_IS,   /* < parent, initiator: u16 code, str text */
    IPC_PEER_KEY_IS,        /* < parent: u16 code, str text; within
                               answer-timeout */
    IPC_PEER_REQUEST,       /* both ways: uuid[16], u64 memory_kb, u32 flags,
                               u16 major and u16 minor of the source's Xen,
                               16 u32 features of the guest's processor,
                               id[16] of the handover, epoch[16] and u64
                               sequence of the source's journal, str name,
                               str operator; fds: config, papers
                               (channel/papers.h; may be empty).  To the
                               initiator: before KEY_IS, or EVIDENCE_IS when
                               we have demanded evidence */
    IPC_PEER_ANSWER,        /* both ways: u16 code, str rule, str text;
                               responder and code 0: fd to write the stream
                               to */
    IPC_PEER_STREAM,        /* < parent, initiator: fd to read it from; later
                               none: no more of it is to be read */
    IPC_PEER_DONE,          /* < parent: u16 code, str text; the end of the
                               conversation: by the responder of one that
                               moves a guest, by the initiator of one that
                               settles (code 0) */
    IPC_PEER_CANCEL,        /* < parent: u16 code, str text */
    IPC_PEER_HANDOVER,      /* both ways: u8 fact (handover/handover.h),
                               id[16], epoch[16] and u64 sequence of the
                               sender's journal, u16 code, str text
                               (sm_message_handover_put()).  While a guest
                               moves, or in a conversation that settles */
    IPC_PEER_END,           /* > parent: u16 code, str text, u64 bytes sent,
                               u64 bytes received (STATE, plain) */

    /* control */
    IPC_CLIENT_START,       /* < parent: fd of the client */
    IPC_CLIENT_MIGRATE,     /* > parent: u32 domid, uuid[16], u32 flags,
                               str host, str name; fd: config */
    IPC_CLIENT_ANSWER,      /* < parent: u16 code, str rule, str text;
                               code 0: fd to write the stream to */
    IPC_CLIENT_RESULT,      /* < parent: u16 code, str rule, str text */
    IPC_CLIENT_CANCEL,      /* > parent: nothing */
    IPC_CLIENT_HAND_OVER,   /* > parent: nothing */
    IPC_CLIENT_READY,       /* < parent: nothing */
    IPC_CLIENT_STATUS,      /* > parent: nothing */
    IPC_CLIENT_STATUS_IS,   /* < parent: u16 length, lines of text */

    /* control, for operators; each has `str role` in front */
    IPC_CLIENT_MIGRATE_FOR = 64,    /* > parent: u32 flags, str vm,
                                       str host */
    IPC_CLIENT_APPROVE,     /* > parent: str vm, str host */
    IPC_CLIENT_ABORT,       /* > parent: str vm */
    IPC_CLIENT_RELOAD,      /* > parent: nothing */
    IPC_CLIENT_TICKET,      /* > parent: blob */
    IPC_CLIENT_VM_POLICY_ADD,       /* > parent: fds: document, signature */
    IPC_CLIENT_VM_POLICY_LIST,      /* > parent: nothing */
    IPC_CLIENT_VM_POLICY_SHOW,      /* > parent: str vm */
    IPC_CLIENT_VM_POLICY_REMOVE,    /* > parent: str vm */
    IPC_CLIENT_PLATFORM_ACCEPT,     /* > parent: str host */
    IPC_CLIENT_TRUST_POLICY,        /* > parent: blob */
    IPC_CLIENT_HANDOVER_LIST,       /* > parent: nothing */
    IPC_CLIENT_HANDOVER_SHOW,       /* > parent: str vm */
    IPC_CLIENT_HANDOVER_SETTLE,     /* > parent: u32 flags, str vm */
    IPC_CLIENT_HANDOVER_FENCE,      /* > parent: u32 flags, str host,
                                     * str shown: see base/frame.h */
    IPC_CLIENT_OUTPUT,      /* < parent: nothing; fd: lines of text */
};

/* What the keeper holds, and secmig-vault sends it. */
enum vault_key { VAULT_HOST = 1, VAULT_STORE };
#define VAULT_KEYS 2
#define VAULT_KEY_LEN 32

/* Flags of a peer's START and KEY. */
#define PEER_INITIATOR    1u
#define PEER_POST_QUANTUM 2u    /* with ML-KEM-768; START: where both can */
#define PEER_DEMAND       4u    /* a quote is demanded */
#define PEER_CLASSIC      8u    /* START: dial without ML-KEM-768 though we
                                 * have it, since the other side has not */
#define PEER_SETTLE       16u   /* START, initiator: no request will come,
                                 * only IPC_PEER_HANDOVER once the key is
                                 * accepted; goes without PEER_DEMAND, and
                                 * no quote is asked for */

struct ipc_message {
    uint16_t type;
    size_t len;                 /* of the body */
    uint8_t body[IPC_MAX];
    int fds[IPC_FDS];           /* -1 where there is none */
    size_t n_fds;
};

/* A connected pair of sockets, close-on-exec. Returns 0 or SM_IO. */
int ipc_pair(int sv[2]) SM_WARN_UNUSED;

/*
 * Send one message.
 *   body   the writer's content, NULL for none; a writer's error is returned
 *   fds    `n` descriptors, which stay the caller's
 * Never blocks longer than the socket's mode says.  Returns 0, SM_LINK when
 * the other side is gone, SM_BUSY when its queue is full, SM_IO.
 */
int ipc_send(int fd, enum ipc_type type, const struct sm_wire_writer *body,
             const int *fds, size_t n) SM_WARN_UNUSED;

/* Send a message that is a code (0 or a negative error) and a text. */
int ipc_send_code(int fd, enum ipc_type type, int code, const char *text)
    SM_WARN_UNUSED;

/* Send one that is a code, the rule behind it, and a text; with a descriptor,
 * which stays the caller's (-1: with none). */
int ipc_send_answer(int fd, enum ipc_type type, int code, const char *rule,
                    const char *text, int with) SM_WARN_UNUSED;

/*
 * Write words for people that fit a str.  Where they do not (they are cut
 * inside a letter, or quote something that is not clean), they are those of
 * `code` instead.
 *   out  `size` bytes
 */
void ipc_words(char *out, size_t size, int code, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

/*
 * Receive one message; descriptors become the message's, to be taken with
 * ipc_take_fd() or closed by ipc_close_fds().
 * Returns 0; SM_BUSY when there is none (non-blocking socket); SM_LINK at
 * the end; SM_PROTOCOL when it is malformed (descriptors already closed);
 * SM_IO.
 */
int ipc_recv(int fd, struct ipc_message *m) SM_WARN_UNUSED;

/* Take over descriptor `i`; -1 when there is none. */
int ipc_take_fd(struct ipc_message *m, size_t i);
void ipc_close_fds(struct ipc_message *m);

/*
 * A sealed memfd with `len` bytes: the reader may trust that they no longer
 * change.  Returns the descriptor (offset 0), or a negative error.
 */
int ipc_memfd(const void *data, size_t len) SM_WARN_UNUSED;

/*
 * The size of a memfd that came from a child, after checking that it is
 * sealed against writing and resizing and holds at most `max` bytes.
 * Returns 0 or SM_PROTOCOL.
 */
int ipc_memfd_check(int fd, size_t max, size_t *len) SM_WARN_UNUSED;

/* Read a checked memfd whole; *data is malloc'd (NUL added), the caller's. */
int ipc_memfd_read(int fd, size_t max, uint8_t **data, size_t *len)
    SM_WARN_UNUSED;

#endif
