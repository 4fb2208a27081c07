/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Starts up as a virtual machine does: refused, left without an answer, attached, configured. The
 * backend at VGPIO_SOCKET is in c_abi.rs.
 */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "vgpio.h"

static void on_error(void *opaque, const vgpio_client_error *error)
{
    (void)error;
    ++*(int *)opaque;
}

static void check_settings(vgpio_client *client)
{
    vgpio_line_config config = { .size = sizeof config, .mask = 2, .bias = VGPIO_BIAS_PULL_UP };
    vgpio_line_info info = { .size = sizeof info };

    config.fields = VGPIO_CONFIG_BIAS | VGPIO_CONFIG_DRIVE;
    CHECK(vgpio_client_configure(client, &config) == -EINVAL);
    config.fields = 64;
    CHECK(vgpio_client_configure(client, &config) == -EINVAL);
    config.fields = VGPIO_CONFIG_ACTIVE_LOW;
    config.active_low = 2;
    CHECK(vgpio_client_configure(client, &config) == -EINVAL);
    config.size = sizeof config + 1;
    CHECK(vgpio_client_configure(client, &config) == -E2BIG);

    config = (vgpio_line_config) {
        .size = sizeof config,
        .mask = 3,
        .outputs = 1,
        .bits = 1,
        .fields = VGPIO_CONFIG_DIRECTION | VGPIO_CONFIG_BIAS | VGPIO_CONFIG_DRIVE |
                  VGPIO_CONFIG_ACTIVE_LOW | VGPIO_CONFIG_EDGES | VGPIO_CONFIG_DEBOUNCE,
        .debounce_us = 500,
        .bias = VGPIO_BIAS_PULL_UP,
        .drive = VGPIO_DRIVE_OPEN_DRAIN,
        .edges = VGPIO_EDGES_RISING,
        .active_low = 1,
    };
    CHECK(vgpio_client_configure(client, &config) == 1);
    CHECK(vgpio_client_outputs(client) == 1 && vgpio_client_levels(client) == 3);
    CHECK(vgpio_client_line_info(client, 0, &info) == 0);
    CHECK(info.flags == (VGPIO_LINE_OUTPUT | VGPIO_LINE_ACTIVE_LOW) && info.debounce_us == 500);
    CHECK(info.bias == VGPIO_BIAS_PULL_UP && info.drive == VGPIO_DRIVE_OPEN_DRAIN);
    CHECK(vgpio_client_line_info(client, 1, &info) == 0);
    CHECK(info.flags == VGPIO_LINE_ACTIVE_LOW && info.edges == VGPIO_EDGES_RISING);
}

int main(void)
{
    int errors = 0;
    vgpio_client_options options = { .size = sizeof options, .export_name = "test" };
    vgpio_client_callbacks callbacks = {
        .size = sizeof callbacks,
        .opaque = &errors,
        .error = on_error,
    };
    vgpio_client *client;
    const char *text;

    options.reconnect_ms = -1;
    CHECK(vgpio_client_new(&options, &callbacks, &client, NULL, 0) == 0);
    CHECK(vgpio_client_connect_wait(client, PATIENCE_MS) == -ECONNABORTED);
    CHECK(vgpio_client_last_error(client, &text) == -ECONNABORTED);
    CHECK(strcmp(text, "the backend refused the lines: line 5 is held by led-daemon; stop it "
                       "(busy)") == 0);
    CHECK(vgpio_client_get_state(client) == VGPIO_CLIENT_STATE_DISCONNECTED);

    CHECK(vgpio_client_connect_wait(client, 0) == -ETIMEDOUT);
    CHECK(vgpio_client_last_error(client, &text) == -ETIMEDOUT && strlen(text) > 0);
    CHECK(vgpio_client_get_state(client) == VGPIO_CLIENT_STATE_DISCONNECTED);

    CHECK(vgpio_client_connect_wait(client, PATIENCE_MS) == 0);
    CHECK(vgpio_client_get_state(client) == VGPIO_CLIENT_STATE_ATTACHED);
    CHECK(vgpio_client_last_error(client, &text) == 0);
    CHECK(vgpio_client_levels(client) == 2);
    CHECK(vgpio_client_lost(client) == 0);
    CHECK(vgpio_client_connect_wait(client, PATIENCE_MS) == 0);

    check_settings(client);
    CHECK(vgpio_client_sync_wait(client, PATIENCE_MS) == 0);
    CHECK(errors == 1);
    CHECK(vgpio_client_query_levels(client, 2) == 1);
    CHECK(vgpio_client_sync_wait(client, PATIENCE_MS) == 0);
    CHECK(vgpio_client_levels(client) == 0);
    vgpio_client_free(client);
    return 0;
}
