// SPDX-License-Identifier: GPL-2.0
/* A vCPU: its registers, its run loop, and the kick that ends GZVM_RUN. */

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libgzvm.h>

/* The vCPU that this thread runs; the signal handler needs it */
static __thread struct gz_vcpu *this_vcpu;

/**
 * gz_vcpu_create() - create a vCPU
 * @vm: the VM
 * @vcpu: filled in; gz_vcpu_destroy() accepts it after a failure as well
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
 * gz_vcpu_destroy() - close the file of a vCPU
 * @vcpu: from gz_vcpu_create(); no thread runs it
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
 * @value: new value
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
 * @value: receives the value
 *
 * Return: 0, -EOPNOTSUPP if the hypervisor does not support that, or -errno.
 */
int gz_vcpu_get_reg(const struct gz_vcpu *vcpu, uint64_t id, uint64_t *value)
{
	struct gzvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return gz_ioctl(vcpu->fd, GZVM_GET_ONE_REG, (unsigned long)&reg);
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
 * A signal that arrives before the ioctl begins does not interrupt it.
 * immediate_exit makes that GZVM_RUN return, too.
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
	/* No SA_RESTART: write() must return as well when its thread is kicked */
	struct sigaction sa = { .sa_handler = kick_handler };

	sigemptyset(&sa.sa_mask);
	return sigaction(GZ_KICK_SIGNAL, &sa, NULL) ? -errno : 0;
}

/**
 * gz_vcpu_loop() - run a vCPU until the handler or gz_vcpu_stop() ends that
 * @vcpu: the vCPU
 * @handler: called for every exit
 * @arg: argument of @handler
 *
 * Return: the value that @handler returned, 0 after gz_vcpu_stop(), or -errno if
 * GZVM_RUN failed.
 */
int gz_vcpu_loop(struct gz_vcpu *vcpu, gz_exit_fn handler, void *arg)
{
	int ret = 0;

	__atomic_store_n(&this_vcpu, vcpu, __ATOMIC_SEQ_CST);
	gz_pause_enter(vcpu->pause);
	while (!ret) {
		/*
		 * Clear immediate_exit before the checks: gz_vcpu_stop() and
		 * gz_pause_all() make their request before they send the signal
		 * that sets it.
		 */
		set_immediate_exit(vcpu, 0);
		gz_pause_point(vcpu);
		if (atomic_load(&vcpu->stop))
			break;
		ret = gz_vcpu_run(vcpu);
		if (ret == -EINTR || ret == -EAGAIN)
			ret = 0;
		else if (!ret)
			ret = handler(vcpu, arg);
	}
	gz_pause_leave(vcpu->pause);
	__atomic_store_n(&this_vcpu, NULL, __ATOMIC_SEQ_CST);
	return ret;
}

/**
 * gz_vcpu_may_wait() - may a device continue to wait after a kick?
 *
 * Call this without locks, in the thread of a vCPU that handles an exit. It waits in
 * gz_pause_point() while the vCPUs are paused.
 *
 * Return: false if the vCPU must stop, or if this is not the thread of a vCPU.
 */
bool gz_vcpu_may_wait(void)
{
	struct gz_vcpu *vcpu = this_vcpu;

	if (!vcpu)
		return false;
	gz_pause_point(vcpu);
	return !atomic_load(&vcpu->stop);
}

/**
 * gz_vcpu_stop() - make gz_vcpu_loop() return
 * @vcpu: the vCPU; its thread may have ended, but must not have been joined
 */
void gz_vcpu_stop(struct gz_vcpu *vcpu)
{
	atomic_store(&vcpu->stop, true);
	if (vcpu->running)
		pthread_kill(vcpu->thread, GZ_KICK_SIGNAL);
}

/**
 * gz_join_for_100ms() - wait up to 100 ms for the end of a thread
 * @thread: the thread
 *
 * Return: 0, or ETIMEDOUT if the thread still runs.
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
 * gz_vcpu_join() - wait for the end of the thread of a vCPU
 * @vcpu: the vCPU, after gz_vcpu_stop()
 *
 * immediate_exit covers GZVM_RUN, but not the write() of a device that was about to
 * block when the signal arrived. So kick until the thread has ended.
 */
void gz_vcpu_join(struct gz_vcpu *vcpu)
{
	while (vcpu->running &&
	       gz_join_for_100ms(vcpu->thread) == ETIMEDOUT)
		pthread_kill(vcpu->thread, GZ_KICK_SIGNAL);
	vcpu->running = false;
}
