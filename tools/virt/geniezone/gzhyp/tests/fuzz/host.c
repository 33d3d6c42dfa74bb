// SPDX-License-Identifier: GPL-2.0
/* The host's calls, from bytes. Most arguments are chosen among likely ones. */
#include "arch/switch.h"
#include "core/mem/pool.h"
#include "tests/fuzz/fuzz.h"

/* Pages that the host uses itself: buffers, mailboxes, shared pages */
#define BUF_PAGE	(HYP_PAGES + 4 * 512 - 32)

/* A host repeats a call that was interrupted. */
#define MAX_REPEATS	8

u64 last_fault;

u64 pick_gpa(void)
{
	static const u64 base[] = {
		0x80000000, 0x80200000, 0x80400000, IPA_LIMIT - SZ_2M,
	};
	u8 b = next_byte();
	u64 page = b & 0x3f;

	if (page == 0x3f)
		page = next_u16();
	return base[b >> 6] + page * PAGE_SIZE;
}

/* A frame, counted from the start of RAM; mostly the host's */
static u64 pick_page(void)
{
	u8 b = next_byte();

	if (b == 0x7f)
		return next_u16();
	if (b & 0x80)
		return HYP_PAGES + (b & 3) * 512 + (b >> 2 & 0x1f);
	return HYP_PAGES + b * 3;
}

static u64 pick_pa(void)
{
	return RAM_BASE + pick_page() * PAGE_SIZE;
}

static u64 pick_pages(void)
{
	static const u16 pages[] = {
		1, 1, 1, 2, 3, 16, 64, 65, 511, 512, 513, 600, 1024, 0, 1536, 7,
	};

	return pages[next_byte() % ARRAY_SIZE(pages)];
}

static u64 pick_vm(void)
{
	u8 b = next_byte();

	return b < 0xf0 ? b % FUZZ_VMS + 1 : b - 0xf0;
}

static u64 pick_vcpu(void)
{
	u8 b = next_byte();
	u64 vcpu = b < 0xf0 ? b >> 3 & 3 : b & 0xf;

	return ((b & 7) % FUZZ_VMS + 1) << 16 | vcpu;
}

/*
 * Bytes are taken one after the other, not in the arguments of one call: the order of
 * those is the compiler's choice.
 */

/* A buffer of the host's, which EL2 must refuse where the host cannot write */
static void *host_buf(u64 pa, u64 size)
{
	u64 pfn = (pa - RAM_BASE) / PAGE_SIZE, unused;

	if (!translate(0, pa, &unused) || !translate(0, pa + size - 1, &unused) ||
	    pfn + 2 > RAM_PAGES)
		return NULL;
	return pa_to_va(PA(pa));
}

/* Returns the status. */
static int call(unsigned int n, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct cpu_regs regs = {
		.x = { GZ_CALL_BASE + n, a1, a2, a3, a4, a5 }, .pc = 0x1000,
	};
	unsigned int repeats = 0;

	if (option(OPT_OLD))
		regs.x[0] = GZ_OLD_CALL_BASE + n;
	do {
		regs.pc = 0x1000;
		hypercall(&regs);
		guest_shares = false;
		check_all();
	} while (regs.pc != 0x1000 && ++repeats < MAX_REPEATS);
	if (regs.pc == 0x1000)
		check_results(regs.x);
	return (s32)regs.x[0];
}

/* A call with a buffer, which must be refused where the host has no memory */
static int call_with_buf(unsigned int n, u64 vm, u64 size, u64 pa)
{
	bool may = host_buf(pa, 24) || options || vm > FUZZ_VMS || !vm_by_id(vm) ||
		   vm_by_id(vm)->state != VM_LIVE;
	int ret = n == GZ_CREATE_DEVICE ? call(n, vm, pa, 0, 0, 0) :
		  call(n, vm, size, pa, 0, 0);

	RULE(may || ret == GZ_FAULT);
	return ret;
}

static void op_create_vm(void)
{
	u64 id;

	for (id = 1; id <= FUZZ_VMS; id++)
		if (!vm_by_id(id))
			break;
	if (id <= FUZZ_VMS)
		call(GZ_CREATE_VM, 0, 0, 0, 0, 0);
}

static void op_destroy_vm(void)
{
	u64 vm = pick_vm();
	u8 b = next_byte();

	call(GZ_DESTROY_VM, vm, b < 0xf0 ? 1UL << b % 12 : b, 0, 0, 0);
}

