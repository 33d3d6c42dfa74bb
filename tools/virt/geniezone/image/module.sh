#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: module.sh LINUX OUT DIR [VARIABLE=VALUE...]
#
# Builds the driver as an external module against the kernel LINUX built in OUT. The
# build runs in DIR on a copy of the sources and leaves nothing beside them.

set -eu
. "$(dirname "$0")/lib.sh"

top=$(cd "$(dirname "$0")/../../../.." && pwd)
linux=$1 out=$2 dir=$3
shift 3

cd "$top"
find Makefile drivers/virt/geniezone include -type f \
	! -name '*.o' ! -name '*.ko' ! -name '*.cmd' ! -name '*.mod*' |
while read -r file; do
	cmp -s "$file" "$dir/$file" && continue
	mkdir -p "$dir/$(dirname "$file")"
	cp "$file" "$dir/$file"
done
kmake -s -C "$linux" O="$out" M="$dir" -j"$JOBS" "$@" modules
