// SPDX-License-Identifier: GPL-2.0
/* The way from start.S to the decision and back, or to an end. */
#include <libfdt.h>

#include "lib/string.h"
#include "pvmfw/pvmfw.h"

#define PSCI_SYSTEM_RESET	0x84000009

/*
 * Bits of pvpanic's event register. QEMU defines the first one; a VMM that does not
 * know the other one reports a panic.
 */
#define PVPANIC_PANICKED	BIT(0)
#define PVPANIC_REFUSED		BIT(7)

const char *pvmfw_main(const struct boot *boot, u64 begin, u64 end);
void __noreturn pvmfw_refuse(const struct boot *boot, const char *why);

static void write8(u64 base, u8 value)
{
	asm volatile("strb %w0, [%1]" : : "r" (value), "r" (base) : "memory");
}

static void say(const void *fdt, const char *text)
{
	u64 uart;

	if (!pvmfw_find_device(fdt, "ns16550a", &uart))
		return;
	while (*text)
		write8(uart, *text++);
}

static void __noreturn reset(void)
{
	register u64 x0 asm("x0") = PSCI_SYSTEM_RESET;

	asm volatile("hvc #0" : "+r" (x0) : : "x1", "x2", "x3", "memory");
	for (;;)
		asm volatile("wfi");
}

/* Reading a tree that may be an MMIO register would only confuse. */
static bool has_tree(const struct boot *boot)
{
	return IS_ALIGNED(boot->fdt, 8) && boot->fdt >= PVMFW_MEMORY_BEGIN &&
	       boot->fdt < PVMFW_MEMORY_END - SZ_2M &&
	       !fdt_check_header((const void *)boot->fdt);
}

/**
 * pvmfw_refuse() - tell why the payload does not start, and end the VM
 * @boot: what gzhyp has passed
 * @why: the reason
 */
void __noreturn pvmfw_refuse(const struct boot *boot, const char *why)
{
	const void *fdt = (const void *)boot->fdt;
	u64 pvpanic;

	if (has_tree(boot)) {
		say(fdt, "pvmfw: refused: ");
		say(fdt, why);
		say(fdt, "\r\n");
		if (pvmfw_find_device(fdt, "qemu,pvpanic-mmio", &pvpanic))
			write8(pvpanic, PVPANIC_PANICKED | PVPANIC_REFUSED);
	}
	reset();
}

#ifdef GZHYP_CONTROL
/* Tests of gzhyp have payloads that nobody can sign in advance. */
static bool is_test(const struct boot *boot)
{
	static const char word[] = "GZTEST\0";
	const char *payload = (const char *)boot->payload;

	return fdt_magic(boot->fdt) == FDT_MAGIC && !memcmp(payload + 56, "ARM\x64", 4) &&
	       !memcmp(payload + 32, word, sizeof(word));
}
#else
static bool is_test(const struct boot *boot)
{
	return false;
}
#endif

/**
 * pvmfw_main() - decide; called by start.S
 * @boot: what gzhyp has passed
 * @begin: the first byte of this program
 * @end: the first byte behind it
 *
 * Return: NULL if the payload is to be started, otherwise why not.
 */
const char *pvmfw_main(const struct boot *boot, u64 begin, u64 end)
{
	const char *why;

	if (is_test(boot))
		return NULL;
	why = pvmfw_check(boot, (struct range){ begin, end });
	if (!why)
		say((const void *)boot->fdt, "pvmfw: the signature is good\r\n");
	return why;
}
