/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Blinks the first line of a line map, then waits for an edge of the second, a button.
 *
 *     cc -o blink blink.c $(pkg-config --cflags --libs vgpio)
 *     ./blink e6055400.gpio,vgpios=0:1,gpios=11:12 3
 *
 * The daemon may be started later: the program waits for it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vgpio.h"

enum { LED = 0, BUTTON = 1, PATIENCE_MS = 10000 };

struct program {
    vgpio_client *client;
    bool attached;
    bool pressed;
    int errors;
};

static void on_connection(void *opaque, vgpio_client_state state, const char *reason, bool retry)
{
    struct program *program = opaque;

    program->attached = state == VGPIO_CLIENT_STATE_ATTACHED;
    if (program->attached) {
        vgpio_line_info led = { .size = sizeof led };

        vgpio_client_line_info(program->client, LED, &led);
        printf("attached: LED is line %" PRIu32 " of %s\n", led.offset, led.chip);
    } else {
        printf("no lines: %s%s\n", reason, retry ? " (will try again)" : "");
    }
}

static void on_edge(void *opaque, uint32_t line, bool active, uint64_t timestamp_ns, uint32_t seqno)
{
    struct program *program = opaque;

    printf("line %" PRIu32 " is %d: edge %" PRIu32 " at %" PRIu64 " ns\n", line, active, seqno,
           timestamp_ns);
    program->pressed |= line == BUTTON;
}

static void on_error(void *opaque, const vgpio_client_error *error)
{
    struct program *program = opaque;

    printf("error %u: %s\n", error->code, error->text);
    program->errors++;
}

/* Says why the lines are not there. */
static int fail(const vgpio_client *client, const char *doing)
{
    const char *text = "";

    vgpio_client_last_error(client, &text);
    fprintf(stderr, "%s: %s\n", doing, text);
    return EXIT_FAILURE;
}

static int blink(struct program *program, long times)
{
    vgpio_client *client = program->client;
    const uint64_t led = UINT64_C(1) << LED;

    while (!program->attached) {
        if (vgpio_client_wait(client, PATIENCE_MS) <= 0) {
            return fail(client, "waiting for the daemon");
        }
    }
    vgpio_client_configure_directions(client, led, led, 0);
    for (long i = 0; i < times; i++) {
        vgpio_client_set(client, led, led);
        vgpio_client_set(client, led, 0);
        if (vgpio_client_sync_wait(client, PATIENCE_MS) < 0) {
            return fail(client, "blinking");
        }
        printf("blink %ld\n", i + 1);
    }
    puts("press the button");
    while (!program->pressed) {
        if (vgpio_client_wait(client, PATIENCE_MS) <= 0) {
            return fail(client, "waiting for the button");
        }
    }
    return program->errors == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct program program = { 0 };
    vgpio_client_options options = { .size = sizeof options, .name = "blink" };
    vgpio_client_callbacks callbacks = {
        .size = sizeof callbacks,
        .opaque = &program,
        .connection = on_connection,
        .edge = on_edge,
        .error = on_error,
    };
    char why[512];

    if (argc != 3) {
        fprintf(stderr, "usage: %s CHIP,gpios=LED:BUTTON TIMES\n", argv[0]);
        return 2;
    }
    options.line_map = argv[1];
    if (vgpio_client_new(&options, &callbacks, &program.client, why, sizeof why) < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], why);
        return 2;
    }
    if (vgpio_client_connect(program.client) < 0) {
        fail(program.client, "no daemon yet");
    }
    int status = blink(&program, strtol(argv[2], NULL, 10));
    vgpio_client_free(program.client);
    return status;
}
