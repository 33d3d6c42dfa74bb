// SPDX-License-Identifier: GPL-2.0
/*
 * A VM as the debugger sees it. Registers are read and written through the
 * driver. Memory is found through the guest's own tables, which are read in
 * guest RAM.
 */

#include <errno.h>
#include <string.h>

#include "gdb/stage1.h"
#include "gdb/target.h"

#define SYS_SCTLR_EL1	GZ_REG_SYS(3, 0, 1, 0, 0)
#define SYS_TTBR0_EL1	GZ_REG_SYS(3, 0, 2, 0, 0)
#define SYS_TTBR1_EL1	GZ_REG_SYS(3, 0, 2, 0, 1)
#define SYS_TCR_EL1	GZ_REG_SYS(3, 0, 2, 0, 2)

#define PSTATE_MODE	0xfULL
#define PSTATE_EL1T	4
#define PAGE_MASK	0xfffULL

/*
 * A register that the hypervisor does not return counts as after a reset, which
 * means no translation.
 */
static void read_stage1(const struct gz_vcpu *vcpu, struct gz_stage1 *s)
{
	memset(s, 0, sizeof(*s));
	if (gz_vcpu_get_reg(vcpu, SYS_SCTLR_EL1, &s->sctlr) ||
	    gz_vcpu_get_reg(vcpu, SYS_TCR_EL1, &s->tcr) ||
	    gz_vcpu_get_reg(vcpu, SYS_TTBR0_EL1, &s->ttbr[0]) ||
	    gz_vcpu_get_reg(vcpu, SYS_TTBR1_EL1, &s->ttbr[1]))
		s->sctlr = 0;
}

/* Page by page, until one is not mapped; returns the number of bytes */
static size_t copy_mem(struct gz_gdb_target *t, unsigned int id, uint64_t va,
		       uint8_t *to, const uint8_t *from, size_t len)
{
	struct gz_stage1 s;
	size_t done, part;
	uint64_t ipa;
	void *p;

	if (!t->mem.hva)
		return 0;
	read_stage1(&t->vcpus[id], &s);
	for (done = 0; done < len; done += part) {
		part = PAGE_MASK + 1 - ((va + done) & PAGE_MASK);
		if (part > len - done)
			part = len - done;
		if (!gz_stage1_walk(&s, &t->mem, va + done, &ipa))
			break;
		p = gz_memory_at(&t->mem, ipa, part);
		if (!p)
			break;
		if (to)
			memcpy(to + done, p, part);
		else
			memcpy(p, from + done, part);
	}
	return done;
}

static size_t read_mem(void *arg, unsigned int vcpu, uint64_t va, void *to,
		       size_t len)
{
	return copy_mem(arg, vcpu, va, to, NULL, len);
}

static size_t write_mem(void *arg, unsigned int vcpu, uint64_t va,
			const void *from, size_t len)
{
	return copy_mem(arg, vcpu, va, NULL, from, len);
}

/* The stack pointer of the vCPU's current mode. */
static uint64_t reg_id(const struct gz_vcpu *vcpu, unsigned int reg)
{
	uint64_t pstate;

	if (reg < GDB_REG_SP)
		return GZ_REG_X(reg);
	if (reg == GDB_REG_PC)
		return GZ_REG_PC;
	if (reg == GDB_REG_CPSR)
		return GZ_REG_PSTATE;
	if (!gz_vcpu_get_reg(vcpu, GZ_REG_PSTATE, &pstate) &&
	    (pstate & PSTATE_MODE) <= PSTATE_EL1T)
		return GZ_REG_CORE(sp);
	return GZ_REG_SP_EL1;
}

static int read_reg(void *arg, unsigned int id, unsigned int reg,
		    uint64_t *value)
{
	struct gz_gdb_target *t = arg;

	return gz_vcpu_get_reg(&t->vcpus[id], reg_id(&t->vcpus[id], reg), value);
}

static int write_reg(void *arg, unsigned int id, unsigned int reg,
		     uint64_t value)
{
	struct gz_gdb_target *t = arg;

	return gz_vcpu_set_reg(&t->vcpus[id], reg_id(&t->vcpus[id], reg), value);
}

static void stop(void *arg)
{
	struct gz_gdb_target *t = arg;

	gz_pause_all(t->pause, GZ_PAUSE_DEBUGGER, t->vcpus, t->ops.nr_threads);
}

static void go(void *arg)
{
	struct gz_gdb_target *t = arg;

	gz_pause_resume(t->pause, GZ_PAUSE_DEBUGGER);
}

static void kill_vm(void *arg)
{
	struct gz_gdb_target *t = arg;

	if (t->kill)
		t->kill(t->kill_arg);
}

/**
 * gz_gdb_target_init() - give a debugger access to a VM
 * @t: filled in
 * @vcpus: its vCPUs, with @pause in each of them
 * @nr_vcpus: number of vCPUs
 * @pause: pauses them
 * @mem: its memory, or NULL if only the guest may access it
 */
void gz_gdb_target_init(struct gz_gdb_target *t, struct gz_vcpu *vcpus,
			unsigned int nr_vcpus, struct gz_pause *pause,
			const struct gz_memory *mem)
{
	memset(t, 0, sizeof(*t));
	t->vcpus = vcpus;
	t->pause = pause;
	if (mem)
		t->mem = *mem;
	t->ops = (struct gdb_target){
		.arg = t,
		.nr_threads = nr_vcpus,
		.read_reg = read_reg,
		.write_reg = write_reg,
		.read_mem = read_mem,
		.write_mem = write_mem,
		.stop = stop,
		.go = go,
		.kill = kill_vm,
	};
}
