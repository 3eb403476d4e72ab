/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a daemon says to a client, frame after frame.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../helper/secmig/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_client_answer answer;
    struct sm_client_frame frame;
    struct sm_client *client;
    int fds[2], rc;

    if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
        return 0;
    if (sm_client_from_fd(fds[0], &client))
        abort();
    /* Fits the socket's buffer, so that one thread can play both sides. */
    if (size && send(fds[1], data, size, MSG_DONTWAIT) != (ssize_t)size)
        abort();
    close(fds[1]);
    do {
        rc = sm_client_recv(client, &frame, 0);
        if (rc && (frame.body || frame.fd != -1))
            abort();
        /* Without descriptors no stream can begin. */
        if (!rc && (frame.type == FRAME_STREAM ||
                    frame.len > FRAME_OUTPUT_MAX))
            abort();
        if (!rc && !sm_client_answer(&frame, &answer) &&
            (answer.rule[FRAME_RULE_MAX] || answer.text[FRAME_TEXT_MAX]))
            abort();
        sm_client_frame_dispose(&frame);
    } while (!rc);
    sm_client_free(client);
    return 0;
}
