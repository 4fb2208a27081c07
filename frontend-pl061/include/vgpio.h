/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * libvgpio: host GPIO lines for virtual machines.
 *
 * vgpio_client_* is a connection to vgpiod and the lines that it lends, for any controller model.
 * vgpio_pl061_* is the register model of the Arm PL061, vgpio_rcar_* that of the GPIO block of
 * Renesas R-Car chips; they know nothing of the client.
 *
 * Made from Rust by cbindgen; do not edit.
 *
 * Results. Functions that can fail return 0 or a positive value for success, else a negative
 * number of <errno.h>: -EINVAL for NULL and for arguments out of range, others as each says.
 *
 * Threads. There is no global state and no thread of the library. An object is used by one thread
 * at a time: any one, under a lock that all its users hold. Callbacks are made only within the
 * functions that say so, in the caller's thread.
 *
 * Sets of lines are 64 bits: bit i is line i of the attachment, in the order of the line map.
 * Levels are 1 for active, 0 for inactive; on an active-low line, active is the low voltage.
 *
 * Texts are UTF-8 and end with a zero byte. A defect of the library ends the process with a
 * message (abort); nothing ever unwinds into C.
 */


#ifndef VGPIO_H
#define VGPIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Major part of the version of this header.
 */
#define VGPIO_VERSION_MAJOR 0

/**
 * Minor part of the version of this header.
 */
#define VGPIO_VERSION_MINOR 1

/**
 * Patch part of the version of this header.
 */
#define VGPIO_VERSION_PATCH 0

/**
 * `outputs` and `bits` count.
 */
#define VGPIO_CONFIG_DIRECTION 1

/**
 * `bias` counts.
 */
#define VGPIO_CONFIG_BIAS 2

/**
 * `drive` counts.
 */
#define VGPIO_CONFIG_DRIVE 4

/**
 * `active_low` counts.
 */
#define VGPIO_CONFIG_ACTIVE_LOW 8

/**
 * `edges` counts.
 */
#define VGPIO_CONFIG_EDGES 16

/**
 * `debounce_us` counts.
 */
#define VGPIO_CONFIG_DEBOUNCE 32

/**
 * The bias is left as it is.
 */
#define VGPIO_BIAS_AS_IS 1

/**
 * No bias.
 */
#define VGPIO_BIAS_DISABLED 2

/**
 * Pulled high.
 */
#define VGPIO_BIAS_PULL_UP 3

/**
 * Pulled low.
 */
#define VGPIO_BIAS_PULL_DOWN 4

/**
 * Both levels are driven.
 */
#define VGPIO_DRIVE_PUSH_PULL 1

/**
 * Only the low level is driven.
 */
#define VGPIO_DRIVE_OPEN_DRAIN 2

/**
 * Only the high level is driven.
 */
#define VGPIO_DRIVE_OPEN_SOURCE 3

/**
 * No changes are reported.
 */
#define VGPIO_EDGES_NONE 0

/**
 * Becoming active is reported.
 */
#define VGPIO_EDGES_RISING 1

/**
 * Becoming inactive is reported.
 */
#define VGPIO_EDGES_FALLING 2

/**
 * Both are reported.
 */
#define VGPIO_EDGES_BOTH 3

/**
 * Bytes of a name, its zero byte included.
 */
#define VGPIO_NAME_SIZE 65

/**
 * The line is an output.
 */
#define VGPIO_LINE_OUTPUT 1

/**
 * Active is the low voltage.
 */
#define VGPIO_LINE_ACTIVE_LOW 2

/**
 * Other guests may read the line too.
 */
#define VGPIO_LINE_SHARED 4

/**
 * The daemon polls the line's level.
 */
#define VGPIO_LINE_POLLED 8

/**
 * The line's chip is gone for now.
 */
#define VGPIO_LINE_LOST 16

/**
 * Bytes of a saved state.
 */
#define VGPIO_PL061_STATE_SIZE 16

/**
 * Size of the register page in bytes.
 */
