// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: a guest's write to a doorbell becomes a signal on an eventfd.
 *
 * The rules for matches and collisions are KVM's (virt/kvm/eventfd.c): at most
 * one ioeventfd matches a write. There are three kinds:
 *
 *   exact   this address, this width, this value (DATAMATCH)
 *   value   this address, this width, any value
 *   any     this address, any width, any value (len 0)
 *
 * Hence three look-ups in a hash table find the match, whatever the number of
 * ioeventfds. Kinds that the VM does not use are not looked up.
 */

#include <linux/bitops.h>
#include <linux/eventfd.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/overflow.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "gzvm.h"

/*
 * Read side: the exit path, which must not sleep on a lock. Static, because one
 * for each VM would take percpu memory for each VM. Deassign waits for readers,
 * so that no signal follows its return. The check for an empty list is outside
 * the read side: deassign empties the list before it waits.
 */
DEFINE_STATIC_SRCU(gzvm_ioeventfd_srcu);

enum gzvm_ioeventfd_kind {
	GZVM_IOEVENTFD_EXACT,
	GZVM_IOEVENTFD_VALUE,
	GZVM_IOEVENTFD_ANY,
};

/**
 * struct gzvm_ioeventfd_key - what a write is compared with
 * @addr: guest physical address
 * @data: value, 0 unless the kind is exact
 * @len: width in bytes, 0 when the kind is any
 * @kind: enum gzvm_ioeventfd_kind
 */
struct gzvm_ioeventfd_key {
	u64 addr;
	u64 data;
	u32 len;
	u32 kind;
};

/**
 * struct gzvm_ioevent - one ioeventfd
 * @key: what it matches
 * @ctx: eventfd to signal; holds a reference
 * @node: link in the VM's hash table
 * @list: link in the VM's list, in the order of creation
 */
struct gzvm_ioevent {
	struct gzvm_ioeventfd_key key;
	struct eventfd_ctx *ctx;
	struct rhash_head node;
	struct list_head list;
};

/*
 * Multilinear hashing (D. Lemire, O. Kaser: Strongly universal string hashing is
 * fast): the words are multiplied by numbers that are made from the seed. The
 * final mixing is for addresses and values in regular steps.
 *
 * jhash takes ten times as many instructions, which adds a tenth to a write that
 * rings a doorbell. Keys that collide with one seed do not collide with the next:
 * rhashtable relies on that when a chain grows long.
 */
static u32 gzvm_ioeventfd_hash(const void *data, u32 len, u32 seed)
{
	const struct gzvm_ioeventfd_key *key = data;
	u64 how = (u64)(key->len << 2 | key->kind) << 58;
	u64 m = (seed | 1) * GOLDEN_RATIO_64;
	u64 sum = key->addr * m + (key->data ^ how) * ror64(m, 32);

	return hash_64(sum ^ sum >> 32, 32);
}

static int gzvm_ioeventfd_cmp(struct rhashtable_compare_arg *arg,
			      const void *obj)
{
	const struct gzvm_ioeventfd_key *a = arg->key;
	const struct gzvm_ioeventfd_key *b =
		&((const struct gzvm_ioevent *)obj)->key;

	return a->addr != b->addr || a->data != b->data || a->len != b->len ||
	       a->kind != b->kind;
}

static const struct rhashtable_params gzvm_ioeventfd_params = {
	.hashfn = gzvm_ioeventfd_hash,
	.obj_cmpfn = gzvm_ioeventfd_cmp,
	.key_len = sizeof(struct gzvm_ioeventfd_key),
	.key_offset = offsetof(struct gzvm_ioevent, key),
	.head_offset = offsetof(struct gzvm_ioevent, node),
	.automatic_shrinking = true,
};

/**
 * gzvm_ioeventfds_init() - make a VM ready for ioeventfds
 * @vm: VM being made
 *
 * Return: 0 or -ENOMEM.
 */
int gzvm_ioeventfds_init(struct gzvm_vm *vm)
{
	struct gzvm_ioeventfds *set = &vm->ioeventfds;

	mutex_init(&set->lock);
	INIT_LIST_HEAD(&set->list);
	return rhashtable_init(&set->table, &gzvm_ioeventfd_params);
}

static void gzvm_ioevent_free(struct gzvm_ioevent *event)
{
	eventfd_ctx_put(event->ctx);
	kfree(event);
}

/**
 * gzvm_ioeventfds_free() - free all ioeventfds of a VM
 * @vm: VM of which no vCPU runs any more
 */
void gzvm_ioeventfds_free(struct gzvm_vm *vm)
{
	struct gzvm_ioeventfds *set = &vm->ioeventfds;
	struct gzvm_ioevent *event, *next;

	rhashtable_destroy(&set->table);
	list_for_each_entry_safe(event, next, &set->list, list)
		gzvm_ioevent_free(event);
	mutex_destroy(&set->lock);
}

static bool gzvm_ioevent_signal(struct gzvm_ioeventfds *set,
				const struct gzvm_ioeventfd_key *key)
{
	struct gzvm_ioevent *event;

	if (!READ_ONCE(set->nr[key->kind]))
		return false;
	event = rhashtable_lookup_fast(&set->table, key, gzvm_ioeventfd_params);
	if (!event)
		return false;
	eventfd_signal(event->ctx);
	return true;
}

