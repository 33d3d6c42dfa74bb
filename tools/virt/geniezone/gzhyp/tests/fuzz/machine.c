// SPDX-License-Identifier: GPL-2.0
/* Memory, registers and interrupts, as arch/ offers them to core/, and the input. */
#include "arch/entry.h"
#include "arch/gic.h"
#include "arch/stop.h"
#include "arch/switch.h"
#include "core/mem/pool.h"
#include "lib/print.h"
#include "tests/fuzz/fuzz.h"

#define NR_LRS		4
#define MAX_SYSREGS	64

/* Calls and accesses that one input may make */
#define MAX_OPS		400

u64 test_phys_offset, options;
struct percpu *percpus[MAX_CPUS];
struct cpu_features cpu_features = { .pa_bits = IPA_BITS, .rndr = true };
struct platform platform = { .ram = { { RAM_BASE, RAM_SIZE } }, .nr_ram = 1 };
bool cpus_stop;

/* The firmware, more than a page */
asm(".data\n.globl pvmfw_start, pvmfw_end\n"
	"pvmfw_start: .fill 6000, 1, 0x77\n"
	"pvmfw_end: .byte 0\n.text\n");

unsigned int here;
u32 pending_irqs;
static struct percpu cpus[FUZZ_CPUS];
static u64 lrs[FUZZ_CPUS][VGIC_MAX_LRS];
static unsigned int eois;
static u32 owners[RAM_PAGES];

static struct {
	const u8 *at, *end;
	unsigned int ops;
} input;

static struct {
	char name[32];
	u64 val;
} sysregs[MAX_SYSREGS];

void __noreturn broken(const char *where, const char *what)
{
	fprintf(stderr, "# %s: %s\n", where, what);
	abort();
}

void __noreturn panic(const char *fmt, ...)
{
	broken("panic", fmt);
}

void print(const char *fmt, ...)
{
}

u8 next_byte(void)
{
	return input.at < input.end ? *input.at++ : 0;
}

u16 next_u16(void)
{
	u16 low = next_byte();

	return low | next_byte() << 8;
}

u64 next_u64(void)
{
	u64 val = 0;
	unsigned int i;

	for (i = 0; i < 64; i += 8)
		val |= (u64)next_byte() << i;
	return val;
}

bool input_is_empty(void)
{
	return input.at >= input.end || ++input.ops > MAX_OPS;
}

u64 *page_words(u64 pfn)
{
	return pa_to_va(PA(RAM_BASE + pfn * PAGE_SIZE));
}

struct percpu *this_cpu(void)
{
	return &cpus[here];
}

struct vcpu *running_vcpu(unsigned int cpu)
{
	return cpus[cpu].loaded;
}

struct percpu *cpu_by_mpidr(u64 mpidr)
{
	return mpidr < FUZZ_CPUS ? &cpus[mpidr] : NULL;
}

static u64 *sysreg(const char *name)
{
	unsigned int i;

	for (i = 0; sysregs[i].name[0]; i++)
		if (!strcmp(sysregs[i].name, name))
			return &sysregs[i].val;
	RULE(i < MAX_SYSREGS - 1 && strlen(name) < sizeof(sysregs[0].name));
	memcpy(sysregs[i].name, name, strlen(name));
	return &sysregs[i].val;
}

/* Time passes with each look at it, so that waiting ends. */
u64 test_sysreg(const char *reg)
{
	if (!strcmp(reg, "cntpct_el0"))
		return ++*sysreg(reg);
	return *sysreg(reg);
}

void test_set_sysreg(const char *reg, u64 val)
{
	*sysreg(reg) = val;
}

bool cpu_random(u64 *val)
{
	*val = 4;
	return true;
}

void dcache_clean_inval(const void *va, u64 size)
{
	RULE(va_to_pa(va).v - RAM_BASE <= RAM_SIZE - size);
}

void icache_inval_all(void)
{
}

u64 stage2_vttbr(const struct pgtable *pgt, u16 vmid)
{
	return va_to_pa(pgt->root).v | (u64)vmid << 48;
}

bool gic_host_irq_pending(void)
{
	bool ret = pending_irqs & 1;

	pending_irqs >>= 1;
	return ret;
}

