/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libgzvm: virtual machines through /dev/gzvm.
 *
 * A function that returns int returns a value >= 0, or -errno. None of them prints
 * anything. See README for the smallest program.
 */
#ifndef LIBGZVM_H
#define LIBGZVM_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/ptrace.h>
#include <linux/gzvm.h>

#define GZ_DEV_PATH	"/dev/gzvm"

/*
 * A VM
 */

/**
 * struct gz_vm - a virtual machine
 * @dev_fd: /dev/gzvm
 * @fd: VM file descriptor
 */
struct gz_vm {
	int dev_fd;
	int fd;
};

int gz_ioctl(int fd, unsigned long request, unsigned long arg);
int gz_dev_open(void);
int gz_check_cap(int fd, uint64_t cap, uint64_t *value);

int gz_vm_create(struct gz_vm *vm);
void gz_vm_destroy(struct gz_vm *vm);
int gz_vm_set_region(const struct gz_vm *vm, uint32_t slot, uint32_t flags,
		     uint64_t gpa, uint64_t size, const void *hva);
int gz_vm_create_memfd(const struct gz_vm *vm, uint64_t size);
int gz_vm_set_private_region(const struct gz_vm *vm, uint32_t slot, uint32_t flags,
			     uint64_t gpa, uint64_t size, int memfd, uint64_t offset);
int gz_vm_create_device(const struct gz_vm *vm, uint32_t type, uint64_t base,
			uint64_t size);
int gz_vm_irq_line(const struct gz_vm *vm, uint32_t irq, uint32_t level);
int gz_vm_irqfd(const struct gz_vm *vm, int fd, uint32_t spi, int resample_fd);
int gz_vm_ioeventfd(const struct gz_vm *vm, int fd, uint64_t addr, uint32_t len,
		    uint64_t value);
int gz_vm_set_dtb(const struct gz_vm *vm, uint64_t gpa, uint64_t size);

/*
 * The interrupt controller: a GICv3 that the hypervisor emulates
 */

#define GZ_GICD_SIZE	0x10000ULL
#define GZ_GICR_STRIDE	0x20000ULL

int gz_gic_create(const struct gz_vm *vm, uint64_t dist, unsigned int nr_vcpus);

/*
 * Guest memory
 */

/**
 * struct gz_memory - one range of guest memory
 * @gpa: guest physical address
 * @size: bytes
 * @hva: address in this process
 * @bounce: the VMM's devices may access only this range of the guest's memory, so
 *	    the guest copies their data into it and out of it
 */
struct gz_memory {
	uint64_t gpa;
	uint64_t size;
	void *hva;
	bool bounce;
};

/**
 * enum gz_backing - kind of memory behind guest memory
 * @GZ_BACKING_PRIVATE: anonymous pages
 * @GZ_BACKING_SHARED: a memfd. A process that shares the VMM's address space gets no
 *		       copy of it, which protected pages need.
 * @GZ_BACKING_HUGETLB: huge pages that the administrator has reserved
 */
enum gz_backing {
	GZ_BACKING_PRIVATE,
	GZ_BACKING_SHARED,
	GZ_BACKING_HUGETLB,
};

int gz_memory_alloc(struct gz_memory *mem, uint64_t gpa, uint64_t size);
int gz_memory_alloc_as(struct gz_memory *mem, uint64_t gpa, uint64_t size,
		       enum gz_backing backing);
void gz_memory_free(struct gz_memory *mem);
void *gz_memory_at(const struct gz_memory *mem, uint64_t gpa, uint64_t len);
int gz_memory_attach(const struct gz_memory *mem, const struct gz_vm *vm,
		     uint32_t slot);
int gz_memory_attach_private(const struct gz_memory *mem, const struct gz_vm *vm,
			     uint32_t slot, uint32_t flags, uint64_t used);

/*
 * A vCPU
 */

/* Signal that makes the thread of a vCPU return from GZVM_RUN */
#define GZ_KICK_SIGNAL	SIGUSR1

/* A field of struct user_pt_regs; all of them are 64 bits wide */
#define GZ_REG_CORE(field)						\
	(GZVM_REG_ARM64 | GZVM_REG_SIZE_U64 | GZVM_REG_ARM_CORE |	\
	 (offsetof(struct user_pt_regs, field) / sizeof(uint32_t)))

/* The 64-bit fields that follow it in KVM's struct kvm_regs */
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

/* EL1h; debug exceptions, SError, IRQ and FIQ masked */
#define GZ_PSTATE_BOOT	0x3c5

struct gz_pause;

/**
 * struct gz_vcpu - a virtual CPU
 * @fd: vCPU file descriptor
 * @id: number of the vCPU
 * @run: data that GZVM_RUN exchanges with the driver
 * @stop: gz_vcpu_loop() must return
 * @thread: thread that runs the vCPU, valid while @running
 * @running: @thread must be joined
 * @owner: for the user of the library
 * @pause: where @thread waits while the vCPUs are paused, or NULL
 */
