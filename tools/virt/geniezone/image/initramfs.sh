#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: initramfs.sh host|guest OUT BUSYBOX [FILE=PATH...]
#
# Makes an initial RAM disk of busybox, an init from this directory and, for
# each further argument, the FILE at PATH. A directory stands for all executables
# in it. Needs no special rights. Equal input gives equal output.

set -eu
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
kind=$1 out=$2 busybox=$3
shift 3
declare -A seen=()

add_dir()
{
	local dir=$1

	[ "$dir" != / ] && [ -z "${seen[$dir]:-}" ] || return 0
	add_dir "$(dirname "$dir")"
	seen[$dir]=1
	echo "dir $dir 755"
}

add_file()
{
	[ -f "$1" ] || die "$1 is missing"
	add_dir "$(dirname "$2")"
	echo "file $2 $1 755"
}

list()
{
	local arg file name

	for name in /dev /proc /sys /tmp /root /bin /sbin /etc; do
		add_dir $name
	done
	echo "nod /dev/console 600 c 5 1"
	add_file "$busybox" /bin/busybox
	echo "slink /bin/sh busybox"
	add_file "$here/$kind-init" /init
	add_file "$here/init-lib.sh" /etc/init-lib.sh
	for arg in "$@"; do
		if [ -d "${arg%%=*}" ]; then
			for file in "${arg%%=*}"/*; do
				[ -f "$file" ] && [ -x "$file" ] || continue
				add_file "$file" "${arg#*=}/${file##*/}"
			done
		else
			add_file "${arg%%=*}" "${arg#*=}"
		fi
	done
}

list "$@" >"$out.list"
"$here/cpio.py" "$out.list" "$out.new"
mv "$out.new" "$out"
