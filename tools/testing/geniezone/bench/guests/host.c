// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a VMM with guests that measure themselves (guest.c), and is the other end of
 * their connections:
 *
 *   guests VMM gz|kvm|qemu LOAD...
 *
 * gz and kvm are gzrun, qemu is QEMU on KVM. Prints "R FIGURE 0 VALUE COUNT" for each
 * figure, as the program bench does.
 */

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "protocol.h"

#define SHARE		"/usr/share/geniezone/"
#define DISK_DIR	"/tmp/disk"
#define DISK_FILE	DISK_DIR "/disk"

/* As on the host, so that addresses and costs are the same in each run */
#define PARAMS		"quiet panic=-1 nokaslr norandmaps mitigations=off"

static const char *vmm;
static bool is_kvm, is_qemu;
/* A guest whose figures are not printed */
static bool is_warm_up;
static double per_tick;

static uint64_t now(void)
{
	uint64_t ticks;

	asm volatile("isb\n\tmrs %0, cntvct_el0\n\tisb"
		     : "=r" (ticks) : : "memory");
	return ticks;
}

static void report(const char *kind, const char *name, double value, long n)
{
	if (!is_warm_up)
		printf("R %s%s 0 %.1f %ld\n", kind, name, value, n);
}

/*
 * Counters of the host
 */

/* The sum of the fields with these names, without a digit at the end of a line */
static uint64_t sum_of(const char *path, bool (*counts)(const char *name))
{
	FILE *file = fopen(path, "r");
	char line[128], name[64];
	unsigned long long value;
	uint64_t sum = 0;

	if (!file)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%63[^:]: %llu", name, &value) == 2 &&
		    counts(name))
			sum += value;
	fclose(file);
	return sum;
}

/* An exit that the driver handles itself has a counter of its own */
static bool is_exit(const char *name)
{
	return !strncmp(name, "exit_", 5) || !strcmp(name, "ioeventfd_hits") ||
	       !strcmp(name, "faults");
}

static bool is_kernel_memory(const char *name)
{
	static const char *const names[] = {
		"Slab", "KernelStack", "PageTables", "SecPageTables",
		"VmallocUsed", "Percpu",
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static uint64_t exits_of_gz(void)
{
	uint64_t sum = 0;
	glob_t found;
	size_t i;

	if (glob("/sys/kernel/debug/gzvm/*/stats", 0, NULL, &found))
		errx(1, "the driver has no counters");
	for (i = 0; i < found.gl_pathc; i++)
		sum += sum_of(found.gl_pathv[i], is_exit);
	globfree(&found);
	return sum;
}

static uint64_t exits_of_kvm(void)
{
	FILE *file = fopen("/sys/kernel/debug/kvm/exits", "r");
	unsigned long long value;

	if (!file || fscanf(file, "%llu", &value) != 1)
		errx(1, "KVM has no counters");
	fclose(file);
	return value;
}

static uint64_t exits(void)
{
	return is_kvm ? exits_of_kvm() : exits_of_gz();
}

static uint64_t kernel_memory(void)
{
	return sum_of("/proc/meminfo", is_kernel_memory) * 1024;
}

/*
 * The other ends of connections
 */

static void echo(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1)
		if (write(fd, &byte, 1) != 1)
			break;
}

static void sink(int fd)
{
	static char buffer[LARGE];

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	if (write(fd, buffer, 1) != 1)
		warn("sink");
}

static void source(int fd)
{
	static char buffer[LARGE];
	size_t left = STREAM;
	ssize_t n;

	while (left) {
		n = write(fd, buffer, left < LARGE ? left : LARGE);
		if (n <= 0)
			err(1, "source");
		left -= n;
	}
}

static int listen_at(int family, const void *addr, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, addr, len) || listen(fd, 4))
		err(1, "cannot listen");
	return fd;
}

static int listen_tcp(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};

	return listen_at(AF_INET, &addr, sizeof(addr));
}

static int listen_vsock(int port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};

	return listen_at(AF_VSOCK, &addr, sizeof(addr));
}

