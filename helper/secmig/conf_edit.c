/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conf_edit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define FILE_MAX (64 * 1024)    /* as base/conf.c reads it */
#define CHANGES_MAX 8

/* Whether a line sets `key`. */
static bool sets(const char *line, size_t len, const char *key)
{
    size_t n = strlen(key);

    while (len && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    if (len < n || memcmp(line, key, n))
        return false;
    for (line += n, len -= n; len && (*line == ' ' || *line == '\t'); len--)
        line++;
    return len && *line == '=';
}

/* The new text: lines that are set stay where they were. */
static void apply(FILE *out, const char *text, size_t len,
                  const struct sm_conf_change *changes, size_t n)
{
    bool done[CHANGES_MAX] = { false };
    const char *nl;
    size_t i, line;

    while (len) {
        nl = memchr(text, '\n', len);
        line = nl ? (size_t)(nl - text) + 1 : len;
        for (i = 0; i < n; i++)
            if (sets(text, line, changes[i].key))
                break;
        if (i == n)
            fprintf(out, "%.*s%s", (int)line, text, nl ? "" : "\n");
        else if (changes[i].value)
            fprintf(out, "%s = %s\n", changes[i].key, changes[i].value);
        if (i < n)
            done[i] = true;
        text += line;
        len -= line;
    }
    for (i = 0; i < n; i++)
        if (!done[i] && changes[i].value)
            fprintf(out, "%s = %s\n", changes[i].key, changes[i].value);
}

/* The text that is there, or that of a first one. */
static int read_old(const struct sm_conf *conf, uint8_t **text, size_t *len,
                    mode_t *mode)
{
    char why[768], first[2 * SM_CONF_NAME_MAX + 128];
    struct stat st;
    int rc;

    *mode = 0644;
    errno = 0;
    rc = sm_file_read(conf->conf_file, SM_FILE_PUBLIC, FILE_MAX, text, len,
                      why, sizeof(why));
    if (!rc) {
        if (!lstat(conf->conf_file, &st))
            *mode = st.st_mode & 0777;
        return 0;
    }
    if (rc != SM_STATE || errno != ENOENT)
        return sm_cli_fail(rc, "%s", why);
    snprintf(first, sizeof(first), "# Settings of secmigd; see "
             "secmigd.conf(5).\nname = %s\nseal = %s\n", conf->name,
             conf->seal);
    *text = (uint8_t *)strdup(first);
    if (!*text)
        return sm_cli_fail(SM_NO_MEMORY, "out of memory");
    *len = strlen(first);
    return 0;
}

int sm_conf_edit(const struct sm_cli *cli,
                 const struct sm_conf_change *changes, size_t n)
{
    uint8_t *old = NULL;
    char *text = NULL, why[768];
    size_t old_len = 0, len = 0;
    struct sm_conf check;
    FILE *out = NULL;
    mode_t mode;
    int rc;

    rc = n > CHANGES_MAX ? SM_USAGE : 0;
    if (!rc)
        rc = read_old(&cli->conf, &old, &old_len, &mode);
    if (rc)
        return rc;
    out = open_memstream(&text, &len);
    if (out)
        apply(out, (const char *)old, old_len, changes, n);
    if (!out || fclose(out)) {
        rc = sm_cli_fail(SM_NO_MEMORY, "out of memory");
        goto out;
    }
    rc = sm_conf_init(&check, cli->root, cli->conf.conf_file);
    if (!rc)
        rc = sm_conf_parse(&check, text, len, cli->conf.conf_file, why,
                           sizeof(why));
    if (!rc && len > FILE_MAX) {
        snprintf(why, sizeof(why), "%s: would be too long",
                 cli->conf.conf_file);
        rc = SM_CONFIG;
    }
    if (!rc)
        rc = sm_file_write(cli->conf.conf_file, text, len, mode, why,
                           sizeof(why));
    if (rc)
        sm_cli_fail(rc, "%s", why);
out:
    free(text);
    sm_file_free(old, old_len);
    return rc;
}
