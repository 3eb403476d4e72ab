/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peer/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "channel/hello.h"

#define FRAME_LEN 2             /* u16 in front of handshake frames */
/* Room for the handshake, of which one side writes two messages: all that a
 * stranger can make us allocate. */
#define HANDSHAKE_SIZE (2 * (FRAME_LEN + (size_t)SM_HELLO_MESSAGE_MAX))
/* A whole REQUEST, or one full STATE record and some messages. */
#define OUT_SIZE (6 * (size_t)SM_RECORD_MAX)

struct link {
    int fd;
    struct sm_record *rec;      /* NULL during the handshake */
    size_t expect, other;       /* lengths of the next handshake frame */
    uint8_t *in;
    size_t in_size, have, need; /* need 0: the header is not complete */
    uint8_t *out;
    size_t out_size, out_pos, out_len;
    int64_t heard, spoke;
};

/* Make a buffer larger; what it holds moves, and the old one is wiped. */
static int grow(uint8_t **buffer, size_t *size, size_t wanted)
{
    uint8_t *p = malloc(wanted);

    if (!p)
        return SM_NO_MEMORY;
    if (*buffer) {
        memcpy(p, *buffer, *size);
        sm_secret_wipe(*buffer, *size);
        free(*buffer);
    }
    *buffer = p;
    *size = wanted;
    return 0;
}

struct link *link_new(int fd)
{
    struct link *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->fd = fd;
    l->heard = l->spoke = sm_clock_now_ms();
    if (grow(&l->in, &l->in_size, HANDSHAKE_SIZE) ||
        grow(&l->out, &l->out_size, HANDSHAKE_SIZE)) {
        l->fd = -1;             /* stays the caller's */
        link_free(l);
        return NULL;
    }
    return l;
}

