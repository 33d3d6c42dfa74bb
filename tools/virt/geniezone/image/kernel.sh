#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: kernel.sh prepare|build SRC OUT FRAGMENT...
#        kernel.sh dir SRC OUT DIRECTORY/ [VARIABLE=VALUE...]
#
# Configures the kernel SRC in OUT from allnoconfig and the fragments and makes,
# with "build", the Image and the modules that the configuration asks for, with
# "prepare" only what it takes to compile single files or external modules.
# "dir" then compiles one directory. SRC is only read.

set -eu
. "$(dirname "$0")/lib.sh"

what=$1 src=$2 out=$3
shift 3

mkdir -p "$out"
args=(-s -C "$src" "O=$out")

# Only what changes the configuration may touch it: all objects depend on it.
configure()
{
	cat "$@" >"$out/fragments.new"
	if ! cmp -s "$out/fragments.new" "$out/fragments" ||
	   [ ! -f "$out/.config" ]; then
		kmake "${args[@]}" KCONFIG_ALLCONFIG="$out/fragments.new" \
			allnoconfig
		report_dropped
		mv "$out/fragments.new" "$out/fragments"
	fi
	rm -f "$out/fragments.new"
}

# What was asked for and is not there: the kernel has no such option, or one
# that it depends on is missing. The last of several lines counts.
report_dropped()
{
	tac "$out/fragments.new" | grep -E '^CONFIG_\w+=[ymn]$' |
	sort -t= -k1,1 -u -s | grep -v '=n$' | while read -r line; do
		grep -qx "$line" "$out/.config" || echo "$line"
	done >"$out/dropped"
	if [ -s "$out/dropped" ]; then
		echo "not taken: $(tr '\n' ' ' <"$out/dropped")" >&2
	fi
}

case $what in
prepare)
	configure "$@"
	kmake "${args[@]}" -j"$JOBS" modules_prepare
	;;
build)
	configure "$@"
	kmake "${args[@]}" -j"$JOBS" Image modules
	;;
dir)
	kmake "${args[@]}" -j"$JOBS" "$@"
	;;
*)
	die "unknown: $what"
	;;
esac
