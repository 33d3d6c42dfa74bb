// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: a guest's write to a doorbell becomes a signal on an eventfd.
 *
 * The rules for matches and collisions are KVM's (virt/kvm/eventfd.c): at most
 * one ioeventfd matches a write. There are two kinds:
 *
 *   exact   this address, this width, this value (DATAMATCH)
 *   any     this address, this width or any (len 0), any value
 *
 * All are in a hash table. An exact one has its place by address and value, the others
 * by address. Hence two look-ups find the match, whatever the number of ioeventfds.
 *
 * The table has open addressing: an ioeventfd is at its place, or behind it where the
 * first gap was. At most half of a table is used, so there are gaps everywhere.
 */

#include <linux/bitops.h>
#include <linux/eventfd.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "gzvm.h"

/* The widths 1, 2, 4 and 8 */
#define GZVM_ANY_LEN	15

/**
 * struct gzvm_ioevent - one ioeventfd
 * @addr: guest physical address
 * @data: value; 0 unless @exact
 * @lens: which widths match; each width is a bit of its own
 * @exact: only the value @data matches
 * @ctx: eventfd to signal; holds a reference
 */
struct gzvm_ioevent {
	u64 addr;
	u64 data;
	u8 lens;
	bool exact;
	struct eventfd_ctx *ctx;
};

/* In the place of an ioeventfd that is gone, because others may lie behind it */
static struct gzvm_ioevent gzvm_ioevent_gone;

/**
 * struct gzvm_ioevent_table - all ioeventfds of a VM
 * @bits: logarithm of its size
 * @used: entries that are not NULL
 * @entry: the ioeventfds
 *
 * Read side: RCU, on the exit path, which must not sleep on a lock. Deassign waits for
 * readers, so that no signal follows its return.
 */
struct gzvm_ioevent_table {
	unsigned int bits;
	unsigned int used;
	struct gzvm_ioevent __rcu *entry[];
};

static unsigned int gzvm_ioevent_next(const struct gzvm_ioevent_table *table,
				      unsigned int i)
{
	return (i + 1) & (BIT(table->bits) - 1);
}

/**
 * gzvm_ioevent_place() - where in a table the search for an ioeventfd begins
 * @addr: its address
 * @data: its value, 0 unless it is exact
 * @bits: logarithm of the table's size
 *
 * Addresses and values are often in regular steps, and these must spread.
 *
 * Return: index in the table.
 */
unsigned int gzvm_ioevent_place(u64 addr, u64 data, unsigned int bits)
{
	u64 sum = addr * GOLDEN_RATIO_64 + data * (ror64(GOLDEN_RATIO_64, 32) | 1);

	return hash_64(sum ^ sum >> 32, bits);
}

/**
 * gzvm_ioeventfds_init() - make a VM ready for ioeventfds
 * @vm: VM being made
 */
void gzvm_ioeventfds_init(struct gzvm_vm *vm)
{
	mutex_init(&vm->ioeventfds.lock);
}

static void gzvm_ioevent_free(struct gzvm_ioevent *event)
{
	eventfd_ctx_put(event->ctx);
	kfree(event);
}

/* The table that only holders of the lock change, or NULL */
static struct gzvm_ioevent_table *gzvm_ioevent_table(struct gzvm_ioeventfds *set)
{
	return rcu_dereference_protected(set->table, lockdep_is_held(&set->lock));
}

static struct gzvm_ioevent *
gzvm_ioevent_entry(struct gzvm_ioeventfds *set,
		   const struct gzvm_ioevent_table *table, unsigned int i)
{
	return rcu_dereference_protected(table->entry[i],
					 lockdep_is_held(&set->lock));
}

/* The first ioeventfd from index *@i on, which becomes its index, or NULL */
static struct gzvm_ioevent *
gzvm_ioevent_from(struct gzvm_ioeventfds *set,
		  const struct gzvm_ioevent_table *table, unsigned int *i)
{
	struct gzvm_ioevent *event;

	for (; table && *i < BIT(table->bits); ++*i) {
		event = gzvm_ioevent_entry(set, table, *i);
		if (event && event != &gzvm_ioevent_gone)
			return event;
	}
	return NULL;
}

/**
 * gzvm_ioeventfds_free() - free all ioeventfds of a VM
 * @vm: VM of which no vCPU runs any more
 */
