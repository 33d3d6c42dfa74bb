/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who owns what
 * =============
 *
 * struct gzvm_vm is referenced by its file, by each vCPU's file, and by
 * whatever else works for it. The last put ends it: vCPUs at EL2, the VM at
 * EL2, then the pins. struct gzvm_vcpu belongs to the VM and lives as long as
 * the VM; closing its file only drops the file's reference to the VM, and the
 * id stays taken.
 *
 * Lock order, outermost first:
 *
 *   gzvm_features_lock			what EL2 can do, asked once
 *     gzvm_vms_lock			which VMs EL2 has; their end
 *       gzvm_vm.lock			creation of vCPUs
 *
 *   gzvm_vcpu.lock			run loop, registers
 *     gzvm_vm.slots_lock		read: faults; write: change of slots
 *       gzvm_block.lock		pages of one block
 *         mmap_lock			taken inside of GUP
 *         gzvm_vm.mailbox_lock		fill the mailbox, then the call
 *     eventfd's wait queue lock	doorbells, resample
 *       gzvm_vm.irqfds.lock		who drives a line
 *
 *   gzvm_vm.ioeventfds.lock		assign, deassign
 *   gzvm_vm.irqfds.assign_lock		assign, deassign
 *     eventfd's wait queue lock
 *       gzvm_vm.irqfds.lock		which irqfds are active
 *
 * Memory of the VMM is not copied from or to with slots_lock or any lock below
 * it held. Injecting takes no lock at all.
 */
#ifndef _GZVM_H
#define _GZVM_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/ktime.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include <uapi/linux/gzvm.h>

#include "hyp_abi.h"
#include "hypercall.h"

/* Limits of the driver; EL2 may allow less. */
#define GZVM_MAX_VCPUS		64
#define GZVM_MAX_SLOTS		512

static_assert(GZVM_MAX_VCPUS <= BITS_PER_LONG);

struct dentry;
struct file;
struct seq_file;
struct gzvm_vcpu;

/**
 * enum gzvm_paging - how a VM's memory reaches EL2
 * @GZVM_PAGING_NONE: all of a region when it is created
 * @GZVM_PAGING_PAGE: a page at each fault
 * @GZVM_PAGING_BLOCK: the 2 MiB around each fault
 */
enum gzvm_paging {
	GZVM_PAGING_NONE,
	GZVM_PAGING_PAGE,
	GZVM_PAGING_BLOCK,
};

/**
 * struct gzvm_features - what EL2 can do for a VM; see gzvm_check_extension()
 * @known: whether EL2 has been asked for all but @read_reg and @ipa_bits
 * @read_reg_known: whether it has been asked for @read_reg
 * @ipa_bits: guest physical address space that it accepts; 0: not asked yet
 * @paging: best way to give memory
 * @idle: EL2 reports idle vCPUs
 * @protected: EL2 can protect VMs
 * @read_reg: EL2 can read vCPU registers
 */
struct gzvm_features {
	bool known;
	bool read_reg_known;
	unsigned int ipa_bits;
	enum gzvm_paging paging;
	bool idle;
	bool protected;
	bool read_reg;
};

/**
 * struct gzvm_driver - what is known of EL2
 * @version: version of the hypervisor
 * @map_batch: pages that one MAP_GUEST_BLOCK may carry
 * @destroy_batch: pages that one DESTROY_VM may free
 * @features: what it can do, once it was asked; under gzvm_features_lock
 * @closed: the host goes down: no more VMs; under gzvm_vms_lock
 * @kept_pages: pages kept from the host because EL2 refused to let go of them
 */
struct gzvm_driver {
	struct gzvm_version version;
	u32 map_batch;
	u32 destroy_batch;
	struct gzvm_features features;
	bool closed;
	atomic_long_t kept_pages;
};

extern struct gzvm_driver gzvm_drv;

/**
 * struct gzvm_block - the pages of one 2 MiB block of guest memory
 * @lock: protects all below; held across pin and map, so that of several
 *        vCPUs that fault here one works and the others find it done
 * @gfn: first guest frame, that of the slot when the slot starts inside
 * @doubt_seq: gzvm_vm.map_seq as of the last call that may have mapped some of it
 *             twice, see gzvm_block_called(); 0 = there was none
 * @nr: pages; fewer than GZVM_BLOCK_PAGES at the ends of a slot
 * @nr_pinned: pages pinned
 * @sparse: the guest gives pages back one by one, and gets them so
 * @run: not NULL: all @nr pages are pinned, mapped, and contiguous from here
 * @pages: without @run: the page behind each guest frame; NULL = not pinned
 * @mapped: without @run: which of @pages EL2 has taken
 * @offered: of which nobody knows whether EL2 has them: they were part of a call
 *           that failed, or what the guest said of them was old news. What is
 *           pinned there stays so until the guest gives it up for sure.
 */
