/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Uses libvgpio while its daemon is killed and started again, round after round. In each round lines are taken, set
 * and read by a client that lives on and by one that is made anew, and a guest's controller is saved and loaded.
 *
 *     soak CHIP,gpios=OUT:OTHER CHIP,gpios=LINE ROUNDS
 *
 * Says "round N" when the daemon may be killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vgpio.h"

enum { SETS = 100, PATIENCE_MS = 20000 };

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                               \
            exit(EXIT_FAILURE);                                                                   \
        }                                                                                         \
    } while (0)

struct state {
    bool attached;
    uint64_t synced;
};

static void on_connection(void *opaque, vgpio_client_state state, const char *reason, bool retry)
{
    (void)retry;
    ((struct state *)opaque)->attached = state == VGPIO_CLIENT_STATE_ATTACHED;
    CHECK(reason == NULL || strlen(reason) > 0);
}

static void on_synced(void *opaque, uint64_t token)
{
    ((struct state *)opaque)->synced = token;
}

static vgpio_client *make(const char *map, struct state *state)
{
    vgpio_client_options options = { .size = sizeof options, .line_map = map, .name = "soak", .reconnect_ms = 1 };
    vgpio_client_callbacks callbacks = {
        .size = sizeof callbacks,
        .opaque = state,
        .connection = on_connection,
        .synced = on_synced,
    };
    vgpio_client *client = NULL;
    char why[256];

    CHECK(vgpio_client_new(&options, &callbacks, &client, why, sizeof why) == 0);
    return client;
}

static void wait_until(vgpio_client *client, const struct state *state, bool attached)
{
    while (state->attached != attached) {
        CHECK(vgpio_client_wait(client, PATIENCE_MS) > 0);
    }
}

/* Sets the first line, and has the daemon say that it has carried it out. */
static void use(vgpio_client *client)
{
    vgpio_line_info info = { .size = sizeof info };

    CHECK(vgpio_client_line_info(client, 0, &info) == 0 && strlen(info.chip) > 0);
    CHECK(vgpio_client_configure_directions(client, 1, 1, 0) == 1);
    for (int i = 0; i < SETS; i++) {
        vgpio_client_set(client, 1, (uint64_t)i & 1);
    }
    CHECK(vgpio_client_sync_wait(client, PATIENCE_MS) == 0);
    CHECK((vgpio_client_levels(client) & 1) == 1 && vgpio_client_outputs(client) == 1);
}

/* What does not live on: a client, a line map that is wrong, a controller that is saved and loaded. */
static void pass(const char *map)
{
    struct state state = { 0 };
    vgpio_client *client = make(map, &state);
    vgpio_client *wrong = NULL;
    vgpio_client_options options = { .size = sizeof options, .line_map = "chip,gpios=" };
    char why[256] = "";
    uint8_t saved[VGPIO_PL061_STATE_SIZE];
    vgpio_pl061 *pl061 = vgpio_pl061_new();

    CHECK(vgpio_client_connect_wait(client, PATIENCE_MS) == 0);
    use(client);
    vgpio_client_free(client);
    CHECK(vgpio_client_new(&options, NULL, &wrong, why, sizeof why) == -EINVAL && strlen(why) > 0);
    CHECK(vgpio_pl061_write(pl061, 0x400, 4, 0xff, NULL) == 0);
    CHECK(vgpio_pl061_save(pl061, saved, sizeof saved) == 0);
    CHECK(vgpio_pl061_load(pl061, saved, sizeof saved, NULL) == 0);
    vgpio_pl061_free(pl061);
}

int main(int argc, char **argv)
{
    struct state state = { 0 };

    if (argc != 4) {
        fprintf(stderr, "usage: %s MAP MAP ROUNDS\n", argv[0]);
        return 2;
    }
    vgpio_client *client = make(argv[1], &state);
    vgpio_client_connect(client);
    for (long round = 1; round <= strtol(argv[3], NULL, 10); round++) {
        wait_until(client, &state, true);
        use(client);
        pass(argv[2]);
        printf("round %ld\n", round);
        fflush(stdout);
        wait_until(client, &state, false);
    }
    vgpio_client_counters counters = { .size = sizeof counters };
    CHECK(vgpio_client_get_counters(client, &counters) == 0);
    CHECK(counters.errors == 0 && counters.reconnects + 1 == (uint64_t)strtol(argv[3], NULL, 10));
    vgpio_client_free(client);
    return EXIT_SUCCESS;
}
