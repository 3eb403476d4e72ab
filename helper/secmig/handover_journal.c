/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's journal: reading it, which changes nothing, for secmig handover
 * where no daemon runs; and beginning a new one, when the old one is damaged.
 */
#include "handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/text.h"
#include "handover/words.h"
#include "tty.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static void take(void *ctx, const struct sm_handover_record *record)
{
    struct sm_handover_records *all = ctx;
    struct sm_handover_record *list;

    list = reallocarray(all->list, all->n + 1, sizeof(*list));
    if (!list) {
        all->lost = true;
        return;
    }
    list[all->n++] = *record;
    all->list = list;
}

int sm_handover_boot_read(uint8_t boot[static SM_HANDOVER_BOOT_LEN])
{
    char text[SM_TEXT_UUID_SIZE] = "";
    FILE *f = fopen(BOOT_ID, "re");
    bool ok;

    if (!f)
        return SM_IO;
    ok = fgets(text, sizeof(text), f) &&
         sm_text_uuid(text, strlen(text), boot);
    fclose(f);
    return ok ? 0 : SM_IO;
}

/* What is known beside the record: whether this host was booted since. */
static struct sm_handover_now now_of(const struct sm_handover_record *record)
{
    struct sm_handover_now now = { .retry = -1 };
    uint8_t boot[SM_HANDOVER_BOOT_LEN];

    now.rebooted = !sm_handover_boot_read(boot) &&
                   memcmp(boot, record->boot, sizeof(boot));
    return now;
}

/* Returns how many there are. */
static size_t print_list(const struct sm_handover_records *all, bool settled)
{
    char line[SM_HANDOVER_LINE_SIZE];
    struct sm_handover_now now;
    int64_t time = sm_clock_real();
    size_t i, n = 0;

    for (i = 0; i < all->n; i++) {
        if (sm_handover_is_open(&all->list[i]) == settled ||
            !sm_handover_is_news(&all->list[i], time))
            continue;
        now = now_of(&all->list[i]);
        sm_handover_line(&all->list[i], &now, line);
        puts(line);
        n++;
    }
    return n;
}

/* The open ones of that name; if there is none, the last that was settled.
 * Returns how many there are. */
static size_t print_pages(const struct sm_handover_records *all,
                          const char *guest)
{
    char page[SM_HANDOVER_PAGE_SIZE];
    struct sm_handover_now now;
    size_t i, n = 0, last = all->n;

    for (i = 0; i < all->n; i++) {
        if (!sm_handover_named(&all->list[i], guest))
            continue;
        last = i;
        if (!sm_handover_is_open(&all->list[i]))
            continue;
        now = now_of(&all->list[i]);
        sm_handover_page(&all->list[i], &now, page);
        printf("%s%s", n++ ? "\n" : "", page);
    }
    if (!n && last < all->n) {
        now = now_of(&all->list[last]);
        sm_handover_page(&all->list[last], &now, page);
        fputs(page, stdout);
        n = 1;
    }
    return n;
}

int sm_handover_records_read(const struct sm_cli *cli,
                             struct sm_handover_records *all, char *why,
                             size_t why_size)
{
    int rc;

    *all = (struct sm_handover_records){ 0 };
    rc = sm_handover_journal_read(cli->conf.journal, take, all, why,
                                  why_size);
    if (!rc && all->lost) {
        snprintf(why, why_size, "out of memory");
        rc = SM_NO_MEMORY;
    }
    return rc;
}

int sm_handover_offline(const struct sm_cli *cli, const char *guest)
{
    struct sm_handover_records all;
    char why[768];
    size_t shown;
    int rc;

    rc = sm_handover_records_read(cli, &all, why, sizeof(why));
    if (rc == SM_NO_DOMAIN)
        rc = 0;                 /* no journal: nothing was handed over */
    /* Of a damaged one, what is whole, before it is said so. */
    if (guest)
        shown = print_pages(&all, guest);
    else
        shown = print_list(&all, false) + print_list(&all, true);
    fflush(stdout);
    if (rc)
        sm_cli_fail(rc, "%s%s", why, shown ? " (above is what can be read: "
                    "it may have come further)" : "");
    else if (!shown && guest)
        rc = sm_cli_fail(SM_NO_DOMAIN, "%s: no handover of such a guest is "
                         "in the journal", guest);
    else if (!shown)
        puts(SM_HANDOVER_NO_NEWS);
    free(all.list);
    if (fflush(stdout) && !rc)
        rc = sm_cli_fail(SM_IO, "standard output: cannot write");
    return rc;
}

/* ---- a new journal ---- */

/* What goes with the old one, as far as it can be read. */
static void show_loss(const struct sm_cli *cli)
{
    struct sm_handover_records all;
    char why[768];
    int rc;

    rc = sm_handover_records_read(cli, &all, why, sizeof(why));
    printf("This host forgets what is in %s:\n\n", cli->conf.journal);
    if (!print_list(&all, false))
        puts(rc ? "(nothing open can be read)" : "(nothing in it is open)");
    if (rc)
        printf("\nIt is not whole: %s\n", why);
    puts("\n"
         "A guest that is suspended here for a migration stays so: nothing "
         "resumes or\ndestroys it any more.  A copy (NAME--incoming) is "
         "neither started nor destroyed.\nLook at 'xl list' here and on the "
         "other hosts before you touch either.  Other\nhosts notice, and what "
         "they have in doubt with this one waits for somebody's\nword there "
         "('secmig handover fence').");
    fflush(stdout);
    free(all.list);
}

int sm_handover_reset(const struct sm_cli *cli, int argc, char **argv)
{
    char kept[SM_CONF_PATH_MAX + 64] = "", why[768];
    bool yes = false;
    const struct sm_argument options[] = {
        { .name = "--yes", .flag = &yes },
    };
    size_t n;
    int rc;

    if (sm_arguments_sort(argc, argv, options, 1, NULL, 0, &n))
        return SM_CLI_USAGE;
    if (geteuid() != 0)
        return sm_cli_fail(SM_STATE, "%s: only root can do this",
                           cli->conf.journal);
    if (!yes) {
        show_loss(cli);
        rc = sm_tty_yes("Type yes to begin a new journal: ");
        if (rc == SM_USAGE)
            return sm_cli_fail(rc, "no terminal to ask at: use --yes");
        if (rc)
            return sm_cli_fail(rc, "nothing was changed");
    }
    rc = sm_handover_journal_reset(cli->conf.journal,
                                   cli->conf.journal_witness, kept,
                                   sizeof(kept), why, sizeof(why));
    if (rc)
        return sm_cli_fail(rc, "%s%s", why, rc == SM_BUSY ?
                           " (stop secmigd first)" : "");
    printf("A new journal begins.  The old one is kept as %s\n", kept);
    return fflush(stdout) ? sm_cli_fail(SM_IO, "standard output: cannot "
                                        "write") : 0;
}