struct gzvm_block {
	struct mutex lock;	/* the pages of the block */
	u64 gfn;
	int doubt_seq;
	u16 nr;
	u16 nr_pinned:15;
	u16 sparse:1;
	struct page *run;
	struct page **pages;
	DECLARE_BITMAP(mapped, GZVM_BLOCK_PAGES);
	DECLARE_BITMAP(offered, GZVM_BLOCK_PAGES);
};

/**
 * struct gzvm_memslot - a range of guest memory and where it comes from
 * @id: slot number
 * @flags: GZVM_USER_MEM_REGION_* bits
 * @gfn: first guest frame
 * @nr_pages: length in 4 KiB pages
 * @hva: where the owner's address space has it
 * @given: pages were offered to EL2: the slot stays until the VM ends
 * @blocks: struct gzvm_block by gfn / GZVM_BLOCK_PAGES, made when needed
 * @aside: by guest frame: pages that are not the guest's, though EL2 may have
 *         mapped them again; pinned, like what is offered
 * @dead: link in gzvm_vm.dead_slots
 *
 * All but @given, @blocks and @aside never change once the slot is published.
 */
struct gzvm_memslot {
	u32 id;
	u32 flags;
	u64 gfn;
	u64 nr_pages;
	unsigned long hva;
	bool given;
	struct xarray blocks;
	struct xarray aside;
	struct list_head dead;
};

/**
 * struct gzvm_ioeventfds - doorbells of a VM
 * @lock: assign and deassign; the exit path takes SRCU only
 * @list: all of them
 * @table: all of them, by what they match
 * @nr: how many there are of each kind
 */
struct gzvm_ioeventfds {
	struct mutex lock;	/* assign, deassign */
	struct list_head list;
	struct rhashtable table;
	unsigned int nr[3];
};

/**
 * struct gzvm_irqfds - irqfds of a VM
 * @assign_lock: one assign or deassign at a time: no deassign finds an irqfd
 *               that is active but not on its eventfd's wait queue yet
 * @lock: protects both lists, and which irqfds are active
 * @list: the active ones
 * @resamplers: of these, the ones that want to know of EOIs; read under SRCU
 * @raised: lines that irqfds have raised and that may be up; atomic bits
 * @ending: how many are not active any more and not gone either
 */
struct gzvm_irqfds {
	struct mutex assign_lock;	/* assign, deassign */
	spinlock_t lock;		/* lists */
	struct list_head list;
	struct list_head resamplers;
	DECLARE_BITMAP(raised, GZVM_SPI_MAX + 1);
	atomic_t ending;
};

/**
 * struct gzvm_vm_stats - counters of a VM
 * @pinned: pages pinned now
 * @injections: interrupt lines raised
 * @ioctl_injections: those of them that were not raised by an irqfd
 * @wakeups: sleeping vCPUs woken
 */
struct gzvm_vm_stats {
	atomic_long_t pinned;
	atomic_long_t injections;
	atomic_long_t ioctl_injections;
	atomic_long_t wakeups;
};

/**
 * struct gzvm_vm - a virtual machine
 * @users: references, see above
 * @mm: address space that owns the VM; grabbed, not pinned
 * @id: number at EL2
 * @paging: how memory reaches EL2; set at creation
 * @idle: EL2 says when a vCPU has nothing to do; set at creation
 * @lock: creation of vCPUs and the end at EL2; protects @nr_vcpus, writes to
 *        @vcpus, @destroyed and @destroy_result
 * @nr_vcpus: vCPUs that exist
 * @vcpus: by id; published with release, then never changed
 * @slots_lock: protects the slots: write to change them, read to use them
 * @slots: by slot number
 * @by_gpa: the same, in the order of guest addresses
 * @nr_slots: entries of @by_gpa
 * @dead_slots: slots that failed half-way; only their pins matter
 * @mailbox_lock: held from the first write to @mailbox until EL2 has read it
 * @mailbox: frames for MAP_GUEST_BLOCK
 * @map_seq: counts calls after which EL2 may have mapped a page twice
 * @ioeventfds: doorbells
 * @irqfds: irqfds; end with the VM's file
 * @irq_seq: counts events that may give a vCPU something to do
 * @sleepers: vCPUs that sleep or are about to
 * @stats: counters
 * @debugfs: its directory
 * @link: link in the list of all VMs
 * @dying: the host goes down: no guest is entered any more
 * @destroyed: EL2 was told to destroy the VM already
 * @destroy_result: what it said
 */
struct gzvm_vm {
	refcount_t users;
	struct mm_struct *mm;
	u16 id;
	enum gzvm_paging paging;
	bool idle;