void gzvm_ioeventfds_free(struct gzvm_vm *vm)
{
	struct gzvm_ioeventfds *set = &vm->ioeventfds;
	struct gzvm_ioevent_table *table;
	struct gzvm_ioevent *event;
	unsigned int i;

	mutex_lock(&set->lock);
	table = gzvm_ioevent_table(set);
	for (i = 0; (event = gzvm_ioevent_from(set, table, &i)); i++)
		gzvm_ioevent_free(event);
	kvfree(table);
	mutex_unlock(&set->lock);
	mutex_destroy(&set->lock);
}

/* The ioeventfd that matches a write, or NULL; each probe ends at a gap. */
static __always_inline struct gzvm_ioevent *
gzvm_ioevent_match(const struct gzvm_ioevent_table *table, u64 addr, u8 lens,
		   u64 data, bool exact)
{
	unsigned int i = gzvm_ioevent_place(addr, data, table->bits);
	struct gzvm_ioevent *event;

	while ((event = rcu_dereference(table->entry[i]))) {
		if (event->addr == addr && event->data == data &&
		    event->lens & lens && event->exact == exact)
			break;
		i = gzvm_ioevent_next(table, i);
	}
	return event;
}

/**
 * gzvm_ioeventfd_write() - signal the ioeventfd that matches a guest's write
 * @vm: VM
 * @addr: guest physical address
 * @len: width in bytes: 1, 2, 4 or 8
 * @data: value, zero above the width
 *
 * Context: process context; does not sleep.
 * Return: true when an ioeventfd matched and has been signalled.
 */
bool gzvm_ioeventfd_write(struct gzvm_vm *vm, u64 addr, u32 len, u64 data)
{
	struct gzvm_ioevent_table *table;
	struct gzvm_ioevent *event;

	if (!rcu_access_pointer(vm->ioeventfds.table))
		return false;
	rcu_read_lock();
	table = rcu_dereference(vm->ioeventfds.table);
	event = gzvm_ioevent_match(table, addr, len, 0, false) ?:
		gzvm_ioevent_match(table, addr, len, data, true);
	if (event)
		eventfd_signal(event->ctx);
	rcu_read_unlock();
	return event;
}

/* Two ioeventfds collide when a write exists that both match. */
static bool gzvm_ioevent_collides(const struct gzvm_ioevent *a,
				  const struct gzvm_ioevent *b)
{
	if (a->addr != b->addr || !(a->lens & b->lens))
		return false;
	return !a->exact || !b->exact || a->data == b->data;
}

static void gzvm_ioevent_put(struct gzvm_ioeventfds *set,
			     struct gzvm_ioevent_table *table,
			     struct gzvm_ioevent *event)
{
	unsigned int i = gzvm_ioevent_place(event->addr, event->data, table->bits);

	while (gzvm_ioevent_entry(set, table, i))
		i = gzvm_ioevent_next(table, i);
	rcu_assign_pointer(table->entry[i], event);
	table->used++;
}