struct gz_vcpu {
	int fd;
	unsigned int id;
	struct gzvm_vcpu_run run;
	atomic_bool stop;
	pthread_t thread;
	bool running;
	void *owner;
	struct gz_pause *pause;
};

/**
 * typedef gz_exit_fn - handles an exit
 * @vcpu: the vCPU; the exit is in @vcpu->run
 * @arg: the caller's
 *
 * Return: 0 to enter the guest again; any other value ends gz_vcpu_loop().
 */
typedef int (*gz_exit_fn)(struct gz_vcpu *vcpu, void *arg);

int gz_vcpu_create(const struct gz_vm *vm, struct gz_vcpu *vcpu,
		   unsigned int id);
void gz_vcpu_destroy(struct gz_vcpu *vcpu);
int gz_vcpu_set_reg(const struct gz_vcpu *vcpu, uint64_t id, uint64_t value);
int gz_vcpu_get_reg(const struct gz_vcpu *vcpu, uint64_t id, uint64_t *value);
int gz_vcpu_run(struct gz_vcpu *vcpu);
int gz_vcpu_loop(struct gz_vcpu *vcpu, gz_exit_fn handler, void *arg);
int gz_kick_init(void);
bool gz_vcpu_may_wait(void);
void gz_vcpu_stop(struct gz_vcpu *vcpu);
int gz_join_for_100ms(pthread_t thread);
void gz_vcpu_join(struct gz_vcpu *vcpu);

/*
 * All vCPUs out of the guest at once, for example for a debugger
 */

/* A vCPU is paused while one of these wants that. They are bits of one mask. */
#define GZ_PAUSE_DEBUGGER	1U
#define GZ_PAUSE_USER		2U
#define GZ_PAUSE_ALL		~0U

/**
 * struct gz_pause - pauses all vCPUs of a VM and resumes them
 * @lock: protects the fields below
 * @changed: signalled when one of them changes
 * @holders: GZ_PAUSE_*; the vCPUs must stay out of the guest while a bit is set
 * @running: threads in gz_vcpu_loop()
 * @waiting: those of @running that wait in gz_pause_point()
 * @over: the VM ends: gz_pause_all() waits for no thread any more
 */
struct gz_pause {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int holders;
	unsigned int running;
	unsigned int waiting;
	bool over;
};

void gz_pause_init(struct gz_pause *p);
void gz_pause_destroy(struct gz_pause *p);
void gz_pause_enter(struct gz_pause *p);
void gz_pause_leave(struct gz_pause *p);
void gz_pause_point(struct gz_vcpu *vcpu);
void gz_pause_all(struct gz_pause *p, unsigned int holder, struct gz_vcpu *vcpus,
		  unsigned int nr);
void gz_pause_resume(struct gz_pause *p, unsigned int holders);
unsigned int gz_pause_holders(struct gz_pause *p);
void gz_pause_end(struct gz_pause *p);

/*
 * Level-triggered interrupt lines of devices that the VMM emulates
 */

#define GZ_MAX_LINES	4

/**
 * struct gz_irq - level-triggered interrupt line of a device
 * @fd: eventfd that makes the driver raise the line
 * @resample_fd: eventfd that is signalled when the guest has ended the interrupt and
 *		 the driver has lowered the line
 * @spi: SPI index
 * @level: level that the device wants
 * @resamples: how often @resample_fd was signalled
 */
struct gz_irq {
	int fd;
	int resample_fd;
	unsigned int spi;
	atomic_bool level;
	atomic_uint resamples;
};

/**
 * struct gz_lines - all level-triggered lines of a VM, and the thread that raises
 *		     them again while their devices want that
 * @irqs: the lines
 * @nr: number of lines
 * @stop_fd: eventfd that ends the thread
 * @thread: waits for @resample_fd of each line, valid while @running
 * @running: @thread must be joined
 */
struct gz_lines {
	struct gz_irq *irqs[GZ_MAX_LINES];
	unsigned int nr;
	int stop_fd;
	pthread_t thread;
	bool running;
};

int gz_irq_init(struct gz_irq *irq, unsigned int spi);
void gz_irq_fini(struct gz_irq *irq);
void gz_irq_set(struct gz_irq *irq, bool level);
void gz_irq_resample(struct gz_irq *irq);

int gz_lines_init(struct gz_lines *lines);
void gz_lines_fini(struct gz_lines *lines);
int gz_lines_add(struct gz_lines *lines, struct gz_irq *irq);
int gz_lines_attach(struct gz_lines *lines, const struct gz_vm *vm);
int gz_lines_start(struct gz_lines *lines);
void gz_lines_stop(struct gz_lines *lines);

#endif /* LIBGZVM_H */