	struct mutex lock;	/* creation of vCPUs */
	unsigned int nr_vcpus;
	struct gzvm_vcpu *vcpus[GZVM_MAX_VCPUS];

	struct rw_semaphore slots_lock;
	struct gzvm_memslot *slots[GZVM_MAX_SLOTS];
	struct gzvm_memslot *by_gpa[GZVM_MAX_SLOTS];
	unsigned int nr_slots;
	struct list_head dead_slots;

	struct mutex mailbox_lock;	/* mailbox */
	__le64 *mailbox;
	atomic_t map_seq;

	struct gzvm_ioeventfds ioeventfds;
	struct gzvm_irqfds irqfds;

	atomic_t irq_seq;
	unsigned long sleepers;

	struct gzvm_vm_stats stats;
	struct dentry *debugfs;

	struct list_head link;
	bool dying;
	bool destroyed;
	int destroy_result;
};

/**
 * enum gzvm_resume - what the next entry owes to EL2
 * @GZVM_RESUME_NONE: nothing
 * @GZVM_RESUME_MMIO_READ: the data of a load
 * @GZVM_RESUME_HYPERCALL: the results of a hypercall
 */
enum gzvm_resume {
	GZVM_RESUME_NONE,
	GZVM_RESUME_MMIO_READ,
	GZVM_RESUME_HYPERCALL,
};

/* Exit reasons are small numbers above the first. */
#define GZVM_NR_EXITS	(GZVM_EXIT_IPI - GZVM_EXIT_UNKNOWN + 1)

/**
 * struct gzvm_vcpu_stats - counters of a vCPU; written with gzvm_vcpu.lock held
 * @exits: by reason; those not known count as GZVM_EXIT_UNKNOWN
 * @ioeventfd_hits: writes that were a signal on an eventfd
 * @faults: page faults in a slot
 * @halt_poll_hits: idle exits that polling ended
 * @sleeps: idle exits that went to sleep
 */
struct gzvm_vcpu_stats {
	u64 exits[GZVM_NR_EXITS];
	u64 ioeventfd_hits;
	u64 faults;
	u64 halt_poll_hits;
	u64 sleeps;
};

/**
 * struct gzvm_vcpu - a virtual CPU
 * @vm: VM it belongs to; valid while the caller holds a reference to the VM
 * @id: vCPU number
 * @lock: one thread at a time runs the vCPU or touches its registers
 * @run: the call that runs it
 * @shared: page that holds the exit, EL2's to write while the vCPU runs
 * @hwstate: page that holds list registers and timer, likewise
 * @exit: snapshot of the last exit
 * @exit_size: bytes of @exit's union that mean something
 * @undelivered: @exit is for the VMM, which could not be reached
 * @resume: what the VMM's answer to the last exit is
 * @seen_seq: gzvm_vm.irq_seq as of the last entry
 * @seen_map: gzvm_vm.map_seq as of the last entry
 * @eois: SPIs that the guest has ended, as of the last exit, whose lines are to be
 *        lowered before the next entry
 * @nr_eois: how many of these there are
 * @wait: where the vCPU sleeps
 * @stats: counters
 */
struct gzvm_vcpu {
	struct gzvm_vm *vm;
	u16 id;
	struct mutex lock;	/* run loop and registers */
	struct gzvm_call run;
	struct gzvm_hyp_run *shared;
	struct gzvm_hyp_hwstate *hwstate;
	struct gzvm_vcpu_run exit;
	size_t exit_size;
	bool undelivered;
	enum gzvm_resume resume;
	int seen_seq;
	int seen_map;
	u32 eois[GZVM_MAX_LRS];
	unsigned int nr_eois;
	struct rcuwait wait;
	struct gzvm_vcpu_stats stats;
};

/* cap.c */
unsigned int gzvm_ipa_bits(void);
int gzvm_check_extension(struct gzvm_vm *vm, void __user *argp);
int gzvm_enable_cap(struct gzvm_vm *vm, struct gzvm_enable_cap *cap);

/* debugfs.c */
void gzvm_debugfs_setup(void);
void gzvm_debugfs_teardown(void);
void gzvm_debugfs_add_vm(struct gzvm_vm *vm);
void gzvm_debugfs_remove_vm(struct gzvm_vm *vm);
void gzvm_vm_show(struct seq_file *m, struct gzvm_vm *vm);
void gzvm_vcpu_show(struct seq_file *m, struct gzvm_vcpu *vcpu);

/* sysfs.c */
int gzvm_sysfs_add(void);
void gzvm_sysfs_remove(void);

