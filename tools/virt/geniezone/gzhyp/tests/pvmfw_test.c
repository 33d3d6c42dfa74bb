// SPDX-License-Identifier: GPL-2.0
/*
 * Decisions of the firmware of protected VMs. The guest's memory is at its own address
 * in this program. Hash and signature are stubs: libsodium is not under test here.
 */
#include <sys/mman.h>

#include <libfdt.h>

#include "pvmfw/pvmfw.h"
#include "tests/ktap.h"

#define RAM		0x50000000UL
#define RAM_SIZE	(8UL << 20)
#define POOL		(RAM + RAM_SIZE)
#define POOL_SIZE	SZ_2M
#define FIRMWARE	0x4fc00000UL
#define KERNEL		RAM
#define KERNEL_SIZE	4099UL
#define MANIFEST	(KERNEL + KERNEL_SIZE)
#define FDT		(RAM + SZ_2M)
#define INITRD		(RAM + 2 * SZ_2M)
#define INITRD_SIZE	1001UL
#define UART		0x0f800000UL
#define PARAMS		"console=ttyS0 quiet"
#define KEY		0x5a

static struct boot boot;
static struct range firmware;
/* The one in the guest is not aligned */
static struct manifest manifest;
static void *const fdt = (void *)FDT;

static void *at(u64 gpa)
{
	return (void *)gpa;
}

/* Stubs for crypto.c */

void pvmfw_hash(u8 *hash, const void *data, u64 size)
{
	const u8 *p = data;
	u64 sum = 14695981039346656037ULL;

	while (size--)
		sum = (sum ^ *p++) * 1099511628211ULL;
	memset(hash, 0, PVMFW_HASH_SIZE);
	memcpy(hash, &sum, sizeof(sum));
}

static void sign_by(u8 *signature, const void *data, u64 size, u8 key)
{
	pvmfw_hash(signature, data, size);
	signature[PVMFW_SIGNATURE_SIZE - 1] = key;
}

bool pvmfw_is_signed(const u8 *signature, const void *data, u64 size)
{
	u8 good[PVMFW_SIGNATURE_SIZE];

	sign_by(good, data, size, KEY);
	return !memcmp(good, signature, sizeof(good));
}

/* The machine */

static void sign_again(u8 key)
{
	sign_by(manifest.signature, &manifest.magic,
		sizeof(manifest) - sizeof(manifest.signature), key);
	memcpy(at(MANIFEST), &manifest, sizeof(manifest));
}

static void write_manifest(void)
{
	manifest = (struct manifest){
		.magic = PVMFW_MANIFEST_MAGIC,
		.kernel_size = KERNEL_SIZE,
		.initrd_size = INITRD_SIZE,
		.params = PARAMS,
	};
	pvmfw_hash(manifest.kernel_hash, at(KERNEL), KERNEL_SIZE);
	pvmfw_hash(manifest.initrd_hash, at(INITRD), INITRD_SIZE);
	sign_again(KEY);
}

static int node(const char *path)
{
	return fdt_path_offset(fdt, path);
}

static int add(const char *parent, const char *name)
{
	return fdt_add_subnode(fdt, node(parent), name);
}

static void set_reg(int n, u64 base, u64 size)
{
	EXPECT(!fdt_setprop_u64(fdt, n, "reg", base));
	EXPECT(!fdt_appendprop_u64(fdt, n, "reg", size));
}

static void set_cells(int n)
{
	EXPECT(!fdt_setprop_u32(fdt, n, "#address-cells", 2));
	EXPECT(!fdt_setprop_u32(fdt, n, "#size-cells", 2));
}