static bool gzvm_ioeventfds_signal(struct gzvm_ioeventfds *set, u64 addr,
				   u32 len, u64 data)
{
	const struct gzvm_ioeventfd_key exact = {
		addr, data, len, GZVM_IOEVENTFD_EXACT
	};
	const struct gzvm_ioeventfd_key value = {
		addr, 0, len, GZVM_IOEVENTFD_VALUE
	};
	const struct gzvm_ioeventfd_key any = {
		addr, 0, 0, GZVM_IOEVENTFD_ANY
	};
	bool found;
	int idx;

	idx = srcu_read_lock(&gzvm_ioeventfd_srcu);
	found = gzvm_ioevent_signal(set, &exact) ||
		gzvm_ioevent_signal(set, &value) ||
		gzvm_ioevent_signal(set, &any);
	srcu_read_unlock(&gzvm_ioeventfd_srcu, idx);
	return found;
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
	return !list_empty(&vm->ioeventfds.list) &&
	       gzvm_ioeventfds_signal(&vm->ioeventfds, addr, len, data);
}

/* Two ioeventfds collide when a write exists that both match. */
static bool gzvm_ioevent_collides(const struct gzvm_ioeventfd_key *a,
				  const struct gzvm_ioeventfd_key *b)
{
	if (a->addr != b->addr)
		return false;
	if (a->kind == GZVM_IOEVENTFD_ANY || b->kind == GZVM_IOEVENTFD_ANY)
		return true;
	if (a->len != b->len)
		return false;
	return a->kind == GZVM_IOEVENTFD_VALUE ||
	       b->kind == GZVM_IOEVENTFD_VALUE || a->data == b->data;
}

static int gzvm_ioevent_insert(struct gzvm_ioeventfds *set,
			       struct gzvm_ioevent *event)
{
	struct gzvm_ioevent *other;

	lockdep_assert_held(&set->lock);

	list_for_each_entry(other, &set->list, list)
		if (gzvm_ioevent_collides(&other->key, &event->key))
			return -EEXIST;

	/* rhashtable has errnos of its own for a table that cannot grow now. */
	if (rhashtable_insert_fast(&set->table, &event->node,
				   gzvm_ioeventfd_params))
		return -ENOMEM;
	list_add_tail(&event->list, &set->list);
	WRITE_ONCE(set->nr[event->key.kind], set->nr[event->key.kind] + 1);
	return 0;
}

static int gzvm_ioeventfd_assign(struct gzvm_vm *vm, struct eventfd_ctx *ctx,
				 const struct gzvm_ioeventfd_key *key)
{
	struct gzvm_ioeventfds *set = &vm->ioeventfds;
	struct gzvm_ioevent *event;
	int ret;

	event = kzalloc_obj(*event, GFP_KERNEL_ACCOUNT);
	if (!event)
		return -ENOMEM;
	event->key = *key;
	event->ctx = ctx;

	ret = mutex_lock_killable(&set->lock);
	if (!ret) {
		ret = gzvm_ioevent_insert(set, event);
		mutex_unlock(&set->lock);
	}
	if (ret)
		kfree(event);
	return ret;
}

static struct gzvm_ioevent *
gzvm_ioevent_remove(struct gzvm_ioeventfds *set, struct eventfd_ctx *ctx,
		    const struct gzvm_ioeventfd_key *key)
{
	struct gzvm_ioevent *event;

	lockdep_assert_held(&set->lock);

	event = rhashtable_lookup_fast(&set->table, key, gzvm_ioeventfd_params);
	if (!event || event->ctx != ctx)
		return NULL;

	rhashtable_remove_fast(&set->table, &event->node,
			       gzvm_ioeventfd_params);
	list_del(&event->list);
	WRITE_ONCE(set->nr[key->kind], set->nr[key->kind] - 1);
	return event;
}

static int gzvm_ioeventfd_deassign(struct gzvm_vm *vm, struct eventfd_ctx *ctx,
				   const struct gzvm_ioeventfd_key *key)
{
	struct gzvm_ioeventfds *set = &vm->ioeventfds;
	struct gzvm_ioevent *event;
	int ret;

	ret = mutex_lock_killable(&set->lock);
	if (ret)
		return ret;
	event = gzvm_ioevent_remove(set, ctx, key);
	mutex_unlock(&set->lock);
	if (!event)
		return -ENOENT;

	synchronize_srcu_expedited(&gzvm_ioeventfd_srcu);
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

static void gzvm_ioeventfd_make_key(const struct gzvm_ioeventfd *args,
				    struct gzvm_ioeventfd_key *key)
{
	*key = (struct gzvm_ioeventfd_key){
		.addr = args->addr,
		.len = args->len,
		.kind = args->len ? GZVM_IOEVENTFD_VALUE : GZVM_IOEVENTFD_ANY,
	};
	if (args->flags & GZVM_IOEVENTFD_FLAG_DATAMATCH) {
		key->kind = GZVM_IOEVENTFD_EXACT;
		key->data = args->datamatch;
	}
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
	struct gzvm_ioeventfd_key key;
	struct eventfd_ctx *ctx;
	int ret;

	ret = gzvm_ioeventfd_check(args);
	if (ret)
		return ret;
	gzvm_ioeventfd_make_key(args, &key);

	ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);

	if (args->flags & GZVM_IOEVENTFD_FLAG_DEASSIGN) {
		ret = gzvm_ioeventfd_deassign(vm, ctx, &key);
		eventfd_ctx_put(ctx);
		return ret;
	}

	/* On success the ioeventfd owns the reference. */
	ret = gzvm_ioeventfd_assign(vm, ctx, &key);
	if (ret)
		eventfd_ctx_put(ctx);
	return ret;
}
