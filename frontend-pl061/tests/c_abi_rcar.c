/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Calls every vgpio_rcar_* function of vgpio.h, right and wrong.
 */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "vgpio.h"

enum { INOUTSEL = 0x04, OUTDT = 0x08, INDT = 0x0c, INTDT = 0x10, INTCLR = 0x14, MSKCLR = 0x1c };
enum { IOINTSEL = 0x00, EDGLEVEL = 0x24, BOTHEDGE = 0x4c, INEN = 0x50 };

static vgpio_rcar_effects effects;

static void write_register(vgpio_rcar *rcar, uint64_t offset, uint32_t value)
{
    CHECK(vgpio_rcar_write(rcar, offset, 4, value, &effects) == 0 && !effects.guest_error);
}

static uint32_t read_register(vgpio_rcar *rcar, uint64_t offset)
{
    uint32_t value;

    CHECK(vgpio_rcar_read(rcar, offset, 4, &value, &effects) == 0 && !effects.guest_error);
    return value;
}

static void check_lines(vgpio_rcar *rcar)
{
    write_register(rcar, INOUTSEL, 0x800000ff);
    CHECK(effects.direction_mask == 0x800000ff && effects.direction_outputs == 0x800000ff);
    CHECK(effects.direction_bits == 0 && effects.output_mask == 0);
    write_register(rcar, OUTDT, 0x800000a5);
    CHECK(effects.output_mask == 0x800000a5 && effects.output_bits == 0x800000a5);
    CHECK(effects.direction_mask == 0 && !effects.irq_changed);
    CHECK(vgpio_rcar_outputs(rcar) == 0x800000ff && vgpio_rcar_levels(rcar) == 0x800000a5);

    CHECK(vgpio_rcar_set_inputs(rcar, 0x10f, 0x10a, &effects) == 0);
    CHECK(read_register(rcar, INDT) == 0x800001a5);
}

static void check_interrupt(vgpio_rcar *rcar)
{
    write_register(rcar, EDGLEVEL, 0x200);
    write_register(rcar, BOTHEDGE, 0x200);
    write_register(rcar, IOINTSEL, 0x200);
    CHECK(effects.both_edges == 0x200 && effects.latched == 0);
    CHECK(vgpio_rcar_set_inputs(rcar, 0x200, 0x200, &effects) == 0);
    CHECK(effects.latched == 0x200 && !effects.irq_changed && !effects.irq);
    write_register(rcar, MSKCLR, 0x200);
    CHECK(effects.irq_changed && effects.irq && effects.latched == 0x200);
    CHECK(read_register(rcar, INTDT) == 0x200 && !effects.irq_changed && effects.irq);
}

static void check_state(vgpio_rcar *rcar)
{
    vgpio_rcar *other = vgpio_rcar_new(3), *later = vgpio_rcar_new(4);
    uint8_t state[VGPIO_RCAR_STATE_SIZE];

    CHECK(vgpio_rcar_save(rcar, state, sizeof state - 1) == -EINVAL);
    CHECK(vgpio_rcar_save(rcar, state, sizeof state) == 0);
    CHECK(vgpio_rcar_load(later, state, sizeof state, NULL) == -EINVAL);
    CHECK(vgpio_rcar_load(other, state, sizeof state - 1, NULL) == -EINVAL);
    CHECK(vgpio_rcar_load(other, state, sizeof state, &effects) == 0);
    CHECK(effects.irq_changed && effects.irq && effects.latched == 0x200);
    CHECK(effects.direction_outputs == 0x800000ff && effects.direction_bits == 0x800000a5);
    write_register(other, INTCLR, 0x200);
    CHECK(effects.irq_changed && !effects.irq && effects.latched == 0);
    state[0] = 'X';
    CHECK(vgpio_rcar_load(other, state, sizeof state, NULL) == -EINVAL);
    CHECK(vgpio_rcar_outputs(other) == 0x800000ff);

    CHECK(vgpio_rcar_reset(other, &effects) == 0);
    CHECK(effects.direction_mask == 0x800000ff && effects.direction_outputs == 0);
    CHECK(vgpio_rcar_outputs(other) == 0 && vgpio_rcar_levels(other) == 0x800003a5);
    vgpio_rcar_free(later);
    vgpio_rcar_free(other);
}

static void check_mistakes(vgpio_rcar *rcar)
{
    uint8_t state[VGPIO_RCAR_STATE_SIZE];
    uint32_t value = 1;

    CHECK(vgpio_rcar_read(rcar, INDT, 2, &value, &effects) == 0);
    CHECK(value == 0 && effects.guest_error);
    CHECK(vgpio_rcar_write(rcar, INEN, 4, 1, &effects) == 0 && effects.guest_error);
    CHECK(vgpio_rcar_write(rcar, OUTDT + 1, 4, 0, &effects) == 0 && effects.guest_error);
    CHECK(effects.output_mask == 0 && effects.irq && !effects.irq_changed);

    CHECK(vgpio_rcar_new(1) == NULL && vgpio_rcar_new(5) == NULL);
    CHECK(vgpio_rcar_window_size(NULL) == 0);
    CHECK(vgpio_rcar_reset(NULL, NULL) == -EINVAL);
    CHECK(vgpio_rcar_read(NULL, 0, 4, &value, NULL) == -EINVAL);
    CHECK(vgpio_rcar_read(rcar, 0, 4, NULL, NULL) == -EINVAL);
    CHECK(vgpio_rcar_write(NULL, 0, 4, 0, NULL) == -EINVAL);
    CHECK(vgpio_rcar_set_inputs(NULL, 0, 0, NULL) == -EINVAL);
    CHECK(vgpio_rcar_outputs(NULL) == 0 && vgpio_rcar_levels(NULL) == 0);
    CHECK(vgpio_rcar_save(NULL, state, sizeof state) == -EINVAL);
    CHECK(vgpio_rcar_save(rcar, NULL, sizeof state) == -EINVAL);
    CHECK(vgpio_rcar_load(NULL, state, sizeof state, NULL) == -EINVAL);
    CHECK(vgpio_rcar_load(rcar, NULL, sizeof state, NULL) == -EINVAL);
    vgpio_rcar_free(NULL);
}

int main(void)
{
    vgpio_rcar *rcar = vgpio_rcar_new(3), *later = vgpio_rcar_new(4);

    CHECK(vgpio_rcar_window_size(rcar) == 0x50 && vgpio_rcar_window_size(later) == 0x54);
    check_lines(rcar);
    check_interrupt(rcar);
    check_state(rcar);
    check_mistakes(rcar);
    vgpio_rcar_free(later);
    vgpio_rcar_free(rcar);
    return 0;
}
