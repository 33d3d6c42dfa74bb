// SPDX-License-Identifier: GPL-2.0
/* Reads and writes the files of the test controls. Errors are -errno. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controls.h"

static int write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, data, size) != (ssize_t)size)
		ret = -errno;
	close(fd);
	return ret;
}

/**
 * ctl_reset() - delete all rules, forged exits, counters and records
 */
int ctl_reset(void)
{
	return write_file(CTL_DIR "reset", "1", 1);
}

static int write_rule(const char *path, unsigned int kind, unsigned int nth,
		      long long value, unsigned long long times)
{
	char text[80];
	int len = snprintf(text, sizeof(text), "%u %u %lld %llu", kind, nth,
			   value, times);

	return write_file(path, text, len);
}

/**
 * ctl_fail() - make hypercalls fail without an effect
 * @kind: HC_*
 * @nth: first call that fails, counted from 1
 * @status: their result
 * @times: number of calls
 *
 * Return: 0 or -errno.
 */
int ctl_fail(unsigned int kind, unsigned int nth, long long status,
	     unsigned long long times)
{
	return write_rule(CTL_DIR "fail", kind, nth, status, times);
}

/**
 * ctl_delay() - delay hypercalls
 * @kind: HC_*
 * @nth: first call that is delayed, counted from 1
 * @ticks: delay in ticks of the counter
 * @times: number of calls
 *
 * Return: 0 or -errno.
 */
int ctl_delay(unsigned int kind, unsigned int nth, unsigned long long ticks,
	      unsigned long long times)
{
	return write_rule(CTL_DIR "delay", kind, nth, ticks, times);
}

/**
 * ctl_forge() - forge the next exit of a vCPU
 * @exit: the exit
 * @with_hw: use @exit->hw as well
 *
 * Return: 0 or -errno.
 */
int ctl_forge(const struct ctl_exit *exit, bool with_hw)
{
	return write_file(CTL_DIR "forge", exit, with_hw ? sizeof(*exit) :
			  offsetof(struct ctl_exit, hw));
}

/**
 * ctl_counts() - read the counters
 * @count: receives HC_KINDS counters
 *
 * Return: 0 or -errno.
 */
int ctl_counts(struct ctl_count *count)
{
	FILE *f = fopen(CTL_DIR "counters", "re");
	struct ctl_count c;
	unsigned int kind;

	if (!f)
		return -errno;
	memset(count, 0, HC_KINDS * sizeof(*count));
	while (fscanf(f, "%u %llu %llu %llu", &kind, &c.calls, &c.errors,
		      &c.met) == 4)
		if (kind < HC_KINDS)
			count[kind] = c;
	fclose(f);
	return 0;
}

/**
 * ctl_records() - read the records of hypercalls
 * @record: receives them, the oldest first
 * @max: size of @record
 *
 * Return: number of records or -errno.
 */
int ctl_records(struct ctl_record *record, int max)
{
	FILE *f = fopen(CTL_DIR "calls", "re");
	int n = 0;

	if (!f)
		return -errno;
	while (n < max &&
	       fscanf(f, "%*u %*u %u %*x %*x %*x %*x %*x %*x %*x %lld %llx",
		      &record[n].kind, &record[n].status,
		      &record[n].result) == 3)
		n++;
	fclose(f);
	return n;
}

/**
 * ctl_read() - read another of the files
 * @name: its name
 * @text: receives the contents
 * @size: size of @text
 *
 * Return: length of the text or -errno.
 */
int ctl_read(const char *name, char *text, size_t size)
{
	char path[80];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), CTL_DIR "%s", name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
	return n;
}

/**
 * ctl_state() - read the hypervisor's state of VMs and memory
 * @text: receives the state
 * @size: size of @text
 *
 * This is the file "state", except for the tables of the host's own memory: they stay
 * finer where a protected VM was. So these tables count as free.
 *
 * Return: 0 or -errno.
 */
int ctl_state(char *text, size_t size)
{
	unsigned long long value, spare = 0;
	char *from = text, *to = text, *line;
	int ret = ctl_read("state", text, size);

	if (ret < 0)
		return ret;
	while ((line = strsep(&from, "\n")) && *line) {
		if (sscanf(line, "hyp_free %llu", &value) == 1 ||
		    sscanf(line, "host_tables %llu", &value) == 1) {
			spare += value;
			continue;
		}
		size = strlen(line);
		memmove(to, line, size);
		to += size;
		*to++ = '\n';
	}
	/* There is room, since two lines were removed. */
	sprintf(to, "spare %llu\n", spare);
	return 0;
}

