/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/conf.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/wire.h"

#define CONF_FILE_MAX (64 * 1024)

/* ---- places ---- */

static int place(char *out, const char *root, const char *path,
                 const char *leaf)
{
    int n = snprintf(out, SM_CONF_PATH_MAX, "%s%s%s", root, path, leaf);

    return n < 0 || n >= SM_CONF_PATH_MAX ? SM_USAGE : 0;
}

static void set_command(struct sm_conf_command *c, const char *text)
{
    char *save = NULL, *word;
    int n = 0;

    memset(c, 0, sizeof(*c));
    snprintf(c->text, sizeof(c->text), "%s", text);
    for (word = strtok_r(c->text, " \t", &save);
         word && n < SM_CONF_WORDS_MAX; word = strtok_r(NULL, " \t", &save))
        c->argv[n++] = word;
}

static int command_ok(const char *text)
{
    size_t words = 0, i;

    for (i = 0; text[i]; i++)
        if (text[i] != ' ' && text[i] != '\t' &&
            (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t'))
            words++;
    return text[0] == '/' && words <= SM_CONF_WORDS_MAX;
}

/* An account by number; one by name waits for sm_conf_users(). */
static void set_user(struct sm_conf_user *u, const char *text)
{
    char *end = NULL;
    unsigned long n;

    memset(u, 0, sizeof(*u));
    snprintf(u->name, sizeof(u->name), "%s", text);
    errno = 0;
    n = strtoul(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && n < UINT32_MAX) {
        u->uid = (uid_t)n;
        u->gid = (gid_t)n;
        u->known = true;
    }
}

void sm_conf_users(struct sm_conf *conf)
{
    struct sm_conf_user *users[] = { &conf->peer, &conf->keeper,
                                     &conf->control };
    struct passwd *pw;
    size_t i;

    for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        pw = users[i]->known ? NULL : getpwnam(users[i]->name);
        if (!pw)
            continue;
        users[i]->uid = pw->pw_uid;
        users[i]->gid = pw->pw_gid;
        users[i]->known = true;
    }
}

int sm_conf_init(struct sm_conf *conf, const char *root, const char *file)
{
    const char *r = root ? root : "";
    char host[SM_CONF_NAME_MAX + 1] = "", *dot;
    int bad = 0;

    memset(conf, 0, sizeof(*conf));
    bad |= place(conf->etc_dir, r, SM_ETC_DIR, "");
    bad |= place(conf->hosts_dir, r, SM_ETC_DIR, "/hosts");
    bad |= place(conf->policy_file, r, SM_ETC_DIR, "/policy.xml");
    bad |= place(conf->policy_sig, r, SM_ETC_DIR, "/policy.xml.minisig");
    bad |= place(conf->policy_pub, r, SM_ETC_DIR, "/policy.pub");
    bad |= place(conf->host_pub, r, SM_ETC_DIR, "/host.pub");
    bad |= place(conf->state_dir, r, SM_STATE_DIR, "");
    bad |= place(conf->host_key, r, SM_STATE_DIR, "/host-key.sealed");
    bad |= place(conf->policy_key, r, SM_STATE_DIR, "/policy-key.sealed");
    bad |= place(conf->store_key, r, SM_STATE_DIR, "/store-key.sealed");
    bad |= place(conf->site_key, r, SM_STATE_DIR, "/site-key.sealed");
    bad |= place(conf->owner_key, r, SM_STATE_DIR, "/owner-key.sealed");
    bad |= place(conf->update_key, r, SM_STATE_DIR, "/update-key.sealed");
    bad |= place(conf->next_key, r, SM_STATE_DIR, "/next-host-key.sealed");
    bad |= place(conf->next_pub, r, SM_ETC_DIR, "/next-host.pub");
    bad |= place(conf->attestation_key, r, SM_STATE_DIR,
                 "/attestation-key");
    bad |= place(conf->approvals_dir, r, SM_STATE_DIR, "/approvals");
    bad |= place(conf->certificate, r, SM_ETC_DIR, "/host.cert");
    bad |= place(conf->next_certificate, r, SM_ETC_DIR, "/next-host.cert");
    bad |= place(conf->revocations, r, SM_ETC_DIR, "/revoked");
    bad |= place(conf->journal, r, SM_STATE_DIR, "/journal");
    bad |= place(conf->journal_witness, r, SM_RUN_DIR, "/secmig.journal");
    bad |= place(conf->empty_dir, r, SM_STATE_DIR, "/empty");
    bad |= place(conf->socket, r, SM_RUN_DIR, "/secmig.sock");
    bad |= place(conf->operator_socket, r, SM_OPERATOR_DIR,
                 "/operator.sock");
    if (file)
        bad |= place(conf->conf_file, "", file, "");
    else
        bad |= place(conf->conf_file, r, SM_ETC_DIR, "/secmigd.conf");
    if (bad)
        return SM_USAGE;

    if (gethostname(host, sizeof(host)) == 0) {
        host[sizeof(host) - 1] = '\0';
        dot = strchr(host, '.');
        if (dot)
            *dot = '\0';
        if (sm_conf_name_ok(host))
            snprintf(conf->name, sizeof(conf->name), "%s", host);
    }
    conf->listen_port = SM_CONF_PORT;
    snprintf(conf->seal, sizeof(conf->seal), "passphrase");
    set_command(&conf->receive, "/usr/sbin/xl migrate-receive");
    set_command(&conf->facts, SM_LIBEXEC_DIR "/secmig-xl");
    set_command(&conf->vault, SM_LIBEXEC_DIR "/secmig-vault");
    snprintf(conf->tpm, sizeof(conf->tpm), "device:/dev/tpmrm0");
    conf->tpm_timeout = 20000;
    set_command(&conf->migrate, "/usr/sbin/xl migrate --secure");
    set_user(&conf->peer, "secmig-peer");
    set_user(&conf->keeper, "secmig-keeper");
    set_user(&conf->control, "secmig-control");
    conf->connect_timeout = 10000;
    conf->handshake_timeout = 10000;
    conf->answer_timeout = 30000;
    conf->action_timeout = 120000;
    conf->idle_timeout = 30000;
    conf->keepalive = 5000;
    conf->finish_timeout = 120000;
    conf->ready_timeout = 60000;
    conf->verdict_timeout = 30000;
    conf->settle_interval = 5000;
    conf->max_incoming = 16;
    conf->max_outgoing = 16;
    conf->max_unauthenticated = 32;
    return 0;
}

/* ---- the file ---- */

bool sm_conf_name_ok(const char *name)
{
    size_t i;

    for (i = 0; name[i]; i++) {
        char c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return i > 0 && i <= SM_CONF_NAME_MAX && name[0] != '-' &&
           name[0] != '.';
}

static int number(const char *text, long min, long max, long *out)
{
    char *end = NULL;
    long n;

    if (*text < '0' || *text > '9')
        return SM_CONFIG;
    errno = 0;
    n = strtol(text, &end, 10);
    if (errno || *end || n < min || n > max)
        return SM_CONFIG;
    *out = n;
    return 0;
}

int sm_conf_address(const char *text, char *address, size_t size,
                    uint16_t *port)
{
    const char *start = text, *end, *rest;
    size_t len;
    long n;

    if (*text == '[') {
        start = text + 1;
        end = strchr(start, ']');
        if (!end)
            return SM_USAGE;
        rest = end + 1;
    } else {
        end = strchr(text, ':');
        if (end && strchr(end + 1, ':'))    /* bare IPv6 */
            end = NULL;
        if (!end)
            end = text + strlen(text);
        rest = end;
    }
    len = (size_t)(end - start);
    if (len >= size || memchr(start, ' ', len))
        return SM_USAGE;
    if (*rest == '\0') {
        *port = SM_CONF_PORT;
    } else if (*rest == ':' && !number(rest + 1, 1, 65535, &n)) {
        *port = (uint16_t)n;
    } else {
        return SM_USAGE;
    }
    memcpy(address, start, len);
    address[len] = '\0';
    return 0;
}

enum kind {
    NAME, ADDRESS, SEAL, PATH, TCTI, COMMAND, USER, WORD, SECONDS, LIFETIME,
    COUNT, PQ, ATTEST,
};

#define FIELD(f) offsetof(struct sm_conf, f)

/* Every key of the file; secmigd.conf(5) has a paragraph for each. */
static const struct {
    const char *key;
    enum kind kind;
    size_t field;
    long min, max;
} keys[] = {
    { "name",                NAME,    FIELD(name), 0, 0 },
    { "listen",              ADDRESS, FIELD(listen_address), 0, 0 },
    { "seal",                SEAL,    FIELD(seal), 0, 0 },
    { "passphrase-file",     PATH,    FIELD(passphrase_file), 0, 0 },
    { "tpm",                 TCTI,    FIELD(tpm), 0, 0 },
    { "pin-file",            PATH,    FIELD(pin_file), 0, 0 },
    { "tpm-timeout",         SECONDS, FIELD(tpm_timeout), 1, 600 },
    { "key-lifetime",        LIFETIME, FIELD(key_lifetime), 1, 86400 },
    { "demand-attestation",  ATTEST,  FIELD(demand_attestation), 0, 0 },
    { "post-quantum",        PQ,      FIELD(post_quantum), 0, 0 },
    { "receive-command",     COMMAND, FIELD(receive), 0, 0 },
    { "secmig-xl",           COMMAND, FIELD(facts), 0, 0 },
    { "secmig-vault",        COMMAND, FIELD(vault), 0, 0 },
    { "migrate-command",     COMMAND, FIELD(migrate), 0, 0 },
    { "peer-user",           USER,    FIELD(peer), 0, 0 },
    { "keeper-user",         USER,    FIELD(keeper), 0, 0 },
    { "control-user",        USER,    FIELD(control), 0, 0 },
    { "socket-group",        WORD,    FIELD(socket_group), 0, 0 },
    { "operator-socket",     PATH,    FIELD(operator_socket), 0, 0 },
    { "operator-group",      WORD,    FIELD(operator_group), 0, 0 },
    { "connect-timeout",     SECONDS, FIELD(connect_timeout), 1, 3600 },
    { "handshake-timeout",   SECONDS, FIELD(handshake_timeout), 1, 3600 },
    { "answer-timeout",      SECONDS, FIELD(answer_timeout), 1, 3600 },
    { "action-timeout",      SECONDS, FIELD(action_timeout), 1, 600 },
    { "idle-timeout",        SECONDS, FIELD(idle_timeout), 2, 3600 },
    { "keepalive",           SECONDS, FIELD(keepalive), 1, 600 },
    { "finish-timeout",      SECONDS, FIELD(finish_timeout), 1, 3600 },
    { "ready-timeout",       SECONDS, FIELD(ready_timeout), 1, 3600 },
    { "verdict-timeout",     SECONDS, FIELD(verdict_timeout), 1, 3600 },
    { "settle-interval",     SECONDS, FIELD(settle_interval), 1, 3600 },
    { "max-incoming",        COUNT,   FIELD(max_incoming), 1, 1000 },
    { "max-outgoing",        COUNT,   FIELD(max_outgoing), 1, 1000 },
    { "max-unauthenticated", COUNT,   FIELD(max_unauthenticated), 1, 1000 },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* Returns NULL, or what is wrong with the value. */
static const char *set(struct sm_conf *conf, size_t k, const char *value)
{
    void *field = (char *)conf + keys[k].field;
    long n;

    switch (keys[k].kind) {
    case NAME:
        if (!sm_conf_name_ok(value))
            return "not a host name (letters, digits, '-', '_', '.')";
        snprintf(field, SM_CONF_NAME_MAX + 1, "%s", value);
        return NULL;
    case ADDRESS:
        if (sm_conf_address(value, conf->listen_address,
                            sizeof(conf->listen_address),
                            &conf->listen_port))
            return "not ADDRESS, ADDRESS:PORT or [V6]:PORT";
        return NULL;
    case SEAL:
        if (strcmp(value, "tpm2") && strcmp(value, "passphrase") &&
            strcmp(value, "plain"))
            return "must be 'tpm2', 'passphrase' or 'plain'";
        snprintf(field, sizeof(conf->seal), "%s", value);
        return NULL;
    case PATH:
        if (value[0] != '/' || strlen(value) >= SM_CONF_PATH_MAX)
            return "not an absolute path";
        snprintf(field, SM_CONF_PATH_MAX, "%s", value);
        return NULL;
    case TCTI:
        if (!strchr(value, ':') || value[0] == ':' ||
            strlen(value) >= SM_CONF_PATH_MAX)
            return "not a TCTI, such as device:/dev/tpmrm0";
        snprintf(field, SM_CONF_PATH_MAX, "%s", value);
        return NULL;
    case COMMAND:
        if (!command_ok(value) || strlen(value) >= SM_CONF_PATH_MAX)
            return "must be an absolute path and at most 7 arguments";
        set_command(field, value);
        return NULL;
    case USER:
        if (!*value || strlen(value) > 32)
            return "not an account name or number";
        set_user(field, value);
        return NULL;
    case WORD:
        if (!*value || strlen(value) > 32)
            return "not a group name";
        snprintf(field, sizeof(conf->socket_group), "%s", value);
        return NULL;
    case SECONDS:
        if (number(value, keys[k].min, keys[k].max, &n))
            return "not a number of seconds in range";
        *(int *)field = (int)n * 1000;
        return NULL;
    case LIFETIME:
        if (!strcmp(value, "daemon"))
            n = 0;
        else if (number(value, keys[k].min, keys[k].max, &n))
            return "must be 'daemon' or a number of seconds in range";
        *(int *)field = (int)n * 1000;
        return NULL;
    case ATTEST:
        if (strcmp(value, "always") && strcmp(value, "policy"))
            return "must be 'policy' or 'always'";
        conf->demand_attestation = !strcmp(value, "always");
        return NULL;
    case PQ:
        if (!strcmp(value, "auto"))
            conf->post_quantum = SM_CONF_PQ_AUTO;
        else if (!strcmp(value, "require"))
            conf->post_quantum = SM_CONF_PQ_REQUIRE;
        else if (!strcmp(value, "off"))
            conf->post_quantum = SM_CONF_PQ_OFF;
        else
            return "must be 'auto', 'require' or 'off'";
        return NULL;
    case COUNT:
        if (number(value, keys[k].min, keys[k].max, &n))
            return "not a number in range";
        *(int *)field = (int)n;
        return NULL;
    }
    return "internal error";
}

static char *trim(char *s)
{
    char *end;

    while (*s == ' ' || *s == '\t')
        s++;
    end = s + strlen(s);
    while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    return s;
}

static const char *set_line(struct sm_conf *conf, char *line, bool *seen)
{
    char *equals, *key, *value;
    size_t k;

    line = trim(line);
    if (!*line || *line == '#')
        return NULL;
    equals = strchr(line, '=');
    if (!equals)
        return "expected 'key = value'";
    *equals = '\0';
    key = trim(line);
    value = trim(equals + 1);
    for (k = 0; k < N_KEYS; k++)
        if (!strcmp(keys[k].key, key))
            break;
    if (k == N_KEYS)
        return "unknown key";
    if (seen[k])
        return "key given twice";
    seen[k] = true;
    return set(conf, k, value);
}

int sm_conf_parse(struct sm_conf *conf, const char *text, size_t len,
                  const char *label, char *why, size_t why_size)
{
    bool seen[N_KEYS] = { false };
    char line[SM_CONF_PATH_MAX + 64];
    const char *end = text + len, *nl, *problem = NULL;
    int number_of_line = 0;
    size_t n;

    why[0] = '\0';
    while (text < end && !problem) {
        nl = memchr(text, '\n', (size_t)(end - text));
        n = (size_t)((nl ? nl : end) - text);
        number_of_line++;
        if (n >= sizeof(line)) {
            problem = "line too long";
        } else {
            memcpy(line, text, n);
            line[n] = '\0';
            for (size_t i = 0; i < n; i++)
                if (line[i] == '\t')
                    line[i] = ' ';
            if (!sm_wire_text_ok(line, n))
                problem = "control character or broken UTF-8";
            else
                problem = set_line(conf, line, seen);
        }
        text += n + 1;
    }
    if (problem) {
        snprintf(why, why_size, "%s:%d: %s", label, number_of_line, problem);
        return SM_CONFIG;
    }
    if (conf->keepalive * 2 > conf->idle_timeout) {
        snprintf(why, why_size,
                 "%s: idle-timeout must be at least twice keepalive", label);
        return SM_CONFIG;
    }
    return 0;
}

int sm_conf_load(struct sm_conf *conf, char *why, size_t why_size)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    rc = sm_file_read(conf->conf_file, SM_FILE_PUBLIC, CONF_FILE_MAX,
                      &data, &len, why, why_size);
    if (rc)
        goto out;
    rc = sm_conf_parse(conf, (const char *)data, len, conf->conf_file,
                       why, why_size);
out:
    sm_file_free(data, len);
    return rc;
}
