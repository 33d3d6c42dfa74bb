// SPDX-License-Identifier: GPL-2.0
/*
 * Is the payload the one that was signed?
 *
 * Everything is verified in place. This is safe because nothing can change it any
 * more: it must be in the region that gzhyp has named, whose pages the host cannot
 * access and which stays as it is until the VM ends. No other vCPU runs yet, and no
 * device accesses this region. A page that the host has not mapped yet becomes the
 * guest's alone before the firmware reads its first byte.
 */
#include <libfdt.h>

#include "lib/string.h"
#include "pvmfw/pvmfw.h"

#define IMAGE_MAGIC	0x644d5241	/* "ARM\x64" */
#define MAX_FDT_SIZE	SZ_2M

/* Documentation/arch/arm64/booting.rst; little endian */
struct image {
	u32 code[2];
	u64 text_offset;
	u64 image_size;
	u64 flags;
	u64 res[3];
	u32 magic;
	u32 pe_offset;
};

/* An address of the guest. Firmware has no other. */
static const void *at(u64 gpa)
{
	return (const void *)(uintptr_t)gpa;
}

static struct range range_of(u64 begin, u64 size)
{
	/* A range that wraps is in no other one. */
	return (struct range){ begin, begin + size };
}

static bool is_usable(struct range ram, struct range firmware, struct range range)
{
	return range_contains(ram, range) && !range_overlaps(firmware, range);
}

static const char *check_header(const struct boot *boot)
{
	const struct image *image = at(boot->payload);
	u64 base = boot->payload - image->text_offset;

	if (image->magic != IMAGE_MAGIC || image->image_size > SZ_1G ||
	    !IS_ALIGNED(base, SZ_2M))
		return "this is no arm64 Image, or not at its place";
	return NULL;
}

static bool params_are_signed(const struct manifest *manifest, const char *params)
{
	if (manifest->flags & PVMFW_ANY_PARAMS)
		return true;
	return !manifest->params[PVMFW_PARAMS_SIZE - 1] &&
	       !strcmp(manifest->params, params);
}

static bool is_same(const void *data, u64 size, const u8 *signed_hash)
{
	u8 hash[PVMFW_HASH_SIZE];

	pvmfw_hash(hash, data, size);
	return !memcmp(hash, signed_hash, sizeof(hash));
}

static const char *check_contents(const struct boot *boot,
				  const struct pvmfw_tree *tree)
{
	const u64 kernel_size = boot->size - sizeof(struct manifest);
	const u64 initrd_size = tree->initrd.end - tree->initrd.begin;
	struct manifest manifest;

	/* It is not aligned. */
	memcpy(&manifest, at(boot->payload + kernel_size), sizeof(manifest));
	if (manifest.magic != PVMFW_MANIFEST_MAGIC)
		return "the kernel has no signature";
	if (!pvmfw_is_signed(manifest.signature, &manifest.magic,
			     sizeof(manifest) - sizeof(manifest.signature)))
		return "the signature is not by the key of this firmware";
	if (manifest.flags & ~PVMFW_ANY_PARAMS)
		return "the signature is of a newer kind";
	if (!params_are_signed(&manifest, tree->params))
		return "the command line is not the one that was signed";
	if (manifest.kernel_size != kernel_size ||
	    !is_same(at(boot->payload), kernel_size, manifest.kernel_hash))
		return "the kernel is not the one that was signed";
	if (manifest.initrd_size != initrd_size ||
	    !is_same(at(tree->initrd.begin), initrd_size, manifest.initrd_hash))
		return "the initrd is not the one that was signed";
	return NULL;
}

/* The kernel also uses memory behind its file. */
static struct range kernel_range(const struct boot *boot)
{
	const struct image *image = at(boot->payload);

	return range_of(boot->payload, MAX(boot->size, image->image_size));
}

/**
 * pvmfw_check() - verify a payload
 * @boot: what gzhyp has passed
 * @firmware: where this program is
 *
 * Return: NULL if the payload may start, otherwise why not.
 */
const char *pvmfw_check(const struct boot *boot, struct range firmware)
{
	struct range kernel = range_of(boot->payload, boot->size), fdt;
	static const struct range memory = { PVMFW_MEMORY_BEGIN, PVMFW_MEMORY_END };
	struct pvmfw_tree tree;
	const char *why;

	if (!range_contains(memory, boot->ram))
		return "the kernel is not in private memory";
	fdt = range_of(boot->fdt, sizeof(struct fdt_header));
	if (!IS_ALIGNED(boot->fdt, 8) || !is_usable(boot->ram, firmware, fdt))
		return "the device tree is not in private memory";
	if (fdt_check_header(at(boot->fdt)) ||
	    fdt_totalsize(at(boot->fdt)) > MAX_FDT_SIZE)
		return "there is no device tree";
	fdt = range_of(boot->fdt, MAX_FDT_SIZE);
	if (!is_usable(boot->ram, firmware, fdt))
		return "the device tree is not in private memory";

	if (boot->size < sizeof(struct image) + sizeof(struct manifest))
		return "the kernel has no signature";
	if (!IS_ALIGNED(boot->payload, 8) || !is_usable(boot->ram, firmware, kernel))
		return "the kernel is not in private memory";
	why = check_header(boot);
	if (why)
		return why;
	kernel = kernel_range(boot);
	why = pvmfw_check_tree(at(boot->fdt), boot->ram, &tree);
	if (why)
		return why;
	if (!is_usable(boot->ram, firmware, kernel) ||
	    !is_usable(boot->ram, firmware, tree.initrd) ||
	    range_overlaps(kernel, fdt) || range_overlaps(kernel, tree.initrd) ||
	    range_overlaps(fdt, tree.initrd))
		return "kernel, initrd or device tree are not at places of their own";
	return check_contents(boot, &tree);
}
