// SPDX-License-Identifier: GPL-2.0
/* Users of a VM, which take no lock, so with threads too; claims of a vCPU. */
#include <pthread.h>

#include "arch/gic.h"
#include "arch/stage2.h"
#include "core/vm/vcpu.h"
#include "tests/ktap.h"

#define ROUNDS	300
#define THREADS	3

struct percpu *percpus[MAX_CPUS];
static struct percpu cpus[MAX_CPUS];
static __thread struct percpu *here;
static unsigned int kicks;

struct percpu *this_cpu(void)
{
	return here;
}

/* Time passes with each read, so that waiting ends. */
u64 test_sysreg(const char *reg)
{
	static u64 now;

	return strcmp(reg, "cntfrq_el0") ? ++now : 100;
}

void gic_send_kick(const struct percpu *cpu)
{
	kicks++;
}

u64 stage2_vttbr(const struct pgtable *pgt, u16 vmid)
{
	return vmid;
}

void stage2_flush_range(u64 vttbr, u64 ia, u64 size)
{
}

void vgic_init(struct vgic *vgic)
{
}

static void setup(void)
{
	unsigned int i;

	test_memory_init();
	for (i = 0; i < MAX_CPUS; i++) {
		cpus[i].index = i;
		percpus[i] = &cpus[i];
	}
	here = &cpus[0];
	kicks = 0;
}

static u64 create(void)
{
	u64 id = 0;

	EXPECT(!vm_create(0, &id));
	return id;
}

static void destroy(u64 id)
{
	struct vm *vm;

	EXPECT(!vm_begin_destroy(id, &vm));
	vm_end_destroy(vm, true);
	EXPECT(!vm_get(id));
}

static void ids_without_a_vm_are_not_found(void)
{
	u64 free_pages, id;

	setup();
	free_pages = pool_free_pages();
	id = create();
	EXPECT(vm_get(id));
	vm_put(vm_by_id(id));
	EXPECT(!vm_get(0) && !vm_get(id + 1) && !vm_get(MAX_VMS) &&
	       !vm_get(MAX_VMS + 1) && !vm_get(id | 1UL << 32));
	destroy(id);
	EXPECT(vm_begin_destroy(id, &(struct vm *){ NULL }) == GZ_INVALID_ARGS);
	/* Its stage 2 is the caller's to free. */
	EXPECT(free_pages - pool_free_pages() == 2);
}

static void destruction_waits_for_users(void)
{
	struct vm *vm, *found;
	u64 id;

	setup();
	id = create();
	vm = vm_get(id);
	EXPECT(vm_get(id) == vm && vm_users(vm) == 2);
	vm->on_cpu[1] = 2;
	EXPECT(vm_begin_destroy(id, &found) == GZ_BUSY && kicks == 1);
	EXPECT(!vm_get(id) && vm->state == VM_DYING);
	vm_put(vm);
	EXPECT(vm_begin_destroy(id, &found) == GZ_BUSY && kicks == 2);
	vm_put(vm);
	EXPECT(!vm_begin_destroy(id, &found) && found == vm);
	/* One at a time */
	EXPECT(vm_begin_destroy(id, &found) == GZ_BUSY && kicks == 2);
	vm_end_destroy(vm, false);
	EXPECT(!vm_get(id));
	destroy(id);
}

static void stopped_vms_are_found_again(void)
{
	struct vm *vm;
	u64 id, other;

	setup();
	id = create();
	vm = vm_get(id);
	/* Time is over before the user leaves. */
	EXPECT(!vm_stop_all() && !vm_get(id) && vm->wiped);
	vm_put(vm);
	EXPECT(vm_create(0, &other) == GZ_NO_MEMORY);
	EXPECT(vm_stop_all());
	vm_resume();
	EXPECT(!vm_get(id));
	vm_resume();
	EXPECT(vm_get(id) == vm && vm->state == VM_LIVE && vm->wiped);
	vm_put(vm);
	destroy(id);
}

/* Its pages are going back to the host: nothing may be mapped in it any more. */
static void what_is_destroyed_is_not_resumed(void)
{
	struct vm *vm;
	u64 id;

	setup();
	id = create();
	EXPECT(vm_stop_all());
	EXPECT(vm_begin_destroy(id, &vm) == GZ_BUSY);
	vm_resume();
	EXPECT(!vm_get(id));
	EXPECT(!vm_begin_destroy(id, &vm));
	vm_end_destroy(vm, false);
	EXPECT(vm_stop_all());
	vm_resume();
	EXPECT(!vm_get(id));
	destroy(id);
}

/* Shared by the threads */
static struct {
	u64 id;
	bool end;
	unsigned int found;
	unsigned int strangers;
} race;

/* While it is held, a VM is itself, and not what its memory is next. */
static void *find_and_look(void *arg)
{
	unsigned int i, strange = 0;
	struct vm *vm;

	here = arg;
	while (!READ_ONCE(race.end)) {
		vm = vm_get(race.id);
		if (!vm)
			continue;
		for (i = 0; i < 20; i++)
			strange += READ_ONCE(vm->id) != race.id;
		__atomic_fetch_add(&race.found, 1, __ATOMIC_RELAXED);
		vm_put(vm);
	}
	__atomic_fetch_add(&race.strangers, strange, __ATOMIC_RELAXED);
	return NULL;
}

static void start(pthread_t *thread, void *(*fn)(void *))
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, fn, &cpus[i + 1]))
			panic("no thread");
}

static void join(pthread_t *thread)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void create_and_destroy(void)
{
	u64 budget = ~0ULL;
	struct vm *vm;

	EXPECT(create() == race.id);
	/* At least one get must have succeeded, even on a busy machine. */
	while (!READ_ONCE(race.found))
		sched_yield();
	while (vm_begin_destroy(race.id, &vm))
		sched_yield();
	pgt_free_some(&vm->s2, &budget);
	/* A user that is still in would see this. */
	WRITE_ONCE(vm->id, 0xffff);
	sched_yield();
	WRITE_ONCE(vm->id, race.id);
	vm_end_destroy(vm, true);
}

static void nobody_has_a_vm_that_is_gone(void)
{
	pthread_t thread[THREADS];
	unsigned int i;

	setup();
	memset(&race, 0, sizeof(race));
	race.id = create();
	destroy(race.id);
	start(thread, find_and_look);
	for (i = 0; i < ROUNDS; i++)
		create_and_destroy();
	WRITE_ONCE(race.end, true);
	join(thread);
	EXPECT(!race.strangers);
}

static void vcpu_has_one_owner(void)
{
	struct vm *vm;

	setup();
	vm = vm_get(create());
	EXPECT(vcpu_take(vm, 3) && vm->on_cpu[3] == 1);
	here = &cpus[1];
	EXPECT(!vcpu_take(vm, 3) && vm->on_cpu[3] == 1);
	EXPECT(vcpu_take(vm, 2) && vm->on_cpu[2] == 2);
	vcpu_give_back(vm, 3);
	EXPECT(vcpu_take(vm, 3) && vm->on_cpu[3] == 2);
	vm_put(vm);
	destroy(vm->id);
}

static const struct test tests[] = {
	TEST(ids_without_a_vm_are_not_found),
	TEST(destruction_waits_for_users),
	TEST(stopped_vms_are_found_again),
	TEST(what_is_destroyed_is_not_resumed),
	TEST(nobody_has_a_vm_that_is_gone),
	TEST(vcpu_has_one_owner),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