/* A process of its own that serves one connection after the other */
static void serve(int listener, void (*fn)(int fd), bool is_tcp)
{
	int on = 1;

	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int fd = accept(listener, NULL, NULL);

			if (fd < 0)
				err(1, "accept");
			if (is_tcp)
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
					   sizeof(on));
			fn(fd);
			close(fd);
		}
	}
	close(listener);
}

static void serve_all(int (*at)(int port), bool is_tcp)
{
	serve(at(PORT_ECHO), echo, is_tcp);
	serve(at(PORT_SINK), sink, is_tcp);
	serve(at(PORT_SOURCE), source, is_tcp);
}

/* The VMM has created the interface */
static void raise_tap(void)
{
	struct ifreq ifr = { .ifr_name = TAP };
	struct sockaddr_in *addr = (void *)&ifr.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	addr->sin_family = AF_INET;
	inet_pton(AF_INET, HOST_IP, &addr->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		err(1, TAP);
	inet_pton(AF_INET, "255.255.255.0", &addr->sin_addr);
	if (ioctl(fd, SIOCSIFNETMASK, &ifr))
		err(1, TAP);
	ifr.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		err(1, TAP);
	close(fd);
}

/*
 * With huge pages: without them, the host's kernel looks at the whole rest of a request
 * again for each page that it copies.
 */
static void make_disk(void)
{
	int fd;

	if (mkdir(DISK_DIR, 0700) ||
	    mount("disk", DISK_DIR, "tmpfs", 0, "huge=always"))
		err(1, DISK_DIR);
	fd = open(DISK_FILE, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, DISK))
		err(1, DISK_FILE);
	close(fd);
}

/*
 * One guest
 */

/**
 * struct load - a guest and its options
 * @name: gz.load= of the guest
 * @options: options of gzrun
 * @qemu: options of QEMU
 * @before: prepares the host, or NULL
 * @ready: called when the guest's init runs, or NULL
 */
struct load {
	const char *name;
	const char *options[6];
	const char *qemu[6];
	void (*before)(void);
	void (*ready)(void);
};

static void serve_tcp(void)
{
	serve_all(listen_tcp, true);
}

static void serve_vsock(void)
{
	serve_all(listen_vsock, false);
}

static const struct load loads[] = {
	{ .name = "nothing" },
	{ .name = "disk", .options = { "--disk", DISK_FILE },
	  .qemu = { "-drive", "if=none,id=disk,format=raw,file=" DISK_FILE,
		    "-device", "virtio-blk-device,drive=disk" },
	  .before = make_disk },
	{ .name = "net", .options = { "--net", "tap=" TAP },
	  .qemu = { "-netdev", "tap,id=net,ifname=" TAP ",script=no,downscript=no",
		    "-device", "virtio-net-device,netdev=net" },
	  .before = serve_tcp, .ready = raise_tap },
	{ .name = "vsock", .options = { "--vsock", "3" },
	  .qemu = { "-device", "vhost-vsock-device,guest-cid=3" },
	  .before = serve_vsock },
	{ .name = "build" },
	{ .name = "messages", .options = { "--cpus", "4" }, .qemu = { "-smp", "4" } },
};

/**
 * struct guest - a VMM that runs
 * @load: the guest
 * @pid: the VMM
 * @in: its input
 * @out: its output
 * @begin: when it started
 * @memory: of the host's kernel, before
 * @exits: before the operation
 */
struct guest {
	const struct load *load;
	pid_t pid;
	int in;
	FILE *out;
	uint64_t begin;
	uint64_t memory;
	uint64_t exits;
};

/* Both give the guest modern virtio-mmio devices, a serial console and GICv3 */
static const char *const gzrun_args[] = {
	"--kernel", SHARE "Image", "--initrd", SHARE "bench-guest", "--mem", "512M",
	"--params", NULL
};

static const char *const qemu_args[] = {
	"-M", "virt,gic-version=3", "-accel", "kvm", "-cpu", "host", "-m", "512",
	"-nodefaults", "-display", "none", "-serial", "stdio",
	"-global", "virtio-mmio.force-legacy=false",
	"-kernel", SHARE "Image", "-initrd", SHARE "bench-guest", "-append", NULL
};

/* Appends arguments up to the NULL at their end, which it also writes */
static const char **append(const char **to, const char *const *from)
{
	while ((*to = *from++))
		to++;
	return to;
}

