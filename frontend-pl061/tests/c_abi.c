/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Calls every function of vgpio.h, right and wrong, against the backend at VGPIO_SOCKET.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "vgpio.h"

static struct {
    vgpio_client *client;
    int attached, detached, edges, levels, errors, lost, restored, synced;
} seen;

static void on_connection(void *opaque, vgpio_client_state state, const char *reason, bool retry)
{
    CHECK(opaque == &seen);
    if (state == VGPIO_CLIENT_STATE_ATTACHED) {
        CHECK(reason == NULL && !retry);
        seen.attached++;
    } else {
        CHECK(reason != NULL);
        seen.detached++;
    }
}

static void on_edge(void *opaque, uint32_t line, bool active, uint64_t timestamp_ns, uint32_t seqno)
{
    CHECK(opaque == &seen && line == 1 && active && timestamp_ns == 5 && seqno == 1);
    /* A callback may use its client, but not process within processing. */
    CHECK(vgpio_client_levels(seen.client) == 2);
    CHECK(vgpio_client_set(seen.client, 1, 1) == 1);
    CHECK(vgpio_client_process(seen.client) == -EBUSY);
    seen.edges++;
}

static void on_levels(void *opaque, uint64_t changed, uint64_t levels)
{
    CHECK(opaque == &seen && changed == 2 && levels == 0);
    seen.levels++;
}

static void on_lost(void *opaque, uint64_t lines, const char *reason)
{
    CHECK(opaque == &seen && lines == 2);
    if (reason != NULL) {
        CHECK(strcmp(reason, "removed") == 0);
        seen.lost++;
    } else {
        seen.restored++;
    }
}

static void on_synced(void *opaque, uint64_t token)
{
    CHECK(opaque == &seen && token != 0);
    seen.synced++;
}

static void on_error(void *opaque, const vgpio_client_error *error)
{
    CHECK(opaque == &seen && error->code == 25 && error->lines == 1);
    CHECK(strcmp(error->text, "line 0 is an input") == 0);
    seen.errors++;
}

static void free_in_callback(void *opaque, vgpio_client_state state, const char *reason, bool retry)
{
    (void)state, (void)reason, (void)retry;
    vgpio_client_free(*(vgpio_client **)opaque);
}

