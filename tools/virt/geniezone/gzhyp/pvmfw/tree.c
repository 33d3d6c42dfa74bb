// SPDX-License-Identifier: GPL-2.0
/*
 * The device tree. The VMM writes it when it starts the VM, so it has no signature.
 * It may describe any devices, but it must not make a kernel that has been verified
 * use anything else than its own private memory as its memory, or take parameters
 * that were not signed. Anything else is refused: a tree must be as simple as those of
 * gzrun and crosvm.
 */
#include <libfdt.h>

#include "lib/string.h"
#include "pvmfw/pvmfw.h"

/* Properties of /chosen that a kernel may get. Seeds are not trusted by it alone. */
static const char *const chosen_props[] = {
	"bootargs", "kaslr-seed", "linux,initrd-end", "linux,initrd-start",
	"linux,pci-probe-only", "rng-seed", "stdout-path",
};

/* An entry in the ranges of a PCI host: 3 cells on its bus, then address and size */
#define PCI_RANGE	7

static bool is_word(const void *fdt, int node, const char *prop, const char *word)
{
	int len;
	const char *value = fdt_getprop(fdt, node, prop, &len);

	return value && len == strlen(word) + 1 && !memcmp(value, word, len);
}

/* All addresses and sizes have 64 bits here. */
static bool has_two_cells(const void *fdt, int node)
{
	return fdt_address_cells(fdt, node) == 2 && fdt_size_cells(fdt, node) == 2;
}

static u64 read_u64(const fdt32_t *cell)
{
	return (u64)fdt32_to_cpu(cell[0]) << 32 | fdt32_to_cpu(cell[1]);
}

/* Returns whether there is such a range in reg. One that wraps begins behind its end. */
static bool nth_range(const void *fdt, int node, int n, struct range *range)
{
	int len;
	const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &len);

	if (!reg || len < (n + 1) * 16)
		return false;
	range->begin = read_u64(reg + 4 * n);
	range->end = range->begin + read_u64(reg + 4 * n + 2);
	return true;
}

/* Whole entries, none of which wraps */
static bool reg_is_valid(const void *fdt, int node)
{
	struct range range;
	int len = 0, n;

	if (fdt_getprop(fdt, node, "reg", &len) && len % 16)
		return false;
	for (n = 0; nth_range(fdt, node, n, &range); n++)
		if (range.end < range.begin)
			return false;
	return true;
}

static bool is_known(const char *prop)
{
	unsigned int i;

	for (i = 0; prop && i < ARRAY_SIZE(chosen_props); i++)
		if (!strcmp(prop, chosen_props[i]))
			return true;
	return false;
}

static bool read_initrd_bound(const void *fdt, int node, const char *prop, u64 *value)
{
	int len;
	const fdt32_t *cell = fdt_getprop(fdt, node, prop, &len);

	*value = 0;
	if (!cell)
		return true;
	if (len == 4)
		*value = fdt32_to_cpu(*cell);
	else if (len == 8)
		*value = read_u64(cell);
	return len == 4 || len == 8;
}

static bool read_params(const void *fdt, int node, const char **params)
{
	int len;
	const char *value = fdt_getprop(fdt, node, "bootargs", &len);

	*params = value ? value : "";
	return !value || (len > 0 && strnlen(value, len) == len - 1);
}

static const char *check_chosen(const void *fdt, struct range ram,
				struct pvmfw_tree *tree)
{
	int node = fdt_path_offset(fdt, "/chosen"), prop;
	const char *name;

	fdt_for_each_property_offset(prop, fdt, node) {
		fdt_getprop_by_offset(fdt, prop, &name, NULL);
		if (!is_known(name))
			return "an unknown property in /chosen";
	}
	if (node < 0 || fdt_first_subnode(fdt, node) >= 0)
		return "/chosen is missing, or is not simple";
	if (!read_params(fdt, node, &tree->params))
		return "bootargs is not a text";
	if (!read_initrd_bound(fdt, node, "linux,initrd-start", &tree->initrd.begin) ||
	    !read_initrd_bound(fdt, node, "linux,initrd-end", &tree->initrd.end))
		return "the place of the initrd is not a number";
	/* An empty initrd is at a place where it does no harm. */
	if (!tree->initrd.begin && !tree->initrd.end)
		tree->initrd = (struct range){ ram.begin, ram.begin };
	return NULL;
}

/* One pool, and not in private memory: devices and the host use it. */
static const char *check_reserved(const void *fdt, struct range ram,
				  struct range *pool)
{
	static const char what[] = "/reserved-memory is more than a pool for devices";
	int node = fdt_path_offset(fdt, "/reserved-memory"), child, children = 0;
	struct range more;

	*pool = (struct range){ 0, 0 };
	if (node < 0)
		return NULL;
	if (!has_two_cells(fdt, node))
		return what;
	fdt_for_each_subnode(child, fdt, node) {
		if (children++ ||
		    !is_word(fdt, child, "compatible", "restricted-dma-pool") ||
		    !reg_is_valid(fdt, child) || !nth_range(fdt, child, 0, pool) ||
		    nth_range(fdt, child, 1, &more) || range_overlaps(*pool, ram) ||
		    fdt_first_subnode(fdt, child) >= 0)
			return what;
	}
	return NULL;
}

/* All memory of the kernel is private, or in the pool. */
static bool is_good_memory(struct range ram, struct range pool, struct range memory)
{
	struct range rest = { MAX(memory.begin, ram.end), memory.end };

	return memory.begin >= ram.begin &&
	       (memory.end <= ram.end || range_contains(pool, rest));
}

