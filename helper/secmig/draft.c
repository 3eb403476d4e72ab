/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs.h"

int sm_draft_read(const char *path, size_t max, int err, uint8_t **data,
                  size_t *len)
{
    struct stat st;
    ssize_t r;
    int fd, rc;

    *data = NULL;
    *len = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st)) {
        rc = sm_cli_fail(errno == ENOENT ? err : SM_IO, "%s: %s", path,
                         strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        rc = sm_cli_fail(err, "%s: not a regular file", path);
        goto out;
    }
    if (st.st_size > (off_t)max) {
        rc = sm_cli_fail(err, "%s: longer than %zu bytes", path, max);
        goto out;
    }
    *data = malloc(max + 1);
    if (!*data) {
        rc = sm_cli_fail(SM_NO_MEMORY, "%s: out of memory", path);
        goto out;
    }
    /* One byte more than the cap, for a file that grows meanwhile. */
    do {
        r = read(fd, *data + *len, max + 1 - *len);
        if (r > 0)
            *len += (size_t)r;
    } while (r > 0 || (r < 0 && errno == EINTR));
    rc = r ? sm_cli_fail(SM_IO, "%s: %s", path, strerror(errno)) : 0;
out:
    if (fd >= 0)
        close(fd);
    if (rc) {
        free(*data);
        *data = NULL;
    }
    return rc;
}
