/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

/* "xen-secmig journal 1 EPOCH SEQUENCE\n" */
#define START "xen-secmig journal 1 "
#define START_LEN (sizeof(START) - 1)
#define HEX_LEN (2u * SM_HANDOVER_EPOCH_LEN)
#define LINE_MAX_LEN (START_LEN + HEX_LEN + 1 + 20 + 1)

int sm_handover_witness_read(const char *path,
                             uint8_t epoch[static SM_HANDOVER_EPOCH_LEN],
                             uint64_t *sequence, char *why, size_t why_size)
{
    const char *line;
    uint8_t *data;
    size_t len;
    int rc;

    rc = sm_file_read(path, SM_FILE_PRIVATE, LINE_MAX_LEN, &data, &len, why,
                      why_size);
    if (rc)
        return rc == SM_STATE && errno == ENOENT ? SM_NO_DOMAIN : rc;
    line = (const char *)data;
    if (len < START_LEN + HEX_LEN + 3 || memcmp(line, START, START_LEN) ||
        line[len - 1] != '\n' || line[START_LEN + HEX_LEN] != ' ' ||
        !sm_text_hex(line + START_LEN, HEX_LEN, epoch,
                     SM_HANDOVER_EPOCH_LEN) ||
        !sm_text_number(line + START_LEN + HEX_LEN + 1,
                        len - START_LEN - HEX_LEN - 2, INT64_MAX, sequence)) {
        WHY("%s: not understood", path);
        rc = SM_STATE;
    }
    sm_file_free(data, len);
    return rc;
}

int sm_handover_witness_write(const char *path,
                              const uint8_t epoch[static
                                                  SM_HANDOVER_EPOCH_LEN],
                              uint64_t sequence)
{
    char temp[PATH_MAX], line[LINE_MAX_LEN + 1], hex[HEX_LEN + 1];
    int fd, len, rc;

    sodium_bin2hex(hex, sizeof(hex), epoch, SM_HANDOVER_EPOCH_LEN);
    len = snprintf(line, sizeof(line), START "%s %" PRIu64 "\n", hex,
                   sequence);
    if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp)) {
        errno = ENAMETOOLONG;
        return SM_IO;
    }
    unlink(temp);
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
              0600);
    if (fd < 0)
        return SM_IO;
    rc = write(fd, line, (size_t)len) == len ? 0 : SM_IO;
    close(fd);
    if (!rc && rename(temp, path))
        rc = SM_IO;
    if (rc) {
        len = errno;
        unlink(temp);
        errno = len;
    }
    return rc;
}
