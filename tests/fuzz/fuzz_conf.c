/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmigd.conf: what is accepted obeys the documented limits, what is not
 * says why in text that may be shown; the same bytes give the same result.
 */
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

/* A timeout in whole seconds. */
static int seconds_ok(int ms, int min, int max)
{
    return ms % 1000 == 0 && ms / 1000 >= min && ms / 1000 <= max;
}

static int count_ok(int n)
{
    return n >= 1 && n <= 1000;
}

static void check_command(const struct sm_conf_command *c)
{
    int i;

    require(c->argv[0] && c->argv[0][0] == '/');
    for (i = 0; c->argv[i]; i++) {
        require(i < SM_CONF_WORDS_MAX);
        require(c->argv[i][0] && !strpbrk(c->argv[i], " \t\n"));
    }
}

static void check(const struct sm_conf *c)
{
    require(!c->name[0] || sm_conf_name_ok(c->name));
    require(c->listen_port > 0);
    require(!strcmp(c->seal, "passphrase") || !strcmp(c->seal, "plain"));
    require(!c->passphrase_file[0] || c->passphrase_file[0] == '/');
    check_command(&c->receive);
    check_command(&c->facts);
    require(c->peer.name[0] && c->keeper.name[0] && c->control.name[0]);
    require(seconds_ok(c->connect_timeout, 1, 3600));
    require(seconds_ok(c->handshake_timeout, 1, 3600));
    require(seconds_ok(c->answer_timeout, 1, 3600));
    require(seconds_ok(c->idle_timeout, 2, 3600));
    require(seconds_ok(c->keepalive, 1, 600));
    require(seconds_ok(c->finish_timeout, 1, 3600));
    require(c->keepalive * 2 <= c->idle_timeout);
    require(count_ok(c->max_incoming) && count_ok(c->max_outgoing) &&
            count_ok(c->max_unauthenticated));
}

static void check_address(const uint8_t *data, size_t size)
{
    char text[128], address[64];
    uint16_t port = 0;
    size_t n = size < sizeof(text) - 1 ? size : sizeof(text) - 1;

    memcpy(text, data, n);
    text[n] = '\0';
    if (!sm_conf_address(text, address, sizeof(address), &port)) {
        require(port > 0);
        require(!strchr(address, ' '));
        require(strstr(text, address) != NULL);
    }
    if (sm_conf_name_ok(text))
        require(sm_wire_text_ok(text, strlen(text)) &&
                strlen(text) <= SM_CONF_NAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sm_conf defaults, conf, again;
    static int ready;
    char why[256], why_again[256];
    int rc;

    if (!ready) {
        /* Once: the same every time. */
        require(sm_conf_init(&defaults, "", NULL) == 0);
        ready = 1;
    }
    conf = defaults;
    again = defaults;
    rc = sm_conf_parse(&conf, (const char *)data, size, "f", why,
                       sizeof(why));
    require(rc == sm_conf_parse(&again, (const char *)data, size, "f",
                                why_again, sizeof(why_again)));
    require(!strcmp(why, why_again));
    if (rc) {
        require(rc == SM_CONFIG && !strncmp(why, "f:", 2));
        require(sm_wire_text_ok(why, strlen(why)));
    } else {
        require(why[0] == '\0');
        check(&conf);
    }
    check_address(data, size);
    return 0;
}
