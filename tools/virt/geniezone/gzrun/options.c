// SPDX-License-Identifier: GPL-2.0
/* The command line. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "options.h"

#define SHARE		"/usr/share/geniezone/"
#define DEFAULT_KERNEL	SHARE "Image"
#define DEFAULT_INITRD	SHARE "initrd"
#define MORE_PARAMS	"earlycon panic=-1"
#define DEFAULT_PARAMS	"console=ttyS0 " MORE_PARAMS
#define VIRTIO_PARAMS	"console=hvc0 " MORE_PARAMS
#define DEFAULT_MEM	(256ULL << 20)
#define DEFAULT_SWIOTLB	(64ULL << 20)

/* A huge page of hugetlb on a host with 4 KiB pages */
#define HUGE_SIZE	0x200000ULL

/* More than any phone has, and far from overflow in sums */
#define MAX_MEM		0x10000000000ULL

static const char help[] =
"Usage: gzrun [options]\n"
"Runs a Linux guest on the GenieZone hypervisor, its console on this terminal.\n"
"\n"
"  -k, --kernel FILE    arm64 Image, or one that gzip compressed\n"
"                       (default " DEFAULT_KERNEL ")\n"
"  -i, --initrd FILE    initial RAM disk\n"
"                       (default " DEFAULT_INITRD ",\n"
"                       none if --kernel is given)\n"
"  -m, --mem SIZE       guest memory, in MiB or with K, M or G (default 256M)\n"
"  -c, --cpus N         number of vCPUs, 1 to 8 (default 1)\n"
"  -p, --params TEXT    the complete kernel command line\n"
"                       (default \"" DEFAULT_PARAMS "\",\n"
"                       hvc0 instead of ttyS0 with a virtio console)\n"
"  -d, --disk FILE[,ro][,direct]  virtio disk in FILE, read-only with ,ro, past\n"
"                       the host's page cache with ,direct; up to 8 times\n"
"  -n, --net KIND[,mac=ADDRESS]  virtio network: tap=NAME[,vhost=on|off], an\n"
"                       interface of the host; hub=DIR, other VMs; loop, a peer\n"
"                       that answers; up to 4 times; default: a random address\n"
"      --console KIND   serial (ttyS0, default) or virtio (hvc0) gets the input;\n"
"                       file=FILE or socket=PATH: one more hvc; up to 4 times\n"
"      --hugepages[=no|hugetlb]  use transparent huge pages if the host has any\n"
"                       free, which is the default; none; or only reserved ones\n"
"      --protected      the host cannot access the guest's memory, except a pool\n"
"                       for devices\n"
"      --pvmfw hyp|FILE run firmware before the kernel: hyp is the hypervisor's\n"
"                       own, FILE is for a hypervisor that has none\n"
"      --swiotlb SIZE   size of the pool for devices, part of --mem (default 64M\n"
"                       with --protected, otherwise none)\n"
"      --rng            virtio source of random numbers\n"
"      --vsock CID      vsock device with this CID, 3 or more; the host's\n"
"                       vhost_vsock serves it\n"
"      --on-reset WHAT  exit (status 3) or restart when the guest requests a\n"
"                       reset (default exit)\n"
"      --gdb WHERE      let a debugger connect to TCP port WHERE of this machine,\n"
"                       or to a local socket if WHERE is a path with a /\n"
"      --control PATH   create a socket for stop, resume, power and status\n"
"      --sandbox WHAT   on or off: restrict system calls (default on)\n"
"      --dump-dtb FILE  write the guest's device tree to FILE and exit\n"
"  -v, --verbose        print more messages\n"
"  -h, --help           print this help\n"
"\n"
"Keys, if input is a terminal: Ctrl-A x ends the VM, Ctrl-A Ctrl-A sends Ctrl-A,\n"
"Ctrl-A h lists the keys. The first SIGINT presses the guest's power button, the\n"
"second SIGINT ends the VM.\n"
"\n"
"Exit status: 0 guest powered off, 1 cannot start, 2 bad option, 3 guest reset,\n"
"4 guest panicked, 5 internal error, 6 guest exception, 7 unknown exit, 8 the\n"
"driver refused to run a vCPU, 9 ended by Ctrl-A x or a debugger, 10 powered off,\n"
"but a disk or the output failed, 11 the firmware refused the kernel, 12 ended by\n"
"the sandbox, 13 the guest does not use its pool, 128 + n ended by signal n.\n";

enum {
	OPT_DUMP_DTB = 256,
	OPT_CONTROL,
	OPT_GDB,
	OPT_RNG,
	OPT_SANDBOX,
	OPT_CONSOLE,
	OPT_HUGEPAGES,
	OPT_ON_RESET,
	OPT_PROTECTED,
	OPT_PVMFW,
	OPT_SWIOTLB,
	OPT_VSOCK,
};