static void check_arguments(void)
{
    vgpio_client_options options = { .size = sizeof options, .export_name = "test" };
    vgpio_client_callbacks callbacks = { .size = sizeof callbacks };
    vgpio_client *client = NULL;
    char why[64];

    CHECK(vgpio_client_new(NULL, NULL, &client, why, sizeof why) == -EINVAL);
    CHECK(vgpio_client_new(&options, NULL, NULL, why, sizeof why) == -EINVAL);
    CHECK(strcmp(why, "client is NULL") == 0);
    options.size = sizeof options + 1;
    CHECK(vgpio_client_new(&options, NULL, &client, NULL, 0) == -E2BIG);
    options.size = 1;
    CHECK(vgpio_client_new(&options, NULL, &client, NULL, 0) == -EINVAL);
    options.size = sizeof options;
    callbacks.size = 1000;
    CHECK(vgpio_client_new(&options, &callbacks, &client, NULL, 0) == -E2BIG);
    options.line_map = "chip,vgpios=0";
    CHECK(vgpio_client_new(&options, NULL, &client, why, sizeof why) == -EINVAL);
    CHECK(strstr(why, "not both") != NULL);
    options.export_name = NULL;
    options.line_map = "chip,vgpios=0:one";
    CHECK(vgpio_client_new(&options, NULL, &client, why, 24) == -EINVAL);
    CHECK(strcmp(why, "the line map is wrong: ") == 0);
    options.line_map = "\xff";
    CHECK(vgpio_client_new(&options, NULL, &client, why, sizeof why) == -EINVAL);
    CHECK(client == NULL);

    CHECK(vgpio_client_connect(NULL) == -EINVAL);
    CHECK(vgpio_client_disconnect(NULL) == -EINVAL);
    CHECK(vgpio_client_fd(NULL) == -EINVAL);
    CHECK(!vgpio_client_wants_write(NULL));
    CHECK(vgpio_client_timeout_ns(NULL) == -1);
    CHECK(vgpio_client_process(NULL) == -EINVAL);
    CHECK(vgpio_client_wait(NULL, 0) == -EINVAL);
    CHECK(vgpio_client_set(NULL, 1, 1) == -EINVAL);
    CHECK(vgpio_client_configure_directions(NULL, 1, 1, 1) == -EINVAL);
    CHECK(vgpio_client_cork(NULL) == -EINVAL);
    CHECK(vgpio_client_uncork(NULL) == -EINVAL);
    CHECK(vgpio_client_sync(NULL) == 0);
    CHECK(vgpio_client_sync_wait(NULL, 0) == -EINVAL);
    CHECK(vgpio_client_levels(NULL) == 0);
    CHECK(vgpio_client_line_count(NULL) == -EINVAL);
    CHECK(vgpio_client_line_info(NULL, 0, NULL) == -EINVAL);
    CHECK(vgpio_client_line_of_vgpio(NULL, 0) == -EINVAL);
    CHECK(vgpio_client_vgpio_of_line(NULL, 0) == -EINVAL);
    CHECK(vgpio_client_connect_wait(NULL, 0) == -EINVAL);
    CHECK(vgpio_client_configure(NULL, NULL) == -EINVAL);
    CHECK(vgpio_client_query_levels(NULL, 1) == -EINVAL);
    CHECK(vgpio_client_outputs(NULL) == 0 && vgpio_client_lost(NULL) == 0);
    CHECK(vgpio_client_socket(NULL) == NULL);
    CHECK(vgpio_client_get_counters(NULL, NULL) == -EINVAL);
    CHECK(vgpio_client_get_state(NULL) == VGPIO_CLIENT_STATE_DISCONNECTED);
    CHECK(vgpio_client_last_error(NULL, NULL) == -EINVAL);
    vgpio_client_free(NULL);
}

static void check_without_a_daemon(void)
{
    vgpio_client_options options = {
        .size = sizeof options,
        .socket = "/nonexistent/vgpio",
        .line_map = "chip,vgpios=3:4,gpios=11:12",
        .reconnect_ms = -1,
    };
    vgpio_client *client;
    const char *text;

    CHECK(vgpio_client_new(&options, NULL, &client, NULL, 0) == 0);
    CHECK(vgpio_client_line_count(client) == 2);
    CHECK(vgpio_client_line_of_vgpio(client, 4) == 1);
    CHECK(vgpio_client_line_of_vgpio(client, 0) == -ENOENT);
    CHECK(vgpio_client_vgpio_of_line(client, 1) == 4);
    CHECK(vgpio_client_vgpio_of_line(client, 2) == -ENOENT);
    CHECK(strcmp(vgpio_client_socket(client), "/nonexistent/vgpio") == 0);
    CHECK(vgpio_client_last_error(client, &text) == 0 && *text == '\0');
    CHECK(vgpio_client_connect_wait(client, PATIENCE_MS) == -ENOENT);
    CHECK(vgpio_client_last_error(client, &text) == -ENOENT);
    CHECK(strstr(text, "/nonexistent/vgpio") != NULL);
    CHECK(vgpio_client_fd(client) == -ENOTCONN);
    CHECK(vgpio_client_timeout_ns(client) == -1);
    CHECK(vgpio_client_set(client, 1, 1) == 0);
    CHECK(vgpio_client_query_levels(client, 1) == -ENOTCONN);
    CHECK(vgpio_client_process(client) == 0);
    CHECK(vgpio_client_wait(client, -1) == 0);
    CHECK(vgpio_client_sync_wait(client, -1) == -ENOTCONN);
    vgpio_client_free(client);

    options.reconnect_ms = 60000;
    CHECK(vgpio_client_new(&options, NULL, &client, NULL, 0) == 0);
    CHECK(vgpio_client_connect(client) == -ENOENT);
    CHECK(vgpio_client_timeout_ns(client) > 0);
    CHECK(vgpio_client_sync_wait(client, 0) == -ETIMEDOUT);
    vgpio_client_free(client);
}

