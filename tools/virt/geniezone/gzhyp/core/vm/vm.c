// SPDX-License-Identifier: GPL-2.0
/*
 * VMs: their table and their users. A call from the host uses a VM from vm_get() to
 * vm_put(), a RUN for as long as the guest runs. DESTROY_VM first hides the VM, then
 * returns BUSY until there are no users left.
 */
#include "arch/barrier.h"
#include "arch/gic.h"
#include "arch/stage2.h"
#include "core/mem/owner.h"
#include "core/mem/pool.h"
#include "core/options.h"
#include "core/vm/vcpu.h"

/* A gate lets users in while it is open, and counts them. */
#define GATE_OPEN	BIT(31)

/*
 * @lock protects everything but the counts of users, which change without it. A gate
 * is closed with the lock held. Once it is closed and counts 0, the VM has no users
 * and gets none.
 */
static struct {
	struct spinlock lock;
	unsigned int stops;		/* vm_stop_all() without vm_resume() */
	u32 gate[MAX_VMS + 1];		/* by id, from 1 */
	struct vm *vm[MAX_VMS + 1];
} vm_table;

/* Returns the number of users left. Pairs with the release in vm_put(). */
static u32 gate_close(u16 id)
{
	return __atomic_and_fetch(&vm_table.gate[id], ~GATE_OPEN,
				  __ATOMIC_SEQ_CST);
}

/* The VM is in the table. */
static void gate_open(u16 id)
{
	__atomic_or_fetch(&vm_table.gate[id], GATE_OPEN, __ATOMIC_RELEASE);
}

#define VM_ORDER	pool_order(sizeof(struct vm))
#define BUF_ORDER	1

static int vm_insert(struct vm *vm)
{
	int err = GZ_NO_MEMORY;
	u16 id;

	spin_lock(&vm_table.lock);
	for (id = 1; id <= MAX_VMS && err && !vm_table.stops; id++) {
		if (vm_table.vm[id])
			continue;
		vm->id = id;
		vm->vttbr = stage2_vttbr(&vm->s2, id);
		vm->state = VM_LIVE;
		vm_table.vm[id] = vm;
		gate_open(id);
		err = 0;
	}
	spin_unlock(&vm_table.lock);
	return err;
}

static void vm_free(struct vm *vm)
{
	u64 all = ~0ULL;

	pgt_free_some(&vm->s2, &all);
	pool_free(vm->buf, BUF_ORDER);
	pool_free(vm, VM_ORDER);
}

static void flush_vm(struct pgtable *pgt, u64 ia, u64 size)
{
	struct vm *vm = (struct vm *)((u8 *)pgt - offsetof(struct vm, s2));

	stage2_flush_range(vm->vttbr, ia, size);
}

static u64 next_unmaps;

/**
 * vm_create() - create a VM
 * @type: 0
 * @id: gets its id
 *
 * Its virtual counter is the physical one, because QEMU before 8.2 stops the whole
 * machine when the sum of CNTV_CVAL_EL0 and CNTVOFF_EL2 overflows, and a guest writes
 * CNTV_CVAL_EL0 without a trap. With the option "vtoffset" it starts at 0 now.
 *
 * Return: 0 or a GenieZone error.
 */
int vm_create(u64 type, u64 *id)
{
	struct vm *vm;

	if (type)
		return GZ_INVALID_ARGS;
	vm = pool_alloc(VM_ORDER);
	if (!vm)
		return GZ_NO_MEMORY;
	vm->buf = pool_alloc(BUF_ORDER);
	vm->cntvoff = option(OPT_VTIMER_OFFSET) ? read_sysreg(cntpct_el0) : 0;
	vm->unmaps = __atomic_fetch_add(&next_unmaps, BIT(32), __ATOMIC_RELAXED);
	vgic_init(&vm->vgic);
	vm->vgic.drop_active = option(OPT_DROP_ACTIVE);
	if (!vm->buf || pgt_init(&vm->s2, IPA_BITS, 1, 2))
		goto err_free;
	vm->s2.invalidate = flush_vm;
	if (vm_insert(vm))
		goto err_free;
	*id = vm->id;
	return 0;

err_free:
	vm_free(vm);
	return GZ_NO_MEMORY;
}

/**
 * vm_get() - find a VM and use it
 * @id: the id as the host gave it
 *
 * Return: the VM, for vm_put(), or NULL.
 */
struct vm *vm_get(u64 id)
{
	u32 *gate, users;