static const struct option long_options[] = {
	{ "kernel",   required_argument, NULL, 'k' },
	{ "initrd",   required_argument, NULL, 'i' },
	{ "mem",      required_argument, NULL, 'm' },
	{ "cpus",     required_argument, NULL, 'c' },
	{ "params",   required_argument, NULL, 'p' },
	{ "disk",     required_argument, NULL, 'd' },
	{ "net",      required_argument, NULL, 'n' },
	{ "console",  required_argument, NULL, OPT_CONSOLE },
	{ "hugepages", optional_argument, NULL, OPT_HUGEPAGES },
	{ "protected", no_argument,      NULL, OPT_PROTECTED },
	{ "pvmfw",    required_argument, NULL, OPT_PVMFW },
	{ "swiotlb",  required_argument, NULL, OPT_SWIOTLB },
	{ "rng",      no_argument,       NULL, OPT_RNG },
	{ "vsock",    required_argument, NULL, OPT_VSOCK },
	{ "on-reset", required_argument, NULL, OPT_ON_RESET },
	{ "gdb",      required_argument, NULL, OPT_GDB },
	{ "control",  required_argument, NULL, OPT_CONTROL },
	{ "sandbox",  required_argument, NULL, OPT_SANDBOX },
	{ "dump-dtb", required_argument, NULL, OPT_DUMP_DTB },
	{ "verbose",  no_argument,       NULL, 'v' },
	{ "help",     no_argument,       NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Digits only: strtoull() accepts a sign and spaces as well. */
static int parse_number(const char *text, char **end, unsigned long long *value)
{
	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	*value = strtoull(text, end, 10);
	return errno ? -1 : 0;
}

static int parse_shift(const char *suffix)
{
	if (!*suffix)
		return 20;
	if (suffix[1])
		return -1;
	switch (toupper((unsigned char)*suffix)) {
	case 'K':
		return 10;
	case 'M':
		return 20;
	case 'G':
		return 30;
	}
	return -1;
}

static int parse_size(const char *name, const char *text, uint64_t *size)
{
	unsigned long long n;
	char *suffix;
	int shift;

	if (parse_number(text, &suffix, &n))
		goto bad;
	shift = parse_shift(suffix);
	if (shift < 0)
		goto bad;
	if (!n || n > MAX_MEM >> shift) {
		gz_error("--%s %s: must be more than 0 and at most 1024G",
			 name, text);
		return -1;
	}
	*size = (uint64_t)n << shift;
	if (*size % sysconf(_SC_PAGESIZE)) {
		gz_error("--%s %s: must be whole pages of %ld bytes", name,
			 text, sysconf(_SC_PAGESIZE));
		return -1;
	}
	return 0;
bad:
	gz_error("--%s %s: not a size; try 256M", name, text);
	return -1;
}

static int parse_cpus(const char *text, unsigned int *cpus)
{
	unsigned long long n;
	char *end;

	if (parse_number(text, &end, &n) || *end || !n || n > GZ_MAX_VCPUS) {
		gz_error("--cpus %s: must be 1 to %d", text, GZ_MAX_VCPUS);
		return -1;
	}
	*cpus = n;
	return 0;
}

/* CIDs 0 to 2 and the last one are reserved */
static int parse_cid(const char *text, uint32_t *cid)
{
	unsigned long long n;
	char *end;

	if (parse_number(text, &end, &n) || *end || n < 3 || n >= UINT32_MAX) {
		gz_error("--vsock %s: must be 3 to 4294967294", text);
		return -1;
	}
	*cid = n;
	return 0;
}

/* Linux cuts a longer command line without a message. */
static int parse_params(const char *text, const char **params)
{
	if (strlen(text) >= 2048) {
		gz_error("--params: longer than the 2047 characters that Linux takes");
		return -1;
	}
	*params = text;
	return 0;
}

/* Removes the word from the end of the text, if it is there */
static bool take_word(char *text, const char *word)
{
	size_t len = strlen(text), n = strlen(word);

	if (len <= n || strcmp(text + len - n, word))
		return false;
	text[len - n] = '\0';
	return true;
}

/* Modifies the text, which is in argv and may be written. */
static int parse_disk(char *text, struct gz_machine_config *cfg)
{
	struct gz_disk_config *disk = &cfg->disks[cfg->nr_disks];
	bool ro, direct;

	if (cfg->nr_disks == GZ_MAX_DISKS) {
		gz_error("--disk: at most %d", GZ_MAX_DISKS);
		return -1;
	}
	/* In any order */
	ro = take_word(text, ",ro");
	direct = take_word(text, ",direct");
	ro |= take_word(text, ",ro");
	disk->flags = (ro ? O_RDONLY : O_RDWR) | (direct ? O_DIRECT : 0);
	if (!*text) {
		gz_error("--disk: which file?");
		return -1;
	}
	disk->path = text;
	cfg->nr_disks++;
	return 0;
}

/* Six bytes in hexadecimal digits; not of a group, and not all zeros */
static int parse_mac(const char *text, uint8_t *mac)
{
	static const uint8_t none[ETH_ALEN];
	int end = 0, n;

	n = sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0],
		   &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &end);
	if (n == ETH_ALEN && !text[end] && !(mac[0] & 1) &&
	    memcmp(mac, none, ETH_ALEN))
		return 0;
	gz_error("--net mac=%s: must be like 02:00:00:00:00:01", text);
	return -1;
}

