// SPDX-License-Identifier: GPL-2.0
/* A vCPU: its registers, its run loop, and how to get it out of the guest. */

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hold.h"
#include "log.h"
#include "vcpu.h"

/* The vCPU that this thread runs, for the signal handler */
static __thread struct gz_vcpu *this_vcpu;

/**
 * gz_vcpu_create() - add a vCPU to a VM
 * @vm: the VM
 * @vcpu: to be filled in; gz_vcpu_destroy() takes it also after a failure
 * @id: number of the vCPU
 *
 * Return: 0 or -errno.
 */
int gz_vcpu_create(const struct gz_vm *vm, struct gz_vcpu *vcpu,
		   unsigned int id)
{
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->id = id;
	vcpu->fd = gz_ioctl(vm->fd, GZVM_CREATE_VCPU, id);
	return vcpu->fd < 0 ? vcpu->fd : 0;
}

/**
 * gz_vcpu_destroy() - drop a vCPU that nobody runs any more
 * @vcpu: from gz_vcpu_create()
 */
void gz_vcpu_destroy(struct gz_vcpu *vcpu)
{
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->fd = -1;
}

/**
 * gz_vcpu_set_reg() - set a 64-bit register
 * @vcpu: the vCPU
 * @id: GZ_REG_*
 * @value: its new value
 *
 * Return: 0 or -errno.
 */
int gz_vcpu_set_reg(const struct gz_vcpu *vcpu, uint64_t id, uint64_t value)
{
	struct gzvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	return gz_ioctl(vcpu->fd, GZVM_SET_ONE_REG, (unsigned long)&reg);
}

/**
 * gz_vcpu_get_reg() - read a 64-bit register
 * @vcpu: the vCPU
 * @id: GZ_REG_*
 * @value: receives it
 *
 * Return: 0, or -EOPNOTSUPP when the hypervisor cannot tell, or -errno.
 */
int gz_vcpu_get_reg(const struct gz_vcpu *vcpu, uint64_t id, uint64_t *value)
{
	struct gzvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return gz_ioctl(vcpu->fd, GZVM_GET_ONE_REG, (unsigned long)&reg);
}

static unsigned long long reg_or_0(const struct gz_vcpu *vcpu, uint64_t id)
{
	uint64_t value;

	return gz_vcpu_get_reg(vcpu, id, &value) ? 0 : value;
}

/**
 * gz_vcpu_print_regs() - tell the user where a vCPU is
 * @vcpu: a vCPU that does not run
 *
 * Says nothing when the hypervisor does not.
 */
void gz_vcpu_print_regs(const struct gz_vcpu *vcpu)
{
	uint64_t pc;
	int i;

	if (gz_vcpu_get_reg(vcpu, GZ_REG_PC, &pc))
		return;
	gz_error("vCPU %u: pc %016llx pstate %08llx sp %016llx lr %016llx",
		 vcpu->id, (unsigned long long)pc,
		 reg_or_0(vcpu, GZ_REG_PSTATE), reg_or_0(vcpu, GZ_REG_SP_EL1),
		 reg_or_0(vcpu, GZ_REG_X(30)));
	gz_error("elr_el1 %016llx esr_el1 %08llx far_el1 %016llx sp_el0 %016llx",
		 reg_or_0(vcpu, GZ_REG_ELR_EL1), reg_or_0(vcpu, GZ_REG_ESR_EL1),
		 reg_or_0(vcpu, GZ_REG_FAR_EL1),
		 reg_or_0(vcpu, GZ_REG_CORE(sp)));
	for (i = 0; i < 30; i += 3)
		gz_error("x%-2d %016llx x%-2d %016llx x%-2d %016llx",
			 i, reg_or_0(vcpu, GZ_REG_X(i)),
			 i + 1, reg_or_0(vcpu, GZ_REG_X(i + 1)),
			 i + 2, reg_or_0(vcpu, GZ_REG_X(i + 2)));
}

/**
 * gz_vcpu_run() - enter the guest once
 * @vcpu: the vCPU
 *
 * Return: 0 with an exit in @vcpu->run, or -errno.
 */
int gz_vcpu_run(struct gz_vcpu *vcpu)
{
	return gz_ioctl(vcpu->fd, GZVM_RUN, (unsigned long)&vcpu->run);
}