void gic_send_kick(const struct percpu *cpu)
{
}

void gic_guest_begin(struct percpu *cpu, bool vtimer_high)
{
}

void gic_guest_end(struct percpu *cpu)
{
}

void gic_write_lrs(const u64 *lr, unsigned int nr, u64 hcr)
{
	memcpy(lrs[here], lr, nr * sizeof(*lr));
}

u64 gic_read_lrs(u64 *lr, unsigned int nr)
{
	u64 ret = (u64)eois << 27;

	memcpy(lr, lrs[here], nr * sizeof(*lr));
	eois = 0;
	return ret;
}

u64 lr_of(unsigned int n)
{
	return lrs[here][n];
}

void set_lr(unsigned int n, u64 val)
{
	lrs[here][n] = val;
}

void count_eoi(void)
{
	eois = MIN(eois + 1, 31U);
}

void vcpu_load(struct vcpu *vcpu)
{
	RULE(!cpus[here].loaded);
	cpus[here].loaded = vcpu;
	timer_host_save(this_cpu());
}

void vcpu_put(struct vcpu *vcpu)
{
	RULE(cpus[here].loaded == vcpu);
	timer_host_restore(this_cpu());
	cpus[here].loaded = NULL;
}

void guest_fp_trap(struct vcpu *vcpu)
{
}

u64 guest_enter(struct cpu_regs *regs)
{
	RULE(cpus[here].loaded && regs == &cpus[here].loaded->regs);
	return guest_op(cpus[here].loaded);
}

void __noreturn stop_this_cpu(void)
{
	broken(__func__, "");
}

void secondary_entry(void)
{
}

/* The firmware: no CPU comes or goes. The machine restarts with its memory as it is. */
void smc_call(struct cpu_regs *regs)
{
	if ((u32)regs->x[0] == PSCI_SYSTEM_RESET)
		check_wiped();
	regs->x[0] = PSCI_INTERNAL_FAILURE;
}

static void boot(void)
{
	static void *ram;
	unsigned int i;

	if (!ram)
		ram = aligned_alloc(SZ_2M, RAM_SIZE);
	test_phys_offset = (u64)(uintptr_t)ram - RAM_BASE;
	for (i = 0; i < FUZZ_CPUS; i++) {
		cpus[i] = (struct percpu) { .index = i, .mpidr = i, .nr_lrs = NR_LRS };
		percpus[i] = &cpus[i];
	}
	memset(sysregs, 0, sizeof(sysregs));
	test_set_sysreg("cntfrq_el0", 50);
	pool_init(PA(RAM_BASE), HYP_SIZE);
	owner_init(platform.ram, platform.nr_ram, owners, &host_stage2_ops);
	RULE(!owner_claim(PA(RAM_BASE), HYP_SIZE));
}

static void flush_host(struct pgtable *pgt, u64 ia, u64 size)
{
	stage2_flush_range(0, ia, size);
}

void machine_init(void)
{
	boot();
	here = 0;
	eois = 0;
	pending_irqs = 0;
	options = 0;
	memset(lrs, 0, sizeof(lrs));
	memset(&host_pgt, 0, sizeof(host_pgt));
	RULE(!pgt_init(&host_pgt, IPA_BITS, 1, 1));
	host_pgt.invalidate = flush_host;
	RULE(!pgt_map(&host_pgt, RAM_BASE + HYP_SIZE, PA(RAM_BASE + HYP_SIZE),
		      RAM_SIZE - HYP_SIZE, S2_RW));
	tlb_init();
	oracle_init();
}

static void destroy_all(void)
{
	unsigned int steps;
	u64 id;

	for (id = 1; id <= MAX_VMS; id++)
		for (steps = 0; vm_by_id(id); steps++) {
			RULE(steps < 5000);
			vm_destroy(id, DESTROY_BATCH_PAGES);
			check_all();
		}
}

/* One input, from the start of the machine to the end of the last VM */
int fuzz_one(const u8 *data, size_t size)
{
	input.at = data;
	input.end = data + size;
	input.ops = 0;
	machine_init();
	while (!input_is_empty())
		host_op();
	options = 0;
	destroy_all();
	check_nothing_left();
	return 0;
}