static int parse_vhost(const char *text, enum gz_vhost_mode *vhost)
{
	*vhost = strcmp(text, "on") ? GZ_VHOST_OFF : GZ_VHOST_ON;
	if (*vhost == GZ_VHOST_ON || !strcmp(text, "off"))
		return 0;
	gz_error("--net vhost=%s: must be on or off", text);
	return -1;
}

/* Removes the words at the end, from the last one on: a path may have commas, too */
static int parse_net_words(char *text, struct gz_net_config *net)
{
	char *word;
	int ret = 0;

	while (!ret && (word = strrchr(text, ','))) {
		if (!strncmp(word, ",mac=", 5))
			ret = parse_mac(word + 5, net->mac);
		else if (!strncmp(word, ",vhost=", 7))
			ret = parse_vhost(word + 7, &net->vhost);
		else
			break;
		*word = '\0';
	}
	return ret;
}

/* Modifies the text, which is in argv and may be written. */
static int parse_net(char *text, struct gz_machine_config *cfg)
{
	struct gz_net_config *net = &cfg->nets[cfg->nr_nets];

	if (cfg->nr_nets == GZ_MAX_NETS) {
		gz_error("--net: at most %d", GZ_MAX_NETS);
		return -1;
	}
	if (parse_net_words(text, net))
		return -1;
	if (!strncmp(text, "tap=", 4)) {
		net->tap = text + 4;
	} else if (!strncmp(text, "hub=", 4)) {
		net->hub_path = text + 4;
	} else if (strcmp(text, "loop")) {
		gz_error("--net %s: must be loop, hub=DIR or tap=NAME", text);
		return -1;
	}
	if (net->vhost && !net->tap) {
		gz_error("--net vhost=: only with tap=NAME");
		return -1;
	}
	cfg->nr_nets++;
	return 0;
}

/* A console besides the one of standard input */
static int add_console(const char *file, const char *path,
		       struct gz_machine_config *cfg)
{
	if (cfg->nr_consoles == GZ_MAX_CONSOLES) {
		gz_error("--console: at most %d with a file or a socket",
			 GZ_MAX_CONSOLES);
		return -1;
	}
	cfg->consoles[cfg->nr_consoles++] = (struct gz_console_config){
		.file = file,
		.socket = path,
		.fd = -1,
	};
	return 0;
}

static int parse_console(const char *text, struct gz_machine_config *cfg)
{
	if (!strncmp(text, "file=", 5))
		return add_console(text + 5, NULL, cfg);
	if (!strncmp(text, "socket=", 7))
		return add_console(NULL, text + 7, cfg);
	cfg->virtio_console = !strcmp(text, "virtio");
	if (cfg->virtio_console || !strcmp(text, "serial"))
		return 0;
	gz_error("--console %s: must be serial or virtio, file=FILE or socket=PATH",
		 text);
	return -1;
}

static int parse_hugepages(const char *text, struct gz_machine_config *cfg)
{
	cfg->hugepages = GZ_HUGEPAGES_TRANSPARENT;
	if (!text)
		return 0;
	cfg->hugepages = GZ_HUGEPAGES_NO;
	if (!strcmp(text, "no"))
		return 0;
	cfg->hugepages = GZ_HUGEPAGES_HUGETLB;
	if (!strcmp(text, "hugetlb"))
		return 0;
	gz_error("--hugepages=%s: must be no or hugetlb, or nothing", text);
	return -1;
}

static int parse_pvmfw(const char *text, struct gz_machine_config *cfg)
{
	cfg->pvmfw = strcmp(text, "hyp") ? GZ_PVMFW_FILE : GZ_PVMFW_HYP;
	cfg->pvmfw_path = text;
	return 0;
}

static int parse_on_reset(const char *text, struct options *opts)
{
	opts->restart = !strcmp(text, "restart");
	if (opts->restart || !strcmp(text, "exit"))
		return 0;
	gz_error("--on-reset %s: must be exit or restart", text);
	return -1;
}

