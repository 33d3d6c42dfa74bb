// SPDX-License-Identifier: GPL-2.0
/*
 * The first and only program of the measured guest. gz.load= on the kernel command
 * line names what it does; see protocol.h for what it prints. The counter of the
 * machine, which runs with -icount, is a count of instructions.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/vm_sockets.h>

#include "protocol.h"

#define TRIPS		1000
#define COMPILES	50
#define SOURCE		(128UL << 10)
#define ARENA		(4 * MIB)
#define PAIRS		2
#define BY_PIPE		50
#define BY_FUTEX	2000
#define MESSAGE		100

static void power_off(void)
{
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	pause();
}

static void fail(const char *what)
{
	printf("failed %s: %s\n", what, strerror(errno));
	power_off();
}

static void wait_for_host(void)
{
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		fail("console");
}

static uint64_t now(void)
{
	uint64_t ticks;

	asm volatile("isb\n\tmrs %0, cntvct_el0\n\tisb"
		     : "=r" (ticks) : : "memory");
	return ticks;
}

/* Measures one load, which repeats its operation @n times */
static void measure(const char *name, long n, void (*load)(void))
{
	uint64_t begin, end;

	printf("begin %s\n", name);
	wait_for_host();
	mark_reset();
	mark_begin();
	begin = now();
	load();
	end = now();
	mark_end();
	mark_result();
	printf("end %s %llu %ld\n", name, (unsigned long long)(end - begin), n);
	wait_for_host();
}

/*
 * The disk
 */

static int disk;
static char *buffer;

static void transfer(size_t all, size_t size, int is_write)
{
	uint64_t at;

	for (at = 0; at < all; at += size) {
		ssize_t n = is_write ? pwrite(disk, buffer, size, at) :
				       pread(disk, buffer, size, at);

		if (n != (ssize_t)size)
			fail("disk");
	}
}

static void write_large(void)
{
	transfer(DISK, LARGE, 1);
}

static void read_large(void)
{
	transfer(DISK, LARGE, 0);
}

static void write_small(void)
{
	transfer(DISK_SMALL, SMALL, 1);
}

static void read_small(void)
{
	transfer(DISK_SMALL, SMALL, 0);
}

/* The first pass gives the host's file its memory, and is not measured */
static void load_disk(void)
{
	disk = open("/dev/vda", O_RDWR | O_DIRECT);
	buffer = aligned_alloc(LARGE, LARGE);
	if (disk < 0 || !buffer)
		fail("/dev/vda");
	memset(buffer, 1, LARGE);
	write_large();
	measure("disk-write-large", DISK / LARGE, write_large);
	measure("disk-read-large", DISK / LARGE, read_large);
	measure("disk-write-small", DISK_SMALL / SMALL, write_small);
	measure("disk-read-small", DISK_SMALL / SMALL, read_small);
	close(disk);
}

/*
 * Streams: TCP and vsock
 */

static int peer;

static void trips(void)
{
	char byte = 1;
	int i;

	for (i = 0; i < TRIPS; i++)
		if (write(peer, &byte, 1) != 1 || read(peer, &byte, 1) != 1)
			fail("round trip");
}

static void stream_out(void)
{
	size_t left = STREAM;

	while (left) {
		ssize_t n = write(peer, buffer, left < LARGE ? left : LARGE);

		if (n <= 0)
			fail("send");
		left -= n;
	}
	shutdown(peer, SHUT_WR);
	if (read(peer, buffer, 1) != 1)
		fail("the end of the stream");
}

static void stream_in(void)
{
	size_t left = STREAM;

	while (left) {
		ssize_t n = read(peer, buffer, LARGE);

		if (n <= 0)
			fail("receive");
		left -= n;
	}
}

static void call(int family, const void *addr, socklen_t len)
{
	int on = 1;

	peer = socket(family, SOCK_STREAM, 0);
	if (peer < 0 || connect(peer, addr, len))
		fail("connect");
	if (family == AF_INET)
		setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void call_tcp(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};

	inet_pton(AF_INET, HOST_IP, &addr.sin_addr);
	call(AF_INET, &addr, sizeof(addr));
}

