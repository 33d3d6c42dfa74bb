// SPDX-License-Identifier: GPL-2.0
/*
 * Protected VMs: guest memory that the host can access, and memory that it
 * cannot.
 *
 * Needs: controls, modes
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "controls.h"
#include "gz_test.h"
#include "gzhyp_as.h"
#include "guest_gic.h"
#include "protected.h"
#include "stats.h"

/* A page of the hypervisor: so much the guest shares and returns */
#define PAGE		0x1000ULL
#define SECRET		0x5ec4e75ec4e7ULL
#define SWIOTLB_SIZE	(4 * HOST_PAGE)
#define PVMFW_SIZE	0x40000

/* Nothing accesses it before the guest does; it is in a block of its own. */
#define LATER_BASE	(RAM_BASE + 0x600000)

sigjmp_buf pvm_caught;

FIXTURE(pvm)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	char *swiotlb;
	char *pvmfw;
};

static char *add_region(struct tvm *t, uint32_t slot, uint32_t flags,
			uint64_t gpa, uint64_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || gz_vm_set_region(&t->vm, slot, flags, gpa, size, p))
		return NULL;
	return p;
}

FIXTURE_SETUP(pvm)
{
	uint64_t cap = GZVM_CAP_PROTECTED_VM;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 2);
	if (gzhyp_as("noprotect") ||
	    gz_ioctl(self->t.vm.fd, GZVM_CHECK_EXTENSION, (unsigned long)&cap)) {
		tvm_destroy(&self->t);
		SKIP(return, "no protected VMs");
	}
	self->vcpu = &self->t.vcpus[0];
	self->swiotlb = add_region(&self->t, SWIOTLB_SLOT,
				   GZVM_USER_MEM_REGION_STATIC_SWIOTLB,
				   SWIOTLB_BASE, SWIOTLB_SIZE);
	ASSERT_NE(NULL, self->swiotlb);
	self->pvmfw = add_region(&self->t, PVMFW_SLOT,
				 GZVM_USER_MEM_REGION_PROTECT_FW,
				 PVMFW_BASE, PVMFW_SIZE);
	ASSERT_NE(NULL, self->pvmfw);
}

FIXTURE_TEARDOWN(pvm)
{
	if (!no_controls())
		EXPECT_TRUE(ctl_check_ok());
	tvm_destroy(&self->t);
	if (!no_controls())
		EXPECT_TRUE(ctl_check_ok());
}

static uint64_t *at(struct tvm *t, uint64_t gpa)
{
	return tvm_at(t, gpa);
}

/* Reads, reports, writes, reports. */
GUEST static void guest_use(uint64_t gpa)
{
	guest_sync(read64(gpa));
	write64(gpa, SECRET);
	guest_sync(read64(gpa));
	guest_sync(read64(gpa));
}

TEST_F(pvm, load_and_store_of_the_host_get_sigbus)
{
	uint64_t *p = at(&self->t, FREE_BASE);

	*p = 5;
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	/* The memory is sealed at the first run. */
	EXPECT_EQ(0, signal_of_load(p));
	*p = 7;
	vcpu_run_to_sync(self->vcpu, 7);
	EXPECT_EQ(SIGBUS, signal_of_load(p));
	EXPECT_EQ(SIGBUS, signal_of_store(p, 8));
	EXPECT_EQ(SIGBUS, signal_of_load(at(&self->t, RAM_BASE)));
	vcpu_run_to_sync(self->vcpu, SECRET);
	EXPECT_EQ(SIGBUS, signal_of_store(p, 9));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

TEST_F(pvm, fetch_of_the_host_gets_a_signal)
{
	uint32_t *p = tvm_at(&self->t, FREE_BASE);
	int sig;

	ASSERT_EQ(0, mprotect(p, HOST_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	*p = 0xd65f03c0;	/* ret */
	__builtin___clear_cache((char *)p, (char *)(p + 1));
	EXPECT_EQ(0, signal_of(((void (*)(void))p)()));
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, 0xd65f03c0);
	/* The mapping that replaces the VMM's cannot be executed. */
	sig = signal_of(((void (*)(void))p)());
	EXPECT_TRUE(sig == SIGBUS || sig == SIGSEGV);
	vcpu_run_to_sync(self->vcpu, SECRET);
}

TEST_F(pvm, system_calls_get_efault)
{
	char *p = tvm_at(&self->t, FREE_BASE);
	char buf[16] = "from outside";
	int fd[2], file;

	ASSERT_EQ(0, pipe(fd));
	file = memfd_create("file", 0);
	ASSERT_LE(0, file);
	memcpy(p, "inside", 7);
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	vcpu_sync_value(self->vcpu);

	EXPECT_EQ(-1, write(fd[1], p, 16));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, write(file, p, 16));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(16, write(fd[1], buf, 16));
	EXPECT_EQ(-1, read(fd[0], p, 16));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, open(p, O_RDONLY));
	EXPECT_EQ(EFAULT, errno);
	vcpu_run_to_sync(self->vcpu, SECRET);
}