static int parse_sandbox(const char *text, struct options *opts)
{
	opts->sandbox = strcmp(text, "on") ? SANDBOX_OFF : SANDBOX_ON;
	if (opts->sandbox == SANDBOX_ON || !strcmp(text, "off"))
		return 0;
	gz_error("--sandbox %s: must be on or off", text);
	return -1;
}

static int parse_one(struct options *opts, int opt)
{
	switch (opt) {
	case 'k':
		opts->cfg.kernel = optarg;
		return 0;
	case 'i':
		opts->cfg.initrd = optarg;
		return 0;
	case 'm':
		return parse_size("mem", optarg, &opts->cfg.mem_size);
	case 'c':
		return parse_cpus(optarg, &opts->cfg.nr_vcpus);
	case 'p':
		return parse_params(optarg, &opts->cfg.params);
	case 'd':
		return parse_disk(optarg, &opts->cfg);
	case 'n':
		return parse_net(optarg, &opts->cfg);
	case OPT_CONSOLE:
		return parse_console(optarg, &opts->cfg);
	case OPT_HUGEPAGES:
		return parse_hugepages(optarg, &opts->cfg);
	case OPT_PROTECTED:
		opts->cfg.protect = true;
		return 0;
	case OPT_PVMFW:
		return parse_pvmfw(optarg, &opts->cfg);
	case OPT_SWIOTLB:
		return parse_size("swiotlb", optarg, &opts->cfg.swiotlb_size);
	case OPT_RNG:
		opts->cfg.rng = true;
		return 0;
	case OPT_VSOCK:
		return parse_cid(optarg, &opts->cfg.vsock_cid);
	case OPT_ON_RESET:
		return parse_on_reset(optarg, opts);
	case OPT_CONTROL:
		opts->control = optarg;
		return 0;
	case OPT_SANDBOX:
		return parse_sandbox(optarg, opts);
	case OPT_DUMP_DTB:
		opts->dump_dtb = optarg;
		return 0;
	case OPT_GDB:
		opts->gdb = optarg;
		return 0;
	case 'v':
		gz_verbose = true;
		return 0;
	}
	return -1;
}

/* The default initrd is for the default kernel only. */
static void set_defaults(struct options *opts)
{
	if (!opts->cfg.params)
		opts->cfg.params = opts->cfg.virtio_console ? VIRTIO_PARAMS :
							      DEFAULT_PARAMS;
	if (opts->cfg.protect && !opts->cfg.swiotlb_size)
		opts->cfg.swiotlb_size = DEFAULT_SWIOTLB;
	if (opts->cfg.kernel)
		return;
	opts->cfg.kernel = DEFAULT_KERNEL;
	if (!opts->cfg.initrd)
		opts->cfg.initrd = DEFAULT_INITRD;
}

/* Options that depend on each other */
static int check(const struct gz_machine_config *cfg)
{
	if (cfg->swiotlb_size >= cfg->mem_size) {
		gz_error("--swiotlb takes all of --mem: make it smaller, or --mem larger");
		return -1;
	}
	if (cfg->pvmfw && !cfg->protect) {
		gz_error("--pvmfw is only for VMs that are --protected");
		return -1;
	}
	if (cfg->hugepages == GZ_HUGEPAGES_HUGETLB && cfg->mem_size % HUGE_SIZE) {
		gz_error("--hugepages=hugetlb: --mem must be whole huge pages of 2 MiB each");
		return -1;
	}
	return 0;
}

static enum options_result bad(void)
{
	fputs("Try gzrun --help.\n", stderr);
	return OPTIONS_BAD;
}

/**
 * options_parse() - read the command line
 * @opts: filled in; points into @argv
 * @argc: from main()
 * @argv: from main()
 *
 * Return: what to do next.
 */
enum options_result options_parse(struct options *opts, int argc, char **argv)
{
	int opt;

	memset(opts, 0, sizeof(*opts));
	opts->cfg.mem_size = DEFAULT_MEM;
	opts->cfg.nr_vcpus = 1;
	opts->cfg.out_fd = STDOUT_FILENO;

	for (;;) {
		opt = getopt_long(argc, argv, "k:i:m:c:p:d:n:vh", long_options,
				  NULL);
		if (opt < 0)
			break;
		if (opt == 'h') {
			fputs(help, stdout);
			return OPTIONS_HELP;
		}
		/* getopt_long() prints a message for an unknown option */
		if (parse_one(opts, opt))
			return bad();
	}
	if (optind < argc) {
		gz_error("unexpected argument: %s", argv[optind]);
		return bad();
	}
	set_defaults(opts);
	return check(&opts->cfg) ? bad() : OPTIONS_RUN;
}