#define VGPIO_PL061_PAGE_SIZE 4096

/**
 * Lines of an R-Car GPIO block.
 */
#define VGPIO_RCAR_LINES 32

/**
 * Bytes of a saved state.
 */
#define VGPIO_RCAR_STATE_SIZE 236

/**
 * Whether a client has its lines.
 */
typedef enum vgpio_client_state {
  /**
   * No connection.
   */
  VGPIO_CLIENT_STATE_DISCONNECTED = 0,
  /**
   * Connected; the daemon has not yet given the lines.
   */
  VGPIO_CLIENT_STATE_CONNECTING = 1,
  /**
   * The lines are attached.
   */
  VGPIO_CLIENT_STATE_ATTACHED = 2,
} vgpio_client_state;

/**
 * A connection to the daemon, and the lines that it lends. Opaque.
 *
 * Nothing waits but the functions whose names end in `_wait`. A main loop watches
 * `vgpio_client_fd` for reading, and for writing while `vgpio_client_wants_write`,
 * level-triggered; it calls `vgpio_client_process` when the descriptor is ready or
 * `vgpio_client_timeout_ns` is over, and asks for all three again afterwards, and after
 * `vgpio_client_connect` and `_disconnect`. Setting lines changes only `wants_write`.
 */
typedef struct vgpio_client vgpio_client;

/**
 * The register model of an Arm `PrimeCell` PL061: eight lines, one combined interrupt. Opaque.
 */
typedef struct vgpio_pl061 vgpio_pl061;

/**
 * The register model of the GPIO block of Renesas R-Car chips: 32 lines, one interrupt. Opaque.
 */
typedef struct vgpio_rcar vgpio_rcar;

/**
 * What a client is told at the start. Set all to zero, then `size` to
 * `sizeof(struct vgpio_client_options)`, then what is wanted. The texts are copied.
 */
typedef struct vgpio_client_options {
  /**
   * Size of this structure in bytes.
   */
  size_t size;
  /**
   * The daemon's socket. NULL: `VGPIO_SOCKET`, else `/run/vgpio/vgpiod.sock` for root, else
   * `vgpio/vgpiod.sock` in `XDG_RUNTIME_DIR`.
   */
  const char *socket;
  /**
   * Name of an export of the daemon. Either this or `line_map` is given.
   */
  const char *export_name;
  /**
   * A line map, "CHIP,vgpios=0:1:2,gpios=11:12:13[,key=value...]"; a comma inside a value is
   * written twice. `vgpio_client_new` checks it and says in which column it is wrong.
   */
  const char *line_map;
  /**
   * Name for logs and as consumer of the lines, at most 64 bytes. NULL: none.
   */
  const char *name;
  /**
   * Milliseconds until another attempt to connect. 0: 1000. Negative: never. At least 5000 after
   * a daemon has refused, for its configuration, lines that were attached before.
   */
  int32_t reconnect_ms;
  /**
   * Lines of the guest's controller: an attachment that names a vgpio beyond is refused.
   * 0: 65536.
   */
  uint32_t guest_lines;
  /**
   * Bytes that may wait for a daemon that does not read, 8192 to 67108864, all reserved at
   * once. 0: 65536.
   */
  size_t queue_bytes;
} vgpio_client_options;

/**
 * What the daemon could not do. Valid during the call.
 */
typedef struct vgpio_client_error {
  /**
   * Sequence number of the message that caused it, 0 if none did.
   */
  uint64_t seq;
  /**
   * The lines concerned, 0 if none in particular.
   */
  uint64_t lines;
  /**
   * Error code of the protocol (docs/protocol.md, "Errors").
   */
  uint16_t code;
  /**
   * The host's error number, 0 if there was none.
   */
  uint16_t host_errno;
  /**
   * For people: what failed, on which chip and line, what to do.
   */
  const char *text;
} vgpio_client_error;