static void op_create_vcpu(void)
{
	u64 vcpu = pick_vcpu();

	call(GZ_CREATE_VCPU, vcpu, pick_pa(), 0, 0, 0);
}

static void op_destroy_vcpu(void)
{
	call(GZ_DESTROY_VCPU, pick_vcpu(), 0, 0, 0, 0);
}

static int set_region(u64 vm, u32 slot, u64 gpa, u64 pages, u64 buf)
{
	struct gz_memregion *in = host_buf(buf, sizeof(*in));

	if (in)
		*in = (struct gz_memregion) {
			.slot = slot, .total_pages = pages, .gpa = gpa,
		};
	return call_with_buf(GZ_SET_MEMREGION, vm, GZ_MEMREGION_BUF, buf);
}

static u64 pick_buf(void)
{
	u8 b = next_byte();

	return b < 0xf0 ? RAM_BASE + BUF_PAGE * PAGE_SIZE : pick_pa() + (b & 3) * 8;
}

static void op_register(void)
{
	u64 vm = pick_vm(), gpa = pick_gpa(), pages = pick_pages();
	u32 slot = next_byte() & 3;

	set_region(vm, slot, gpa, pages, pick_buf());
}

static void op_populate(void)
{
	u64 vm = pick_vm(), gpa = pick_gpa(), buf = pick_buf(), total = 0;
	struct gz_memregion *in = host_buf(buf, GZ_MEMREGION_BUF);
	u8 nr = next_byte();
	unsigned int i;

	if (in) {
		*in = (struct gz_memregion) {
			.slot = nr & 3, .constituent_cnt = nr >> 2 & 7, .gpa = gpa,
		};
		for (i = 0; i < in->constituent_cnt; i++) {
			in->constituent[i].address = pick_pa();
			in->constituent[i].pg_cnt = pick_pages();
			total += in->constituent[i].pg_cnt;
		}
		in->total_pages = total + (nr >= 0xf0);
	}
	call_with_buf(GZ_SET_MEMREGION, vm, GZ_MEMREGION_BUF - (nr >> 5 & 1), buf);
}

static void run(u64 tuple)
{
	struct vm *vm = vm_by_id(tuple >> 16);
	u64 id = tuple & 0xffff;

	if (call(GZ_RUN, tuple, 0, 0, 0, 0) || !vm || vm_by_id(tuple >> 16) != vm ||
	    id >= MAX_VCPUS || !vm->vcpu[id])
		return;
	check_exit(vm->vcpu[id], protect_is_sealed(vm),
		   READ_ONCE(vm->vcpu[id]->run->exit_reason));
	if (vm->vcpu[id]->run->exit_reason == GZ_EXIT_EXCEPTION)
		last_fault = vm->vcpu[id]->run->exception.fault_gpa;
}

static void op_run(void)
{
	if (!running_vcpu(here))
		run(pick_vcpu());
}

static u64 pick_reg(void)
{
	static const u64 group[] = { 0x6030000000100000, 0x6030000000130000 };
	u8 b = next_byte();

	if (b & 0x80)
		return group[1] | next_u16();
	return group[b & 1] | (b >> 1) * 2;
}

static void op_get_reg(void)
{
	u64 vcpu = pick_vcpu();

	call(GZ_GET_ONE_REG, vcpu, pick_reg(), 0, 0, 0);
}

static void op_set_reg(void)
{
	u64 vcpu = pick_vcpu(), reg = pick_reg();

	call(GZ_SET_ONE_REG, vcpu, reg, next_u16(), 0, 0);
}

static void op_irq_line(void)
{
	u64 vcpu = pick_vcpu();
	u8 b = next_byte();

	call(GZ_IRQ_LINE, vcpu, b >> 1, b & 1, 0, 0);
}

static int create_device(u64 vm, u64 buf, u32 type, u64 addr, u64 size)
{
	struct gz_device *dev = host_buf(buf, sizeof(*dev));

	if (dev)
		*dev = (struct gz_device) {
			.dev_type = type, .dev_addr = addr, .dev_reg_size = size,
		};
	return call_with_buf(GZ_CREATE_DEVICE, vm, 0, buf);
}

static void op_create_device(void)
{
	u64 vm = pick_vm(), buf = pick_buf();
	u8 b = next_byte();

	create_device(vm, buf, b & 3, b & 4 ? DIST : REDIST,
		      b & 8 ? VGIC_DIST_SIZE : (b >> 4 & 7) * VGIC_REDIST_SIZE);
}

