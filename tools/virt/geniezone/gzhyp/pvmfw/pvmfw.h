/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Firmware of protected VMs. It runs first in the guest, when the host can no longer
 * access the guest's memory, and starts only a kernel that its key has signed.
 *
 * A signature is a struct manifest. It follows the last byte of the kernel's file, and
 * the size in x2 includes it. sign.py writes signatures.
 */
#ifndef PVMFW_H
#define PVMFW_H

#include "lib/types.h"

#define PVMFW_HASH_SIZE		64
#define PVMFW_SIGNATURE_SIZE	64

/* COMMAND_LINE_SIZE of arm64 */
#define PVMFW_PARAMS_SIZE	2048

/* "GZSIGN1", the first bytes that are signed */
#define PVMFW_MANIFEST_MAGIC	0x00314e4749535a47ULL

/* struct manifest.flags: any command line is allowed */
#define PVMFW_ANY_PARAMS	BIT(0)

/* The firmware's map: devices are below 1 GiB, memory is above, see start.S */
#define PVMFW_MEMORY_BEGIN	SZ_1G
#define PVMFW_MEMORY_END	(512 * SZ_1G)

/**
 * struct manifest - the contents of a signature; little endian
 * @signature: Ed25519, of everything behind it
 * @magic: %PVMFW_MANIFEST_MAGIC
 * @kernel_size: bytes of the kernel's file
 * @initrd_size: bytes of the initrd, or 0 if there must be none
 * @flags: %PVMFW_ANY_PARAMS or 0
 * @kernel_hash: SHA-512 of the kernel
 * @initrd_hash: SHA-512 of the initrd
 * @params: the command line, with zeros up to its size
 */
struct manifest {
	u8 signature[PVMFW_SIGNATURE_SIZE];
	u64 magic;
	u64 kernel_size;
	u64 initrd_size;
	u64 flags;
	u8 kernel_hash[PVMFW_HASH_SIZE];
	u8 initrd_hash[PVMFW_HASH_SIZE];
	char params[PVMFW_PARAMS_SIZE];
};

/**
 * struct range - guest-physical addresses
 * @begin: the first one
 * @end: the first one behind it
 */
struct range {
	u64 begin;
	u64 end;
};

/**
 * struct boot - arguments from gzhyp, in the order of the registers
 * @fdt: the device tree
 * @payload: the kernel
 * @size: its bytes, with the signature
 * @ram: the region of memory that has the kernel; gzhyp guarantees that all of it is
 *	 and remains the guest's alone
 */
struct boot {
	u64 fdt;
	u64 payload;
	u64 size;
	struct range ram;
};

/**
 * struct pvmfw_tree - words of the device tree about the payload
 * @initrd: its place, empty if there is none
 * @params: the command line
 */
struct pvmfw_tree {
	struct range initrd;
	const char *params;
};

/* check.c */
const char *pvmfw_check(const struct boot *boot, struct range firmware);

/* tree.c */
const char *pvmfw_check_tree(const void *fdt, struct range ram,
			     struct pvmfw_tree *tree);
bool pvmfw_find_device(const void *fdt, const char *compatible, u64 *base);

/* crypto.c */
bool pvmfw_is_signed(const u8 *signature, const void *data, u64 size);
void pvmfw_hash(u8 *hash, const void *data, u64 size);

static inline bool range_overlaps(struct range a, struct range b)
{
	return a.begin < b.end && b.begin < a.end;
}

static inline bool range_contains(struct range outer, struct range inner)
{
	return outer.begin <= inner.begin && inner.begin <= inner.end &&
	       inner.end <= outer.end;
}

#endif /* PVMFW_H */