/**
 * What a client tells: only within `vgpio_client_process`, `_wait`, `_connect_wait` and `_sync_wait`,
 * so in the thread that calls one of these. Set all to zero, then `size` to
 * `sizeof(struct vgpio_client_callbacks)`, then what is wanted; NULL for what is not. A callback may
 * use its client, also free it, but for the four functions named, which return -EBUSY.
 */
typedef struct vgpio_client_callbacks {
  /**
   * Size of this structure in bytes.
   */
  size_t size;
  /**
   * Given to every callback.
   */
  void *opaque;
  /**
   * An input changed. The timestamp is in nanoseconds of the host's `CLOCK_MONOTONIC`; `seqno`
   * counts this line's edges, from 1, and wraps.
   */
  void (*edge)(void *opaque, uint32_t line, bool active, uint64_t timestamp_ns, uint32_t seqno);
  /**
   * A snapshot showed that the lines in `changed` are not what was told before (at first, all
   * inactive). `levels` has the levels of these lines.
   */
  void (*levels)(void *opaque, uint64_t changed, uint64_t levels);
  /**
   * The lines were attached (`reason` is NULL), or are not any more. `retry` says whether the
   * client will try again by itself; once attached, it also does so, slowly, where a daemon with
   * another configuration refuses the lines. What the file descriptor is may have changed. With
   * an export, so may the lines: to map them, use `vgpio_client_line_of_vgpio` anew each time.
   */
  void (*connection)(void *opaque, enum vgpio_client_state state, const char *reason, bool retry);
  /**
   * Lines are gone for now (`reason` says why), or back again (`reason` is NULL).
   */
  void (*lost)(void *opaque, uint64_t lines, const char *reason);
  /**
   * The barrier `token`, and all before it, are reached.
   */
  void (*synced)(void *opaque, uint64_t token);
  /**
   * The daemon could not do what it was told.
   */
  void (*error)(void *opaque, const struct vgpio_client_error *error);
} vgpio_client_callbacks;

/**
 * New settings for some lines. Set all to zero, then `size` to
 * `sizeof(struct vgpio_line_config)`, then `mask`, `fields` and what `fields` names.
 */
typedef struct vgpio_line_config {
  /**
   * Size of this structure in bytes.
   */
  size_t size;
  /**
   * The lines it applies to.
   */
  uint64_t mask;
  /**
   * Lines of `mask` that become outputs; the others become inputs.
   */
  uint64_t outputs;
  /**
   * The levels of these outputs, taken without another level between.
   */
  uint64_t bits;
  /**
   * `VGPIO_CONFIG_DIRECTION` and so on, or'ed: what is to change.
   */
  uint32_t fields;
  /**
   * Debounce period in microseconds; 0 switches it off.
   */
  uint32_t debounce_us;
  /**
   * `VGPIO_BIAS_PULL_UP` and so on.
   */
  uint8_t bias;
  /**
   * `VGPIO_DRIVE_OPEN_DRAIN` and so on.
   */
  uint8_t drive;
  /**
   * `VGPIO_EDGES_BOTH` and so on: the changes reported while the line is an input.
   */
  uint8_t edges;
  /**
   * 1 if active is the low voltage, else 0.
   */
  uint8_t active_low;
} vgpio_line_config;

/**
 * A line of the attachment, as the client knows it now. Set `size` to
 * `sizeof(struct vgpio_line_info)`; what the library does not know stays as it is.
 */
typedef struct vgpio_line_info {
  /**
   * Size of this structure in bytes.
   */
  size_t size;
  /**
   * Offset on the host chip.
   */
  uint32_t offset;
  /**
   * `VGPIO_LINE_OUTPUT` and so on.
   */
  uint32_t flags;
  /**
   * Debounce period in microseconds, 0 for none.
   */
  uint32_t debounce_us;
  /**
   * Period at which a polled line is read, in microseconds, else 0.
   */
  uint32_t poll_us;
  /**
   * The guest controller's line.
   */
  uint16_t vgpio;
  /**
   * `VGPIO_BIAS_PULL_UP` and so on.
   */
  uint8_t bias;
  /**
   * `VGPIO_DRIVE_OPEN_DRAIN` and so on.
   */
  uint8_t drive;
  /**
   * Changes reported, `VGPIO_EDGES_BOTH` and so on.
   */
  uint8_t edges;
  /**
   * Name of the line; may be empty.
   */
  char name[VGPIO_NAME_SIZE];
  /**
   * Label of the host chip.
   */
  char chip[VGPIO_NAME_SIZE];
} vgpio_line_info;

