#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: ctl-module.sh LINUX OUT DIR [NAME]
#
# Builds the module of gzhyp's test controls, or another one that is in
# tools/testing/geniezone/NAME, against the kernel LINUX built in OUT. The build
# runs in DIR on a copy of the sources and leaves nothing beside them. VARIABLES in
# the environment are for the kernel's make.

set -eu
. "$(dirname "$0")/lib.sh"

top=$(cd "$(dirname "$0")/../../../.." && pwd)
linux=$1 out=$2 dir=$3
control=$top/tools/virt/geniezone/gzhyp/control
sources=${4:+$top/tools/testing/geniezone/$4}

mkdir -p "$dir"
for file in "${sources:-$control/module}"/{Makefile,*.[ch]}; do
	cmp -s "$file" "$dir/${file##*/}" || cp "$file" "$dir"
done
kmake -s -C "$linux" O="$out" M="$dir" -j"$JOBS" \
	GZHYP_CONTROL="$control" ${VARIABLES:-} modules
