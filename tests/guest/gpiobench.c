// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Uses and times GPIO lines from inside a guest, through the character device's v2 interface (linux/gpio.h). What it
 * finds is a JSON line.
 *
 *   gpiobench set CHIP LINE COUNT     alternating sets of an output: sets/s and ns per set
 *   gpiobench get CHIP LINE COUNT     the same of reads of an input
 *   gpiobench get CHIP LINE COUNT EDGES
 *                                     the same while the input is armed for both edges: reads begin after the first
 *                                     edge, and then it waits until there were as many edges, or no more come
 *   gpiobench edges CHIP LINE COUNT   waits for edges of an input; a line for each, then one with all in ns
 *   gpiobench count CHIP LINE         counts edges of an input until SIGTERM, and those that the kernel dropped
 *   gpiobench answer CHIP LINE COUNT OUTPUT
 *                                     gives an output the level of an input at each of its edges
 *   gpiobench keys INPUT CHIP OUTPUT  an output is high while a key of an input device is pressed, until SIGTERM;
 *                                     how many presses and releases there were
 *
 * Times are CLOCK_MONOTONIC, which is the clock of the kernel's edge timestamps.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Where no edge came for so long, there is none on its way. */
#define LAST_EDGE_MS 1000
#define BOTH_EDGES (GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING)

static void die(const char *what)
{
    fprintf(stderr, "gpiobench: cannot %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* Nearest rank of a sorted array. */
static uint64_t percentile(const uint64_t *sorted, uint32_t count, uint32_t percent)
{
    return sorted[((uint64_t)count * percent + 99) / 100 - 1];
}

static void *array(uint32_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        die("allocate memory");
    return memory;
}

static uint32_t number(const char *text, const char *what, uint32_t least)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 0);
    if (errno || end == text || *end || value < least || value > UINT32_MAX) {
        fprintf(stderr, "gpiobench: %s is no %s\n", text, what);
        exit(2);
    }
    return (uint32_t)value;
}

static int open_file(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);

    if (file < 0)
        die("open the device");
    return file;
}

static int request_line(const char *path, uint32_t offset, uint64_t flags)
{
    struct gpio_v2_line_request request = { .offsets = { offset }, .num_lines = 1 };
    int chip = open_file(path);

    strcpy(request.consumer, "gpiobench");
    request.config.flags = flags;
    /* Room for a burst while this program is not scheduled; the kernel takes no more than it allows. */
    if (flags & GPIO_V2_LINE_FLAG_INPUT)
        request.event_buffer_size = 1024;
    if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0)
        die("request the line");
    close(chip);
    return request.fd;
}

