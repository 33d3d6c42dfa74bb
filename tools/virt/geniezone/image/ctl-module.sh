#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: ctl-module.sh LINUX OUT DIR [NAME]
#
# Builds the module of gzhyp's test controls, or another one that is in
# tools/testing/geniezone/NAME, against the kernel LINUX built in OUT. That happens in DIR on a copy of the sources, so that none of it comes to
# lie among them.

set -eu
. "$(dirname "$0")/lib.sh"

top=$(cd "$(dirname "$0")/../../../.." && pwd)
linux=$1 out=$2 dir=$3 name=${4:-gzhyp_ctl}

mkdir -p "$dir"
for file in "$top"/tools/testing/geniezone/"$name"/{Makefile,*.[ch]}; do
	cmp -s "$file" "$dir/${file##*/}" || cp "$file" "$dir"
done
kmake -s -C "$linux" O="$out" M="$dir" -j"$JOBS" \
	GZHYP_INCLUDE="$top/tools/virt/geniezone/gzhyp/include" modules
