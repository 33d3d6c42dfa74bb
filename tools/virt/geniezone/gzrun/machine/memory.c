// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a machine: firmware, RAM and, at the end of RAM, the pool
 * through which devices and guest exchange data.
 *
 * Without a pool, devices access all of RAM. With a pool, they access nothing
 * else: a guest that names other memory makes an error, since pages there may
 * be protected, and an access to them would raise SIGBUS.
 *
 * The RAM and the firmware of a protected guest are memory of the driver, if the
 * driver has such memory: what is loaded here is copied when the VM is created.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "helper.h"
#include "log.h"
#include "machine/machine.h"

/* Memory slots in the order of addresses, as other VMMs create them */
enum { SLOT_FIRMWARE, SLOT_RAM, SLOT_SWIOTLB };

static enum gz_backing backing(const struct gz_machine_config *cfg)
{
	if (cfg->hugepages == GZ_HUGEPAGES_HUGETLB)
		return GZ_BACKING_HUGETLB;
	return cfg->protect ? GZ_BACKING_SHARED : GZ_BACKING_PRIVATE;
}

static int cannot_alloc(const struct gz_machine_config *cfg, int err)
{
	gz_error("cannot allocate %llu MiB for the guest: %s",
		 (unsigned long long)(cfg->mem_size >> 20), strerror(-err));
	if (cfg->hugepages == GZ_HUGEPAGES_HUGETLB)
		gz_error("are there enough huge pages? See /proc/sys/vm/nr_hugepages");
	return err;
}

static struct gz_memory part(const struct gz_memory *whole, uint64_t offset,
			     uint64_t size)
{
	return (struct gz_memory){
		.gpa = whole->gpa + offset,
		.size = size,
		.hva = (char *)whole->hva + offset,
	};
}

static int read_firmware(const struct gz_memory *mem, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n;

	if (size < 0)
		return -errno;
	if (!size || (uint64_t)size > mem->size)
		return -EFBIG;
	n = pread(fd, mem->hva, size, 0);
	if (n < 0)
		return -errno;
	return n == size ? 0 : -EIO;
}

static int load_firmware(const struct gz_memory *mem, const char *path)
{
	int fd = helper_open(path, O_RDONLY);
	int ret;

	if (fd < 0) {
		ret = -errno;
		gz_error("cannot open %s: %s", path, strerror(-ret));
		return ret;
	}
	ret = read_firmware(mem, fd);
	close(fd);
	if (ret)
		gz_error("cannot load %s: %s", path, ret == -EFBIG ?
			 "must be 1 byte to 4 MiB" : strerror(-ret));
	return ret;
}

static int alloc_firmware(struct gz_machine *m)
{
	int ret = gz_memory_alloc_as(&m->firmware, GZ_PVMFW_BASE, GZ_PVMFW_SIZE,
				     GZ_BACKING_SHARED);

	if (ret)
		return cannot_alloc(&m->cfg, ret);
	if (m->cfg.pvmfw == GZ_PVMFW_FILE)
		ret = load_firmware(&m->firmware, m->cfg.pvmfw_path);
	return ret;
}

/**
 * gz_machine_alloc_memory() - allocate the memory of a machine
 * @m: the machine
 *
 * Return: 0, or -errno after gz_error() has printed a message.
 */
int gz_machine_alloc_memory(struct gz_machine *m)
{
	const struct gz_machine_config *cfg = &m->cfg;
	uint64_t ram = cfg->mem_size - cfg->swiotlb_size;
	int ret;

	ret = gz_memory_alloc_as(&m->backing, GZ_RAM_BASE, cfg->mem_size,
				 backing(cfg));
	if (ret)
		return cannot_alloc(cfg, ret);
	/* A host without transparent huge pages provides small ones */
	if (cfg->hugepages == GZ_HUGEPAGES_TRANSPARENT &&
	    madvise(m->backing.hva, m->backing.size, MADV_HUGEPAGE))
		gz_info("no huge pages: %s", strerror(errno));
	m->mem = part(&m->backing, 0, ram);
	m->dma = m->mem;
	if (cfg->swiotlb_size) {
		m->dma = part(&m->backing, ram, cfg->swiotlb_size);
		m->dma.bounce = true;
	}
	return cfg->pvmfw ? alloc_firmware(m) : 0;
}

static int attach(const struct gz_machine *m, uint32_t slot, uint32_t flags,
		  const struct gz_memory *mem)
{
	return gz_vm_set_region(&m->vm, slot, flags, mem->gpa, mem->size,
				mem->hva);
}

/* @used: bytes that have been loaded */
static int attach_private(const struct gz_machine *m, uint32_t slot, uint32_t flags,
			  const struct gz_memory *mem, uint64_t used)
{
	int ret = -EOPNOTSUPP;

	if (m->cfg.protect)
		ret = gz_memory_attach_private(mem, &m->vm, slot, flags, used);
	return ret == -EOPNOTSUPP ? attach(m, slot, flags, mem) : ret;
}

static uint64_t used_ram(const struct gz_machine *m)
{
	uint64_t end = m->image.fdt + GZ_FDT_SIZE;

	if (m->image.initrd_size)
		end = m->image.initrd + m->image.initrd_size;
	return end - m->mem.gpa;
}

/**
 * gz_machine_attach_memory() - give the memory to the VM
 * @m: the machine, with a VM
 *
 * Return: 0 or -errno.
 */
int gz_machine_attach_memory(struct gz_machine *m)
{
	int ret = 0;

	if (m->firmware.hva)
		ret = attach_private(m, SLOT_FIRMWARE,
				     GZVM_USER_MEM_REGION_PROTECT_FW, &m->firmware,
				     m->firmware.size);
	if (!ret)
		ret = attach_private(m, SLOT_RAM, GZVM_USER_MEM_REGION_GUEST_MEM,
				     &m->mem, used_ram(m));
	if (!ret && m->dma.bounce)
		ret = attach(m, SLOT_SWIOTLB,
			     GZVM_USER_MEM_REGION_STATIC_SWIOTLB, &m->dma);
	return ret;
}

/**
 * gz_machine_memory_fdt() - write the nodes of RAM and pool
 * @m: the machine
 * @fdt: the tree, inside the root node
 */
void gz_machine_memory_fdt(const struct gz_machine *m, struct gz_fdt *fdt)
{
	gz_fdt_begin(fdt, "memory@%llx", (unsigned long long)m->backing.gpa);
	gz_fdt_string(fdt, "device_type", "memory");
	gz_fdt_reg(fdt, m->backing.gpa, m->backing.size);
	gz_fdt_end(fdt);
	if (!m->dma.bounce)
		return;
	gz_fdt_begin(fdt, "reserved-memory");
	gz_fdt_cells(fdt, "#address-cells", 2);
	gz_fdt_cells(fdt, "#size-cells", 2);
	gz_fdt_empty(fdt, "ranges");
	gz_fdt_begin(fdt, "swiotlb@%llx", (unsigned long long)m->dma.gpa);
	gz_fdt_string(fdt, "compatible", "restricted-dma-pool");
	gz_fdt_reg(fdt, m->dma.gpa, m->dma.size);
	gz_fdt_cells(fdt, "phandle", GZ_FDT_PHANDLE_SWIOTLB);
	gz_fdt_end(fdt);
	gz_fdt_end(fdt);
}

/**
 * gz_machine_free_memory() - free the memory
 * @m: the machine; its VM has been destroyed
 */
void gz_machine_free_memory(struct gz_machine *m)
{
	gz_memory_free(&m->firmware);
	gz_memory_free(&m->backing);
}