/**
 * What has been counted since the client was made. Numbers wrap. Set `size` to
 * `sizeof(struct vgpio_client_counters)`.
 */
typedef struct vgpio_client_counters {
  /**
   * Size of this structure in bytes.
   */
  size_t size;
  /**
   * Sets and configurations given to the connection.
   */
  uint64_t sent;
  /**
   * Sets and configurations folded into a later one, because the daemon did not keep up.
   */
  uint64_t coalesced;
  /**
   * Edges received.
   */
  uint64_t edges;
  /**
   * Edges that the daemon knows were lost.
   */
  uint64_t lost_edges;
  /**
   * Snapshots sent because edges were lost.
   */
  uint64_t resyncs;
  /**
   * Attachments after the first.
   */
  uint64_t reconnects;
  /**
   * Errors received.
   */
  uint64_t errors;
} vgpio_client_counters;

/**
 * What to do after an access, a change of inputs, a reset or a load. Bit n is line n. A line is
 * never both in `output_mask` and in `direction_mask`.
 */
typedef struct vgpio_pl061_effects {
  /**
   * Driven lines whose level changed.
   */
  uint8_t output_mask;
  /**
   * Their levels.
   */
  uint8_t output_bits;
  /**
   * Lines that began or ceased to be driven.
   */
  uint8_t direction_mask;
  /**
   * Those of them that are driven now.
   */
  uint8_t direction_outputs;
  /**
   * The levels of these.
   */
  uint8_t direction_bits;
  /**
   * Whether the interrupt changed.
   */
  bool irq_changed;
  /**
   * The level of the interrupt.
   */
  bool irq;
  /**
   * Whether the guest made a mistake, which has no other effect.
   */
  bool guest_error;
} vgpio_pl061_effects;

/**
 * What to do after an access, a change of inputs, a reset or a load, and what edges wait for the guest.
 * Bit n is line n. A line is never both in `output_mask` and in `direction_mask`.
 */
typedef struct vgpio_rcar_effects {
  /**
   * Driven lines whose level changed.
   */
  uint32_t output_mask;
  /**
   * Their levels.
   */
  uint32_t output_bits;
  /**
   * Lines that began or ceased to be driven.
   */
  uint32_t direction_mask;
  /**
   * Those of them that are driven now.
   */
  uint32_t direction_outputs;
  /**
   * The levels of these.
   */
  uint32_t direction_bits;
  /**
   * Lines with an edge that the guest has asked for and not yet cleared, whether masked or not.
   */
  uint32_t latched;
  /**
   * Lines of which both edges interrupt.
   */
  uint32_t both_edges;
  /**
   * Whether the interrupt changed.
   */
  bool irq_changed;
  /**
   * The level of the interrupt.
   */
  bool irq;
  /**
   * Whether the guest made a mistake, which has no other effect.
   */
  bool guest_error;
} vgpio_rcar_effects;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Version of the library, such as "0.1.0". Lives as long as the library.
 */
const char *vgpio_version(void);

/**
 * Makes a client that is not yet connected. `callbacks` may be NULL; both structures are copied.
 * The client is given through `client`, to be freed with `vgpio_client_free`. On failure (-EINVAL;
 * -E2BIG for a structure of a later version) up to `error_size` bytes of explanation are written
 * to `error`, which may be NULL.
 */
int vgpio_client_new(const struct vgpio_client_options *options,
                     const struct vgpio_client_callbacks *callbacks,
                     struct vgpio_client **client,
                     char *error,
                     size_t error_size);

