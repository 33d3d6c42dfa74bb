// SPDX-License-Identifier: GPL-2.0
/*
 * A fake EL2. Besides answering by script it checks at every call what must
 * hold at any time: what EL2 was given is pinned, and what it still uses is
 * not freed. A breach is noted at once and reported at the test's end, since
 * reporting sleeps and calls are made with interrupts off.
 */

#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "fake.h"

static struct gzvm_fake *fake_of(struct kunit *test)
{
	return test->priv;
}

static __printf(2, 3) void fake_error(struct gzvm_fake *fake, const char *fmt,
				      ...)
{
	va_list args;

	if (fake->nr_errors++)
		return;
	va_start(args, fmt);
	vsnprintf(fake->error, sizeof(fake->error), fmt, args);
	va_end(args);
}

static struct fake_vm *fake_vm_of(struct gzvm_fake *fake, u64 id)
{
	unsigned int i;

	for (i = 0; i < fake->nr_vms; i++)
		if (fake->vms[i].id == id && fake->vms[i].alive)
			return &fake->vms[i];
	return NULL;
}

bool gzvm_fake_page_is_pinned(u64 pfn)
{
	return folio_maybe_dma_pinned(page_folio(pfn_to_page(pfn)));
}

static bool fake_frame_is_free(phys_addr_t pa)
{
	return !page_count(pfn_to_page(PHYS_PFN(pa)));
}

static void fake_check_vm(struct gzvm_fake *fake, struct fake_vm *vm)
{
	unsigned long gfn;
	unsigned int id;
	void *entry;
	u64 value;

	xa_for_each(&vm->pages, gfn, entry) {
		value = xa_to_value(entry);
		if ((value & 3) != FAKE_PAGE_RETURNED &&
		    !gzvm_fake_page_is_pinned(value >> 2))
			fake_error(fake, "pfn 0x%llx at gfn 0x%lx is EL2's and not pinned",
				   value >> 2, gfn);
	}
	for (id = 0; id < 64; id++)
		if (vm->shared[id] && (fake_frame_is_free(vm->shared[id]) ||
				       fake_frame_is_free(vm->shared[id] + FAKE_PAGE)))
			fake_error(fake, "shared page of vCPU %u was freed", id);
	if (vm->mailbox && fake_frame_is_free(vm->mailbox))
		fake_error(fake, "mailbox was freed");
}

static void fake_check(struct gzvm_fake *fake)
{
	unsigned int i;

	for (i = 0; i < fake->nr_vms; i++)
		if (fake->vms[i].alive)
			fake_check_vm(fake, &fake->vms[i]);
}

/* A page is offered: it must be pinned by now, and the caller's alone. */
static void fake_give(struct gzvm_fake *fake, struct fake_vm *vm, u64 gfn,
		      u64 pfn, long status, bool several)
{
	void *old = xa_load(&vm->pages, gfn);
	u64 state = old ? xa_to_value(old) & 3 : FAKE_PAGE_RETURNED;

	if (!pfn_valid(pfn) || is_zero_pfn(pfn))
		fake_error(fake, "pfn 0x%llx offered for gfn 0x%llx", pfn, gfn);
	else if (!gzvm_fake_page_is_pinned(pfn))
		fake_error(fake, "pfn 0x%llx offered but not pinned", pfn);
	if (state == FAKE_PAGE_MAPPED)
		fake_error(fake, "gfn 0x%llx given twice", gfn);
	if (state == FAKE_PAGE_MAYBE && xa_to_value(old) >> 2 != pfn)
		fake_error(fake, "gfn 0x%llx given as another frame", gfn);

	if (!status)
		state = FAKE_PAGE_MAPPED;
	else if (several || status == FAKE_BUSY)
		state = FAKE_PAGE_MAYBE;
	else
		return;
	xa_store(&vm->pages, gfn, xa_mk_value(pfn << 2 | state), GFP_ATOMIC);
}

/* Lest somebody else have it by the time that a test looks at it. */
static void fake_hold(struct fake_call *rec, unsigned int i, phys_addr_t pa)
{
	if (!pfn_valid(PHYS_PFN(pa)))
		return;
	rec->held[i] = pfn_to_page(PHYS_PFN(pa));
	get_page(rec->held[i]);
}

/* Each call that leaves something at EL2 */

