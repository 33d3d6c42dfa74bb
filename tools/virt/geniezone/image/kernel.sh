#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: kernel.sh prepare|build SRC OUT FRAGMENT...
#        kernel.sh dir SRC OUT DIRECTORY/ [VARIABLE=VALUE...]
#
# "prepare" configures the kernel SRC in OUT from allnoconfig and the fragments, so
# that single files and external modules can be compiled. "build" also builds the
# Image and the modules. "dir" compiles one directory. SRC is only read.

set -eu
. "$(dirname "$0")/lib.sh"

what=$1 src=$2 out=$3
shift 3

mkdir -p "$out"
args=(-C "$src" "O=$out")

# Configures only if an option changes: all objects depend on the configuration.
configure()
{
	grep -hE '^(# )?CONFIG_' "$@" >"$out/fragments.new"
	if ! cmp -s "$out/fragments.new" "$out/fragments" ||
	   [ ! -f "$out/.config" ]; then
		kmake -s "${args[@]}" KCONFIG_ALLCONFIG="$out/fragments.new" \
			allnoconfig
		report_dropped
		mv "$out/fragments.new" "$out/fragments"
	fi
	rm -f "$out/fragments.new"
}

# Lists the wanted options that the configuration lacks: the kernel does not have
# them, or an option that they depend on is off. The last line for an option counts.
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
	kmake -s "${args[@]}" -j"$JOBS" modules_prepare
	;;
build)
	configure "$@"
	kmake "${args[@]}" -j"$JOBS" Image modules
	;;
dir)
	kmake -s "${args[@]}" -j"$JOBS" "$@"
	;;
*)
	die "unknown: $what"
	;;
esac