/**
 * Gives the lines back and frees the client. NULL is allowed. In a callback it takes effect when
 * the callback returns; no other follows.
 */
void vgpio_client_free(struct vgpio_client *client);

/**
 * Connects now, unless there is a connection. 0: the daemon is there, and the connection callback
 * tells when the lines are. Else the client tries again by itself, unless told otherwise:
 * -ENOENT or -ECONNREFUSED when nobody is at the socket, -EACCES when it is not ours to use.
 */
int vgpio_client_connect(struct vgpio_client *client);

/**
 * Gives the lines back until `vgpio_client_connect`. What was set is remembered.
 */
int vgpio_client_disconnect(struct vgpio_client *client);

/**
 * The file descriptor to watch; the client's, not to be closed. -ENOTCONN without a connection.
 */
int vgpio_client_fd(const struct vgpio_client *client);

/**
 * Whether to watch the file descriptor for writing, too. False for NULL.
 */
bool vgpio_client_wants_write(const struct vgpio_client *client);

/**
 * Nanoseconds from now until `vgpio_client_process` is due though the descriptor is not ready; -1
 * if it is not, as always while the lines are attached.
 */
int64_t vgpio_client_timeout_ns(const struct vgpio_client *client);

/**
 * Does what is due, without waiting, and calls back what happened. Gives the number of events;
 * -EBUSY within a callback; -ECANCELED when a callback freed the client.
 */
int vgpio_client_process(struct vgpio_client *client);

/**
 * Sets the outputs in `mask` to `bits`; one change on the host where the chip can do so. Never
 * waits. 1: sent; 0: remembered until the lines are attached; -EAGAIN: the daemon does not keep up,
 * and the set will be sent folded into a later one, the last level winning.
 */
int vgpio_client_set(struct vgpio_client *client,
                     uint64_t mask,
                     uint64_t bits);

/**
 * Makes lines outputs or inputs, in one message: those in both `mask` and `outputs` drive `bits`
 * without another level between, the rest of `mask` become inputs. Results as `vgpio_client_set`.
 */
int vgpio_client_configure_directions(struct vgpio_client *client,
                                      uint64_t mask,
                                      uint64_t outputs,
                                      uint64_t bits);

/**
 * Changes settings of lines, in one message. Results as `vgpio_client_set`; -EINVAL for a value that
 * a setting does not have. Where the daemon refuses, all lines stay as they were, and the error
 * callback tells.
 */
int vgpio_client_configure(struct vgpio_client *client,
                           const struct vgpio_line_config *config);

/**
 * Has the daemon read the lines in `mask`, for inputs that do not report both edges: the levels
 * callback tells what is not as it was told before, ahead of a barrier asked for now. 1: asked;
 * -ENOTCONN: the lines are not attached; -EAGAIN: the daemon does not keep up.
 */
int vgpio_client_query_levels(struct vgpio_client *client, uint64_t mask);

/**
 * Keeps back what follows until `vgpio_client_uncork`, to send it in one write.
 */
int vgpio_client_cork(struct vgpio_client *client);

/**
 * Sends what was kept back since `vgpio_client_cork`.
 */
int vgpio_client_uncork(struct vgpio_client *client);

/**
 * Asks for a barrier: the synced callback with this token, or a greater one, says that all before
 * it has been carried out. 0 for NULL.
 */
uint64_t vgpio_client_sync(struct vgpio_client *client);

/**
 * Levels of all lines: of outputs as last set, of inputs as last told. Asks nobody. 0 for NULL.
 */
uint64_t vgpio_client_levels(const struct vgpio_client *client);

/**
 * Number of lines: with a line map known from the start, with an export from the first attachment
 * on, 0 before.
 */
int vgpio_client_line_count(const struct vgpio_client *client);

/**
 * Lines that are outputs, as last configured. Saved, with `vgpio_client_levels`, it is all that
 * `vgpio_client_configure_directions` needs to bring the lines back to this state, also in another
 * process. 0 for NULL.
 */
uint64_t vgpio_client_outputs(const struct vgpio_client *client);