static void fake_create_vm(struct gzvm_fake *fake, struct gzvm_call *call,
			   struct fake_call *rec)
{
	struct fake_vm *vm;

	if (rec->status)
		return;
	if (fake->nr_vms == FAKE_MAX_VMS) {
		fake_error(fake, "too many VMs for the fake");
		return;
	}
	vm = &fake->vms[fake->nr_vms];
	vm->id = FAKE_VM_ID + fake->nr_vms++;
	vm->alive = true;
	call->res.a1 = vm->id;
}

static void fake_destroy_vm(struct gzvm_fake *fake, struct gzvm_call *call,
			    struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0]);
	unsigned long gfn;
	void *entry;

	if (vm->vcpus)
		fake_error(fake, "DESTROY_VM with vCPUs 0x%llx", vm->vcpus);
	if (rec->status && rec->status != FAKE_BUSY)
		vm->refused = true;
	if (rec->status)
		return;

	xa_for_each(&vm->pages, gfn, entry)
		xa_store(&vm->pages, gfn,
			 xa_mk_value((xa_to_value(entry) & ~3UL) | FAKE_PAGE_RETURNED),
			 GFP_ATOMIC);
	vm->alive = false;
	vm->mailbox = 0;
}

static void fake_create_vcpu(struct gzvm_fake *fake, struct gzvm_call *call,
			     struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0] >> 16);
	unsigned int id = call->args[0] & 0xffff;

	if (id >= 64 || vm->vcpus & BIT_ULL(id)) {
		fake_error(fake, "vCPU %u created twice, or beyond the limit", id);
		return;
	}
	if (!IS_ALIGNED(call->args[1], FAKE_PAGE) ||
	    memchr_inv(phys_to_virt(call->args[1]), 0, 2 * FAKE_PAGE))
		fake_error(fake, "shared pages of vCPU %u not aligned or not zero", id);
	if (rec->status) {
		fake_hold(rec, 0, call->args[1]);
		fake_hold(rec, 1, call->args[1] + FAKE_PAGE);
		return;
	}
	vm->vcpus |= BIT_ULL(id);
	vm->shared[id] = call->args[1];
}

static void fake_destroy_vcpu(struct gzvm_fake *fake, struct gzvm_call *call,
			      struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0] >> 16);
	unsigned int id = call->args[0] & 0xffff;

	if (id >= 64 || !(vm->vcpus & BIT_ULL(id))) {
		fake_error(fake, "vCPU %u destroyed without being there", id);
		return;
	}
	if (rec->status && rec->status != FAKE_BUSY)
		vm->refused = true;
	if (rec->status)
		return;
	vm->vcpus &= ~BIT_ULL(id);
	vm->shared[id] = 0;
}

static void fake_set_memregion(struct gzvm_fake *fake, struct gzvm_call *call,
			       struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0]);
	u8 *buf = phys_to_virt(call->args[2]);
	u64 gfn = get_unaligned_le64(buf + RANGES_GPA) / FAKE_PAGE;
	u32 cnt = get_unaligned_le32(buf + RANGES_CNT);
	u64 total = get_unaligned_le64(buf + RANGES_TOTAL);
	u32 i, nr;
	u64 pfn;

	if (call->args[1] != RANGES_SIZE || cnt > RANGES_MAX) {
		fake_error(fake, "ranges of %llu bytes, %u constituents",
			   call->args[1], cnt);
		return;
	}
	rec->buf = kmemdup(buf, RANGES_SIZE, GFP_ATOMIC);
	if (!rec->status && fake->gpa_end &&
	    (gfn + total) * FAKE_PAGE > fake->gpa_end) {
		rec->status = FAKE_INVALID_ARGS;
		call->res.a0 = rec->status;
	}
	for (i = 0; i < cnt; i++) {
		u8 *one = buf + i * RANGES_STEP;

		pfn = get_unaligned_le64(one + RANGES_ADDRESS) / FAKE_PAGE;
		nr = get_unaligned_le32(one + RANGES_PG_CNT);
		if (!nr || get_unaligned_le32(one + RANGES_RESERVED))
			fake_error(fake, "constituent %u is empty or not clean", i);
		for (; nr; nr--)
			fake_give(fake, vm, gfn++, pfn++, rec->status, total > 1);
	}
}