static void exec_vmm(const struct load *load, int in, int out)
{
	const char *argv[40], **end = argv;
	char params[256];

	*end++ = vmm;
	end = append(end, is_qemu ? qemu_args : gzrun_args);
	snprintf(params, sizeof(params), "console=%s %s gz.load=%s",
		 is_qemu ? "ttyAMA0" : "ttyS0", PARAMS, load->name);
	*end++ = params;
	append(end, is_qemu ? load->qemu : load->options);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execv(vmm, (char *const *)argv);
	err(1, "%s", vmm);
}

static void start(struct guest *g)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		err(1, "pipe");
	fflush(stdout);
	mark_reset();
	mark_begin();
	g->begin = now();
	g->pid = fork();
	if (!g->pid)
		exec_vmm(g->load, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	g->in = in[1];
	g->out = fdopen(out[0], "r");
}

static void on_ready(struct guest *g)
{
	uint64_t ticks = now() - g->begin;

	mark_end();
	if (!strcmp(g->load->name, "nothing")) {
		if (!is_warm_up)
			mark_result();
		report("", "guest-init", ticks * per_tick, 1);
		report("exits-", "guest-init", exits(), 1);
		report("bytes-", "guest-init", kernel_memory() - g->memory, 1);
	}
	if (g->load->ready)
		g->load->ready();
}

static void on_end(struct guest *g, const char *name, uint64_t ticks, long n)
{
	report("", name, ticks * per_tick / n, n);
	report("exits-", name, (double)(exits() - g->exits) / n, n);
	report("bytes-", name, (double)kernel_memory() - g->memory, 1);
}

/* Returns whether the guest waits for an answer */
static bool on_line(struct guest *g, const char *line)
{
	unsigned long long ticks;
	char name[64];
	long n;

	if (!strncmp(line, "ready", 5)) {
		on_ready(g);
		return true;
	}
	if (sscanf(line, "begin %63s", name) == 1) {
		g->exits = exits();
		return true;
	}
	if (sscanf(line, "end %63s %llu %ld", name, &ticks, &n) == 3) {
		on_end(g, name, ticks, n);
		return true;
	}
	if (!strncmp(line, "failed", 6))
		errx(1, "guest %s: %s", g->load->name, line);
	fprintf(stderr, "guest: %s", line);
	return false;
}

static void run(const struct load *load)
{
	struct guest g = { .load = load, .memory = kernel_memory() };
	char line[256];
	uint64_t ticks;
	int status;

	start(&g);
	while (fgets(line, sizeof(line), g.out))
		if (on_line(&g, line) && write(g.in, "\n", 1) != 1)
			err(1, "the guest's input");
	if (waitpid(g.pid, &status, 0) != g.pid || status)
		errx(1, "guest %s: status %#x", load->name, status);
	ticks = now() - g.begin;
	if (!strcmp(load->name, "nothing"))
		report("", "guest-life", ticks * per_tick, 1);
	close(g.in);
	fclose(g.out);
}

static const struct load *find(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(loads) / sizeof(*loads); i++)
		if (!strcmp(loads[i].name, name))
			return &loads[i];
	errx(2, "no load %s", name);
}

static double ns_per_tick(void)
{
	uint64_t hz;

	asm("mrs %0, cntfrq_el0" : "=r" (hz));
	return 1e9 / hz;
}

int main(int argc, char **argv)
{
	const struct load *load;
	int i;

	if (argc < 4)
		errx(2, "usage: guests VMM gz|kvm|qemu LOAD...");
	setvbuf(stdout, NULL, _IOLBF, 0);
	vmm = argv[1];
	is_qemu = !strcmp(argv[2], "qemu");
	is_kvm = is_qemu || !strcmp(argv[2], "kvm");
	per_tick = ns_per_tick();
	/* The first guest brings the files into caches */
	is_warm_up = true;
	run(find("nothing"));
	is_warm_up = false;
	for (i = 3; i < argc; i++) {
		load = find(argv[i]);
		if (load->before)
			load->before();
		run(load);
	}
	printf("guests: done\n");
	return 0;
}
