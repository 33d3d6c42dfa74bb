/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ownership
 * =========
 *
 * The file of a VM holds a reference to struct gzvm_vm, and so does the file of
 * each of its vCPUs. The VM ends with its owner's address space or with the last
 * reference, whichever comes first: first the vCPUs at EL2, then the VM at EL2,
 * then the pins. Only then, the last put frees the struct. A struct gzvm_vcpu
 * belongs to the VM and lives as long as it. Closing its file only drops the file's
 * reference to the VM; the id stays in use.
 *
 * Lock order, outermost first:
 *
 *   gzvm_vms_lock			which VMs EL2 has; their end
 *     gzvm_vm.lock			creation of vCPUs
 *
 *   gzvm_vm.protect_lock		protection of the VM
 *     gzvm_vm.slots_lock		see below
 *
 *   gzvm_vcpu.lock			run loop, registers
 *     gzvm_vm.slots_lock		read: faults; write: change of slots
 *       gzvm_block.lock		pages of one block
 *         mmap_lock			taken inside of GUP and vm_mmap()
 *           gzvm_gmem.lock		private memory
 *         gzvm_vm.mailbox_lock		fill the mailbox, then the call
 *     eventfd's wait queue lock	doorbells, resample
 *       gzvm_vm.irqfds.lock		which irqfds drive a line
 *
 *   gzvm_vm.ioeventfds.lock		assign, deassign
 *   gzvm_vm.irqfds.assign_lock		assign, deassign
 *     eventfd's wait queue lock
 *       gzvm_vm.irqfds.lock		which irqfds are active
 *
 * Memory of the VMM is not accessed with slots_lock or a lock below it held.
 * Injecting takes no lock.
 */
#ifndef _GZVM_H
#define _GZVM_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <uapi/linux/gzvm.h>

#include "hyp_abi.h"
#include "hypercall.h"

/* Limits of the driver; EL2 may allow less. */
#define GZVM_MAX_VCPUS		64
#define GZVM_MAX_SLOTS		512

static_assert(GZVM_MAX_VCPUS <= BITS_PER_LONG);

/* EL2 takes no interrupt during a call: the pages that one DESTROY_VM may free */
#define GZVM_MAX_DESTROY_BATCH	16384

/* EL2's pages in a host page. A page without more is EL2's, of 4 KiB. */
#define GZVM_PAGES_PER_PAGE	(1U << (PAGE_SHIFT - GZVM_PAGE_SHIFT))

struct dentry;
struct gzvm_gmem;
struct gzvm_ioevent_table;
struct iov_iter;
struct miscdevice;
struct notifier_block;
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
 * struct gzvm_driver - state of the driver that is not a VM's
 * @version: version of the hypervisor
 * @map_batch: pages that one MAP_GUEST_BLOCK may name
 * @destroy_batch: pages that one DESTROY_VM may free
 * @closed: the host shuts down, no VM can be made; under gzvm_vms_lock
 * @kept_pages: host pages kept because EL2 refused to let go of them
 */
struct gzvm_driver {
	struct gzvm_version version;
	u32 map_batch;
	u32 destroy_batch;
	bool closed;
	atomic_long_t kept_pages;
};

extern struct gzvm_driver gzvm_drv;

/* For tests */
extern struct notifier_block gzvm_reboot_nb;

/* For work that waits for EL2. Module unload waits for its items. */
extern struct workqueue_struct *gzvm_wq;

/**
 * struct gzvm_block - the pages of one 2 MiB block of guest memory
 * @lock: protects all below; held across pin and map, so that one of several
 *        vCPUs that fault in the block does the work and the others find it done
 * @gfn: first guest frame; that of the slot when the slot starts in the block
 * @nr: pages; fewer than GZVM_BLOCK_PAGES at the ends of a slot
 * @nr_pinned: host pages pinned
 * @sparse: the guest has given up pages: it gets pages one by one
 * @contig: not NULL: all @nr pages are pinned, mapped, and contiguous from here
 * @pages: without @contig: the host pages; NULL = not pinned
 * @mapped: without @contig: which pages EL2 has taken
 * @doubt: pages in doubt; see block.c
 */
struct gzvm_block {
	struct mutex lock;	/* the pages of the block */
	u64 gfn;
	u16 nr;
	u16 nr_pinned:15;
	u16 sparse:1;
	struct page *contig;
	struct page **pages;
	DECLARE_BITMAP(mapped, GZVM_BLOCK_PAGES);
	DECLARE_BITMAP(doubt, GZVM_BLOCK_PAGES);
};