static void check_lines(vgpio_client *client)
{
    struct {
        vgpio_line_info info;
        char behind[8];
    } line;
    vgpio_line_info small = { .size = offsetof(vgpio_line_info, flags), .flags = 77 };

    memset(&line, 0x55, sizeof line);
    line.info.size = sizeof line;
    CHECK(vgpio_client_line_count(client) == 2);
    CHECK(vgpio_client_line_info(client, 1, &line.info) == 0);
    CHECK(line.info.size == sizeof line && line.behind[0] == 0x55);
    CHECK(line.info.vgpio == 1 && line.info.offset == 101 && line.info.edges == 3);
    CHECK(strcmp(line.info.chip, "e6055400.gpio") == 0 && strcmp(line.info.name, "LED") == 0);
    CHECK(vgpio_client_line_info(client, 0, &small) == 0);
    CHECK(small.offset == 100 && small.flags == 77);
    CHECK(vgpio_client_line_info(client, 2, &small) == -ENOENT);
    CHECK(vgpio_client_line_info(client, 0, NULL) == -EINVAL);
}

/* The other side of this is in c_abi.rs. */
static void check_conversation(void)
{
    vgpio_client_options options = { .size = sizeof options, .export_name = "test", .name = "c" };
    vgpio_client_callbacks callbacks = {
        .size = sizeof callbacks,
        .opaque = &seen,
        .edge = on_edge,
        .levels = on_levels,
        .connection = on_connection,
        .lost = on_lost,
        .synced = on_synced,
        .error = on_error,
    };
    vgpio_client_counters counters = { .size = sizeof counters };
    vgpio_client *client;

    CHECK(vgpio_client_new(&options, &callbacks, &client, NULL, 0) == 0);
    seen.client = client;
    CHECK(vgpio_client_line_count(client) == 0);
    CHECK(vgpio_client_connect(client) == 0);
    CHECK(vgpio_client_get_state(client) == VGPIO_CLIENT_STATE_CONNECTING);
    CHECK(vgpio_client_timeout_ns(client) > 0);
    while (!seen.attached) {
        CHECK(vgpio_client_wait(client, PATIENCE_MS) > 0);
    }
    CHECK(vgpio_client_get_state(client) == VGPIO_CLIENT_STATE_ATTACHED);
    CHECK(vgpio_client_fd(client) >= 0);
    CHECK(vgpio_client_timeout_ns(client) == -1);
    check_lines(client);

    CHECK(vgpio_client_cork(client) == 0);
    CHECK(vgpio_client_set(client, 1, 1) == 1);
    CHECK(vgpio_client_wants_write(client));
    CHECK(vgpio_client_uncork(client) == 0);
    CHECK(!vgpio_client_wants_write(client));
    CHECK(vgpio_client_sync_wait(client, PATIENCE_MS) == 0);
    CHECK(seen.errors == 1 && seen.synced == 1);
    CHECK(vgpio_client_configure_directions(client, 1, 1, 0) == 1);
    CHECK(vgpio_client_sync(client) != 0);
    while (!seen.restored) {
        CHECK(vgpio_client_wait(client, PATIENCE_MS) > 0);
    }
    CHECK(seen.synced == 2 && seen.edges == 1 && seen.levels == 1 && seen.lost == 1);
    CHECK(vgpio_client_levels(client) == 1);
    CHECK(vgpio_client_get_counters(client, &counters) == 0);
    CHECK(counters.sent == 3 && counters.edges == 1 && counters.errors == 1);
    CHECK(counters.coalesced == 0 && counters.reconnects == 0);
    CHECK(vgpio_client_disconnect(client) == 0);
    CHECK(vgpio_client_get_state(client) == VGPIO_CLIENT_STATE_DISCONNECTED);
    vgpio_client_free(client);
}

