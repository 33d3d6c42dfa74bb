#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: closure.sh ROOT PROGRAM DIR
#
# Copies a program that is in ROOT, and the libraries there that it needs, to DIR/bin
# and DIR/lib.

set -eu
. "$(dirname "$0")/lib.sh"

root=$1 program=$2 dir=$3
dirs="$root/lib/aarch64-linux-gnu $root/usr/lib/aarch64-linux-gnu"

# The libraries that a file names
needed()
{
	"${CROSS_COMPILE}readelf" -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

add_libraries()
{
	local name file

	for name in $(needed "$1"); do
		[ ! -e "$dir/lib/$name" ] || continue
		file=$(find $dirs -maxdepth 1 -name "$name" | head -n 1)
		[ -n "$file" ] || die "$name is missing"
		install -m 755 "$file" "$dir/lib/$name"
		add_libraries "$file"
	done
}

rm -rf "$dir/bin" "$dir/lib"
mkdir -p "$dir/bin" "$dir/lib"
add_libraries "$root/$program"
# At the end: make takes it for a sign that all is there
install -m 755 "$root/$program" "$dir/bin/"