/**
 * struct gzvm_absent - pages of the VMM that have to be waited for
 * @hva: address of the first
 * @nr: host pages
 * @alone: pages around the touched one cannot be had: do not try to pin them
 * @copied: the pages need not be writable: only their contents matter
 */
struct gzvm_absent {
	unsigned long hva;
	unsigned long nr;
	bool alone;
	bool copied;
};

/**
 * struct gzvm_memslot - a range of guest memory and its place in the VMM
 * @id: slot number
 * @flags: GZVM_USER_MEM_REGION_* bits
 * @gfn: first guest frame
 * @nr_pages: length in 4 KiB pages
 * @hva: its address in the owner's address space
 * @gmem: memory of the driver that is behind the slot, see gmem.c; NULL: the VMM's
 *	  memory is
 * @gmem_index: place of the slot's first host page in @gmem
 * @offered: a call named pages of the slot: it stays until the VM ends
 * @blocks: struct gzvm_block by gfn / GZVM_BLOCK_PAGES, made when needed
 * @dead: link in gzvm_vm.dead_slots
 *
 * All but @offered and @blocks never change once the slot is published, except that
 * @gmem is set when the VM becomes protected, with the slots locked for writing.
 */
struct gzvm_memslot {
	u32 id;
	u32 flags;
	u64 gfn;
	u64 nr_pages;
	unsigned long hva;
	struct gzvm_gmem *gmem;
	unsigned long gmem_index;
	bool offered;
	struct xarray blocks;
	struct list_head dead;
};

/**
 * struct gzvm_ioeventfds - doorbells of a VM
 * @lock: assign and deassign; the exit path takes RCU only
 * @table: all of them, by what they match; NULL as long as there was none
 * @nr: their number
 */
struct gzvm_ioeventfds {
	struct mutex lock;	/* assign, deassign */
	struct gzvm_ioevent_table __rcu *table;
	unsigned int nr;
};

/**
 * struct gzvm_irqfds - irqfds of a VM
 * @assign_lock: one assign or deassign at a time: no deassign finds an irqfd
 *               that is active but not on its eventfd's wait queue yet
 * @lock: protects both lists and gzvm_irqfd_entry.active
 * @list: active irqfds
 * @resamplers: active irqfds with a resample eventfd; read under SRCU
 * @used: there was an irqfd, so that EOIs are looked for
 * @signalled: SPIs signalled or raised since their last EOI; atomic bits
 * @driven: SPIs that the VMM has raised itself since the last signal; atomic bits
 * @again: SPIs to signal again after their EOI; atomic bits
 * @ended: SPIs whose EOI was seen and whose line EL2 may hold; atomic bits
 * @busy: SPIs to signal when EL2 is no longer busy; atomic bits
 * @retry: does that
 * @stale: EL2 leaves old EOIs in the list registers
 * @ending: number of irqfds that are neither active nor freed
 */
struct gzvm_irqfds {
	struct mutex assign_lock;	/* assign, deassign */
	spinlock_t lock;		/* lists */
	struct list_head list;
	struct list_head resamplers;
	bool used;
	bool stale;
	DECLARE_BITMAP(signalled, GZVM_SPI_MAX + 1);
	DECLARE_BITMAP(driven, GZVM_SPI_MAX + 1);
	DECLARE_BITMAP(again, GZVM_SPI_MAX + 1);
	DECLARE_BITMAP(ended, GZVM_SPI_MAX + 1);
	DECLARE_BITMAP(busy, GZVM_SPI_MAX + 1);
	struct delayed_work retry;
	atomic_t ending;
};

/**
 * struct gzvm_vm_stats - counters of a VM
 * @pinned: host pages pinned now
 * @unmapped: pages that the VMM has unmapped although the guest had them
 * @injections: interrupt lines raised
 * @ioctl_injections: those of them that were not raised by an irqfd
 * @wakeups: sleeping vCPUs woken
 */
struct gzvm_vm_stats {
	atomic_long_t pinned;
	atomic_long_t unmapped;
	atomic_long_t injections;
	atomic_long_t ioctl_injections;
	atomic_long_t wakeups;
};

/* An answer of EL2 to a question that is asked when it is needed */
enum gzvm_answer {
	GZVM_NOT_ASKED,
	GZVM_YES,
	GZVM_NO,
};