static void op_enable_cap(void)
{
	static const u32 cap[] = {
		GZ_CAP_VM_GPA_SIZE, GZ_CAP_PROTECTED_VM, GZ_CAP_PROTECTED_VM,
		GZ_CAP_BLOCK_DEMAND_PAGING, GZ_CAP_DEMAND_PAGING, GZ_CAP_IDLE,
		GZ_CAP_QUERY_HYP_BATCH, GZ_CAP_LIMITS,
	};
	u64 vm = pick_vm();
	u8 b = next_byte();
	u32 c = cap[b & 7];

	if (c == GZ_CAP_BLOCK_DEMAND_PAGING)
		call(GZ_ENABLE_CAP, vm, c, SZ_2M, pick_pa(), 0);
	else
		call(GZ_ENABLE_CAP, vm, c, b >> 3 & 3, pick_gpa(), 0);
}

static void op_purpose(void)
{
	u64 vm = pick_vm(), gpa = pick_gpa(), pages = pick_pages();

	call(GZ_MEMREGION_PURPOSE, vm, gpa, pages * PAGE_SIZE, next_byte() & 0xf, 0);
}

static void op_dtb(void)
{
	u64 vm = pick_vm(), gpa = pick_gpa();

	call(GZ_SET_DTB_CONFIG, vm, gpa, pick_pages() * PAGE_SIZE, 0, 0);
}

static int map(u64 vm, u64 slot, u64 pa, u64 gpa, u64 pages)
{
	return call(GZ_MAP_GUEST, vm, slot, pa / PAGE_SIZE, gpa / PAGE_SIZE, pages);
}

static void op_map(void)
{
	u64 vm = pick_vm(), gpa = pick_gpa(), pa = pick_pa(), pages = pick_pages();

	map(vm, next_byte() & 3, pa, gpa, pages);
}

/* As a host does after a guest's fault */
static void op_map_fault(void)
{
	u64 vm = pick_vm(), pa = pick_pa();

	map(vm, next_byte() & 3, pa, ALIGN_DOWN(last_fault, PAGE_SIZE), 1);
}

static void fill_mailbox(u64 mailbox, u64 nr)
{
	u64 *pfn = host_buf(mailbox, PAGE_SIZE), i;
	u64 first = pick_pa() / PAGE_SIZE;
	u8 step = next_byte();

	for (i = 0; pfn && i < MIN(nr, 512UL); i++)
		pfn[i] = first + i + i / ((step & 0x3f) + 1) * (step >> 6);
}

static void op_map_block(void)
{
	u64 id = pick_vm(), gpa = pick_gpa(), nr = pick_pages();
	struct vm *vm = id <= FUZZ_VMS ? vm_by_id(id) : NULL;

	if (vm && vm->mailbox)
		fill_mailbox(vm->mailbox, nr);
	call(GZ_MAP_GUEST_BLOCK, id, next_byte() & 3, gpa / PAGE_SIZE, nr, 0);
}

static void op_statistics(void)
{
	call(GZ_GET_STATISTICS, pick_vm(), 0, 0, 0, 0);
}

/* Anything but the creation of a VM, which has a limit here */
static void op_any(void)
{
	u64 n = next_byte() % (GZ_NR_CALLS + 2), arg[5];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(arg); i++)
		arg[i] = next_byte() & 1 ? next_u64() : next_byte();
	if (n && (n != GZ_RUN || !running_vcpu(here)))
		call(n, arg[0], arg[1], arg[2], arg[3], arg[4]);
}

/* The answer to an MMIO read or a call, or rubbish */
static void op_answer(void)
{
	u64 vcpu = pick_vcpu(), val = next_u16();
	struct vm *vm = vm_by_id(vcpu >> 16);

	if (!vm || (vcpu & 0xffff) >= MAX_VCPUS || !vm->vcpu[vcpu & 0xffff])
		return;
	vm->vcpu[vcpu & 0xffff]->run->raw[val & 7] = val;
}

static void op_irqs(void)
{
	pending_irqs = next_byte();
}

