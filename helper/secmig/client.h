/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's side of the control socket (base/frame.h).
 */
#ifndef SM_SECMIG_CLIENT_H
#define SM_SECMIG_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/frame.h"

struct sm_client;

/* A frame as received.  Zeroed, or dispose with sm_client_frame_dispose(). */
struct sm_client_frame {
    uint16_t type;      /* enum frame_type */
    uint8_t *body;      /* malloc'd, `len` bytes; NULL when len is 0 */
    size_t len;
    int fd;             /* -1 unless type is FRAME_STREAM */
};

/*
 * Connect to the daemon.
 *   path      of the socket
 *   deadline  see base/clock.h
 *   out       the caller's, to be freed with sm_client_free(); NULL on error
 *   why       out: `why_size` bytes, what is wrong and what to do
 * Returns 0; SM_NO_DAEMON when nobody listens there; SM_TIMEOUT; SM_IO;
 * SM_NO_MEMORY.
 */
int sm_client_connect(const char *path, int64_t deadline,
                      struct sm_client **out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/* As above on a connected stream socket, which becomes the client's, also on
 * error.  For tests. */
int sm_client_from_fd(int fd, struct sm_client **out) SM_WARN_UNUSED;

/* Close and free; NULL is fine. */
void sm_client_free(struct sm_client *c);

/* The socket, for poll(2); still the client's. */
int sm_client_fd(const struct sm_client *c);

/*
 * Send one frame, whole.
 * Returns 0; SM_USAGE when len is over FRAME_BODY_MAX; SM_TIMEOUT;
 * SM_NO_DAEMON when the daemon has gone; SM_IO.
 */
int sm_client_send(struct sm_client *c, uint16_t type, const void *body,
                   size_t len, int64_t deadline) SM_WARN_UNUSED;

/*
 * Receive one frame, whole, and with FRAME_STREAM its descriptor,
 * close-on-exec, which becomes the frame's.  Anything else than
 * the layout allows (type, version, length, descriptors where none belong,
 * two of them) is refused and closes what came with it.
 *   frame  out; zeroed with fd -1 on error
 * Returns 0; SM_TIMEOUT; SM_NO_DAEMON when the daemon has closed the
 * connection; SM_PROTOCOL; SM_IO; SM_NO_MEMORY.
 */
int sm_client_recv(struct sm_client *c, struct sm_client_frame *frame,
                   int64_t deadline) SM_WARN_UNUSED;

/* Free the body and close the descriptor still in the frame; idempotent. */
void sm_client_frame_dispose(struct sm_client_frame *frame);

/* The body of ANSWER and RESULT. */
struct sm_client_answer {
    uint16_t code;              /* 0, or an exit code of base/err.h */
    char rule[FRAME_RULE_MAX + 1];
    char text[FRAME_TEXT_MAX + 1];
};

/* Read one.  Returns 0 or SM_PROTOCOL. */
int sm_client_answer(const struct sm_client_frame *frame,
                     struct sm_client_answer *out) SM_WARN_UNUSED;

#endif