/**
 * struct gzvm_vm - a virtual machine
 * @users: references, see above
 * @mm: address space that owns the VM; grabbed, its users are not held
 * @mm_watch: ends the VM with @mm
 * @id: number at EL2
 * @paging: how memory reaches EL2; set at creation
 * @idle: EL2 reports idle vCPUs; set at creation
 * @names_deadlines: EL2 said at least once when an idle vCPU's timer fires
 * @takes_pages: EL2 takes a single page in block mode; see gzvm_vm_limits()
 * @no_protection: EL2 has refused to protect the VM
 * @reads_regs: whether EL2 can read registers
 * @lock: creation of vCPUs, and the end at EL2; protects @nr_vcpus, writes to
 *        @vcpus, @dead_vcpus, @destroying and @destroy_result
 * @nr_vcpus: vCPUs that exist
 * @vcpus: by id; published with release, then never changed
 * @dead_vcpus: vCPUs that could not be made, kept for their shared pages
 * @protect_lock: one attempt to protect the VM at a time: one that EL2 refuses must not
 *		  undo what another one needs
 * @slots_lock: protects the slots: write to change them, read to use them
 * @by_gpa: the slots in the order of guest addresses; there is room for more
 * @nr_slots: entries of @by_gpa
 * @is_private: the VM is protected, or about to be: see gzvm_memslots_make_private()
 * @told_read_only: the log says that the guest touched read-only memory
 * @told_unmapped: the log says that the VMM discarded memory that the guest has
 * @dead_slots: slots that failed half-way, kept for their pins
 * @mailbox_lock: held from the first write to @mailbox until EL2 has read it
 * @mailbox: frames for MAP_GUEST_BLOCK
 * @ioeventfds: doorbells
 * @irqfds: irqfds; end with the VM's file
 * @raised: lines that were raised and not lowered since; atomic bits
 * @irq_seq: counts events that may give a vCPU something to do
 * @sleepers: vCPUs that sleep or are about to
 * @stats: counters
 * @debugfs: its directory
 * @link: link in the list of all VMs
 * @dying: the host shuts down: no guest is entered any more
 * @destroying: the end at EL2 has begun
 * @destroy_result: result of that: 0; -EAGAIN while EL2 is busy; or the errno of
 *		    EL2's refusal
 * @end_work: ends the VM where the caller must not take long, or EL2 is busy
 * @end_pause: jiffies until it tries again
 * @end_has_ref: it has a reference, because the owner's address space ended first
 * @ended: EL2 has destroyed the VM, and its pages are released
 */
struct gzvm_vm {
	refcount_t users;
	struct mm_struct *mm;
	struct mmu_notifier mm_watch;
	u16 id;
	enum gzvm_paging paging;
	bool idle;
	bool names_deadlines;
	bool takes_pages;
	bool no_protection;
	enum gzvm_answer reads_regs;

	struct mutex lock;	/* creation of vCPUs */
	unsigned int nr_vcpus;
	struct gzvm_vcpu *vcpus[GZVM_MAX_VCPUS];
	struct list_head dead_vcpus;

	struct mutex protect_lock;	/* protection of the VM */
	struct rw_semaphore slots_lock;
	struct gzvm_memslot **by_gpa;
	unsigned int nr_slots;
	bool is_private;
	bool told_read_only;
	bool told_unmapped;
	struct list_head dead_slots;

	struct mutex mailbox_lock;	/* mailbox */
	__le64 *mailbox;

	struct gzvm_ioeventfds ioeventfds;
	struct gzvm_irqfds irqfds;
	DECLARE_BITMAP(raised, GZVM_SPI_MAX + 1);

	atomic_t irq_seq;
	unsigned long sleepers;

	struct gzvm_vm_stats stats;
	struct dentry *debugfs;

	struct list_head link;
	bool dying;
	bool destroying;
	int destroy_result;
	struct delayed_work end_work;
	unsigned long end_pause;
	bool end_has_ref;
	bool ended;
};

/**
 * enum gzvm_resume - what EL2 expects with the next entry
 * @GZVM_RESUME_NONE: nothing
 * @GZVM_RESUME_MMIO_READ: the data of a load
 * @GZVM_RESUME_HYPERCALL: the results of a hypercall
 */
enum gzvm_resume {
	GZVM_RESUME_NONE,
	GZVM_RESUME_MMIO_READ,
	GZVM_RESUME_HYPERCALL,
};