/* A node's offset changes when one before it grows. */
static void write_tree(void)
{
	EXPECT(!fdt_create(fdt, 8192) && !fdt_finish_reservemap(fdt));
	EXPECT(!fdt_begin_node(fdt, "") && !fdt_end_node(fdt) && !fdt_finish(fdt));
	EXPECT(!fdt_open_into(fdt, fdt, 8192));
	set_cells(0);
	EXPECT(add("/", "chosen") > 0);
	EXPECT(!fdt_setprop_string(fdt, node("/chosen"), "bootargs", PARAMS));
	EXPECT(!fdt_setprop_u64(fdt, node("/chosen"), "linux,initrd-start", INITRD));
	EXPECT(!fdt_setprop_u64(fdt, node("/chosen"), "linux,initrd-end",
				INITRD + INITRD_SIZE));
	EXPECT(add("/", "memory@50000000") > 0);
	EXPECT(!fdt_setprop_string(fdt, node("/memory@50000000"), "device_type",
				   "memory"));
	set_reg(node("/memory@50000000"), RAM, RAM_SIZE + POOL_SIZE);
	EXPECT(add("/", "reserved-memory") > 0);
	set_cells(node("/reserved-memory"));
	EXPECT(!fdt_setprop_empty(fdt, node("/reserved-memory"), "ranges"));
	EXPECT(add("/reserved-memory", "pool") > 0);
	EXPECT(!fdt_setprop_string(fdt, node("/reserved-memory/pool"), "compatible",
				   "restricted-dma-pool"));
	set_reg(node("/reserved-memory/pool"), POOL, POOL_SIZE);
	EXPECT(add("/", "cpus") > 0);
	EXPECT(add("/cpus", "cpu@0") > 0);
	EXPECT(!fdt_setprop_string(fdt, node("/cpus/cpu@0"), "device_type", "cpu"));
	EXPECT(!fdt_setprop_string(fdt, node("/cpus/cpu@0"), "enable-method", "psci"));
	EXPECT(!fdt_setprop_u32(fdt, node("/cpus/cpu@0"), "reg", 0));
	EXPECT(add("/", "serial") > 0);
	EXPECT(!fdt_setprop_string(fdt, node("/serial"), "compatible", "ns16550a"));
	set_reg(node("/serial"), UART, 0x1000);
}