	if (!id || id > MAX_VMS)
		return NULL;
	gate = &vm_table.gate[id];
	users = READ_ONCE(*gate);
	do {
		if (!(users & GATE_OPEN))
			return NULL;
	} while (!__atomic_compare_exchange_n(gate, &users, users + 1, true,
					      __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return vm_table.vm[id];
}

/**
 * vm_by_id() - a VM in any state, for looks at EL2 at rest
 * @id: 0 to MAX_VMS
 *
 * The caller must make sure that no call of the host's is in progress.
 */
struct vm *vm_by_id(u16 id)
{
	return vm_table.vm[id];
}

/** vm_put() - the counterpart of vm_get() */
void vm_put(struct vm *vm)
{
	/* Release: pairs with gate_close(). */
	__atomic_sub_fetch(&vm_table.gate[vm->id], 1, __ATOMIC_RELEASE);
}

/* Number of users of a VM */
u32 vm_users(const struct vm *vm)
{
	return READ_ONCE(vm_table.gate[vm->id]) & ~GATE_OPEN;
}

/**
 * vm_begin_destroy() - begin a step of a VM's destruction
 * @id: the id as the host gave it
 * @vm: gets the VM, for vm_end_destroy()
 *
 * From the first such call on, vm_get() does not find the VM.
 *
 * Return: 0; GZ_BUSY while the VM has users, whose vCPUs are kicked; or
 * GZ_INVALID_ARGS.
 */
int vm_begin_destroy(u64 id, struct vm **vm)
{
	struct vm *found = NULL;
	int err = GZ_INVALID_ARGS;
	u32 users;

	if (!id || id > MAX_VMS)
		return err;
	spin_lock(&vm_table.lock);
	found = vm_table.vm[id];
	if (found) {
		found->doomed = true;
		WRITE_ONCE(found->state, VM_DYING);
		err = GZ_BUSY;
		users = gate_close(id);
		if (!users && !found->destroying && !vm_table.stops) {
			found->destroying = true;
			*vm = found;
			err = 0;
		} else if (!found->destroying) {
			vm_kick(found, ~0U);
		}
	}
	spin_unlock(&vm_table.lock);
	return err;
}

/**
 * vm_end_destroy() - end a step of a VM's destruction
 * @vm: the VM
 * @gone: it was the last step
 */
void vm_end_destroy(struct vm *vm, bool gone)
{
	u16 id = vm->id;

	if (gone)
		pool_free(vm->buf, BUF_ORDER);
	spin_lock(&vm_table.lock);
	if (gone)
		vm_table.vm[id] = NULL;
	else
		vm->destroying = false;
	spin_unlock(&vm_table.lock);
	if (gone)
		pool_free(vm, VM_ORDER);
}

/* Returns true when no VM has users any more. */
static bool try_to_stop(void)
{
	bool quiet = true;
	struct vm *vm;
	u16 id;

	spin_lock(&vm_table.lock);
	for (id = 1; id <= MAX_VMS; id++) {
		vm = vm_table.vm[id];
		if (!vm)
			continue;
		vm->wiped |= vm->state == VM_LIVE;
		WRITE_ONCE(vm->state, VM_DYING);
		if (!gate_close(id) && !vm->destroying)
			continue;
		/* Kick again each time: the last kick may have come before the RUN. */
		vm_kick(vm, ~0U);
		quiet = false;
	}
	spin_unlock(&vm_table.lock);
	return quiet;
}

/**
 * vm_stop_all() - stop all VMs for ever
 *
 * Until vm_resume() no call finds a VM, and none is created. After it the VMs are as
 * before, but their guests do not run again.
 *
 * Return: true; or false if another CPU still used one after a second. It may have
 * died at EL2. Or the host may have turned the interrupt controller off, so that
 * nothing ends a guest that does not trap.
 */
bool vm_stop_all(void)
{
	u64 start = read_sysreg(cntpct_el0), limit = read_sysreg(cntfrq_el0);

	spin_lock(&vm_table.lock);
	vm_table.stops++;
	spin_unlock(&vm_table.lock);
	while (!try_to_stop()) {
		isb();
		if (read_sysreg(cntpct_el0) - start > limit)
			return false;
	}
	return true;
}

/** vm_resume() - VMs may be created, used and destroyed again */
void vm_resume(void)
{
	struct vm *vm;
	u16 id;

	spin_lock(&vm_table.lock);
	vm_table.stops--;
	for (id = 1; id <= MAX_VMS && !vm_table.stops; id++) {
		vm = vm_table.vm[id];
		if (!vm || vm->doomed)
			continue;
		WRITE_ONCE(vm->state, VM_LIVE);
		gate_open(id);
	}
	spin_unlock(&vm_table.lock);
}

/**
 * vm_kick() - make vCPUs look at their interrupts
 * @vm: the VM
 * @mask: which of them
 *
 * vCPUs that run on another CPU leave the guest and enter it again. See
 * guest_wfx_wait() for the race with vCPUs that are about to sleep.
 *
 * Return: true if one of them sleeps. Only the host can wake it.
 */
bool vm_kick(struct vm *vm, u32 mask)
{
	unsigned int cpu;
	u32 rest;

	if (!mask)
		return false;
	/* Pending interrupts before vm->sleeping: pairs with guest_wfx_wait(). */
	smp_mb();
	for (rest = mask & ALL_VCPUS; rest; rest &= rest - 1) {
		cpu = READ_ONCE(vm->on_cpu[__builtin_ctz(rest)]);
		if (cpu && cpu - 1 != this_cpu()->index)
			gic_send_kick(percpus[cpu - 1]);
	}
	return READ_ONCE(vm->sleeping) & mask;
}

/**
 * vm_hyp_bytes() - EL2's own memory that a VM uses
 * @vm: the VM, locked
 */
u64 vm_hyp_bytes(struct vm *vm)
{
	u64 pages = vm->s2.nr_tables + (1ULL << VM_ORDER) + (1ULL << BUF_ORDER);
	unsigned int i;

	for (i = 0; i < MAX_VCPUS; i++)
		if (vm->vcpu[i])
			pages += 1ULL << VCPU_ORDER;
	return pages * PAGE_SIZE;
}