/**
 * struct gzvm_vcpu_stats - counters of a vCPU; written with gzvm_vcpu.lock held
 * @exits: by reason; unknown reasons count as GZVM_EXIT_UNKNOWN
 * @ioeventfd_hits: writes that signalled an ioeventfd
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
 * @lock: one thread at a time runs the vCPU or accesses its registers
 * @run: the call that runs it
 * @shared: page that holds the exit; EL2 writes it while the vCPU runs
 * @hwstate: page that holds list registers and timer; likewise
 * @lrs: list registers as of the last exit, kept once the VM has an irqfd
 * @exit: snapshot of the last exit
 * @exit_size: bytes of @exit's union that the exit uses
 * @undelivered: @exit is for the VMM, and could not be copied to it
 * @resume: kind of the VMM's answer to the last exit
 * @seen_seq: gzvm_vm.irq_seq as of the last entry
 * @exit_time: when the last GZVM_EXIT_IDLE came
 * @idle_ns: bound of the last sleep without a deadline, 0 = there was none
 * @idle_exits: exits as of that sleep
 * @had_gfn: page of the last fault, if the guest had that page
 * @had_faults: such faults in a row
 * @wait: where the vCPU sleeps
 * @dead: link in gzvm_vm.dead_vcpus
 * @stats: counters
 */
struct gzvm_vcpu {
	struct gzvm_vm *vm;
	u16 id;
	struct mutex lock;	/* run loop and registers */
	struct gzvm_run run;
	struct gzvm_hyp_run *shared;
	struct gzvm_hyp_hwstate *hwstate;
	u64 lrs[GZVM_MAX_LRS];
	struct gzvm_vcpu_run exit;
	size_t exit_size;
	bool undelivered;
	enum gzvm_resume resume;
	int seen_seq;
	ktime_t exit_time;
	u64 idle_ns;
	u64 idle_exits;
	u64 had_gfn;
	unsigned int had_faults;
	struct rcuwait wait;
	struct list_head dead;
	struct gzvm_vcpu_stats stats;
};

/* features.c */

/**
 * gzvm_vm_limits() - how large a VM may be, for a VMM that needs to know
 * @vm: VM, or NULL
 * @limits: its limits
 *
 * Shipped drivers give whole blocks only, hence an EL2 may refuse a single page. It
 * accepts one if it announces limits. Nothing that a guest does may make this call,
 * because shipped drivers do not make it.
 */
static inline void gzvm_vm_limits(struct gzvm_vm *vm, struct gzvm_limits *limits)
{
	gzvm_hc_limits(limits);
	if (vm && limits->announced)
		WRITE_ONCE(vm->takes_pages, true);
}

int gzvm_check_extension(struct gzvm_vm *vm, void __user *argp);
/* Success of an ioctl that has results in its struct */
#define GZVM_WRITE_BACK	1

int gzvm_enable_cap(struct gzvm_vm *vm, struct gzvm_enable_cap *cap);

/* stats.c */
void gzvm_vm_show(struct seq_file *m, struct gzvm_vm *vm);
void gzvm_vcpu_show(struct seq_file *m, struct gzvm_vcpu *vcpu);

/* debugfs.c */
#ifdef CONFIG_MTK_GZVM_DEBUGFS
void gzvm_debugfs_setup(void);
void gzvm_debugfs_teardown(void);
void gzvm_debugfs_add_vm(struct gzvm_vm *vm);
void gzvm_debugfs_remove_vm(struct gzvm_vm *vm);
#else
static inline void gzvm_debugfs_setup(void) { }
static inline void gzvm_debugfs_teardown(void) { }
static inline void gzvm_debugfs_add_vm(struct gzvm_vm *vm) { }
static inline void gzvm_debugfs_remove_vm(struct gzvm_vm *vm) { }
#endif

/* sysfs.c */
int gzvm_sysfs_add(void);
void gzvm_sysfs_remove(void);

/* ioeventfd.c */
unsigned int gzvm_ioevent_place(u64 addr, u64 data, unsigned int bits);
void gzvm_ioeventfds_init(struct gzvm_vm *vm);
void gzvm_ioeventfds_free(struct gzvm_vm *vm);
int gzvm_ioeventfd(struct gzvm_vm *vm, const struct gzvm_ioeventfd *args);
bool gzvm_ioeventfd_write(struct gzvm_vm *vm, u64 addr, u32 len, u64 data);

