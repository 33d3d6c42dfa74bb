// SPDX-License-Identifier: GPL-2.0
/*
 * A fake EL2. It answers by script, and checks at every call that all pages that it
 * was given are pinned, and that the driver has not freed memory that EL2 still
 * uses. It reports errors at the end of the test, because a report may sleep and
 * calls may be made with interrupts off.
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

static void fake_answer(struct gzvm_fake *fake, struct gzvm_call *call,
			long status)
{
	call->res.a0 = fake->narrow ? lower_32_bits(status) : status;
}

/* The host page with EL2's frame @pfn */
struct page *gzvm_fake_page(u64 pfn)
{
	return pfn_to_page(pfn / FAKE_PER_PAGE);
}

bool gzvm_fake_page_is_pinned(u64 pfn)
{
	struct page *page = gzvm_fake_page(pfn);

	/* Pages of the driver are on no LRU list, have a mark, and one reference. */
	if (!page->mapping && !PageLRU(page) && page_count(page) == 1)
		return PageOffline(page);
	return folio_maybe_dma_pinned(page_folio(page));
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
				       fake_frame_is_free(vm->shared[id] + FAKE_HYP_PAGE)))
			fake_error(fake, "shared page of vCPU %u was freed", id);
	for (id = 0; id < ARRAY_SIZE(vm->doubtful); id++)
		if (vm->doubtful[id] && fake_frame_is_free(vm->doubtful[id]))
			fake_error(fake, "shared page of a vCPU in doubt was freed");
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

/* After any other error, EL2 may have the pages. */
static bool fake_did_nothing(long status)
{
	return status == FAKE_NO_MEMORY || status == FAKE_INVALID_ARGS ||
	       status == FAKE_NOT_SUPPORTED || status == FAKE_NOT_IMPLEMENTED ||
	       status == -1;
}

/* A page is offered: it must be pinned, and must not be the zero page. */
static void fake_give(struct gzvm_fake *fake, struct fake_vm *vm, u64 gfn,
		      u64 pfn, long status, bool several)
{
	void *old = xa_load(&vm->pages, gfn);
	u64 state = old ? xa_to_value(old) & 3 : FAKE_PAGE_RETURNED;

	if (!pfn_valid(pfn / FAKE_PER_PAGE) || is_zero_pfn(pfn / FAKE_PER_PAGE))
		fake_error(fake, "pfn 0x%llx offered for gfn 0x%llx", pfn, gfn);
	else if (!gzvm_fake_page_is_pinned(pfn))
		fake_error(fake, "pfn 0x%llx offered but not pinned", pfn);
	if (state == FAKE_PAGE_MAPPED && !fake->again)
		fake_error(fake, "gfn 0x%llx given twice", gfn);
	if (state == FAKE_PAGE_MAPPED && xa_to_value(old) >> 2 != pfn)
		fake_error(fake, "gfn 0x%llx given again as another frame", gfn);
	if (state == FAKE_PAGE_MAYBE && xa_to_value(old) >> 2 != pfn)
		fake_error(fake, "gfn 0x%llx given as another frame", gfn);

	if (!status)
		state = FAKE_PAGE_MAPPED;
	else if (several || !fake_did_nothing(status))
		state = FAKE_PAGE_MAYBE;
	else
		return;
	xa_store(&vm->pages, gfn, xa_mk_value(pfn << 2 | state), GFP_ATOMIC);
}

/* Prevents that the page is allocated again before a test looks at it. */
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
	if (fake->same_id) {
		call->res.a1 = fake->vms[fake->nr_vms - 1].id;
		return;
	}
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
	memset(vm->shared, 0, sizeof(vm->shared));
	memset(vm->doubtful, 0, sizeof(vm->doubtful));
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
	if (!IS_ALIGNED(call->args[1], FAKE_HYP_PAGE) ||
	    memchr_inv(phys_to_virt(call->args[1]), 0, 2 * FAKE_HYP_PAGE))
		fake_error(fake, "shared pages of vCPU %u not aligned or not zero", id);
	if (rec->status) {
		if (!fake_did_nothing(rec->status)) {
			vm->doubtful[id % ARRAY_SIZE(vm->doubtful)] = call->args[1];
			return;
		}
		fake_hold(rec, 0, call->args[1]);
		fake_hold(rec, 1, call->args[1] + FAKE_HYP_PAGE);
		return;
	}
	vm->vcpus |= BIT_ULL(id);
	vm->shared[id] = call->args[1];
}

/* EL2 owns the shared pages until the VM ends, whatever it answers. */
static void fake_destroy_vcpu(struct gzvm_fake *fake, struct gzvm_call *call,
			      struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0] >> 16);
	unsigned int id = call->args[0] & 0xffff;

	if (id >= 64 || !(vm->vcpus & BIT_ULL(id))) {
		fake_error(fake, "vCPU %u destroyed without being there", id);
		return;
	}
	vm->vcpus &= ~BIT_ULL(id);
}

