// SPDX-License-Identifier: GPL-2.0
/*
 * VMs: the table of them, and who uses one. A call from the host holds a VM by
 * vm_get() to vm_put(), a RUN for as long as the guest runs. DESTROY_VM first
 * makes the VM unfindable, then waits, by BUSY, for the users to leave.
 */
#include "barrier.h"
#include "gic.h"
#include "owner.h"
#include "pool.h"
#include "stage2.h"
#include "vcpu.h"

/* A gate lets users in while it is open, and counts those that are in. */
#define GATE_OPEN	BIT(31)

/*
 * @lock protects all but the counts of users, which come and go without it. A gate
 * is closed with the lock held: once it is and counts nobody, nobody comes.
 */
static struct {
	struct spinlock lock;
	unsigned int stops;		/* vm_stop_all() without vm_resume() */
	u32 gate[MAX_VMS + 1];		/* by id, as all here; 0 is none */
	struct vm *vm[MAX_VMS + 1];
} vm_table;

/* Returns how many are still in. Their release of it comes before, see vm_put(). */
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

/**
 * vm_create() - make a VM
 * @type: 0
 * @id: gets its id
 *
 * Its virtual counter starts now, at 0.
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
	vm->cntvoff = read_sysreg(cntpct_el0);
	vgic_init(&vm->vgic);
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
 * vm_get() - find a VM and keep it
 * @id: what the host says is its id
 *
 * Return: the VM, to be given to vm_put(), or NULL.
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
 * vm_by_id() - a VM in whatever state, for the test controls
 * @id: 0 to MAX_VMS
 *
 * Nothing keeps it but that no call is in progress.
 */
struct vm *vm_by_id(u16 id)
{
	return vm_table.vm[id];
}

/** vm_put() - the counterpart of vm_get() */
void vm_put(struct vm *vm)
{
	/* All that was done to the VM comes before: pairs with gate_close(). */
	__atomic_sub_fetch(&vm_table.gate[vm->id], 1, __ATOMIC_RELEASE);
}

/* How many hold a VM */
u32 vm_users(const struct vm *vm)
{
	return READ_ONCE(vm_table.gate[vm->id]) & ~GATE_OPEN;
}

/**
 * vm_begin_destroy() - get a VM for a step of its destruction
 * @id: what the host says is its id
 * @vm: gets the VM, for vm_end_destroy()
 *
 * From the first such call on nobody else finds the VM.
 *
 * Return: 0; GZ_BUSY while somebody uses it, those in the guest are brought
 * out; or GZ_INVALID_ARGS.
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
 * vm_end_destroy() - end of a step of destruction
 * @vm: the VM
 * @gone: there will not be another
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

/* Returns true when no CPU works on a VM any more. */
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
		/* Each time anew: the last kick may have come before the RUN. */
		vm_kick(vm, ~0U);
		quiet = false;
	}
	spin_unlock(&vm_table.lock);
	return quiet;
}

/**
 * vm_stop_all() - bring all VMs to a rest for ever
 *
 * Until vm_resume() no call finds one, and no other one is made. After that they
 * are as they were, but that their guests do not run again.
 *
 * Return: true; or false if another CPU was still at work on one after a second.
 * It may have died at EL2, or the host may have turned the interrupt controller
 * off, so that nothing brings the CPU out of a guest that does not trap.
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

/** vm_resume() - VMs may be made, used and destroyed again */
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
 * Those that run on another CPU leave the guest and enter it anew. The order
 * with those that are about to sleep is told at guest_wfx_wait().
 *
 * Return: true if one of them sleeps, which only the host can end.
 */
bool vm_kick(struct vm *vm, u32 mask)
{
	unsigned int cpu;
	u32 rest;

	if (!mask)
		return false;
	/* What is pending first, then who sleeps: pairs with guest_wfx_wait(). */
	smp_mb();
	for (rest = mask & ALL_VCPUS; rest; rest &= rest - 1) {
		cpu = READ_ONCE(vm->on_cpu[__builtin_ctz(rest)]);
		if (cpu && cpu - 1 != this_cpu()->index)
			gic_send_kick(percpus[cpu - 1]);
	}
	return READ_ONCE(vm->sleeping) & mask;
}

/**
 * vm_hyp_bytes() - EL2's own memory that is there for a VM
 * @vm: the VM; called with its lock
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