/* irqfd.c */
void gzvm_irqfds_init(struct gzvm_vm *vm);
void gzvm_irqfds_release(struct gzvm_vm *vm);
int gzvm_irqfd(struct gzvm_vm *vm, const struct gzvm_irqfd *args);
void gzvm_irqfds_retry_later(struct gzvm_vm *vm);
void gzvm_irqfds_retry(struct gzvm_vm *vm);
void gzvm_irqfds_end(struct gzvm_vm *vm);
void gzvm_irqfds_reset(struct gzvm_vm *vm);
void gzvm_irqfd_signal(struct gzvm_vm *vm, u32 spi, bool resample);

/**
 * gzvm_irqfd_note_raised() - the VMM raises a line itself
 * @vm: VM
 * @spi: which SPI
 *
 * Resamplefds of the SPI are signalled at the EOI, but no EOI lowers the line.
 *
 * Context: any.
 */
static inline void gzvm_irqfd_note_raised(struct gzvm_vm *vm, u32 spi)
{
	set_bit(spi, vm->irqfds.driven);
	clear_bit(spi, vm->irqfds.ended);
	set_bit(spi, vm->irqfds.signalled);
}

void gzvm_irqfd_sync(struct gzvm_vcpu *vcpu);

/* vm.c */
struct gzvm_vm *gzvm_vm_create(unsigned long type);
bool gzvm_vm_end(struct gzvm_vm *vm, unsigned int calls);
void gzvm_vm_end_with_mm(struct gzvm_vm *vm);
void gzvm_vm_end_later(struct gzvm_vm *vm);
void gzvm_vms_shutdown(void);
bool gzvm_vms_exist(void);
void gzvm_vm_get(struct gzvm_vm *vm);
void gzvm_vm_put(struct gzvm_vm *vm);

/* vcpu.c */
struct gzvm_vcpu *gzvm_vcpu_create(struct gzvm_vm *vm, unsigned long id);
void gzvm_vcpu_release_pages(struct gzvm_vcpu *vcpu, bool keep);
void gzvm_vcpu_free(struct gzvm_vcpu *vcpu);
int gzvm_vcpu_get_reg(struct gzvm_vcpu *vcpu, const struct gzvm_one_reg *reg);
int gzvm_vcpu_set_reg(struct gzvm_vcpu *vcpu, const struct gzvm_one_reg *reg);

/* run.c */
int gzvm_vcpu_run(struct gzvm_vcpu *vcpu, struct gzvm_vcpu_run __user *urun);

/* ioctl.c */
extern struct miscdevice gzvm_miscdev;
int gzvm_vm_create_fd(unsigned long type);
int gzvm_vcpu_create_fd(struct gzvm_vm *vm, unsigned long id);
int gzvm_gmem_create_fd(struct gzvm_vm *vm,
			const struct gzvm_create_guest_memfd *args);
bool gzvm_out_of_reach(const struct gzvm_vm *vm);
long gzvm_vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

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
 */
static inline void gzvm_vcpu_note_entry(struct gzvm_vcpu *vcpu)
{
	vcpu->seen_seq = atomic_read_acquire(&vcpu->vm->irq_seq);
}

/* memslot.c */
int gzvm_memslot_set(struct gzvm_vm *vm,
		     const struct gzvm_userspace_memory_region *region);
int gzvm_memslot_set2(struct gzvm_vm *vm,
		      const struct gzvm_userspace_memory_region2 *region);
/* Module parameter */
extern bool gzvm_guest_memfd_only;
struct gzvm_memslot *gzvm_memslot_find(struct gzvm_vm *vm, u64 gfn);
/* The guest touched a page that the driver has given to it before. */
#define GZVM_HAD_PAGE	1

int gzvm_memslot_fault(struct gzvm_vm *vm, u64 gpa);
int gzvm_memslot_relinquish(struct gzvm_vm *vm, u64 gpa);
int gzvm_memslots_populate(struct gzvm_vm *vm);
int gzvm_memslots_make_private(struct gzvm_vm *vm);
void gzvm_memslots_make_shared(struct gzvm_vm *vm);
void gzvm_memslots_tell_shared(struct gzvm_vm *vm);
void gzvm_memslots_unmapped(struct gzvm_vm *vm, unsigned long start,
			    unsigned long end, bool discarded);
void gzvm_memslots_free(struct gzvm_vm *vm, bool keep_pages);

