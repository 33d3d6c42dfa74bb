#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: unpack.sh VERSION DIR [PART]
#
# Unpacks Debian's linux-source-VERSION to DIR, unless DIR exists. DIR appears only
# when it is complete. With PART, it contains only this part of the source.

set -eu
. "$(dirname "$0")/lib.sh"

version=$1 dir=$2 part=${3:-}
tarball=/usr/src/linux-source-$version.tar.xz

[ ! -f "$dir/Makefile" ] || exit 0
[ -f "$tarball" ] || die "$tarball is missing (package linux-source-$version)"
rm -rf "$dir" "$dir.part"
mkdir -p "$dir.part"
tar -C "$dir.part" --strip-components=1 -xf "$tarball" \
	${part:+"linux-source-$version/$part"}
mv "$dir.part" "$dir"