/**
 * Lines whose chip is gone for now. 0 for NULL.
 */
uint64_t vgpio_client_lost(const struct vgpio_client *client);

/**
 * Describes line `line`. -ENOENT if there is none, or none has been attached yet.
 */
int vgpio_client_line_info(const struct vgpio_client *client,
                           uint32_t line,
                           struct vgpio_line_info *info);

/**
 * The line that the guest's controller calls `vgpio`, from 0. -ENOENT if there is none, or none yet.
 */
int vgpio_client_line_of_vgpio(const struct vgpio_client *client,
                               uint16_t vgpio);

/**
 * What the guest's controller calls line `line`. -ENOENT if there is none, or none yet.
 */
int vgpio_client_vgpio_of_line(const struct vgpio_client *client, uint32_t line);

/**
 * Path of the daemon's socket; lives as long as the client. NULL for NULL.
 */
const char *vgpio_client_socket(const struct vgpio_client *client);

/**
 * Gives what has been counted.
 */
int vgpio_client_get_counters(const struct vgpio_client *client,
                              struct vgpio_client_counters *counters);

/**
 * Whether the client has its lines. `VGPIO_CLIENT_STATE_DISCONNECTED` for NULL.
 */
enum vgpio_client_state vgpio_client_get_state(const struct vgpio_client *client);

/**
 * Why the lines are not attached: a negative number of `<errno.h>` (-EPROTO for a daemon that broke
 * the protocol, -ECONNABORTED for what it refused), and through `text`, which may be NULL, the
 * explanation, valid until the next call of a function with this client. 0 and "" if they are, or
 * no attempt was made.
 */
int vgpio_client_last_error(const struct vgpio_client *client,
                            const char **text);

/**
 * Makes a PL061 after reset, to be freed with `vgpio_pl061_free`. Never NULL.
 */
struct vgpio_pl061 *vgpio_pl061_new(void);

/**
 * Frees a PL061. NULL is allowed.
 */
void vgpio_pl061_free(struct vgpio_pl061 *pl061);

/**
 * Resets the registers; the levels of the lines stay. `effects` may be NULL, here and elsewhere.
 */
int vgpio_pl061_reset(struct vgpio_pl061 *pl061,
                      struct vgpio_pl061_effects *effects);

/**
 * A guest load of `size` bytes (1, 2 or 4) at `offset` from the start of the register page. The
 * value, through `value`, is 0 if the load is a mistake of the guest.
 */
int vgpio_pl061_read(struct vgpio_pl061 *pl061,
                     uint64_t offset,
                     uint32_t size,
                     uint32_t *value,
                     struct vgpio_pl061_effects *effects);

/**
 * A guest store of `size` bytes (1, 2 or 4) at `offset` from the start of the register page.
 */
int vgpio_pl061_write(struct vgpio_pl061 *pl061,
                      uint64_t offset,
                      uint32_t size,
                      uint32_t value,
                      struct vgpio_pl061_effects *effects);

/**
 * The outside gives the lines in `mask` the levels in `bits`. Outputs may be named too: their
 * levels count once they are inputs.
 */
int vgpio_pl061_set_inputs(struct vgpio_pl061 *pl061,
                           uint8_t mask,
                           uint8_t bits,
                           struct vgpio_pl061_effects *effects);

/**
 * The level of the combined interrupt: 0 or 1.
 */
int vgpio_pl061_irq(const struct vgpio_pl061 *pl061);

/**
 * Writes the state to `state`, which has `size` bytes, at least `VGPIO_PL061_STATE_SIZE`.
 */
int vgpio_pl061_save(const struct vgpio_pl061 *pl061, uint8_t *state, size_t size);

/**
 * Takes over a state of `size` bytes that `vgpio_pl061_save` wrote. -EINVAL, and no change, if the
 * bytes are not such a state, or of another version. The effects lead from the present lines and
 * interrupt to the saved ones.
 */
int vgpio_pl061_load(struct vgpio_pl061 *pl061,
                     const uint8_t *state,
                     size_t size,
                     struct vgpio_pl061_effects *effects);

