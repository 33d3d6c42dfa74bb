// SPDX-License-Identifier: GPL-2.0
/* gzrun - runs a Linux guest on the GenieZone hypervisor. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "console.h"
#include "control.h"
#include "gdb/server.h"
#include "gdb/target.h"
#include "helper.h"
#include "log.h"
#include "machine/machine.h"
#include "machine/pool.h"
#include "options.h"
#include "sandbox.h"
#include "socket.h"
#include "term.h"
#include "virtio/console.h"
#include "virtio/net_hub.h"

/* Exit status; --help in options.c and gzrun.rst list them for the user */
enum {
	STATUS_POWEROFF = 0,
	STATUS_CANNOT_START = 1,
	STATUS_USAGE = 2,
	STATUS_RESET = 3,
	STATUS_CRASH = 4,
	STATUS_INTERNAL = 5,
	STATUS_EXCEPTION = 6,
	STATUS_UNKNOWN = 7,
	STATUS_RUN_FAILED = 8,
	STATUS_USER = 9,
	STATUS_LOST = 10,
	STATUS_REFUSED = 11,
	STATUS_SANDBOX = 12,
	STATUS_UNFIT = 13,
	STATUS_SIGNAL = 128,
};

/* The exit status and the message for each end of a machine */
static const struct {
	int status;
	const char *text;
} ends[] = {
	[GZ_END_NONE]		= { STATUS_USER, NULL },
	[GZ_END_POWEROFF]	= { STATUS_POWEROFF, NULL },
	[GZ_END_RESET]		= { STATUS_RESET, "the guest requested a reset" },
	[GZ_END_CRASH]		= { STATUS_CRASH, "the guest crashed" },
	[GZ_END_REFUSED]	= { STATUS_REFUSED,
				    "the firmware refused to start the kernel" },
	[GZ_END_UNFIT]		= { STATUS_UNFIT,
				    "the guest cannot use its devices, VM stopped" },
	[GZ_END_INTERNAL]	= { STATUS_INTERNAL, "internal error, VM stopped" },
	[GZ_END_EXCEPTION]	= { STATUS_EXCEPTION, "guest exception, VM stopped" },
	[GZ_END_UNKNOWN]	= { STATUS_UNKNOWN, "unknown exit, VM stopped" },
	[GZ_END_ERROR]		= { STATUS_RUN_FAILED, NULL },
	[GZ_END_USER]		= { STATUS_USER, NULL },
};

/**
 * struct session - state of the main thread
 * @machine: the machine
 * @console: standard input
 * @room_fd: eventfd, signalled when the guest can take more input
 * @signal_fd: signals from the user
 * @signal: the signal that ended the VM, or 0
 * @asked: SIGINT has arrived, and the guest was asked to power down
 * @control: the control socket; its listen_fd is -1 if there is none
 * @gdb: where a debugger can connect; its listen_fd is -1 if there is none
 * @gdb_target: the machine, as the debugger sees it
 */
struct session {
	struct gz_machine machine;
	struct console console;
	int room_fd;
	int signal_fd;
	int signal;
	bool asked;
	struct control control;
	struct gdb_server gdb;
	struct gz_gdb_target gdb_target;
};

/* Call this before any thread starts, so that all threads inherit the mask. */
static int take_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_signal(struct session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCONT) {
		term_raw();
		return;
	}
	if (info.ssi_signo == SIGINT && !s->asked) {
		s->asked = true;
		gz_gpio_press_power(&s->machine.gpio);
		gz_error("asked the guest to power down; another SIGINT ends it at once");
		return;
	}
	s->signal = info.ssi_signo;
	gz_machine_end(&s->machine, GZ_END_USER);
}

static size_t to_serial(void *arg, const uint8_t *data, size_t len)
{
	return gz_serial_receive(arg, data, len);
}

static size_t to_virtio(void *arg, const uint8_t *data, size_t len)
{
	return gz_virtio_console_receive(arg, data, len);
}

/* Standard input goes to the console that the user has chosen. */
static void open_console(struct session *s)
{
	struct gz_machine *m = &s->machine;

	if (m->console) {
		console_init(&s->console, to_virtio, m->console,
			     term_is_tty());
		s->room_fd = gz_virtio_console_room_fd(m->console);
	} else {
		console_init(&s->console, to_serial, &m->serial,
			     term_is_tty());
		s->room_fd = m->serial.room_fd;
	}
}

static void on_room(struct session *s)
{
	eventfd_t count;

	eventfd_read(s->room_fd, &count);
	console_flush(&s->console);
}

static void on_input(struct session *s)
{
	if (console_input(&s->console))
		gz_machine_end(&s->machine, GZ_END_USER);
}

