# SPDX-License-Identifier: GPL-2.0
#
# What the host's and the guest's init share.

export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=linux

start_system()
{
	/bin/busybox --install -s /bin
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	grep -q " /dev " /proc/mounts || mount -t devtmpfs devtmpfs /dev
	mkdir -p /dev/pts
	mount -t devpts devpts /dev/pts 2>/dev/null
	mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
	mount -t tmpfs tmpfs /tmp
	ip link set lo up 2>/dev/null
}

# param NAME: value of NAME=value or NAME="some value" on the command line
param()
{
	sed -n -e "s/.*\\b$1=\"\\([^\"]*\\)\".*/\\1/p" \
	       -e t -e "s/.*\\b$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline
}

# A shell with job control on the console, started again never
console_shell()
{
	cd /root
	setsid cttyhack sh -l </dev/console >/dev/console 2>&1
}