/**
 * Makes a block of this generation, 2, 3 or 4, after reset, to be freed with `vgpio_rcar_free`. NULL for
 * another generation.
 */
struct vgpio_rcar *vgpio_rcar_new(uint32_t generation);

/**
 * Frees a block. NULL is allowed.
 */
void vgpio_rcar_free(struct vgpio_rcar *rcar);

/**
 * Size of the register window in bytes. 0 for NULL.
 */
uint32_t vgpio_rcar_window_size(const struct vgpio_rcar *rcar);

/**
 * Resets the registers; lines that were driven keep their levels as inputs, until they are given others.
 * `effects` may be NULL, here and elsewhere.
 */
int vgpio_rcar_reset(struct vgpio_rcar *rcar,
                     struct vgpio_rcar_effects *effects);

/**
 * A guest load of `size` bytes (4) at `offset` from the start of the register window. The value, through
 * `value`, is 0 if the load is a mistake of the guest; that is the only effect.
 */
int vgpio_rcar_read(struct vgpio_rcar *rcar,
                    uint64_t offset,
                    uint32_t size,
                    uint32_t *value,
                    struct vgpio_rcar_effects *effects);

/**
 * A guest store of `size` bytes (4) at `offset` from the start of the register window.
 */
int vgpio_rcar_write(struct vgpio_rcar *rcar,
                     uint64_t offset,
                     uint32_t size,
                     uint32_t value,
                     struct vgpio_rcar_effects *effects);

/**
 * Somebody else gives the lines in `mask` the levels in `bits`. Lines that the guest drives are passed
 * over.
 */
int vgpio_rcar_set_inputs(struct vgpio_rcar *rcar,
                          uint32_t mask,
                          uint32_t bits,
                          struct vgpio_rcar_effects *effects);

/**
 * The lines that the guest drives. 0 for NULL.
 */
uint32_t vgpio_rcar_outputs(const struct vgpio_rcar *rcar);

/**
 * The levels of all lines. 0 for NULL.
 */
uint32_t vgpio_rcar_levels(const struct vgpio_rcar *rcar);

/**
 * Writes the state to `state`, which has `size` bytes, at least `VGPIO_RCAR_STATE_SIZE`.
 */
int vgpio_rcar_save(const struct vgpio_rcar *rcar, uint8_t *state, size_t size);

/**
 * Takes over a state of `size` bytes that `vgpio_rcar_save` wrote. -EINVAL, and no change, if the bytes
 * are not such a state, or of another version or generation. The effects lead from the present lines and
 * interrupt to the saved ones.
 */
int vgpio_rcar_load(struct vgpio_rcar *rcar,
                    const uint8_t *state,
                    size_t size,
                    struct vgpio_rcar_effects *effects);

/**
 * Connects, unless there is a connection, and waits until the lines are attached, their levels
 * known, and what was set before carried out: 0. Else as `vgpio_client_connect` and
 * `vgpio_client_last_error`, which has the explanation: nobody is at the socket, the lines are
 * refused (the text is the daemon's), or -ETIMEDOUT: `timeout_ms` (negative: no limit) is over,
 * which ends the attempt. The client tries again by itself, unless told otherwise. -EBUSY within
 * a callback.
 */
int vgpio_client_connect_wait(struct vgpio_client *client,
                              int timeout_ms);

/**
 * Waits until something has happened and calls it back, for programs without a main loop. Gives
 * the number of events; 0 when `timeout_ms` is over (negative: no limit), or when there is no
 * connection and will not be one.
 */
int vgpio_client_wait(struct vgpio_client *client, int timeout_ms);

/**
 * Waits until all that was set and configured has been carried out: 0. -ETIMEDOUT when `timeout_ms`
 * (negative: no limit) is over, -ENOTCONN when there is no connection and will not be one.
 */
int vgpio_client_sync_wait(struct vgpio_client *client,
                           int timeout_ms);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* VGPIO_H */