/* Serve the user until the machine ends */
static void loop(struct session *s)
{
	enum { END, SIGNAL, ROOM, ALARM, INPUT, NR };
	struct pollfd fds[NR] = {
		[END]    = { .fd = s->machine.end_fd, .events = POLLIN },
		[SIGNAL] = { .fd = s->signal_fd, .events = POLLIN },
		[ROOM]   = { .fd = s->room_fd, .events = POLLIN },
		[ALARM]  = { .fd = s->machine.rtc.alarm_fd, .events = POLLIN },
		[INPUT]  = { .events = POLLIN },
	};

	for (;;) {
		/* poll() ignores negative file descriptors */
		fds[INPUT].fd = console_wants_input(&s->console) ?
				STDIN_FILENO : -1;
		if (poll(fds, NR, -1) < 0)
			continue;
		if (fds[END].revents)
			break;
		if (fds[SIGNAL].revents)
			on_signal(s);
		if (fds[ROOM].revents)
			on_room(s);
		if (fds[ALARM].revents)
			gz_rtc_alarm(&s->machine.rtc);
		if (fds[INPUT].revents)
			on_input(s);
	}
}

static int report(const struct session *s, enum gz_end end)
{
	if (ends[end].text)
		gz_error("%s", ends[end].text);
	if (end == GZ_END_USER && s->signal)
		return STATUS_SIGNAL + s->signal;
	if (end == GZ_END_POWEROFF && gz_was_lost()) {
		gz_error("the guest powered off, but some of its data was lost");
		return STATUS_LOST;
	}
	return ends[end].status;
}

static int dump_dtb(const struct gz_machine *m, const char *path)
{
	const void *dtb = gz_memory_at(&m->mem, m->image.fdt, m->fdt_size);
	FILE *f = fopen(path, "wb");
	bool ok;

	ok = f && fwrite(dtb, m->fdt_size, 1, f) == 1;
	if (f && fclose(f))
		ok = false;
	if (!ok)
		gz_error("cannot write %s: %s", path, strerror(errno));
	return ok ? 0 : STATUS_CANNOT_START;
}

static void end_by_debugger(void *arg)
{
	gz_machine_end(arg, GZ_END_USER);
}

/*
 * The debugger gets no private memory of the guest: this process cannot access
 * it.
 */
static int start_gdb(struct session *s)
{
	struct gz_machine *m = &s->machine;
	int ret;

	if (s->gdb.listen_fd < 0)
		return 0;
	gz_gdb_target_init(&s->gdb_target, m->vcpus, m->nr_vcpus, &m->pause,
			   m->cfg.protect ? NULL : &m->backing);
	s->gdb_target.kill = end_by_debugger;
	s->gdb_target.kill_arg = m;
	ret = gdb_server_start(&s->gdb, &s->gdb_target.ops);
	if (ret)
		gz_error("cannot serve a debugger: %s", strerror(-ret));
	return ret;
}

static void stop_vcpus(void *arg)
{
	struct gz_machine *m = arg;

	gz_pause_all(&m->pause, GZ_PAUSE_USER, m->vcpus, m->nr_vcpus);
}

static void resume_vcpus(void *arg)
{
	struct gz_machine *m = arg;

	gz_pause_resume(&m->pause, GZ_PAUSE_USER);
}

static void press_power(void *arg)
{
	struct gz_machine *m = arg;

	gz_gpio_press_power(&m->gpio);
}

static void get_status(void *arg, struct control_status *status)
{
	struct gz_machine *m = arg;
	unsigned int holders = gz_pause_holders(&m->pause);

	*status = (struct control_status){
		.paused = holders,
		.debugger = holders & GZ_PAUSE_DEBUGGER,
		.vcpus = m->nr_vcpus,
		.memory = m->cfg.mem_size,
		.protect = m->cfg.protect,
	};
}

static int start_control(struct session *s)
{
	struct control_target target = {
		.arg = &s->machine,
		.stop = stop_vcpus,
		.resume = resume_vcpus,
		.power = press_power,
		.status = get_status,
	};
	int ret = control_start(&s->control, &target);

	if (ret)
		gz_error("cannot serve the control socket: %s", strerror(-ret));
	return ret;
}

static bool has_vhost_net(const struct gz_machine_config *cfg)
{
	unsigned int i;

	for (i = 0; i < cfg->nr_nets; i++)
		if (cfg->nets[i].vhost_fd >= 0)
			return true;
	return false;
}