GUEST static void guest_use_later(uint64_t gpa)
{
	guest_sync(1);
	guest_use(gpa);
}

TEST_F(pvm, page_that_is_mapped_later_vanishes_with_what_is_in_it)
{
	uint64_t *p = at(&self->t, LATER_BASE);

	*p = 77;
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_use_later, LATER_BASE);
	vcpu_run_to_sync(self->vcpu, 1);
	/* A hypervisor without demand paging by block has all of it by now. */
	if (!signal_of_load(p))
		EXPECT_EQ(0, signal_of_store(p, 77));
	vcpu_run_to_sync(self->vcpu, 77);
	EXPECT_EQ(SIGBUS, signal_of_load(p));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

TEST_F(pvm, swiotlb_stays_shared)
{
	uint64_t *p = (uint64_t *)self->swiotlb;

	*p = 3;
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_use, SWIOTLB_BASE);
	vcpu_run_to_sync(self->vcpu, 3);
	vcpu_run_to_sync(self->vcpu, SECRET);
	EXPECT_EQ(0, signal_of_load(p));
	EXPECT_EQ(SECRET, *p);
	*p = 4;
	vcpu_run_to_sync(self->vcpu, 4);
	EXPECT_EQ(SIGBUS, signal_of_load(at(&self->t, RAM_BASE)));
	tvm_destroy(&self->t);
	EXPECT_EQ(4, *p);
}

GUEST static void guest_share(uint64_t gpa)
{
	write64(gpa, SECRET);
	guest_sync(hvc3(HVC_SHARE, gpa, 0, 0));
	guest_sync(read64(gpa));
	guest_sync(hvc3(HVC_UNSHARE, gpa, 0, 0));
	guest_sync(read64(gpa));
}

TEST_F(pvm, page_is_the_hosts_too_while_it_is_shared)
{
	uint64_t *p = at(&self->t, FREE_BASE);

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_share, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, signal_of_load(p));
	EXPECT_EQ(SECRET, *p);
	EXPECT_EQ(SIGBUS, signal_of_load(p + PAGE / 8));
	EXPECT_EQ(SIGBUS, signal_of_load(p - 1));
	*p = 44;
	vcpu_run_to_sync(self->vcpu, 44);
	*p = 45;
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(SIGBUS, signal_of_load(p));
	EXPECT_EQ(SIGBUS, signal_of_store(p, 46));
	vcpu_run_to_sync(self->vcpu, 45);
}

GUEST static void guest_share_untouched(uint64_t gpa)
{
	guest_sync(hvc3(HVC_SHARE, gpa, 0, 0));
	guest_sync(read64(gpa));
}

TEST_F(pvm, page_that_was_never_touched_can_be_shared)
{
	uint64_t *p = at(&self->t, LATER_BASE);

	*p = 12;
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_share_untouched, LATER_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, signal_of_load(p));
	*p = 13;
	vcpu_run_to_sync(self->vcpu, 13);
	EXPECT_EQ(SIGBUS, signal_of_load(p + PAGE / 8));
}

GUEST static void guest_wrong_calls(uint64_t arg)
{
	guest_sync(hvc3(HVC_FEATURES, 0, 0, 0));
	guest_sync(hvc3(HVC_MEMINFO, 0, 0, 0));
	guest_sync(hvc3(HVC_SHARE, SWIOTLB_BASE, 0, 0));
	guest_sync(hvc3(HVC_SHARE, FREE_BASE, 0, 0));
	/* All of these are wrong */
	guest_sync(hvc3(HVC_SHARE, FREE_BASE, 0, 0));
	guest_sync(hvc3(HVC_UNSHARE, FREE_BASE + PAGE, 0, 0));
	guest_sync(hvc3(HVC_UNSHARE, SWIOTLB_BASE, 0, 0));
	guest_sync(hvc3(HVC_SHARE, FREE_BASE + 8, 0, 0));
	guest_sync(hvc3(HVC_UNSHARE, FREE_BASE + 8, 0, 0));
	guest_sync(hvc3(HVC_SHARE, PORT_BASE, 0, 0));
	guest_sync(hvc3(HVC_UNSHARE, PORT_BASE, 0, 0));
	guest_sync(hvc3(HVC_SHARE, -PAGE, 0, 0));
	guest_sync(hvc3(HVC_UNSHARE, -PAGE, 0, 0));
	guest_sync(hvc3(HVC_SHARE, FREE_BASE + PAGE, 1, 0));
	guest_sync(hvc3(HVC_UNSHARE, FREE_BASE, 0, 1));
	guest_sync(hvc3(HVC_MEMINFO, 1, 0, 0));
	guest_sync(hvc3(HVC_RELINQUISH, PORT_BASE, 0, 0));
	guest_sync(hvc3(HVC_RELINQUISH, FREE_BASE + 8, 0, 0));
	guest_sync(1);
}