static void check_free_in_callback(void)
{
    vgpio_client_options options = { .size = sizeof options, .export_name = "test" };
    vgpio_client *client;
    vgpio_client_callbacks callbacks = {
        .size = sizeof callbacks,
        .opaque = &client,
        .connection = free_in_callback,
    };

    CHECK(vgpio_client_new(&options, &callbacks, &client, NULL, 0) == 0);
    CHECK(vgpio_client_connect(client) == 0);
    CHECK(vgpio_client_wait(client, PATIENCE_MS) == -ECANCELED);
}

static void check_pl061(void)
{
    vgpio_pl061 *pl061 = vgpio_pl061_new(), *other = vgpio_pl061_new();
    vgpio_pl061_effects effects;
    uint8_t state[VGPIO_PL061_STATE_SIZE];
    uint32_t value;

    CHECK(vgpio_pl061_write(pl061, 0x400, 4, 0x03, &effects) == 0);
    CHECK(effects.direction_mask == 3 && effects.direction_outputs == 3);
    CHECK(effects.direction_bits == 0 && !effects.irq_changed && !effects.guest_error);
    CHECK(vgpio_pl061_write(pl061, 0x004, 4, 0x01, &effects) == 0);
    CHECK(effects.output_mask == 1 && effects.output_bits == 1);
    CHECK(vgpio_pl061_write(pl061, 0x408, 1, 0x80, NULL) == 0);
    CHECK(vgpio_pl061_write(pl061, 0x410, 1, 0x80, NULL) == 0);
    CHECK(vgpio_pl061_irq(pl061) == 0);
    CHECK(vgpio_pl061_set_inputs(pl061, 0x80, 0x80, &effects) == 0);
    CHECK(effects.irq_changed && effects.irq && vgpio_pl061_irq(pl061) == 1);
    CHECK(vgpio_pl061_read(pl061, 0x3fc, 4, &value, NULL) == 0 && value == 0x81);
    CHECK(vgpio_pl061_read(pl061, 0x001, 4, &value, &effects) == 0);
    CHECK(value == 0 && effects.guest_error);

    CHECK(vgpio_pl061_save(pl061, state, sizeof state - 1) == -EINVAL);
    CHECK(vgpio_pl061_save(pl061, state, sizeof state) == 0);
    CHECK(vgpio_pl061_load(other, state, sizeof state - 1, NULL) == -EINVAL);
    CHECK(vgpio_pl061_load(other, state, sizeof state, &effects) == 0);
    CHECK(effects.irq_changed && effects.direction_outputs == 3 && effects.direction_bits == 1);
    state[0] = 'X';
    CHECK(vgpio_pl061_load(other, state, sizeof state, NULL) == -EINVAL);
    CHECK(vgpio_pl061_reset(other, &effects) == 0);
    CHECK(effects.direction_mask == 3 && effects.direction_outputs == 0 && !effects.irq);

    CHECK(vgpio_pl061_reset(NULL, NULL) == -EINVAL);
    CHECK(vgpio_pl061_read(NULL, 0, 4, &value, NULL) == -EINVAL);
    CHECK(vgpio_pl061_read(pl061, 0, 4, NULL, NULL) == -EINVAL);
    CHECK(vgpio_pl061_write(NULL, 0, 4, 0, NULL) == -EINVAL);
    CHECK(vgpio_pl061_set_inputs(NULL, 0, 0, NULL) == -EINVAL);
    CHECK(vgpio_pl061_irq(NULL) == -EINVAL);
    CHECK(vgpio_pl061_save(NULL, state, sizeof state) == -EINVAL);
    CHECK(vgpio_pl061_save(pl061, NULL, sizeof state) == -EINVAL);
    CHECK(vgpio_pl061_load(pl061, NULL, sizeof state, NULL) == -EINVAL);
    vgpio_pl061_free(pl061);
    vgpio_pl061_free(other);
    vgpio_pl061_free(NULL);
}

int main(void)
{
    char version[32];

    snprintf(version, sizeof version, "%d.%d.%d", VGPIO_VERSION_MAJOR, VGPIO_VERSION_MINOR,
             VGPIO_VERSION_PATCH);
    CHECK(strcmp(vgpio_version(), version) == 0);
    check_arguments();
    check_without_a_daemon();
    check_pl061();
    check_conversation();
    check_free_in_callback();
    return 0;
}