void link_free(struct link *l)
{
    if (!l)
        return;
    sm_record_free(l->rec);
    /* Both hold guest memory in clear at times. */
    if (l->in)
        sm_secret_wipe(l->in, l->in_size);
    if (l->out)
        sm_secret_wipe(l->out, l->out_size);
    free(l->in);
    free(l->out);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

int link_fd(const struct link *l)
{
    return l->fd;
}

void link_expect(struct link *l, size_t len, size_t other)
{
    l->expect = len;
    l->other = other;
}

int link_secure(struct link *l, struct sm_record *rec)
{
    l->rec = rec;
    if (grow(&l->in, &l->in_size, SM_RECORD_MAX) ||
        grow(&l->out, &l->out_size, OUT_SIZE))
        return SM_NO_MEMORY;
    return 0;
}

struct sm_record *link_records(struct link *l)
{
    return l->rec;
}

int64_t link_heard(const struct link *l)
{
    return l->heard;
}

int64_t link_spoke(const struct link *l)
{
    return l->spoke;
}

/* Why the connection has ended.  The kernel, too, minds how long the other
 * side acknowledges nothing (TCP_USER_TIMEOUT). */
static int lost(ssize_t n)
{
    return n < 0 && errno == ETIMEDOUT ? SM_TIMEOUT : SM_LINK;
}

/* The header is in: how long is the whole? */
static int judge_header(struct link *l)
{
    size_t len;

    if (l->rec)
        return sm_record_need(l->rec, l->in, &l->need);
    len = (size_t)l->in[0] << 8 | l->in[1];
    if (len != l->expect && len != l->other)
        return SM_PROTOCOL;
    l->need = FRAME_LEN + len;
    return 0;
}

int link_read(struct link *l)
{
    size_t header = l->rec ? SM_RECORD_HEADER_LEN : FRAME_LEN, want;
    ssize_t n;
    int rc;

    if (l->need && l->have == l->need)      /* the last one was used */
        l->have = l->need = 0;
    for (;;) {
        want = (l->need ? l->need : header) - l->have;
        n = recv(l->fd, l->in + l->have, want, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n <= 0)
            return lost(n);
        l->heard = sm_clock_now_ms();
        l->have += (size_t)n;
        if (!l->need && l->have == header) {
            rc = judge_header(l);
            if (rc)
                return rc;
        }
        if (l->need && l->have == l->need)
            return 1;
    }
}

void link_frame(struct link *l, const uint8_t **data, size_t *len)
{
    *data = l->in + FRAME_LEN;
    *len = l->need - FRAME_LEN;
}

int link_open(struct link *l, enum sm_record_stream *stream,
              unsigned int *flags, const uint8_t **data, size_t *len)
{
    *data = l->in + SM_RECORD_HEADER_LEN;
    return sm_record_open(l->rec, l->in, l->need, stream, flags,
                          l->in + SM_RECORD_HEADER_LEN,
                          SM_RECORD_MAX - SM_RECORD_HEADER_LEN, len);
}

/* Where the next record goes; NULL when the queue is full. */
static uint8_t *tail(struct link *l, size_t room)
{
    if (l->out_pos == l->out_len)
        l->out_pos = l->out_len = 0;
    if (l->out_size - l->out_len < room)
        return NULL;
    return l->out + l->out_len;
}

int link_put_frame(struct link *l, const uint8_t *data, size_t len)
{
    uint8_t *at = tail(l, FRAME_LEN + len);

    if (!at || len > UINT16_MAX)
        return SM_FAIL;
    at[0] = (uint8_t)(len >> 8);
    at[1] = (uint8_t)len;
    memcpy(at + FRAME_LEN, data, len);
    l->out_len += FRAME_LEN + len;
    return 0;
}

int link_put(struct link *l, enum sm_record_stream stream,
             unsigned int flags, const uint8_t *data, size_t len)
{
    size_t n, done = 0, sealed;
    uint8_t *at;
    int rc;

    do {
        n = len - done < SM_RECORD_BODY_MAX ? len - done :
            SM_RECORD_BODY_MAX;
        at = tail(l, sm_record_sealed_len(l->rec, n));
        if (!at)
            return SM_BUSY;
        /* An end of stream carries no data: NULL and 0. */
        rc = sm_record_seal(l->rec, stream, done + n == len ? flags : 0,
                            len ? data + done : NULL, n, at,
                            l->out_size - l->out_len, &sealed);
        if (rc)
            return rc;
        l->out_len += sealed;
        done += n;
    } while (done < len);
    return 0;
}

int link_put_message(struct link *l, const struct sm_message *m,
                     unsigned int flags)
{
    struct sm_wire_writer w;
    int rc;

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    rc = sm_message_encode(&w, m);
    if (!rc)
        rc = link_put(l, SM_RECORD_CONTROL, flags, w.data, w.len);
    sm_wire_writer_dispose(&w);
    return rc;
}

int link_put_from(struct link *l, int fd)
{
    uint8_t *at = tail(l, SM_RECORD_MAX);
    size_t sealed;
    ssize_t n;
    int rc;

    if (!at)
        return SM_BUSY;
    do {
        n = read(fd, at + SM_RECORD_HEADER_LEN, SM_RECORD_BODY_MAX);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? SM_BUSY : SM_IO;
    if (n == 0)
        return 0;
    rc = sm_record_seal(l->rec, SM_RECORD_STATE, 0,
                        at + SM_RECORD_HEADER_LEN, (size_t)n, at,
                        l->out_size - l->out_len, &sealed);
    if (rc)
        return rc;
    l->out_len += sealed;
    return (int)n;
}

int link_flush(struct link *l)
{
    ssize_t n;

    while (l->out_pos < l->out_len) {
        n = send(l->fd, l->out + l->out_pos, l->out_len - l->out_pos,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n <= 0)
            return lost(n);
        l->out_pos += (size_t)n;
        l->spoke = sm_clock_now_ms();
    }
    return 0;
}

bool link_pending(const struct link *l)
{
    return l->out_pos < l->out_len;
}