#define NR_WRONG_CALLS	14

TEST_F(pvm, wrong_calls_of_the_guest_are_refused)
{
	uint64_t want = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 9;
	int i;

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_wrong_calls, 0);
	EXPECT_EQ(want, vcpu_sync_value(self->vcpu) & want);
	vcpu_run_to_sync(self->vcpu, PAGE);
	vcpu_run_to_sync(self->vcpu, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	for (i = 0; i < NR_WRONG_CALLS; i++)
		EXPECT_EQ(HVC_INVALID_PARAMETER, vcpu_sync_value(self->vcpu))
			TH_LOG("call %d", i);
	vcpu_run_to_sync(self->vcpu, 1);
	EXPECT_EQ(SIGBUS, signal_of_load(at(&self->t, FREE_BASE + PAGE)));
}

/* These calls are for protected guests; for others, the VMM must handle them. */
TEST_F(pvm, guest_that_is_not_protected_has_no_such_calls)
{
	tvm_enter(&self->t, 0, guest_share, FREE_BASE);
	vcpu_run_to(self->vcpu, GZVM_EXIT_HYPERCALL);
	EXPECT_EQ(HVC_SHARE, self->vcpu->run.hypercall.args[0]);
	self->vcpu->run.hypercall.args[0] = 99;
	vcpu_run_to_sync(self->vcpu, 99);
	EXPECT_EQ(SECRET, *at(&self->t, FREE_BASE));
}

GUEST static void guest_relinquish(uint64_t gpa)
{
	write64(gpa, SECRET);
	write64(gpa + PAGE - 8, SECRET);
	guest_sync(read64(gpa));
	guest_sync(hvc3(HVC_RELINQUISH, gpa, 0, 0));
	guest_sync(read64(gpa));
	guest_sync(1);
}

TEST_F(pvm, relinquished_page_comes_back_wiped)
{
	uint64_t *p = at(&self->t, FREE_BASE);

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_relinquish, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, SECRET);
	EXPECT_EQ(SIGBUS, signal_of_load(p));
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, signal_of_load(p));
	EXPECT_EQ(0, p[0]);
	EXPECT_EQ(0, p[PAGE / 8 - 1]);
	EXPECT_EQ(SIGBUS, signal_of_load(p + PAGE / 8));
	if (!no_controls())
		EXPECT_TRUE(ctl_check_ok());
	/* The guest accesses it again, and gets it again. */
	*p = 6;
	vcpu_run_to_sync(self->vcpu, 6);
	EXPECT_EQ(SIGBUS, signal_of_load(p));
	vcpu_run_to_sync(self->vcpu, 1);
}

/* The largest page that a host may have; with demand paging by page, the guest has less */
#define LARGE_PAGE	0x10000ULL

GUEST static void guest_relinquish_all(uint64_t gpa)
{
	uint64_t p;

	write64(gpa, SECRET);
	guest_sync(read64(gpa));
	for (p = gpa + PAGE; p < gpa + LARGE_PAGE; p += PAGE)
		hvc3(HVC_RELINQUISH, p, 0, 0);
	guest_sync(hvc3(HVC_RELINQUISH, gpa, 0, 0));
	guest_sync(read64(gpa));
}

