# SPDX-License-Identifier: GPL-2.0
#
# Functions of the host's and the guest's init.

export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=linux

start_system()
{
	/bin/busybox --install -s /bin
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	grep -q " /dev " /proc/mounts || mount -t devtmpfs devtmpfs /dev
	ln -sf /proc/self/fd/1 /dev/stdout
	mkdir -p /dev/pts
	mount -t devpts devpts /dev/pts 2>/dev/null
	mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
	mount -t tmpfs tmpfs /tmp
	ip link set lo up 2>/dev/null
}

# load_modules DIRECTORY: loads modules of a Debian kernel, if there are any. Their names
# begin with numbers for the order.
load_modules()
{
	for module in /lib/modules/$1/*.ko; do
		[ ! -e "$module" ] || insmod "$module"
	done
}

# The type of the file system at /
root_type()
{
	awk '$2 == "/" { print $3 }' /proc/mounts
}

# param NAME: value of NAME=value or NAME="some value" on the command line
param()
{
	sed -n -e "s/.*\\b$1=\"\\([^\"]*\\)\".*/\\1/p" \
	       -e t -e "s/.*\\b$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline
}

# Runs a shell with job control on the console, once
console_shell()
{
	cd /root
	setsid cttyhack sh -l </dev/console >/dev/console 2>&1
}