/* Further lives of the guest are in the same sandbox. */
static int enter_sandbox(const struct options *opts)
{
	static bool inside;
	struct gz_sandbox sandbox = {
		.restart = opts->restart,
		.vsock = opts->cfg.vsock_cid,
		.vhost_net = has_vhost_net(&opts->cfg),
		.leave = term_restore,
		.status = STATUS_SANDBOX,
	};
	int ret;

	if (opts->sandbox == SANDBOX_OFF || inside)
		return 0;
	if (!gz_sandbox_possible()) {
		gz_error("no sandbox: the host's kernel lacks CONFIG_SECCOMP_FILTER");
		return opts->sandbox == SANDBOX_ON ? -EOPNOTSUPP : 0;
	}
	ret = gz_sandbox_enter(&sandbox);
	if (ret) {
		gz_error("cannot enter the sandbox: %s", strerror(-ret));
		return ret;
	}
	inside = true;
	helper_use();
	return 0;
}

static int run(struct session *s, const struct options *opts)
{
	enum gz_end end;
	int ret;

	if (gz_machine_create(&s->machine))
		return STATUS_CANNOT_START;
	open_console(s);
	s->asked = false;
	ret = term_raw();
	if (ret)
		gz_error("cannot set up the terminal: %s", strerror(-ret));
	if (s->machine.dma.bounce)
		gz_pool_watch(&s->machine.dma, term_restore, STATUS_UNFIT);
	/* The next step runs the guest */
	if (enter_sandbox(opts))
		return STATUS_CANNOT_START;
	if (gz_machine_start(&s->machine) || start_gdb(s) || start_control(s)) {
		gz_pause_end(&s->machine.pause);
		gdb_server_stop(&s->gdb, STATUS_CANNOT_START);
		gz_machine_stop(&s->machine);
		return STATUS_CANNOT_START;
	}
	loop(s);
	gz_pause_end(&s->machine.pause);
	control_stop(&s->control);
	gdb_server_stop(&s->gdb, ends[s->machine.end].status);
	end = gz_machine_stop(&s->machine);
	term_restore();
	return report(s, end);
}

/* One boot of the guest: make a machine, run it, free it */
static int live(struct session *s, const struct options *opts)
{
	int status;

	if (gz_machine_init(&s->machine, &opts->cfg))
		status = STATUS_CANNOT_START;
	else if (opts->dump_dtb)
		status = dump_dtb(&s->machine, opts->dump_dtb);
	else
		status = run(s, opts);
	gz_machine_destroy(&s->machine);
	return status;
}

/* The socket stays open when the guest is reset */
static int open_gdb(struct session *s, const char *where)
{
	int ret;

	s->gdb.listen_fd = -1;
	s->gdb.stop_fd = -1;
	if (!where)
		return 0;
	ret = gdb_server_listen(&s->gdb, where);
	if (!ret)
		return 0;
	gz_error("cannot listen for a debugger at %s: %s", where, strerror(-ret));
	return ret;
}

static int open_control(struct session *s, const char *path)
{
	int ret = control_open(&s->control, path);

	if (!ret)
		return 0;
	gz_error("--control %s: %s", path, strerror(-ret));
	return ret;
}

/* Like the tap interfaces, the addresses stay when the guest is reset. */
static int choose_macs(struct gz_machine_config *cfg)
{
	static const uint8_t none[ETH_ALEN];
	unsigned int i;

	for (i = 0; i < cfg->nr_nets; i++) {
		int ret = 0;

		if (!memcmp(cfg->nets[i].mac, none, ETH_ALEN))
			ret = gz_net_choose_mac(cfg->nets[i].mac);
		if (ret) {
			gz_error("--net: no random numbers: %s", strerror(-ret));
			return ret;
		}
	}
	return 0;
}

static int open_tap(struct gz_net_config *net)
{
	net->tap_fd = -1;
	net->vhost_fd = -1;
	if (!net->tap)
		return 0;
	net->tap_fd = gz_net_open_tap(net->tap);
	if (net->tap_fd < 0)
		return -1;
	if (net->vhost == GZ_VHOST_OFF)
		return 0;
	net->vhost_fd = gz_vhost_net_open();
	if (net->vhost_fd >= 0)
		return 0;
	if (net->vhost == GZ_VHOST_ON) {
		gz_error("--net tap=%s,vhost=on: " GZ_VHOST_NET ": %s", net->tap,
			 strerror(-net->vhost_fd));
		return -1;
	}
	gz_info("--net tap=%s: no " GZ_VHOST_NET ": %s", net->tap,
		strerror(-net->vhost_fd));
	return 0;
}

/*
 * These stay open when the guest is reset. When the last descriptor of an
 * interface that was created here is closed, the interface vanishes with the
 * addresses that the host has given it.
 */