static void fake_map_guest(struct gzvm_fake *fake, struct gzvm_call *call,
			   struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0]);
	u64 i, nr = call->args[4];

	for (i = 0; i < nr; i++)
		fake_give(fake, vm, call->args[3] + i, call->args[2] + i,
			  rec->status, nr > 1);
}

static void fake_map_guest_block(struct gzvm_fake *fake, struct gzvm_call *call,
				 struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0]);
	u64 i, nr = call->args[3];
	__le64 *mailbox;

	if (!vm->mailbox || !nr || nr > 512) {
		fake_error(fake, "mailbox 0x%llx, %llu pages", vm->mailbox, nr);
		return;
	}
	mailbox = phys_to_virt(vm->mailbox);
	rec->buf = kmemdup(mailbox, nr * sizeof(*mailbox), GFP_ATOMIC);
	for (i = 0; i < nr; i++)
		fake_give(fake, vm, call->args[2] + i, le64_to_cpu(mailbox[i]),
			  rec->status, nr > 1);
}

static void fake_enable_cap(struct gzvm_fake *fake, struct gzvm_call *call,
			    struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0]);

	if (rec->status)
		return;
	if (vm && call->args[1] == 0x9201)
		vm->mailbox = call->args[3];
	/* What the two QUERY caps and GET_PVMFW_SIZE would give */
	call->res.a1 = call->args[0] ? 0x40000 : 64;
	if (!call->args[0] && fake->has_batch)
		call->res.a1 = fake->batch;
}

static void fake_create_device(struct gzvm_fake *fake, struct gzvm_call *call,
			       struct fake_call *rec)
{
	u8 *device = phys_to_virt(call->args[1]);
	u64 attr = get_unaligned_le64(device + 32);

	fake_hold(rec, 0, call->args[1]);
	if (attr)
		fake_hold(rec, 1, attr);
	rec->buf = kzalloc(2 * FAKE_PAGE, GFP_ATOMIC);
	if (!rec->buf)
		return;
	memcpy(rec->buf, device, FAKE_PAGE);
	if (attr && pfn_valid(PHYS_PFN(attr)))
		memcpy(rec->buf + FAKE_PAGE, phys_to_virt(attr), FAKE_PAGE);
}

/* The guest gives a page up: it is not EL2's any more when RUN returns. */
static void fake_relinquish(struct fake_vm *vm, const struct fake_exit *exit)
{
	u64 gfn = get_unaligned_le64(exit->page + RUN_HYPERCALL_ARGS + 8) / FAKE_PAGE;
	void *old = xa_load(&vm->pages, gfn);

	if (exit->reason == FAKE_EXIT_HYPERCALL && old &&
	    get_unaligned_le64(exit->page + RUN_HYPERCALL_ARGS) == 0xc6000009)
		xa_store(&vm->pages, gfn,
			 xa_mk_value((xa_to_value(old) & ~3UL) | FAKE_PAGE_RETURNED),
			 GFP_ATOMIC);
}

static void fake_run(struct gzvm_fake *fake, struct gzvm_call *call,
		     struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0] >> 16);
	phys_addr_t shared = vm->shared[call->args[0] & 0x3f];
	struct fake_exit *exit;

	if (!irqs_disabled())
		fake_error(fake, "RUN with interrupts on");
	if (!shared) {
		fake_error(fake, "RUN of a vCPU that is not there");
		return;
	}
	rec->buf = kmemdup(phys_to_virt(shared), RUN_SIZE, GFP_ATOMIC);
	if (rec->status)
		return;

	/* Nothing scripted: power off, lest a test run for ever. */
	if (fake->exit_head == fake->exit_tail) {
		memset(phys_to_virt(shared + RUN_UNION), 0, RUN_SIZE - RUN_UNION);
		put_unaligned_le32(1, phys_to_virt(shared + RUN_EVENT_TYPE));
		call->res.a1 = FAKE_EXIT_SYSTEM_EVENT;
		return;
	}
	exit = &fake->exits[fake->exit_head++];
	fake_relinquish(vm, exit);
	memcpy(phys_to_virt(shared + RUN_UNION), exit->page + RUN_UNION,
	       RUN_SIZE - RUN_UNION);
	rec->status = exit->status;
	call->res.a0 = exit->status;
	call->res.a1 = exit->reason;
}

