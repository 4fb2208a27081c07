// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A stand-in for libgpiod 2, of chips that are nothing but memory: each has 32 lines, inputs without names, which
 * never change by themselves. The peer of the benchmark, which has no mock device, is started with it in place of the
 * real one, and so has a chip on a host without any. It costs no system call, but where one waits for an edge.
 *
 * It has the functions that vhost-device-gpio calls, no more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <gpiod.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

enum { LINES = 32 };

struct gpiod_chip {
    enum gpiod_line_direction directions[LINES];
    enum gpiod_line_value values[LINES];
};

struct gpiod_chip_info {
    size_t lines;
};

struct gpiod_line_info {
    enum gpiod_line_direction direction;
};

struct gpiod_line_settings {
    enum gpiod_line_direction direction;
    enum gpiod_line_value value;
};

/* Of one line, for that is what is asked for. */
struct gpiod_line_config {
    unsigned int offset;
    struct gpiod_line_settings settings;
};

struct gpiod_request_config {
    char nothing;
};

struct gpiod_line_request {
    struct gpiod_chip *chip;
};

struct gpiod_edge_event_buffer {
    size_t capacity;
};

static bool is_line(unsigned int offset)
{
    if (offset < LINES)
        return true;
    errno = EINVAL;
    return false;
}

struct gpiod_chip *gpiod_chip_open(const char *path)
{
    struct gpiod_chip *chip = calloc(1, sizeof(*chip));

    (void)path;
    for (unsigned int i = 0; chip && i < LINES; i++)
        chip->directions[i] = GPIOD_LINE_DIRECTION_INPUT;
    return chip;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
    free(chip);
}

struct gpiod_chip_info *gpiod_chip_get_info(struct gpiod_chip *chip)
{
    struct gpiod_chip_info *info = calloc(1, sizeof(*info));

    (void)chip;
    if (info)
        info->lines = LINES;
    return info;
}

size_t gpiod_chip_info_get_num_lines(struct gpiod_chip_info *info)
{
    return info->lines;
}

void gpiod_chip_info_free(struct gpiod_chip_info *info)
{
    free(info);
}

struct gpiod_line_info *gpiod_chip_get_line_info(struct gpiod_chip *chip, unsigned int offset)
{
    struct gpiod_line_info *info = is_line(offset) ? calloc(1, sizeof(*info)) : NULL;

    if (info)
        info->direction = chip->directions[offset];
    return info;
}

const char *gpiod_line_info_get_name(struct gpiod_line_info *info)
{
    (void)info;
    return NULL;
}

enum gpiod_line_direction gpiod_line_info_get_direction(struct gpiod_line_info *info)
{
    return info->direction;
}

void gpiod_line_info_free(struct gpiod_line_info *info)
{
    free(info);
}

struct gpiod_line_settings *gpiod_line_settings_new(void)
{
    return calloc(1, sizeof(struct gpiod_line_settings));
}

void gpiod_line_settings_free(struct gpiod_line_settings *settings)
{
    free(settings);
}

int gpiod_line_settings_set_direction(struct gpiod_line_settings *settings, enum gpiod_line_direction direction)
{
    settings->direction = direction;
    return 0;
}

int gpiod_line_settings_set_output_value(struct gpiod_line_settings *settings, enum gpiod_line_value value)
{
    settings->value = value;
    return 0;
}

int gpiod_line_settings_set_edge_detection(struct gpiod_line_settings *settings, enum gpiod_line_edge edge)
{
    (void)edge;
    settings->direction = GPIOD_LINE_DIRECTION_INPUT;
    return 0;
}

struct gpiod_line_config *gpiod_line_config_new(void)
{
    return calloc(1, sizeof(struct gpiod_line_config));
}

void gpiod_line_config_free(struct gpiod_line_config *config)
{
    free(config);
}

int gpiod_line_config_add_line_settings(struct gpiod_line_config *config, const unsigned int *offsets,
                                        size_t num_offsets, struct gpiod_line_settings *settings)
{
    if (num_offsets != 1 || !is_line(offsets[0])) {
        errno = EINVAL;
        return -1;
    }
    config->offset = offsets[0];
    config->settings = *settings;
    return 0;
}

struct gpiod_request_config *gpiod_request_config_new(void)
{
    return calloc(1, sizeof(struct gpiod_request_config));
}

void gpiod_request_config_free(struct gpiod_request_config *config)
{
    free(config);
}

void gpiod_request_config_set_consumer(struct gpiod_request_config *config, const char *consumer)
{
    (void)config;
    (void)consumer;
}

int gpiod_line_request_reconfigure_lines(struct gpiod_line_request *request, struct gpiod_line_config *config)
{
    struct gpiod_chip *chip = request->chip;

    chip->directions[config->offset] = config->settings.direction;
    if (config->settings.direction == GPIOD_LINE_DIRECTION_OUTPUT)
        chip->values[config->offset] = config->settings.value;
    return 0;
}

struct gpiod_line_request *gpiod_chip_request_lines(struct gpiod_chip *chip, struct gpiod_request_config *request_config,
                                                    struct gpiod_line_config *config)
{
    struct gpiod_line_request *request = calloc(1, sizeof(*request));

    (void)request_config;
    if (request) {
        request->chip = chip;
        gpiod_line_request_reconfigure_lines(request, config);
    }
    return request;
}

void gpiod_line_request_release(struct gpiod_line_request *request)
{
    free(request);
}

enum gpiod_line_value gpiod_line_request_get_value(struct gpiod_line_request *request, unsigned int offset)
{
    return is_line(offset) ? request->chip->values[offset] : GPIOD_LINE_VALUE_ERROR;
}

int gpiod_line_request_set_value(struct gpiod_line_request *request, unsigned int offset, enum gpiod_line_value value)
{
    if (!is_line(offset))
        return -1;
    request->chip->values[offset] = value;
    return 0;
}

/* As the real one waits, for an edge that never comes. */
int gpiod_line_request_wait_edge_events(struct gpiod_line_request *request, int64_t timeout_ns)
{
    struct timespec timeout = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };

    (void)request;
    return ppoll(NULL, 0, timeout_ns < 0 ? NULL : &timeout, NULL);
}

struct gpiod_edge_event_buffer *gpiod_edge_event_buffer_new(size_t capacity)
{
    struct gpiod_edge_event_buffer *buffer = calloc(1, sizeof(*buffer));

    if (buffer)
        buffer->capacity = capacity;
    return buffer;
}

size_t gpiod_edge_event_buffer_get_capacity(struct gpiod_edge_event_buffer *buffer)
{
    return buffer->capacity;
}

void gpiod_edge_event_buffer_free(struct gpiod_edge_event_buffer *buffer)
{
    free(buffer);
}

int gpiod_line_request_read_edge_events(struct gpiod_line_request *request, struct gpiod_edge_event_buffer *buffer,
                                        size_t max_events)
{
    (void)request;
    (void)buffer;
    (void)max_events;
    errno = EAGAIN;
    return -1;
}
