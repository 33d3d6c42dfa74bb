#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: unpack.sh VERSION DIR
#
# Unpacks Debian's linux-source-VERSION to DIR, which appears only when it is
# whole: one that is there already stays as it is.

set -eu
. "$(dirname "$0")/lib.sh"

version=$1 dir=$2
tarball=/usr/src/linux-source-$version.tar.xz

[ ! -f "$dir/Makefile" ] || exit 0
[ -f "$tarball" ] || die "$tarball is missing (package linux-source-$version)"
rm -rf "$dir" "$dir.part"
mkdir -p "$dir.part"
tar -C "$dir.part" --strip-components=1 -xf "$tarball"
mv "$dir.part" "$dir"