static void fake_set_memregion(struct gzvm_fake *fake, struct gzvm_call *call,
			       struct fake_call *rec)
{
	struct fake_vm *vm = fake_vm_of(fake, call->args[0]);
	u8 *buf = phys_to_virt(call->args[2]);
	u64 gfn = get_unaligned_le64(buf + RANGES_GPA) / FAKE_HYP_PAGE;
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
	for (i = 0; i < cnt; i++) {
		u8 *one = buf + i * RANGES_STEP;

		pfn = get_unaligned_le64(one + RANGES_ADDRESS) / FAKE_HYP_PAGE;
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
	if (call->args[1] == 0x9290) {
		rec->status = fake->limits ? FAKE_OK : FAKE_NOT_SUPPORTED;
		fake_answer(fake, call, rec->status);
		call->res.a1 = fake->limits;
		return;
	}
	if (vm && call->args[1] == 0x9201)
		vm->mailbox = call->args[3];
	/* Result of the two QUERY caps, and of GET_PVMFW_SIZE */
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
	rec->buf = kzalloc(2 * FAKE_HYP_PAGE, GFP_ATOMIC);
	if (!rec->buf)
		return;
	memcpy(rec->buf, device, FAKE_HYP_PAGE);
	if (attr && pfn_valid(PHYS_PFN(attr)))
		memcpy(rec->buf + FAKE_HYP_PAGE, phys_to_virt(attr), FAKE_HYP_PAGE);
}

/* The guest gives a page up: EL2 has released it when RUN returns. */
static void fake_relinquish(struct fake_vm *vm, const struct fake_exit *exit)
{
	u64 gfn = get_unaligned_le64(exit->page + RUN_HYPERCALL_ARGS + 8) / FAKE_HYP_PAGE;
	void *old = xa_load(&vm->pages, gfn);

	if (exit->reason == FAKE_EXIT_HYPERCALL && old &&
	    get_unaligned_le64(exit->page + RUN_HYPERCALL_ARGS) == 0xc6000009)
		xa_store(&vm->pages, gfn,
			 xa_mk_value((xa_to_value(old) & ~3UL) | FAKE_PAGE_RETURNED),
			 GFP_ATOMIC);
}

/* Written only if the host has to run the timer. The page is not cleared. */
static void fake_run_vtimer(struct gzvm_fake *fake, u8 *hw)
{
	if (!fake->vtimer_migrate)
		return;
	put_unaligned_le64(fake->vtimer_delay, hw + (fake->old ? HW_OLD_VTIMER_DELAY :
								 HW_VTIMER_DELAY));
	put_unaligned_le32(fake->vtimer_migrate,
			   hw + (fake->old ? HW_OLD_VTIMER_MIGRATE :
					     HW_VTIMER_MIGRATE));
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
	fake_run_vtimer(fake, phys_to_virt(shared + FAKE_HYP_PAGE));

	/* Without a script the guest powers off, so that the test ends. */
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
	fake_answer(fake, call, exit->status);
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

	if (call->nr == fake->unlogged) {
		fake->nr_unlogged++;
		fake_answer(fake, call, fake_status(fake, call->nr));
		if ((int)call->res.a0)
			return;
	}
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
	/* The whole id is compared. */
	if (call->id != (fake->old ? 0xbb001000 : 0xfb001000) + rec->nr)
		rec->status = -1;
	fake_answer(fake, call, rec->status);
	/* Registers without a result are not zero. */
	call->res.a1 = 0xdead0001;
	call->res.a2 = 0xdead0002;
	call->res.a3 = 0xdead0003;
	if (id && !fake_vm_of(fake, id)) {
		fake_error(fake, "call %u for VM 0x%llx, which is not there",
			   rec->nr, id);
		fake_answer(fake, call, FAKE_INVALID_ARGS);
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

/* A work item would make its calls without the fake. */
static void fake_end_later(struct gzvm_vm *vm)
{
	fake_of(kunit_get_current_test())->later = vm;
}

static void fake_retry_later(struct gzvm_vm *vm)
{
	fake_of(kunit_get_current_test())->retry = vm;
}

/* Set-up and the last check */

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
	/* Pages that a refusal keeps may also be those of other VMs. */
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
	gzvm_fake_forget(test);
	for (i = 0; i < FAKE_MAX_VMS; i++)
		xa_destroy(&fake->vms[i].pages);
	mmput(fake->mm);
	kvfree(fake->calls);
	kvfree(fake->exits);
	kfree(fake);
	test->priv = NULL;
}

int gzvm_fake_init(struct kunit *test)
{
	struct gzvm_version version;
	struct gzvm_fake *fake;
	unsigned int i;

	/* Gives the thread an address space, too. */
	if (!gzvm_fake_mmap(test, FAKE_PAGE))
		return -ENOMEM;

	fake = kzalloc_obj(*fake, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->calls = kvcalloc(FAKE_MAX_CALLS, sizeof(*fake->calls), GFP_KERNEL);
	fake->exits = kvcalloc(FAKE_MAX_EXITS, sizeof(*fake->exits), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake->calls);
	KUNIT_ASSERT_NOT_NULL(test, fake->exits);
	fake->test = test;
	fake->unlogged = FAKE_ANY;
	fake->mm = current->mm;
	fake->kept_before = atomic_long_read(&gzvm_drv.kept_pages);
	/* A VM must not end with the test's thread, but in the clean-up. */
	mmget(fake->mm);
	spin_lock_init(&fake->lock);
	for (i = 0; i < FAKE_MAX_VMS; i++)
		xa_init_flags(&fake->vms[i].pages, XA_FLAGS_LOCK_IRQ);
	test->priv = fake;

	fake->limits = 512 << 16 | 64;

	/* Undone in reverse: VMs, then the last check, then the stub. */
	kunit_activate_static_stub(test, gzvm_smccc, fake_smccc);
	kunit_activate_static_stub(test, gzvm_vm_end_later, fake_end_later);
	kunit_activate_static_stub(test, gzvm_irqfds_retry_later, fake_retry_later);
	/* As when the driver was bound */
	(void)gzvm_hc_probe(&version);
	gzvm_fake_forget(test);
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
	/* Most tests are about a VMM that has asked for the limits. */
	vm->takes_pages = true;
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