static void fake_get_one_reg(struct gzvm_fake *fake, struct gzvm_call *call,
			     struct fake_call *rec)
{
	if (!rec->status)
		call->res.a1 = fake->reg_value;
}

static void (*const fake_handlers[])(struct gzvm_fake *fake,
				     struct gzvm_call *call,
				     struct fake_call *rec) = {
	[FAKE_CREATE_VM] = fake_create_vm,
	[FAKE_DESTROY_VM] = fake_destroy_vm,
	[FAKE_CREATE_VCPU] = fake_create_vcpu,
	[FAKE_DESTROY_VCPU] = fake_destroy_vcpu,
	[FAKE_SET_MEMREGION] = fake_set_memregion,
	[FAKE_RUN] = fake_run,
	[FAKE_GET_ONE_REG] = fake_get_one_reg,
	[FAKE_CREATE_DEVICE] = fake_create_device,
	[FAKE_ENABLE_CAP] = fake_enable_cap,
	[FAKE_MAP_GUEST] = fake_map_guest,
	[FAKE_MAP_GUEST_BLOCK] = fake_map_guest_block,
	[FAKE_GET_STATISTICS] = NULL,
};

/* Which VM the call names; calls without one name the tests' own, 0. */
static u64 fake_call_vm_id(const struct gzvm_call *call)
{
	switch ((unsigned int)call->nr) {
	case FAKE_CREATE_VM:
	case FAKE_PROBE:
		return 0;
	case FAKE_CREATE_VCPU:
	case FAKE_DESTROY_VCPU:
	case FAKE_RUN:
	case FAKE_GET_ONE_REG:
	case FAKE_SET_ONE_REG:
	case FAKE_IRQ_LINE:
		return call->args[0] >> 16;
	default:
		return call->args[0];
	}
}

static long fake_status(struct gzvm_fake *fake, unsigned int nr)
{
	long status = FAKE_OK;
	struct fake_rule *rule;
	unsigned int i;

	for (i = 0; i < fake->nr_rules; i++) {
		rule = &fake->rules[i];
		if (!rule->count || (rule->nr != nr && rule->nr != FAKE_ANY))
			continue;
		if (rule->skip) {
			rule->skip--;
			continue;
		}
		rule->count--;
		status = rule->status;
		break;
	}
	return status;
}

static void fake_call_locked(struct gzvm_fake *fake, struct gzvm_call *call)
{
	struct fake_call *rec;
	u64 id = fake_call_vm_id(call);

	lockdep_assert_held(&fake->lock);

	if (fake->nr_calls == FAKE_MAX_CALLS) {
		fake_error(fake, "too many calls for the fake");
		return;
	}
	rec = &fake->calls[fake->nr_calls++];
	rec->nr = call->nr;
	memcpy(rec->args, call->args, sizeof(rec->args));
	fake_check(fake);
	if (fake->watch)
		fake->watch(fake, rec->nr);

	rec->status = fake_status(fake, call->nr);
	call->res.a0 = rec->status;
	/* What is not a result is not zero either. */
	call->res.a1 = 0xdead0001;
	call->res.a2 = 0xdead0002;
	call->res.a3 = 0xdead0003;
	if (id && !fake_vm_of(fake, id)) {
		fake_error(fake, "call %u for VM 0x%llx, which is not there",
			   rec->nr, id);
		call->res.a0 = FAKE_INVALID_ARGS;
		return;
	}
	if (rec->nr < ARRAY_SIZE(fake_handlers) && fake_handlers[rec->nr])
		fake_handlers[rec->nr](fake, call, rec);
}

static void fake_smccc(struct gzvm_call *call)
{
	struct gzvm_fake *fake = fake_of(kunit_get_current_test());
	unsigned int head = fake->exit_head;
	struct fake_exit *exit = NULL;
	unsigned long flags;

	if (fake->enter)
		fake->enter(fake->enter_data, call->nr);
	spin_lock_irqsave(&fake->lock, flags);
	fake_call_locked(fake, call);
	if (fake->exit_head != head)
		exit = &fake->exits[head];
	spin_unlock_irqrestore(&fake->lock, flags);

	/* May call again. */
	if (exit && exit->hook)
		exit->hook(fake, exit->data);
}

/* Set-up and the last look */

