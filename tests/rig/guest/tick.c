/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest does: it ticks, and guards its memory.
 *
 * Every period (tick.period=, ms) it writes one line to I/O port 0xe9,
 * which Xen prints on the host's serial port, where the rig stamps it:
 *
 *   T <name> <boot id> <count> <uptime ms> <bad pages>
 *
 * Memory is of two kinds.  Marker pages hold "RAM:<tick.marker=>:<page
 * number>;" over and over and never change: what the wire is searched
 * for.  Counting pages are all incremented in order, every tick; each
 * must hold what was put there the lap before.  A few marker pages and
 * all counting pages are verified every tick, and a page that is wrong
 * is counted for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define MARKERS_PER_TICK 8u

static char cmdline[4096];

static const char *option(const char *key, const char *fallback)
{
    static char values[8][128];
    static unsigned used;
    const char *at = strstr(cmdline, key);
    size_t length;

    if (!at || used >= 8)
        return fallback;
    at += strlen(key);
    length = strcspn(at, " \n");
    if (length >= sizeof(values[0]))
        length = sizeof(values[0]) - 1;
    memcpy(values[used], at, length);
    values[used][length] = '\0';
    return values[used++];
}

static unsigned number(const char *key, const char *fallback)
{
    return (unsigned)strtoul(option(key, fallback), NULL, 10);
}

static unsigned char *pages(unsigned count)
{
    void *p = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (p == MAP_FAILED) {
        fprintf(stderr, "tick: %u pages: %s\n", count, strerror(errno));
        exit(1);
    }
    return p;
}

static void marker_page(char *page, const char *marker, unsigned n)
{
    char text[160];
    size_t length, at, part;

    length = (size_t)snprintf(text, sizeof(text), "RAM:%s:%08x;", marker, n);
    for (at = 0; at < PAGE; at += part) {
        part = PAGE - at < length ? PAGE - at : length;
        memcpy(page + at, text, part);
    }
}

static unsigned check_counting(unsigned char *counting, unsigned count,
                               uint64_t lap)
{
    unsigned n, bad = 0;
    uint64_t *word;

    for (n = 0; n < count; n++) {
        word = (uint64_t *)(counting + (size_t)n * PAGE);
        /* both ends of the page, so that half a page is noticed too */
        if (word[0] != lap + n || word[PAGE / 8 - 1] != ~(lap + n))
            bad++;
        word[0] = lap + n + 1;
        word[PAGE / 8 - 1] = ~(lap + n + 1);
    }
    return bad;
}

static void say(int port, const char *line)
{
    /* one byte a write: a longer one would go to the next ports */
    for (; *line; line++)
        if (pwrite(port, line, 1, 0xe9) != 1)
            return;
}

int main(void)
{
    const char *name, *marker;
    unsigned markers, counting, period, n, next = 0;
    unsigned char *fixed, *moving;
    char line[128], expected[PAGE];
    uint32_t id = 0;
    uint64_t count = 0, bad = 0, uptime;
    struct timespec now, pause;
    int port, fd;

    fd = open("/proc/cmdline", O_RDONLY);
    if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) <= 0)
        return 1;
    name = option("tick.name=", "guest");
    marker = option("tick.marker=", "none");
    markers = number("tick.markers=", "1024");
    counting = number("tick.counting=", "256");
    period = number("tick.period=", "50");
    port = open("/dev/port", O_WRONLY);
    if (port < 0)
        return 1;

    syscall(SYS_getrandom, &id, sizeof(id), 4 /* GRND_INSECURE */);
    fixed = pages(markers);
    for (n = 0; n < markers; n++)
        marker_page((char *)fixed + (size_t)n * PAGE, marker, n);
    moving = pages(counting);
    check_counting(moving, counting, (uint64_t)-1);

    pause.tv_sec = period / 1000;
    pause.tv_nsec = (long)(period % 1000) * 1000000;
    for (;;) {
        bad += check_counting(moving, counting, count);
        for (n = 0; markers && n < MARKERS_PER_TICK; n++) {
            marker_page(expected, marker, next);
            if (memcmp(expected, fixed + (size_t)next * PAGE, PAGE))
                bad++;
            next = (next + 1) % markers;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        uptime = (uint64_t)now.tv_sec * 1000 +
                 (uint64_t)now.tv_nsec / 1000000;
        snprintf(line, sizeof(line), "T %.20s %08x %llu %llu %llu\n", name,
                 id, (unsigned long long)count, (unsigned long long)uptime,
                 (unsigned long long)bad);
        say(port, line);
        count++;
        nanosleep(&pause, NULL);
    }
}