/* Replace the table if one more entry would make it too full. */
static int gzvm_ioevent_make_room(struct gzvm_ioeventfds *set)
{
	struct gzvm_ioevent_table *old = gzvm_ioevent_table(set), *new;
	unsigned int bits = order_base_2(8 * (set->nr + 1)), i;
	struct gzvm_ioevent *event;

	if (old && 2 * (old->used + 1) <= BIT(old->bits))
		return 0;
	new = kvzalloc(struct_size(new, entry, BIT(bits)), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->bits = bits;
	for (i = 0; (event = gzvm_ioevent_from(set, old, &i)); i++)
		gzvm_ioevent_put(set, new, event);
	rcu_assign_pointer(set->table, new);
	if (old)
		synchronize_rcu_expedited();
	kvfree(old);
	return 0;
}

static int gzvm_ioevent_insert(struct gzvm_ioeventfds *set,
			       struct gzvm_ioevent *event)
{
	struct gzvm_ioevent_table *table = gzvm_ioevent_table(set);
	struct gzvm_ioevent *other;
	unsigned int i;
	int ret;

	lockdep_assert_held(&set->lock);

	for (i = 0; (other = gzvm_ioevent_from(set, table, &i)); i++)
		if (gzvm_ioevent_collides(other, event))
			return -EEXIST;

	ret = gzvm_ioevent_make_room(set);
	if (ret)
		return ret;
	gzvm_ioevent_put(set, gzvm_ioevent_table(set), event);
	set->nr++;
	return 0;
}

static int gzvm_ioeventfd_assign(struct gzvm_vm *vm,
				 const struct gzvm_ioevent *model)
{
	struct gzvm_ioeventfds *set = &vm->ioeventfds;
	struct gzvm_ioevent *event;
	int ret;

	event = kzalloc_obj(*event, GFP_KERNEL_ACCOUNT);
	if (!event)
		return -ENOMEM;
	*event = *model;

	ret = mutex_lock_killable(&set->lock);
	if (!ret) {
		ret = gzvm_ioevent_insert(set, event);
		mutex_unlock(&set->lock);
	}
	if (ret)
		kfree(event);
	return ret;
}

static bool gzvm_ioevent_is_same(const struct gzvm_ioevent *a,
				 const struct gzvm_ioevent *b)
{
	return a->addr == b->addr && a->data == b->data && a->lens == b->lens &&
	       a->exact == b->exact && a->ctx == b->ctx;
}

static struct gzvm_ioevent *
gzvm_ioevent_remove(struct gzvm_ioeventfds *set, const struct gzvm_ioevent *model)
{
	struct gzvm_ioevent_table *table = gzvm_ioevent_table(set);
	struct gzvm_ioevent *event;
	unsigned int i;

	lockdep_assert_held(&set->lock);

	for (i = 0; (event = gzvm_ioevent_from(set, table, &i)); i++) {
		if (!gzvm_ioevent_is_same(event, model))
			continue;
		rcu_assign_pointer(table->entry[i], &gzvm_ioevent_gone);
		set->nr--;
		return event;
	}
	return NULL;
}

static int gzvm_ioeventfd_deassign(struct gzvm_vm *vm,
				   const struct gzvm_ioevent *model)
{
	struct gzvm_ioeventfds *set = &vm->ioeventfds;
	struct gzvm_ioevent *event;
	int ret;

	ret = mutex_lock_killable(&set->lock);
	if (ret)
		return ret;
	event = gzvm_ioevent_remove(set, model);
	mutex_unlock(&set->lock);
	if (!event)
		return -ENOENT;

	synchronize_rcu_expedited();
	gzvm_ioevent_free(event);
	return 0;
}

static int gzvm_ioeventfd_check(const struct gzvm_ioeventfd *args)
{
	u64 end;

	if (args->flags & ~GZVM_IOEVENTFD_VALID_FLAG_MASK ||
	    args->flags & GZVM_IOEVENTFD_FLAG_PIO)
		return -EINVAL;
	if (memchr_inv(args->pad, 0, sizeof(args->pad)))
		return -EINVAL;
	if (args->len > 8 || (args->len && !is_power_of_2(args->len)))
		return -EINVAL;
	if (!args->len && args->flags & GZVM_IOEVENTFD_FLAG_DATAMATCH)
		return -EINVAL;
	if (check_add_overflow(args->addr, (u64)args->len, &end))
		return -EINVAL;
	return 0;
}

/**
 * gzvm_ioeventfd() - GZVM_IOEVENTFD
 * @vm: VM
 * @args: which writes, which eventfd
 *
 * An ioeventfd is not signalled after it has been deassigned.
 *
 * Context: process context; takes the lock of the VM's ioeventfds.
 * Return: 0; -EINVAL for unknown flags, PIO, padding that is not zero, a
 * width that is none of 0, 1, 2, 4, 8, DATAMATCH with width 0, or a range that
 * wraps; -EBADF or -EINVAL for an fd that is not an eventfd; -EEXIST when a
 * write could match this one and an existing one; -ENOENT when the one to
 * deassign does not exist; -ENOMEM; -EINTR when killed.
 */
int gzvm_ioeventfd(struct gzvm_vm *vm, const struct gzvm_ioeventfd *args)
{
	struct gzvm_ioevent event = {
		.addr = args->addr,
		.lens = args->len ?: GZVM_ANY_LEN,
		.exact = args->flags & GZVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	int ret;

	ret = gzvm_ioeventfd_check(args);
	if (ret)
		return ret;
	if (event.exact)
		event.data = args->datamatch;

	event.ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(event.ctx))
		return PTR_ERR(event.ctx);

	if (args->flags & GZVM_IOEVENTFD_FLAG_DEASSIGN) {
		ret = gzvm_ioeventfd_deassign(vm, &event);
		eventfd_ctx_put(event.ctx);
		return ret;
	}

	/* On success the ioeventfd owns the reference. */
	ret = gzvm_ioeventfd_assign(vm, &event);
	if (ret)
		eventfd_ctx_put(event.ctx);
	return ret;
}
