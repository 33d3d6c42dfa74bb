/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test controls of gzhyp, a hypervisor for QEMU. Its module gzhyp_ctl has files for
 * them in debugfs. Other hypervisors have no test controls: SKIP() if no_controls().
 */
#ifndef GZ_CONTROLS_H
#define GZ_CONTROLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_DIR		"/sys/kernel/debug/gzhyp/"
#define no_controls()	access(CTL_DIR "reset", F_OK)
#define NO_CONTROLS	"no test controls: needs gzhyp.controls and gzhyp_ctl.ko"

/* Kinds of hypercalls, as in Documentation/virt/geniezone/hypercalls.rst */
#define HC_CREATE_VM		0
#define HC_DESTROY_VM		1
#define HC_CREATE_VCPU		2
#define HC_DESTROY_VCPU		3
#define HC_SET_MEMREGION	4
#define HC_RUN			5
#define HC_GET_ONE_REG		8
#define HC_SET_ONE_REG		9
#define HC_IRQ_LINE		10
#define HC_CREATE_DEVICE	11
#define HC_ENABLE_CAP		13
#define HC_INFORM_EXIT		14
#define HC_MEMREGION_PURPOSE	15
#define HC_SET_DTB_CONFIG	16
#define HC_MAP_GUEST		17
#define HC_MAP_GUEST_BLOCK	18
#define HC_GET_STATISTICS	19
#define HC_KINDS		20

#define HYP_NO_MEMORY		-5
#define HYP_INVALID_ARGS	-8
#define HYP_NOT_SUPPORTED	-24
#define HYP_NOT_IMPLEMENTED	-27
#define HYP_BUSY		-33
#define HYP_FAULT		-40

/**
 * struct ctl_count - number of hypercalls of one kind
 * @calls: all calls
 * @errors: calls that did not return 0
 * @met: calls that matched a rule
 */
struct ctl_count {
	unsigned long long calls;
	unsigned long long errors;
	unsigned long long met;
};

/**
 * struct ctl_record - a hypercall that was made
 * @kind: HC_*
 * @status: its result
 * @result: x1 of its result
 */
struct ctl_record {
	unsigned int kind;
	long long status;
	unsigned long long result;
};

/**
 * struct ctl_exit - a forged exit, in the format of the file
 * @vm: VM id
 * @vcpu: vCPU
 * @reason: result of RUN
 * @run: first shared page, struct gzvm_vcpu_run
 * @hw: second shared page: number of list registers, the list registers, the timer
 */
struct ctl_exit {
	uint32_t vm;
	uint32_t vcpu;
	uint64_t reason;
	uint8_t run[264];
	struct {
		uint32_t nr_lrs;
		uint32_t pad;
		uint64_t lr[16];
		uint64_t vtimer_offset;
		uint64_t vtimer_delay;
		uint32_t vtimer_migrate;
		uint32_t pad2;
	} hw;
};

/* The parts of a view that are compared */
#define CTL_VIEW_HYP	1
#define CTL_VIEW_PINS	2
#define CTL_VIEW_HOST	4
#define CTL_VIEW_ALL	(CTL_VIEW_HYP | CTL_VIEW_PINS | CTL_VIEW_HOST)

/**
 * struct ctl_view - resources that VMs use
 * @state: state of the hypervisor, from ctl_state()
 * @pinned: pages that the kernel has pinned, for all processes
 * @locked: kB that count as pinned for this process
 * @percpu: kB of percpu memory
 * @next_fd: the file descriptor that this process would get next
 */
struct ctl_view {
	char state[8192];
	long pinned;
	long locked;
	long percpu;
	int next_fd;
};

int ctl_reset(void);
int ctl_fail(unsigned int kind, unsigned int nth, long long status,
	     unsigned long long times);
int ctl_delay(unsigned int kind, unsigned int nth, unsigned long long ticks,
	      unsigned long long times);
int ctl_forge(const struct ctl_exit *exit, bool with_hw);
int ctl_counts(struct ctl_count *count);
int ctl_records(struct ctl_record *record, int max);
int ctl_read(const char *name, char *text, size_t size);
int ctl_state(char *text, size_t size);
bool ctl_check_ok(void);
int ctl_newest_vm(void);
long ctl_pinned_pages(void);
int ctl_view(struct ctl_view *view);
bool ctl_view_same(const struct ctl_view *before, unsigned int what);

#endif /* GZ_CONTROLS_H */