static void fake_check_end(struct kunit *test, struct gzvm_fake *fake)
{
	unsigned long gfn, pinned = 0;
	bool refused = false;
	struct fake_vm *vm;
	unsigned int i;
	void *entry;

	fake_check(fake);
	for (i = 0; i < fake->nr_vms; i++) {
		vm = &fake->vms[i];
		refused |= vm->refused;
		KUNIT_EXPECT_TRUE_MSG(test, !vm->alive || vm->refused,
				      "VM %u was not destroyed", i);
		xa_for_each(&vm->pages, gfn, entry)
			pinned += gzvm_fake_page_is_pinned(xa_to_value(entry) >> 2);
	}
	/* What a refusal keeps, others may have had as well. */
	if (!refused) {
		KUNIT_EXPECT_EQ_MSG(test, pinned, 0, "pages still pinned");
		KUNIT_EXPECT_EQ_MSG(test, gzvm_fake_pinned(test), 0,
				    "pages still accounted");
	}
	KUNIT_EXPECT_EQ_MSG(test, fake->nr_errors, 0, "first of them: %s",
			    fake->error);
}

static void fake_exit(void *data)
{
	struct kunit *test = data;
	struct gzvm_fake *fake = fake_of(test);
	unsigned int i;

	fake_check_end(test, fake);
	gzvm_drv.map_batch = 512;
	gzvm_drv.destroy_batch = 128;
	gzvm_drv.closed = false;
	memset(&gzvm_drv.features, 0, sizeof(gzvm_drv.features));
	gzvm_fake_forget(test);
	for (i = 0; i < FAKE_MAX_VMS; i++)
		xa_destroy(&fake->vms[i].pages);
	mmdrop(fake->mm);
	kvfree(fake->calls);
	kvfree(fake->exits);
	kfree(fake);
	test->priv = NULL;
}

int gzvm_fake_init(struct kunit *test)
{
	struct gzvm_fake *fake;
	unsigned int i;

	/* Gives the thread an address space, too. */
	if (!gzvm_fake_mmap(test, FAKE_PAGE))
		return -ENOMEM;

	fake = kzalloc(sizeof(*fake), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->calls = kvcalloc(FAKE_MAX_CALLS, sizeof(*fake->calls), GFP_KERNEL);
	fake->exits = kvcalloc(FAKE_MAX_EXITS, sizeof(*fake->exits), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake->calls);
	KUNIT_ASSERT_NOT_NULL(test, fake->exits);
	fake->test = test;
	fake->mm = current->mm;
	memset(&gzvm_drv.features, 0, sizeof(gzvm_drv.features));
	fake->kept_before = atomic_long_read(&gzvm_drv.kept_pages);
	mmgrab(fake->mm);
	spin_lock_init(&fake->lock);
	for (i = 0; i < FAKE_MAX_VMS; i++)
		xa_init_flags(&fake->vms[i].pages, XA_FLAGS_LOCK_IRQ);
	test->priv = fake;

	/* Undone in reverse: VMs, then the last look, then the stub. */
	kunit_activate_static_stub(test, gzvm_smccc, fake_smccc);
	return kunit_add_action_or_reset(test, fake_exit, test);
}

static void fake_vm_put(void *vm)
{
	gzvm_vm_put(vm);
}

struct gzvm_vm *gzvm_fake_vm(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_vm_create(0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_vm_put, vm), 0);
	return vm;
}

/* A VM of an EL2 that can do @paging and no better. */
struct gzvm_vm *gzvm_fake_vm_paging(struct kunit *test, enum gzvm_paging paging)
{
	struct gzvm_vm *vm;

	if (paging != GZVM_PAGING_BLOCK)
		gzvm_fake_fail(test, FAKE_ENABLE_CAP,
			       paging == GZVM_PAGING_PAGE ? 2 : 1,
			       FAKE_NOT_SUPPORTED);
	vm = gzvm_fake_vm(test);
	KUNIT_ASSERT_EQ(test, vm->paging, paging);
	return vm;
}

void gzvm_fake_vm_end(struct kunit *test, struct gzvm_vm *vm)
{
	kunit_release_action(test, fake_vm_put, vm);
}

struct gzvm_vcpu *gzvm_fake_vcpu(struct kunit *test, struct gzvm_vm *vm)
{
	struct gzvm_vcpu *vcpu = gzvm_vcpu_create(vm, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vcpu);
	return vcpu;
}