static void call_vsock(int port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_HOST,
		.svm_port = port,
	};

	call(AF_VSOCK, &addr, sizeof(addr));
}

static void measure_streams(const char *const *names, void (*dial)(int port))
{
	buffer = malloc(LARGE);
	memset(buffer, 1, LARGE);
	dial(PORT_ECHO);
	trips();
	measure(names[0], TRIPS, trips);
	close(peer);
	dial(PORT_SINK);
	measure(names[1], STREAM / MIB, stream_out);
	close(peer);
	dial(PORT_SOURCE);
	measure(names[2], STREAM / MIB, stream_in);
	close(peer);
}

static void raise_network(void)
{
	struct ifreq ifr = { .ifr_name = "eth0" };
	struct sockaddr_in *addr = (void *)&ifr.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	addr->sin_family = AF_INET;
	inet_pton(AF_INET, GUEST_IP, &addr->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		fail("eth0");
	ifr.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		fail("eth0");
	close(fd);
}

static void load_net(void)
{
	static const char *const names[] = { "tcp-trip", "tcp-out", "tcp-in" };

	raise_network();
	measure_streams(names, call_tcp);
}

static void load_vsock(void)
{
	static const char *const names[] = { "vsock-trip", "vsock-out", "vsock-in" };

	measure_streams(names, call_vsock);
}

/*
 * Processes, like those of a build: each is a new program that reads a file, uses
 * memory, and writes a file
 */

static int compile(void)
{
	int in = open("/source", O_RDONLY);
	int out = open("/object", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *text = mmap(NULL, SOURCE, PROT_READ, MAP_PRIVATE, in, 0);
	char *arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t sum = 1;
	size_t i;

	if (in < 0 || out < 0 || text == MAP_FAILED || arena == MAP_FAILED)
		return 1;
	for (i = 0; i < SOURCE; i++)
		sum = sum * 31 + text[i];
	for (i = 0; i < ARENA; i += SMALL)
		arena[i] = sum + i;
	return write(out, arena, SOURCE) != (ssize_t)SOURCE;
}

static void build(void)
{
	char *const argv[] = { "/init", "compile", NULL };
	int i, status;

	for (i = 0; i < COMPILES; i++) {
		pid_t pid = fork();

		if (!pid) {
			execv(argv[0], argv);
			_exit(1);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			fail("a process");
	}
}

static void load_build(void)
{
	int fd = open("/source", O_RDWR | O_CREAT, 0600);

	buffer = calloc(1, SOURCE);
	if (fd < 0 || write(fd, buffer, SOURCE) != (ssize_t)SOURCE)
		fail("/source");
	close(fd);
	measure("build", COMPILES, build);
}

/*
 * Pairs of processes that send each other messages. Each has a CPU of its own, and
 * sleeps while the other works: each message takes an IPI that wakes a vCPU. Their
 * start is not measured.
 */

/**
 * struct link - how the two of a pair reach each other
 * @there: pipe from the first to the second
 * @back: the other pipe
 * @box: memory that both have
 */
struct link {
	int there[2];
	int back[2];
	struct box {
		uint32_t is_for_second;
		char message[MESSAGE];
	} *box;
};

/* Each process has a pipe of its own that starts it, so that none takes another's byte */
static int go[2 * PAIRS][2], done[2];

static void send_byte(int fd)
{
	if (write(fd, "", 1) != 1)
		fail("pipe");
}

static void wait_for_byte(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		fail("pipe");
}

static void by_pipe(const struct link *link, int is_first, int n)
{
	int out = is_first ? link->there[1] : link->back[1];
	int in = is_first ? link->back[0] : link->there[0];
	char message[MESSAGE] = { 0 };

	while (n--) {
		if (is_first && write(out, message, MESSAGE) != MESSAGE)
			fail("a process that sends");
		if (read(in, message, MESSAGE) != MESSAGE)
			fail("a process that receives");
		if (!is_first && write(out, message, MESSAGE) != MESSAGE)
			fail("a process that sends");
	}
}

static void put_into_box(struct box *box, const char *message, uint32_t is_for_second)
{
	memcpy(box->message, message, MESSAGE);
	__atomic_store_n(&box->is_for_second, is_for_second, __ATOMIC_RELEASE);
	syscall(SYS_futex, &box->is_for_second, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void take_from_box(struct box *box, char *message, uint32_t is_for_second)
{
	while (__atomic_load_n(&box->is_for_second, __ATOMIC_ACQUIRE) != is_for_second)
		syscall(SYS_futex, &box->is_for_second, FUTEX_WAIT, !is_for_second,
			NULL, NULL, 0);
	memcpy(message, box->message, MESSAGE);
}

static void by_futex(const struct link *link, int is_first, int n)
{
	char message[MESSAGE] = { 0 };

	while (n--) {
		if (is_first)
			put_into_box(link->box, message, 1);
		take_from_box(link->box, message, !is_first);
		if (!is_first)
			put_into_box(link->box, message, 0);
	}
}

static void chat(const struct link *link, int cpu)
{
	static const struct {
		void (*fn)(const struct link *link, int is_first, int n);
		int n;
	} loads[] = {
		/* The first message each way is not measured */
		{ by_pipe, 1 }, { by_pipe, BY_PIPE },
		{ by_futex, 1 }, { by_futex, BY_FUTEX },
	};
	unsigned int i;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity");
	for (i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		wait_for_byte(go[cpu][0]);
		loads[i].fn(link, cpu % 2, loads[i].n);
		send_byte(done[1]);
	}
	for (;;)
		pause();
}

static void start_pair(int nr)
{
	struct link link;

	link.box = mmap(NULL, sizeof(*link.box), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (link.box == MAP_FAILED || pipe(link.there) || pipe(link.back))
		fail("a pair");
	if (!fork())
		chat(&link, 2 * nr + 1);
	if (!fork())
		chat(&link, 2 * nr);
}

static void messages(void)
{
	int i;

	for (i = 0; i < 2 * PAIRS; i++)
		send_byte(go[i][1]);
	for (i = 0; i < 2 * PAIRS; i++)
		wait_for_byte(done[0]);
}

static void load_messages(void)
{
	int i;

	for (i = 0; i < 2 * PAIRS; i++)
		if (pipe(go[i]))
			fail("pipe");
	if (pipe(done))
		fail("pipe");
	for (i = 0; i < PAIRS; i++)
		start_pair(i);
	messages();
	measure("messages-pipe", 2L * PAIRS * BY_PIPE, messages);
	messages();
	measure("messages-futex", 2L * PAIRS * BY_FUTEX, messages);
}

static void load_nothing(void)
{
}

static const struct {
	const char *name;
	void (*fn)(void);
} loads[] = {
	{ "nothing", load_nothing },
	{ "disk", load_disk },
	{ "net", load_net },
	{ "vsock", load_vsock },
	{ "build", load_build },
	{ "messages", load_messages },
};

/* The console: no echo, or the host would read its own line */
static void set_console(void)
{
	struct termios t;

	tcgetattr(STDIN_FILENO, &t);
	t.c_lflag &= ~ECHO;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static void run_load(const char *cmdline)
{
	const char *at = strstr(cmdline, "gz.load=");
	size_t i, len;

	for (i = 0; at && i < sizeof(loads) / sizeof(*loads); i++) {
		len = strlen(loads[i].name);
		if (!strncmp(at + 8, loads[i].name, len))
			loads[i].fn();
	}
}

int main(int argc, char **argv)
{
	char cmdline[2048] = "";
	int fd;

	if (argc > 1 && !strcmp(argv[1], "compile"))
		return compile();
	set_console();
	puts("ready");
	wait_for_host();
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	fd = open("/proc/cmdline", O_RDONLY);
	if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) < 0)
		fail("/proc/cmdline");
	close(fd);
	run_load(cmdline);
	puts("bye");
	power_off();
	return 1;
}