static void reset(void)
{
	u64 i;

	if (mmap(at(RAM), RAM_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at(RAM))
		abort();
	for (i = 0; i < KERNEL_SIZE; i++)
		((u8 *)at(KERNEL))[i] = i * 7;
	for (i = 0; i < INITRD_SIZE; i++)
		((u8 *)at(INITRD))[i] = i * 11;
	*(u64 *)at(KERNEL + 8) = 0;		/* text_offset */
	*(u64 *)at(KERNEL + 16) = 0x8000;	/* image_size */
	memcpy(at(KERNEL + 56), "ARM\x64", 4);
	write_tree();
	write_manifest();
	boot = (struct boot){
		.fdt = FDT,
		.payload = KERNEL,
		.size = KERNEL_SIZE + sizeof(struct manifest),
		.ram = { RAM, RAM + RAM_SIZE },
	};
	firmware = (struct range){ FIRMWARE, FIRMWARE + 0x20000 };
}

#define GOOD		"good"

static const char *verdict(void)
{
	return pvmfw_check(&boot, firmware) ?: GOOD;
}

/* Changes one thing, and expects what the firmware says. */
#define CASE(change, expected) do {					\
	reset();							\
	change;								\
	if (strcmp(verdict(), expected)) {				\
		fprintf(stderr, "# %s: %s\n", #change, verdict());	\
		EXPECT(!expected);					\
	}								\
} while (0)

#define NOT_SIGNED	"the kernel has no signature"
#define NO_TREE		"there is no device tree"
#define FDT_PLACE	"the device tree is not in private memory"
#define KERNEL_PLACE	"the kernel is not in private memory"
#define OWN_PLACES	"kernel, initrd or device tree are not at places of their own"
#define NO_IMAGE	"this is no arm64 Image, or not at its place"
#define OTHER_KEY	"the signature is not by the key of this firmware"
#define OTHER_KERNEL	"the kernel is not the one that was signed"
#define OTHER_INITRD	"the initrd is not the one that was signed"
#define OTHER_PARAMS	"the command line is not the one that was signed"
#define CHOSEN		node("/chosen")

static void flip(u64 gpa)
{
	*(u8 *)at(gpa) ^= 1;
}

static void what_was_signed_starts(void)
{
	CASE(, GOOD);
	CASE(boot.ram.begin -= SZ_2M, GOOD);
}

static void changed_byte_is_seen(void)
{
	CASE(flip(KERNEL + 100), OTHER_KERNEL);
	CASE(flip(KERNEL + KERNEL_SIZE - 1), OTHER_KERNEL);
	CASE(flip(INITRD), OTHER_INITRD);
	CASE(flip(INITRD + INITRD_SIZE - 1), OTHER_INITRD);
	CASE(flip(MANIFEST + offsetof(struct manifest, kernel_size)), OTHER_KEY);
	CASE(flip(MANIFEST + offsetof(struct manifest, params)), OTHER_KEY);
	CASE(flip(MANIFEST + offsetof(struct manifest, signature)), OTHER_KEY);
	CASE(flip(MANIFEST + offsetof(struct manifest, magic)), NOT_SIGNED);
	CASE(flip(MANIFEST + sizeof(manifest)), GOOD);
}

static void manifest_is_used_as_it_is(void)
{
	CASE(sign_again(KEY + 1), OTHER_KEY);
	CASE(boot.size--, NOT_SIGNED);
	CASE(boot.size = 0, NOT_SIGNED);
	CASE(boot.size = sizeof(manifest), NOT_SIGNED);
	CASE(manifest.kernel_size++; sign_again(KEY), OTHER_KERNEL);
	CASE(manifest.initrd_size++; sign_again(KEY), OTHER_INITRD);
	CASE(manifest.flags = 2; sign_again(KEY),
	     "the signature is of a newer kind");
	CASE(memset(manifest.params, 'x', PVMFW_PARAMS_SIZE); sign_again(KEY),
	     OTHER_PARAMS);
	CASE(fdt_setprop_string(fdt, CHOSEN, "bootargs", PARAMS " init=/bin/sh"),
	     OTHER_PARAMS);
	CASE(fdt_setprop_string(fdt, CHOSEN, "bootargs", "console=ttyS0"), OTHER_PARAMS);
	CASE(fdt_delprop(fdt, CHOSEN, "bootargs"), OTHER_PARAMS);
	CASE(manifest.flags = PVMFW_ANY_PARAMS; sign_again(KEY);
	     fdt_setprop_string(fdt, CHOSEN, "bootargs", "init=/bin/sh"), GOOD);
}

static void initrd_is_the_kernels(void)
{
	CASE(fdt_setprop_u64(fdt, CHOSEN, "linux,initrd-end", INITRD + INITRD_SIZE + 1),
	     OTHER_INITRD);
	CASE(fdt_setprop_u64(fdt, CHOSEN, "linux,initrd-start", INITRD + 1),
	     OTHER_INITRD);
	CASE(fdt_setprop_u64(fdt, CHOSEN, "linux,initrd-end", INITRD - 1), OWN_PLACES);
	CASE(fdt_setprop_u32(fdt, CHOSEN, "linux,initrd-start", INITRD), GOOD);
	CASE(fdt_setprop(fdt, CHOSEN, "linux,initrd-start", "abc", 3),
	     "the place of the initrd is not a number");
	CASE(fdt_delprop(fdt, CHOSEN, "linux,initrd-start");
	     fdt_delprop(fdt, CHOSEN, "linux,initrd-end"), OTHER_INITRD);
	CASE(fdt_delprop(fdt, CHOSEN, "linux,initrd-start");
	     fdt_delprop(fdt, CHOSEN, "linux,initrd-end");
	     manifest.initrd_size = 0;
	     pvmfw_hash(manifest.initrd_hash, NULL, 0); sign_again(KEY), GOOD);
}

static void places_are_private_and_apart(void)
{
	CASE(boot.ram = (struct range){ 0 }, "the kernel is not in private memory");
	CASE(boot.ram.begin = RAM + SZ_2M, KERNEL_PLACE);
	CASE(boot.ram.end = FDT + SZ_2M - 1, FDT_PLACE);
	CASE(boot.ram.end = INITRD + INITRD_SIZE - 1, "some memory is not private");
	CASE(boot.fdt += 4, FDT_PLACE);
	CASE(boot.fdt = RAM + RAM_SIZE, FDT_PLACE);
	CASE(boot.fdt = INITRD, NO_TREE);
	CASE(boot.size = ~0ULL, KERNEL_PLACE);
	CASE(boot.size = RAM_SIZE + 1, KERNEL_PLACE);
	CASE(boot.payload += 8, NO_IMAGE);
	CASE(flip(KERNEL + 56), NO_IMAGE);
	CASE(flip(KERNEL + 8), NO_IMAGE);
	CASE(*(u64 *)at(KERNEL + 16) = SZ_2M + 1, OWN_PLACES);
	CASE(*(u64 *)at(KERNEL + 16) = SZ_2M, OTHER_KERNEL);
	CASE(*(u64 *)at(KERNEL + 16) = ~0ULL, NO_IMAGE);
	CASE(firmware.begin = RAM + 0x7000; firmware.end = RAM + 0x9000, OWN_PLACES);
	CASE(firmware.begin = INITRD; firmware.end = INITRD + 1, OWN_PLACES);
	CASE(firmware.begin = FDT + SZ_2M - 1; firmware.end = FDT + SZ_2M, FDT_PLACE);
	CASE(fdt_setprop_u64(fdt, CHOSEN, "linux,initrd-start", KERNEL);
	     fdt_setprop_u64(fdt, CHOSEN, "linux,initrd-end", KERNEL + INITRD_SIZE),
	     OWN_PLACES);
}

static void tree_names_no_other_memory(void)
{
	const char *memory = "/memory@50000000", *pool = "/reserved-memory/pool";

	CASE(set_reg(node(memory), RAM, RAM_SIZE), GOOD);
	CASE(set_reg(node(memory), RAM, RAM_SIZE + POOL_SIZE + 1),
	     "some memory is not private");
	CASE(set_reg(node(memory), RAM - 1, RAM_SIZE), "some memory is not private");
	CASE(set_reg(node(memory), POOL, POOL_SIZE), GOOD);
	CASE(set_reg(node(memory), RAM, 0 - RAM), "an address wraps");
	CASE(fdt_setprop_string(fdt, node(memory), "device_type", "memories"),
	     "a device has an unknown type");
	CASE(fdt_setprop(fdt, node(memory), "device_type", "memory\0x", 9),
	     "a device has an unknown type");
	CASE(fdt_setprop_empty(fdt, node(memory), "linux,usable-memory"),
	     "memory has an unknown property");
	CASE(set_reg(node(pool), POOL - 1, POOL_SIZE + 1),
	     "/reserved-memory is more than a pool for devices");
	CASE(fdt_setprop_string(fdt, node(pool), "compatible", "ramoops"),
	     "/reserved-memory is more than a pool for devices");
	CASE(add("/reserved-memory", "more"),
	     "/reserved-memory is more than a pool for devices");
	CASE(fdt_del_node(fdt, node(pool)), "some memory is not private");
}

static void tree_has_only_what_is_known(void)
{
	CASE(fdt_setprop_u64(fdt, CHOSEN, "linux,uefi-system-table", RAM),
	     "an unknown property in /chosen");
	CASE(add("/chosen", "framebuffer"), "/chosen is missing, or is not simple");
	CASE(fdt_del_node(fdt, CHOSEN), "/chosen is missing, or is not simple");
	CASE(fdt_setprop(fdt, CHOSEN, "bootargs", "ab", 2), "bootargs is not a text");
	CASE(fdt_setprop(fdt, CHOSEN, "bootargs", "a\0b", 4), "bootargs is not a text");
	CASE(fdt_setprop_u32(fdt, 0, "#address-cells", 1),
	     "addresses in the device tree do not have 64 bits");
	CASE(set_reg(node("/serial"), RAM + RAM_SIZE - 1, 1),
	     "a device is in private memory");
	CASE(set_reg(node("/serial"), RAM - 1, 1), GOOD);
	CASE(fdt_setprop_empty(fdt, node("/serial"), "ranges"),
	     "a device translates addresses");
	CASE(set_reg(add("/serial", "child"), RAM, 1),
	     "a device is not at the top of the tree");
	CASE(fdt_setprop_string(fdt, node("/cpus/cpu@0"), "enable-method", "spin-table"),
	     "a CPU is not started by PSCI");
	CASE(fdt_set_totalsize(fdt, SZ_2M + 1), NO_TREE);
	CASE(fdt_set_size_dt_struct(fdt, fdt_size_dt_struct(fdt) - 4),
	     "the device tree is damaged");
}

#define PCI		"/pci"
#define PCI_WINDOW	0x2000000UL

static void add_range(u64 window, u64 size)
{
	int i;

	for (i = 0; i < 3; i++)
		EXPECT(!fdt_appendprop_u32(fdt, node(PCI), "ranges", 0));
	EXPECT(!fdt_appendprop_u64(fdt, node(PCI), "ranges", window));
	EXPECT(!fdt_appendprop_u64(fdt, node(PCI), "ranges", size));
}

/* A PCI host with one range, as crosvm describes it */
static void add_pci(u64 window, u64 size)
{
	EXPECT(add("/", "pci") > 0);
	EXPECT(!fdt_setprop_string(fdt, node(PCI), "device_type", "pci"));
	EXPECT(!fdt_setprop_u32(fdt, node(PCI), "#address-cells", 3));
	EXPECT(!fdt_setprop_u32(fdt, node(PCI), "#size-cells", 2));
	set_reg(node(PCI), 0x10000, 0x1000000);
	add_range(window, size);
}

static void tree_of_crosvm_is_accepted(void)
{
	CASE(add_pci(PCI_WINDOW, 0x2000000);
	     fdt_setprop_u32(fdt, CHOSEN, "linux,pci-probe-only", 1);
	     fdt_delprop(fdt, node("/cpus/cpu@0"), "enable-method");
	     add("/cpus", "cpu-map"), GOOD);
	CASE(add_pci(RAM - 1, 1), GOOD);
	CASE(add_pci(RAM - 1, 2), "a device is in private memory");
	CASE(add_pci(RAM + RAM_SIZE - 1, 1), "a device is in private memory");
	CASE(add_pci(PCI_WINDOW, 1); add_range(RAM, 1), "a device is in private memory");
	CASE(add_pci(PCI_WINDOW, ~0ULL), "an address wraps");
	CASE(add_pci(PCI_WINDOW, 1); set_reg(node(PCI), RAM, 1),
	     "a device is in private memory");
	CASE(add_pci(PCI_WINDOW, 1); set_reg(add(PCI, "child"), RAM, 1),
	     "a device is not at the top of the tree");
	CASE(add_pci(PCI_WINDOW, 1); fdt_appendprop_u32(fdt, node(PCI), "ranges", 0),
	     "a PCI host is not simple");
	CASE(add_pci(PCI_WINDOW, 1); fdt_setprop_u32(fdt, node(PCI), "#address-cells", 2),
	     "a PCI host is not simple");
	CASE(add_pci(PCI_WINDOW, 1); fdt_setprop_u32(fdt, node(PCI), "#size-cells", 1),
	     "a PCI host is not simple");
	CASE(add_pci(PCI_WINDOW, 1); fdt_delprop(fdt, node(PCI), "ranges"),
	     "a PCI host is not simple");
	CASE(add_pci(PCI_WINDOW, 1); fdt_setprop_string(fdt, node(PCI), "device_type", "bus"),
	     "a device translates addresses");
}

static void messages_go_to_devices_only(void)
{
	u64 base;

	reset();
	EXPECT(pvmfw_find_device(fdt, "ns16550a", &base) && base == UART);
	EXPECT(!pvmfw_find_device(fdt, "qemu,pvpanic-mmio", &base));
	set_reg(node("/serial"), RAM, 0x1000);
	EXPECT(!pvmfw_find_device(fdt, "ns16550a", &base));
}

static const struct test tests[] = {
	TEST(what_was_signed_starts),
	TEST(changed_byte_is_seen),
	TEST(manifest_is_used_as_it_is),
	TEST(initrd_is_the_kernels),
	TEST(places_are_private_and_apart),
	TEST(tree_names_no_other_memory),
	TEST(tree_has_only_what_is_known),
	TEST(tree_of_crosvm_is_accepted),
	TEST(messages_go_to_devices_only),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