static void set_line(int line, uint64_t level)
{
    struct gpio_v2_line_values values = { .bits = level, .mask = 1 };

    if (ioctl(line, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0)
        die("set the line");
}

static uint64_t get_line(int line)
{
    struct gpio_v2_line_values values = { .mask = 1 };

    if (ioctl(line, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0)
        die("read the line");
    return values.bits;
}

static struct gpio_v2_line_event read_edge(int line)
{
    struct gpio_v2_line_event event;

    if (read(line, &event, sizeof(event)) != sizeof(event))
        die("read an edge");
    return event;
}

/* Whether there is another edge: two that are nearer than the guest's interrupt are one to most controllers. */
static int edge_comes(int line)
{
    struct pollfd edges = { .fd = line, .events = POLLIN };
    int found = poll(&edges, 1, LAST_EDGE_MS);

    if (found < 0)
        die("wait for an edge");
    return found;
}

static const char *edge_name(uint32_t id)
{
    return id == GPIO_V2_LINE_EVENT_RISING_EDGE ? "rising" : "falling";
}

static void say_ready(const char *mode)
{
    printf("{\"mode\":\"%s\",\"ready\":true}\n", mode);
    fflush(stdout);
}

/* Sorts the times, and ends the JSON line that has begun. */
static void print_times(uint64_t *took, uint32_t count)
{
    qsort(took, count, sizeof(*took), compare);
    printf("\"p50_ns\":%llu,\"p99_ns\":%llu,\"max_ns\":%llu}\n", (unsigned long long)percentile(took, count, 50),
           (unsigned long long)percentile(took, count, 99), (unsigned long long)took[count - 1]);
}

static void time_sets(int line, uint32_t count)
{
    uint64_t *took = array(count, sizeof(*took));
    uint64_t start = now_ns(), before = start, after = start;

    for (uint32_t i = 0; i < count; i++) {
        set_line(line, ~i & 1);
        after = now_ns();
        took[i] = after - before;
        before = after;
    }
    printf("{\"mode\":\"set\",\"count\":%u,\"per_second\":%.0f,", count, count * 1e9 / (double)(after - start));
    print_times(took, count);
}

static void time_gets(int line, uint32_t count, uint32_t edges)
{
    uint64_t *took = array(count, sizeof(*took)), start, before, after;
    struct gpio_v2_line_event edge = { 0 };
    uint32_t had = 0, among = 0;

    if (edges) {
        say_ready("get");
        edge = read_edge(line);
        had = 1;
    }
    start = before = after = now_ns();
    for (uint32_t i = 0; i < count; i++) {
        get_line(line);
        after = now_ns();
        took[i] = after - before;
        before = after;
    }
    for (; had < edges && edge_comes(line); had++) {
        edge = read_edge(line);
        among += edge.timestamp_ns < after;
    }
    printf("{\"mode\":\"get\",\"count\":%u,\"per_second\":%.0f,", count, count * 1e9 / (double)(after - start));
    printf("\"edges\":%u,\"among\":%u,\"lost\":%u,", had, among, edges - had);
    print_times(took, count);
}

static void time_edges(int line, uint32_t count)
{
    struct gpio_v2_line_event *events = array(count, sizeof(*events));
    uint64_t *read_at = array(count, sizeof(*read_at)), *took = array(count, sizeof(*took));

    say_ready("edges");
    /* Printed afterwards: the console is slower than the edges. */
    for (uint32_t i = 0; i < count; i++) {
        events[i] = read_edge(line);
        read_at[i] = now_ns();
        took[i] = read_at[i] - events[i].timestamp_ns;
    }
    for (uint32_t i = 0; i < count; i++)
        printf("{\"edge\":\"%s\",\"seqno\":%u,\"kernel_ns\":%llu,\"read_ns\":%llu}\n",
               edge_name(events[i].id), events[i].line_seqno,
               (unsigned long long)events[i].timestamp_ns, (unsigned long long)read_at[i]);
    printf("{\"mode\":\"edges\",\"count\":%u,\"lost\":%u,", count,
           events[count - 1].line_seqno - events[0].line_seqno + 1 - count);
    print_times(took, count);
}

static void ignore(int signal)
{
    (void)signal;
}

/* A read that waits fails at SIGTERM. */
static void say_ready_until_term(const char *mode)
{
    struct sigaction action = { .sa_handler = ignore };

    sigaction(SIGTERM, &action, NULL);
    say_ready(mode);
}

static void expect_end(void)
{
    if (errno != EINTR)
        die("wait for an event");
}

static void count_edges(int line)
{
    struct gpio_v2_line_event edge = { 0 };
    uint32_t had = 0;

    say_ready_until_term("count");
    while (read(line, &edge, sizeof(edge)) == sizeof(edge))
        had++;
    expect_end();
    printf("{\"mode\":\"count\",\"count\":%u,\"lost\":%u,\"last\":\"%s\"}\n", had, edge.line_seqno - had,
           edge_name(edge.id));
}

static void answer_edges(int line, uint32_t count, int output)
{
    say_ready("answer");
    while (count--)
        set_line(output, read_edge(line).id == GPIO_V2_LINE_EVENT_RISING_EDGE);
}

static void follow_keys(int input, int output)
{
    struct input_event event;
    uint32_t presses = 0, releases = 0;

    say_ready_until_term("keys");
    while (read(input, &event, sizeof(event)) == sizeof(event)) {
        if (event.type != EV_KEY)
            continue;
        if (event.value)
            presses++;
        else
            releases++;
        set_line(output, event.value != 0);
    }
    expect_end();
    printf("{\"mode\":\"keys\",\"presses\":%u,\"releases\":%u}\n", presses, releases);
}

static int usage(void)
{
    fputs("usage: gpiobench set|get|edges /dev/gpiochipN LINE COUNT\n"
          "       gpiobench get /dev/gpiochipN LINE COUNT EDGES\n"
          "       gpiobench count /dev/gpiochipN LINE\n"
          "       gpiobench answer /dev/gpiochipN LINE COUNT OUTPUT\n"
          "       gpiobench keys /dev/input/eventN /dev/gpiochipN OUTPUT\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    uint32_t offset, count, more;

    if (!strcmp(mode, "count") && argc == 4) {
        count_edges(request_line(argv[2], number(argv[3], "line offset", 0), BOTH_EDGES));
        return 0;
    }
    if (!strcmp(mode, "keys") && argc == 5) {
        follow_keys(open_file(argv[2]),
                    request_line(argv[3], number(argv[4], "line offset", 0), GPIO_V2_LINE_FLAG_OUTPUT));
        return 0;
    }
    if (argc != 5 && argc != 6)
        return usage();
    offset = number(argv[3], "line offset", 0);
    count = number(argv[4], "count", 1);
    more = argc == 6 ? number(argv[5], "number", 0) : 0;
    if (!strcmp(mode, "set") && argc == 5)
        time_sets(request_line(argv[2], offset, GPIO_V2_LINE_FLAG_OUTPUT), count);
    else if (!strcmp(mode, "get"))
        time_gets(request_line(argv[2], offset, more ? BOTH_EDGES : GPIO_V2_LINE_FLAG_INPUT), count, more);
    else if (!strcmp(mode, "edges") && argc == 5)
        time_edges(request_line(argv[2], offset, BOTH_EDGES), count);
    else if (!strcmp(mode, "answer") && argc == 6)
        answer_edges(request_line(argv[2], offset, BOTH_EDGES), count,
                     request_line(argv[2], more, GPIO_V2_LINE_FLAG_OUTPUT));
    else
        return usage();
    return 0;
}