/* gmem.c */
int gzvm_account_check(struct mm_struct *mm, unsigned long nr);
int gzvm_account(struct mm_struct *mm, unsigned long nr);
void gzvm_unaccount(struct mm_struct *mm, unsigned long nr);
struct gzvm_gmem *gzvm_gmem_create(struct mm_struct *mm, u64 size);
void gzvm_gmem_put(struct gzvm_gmem *gmem);
int gzvm_gmem_give(struct gzvm_gmem *gmem, unsigned long index, unsigned int nr,
		   struct page **pages);
bool gzvm_gmem_is_empty(const struct gzvm_gmem *gmem);
bool gzvm_gmem_is_behind(const struct gzvm_gmem *gmem,
			 const struct vm_area_struct *vma);
struct file *gzvm_gmem_file(struct gzvm_gmem *gmem,
			    const struct file_operations *fops);
struct file *gzvm_gmem_map_file(struct gzvm_gmem *gmem);
ssize_t gzvm_gmem_write_iter(struct kiocb *iocb, struct iov_iter *iter);
long gzvm_gmem_fallocate(struct file *file, int mode, loff_t offset, loff_t len);
int gzvm_gmem_make(struct gzvm_gmem *gmem, unsigned long index, unsigned int nr);
void gzvm_gmem_copy(struct gzvm_gmem *gmem, unsigned long index,
		    struct page **from, unsigned int nr);
void gzvm_gmem_return(struct gzvm_gmem *gmem, struct page *page);
void gzvm_gmem_set_lost(struct gzvm_gmem *gmem, unsigned long index,
			unsigned int nr);
unsigned int gzvm_gmem_lost(struct gzvm_gmem *gmem, unsigned long index,
			    unsigned int nr);
void gzvm_gmem_free(struct gzvm_gmem *gmem, unsigned long index, unsigned long nr,
		    bool keep);
struct gzvm_gmem *gzvm_gmem_of_fd(struct gzvm_vm *vm, int fd, u64 offset, u64 size);

/* span.c */
unsigned long gzvm_span_mmap(struct file *file, unsigned long addr,
			     unsigned long size, unsigned long fixed,
			     unsigned long offset);
unsigned int gzvm_span_take(struct gzvm_gmem *gmem, unsigned long index,
			    unsigned long addr, unsigned int nr,
			    struct page **pages, unsigned int wait, int *err);

/* block.c */
struct gzvm_block *gzvm_block_get(struct gzvm_memslot *slot, u64 gfn);
unsigned int gzvm_block_given(struct gzvm_block *block, unsigned int first,
			      unsigned int end);
unsigned int gzvm_block_lost(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			     struct gzvm_block *block, unsigned int first,
			     unsigned int end);
int gzvm_block_need_table(struct gzvm_block *block);
int gzvm_fault_in(struct gzvm_absent *absent);
bool gzvm_is_read_only(unsigned long hva);
int gzvm_block_pin_range(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			 struct gzvm_block *block, unsigned int first,
			 unsigned int end, struct gzvm_absent *absent);
void gzvm_block_note_call(struct gzvm_vm *vm, struct gzvm_block *block,
			  unsigned int first, unsigned int nr, int ret,
			  bool sure);
void gzvm_block_collapse(struct gzvm_block *block);
void gzvm_block_undo(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		     struct gzvm_block *block, unsigned int first,
		     unsigned int end);
u64 gzvm_block_pfn(const struct gzvm_block *block, unsigned int i);
int gzvm_block_fault(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		     struct gzvm_block *block, unsigned int i,
		     struct gzvm_absent *absent);
int gzvm_block_relinquish(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			  struct gzvm_block *block, unsigned int i);
void gzvm_blocks_release(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			 bool keep_pages);

/**
 * gzvm_call_is_sure() - whether the outcome of a call that names pages is known
 * @busy: whether EL2 was busy
 * @ret: result of the call
 * @nr: pages that it named
 *
 * Return: true when EL2 took each of the pages once, or none of them.
 */
static inline bool gzvm_call_is_sure(const struct gzvm_busy *busy, int ret,
				     u64 nr)
{
	return !busy->seen && !busy->unclear && (!ret || nr == 1);
}

/* populate.c */
int gzvm_populate(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		  struct gzvm_hyp_ranges *buf);

/* irq.c */
int gzvm_irq_inject(struct gzvm_vm *vm, u32 spi, bool level);
int gzvm_irq_line(struct gzvm_vm *vm, const struct gzvm_irq_level *line);
int gzvm_device_create(struct gzvm_vm *vm,
		       const struct gzvm_create_device *device);

#endif /* _GZVM_H */