static const char *check_memory(const void *fdt, int node, struct range ram,
				struct range pool)
{
	struct range memory;
	int n;

	if (fdt_getprop(fdt, node, "linux,usable-memory", NULL))
		return "memory has an unknown property";
	for (n = 0; nth_range(fdt, node, n, &memory); n++)
		if (!is_good_memory(ram, pool, memory))
			return "some memory is not private";
	return NULL;
}

/* The kernel writes to the addresses of devices. */
static const char *check_place(struct range range, struct range ram)
{
	if (range.end < range.begin)
		return "an address wraps";
	if (range_overlaps(range, ram))
		return "a device is in private memory";
	return NULL;
}

static const char *check_device(const void *fdt, int node, struct range ram)
{
	const char *why = NULL;
	struct range range;
	int n;

	for (n = 0; !why && nth_range(fdt, node, n, &range); n++)
		why = check_place(range, ram);
	return why;
}

static const char *check_cpus(const void *fdt, int node)
{
	int cpu;

	/*
	 * A spin table is an address where the kernel writes. Without a method, it
	 * starts no CPU.
	 */
	fdt_for_each_subnode(cpu, fdt, node)
		if (fdt_getprop(fdt, cpu, "enable-method", NULL) &&
		    !is_word(fdt, cpu, "enable-method", "psci"))
			return "a CPU is not started by PSCI";
	return NULL;
}

/* Nodes inside of others have no addresses. */
static const char *check_below(const void *fdt, int node)
{
	int depth = 0, child = node;

	for (;;) {
		child = fdt_next_node(fdt, child, &depth);
		if (child < 0 || depth <= 0)
			return NULL;
		if (fdt_getprop(fdt, child, "reg", NULL) ||
		    fdt_getprop(fdt, child, "ranges", NULL))
			return "a device is not at the top of the tree";
	}
}

/* The kernel gives devices addresses in the ranges of their host only. */
static const char *check_pci(const void *fdt, int node, struct range ram)
{
	const char *why = NULL;
	struct range range;
	const fdt32_t *cell;
	int len, i;

	cell = fdt_getprop(fdt, node, "ranges", &len);
	if (!cell || len % (PCI_RANGE * sizeof(*cell)) ||
	    fdt_address_cells(fdt, node) != 3 || fdt_size_cells(fdt, node) != 2)
		return "a PCI host is not simple";
	for (i = 0; !why && i < len / (int)sizeof(*cell); i += PCI_RANGE) {
		range.begin = read_u64(cell + i + 3);
		range.end = range.begin + read_u64(cell + i + 5);
		why = check_place(range, ram);
	}
	return why ?: check_device(fdt, node, ram) ?: check_below(fdt, node);
}

static const char *check_node(const void *fdt, int node, struct range ram,
			      struct range pool)
{
	const char *name = fdt_get_name(fdt, node, NULL);

	if (!name || !reg_is_valid(fdt, node))
		return "an address wraps";
	if (!strcmp(name, "reserved-memory"))
		return NULL;
	if (!strcmp(name, "cpus"))
		return check_cpus(fdt, node);
	if (is_word(fdt, node, "device_type", "pci"))
		return check_pci(fdt, node, ram);
	if (fdt_getprop(fdt, node, "ranges", NULL))
		return "a device translates addresses";
	if (is_word(fdt, node, "device_type", "memory"))
		return check_memory(fdt, node, ram, pool);
	/* A kernel may take another spelling as memory. */
	if (fdt_getprop(fdt, node, "device_type", NULL))
		return "a device has an unknown type";
	return check_device(fdt, node, ram) ?: check_below(fdt, node);
}

/* Loops over nodes do not tell an error from the end. */
static bool is_whole(const void *fdt)
{
	int node = -1, depth = 0;

	do
		node = fdt_next_node(fdt, node, &depth);
	while (node >= 0);
	return node == -FDT_ERR_NOTFOUND;
}

/**
 * pvmfw_check_tree() - verify a device tree
 * @fdt: the tree; its header has been checked
 * @ram: private memory
 * @tree: gets the tree's words about the payload
 *
 * Return: NULL if it is good, otherwise why not.
 */
const char *pvmfw_check_tree(const void *fdt, struct range ram,
			     struct pvmfw_tree *tree)
{
	const char *why;
	struct range pool;
	int node;

	if (!is_whole(fdt))
		return "the device tree is damaged";
	if (!has_two_cells(fdt, 0))
		return "addresses in the device tree do not have 64 bits";
	why = check_chosen(fdt, ram, tree) ?: check_reserved(fdt, ram, &pool);
	if (why)
		return why;
	fdt_for_each_subnode(node, fdt, 0) {
		why = check_node(fdt, node, ram, pool);
		if (why)
			return why;
	}
	return NULL;
}

/**
 * pvmfw_find_device() - find a device to which a message can be written
 * @fdt: the tree; its header has been checked, and nothing else
 * @compatible: a word
 * @base: gets the address
 *
 * Return: whether there is one, where devices are.
 */
bool pvmfw_find_device(const void *fdt, const char *compatible, u64 *base)
{
	int node = fdt_node_offset_by_compatible(fdt, -1, compatible);
	struct range range;

	if (node < 0 || !nth_range(fdt, node, 0, &range))
		return false;
	*base = range.begin;
	return range.begin < PVMFW_MEMORY_BEGIN;
}
