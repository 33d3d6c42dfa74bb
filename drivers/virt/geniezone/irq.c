// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt lines and the interrupt controller, which EL2 emulates.
 */

#include <linux/bitfield.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "gzvm.h"
#include "trace.h"

static int gzvm_irq_lower(struct gzvm_vm *vm, u32 spi)
{
	int ret;

	/* Clear the bit before the call: see gzvm_irq_inject(). */
	if (!test_and_clear_bit(spi, vm->raised))
		return 0;
	ret = gzvm_hc_irq_line(vm->id, 0, spi, false);
	trace_gzvm_inject(vm->id, spi, false, ret);
	if (ret)
		set_bit(spi, vm->raised);
	return ret;
}

/**
 * gzvm_irq_inject() - drive an SPI's line
 * @vm: VM
 * @spi: index, 0 = INTID 32, at most GZVM_SPI_MAX
 * @level: new level
 *
 * Lowering a line that is low causes no call. VMMs do it often, and an EL2 that
 * ignores the level would inject an interrupt.
 *
 * Context: any.
 * Return: 0 or the errno of EL2's refusal.
 */
int gzvm_irq_inject(struct gzvm_vm *vm, u32 spi, bool level)
{
	int ret;

	if (!level)
		return gzvm_irq_lower(vm, spi);

	ret = gzvm_hc_irq_line(vm->id, 0, spi, true);
	trace_gzvm_inject(vm->id, spi, true, ret);
	if (ret)
		return ret;
	/* Set the bit after the call, so that no line is high without it. */
	if (!test_bit(spi, vm->raised))
		set_bit(spi, vm->raised);
	atomic_long_inc(&vm->stats.injections);
	gzvm_vm_wake(vm);
	return 0;
}

/**
 * gzvm_irq_line() - GZVM_IRQ_LINE
 * @vm: VM
 * @line: which line, and its level
 *
 * Return: 0; -EOPNOTSUPP for a PPI, which the hypercall cannot express;
 * -EINVAL for an undefined type, and for an SPI above GZVM_SPI_MAX; or
 * the errno of EL2's refusal.
 */
int gzvm_irq_line(struct gzvm_vm *vm, const struct gzvm_irq_level *line)
{
	u32 type = line->irq >> GZVM_IRQ_TYPE_SHIFT & GZVM_IRQ_TYPE_MASK;
	u32 spi = line->irq >> GZVM_IRQ_NUM_SHIFT & GZVM_IRQ_NUM_MASK;
	int ret;

	if (type == GZVM_IRQ_TYPE_PPI)
		return -EOPNOTSUPP;
	if (type > GZVM_IRQ_TYPE_PPI || spi > GZVM_SPI_MAX)
		return -EINVAL;

	if (line->level)
		gzvm_irqfd_note_raised(vm, spi);
	ret = gzvm_irq_inject(vm, spi, line->level);
	if (!ret && line->level)
		atomic_long_inc(&vm->stats.ioctl_injections);
	return ret;
}

static int gzvm_device_check(const struct gzvm_create_device *device)
{
	if (device->dev_type != GZVM_DEV_TYPE_ARM_VGIC_V3_DIST &&
	    device->dev_type != GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST)
		return -ENODEV;
	if (device->flags)
		return -EINVAL;
	if (!gzvm_gpa_range_ok(device->dev_addr, device->dev_reg_size))
		return -EINVAL;
	/* Otherwise EL2 would get the user's address as a physical one. */
	if (!device->attr_addr != !device->attr_size ||
	    device->attr_size > GZVM_PAGE_SIZE)
		return -EINVAL;
	return 0;
}

/**
 * gzvm_device_create() - GZVM_CREATE_DEVICE
 * @vm: VM
 * @device: which device, where, and optional attributes in user memory
 *
 * EL2 reads two buffers, which are zeroed pages. They are freed after the call: EL2
 * keeps no pointer to them.
 *
 * Return: 0; -ENODEV for an unknown device type; -EINVAL for flags, an empty
 * or wrapping range, a range beyond the guest's address space, attributes
 * larger than a page or with only one of address and size; -EFAULT for
 * attributes that cannot be read; -ENOMEM; or the errno of EL2's refusal.
 */
int gzvm_device_create(struct gzvm_vm *vm,
		       const struct gzvm_create_device *device)
{
	struct gzvm_hyp_device *in;
	void *attr = NULL;
	int ret;

	ret = gzvm_device_check(device);
	if (ret)
		return ret;

	in = (void *)get_zeroed_page(GFP_KERNEL);
	if (!in)
		return -ENOMEM;

	ret = -ENOMEM;
	if (device->attr_size) {
		attr = (void *)get_zeroed_page(GFP_KERNEL);
		if (!attr)
			goto out;
		ret = -EFAULT;
		if (copy_from_user(attr, u64_to_user_ptr(device->attr_addr),
				   device->attr_size))
			goto out;
		in->attr_addr = cpu_to_le64(virt_to_phys(attr));
		in->attr_size = cpu_to_le64(device->attr_size);
	}

	in->dev_type = cpu_to_le32(device->dev_type);
	in->id = cpu_to_le32(device->id);
	in->dev_addr = cpu_to_le64(device->dev_addr);
	in->dev_reg_size = cpu_to_le64(device->dev_reg_size);
	ret = gzvm_hc_create_device(vm->id, virt_to_phys(in));
out:
	free_page((unsigned long)attr);
	free_page((unsigned long)in);
	return ret;
}