static int open_nets(struct gz_machine_config *cfg)
{
	static struct gz_hub hubs[GZ_MAX_NETS];
	unsigned int i;
	int ret;

	for (i = 0; i < cfg->nr_nets; i++) {
		struct gz_net_config *net = &cfg->nets[i];

		if (open_tap(net))
			return -1;
		if (!net->hub_path)
			continue;
		net->hub = &hubs[i];
		ret = gz_hub_open(net->hub, net->hub_path, net->mac);
		if (ret) {
			gz_error("--net hub=%s: %s", net->hub_path, strerror(-ret));
			/* The name there is another one's */
			net->hub = NULL;
			return -1;
		}
	}
	return 0;
}

static int open_further(const struct gz_console_config *con)
{
	int fd;

	if (con->socket)
		return gz_socket_listen(con->socket, 1);
	fd = open(con->file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : fd;
}

/* These stay open when the guest is reset, too. */
static int open_consoles(struct gz_machine_config *cfg)
{
	unsigned int i;

	for (i = 0; i < cfg->nr_consoles; i++) {
		struct gz_console_config *con = &cfg->consoles[i];

		con->fd = open_further(con);
		if (con->fd >= 0)
			continue;
		gz_error("--console %s: %s", con->file ? con->file : con->socket,
			 strerror(-con->fd));
		return -1;
	}
	return 0;
}

static unsigned int list_sockets(const struct session *s,
				 const struct gz_machine_config *cfg,
				 const char **list)
{
	unsigned int i, n = 0;

	for (i = 0; i < cfg->nr_nets; i++)
		if (cfg->nets[i].hub)
			list[n++] = cfg->nets[i].hub->self.sun_path;
	for (i = 0; i < cfg->nr_consoles; i++)
		if (cfg->consoles[i].socket && cfg->consoles[i].fd >= 0)
			list[n++] = cfg->consoles[i].socket;
	if (s->control.path)
		list[n++] = s->control.path;
	if (s->gdb.path)
		list[n++] = s->gdb.path;
	return n;
}

/* The helper opens the files of the next lives, sends frames, and removes the sockets. */
static int start_helper(const struct session *s, const struct options *opts)
{
	const struct gz_machine_config *cfg = &opts->cfg;
	struct helper_files files = {
		.open = {
			{ GZ_DEV_PATH, O_RDWR },
			{ GZ_VHOST_VSOCK, O_RDWR },
			{ cfg->kernel, O_RDONLY },
		},
		.nr_open = 3,
	};
	unsigned int i;
	int ret;

	if (cfg->initrd)
		files.open[files.nr_open++] =
			(struct helper_file){ cfg->initrd, O_RDONLY };
	if (cfg->pvmfw == GZ_PVMFW_FILE)
		files.open[files.nr_open++] =
			(struct helper_file){ cfg->pvmfw_path, O_RDONLY };
	for (i = 0; i < cfg->nr_disks; i++)
		files.open[files.nr_open++] = (struct helper_file){
			cfg->disks[i].path, cfg->disks[i].flags,
		};
	for (i = 0; i < cfg->nr_nets; i++)
		if (cfg->nets[i].hub)
			files.hubs[files.nr_hubs++] = cfg->nets[i].hub;
	files.nr_remove = list_sockets(s, cfg, files.remove);
	if (!opts->restart && !files.nr_remove)
		return 0;
	ret = helper_start(&files);
	if (ret)
		gz_error("cannot start a process: %s", strerror(-ret));
	return ret;
}

static int open_sockets(struct session *s, struct options *opts)
{
	const char *list[HELPER_FILES];
	unsigned int n;

	if (!choose_macs(&opts->cfg) && !open_nets(&opts->cfg) &&
	    !open_consoles(&opts->cfg) &&
	    !open_control(s, opts->control) && !open_gdb(s, opts->gdb) &&
	    !start_helper(s, opts))
		return 0;
	for (n = list_sockets(s, &opts->cfg, list); n; n--)
		unlink(list[n - 1]);
	return -1;
}

int main(int argc, char **argv)
{
	static struct session session;
	struct options opts;
	int status;

	switch (options_parse(&opts, argc, argv)) {
	case OPTIONS_HELP:
		return 0;
	case OPTIONS_BAD:
		return STATUS_USAGE;
	case OPTIONS_RUN:
		break;
	}
	session.signal_fd = take_signals();
	if (session.signal_fd < 0) {
		gz_error("cannot receive signals: %s", strerror(errno));
		return STATUS_CANNOT_START;
	}
	if (open_sockets(&session, &opts))
		return STATUS_CANNOT_START;
	do {
		status = live(&session, &opts);
	} while (status == STATUS_RESET && opts.restart);
	helper_stop();
	return status;
}
