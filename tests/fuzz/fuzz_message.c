/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CONTROL messages in pieces, and the payloads of the handshake.
 *
 *   byte 0   0: the rest is a handshake payload; else the size of pieces
 *   byte 1   bit 0: who sends; bits 1-4: where the conversation stands
 *
 * What is accepted must encode to the bytes it came from, and be permitted.
 */
#include <stdlib.h>
#include <string.h>

#include "channel/hello.h"
#include "channel/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hello(const uint8_t *data, size_t size)
{
    uint8_t back[SM_HELLO_PAYLOAD_LEN];
    struct sm_hello_choice c;
    struct sm_hello h;

    if (!sm_hello_decode(data, size, &h) &&
        (sm_hello_encode(&h, back) || memcmp(back, data, size)))
        abort();
    if (!sm_hello_choice_decode(data, size, &c)) {
        if (sm_hello_choice_encode(&c, back) || memcmp(back, data, size))
            abort();
        if (!sm_hello_check(&c, 0xe) &&
            !(SM_SUITE_BIT(c.suite) & c.suites & 0xe))
            abort();
    }
}

/* `m` ended at `end`: its encoding must be the bytes before that. */
static void check(const struct sm_message *m, const uint8_t *begin,
                  const uint8_t *end)
{
    struct sm_wire_writer w;

    sm_wire_writer_init(&w, SM_MESSAGE_MAX);
    if (sm_message_encode(&w, m) || w.len > (size_t)(end - begin) ||
        memcmp(w.data, end - w.len, w.len))
        abort();
    sm_wire_writer_dispose(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *begin, *p;
    struct sm_message_reader r;
    enum sm_message_state state;
    enum sm_message_role sender;
    struct sm_message m;
    size_t piece, n;
    bool ready;
    int rc = 0;

    if (size < 2)
        return 0;
    if (!data[0]) {
        hello(data + 1, size - 1);
        return 0;
    }
    piece = data[0];
    sender = (enum sm_message_role)(data[1] & 1);
    state = (enum sm_message_state)((data[1] >> 1 & 15));
    begin = p = data + 2;
    size -= 2;

    sm_message_reader_init(&r, sender);
    while (size && !rc) {
        n = size < piece ? size : piece;
        size -= n;
        while (n) {
            rc = sm_message_reader_next(&r, state, &p, &n, &m, &ready);
            if (rc || !ready)
                break;
            if (!sm_message_permitted(sender, state, m.type))
                abort();
            if (m.type == SM_MESSAGE_HANDOVER &&
                !sm_message_may_say(sender, m.u.handover.fact))
                abort();
            check(&m, begin, p);
            state = sm_message_after(sender, state, m.type);
        }
        if (!rc && n)
            abort();
    }
    sm_message_reader_dispose(&r);
    return 0;
}
