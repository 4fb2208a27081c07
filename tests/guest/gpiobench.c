// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Times one GPIO line through the character device's v2 interface (linux/gpio.h), from inside a guest.
 *
 *   gpiobench set CHIP LINE COUNT     alternating sets of an output; one JSON line with sets/s and ns per set
 *   gpiobench edges CHIP LINE COUNT   waits for edges of an input; a JSON line for each, then one with all in ns
 *   gpiobench answer CHIP LINE COUNT OUTPUT
 *                                     gives an output the level of an input at each of its edges
 *
 * Times are CLOCK_MONOTONIC, which is the clock of the kernel's edge timestamps.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

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

static int request_line(const char *path, uint32_t offset, uint64_t flags)
{
    struct gpio_v2_line_request request = { .offsets = { offset }, .num_lines = 1 };
    int chip = open(path, O_RDWR | O_CLOEXEC);

    if (chip < 0)
        die("open the chip");
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

static struct gpio_v2_line_event read_edge(int line)
{
    struct gpio_v2_line_event event;

    if (read(line, &event, sizeof(event)) != sizeof(event))
        die("read an edge");
    return event;
}

static void say_ready(const char *mode)
{
    printf("{\"mode\":\"%s\",\"ready\":true}\n", mode);
    fflush(stdout);
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
    qsort(took, count, sizeof(*took), compare);
    printf("{\"mode\":\"set\",\"count\":%u,\"per_second\":%.0f,\"p50_ns\":%llu,\"p99_ns\":%llu,\"max_ns\":%llu}\n",
           count, count * 1e9 / (double)(after - start),
           (unsigned long long)percentile(took, count, 50),
           (unsigned long long)percentile(took, count, 99), (unsigned long long)took[count - 1]);
}

static void time_edges(int line, uint32_t count)
{
    struct gpio_v2_line_event *events = array(count, sizeof(*events));
    uint64_t *read_at = array(count, sizeof(*read_at)), *took = array(count, sizeof(*took));
    uint32_t lost;

    say_ready("edges");
    /* Printed afterwards: the console is slower than the edges. */
    for (uint32_t i = 0; i < count; i++) {
        events[i] = read_edge(line);
        read_at[i] = now_ns();
        took[i] = read_at[i] - events[i].timestamp_ns;
    }
    for (uint32_t i = 0; i < count; i++)
        printf("{\"edge\":\"%s\",\"seqno\":%u,\"kernel_ns\":%llu,\"read_ns\":%llu}\n",
               events[i].id == GPIO_V2_LINE_EVENT_RISING_EDGE ? "rising" : "falling", events[i].line_seqno,
               (unsigned long long)events[i].timestamp_ns, (unsigned long long)read_at[i]);
    lost = events[count - 1].line_seqno - events[0].line_seqno + 1 - count;
    qsort(took, count, sizeof(*took), compare);
    printf("{\"mode\":\"edges\",\"count\":%u,\"lost\":%u,\"p50_ns\":%llu,\"p99_ns\":%llu,\"max_ns\":%llu}\n", count,
           lost, (unsigned long long)percentile(took, count, 50),
           (unsigned long long)percentile(took, count, 99), (unsigned long long)took[count - 1]);
}

static void answer_edges(int line, uint32_t count, int output)
{
    say_ready("answer");
    while (count--)
        set_line(output, read_edge(line).id == GPIO_V2_LINE_EVENT_RISING_EDGE);
}

static int usage(void)
{
    fputs("usage: gpiobench set|edges /dev/gpiochipN LINE COUNT\n"
          "       gpiobench answer /dev/gpiochipN LINE COUNT OUTPUT\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const uint64_t input = GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING;
    const char *mode = argc > 1 ? argv[1] : "";
    uint32_t offset, count;

    if (argc != (strcmp(mode, "answer") ? 5 : 6))
        return usage();
    offset = number(argv[3], "line offset", 0);
    count = number(argv[4], "count", 1);
    if (!strcmp(mode, "set"))
        time_sets(request_line(argv[2], offset, GPIO_V2_LINE_FLAG_OUTPUT), count);
    else if (!strcmp(mode, "edges"))
        time_edges(request_line(argv[2], offset, input), count);
    else if (!strcmp(mode, "answer"))
        answer_edges(request_line(argv[2], offset, input), count,
                     request_line(argv[2], number(argv[5], "line offset", 0), GPIO_V2_LINE_FLAG_OUTPUT));
    else
        return usage();
    return 0;
}
