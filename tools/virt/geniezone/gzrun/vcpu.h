/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_VCPU_H
#define GZRUN_VCPU_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/ptrace.h>
#include <linux/gzvm.h>

#include "vm.h"

/* The signal that gets a vCPU's thread out of GZVM_RUN */
#define GZ_KICK_SIGNAL	SIGUSR1

/* A register of struct user_pt_regs, of which all fields are 64 bits wide */
#define GZ_REG_CORE(field)						\
	(GZVM_REG_ARM64 | GZVM_REG_SIZE_U64 | GZVM_REG_ARM_CORE |	\
	 (offsetof(struct user_pt_regs, field) / sizeof(uint32_t)))

/* What KVM has behind it in its struct kvm_regs, 64 bits each */
#define GZ_REG_BEHIND(n)						\
	(GZVM_REG_ARM64 | GZVM_REG_SIZE_U64 | GZVM_REG_ARM_CORE |	\
	 ((sizeof(struct user_pt_regs) + 8 * (n)) / sizeof(uint32_t)))

#define GZ_REG_SYS(op0, op1, crn, crm, op2)				\
	(GZVM_REG_ARM64 | GZVM_REG_SIZE_U64 | GZVM_REG_ARM64_SYSREG |	\
	 (op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

#define GZ_REG_X(n)	GZ_REG_CORE(regs[n])
#define GZ_REG_PC	GZ_REG_CORE(pc)
#define GZ_REG_PSTATE	GZ_REG_CORE(pstate)
#define GZ_REG_SP_EL1	GZ_REG_BEHIND(0)
#define GZ_REG_ELR_EL1	GZ_REG_BEHIND(1)
#define GZ_REG_ESR_EL1	GZ_REG_SYS(3, 0, 5, 2, 0)
#define GZ_REG_FAR_EL1	GZ_REG_SYS(3, 0, 6, 0, 0)

/* EL1h, debug exceptions, SError, IRQ and FIQ masked */
#define GZ_PSTATE_BOOT	0x3c5

struct gz_hold;

/**
 * struct gz_vcpu - one virtual CPU
 * @fd: vCPU file descriptor
 * @id: its number
 * @run: what GZVM_RUN exchanges with the driver
 * @stop: gz_vcpu_loop() is to end
 * @thread: who runs it, when @running
 * @running: @thread is to be joined
 * @owner: for who runs the thread
 * @hold: where @thread waits for who looks at the vCPU, or NULL
 */
struct gz_vcpu {
	int fd;
	unsigned int id;
	struct gzvm_vcpu_run run;
	atomic_bool stop;
	pthread_t thread;
	bool running;
	void *owner;
	struct gz_hold *hold;
};

/**
 * typedef gz_exit_fn - what to do with an exit
 * @vcpu: whose exit it is, in @vcpu->run
 * @arg: the caller's
 *
 * Return: 0 to enter the guest again; anything else ends gz_vcpu_loop().
 */
typedef int (*gz_exit_fn)(struct gz_vcpu *vcpu, void *arg);

int gz_vcpu_create(const struct gz_vm *vm, struct gz_vcpu *vcpu,
		   unsigned int id);
void gz_vcpu_destroy(struct gz_vcpu *vcpu);
int gz_vcpu_set_reg(const struct gz_vcpu *vcpu, uint64_t id, uint64_t value);
int gz_vcpu_get_reg(const struct gz_vcpu *vcpu, uint64_t id, uint64_t *value);
void gz_vcpu_print_regs(const struct gz_vcpu *vcpu);
int gz_vcpu_run(struct gz_vcpu *vcpu);
int gz_vcpu_loop(struct gz_vcpu *vcpu, gz_exit_fn handler, void *arg);
int gz_kick_init(void);
bool gz_vcpu_may_wait(void);
void gz_vcpu_stop(struct gz_vcpu *vcpu);
int gz_join_for_100ms(pthread_t thread);
void gz_vcpu_join(struct gz_vcpu *vcpu);

#endif /* GZRUN_VCPU_H */