static void set_immediate_exit(struct gz_vcpu *vcpu, uint8_t value)
{
	__atomic_store_n(&vcpu->run.immediate_exit, value, __ATOMIC_SEQ_CST);
}

/*
 * A kick that arrives before the ioctl would be lost if it only interrupted
 * it; immediate_exit makes the next GZVM_RUN return as well.
 */
static void kick_handler(int sig)
{
	struct gz_vcpu *vcpu = __atomic_load_n(&this_vcpu, __ATOMIC_RELAXED);

	(void)sig;
	if (vcpu)
		set_immediate_exit(vcpu, 1);
}

/**
 * gz_kick_init() - install the handler of GZ_KICK_SIGNAL
 *
 * Return: 0 or -errno.
 */
int gz_kick_init(void)
{
	/* No SA_RESTART: a thread that blocks in write() is to get out, too */
	struct sigaction sa = { .sa_handler = kick_handler };

	sigemptyset(&sa.sa_mask);
	return sigaction(GZ_KICK_SIGNAL, &sa, NULL) ? -errno : 0;
}

/**
 * gz_vcpu_loop() - run a vCPU until the handler or gz_vcpu_stop() ends it
 * @vcpu: the vCPU
 * @handler: called for every exit
 * @arg: for @handler
 *
 * Return: what @handler returned, 0 after gz_vcpu_stop(), -errno when GZVM_RUN
 * failed.
 */
int gz_vcpu_loop(struct gz_vcpu *vcpu, gz_exit_fn handler, void *arg)
{
	int ret = 0;

	__atomic_store_n(&this_vcpu, vcpu, __ATOMIC_SEQ_CST);
	gz_hold_enter(vcpu->hold);
	while (!ret) {
		/*
		 * Clear first, look second: gz_vcpu_stop() sets stop before
		 * its signal sets immediate_exit. So does gz_hold_all().
		 */
		set_immediate_exit(vcpu, 0);
		gz_hold_point(vcpu);
		if (atomic_load(&vcpu->stop))
			break;
		ret = gz_vcpu_run(vcpu);
		if (ret == -EINTR || ret == -EAGAIN)
			ret = 0;
		else if (!ret)
			ret = handler(vcpu, arg);
	}
	gz_hold_leave(vcpu->hold);
	__atomic_store_n(&this_vcpu, NULL, __ATOMIC_SEQ_CST);
	return ret;
}

/**
 * gz_vcpu_may_wait() - after a kick, may a device wait on for what it waited for?
 *
 * To be called without locks by the thread of a vCPU that serves an exit; waits at
 * the hold point if that is wanted.
 *
 * Return: false when the vCPU is to stop, or the thread is not that of one.
 */
bool gz_vcpu_may_wait(void)
{
	struct gz_vcpu *vcpu = this_vcpu;

	if (!vcpu)
		return false;
	gz_hold_point(vcpu);
	return !atomic_load(&vcpu->stop);
}

/**
 * gz_vcpu_stop() - make gz_vcpu_loop() return
 * @vcpu: the vCPU; its thread may have ended, but not been joined
 */
void gz_vcpu_stop(struct gz_vcpu *vcpu)
{
	atomic_store(&vcpu->stop, true);
	if (vcpu->running)
		pthread_kill(vcpu->thread, GZ_KICK_SIGNAL);
}

/**
 * gz_join_for_100ms() - wait for a thread, but not for ever
 * @thread: the thread
 *
 * Return: 0, or ETIMEDOUT when it still runs.
 */
int gz_join_for_100ms(pthread_t thread)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 100000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return pthread_timedjoin_np(thread, NULL, &until);
}

/**
 * gz_vcpu_join() - wait for the thread of a vCPU after gz_vcpu_stop()
 * @vcpu: the vCPU
 *
 * immediate_exit covers GZVM_RUN, but not a device's write() that was about to
 * block when the kick came; therefore kick until the thread is gone.
 */
void gz_vcpu_join(struct gz_vcpu *vcpu)
{
	while (vcpu->running &&
	       gz_join_for_100ms(vcpu->thread) == ETIMEDOUT)
		pthread_kill(vcpu->thread, GZ_KICK_SIGNAL);
	vcpu->running = false;
}