static void *map_anew(void *p)
{
	return mmap(p, LARGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* Otherwise the guest would still have a page that the driver has released. */
TEST_F(pvm, relinquished_page_is_gone_from_a_guest_that_is_not_protected)
{
	uint64_t *p = at(&self->t, FREE_BASE);

	tvm_enter(&self->t, 0, guest_relinquish_all, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, SECRET);
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(SECRET, *p);
	if (!no_controls())
		EXPECT_TRUE(ctl_check_ok());
	ASSERT_EQ(p, map_anew(p));
	*p = 66;
	vcpu_run_to_sync(self->vcpu, 66);
}

/* The host page stays pinned, and what the guest returned comes back from it. */
TEST_F(pvm, host_page_that_is_relinquished_in_part_stays_the_guests)
{
	uint64_t *p = at(&self->t, FREE_BASE);
	long long pinned;

	if (HOST_PAGE == PAGE)
		SKIP(return, "host pages are as large as the hypervisor's");
	tvm_enter(&self->t, 0, guest_relinquish, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, SECRET);
	pinned = fd_stat(self->t.vm.fd, "pinned_pages");
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(p, map_anew(p));
	*p = 66;
	vcpu_run_to_sync(self->vcpu, SECRET);
	EXPECT_EQ(pinned, fd_stat(self->t.vm.fd, "pinned_pages"));
}

/* RUNs since ctl_reset() that ended with a hypercall for the host */
static int hypercall_exits(void)
{
	static struct ctl_record record[1024];
	int i, n = ctl_records(record, ARRAY_SIZE(record)), exits = 0;

	for (i = 0; i < n; i++)
		exits += record[i].kind == HC_RUN && !record[i].status &&
			 record[i].result == GZVM_EXIT_HYPERCALL;
	return n < 0 ? n : exits;
}

GUEST static void guest_relinquish_what_it_has_not(uint64_t gpa)
{
	write64(gpa, SECRET);
	guest_sync(hvc3(HVC_RELINQUISH, gpa, 0, 0));
	guest_sync(hvc3(HVC_RELINQUISH, gpa, 0, 0));
	guest_sync(hvc3(HVC_RELINQUISH, LATER_BASE, 0, 0));
	guest_sync(read64(gpa));
}

/* The guest's next call; the host must learn only about calls that succeed */
#define relinquish_result(v)						\
({									\
	uint64_t __ret;							\
									\
	ASSERT_EQ(0, ctl_reset());					\
	__ret = vcpu_sync_value(v);					\
	EXPECT_EQ(!__ret, hypercall_exits());				\
	__ret;								\
})

/*
 * The host unpins a page that it is told about. Another vCPU may access the
 * page before that, and would continue with a page that belongs to the host
 * again.
 */
TEST_F(pvm, host_is_not_told_of_a_page_that_was_not_the_guests)
{
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_relinquish_what_it_has_not, FREE_BASE);
	EXPECT_EQ(0, relinquish_result(self->vcpu));
	EXPECT_EQ(HVC_INVALID_PARAMETER, relinquish_result(self->vcpu));
	/* If the VM was populated before it was protected, the guest has it. */
	relinquish_result(self->vcpu);
	vcpu_run_to_sync(self->vcpu, 0);
}

TEST_F(pvm, nor_if_the_guest_is_not_protected)
{
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	tvm_enter(&self->t, 0, guest_relinquish_what_it_has_not, FREE_BASE);
	EXPECT_EQ(0, relinquish_result(self->vcpu));
	EXPECT_EQ(HVC_INVALID_PARAMETER, relinquish_result(self->vcpu));
	EXPECT_EQ(has_demand_paging(&self->t) ? HVC_INVALID_PARAMETER : 0,
		  relinquish_result(self->vcpu));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

GUEST static void guest_fill(uint64_t size)
{
	uint64_t p;

	for (p = FREE_BASE; p < FREE_BASE + size; p += 64)
		write64(p, SECRET);
	guest_sync(hvc3(HVC_SHARE, FREE_BASE, 0, 0));
}

TEST_F(pvm, all_comes_back_wiped_when_the_vm_ends)
{
	uint64_t size = LATER_BASE - FREE_BASE, i, *p;
	struct gz_memory mem = self->t.mem;
	uint64_t bad = 0;

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_fill, size);
	vcpu_run_to_sync(self->vcpu, 0);
	p = at(&self->t, FREE_BASE);
	EXPECT_EQ(SECRET, *p);
	EXPECT_EQ(SIGBUS, signal_of_load(p + PAGE / 8));
	self->t.mem.hva = NULL;		/* keep the memory */
	tvm_destroy(&self->t);
	ASSERT_EQ(0, signal_of_load(p + PAGE / 8));
	for (i = 0; i < size / 8; i++)
		bad += p[i] != 0;
	EXPECT_EQ(0, bad);
	/* The code as well: the pages belonged to the guest. */
	EXPECT_EQ(0, *(uint64_t *)mem.hva);
	gz_memory_free(&mem);
}

TEST_F(pvm, registers_are_closed_once_the_guest_has_run)
{
	int refused = gzhyp_as("nogetreg") ? -EOPNOTSUPP : -EINVAL;
	struct gz_vcpu *other = &self->t.vcpus[1];
	uint64_t value;

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	EXPECT_EQ(refused == -EINVAL ? 0 : refused,
		  gz_vcpu_get_reg(self->vcpu, GZ_REG_PC, &value));
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(refused, gz_vcpu_get_reg(self->vcpu, GZ_REG_PC, &value));
	EXPECT_EQ(refused, gz_vcpu_get_reg(self->vcpu, GZ_REG_X(0), &value));
	EXPECT_EQ(-EINVAL, gz_vcpu_set_reg(self->vcpu, GZ_REG_PC, 0));
	EXPECT_EQ(-EINVAL, gz_vcpu_set_reg(self->vcpu, GZ_REG_X(3), 0));
	EXPECT_EQ(refused, gz_vcpu_get_reg(other, GZ_REG_PC, &value));
	/* A VMM that runs a vCPU late, while another waits in CPU_ON */
	EXPECT_EQ(0, gz_vcpu_set_reg(other, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

TEST_F(pvm, vm_that_has_run_can_not_become_protected)
{
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(-EINVAL, pvm_protect(&self->t));
	EXPECT_EQ(gzhyp_as("nofw") ? -EOPNOTSUPP : -EINVAL,
		  pvm_set_firmware(&self->t, PVMFW_BASE));
	EXPECT_EQ(0, signal_of_load(at(&self->t, FREE_BASE)));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

TEST_F(pvm, two_protected_vms)
{
	struct tvm other;

	tvm_create(&other, 1);
	*at(&self->t, FREE_BASE) = 1;
	*at(&other, FREE_BASE) = 2;
	ASSERT_EQ(0, pvm_protect(&self->t));
	ASSERT_EQ(0, pvm_protect(&other));
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	tvm_enter(&other, 0, guest_use, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, 1);
	EXPECT_EQ(0, signal_of_load(at(&other, FREE_BASE)));
	vcpu_run_to_sync(&other.vcpus[0], 2);
	EXPECT_EQ(SIGBUS, signal_of_load(at(&other, FREE_BASE)));
	vcpu_run_to_sync(self->vcpu, SECRET);
	if (!no_controls())
		EXPECT_TRUE(ctl_check_ok());
	tvm_destroy(&other);
	EXPECT_EQ(SIGBUS, signal_of_load(at(&self->t, FREE_BASE)));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

GUEST static void guest_read(uint64_t gpa)
{
	guest_sync(read64(gpa));
}

TEST_F(pvm, page_of_one_vm_is_refused_to_another)
{
	struct tvm other;
	int ret;

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	tvm_create(&other, 1);
	tvm_enter(&other, 0, guest_read, 0xd0000000);
	ret = gz_vm_set_region(&other.vm, 5, GZVM_USER_MEM_REGION_GUEST_MEM, 0xd0000000,
			       HOST_PAGE, at(&self->t, FREE_BASE));
	/*
	 * Refused at once if all memory is given at once, otherwise at the access: the
	 * page is the driver's, and cannot be had by its address.
	 */
	if (!ret)
		ret = __vcpu_run(&other.vcpus[0]);
	EXPECT_EQ(has_demand_paging(&self->t) ? -EFAULT : -EINVAL, ret);
	tvm_destroy(&other);
	vcpu_run_to_sync(self->vcpu, SECRET);
}

/* Except where EL2 had the page before: it refuses to seal a page that is lent twice. */
TEST_F(pvm, page_of_two_vms_is_no_longer_one_when_it_is_sealed)
{
	struct tvm other;
	bool copied = has_demand_paging(&self->t);
	int ret;

	tvm_create(&other, 1);
	tvm_enter(&other, 0, guest_use, 0xd0000000);
	ASSERT_EQ(0, gz_vm_set_region(&other.vm, 5, GZVM_USER_MEM_REGION_GUEST_MEM,
				      0xd0000000, HOST_PAGE,
				      at(&self->t, FREE_BASE)));
	*at(&self->t, FREE_BASE) = 3;
	vcpu_run_to_sync(&other.vcpus[0], 3);
	ret = pvm_protect(&self->t);
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	if (!ret)
		ret = __vcpu_run(self->vcpu);
	EXPECT_EQ(copied ? 0 : -EINVAL, ret);
	/* The other guest writes to its own page now. */
	vcpu_run_to_sync(&other.vcpus[0], SECRET);
	tvm_destroy(&other);
	/* The value that it reads, where it has not done so before */
	vcpu_run_to_sync(self->vcpu, SECRET);
	EXPECT_EQ(SIGBUS, signal_of_load(at(&self->t, FREE_BASE)));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

TEST_F(pvm, memory_that_is_added_later_is_private)
{
	uint64_t *p, *shared;

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_use_later, 0xd0000000);
	vcpu_run_to_sync(self->vcpu, 1);
	p = (uint64_t *)add_region(&self->t, 5, GZVM_USER_MEM_REGION_GUEST_MEM,
				   0xd0000000, HOST_PAGE);
	ASSERT_NE(NULL, p);
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(SIGBUS, signal_of_load(p));
	shared = mmap(NULL, HOST_PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	/* An older EL2 is not told the purpose. */
	EXPECT_EQ(gzhyp_as("old") ? 0 : -EINVAL,
		  gz_vm_set_region(&self->t.vm, 6,
				   GZVM_USER_MEM_REGION_STATIC_SWIOTLB,
				   0xe0000000, HOST_PAGE, shared));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

static long long statistic(struct tvm *t, const char *name)
{
	long long value = -1;
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/gzvm/%d-%lld/%s",
		 gettid(), fd_stat(t->vm.fd, "vm_id"), name);
	f = fopen(path, "r");
	if (f && fscanf(f, "%lld", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

#define hyp_mem(t)	statistic(t, "protected_hyp_mem")
#define shared_mem(t)	statistic(t, "protected_shared_mem")

/* Everything is mapped by then: both sides see each page that changes its owner. */
TEST_F(pvm, statistics_count_private_and_shared_bytes)
{
	long long hyp, shared;

	if (hyp_mem(&self->t) < 0)
		SKIP(return, "no debugfs");
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_share, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	hyp = hyp_mem(&self->t);
	shared = shared_mem(&self->t);
	EXPECT_LE(PAGE, shared);
	EXPECT_LT(FREE_BASE - RAM_BASE, hyp);
	vcpu_run_to_sync(self->vcpu, SECRET);
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(hyp + PAGE, hyp_mem(&self->t));
	EXPECT_EQ(shared - PAGE, shared_mem(&self->t));
}

GUEST static void guest_mmio(uint64_t arg)
{
	write32(PORT_TEST, 0x1234);
	guest_sync(read32(PORT_TEST + 4));
}

TEST_F(pvm, mmio_shows_the_access_and_nothing_else)
{
	struct gzvm_vcpu_run *run = &self->vcpu->run;
	uint64_t data;

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_mmio, 0);
	vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);
	EXPECT_EQ(PORT_TEST, run->mmio.phys_addr);
	EXPECT_EQ(4, run->mmio.size);
	memcpy(&data, run->mmio.data, 8);
	EXPECT_EQ(0x1234, data);
	vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);
	EXPECT_FALSE(run->mmio.is_write);
	memcpy(&data, run->mmio.data, 8);
	EXPECT_EQ(0, data);
	data = 0x5678;
	memcpy(run->mmio.data, &data, 8);
	vcpu_run_to_sync(self->vcpu, 0x5678);
}

#define NO_FIRMWARE	"no firmware"

TEST_F(pvm, firmware_has_a_size)
{
	uint64_t size = 0;

	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	ASSERT_EQ(0, pvm_cap(&self->t, GZVM_CAP_PVM_GET_PVMFW_SIZE, &size));
	EXPECT_LT(0, size);
	EXPECT_GE(PVMFW_SIZE, size);
	EXPECT_EQ(-EINVAL, pvm_cap(&self->t, 3, &size));
	EXPECT_EQ(-EINVAL, pvm_cap(&self->t, ~0ULL, &size));
}

/* Only the size is a result: the rest may come from memory that is read-only. */
TEST_F(pvm, only_the_size_is_written_back)
{
	static const struct gzvm_enable_cap size = {
		.cap = GZVM_CAP_PROTECTED_VM,
		.args = { GZVM_CAP_PVM_GET_PVMFW_SIZE },
	};
	static const struct gzvm_enable_cap protect = {
		.cap = GZVM_CAP_PROTECTED_VM,
		.args = { GZVM_CAP_PVM_SET_PROTECTED_VM },
	};

	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	EXPECT_EQ(-EFAULT, gz_ioctl(self->t.vm.fd, GZVM_ENABLE_CAP,
				    (unsigned long)&size));
	EXPECT_EQ(0, gz_ioctl(self->t.vm.fd, GZVM_ENABLE_CAP,
			      (unsigned long)&protect));
}

TEST_F(pvm, firmware_goes_to_memory_with_room_for_it)
{
	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	EXPECT_EQ(-EINVAL, pvm_set_firmware(&self->t, PVMFW_BASE + 8));
	EXPECT_EQ(-EINVAL, pvm_set_firmware(&self->t, PVMFW_BASE + PVMFW_SIZE));
	EXPECT_EQ(-EINVAL, pvm_set_firmware(&self->t, PORT_BASE));
	EXPECT_EQ(-EINVAL, pvm_set_firmware(&self->t, SWIOTLB_BASE));
	EXPECT_EQ(-EINVAL, pvm_set_firmware(&self->t, ~0xfffULL));
	EXPECT_EQ(-EINVAL, pvm_set_firmware(&self->t, 0));
	/* None of these calls has protected it. */
	tvm_enter(&self->t, 0, guest_use, FREE_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(0, signal_of_load(at(&self->t, FREE_BASE)));
}

#define FDT		(FREE_BASE + 0x1000)
#define PAYLOAD		(FREE_BASE + 0x2000)
#define FDT_MAGIC	0xedfe0dd0
#define IMAGE_MAGIC	0x644d5241

/*
 * A kernel's header; its code enters guest_entry. gzhyp with test controls starts it
 * without a signature because of the word.
 */
static void write_payload(struct tvm *t)
{
	uint32_t *p = tvm_at(t, PAYLOAD);

	p[0] = 0x14000010;		/* b	. + 64 */
	memcpy(&p[32 / 4], "GZTEST\0", 8);
	p[56 / 4] = IMAGE_MAGIC;
	p[64 / 4] = 0x58000080;		/* ldr	x0, . + 16 */
	p[68 / 4] = 0x580000a9;		/* ldr	x9, . + 20 */
	p[72 / 4] = 0xd61f0120;		/* br	x9 */
	*(uint64_t *)&p[80 / 4] = BOOT_BASE;
	*(uint64_t *)&p[88 / 4] = tvm_gpa_of(guest_entry);
	*(uint32_t *)tvm_at(t, FDT) = FDT_MAGIC;
}

static int boot(struct gz_vcpu *vcpu, uint64_t pc, uint64_t x0, uint64_t x1)
{
	int ret = gz_vcpu_set_reg(vcpu, GZ_REG_PSTATE, GZ_PSTATE_BOOT);

	if (!ret)
		ret = gz_vcpu_set_reg(vcpu, GZ_REG_PC, pc);
	if (!ret)
		ret = gz_vcpu_set_reg(vcpu, GZ_REG_X(0), x0);
	if (!ret)
		ret = gz_vcpu_set_reg(vcpu, GZ_REG_X(1), x1);
	return ret;
}

/* As crosvm and QEMU do: the kernel is written after the firmware was set. */
TEST_F(pvm, firmware_starts_what_the_pc_says)
{
	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	memset(self->pvmfw, 0xff, PVMFW_SIZE);
	ASSERT_EQ(0, pvm_set_firmware(&self->t, PVMFW_BASE));
	ASSERT_EQ(0, pvm_protect(&self->t));
	write_payload(&self->t);
	tvm_write_boot(&self->t, 0, guest_use, FREE_BASE);
	ASSERT_EQ(0, boot(self->vcpu, PAYLOAD, FDT, 0));
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(SIGBUS, signal_of_load(self->pvmfw));
	EXPECT_EQ(SIGBUS, signal_of_load(at(&self->t, FREE_BASE)));
	EXPECT_EQ(-EINVAL, pvm_set_firmware(&self->t, PVMFW_BASE));
	vcpu_run_to_sync(self->vcpu, SECRET);
}

/* x1 is the payload if the VMM knows about firmware, and the PC is not used. */
TEST_F(pvm, firmware_starts_what_x1_says)
{
	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, pvm_set_firmware(&self->t, PVMFW_BASE));
	write_payload(&self->t);
	tvm_write_boot(&self->t, 0, guest_use, FREE_BASE);
	ASSERT_EQ(0, boot(self->vcpu, 0, FDT, PAYLOAD));
	vcpu_run_to_sync(self->vcpu, 0);
	vcpu_run_to_sync(self->vcpu, SECRET);
}

TEST_F(pvm, firmware_finds_the_device_tree_by_its_configuration)
{
	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, pvm_set_firmware(&self->t, PVMFW_BASE));
	write_payload(&self->t);
	ASSERT_EQ(0, gz_vm_set_dtb(&self->t.vm, FDT, PAGE));
	tvm_write_boot(&self->t, 0, guest_use, FREE_BASE);
	ASSERT_EQ(0, boot(self->vcpu, PAYLOAD, 0, 0));
	vcpu_run_to_sync(self->vcpu, 0);
}

/* Registers that a VMM may set, and their values in the guest then */
static const struct {
	uint64_t id;
	uint64_t value;
	uint64_t after_reset;
} vmm_registers[] = {
	/* SCTLR_EL1: caches on, MMU off; RES1 bits */
	{ GZ_REG_SYS(3, 0, 1, 0, 0), 0x30d01804, 0x30d00800 },
	/* TTBR0_EL1, TCR_EL1, MAIR_EL1 */
	{ GZ_REG_SYS(3, 0, 2, 0, 0), FREE_BASE, 0 },
	{ GZ_REG_SYS(3, 0, 2, 0, 2), 25, 0 },
	{ GZ_REG_SYS(3, 0, 10, 2, 0), 0xff, 0 },
	/* VBAR_EL1, TPIDR_EL1, MDSCR_EL1.TDCC, CNTV_CTL_EL0, CNTV_CVAL_EL0 */
	{ GZ_REG_SYS(3, 0, 12, 0, 0), FREE_BASE, 0 },
	{ GZ_REG_SYS(3, 0, 13, 0, 4), FREE_BASE, 0 },
	{ GZ_REG_SYS(2, 0, 0, 2, 2), 1 << 12, 0 },
	{ GZ_REG_SYS(3, 3, 14, 3, 1), 2, 0 },
	{ GZ_REG_SYS(3, 3, 14, 0, 2), 77, 0 },
	{ GZ_REG_X(19), 78, 0 },
	/* EL1t with nothing masked: DAIF, then SPSel */
	{ GZ_REG_PSTATE, 4, 0x3c0 },
};

/*
 * The same ones; the payload has moved VBAR_EL1 and X19 to registers that
 * guest_entry does not need.
 */
GUEST static void guest_registers(uint64_t arg)
{
	guest_sync(sysreg_read("sctlr_el1"));
	guest_sync(sysreg_read("ttbr0_el1"));
	guest_sync(sysreg_read("tcr_el1"));
	guest_sync(sysreg_read("mair_el1"));
	guest_sync(sysreg_read("tpidr_el0"));
	guest_sync(sysreg_read("tpidr_el1"));
	guest_sync(sysreg_read("mdscr_el1"));
	guest_sync(sysreg_read("cntv_ctl_el0"));
	guest_sync(sysreg_read("cntv_cval_el0"));
	guest_sync(sysreg_read("tpidrro_el0"));
	guest_sync(sysreg_read("daif"));
	guest_sync(sysreg_read("spsel"));
}

/* The VMM's code would run before the firmware's, at its first exception. */
TEST_F(pvm, firmware_starts_with_no_register_of_the_vmms)
{
	uint32_t *p = tvm_at(&self->t, PAYLOAD);
	unsigned int i;
	uint64_t value;

	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, pvm_set_firmware(&self->t, PVMFW_BASE));
	write_payload(&self->t);
	memmove(&p[80 / 4], &p[64 / 4], 32);
	p[64 / 4] = 0xd538c00a;		/* mrs	x10, vbar_el1 */
	p[68 / 4] = 0xd51bd04a;		/* msr	tpidr_el0, x10 */
	p[72 / 4] = 0xd51bd073;		/* msr	tpidrro_el0, x19 */
	p[76 / 4] = 0xd503201f;		/* nop */
	tvm_write_boot(&self->t, 0, guest_registers, 0);
	ASSERT_EQ(0, boot(self->vcpu, PAYLOAD, FDT, 0));
	for (i = 0; i < ARRAY_SIZE(vmm_registers); i++)
		ASSERT_EQ(0, gz_vcpu_set_reg(self->vcpu, vmm_registers[i].id,
					     vmm_registers[i].value));
	for (i = 0; i < ARRAY_SIZE(vmm_registers); i++) {
		value = vcpu_sync_value(self->vcpu);
		EXPECT_EQ(vmm_registers[i].after_reset, value)
			TH_LOG("register %u", i);
	}
	/* SPSel */
	vcpu_run_to_sync(self->vcpu, 1);
}

TEST_F(pvm, firmware_refuses_what_is_no_kernel)
{
	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	ASSERT_EQ(0, pvm_set_firmware(&self->t, PVMFW_BASE));
	write_payload(&self->t);
	*(uint32_t *)tvm_at(&self->t, PAYLOAD + 56) = 0;
	ASSERT_EQ(0, boot(self->vcpu, PAYLOAD, FDT, 0));
	vcpu_run_to_system_event(self->vcpu, GZVM_SYSTEM_EVENT_RESET);
}

TEST_F(pvm, firmware_refuses_what_is_no_device_tree)
{
	if (gzhyp_as("nofw"))
		SKIP(return, NO_FIRMWARE);
	ASSERT_EQ(0, pvm_set_firmware(&self->t, PVMFW_BASE));
	write_payload(&self->t);
	*(uint32_t *)tvm_at(&self->t, FDT) = 0;
	ASSERT_EQ(0, boot(self->vcpu, PAYLOAD, FDT, 0));
	vcpu_run_to_system_event(self->vcpu, GZVM_SYSTEM_EVENT_RESET);
}

TEST_HARNESS_MAIN