/* ioeventfd.c */
int gzvm_ioeventfds_init(struct gzvm_vm *vm);
void gzvm_ioeventfds_free(struct gzvm_vm *vm);
int gzvm_ioeventfd(struct gzvm_vm *vm, const struct gzvm_ioeventfd *args);
bool gzvm_ioeventfd_write(struct gzvm_vm *vm, u64 addr, u32 len, u64 data);

/* irqfd.c */
int gzvm_irqfd_setup(void);
void gzvm_irqfd_teardown(void);
void gzvm_irqfds_init(struct gzvm_vm *vm);
void gzvm_irqfds_release(struct gzvm_vm *vm);
int gzvm_irqfd(struct gzvm_vm *vm, const struct gzvm_irqfd *args);
void gzvm_irqfd_sync(struct gzvm_vcpu *vcpu);
void gzvm_irqfd_pay_eois(struct gzvm_vcpu *vcpu);

/* vm.c */
int gzvm_vm_create_fd(unsigned long type);
struct gzvm_vm *gzvm_vm_create(unsigned long type);
void gzvm_vms_shutdown(void);
bool gzvm_vms_exist(void);
void gzvm_vm_get(struct gzvm_vm *vm);
void gzvm_vm_put(struct gzvm_vm *vm);
long gzvm_vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* vcpu.c */
int gzvm_vcpu_create_fd(struct gzvm_vm *vm, unsigned long id);
struct gzvm_vcpu *gzvm_vcpu_create(struct gzvm_vm *vm, unsigned long id);
int gzvm_vcpu_destroy(struct gzvm_vcpu *vcpu);
void gzvm_vcpu_free(struct gzvm_vcpu *vcpu, bool keep_shared);
int gzvm_vcpu_run(struct gzvm_vcpu *vcpu, struct gzvm_vcpu_run __user *urun);
int gzvm_vcpu_one_reg(struct gzvm_vcpu *vcpu, const struct gzvm_one_reg *reg,
		      bool write);

/* exit.c */
int gzvm_exit_handle(struct gzvm_vcpu *vcpu, u64 reason);

/* idle.c */
u64 gzvm_cycles_to_ns(u64 cycles, u32 freq);
void gzvm_vcpu_block(struct gzvm_vcpu *vcpu);
void gzvm_vm_wake(struct gzvm_vm *vm);

/**
 * gzvm_vcpu_note_entry() - remember which events EL2 gets to see
 * @vcpu: vCPU about to be entered
 *
 * An event counted before this read was made known to EL2 before it was
 * counted, so that the entry which follows takes it into account. One counted
 * later keeps the vCPU from going to sleep. Matches gzvm_vm_wake().
 *
 * A call that maps memory and was counted before this read had ended before the
 * entry: what the guest gives up in it, it gives up after that call. Matches
 * gzvm_block_called().
 */
static inline void gzvm_vcpu_note_entry(struct gzvm_vcpu *vcpu)
{
	vcpu->seen_seq = atomic_read_acquire(&vcpu->vm->irq_seq);
	vcpu->seen_map = atomic_read_acquire(&vcpu->vm->map_seq);
}

/* memslot.c */
int gzvm_memslot_set(struct gzvm_vm *vm,
		     const struct gzvm_userspace_memory_region *region);
struct gzvm_memslot *gzvm_memslot_find(struct gzvm_vm *vm, u64 gfn);
int gzvm_memslots_populate(struct gzvm_vm *vm);
void gzvm_memslots_free(struct gzvm_vm *vm, bool keep_pages);

/* gmem.c */
int gzvm_gmem_fault(struct gzvm_vm *vm, u64 gpa);
int gzvm_gmem_relinquish(struct gzvm_vm *vm, u64 gpa, int seen_map);
int gzvm_gmem_populate(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		       struct gzvm_hyp_ranges *buf);
void gzvm_gmem_release(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		       bool keep_pages);
int gzvm_map_retry(int status);

/* irq.c */
int gzvm_irq_inject(struct gzvm_vm *vm, u32 spi, bool level);
int gzvm_irq_line(struct gzvm_vm *vm, const struct gzvm_irq_level *line);
int gzvm_device_create(struct gzvm_vm *vm,
		       const struct gzvm_create_device *device);

/**
 * gzvm_out_of_reach() - whether the caller cannot use the VM
 * @vm: VM
 *
 * Everything the driver pins comes out of current->mm, which has to be the
 * one that is accounted and whose addresses the slots hold. And when the host
 * goes down the VM is gone at EL2.
 *
 * Return: true when the call has to be refused with -EIO.
 */
static inline bool gzvm_out_of_reach(const struct gzvm_vm *vm)
{
	return current->mm != vm->mm || READ_ONCE(vm->dying);
}

#endif /* _GZVM_H */