/**
 * ctl_check_ok() - do the hypervisor's invariants hold?
 */
bool ctl_check_ok(void)
{
	char text[200] = "";

	ctl_read("check", text, sizeof(text));
	if (!strcmp(text, "ok\n"))
		return true;
	printf("# check: %s\n", text);
	return false;
}

/**
 * ctl_newest_vm() - the hypervisor's id of the VM that was created last
 *
 * Return: the id, or -ENOENT if no VM was created since ctl_reset().
 */
int ctl_newest_vm(void)
{
	static struct ctl_record record[1024];
	int n = ctl_records(record, 1024);

	while (n-- > 0)
		if (record[n].kind == HC_CREATE_VM && !record[n].status)
			return record[n].result;
	return -ENOENT;
}

/**
 * ctl_pinned_pages() - number of user pages that the kernel has pinned
 *
 * Return: the number, or -1 if the kernel does not count them.
 */
long ctl_pinned_pages(void)
{
	long acquired = -1, released = 0, value;
	char name[80];
	FILE *f;

	/* Each CPU has counts of its own until they are folded. */
	write_file("/proc/sys/vm/stat_refresh", "1", 1);
	f = fopen("/proc/vmstat", "re");
	while (f && fscanf(f, "%79s %ld", name, &value) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			acquired = value;
		if (!strcmp(name, "nr_foll_pin_released"))
			released = value;
	}
	if (f)
		fclose(f);
	return acquired < 0 ? -1 : acquired - released;
}

/* The number on the line that begins with @name; -1 if there is none */
static long number_of(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	size_t len = strlen(name);
	char line[128];
	long value = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			value = atol(line + len + 1);
	if (f)
		fclose(f);
	return value;
}

static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/**
 * ctl_view() - read the resources that VMs use
 * @view: receives them
 *
 * Return: 0 or -errno.
 */
int ctl_view(struct ctl_view *view)
{
	view->pinned = ctl_pinned_pages();
	view->locked = number_of("/proc/self/status", "VmPin");
	view->percpu = number_of("/proc/meminfo", "Percpu");
	view->next_fd = next_fd();
	return ctl_state(view->state, sizeof(view->state));
}

static bool number_same(const char *name, long before, long now, long slack)
{
	if (before == now || (before < now && now - before <= slack) ||
	    (slack && now < before))
		return true;
	printf("# %s: %ld, was %ld\n", name, now, before);
	return false;
}

/* Line by line: they have the same lines, except for VMs that come or go. */
static bool state_same(const char *before, const char *now)
{
	size_t a, b;

	if (!strcmp(before, now))
		return true;
	while (*before || *now) {
		a = strcspn(before, "\n");
		b = strcspn(now, "\n");
		if (a != b || memcmp(before, now, a))
			printf("# state: %.*s, was %.*s\n", (int)b, now, (int)a,
			       before);
		before += a + !!before[a];
		now += b + !!now[b];
	}
	return false;
}

/* The kernel may keep this much free percpu memory in a reserve */
#define PERCPU_SLACK_KB	256

/**
 * ctl_view_same() - compare with an earlier view
 * @before: the earlier view
 * @what: CTL_VIEW_*, the parts to compare
 *
 * Prints what differs.
 */
bool ctl_view_same(const struct ctl_view *before, unsigned int what)
{
	static struct ctl_view now;
	bool same = !ctl_view(&now);

	if (what & CTL_VIEW_HYP)
		same &= state_same(before->state, now.state);
	if (what & CTL_VIEW_PINS) {
		same &= number_same("pinned pages", before->pinned, now.pinned, 0);
		same &= number_same("VmPin", before->locked, now.locked, 0);
	}
	if (what & CTL_VIEW_HOST) {
		same &= number_same("percpu", before->percpu, now.percpu,
				    PERCPU_SLACK_KB);
		same &= number_same("next descriptor", before->next_fd,
				    now.next_fd, 0);
	}
	return same;
}