/* gzhyp has little memory left during one call. */
static void op_short_of_memory(void)
{
	static void *held[HYP_PAGES];
	unsigned int nr = 0, left = next_byte() & 7;

	if (held[0])
		return;
	while (nr < HYP_PAGES && (held[nr] = pool_alloc(0)))
		nr++;
	while (nr && left--)
		pool_free(held[--nr], 0);
	if (!input_is_empty())
		host_op();
	while (nr) {
		pool_free(held[--nr], 0);
		held[nr] = NULL;
	}
}

static void op_restart(void)
{
	struct cpu_regs regs = { .x = { PSCI_SYSTEM_RESET } };

	hypercall(&regs);
	check_all();
}

/* Some VMMs' usual calls */
void set_up_vm(bool protected)
{
	u64 buf = RAM_BASE + BUF_PAGE * PAGE_SIZE, id, vcpu, pa;
	u8 b = next_byte();

	for (id = 1; id <= FUZZ_VMS; id++)
		if (!vm_by_id(id))
			break;
	if (id > FUZZ_VMS || call(GZ_CREATE_VM, 0, 0, 0, 0, 0))
		return;
	call(GZ_ENABLE_CAP, id, GZ_CAP_DEMAND_PAGING, 0, 0, 0);
	if (b & 1)
		call(GZ_ENABLE_CAP, id, GZ_CAP_IDLE, 0, 0, 0);
	if (b & 2)
		call(GZ_ENABLE_CAP, id, GZ_CAP_BLOCK_DEMAND_PAGING, SZ_2M,
		     buf + (4 + id) * PAGE_SIZE, 0);
	create_device(id, buf, GZ_DEV_VGIC_DIST, DIST, VGIC_DIST_SIZE);
	create_device(id, buf, GZ_DEV_VGIC_REDIST, REDIST, 4 * VGIC_REDIST_SIZE);
	set_region(id, 0, 0x80000000, 1024, buf);
	call(GZ_MEMREGION_PURPOSE, id, 0x80400000, 16 * PAGE_SIZE,
	     GZ_MEM_STATIC_SWIOTLB, 0);
	set_region(id, 1, 0x80400000, 16, buf);
	for (vcpu = 0; vcpu <= (b >> 2 & 1); vcpu++)
		call(GZ_CREATE_VCPU, id << 16 | vcpu,
		     buf + (10 + 4 * id + 2 * vcpu) * PAGE_SIZE, 0, 0, 0);
	if (b & 8) {
		pa = pick_pa();
		map(id, 0, pa, 0x80000000, pick_pages());
	}
	if (protected)
		call(GZ_ENABLE_CAP, id, GZ_CAP_PROTECTED_VM,
		     b & 16 ? GZ_PVM_SET_PVMFW_GPA : GZ_PVM_SET_PROTECTED_VM,
		     0x80001000, 0);
	if (b & 32)
		run(id << 16);
}

static void op_open_vm(void)
{
	if (!here)
		set_up_vm(false);
}

static void op_protected_vm(void)
{
	if (!here)
		set_up_vm(true);
}

/* Words that change how calls are answered, before there are VMs */
static void op_options(void)
{
	static const u64 word[] = {
		BIT(OPT_MAP_BUSY), BIT(OPT_HOST_RELINQUISH), BIT(OPT_OLD),
		BIT(OPT_HELD), BIT(OPT_DROP_ACTIVE), BIT(OPT_WHOLE_BLOCKS),
		BIT(OPT_LRS_STAY), BIT(OPT_CREATE_VCPU_ERROR),
		BIT(OPT_GIC_SGI_EXITS), BIT(OPT_STRICT), BIT(OPT_VTIMER_OFFSET),
		BIT(OPT_NO_LEVEL),
	};
	u64 id;

	for (id = 1; id <= FUZZ_VMS; id++)
		if (vm_by_id(id))
			return;
	options |= word[next_byte() % ARRAY_SIZE(word)];
}

void host_op(void)
{
	static void (*const op[])(void) = {
		op_create_vm, op_destroy_vm, op_create_vcpu, op_destroy_vcpu,
		op_register, op_populate, op_run, op_run, op_run, op_get_reg,
		op_set_reg, op_irq_line, op_create_device, op_enable_cap, op_purpose,
		op_dtb, op_map, op_map, op_map_fault, op_map_block, op_statistics,
		op_any, op_answer, op_irqs, op_short_of_memory, op_restart,
		op_open_vm, op_protected_vm, op_protected_vm, op_options, op_run,
		op_map_fault,
	};

	op[next_byte() % ARRAY_SIZE(op)]();
}
