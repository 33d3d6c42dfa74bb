#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: debian-kernel.sh DIR VERSION source|headers|image [FLAVOUR]
#
# Fetches one of Debian's kernels for arm64. VERSION is like 6.12, or "release" for
# the newest one of the Debian that this machine has, or "newest" for the newest one
# in any suite. FLAVOUR is like arm64 (the default), arm64-16k or rt-arm64. apt keeps
# its state in DIR, and checks the signatures of what it fetches. In
# DIR/VERSION-FLAVOUR, or in DIR/VERSION for the source, there are afterwards:
#
#   source    the unpacked source
#   headers   common/ and build/: what a module is built against, with programs
#             for this machine
#   image     Image, and modules/ with all modules, compressed as they are
#   release   the name of the package's kernel
#
# Parts that are there are not fetched again.

set -eu
. "$(dirname "$0")/lib.sh"

[ $# -ge 3 ] || die "usage: debian-kernel.sh DIR VERSION source|headers|image [FLAVOUR]"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
version=$2 what=$3 flavour=${4:-arm64}
state=$dir
[ "$version" != release ] || state=$dir/release
mkdir -p "$state"

opts=(-q
      -oAPT::Architecture=amd64 -oAPT::Architectures=amd64,arm64
      -oDir::Etc::sourcelist="$state/sources.list" -oDir::Etc::sourceparts=/dev/null
      -oDir::State::Lists="$state/lists" -oDir::State::status=/dev/null
      -oDir::Cache="$state/cache" -oDebug::NoLocking=1
      -oAPT::Sandbox::User=root -oAcquire::Languages=none
      -oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)

# Debian's suites that this machine knows. Those that have newer kernels are added,
# unless the kernel is to be the release's own.
write_sources()
{
	local key=/usr/share/keyrings/debian-archive-keyring.gpg uri suite

	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)' \
		'Created-By: Packages' | sort -u |
	while read -r uri suite origin component; do
		[ "$origin $component" = "Debian main" ] || continue
		echo "deb [signed-by=$key] $uri $suite main"
		# Debian 12's own archive, not the one of its security updates
		[ "$suite" = bookworm ] && [ "$version" != release ] || continue
		echo "deb [signed-by=$key] $uri trixie-backports main"
		echo "deb [signed-by=$key] $uri sid main"
	done >"$state/sources.list.new"
	grep -q bookworm "$state/sources.list.new" ||
		die "apt-get knows no archive of Debian 12"
	mv "$state/sources.list.new" "$state/sources.list"
}

update()
{
	[ ! -f "$state/updated" ] || return 0
	echo "Fetching Debian's lists of packages ..."
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	write_sources
	quietly "$LOGS/debian-kernel-update.log" apt-get "${opts[@]}" update
	touch "$state/updated"
}

# names PREFIX PATTERN: the names of packages that match, the newest version last
names()
{
	apt-cache "${opts[@]}" pkgnames "$1" | grep -E "^$1$2\$" | sort -V
}

# depends PACKAGE PATTERN: the package that it depends on whose name matches
depends()
{
	apt-cache "${opts[@]}" depends --important "$1" |
		sed -n 's/^ *|\?\(Pre\)\?Depends: <\?\([^:>]*\).*/\2/p' |
		grep -E -m 1 "$2" || :
}

# fetch ROOT PACKAGE...: unpacks the packages there
fetch()
{
	local root=$1 deb size
	shift

	size=$(apt-get "${opts[@]}" download --print-uris "$@" |
		awk '{ sum += $3 } END { printf "%.0f", sum / 1000000 }')
	echo "Fetching $* ($size MB) ..."
	rm -rf "$root.part" "$state/deb"
	mkdir -p "$root.part" "$state/deb"
	(cd "$state/deb" && quietly "$LOGS/debian-kernel-download.log" \
		apt-get "${opts[@]}" download "$@")
	for deb in "$state"/deb/*.deb; do
		dpkg -x "$deb" "$root.part"
	done
	rm -rf "$state/deb"
}

get_source()
{
	local out=$dir/$version package=linux-source-$version

	[ ! -d "$out/source" ] || return 0
	fetch "$out" "$package"
	echo "Unpacking $package ..."
	mkdir -p "$out/source.part"
	tar -C "$out/source.part" --strip-components=1 \
		-xf "$out.part/usr/src/$package.tar.xz"
	rm -rf "$out.part"
	mv "$out/source.part" "$out/source"
}

# The name of the newest kernel of this version and flavour
find_release()
{
	local name start=${version//./[.]}

	[ "$version" != release ] || start='[0-9]+[.][0-9]+'
	name=$(names linux-headers- "$start[.][0-9][^-]*(-[0-9]+)?-$flavour" |
		tail -n 1)
	[ -n "$name" ] || die "Debian has no headers of $version for $flavour"
	release=${name#linux-headers-}
}

# adopt_libc OUT ROOT: the programs below ROOT may be of a newer suite than this
# machine, and need the C library of that suite
adopt_libc()
{
	local out=$1 root=$2 program lib

	find "$root" -type f -perm -1 | while read -r program; do
		ldd "$program" 2>&1 | grep -q 'GLIBC.*not found' || continue
		if [ ! -d "$out/libc" ]; then
			fetch "$out/libc" libc6:amd64
			mv "$out/libc.part" "$out/libc"
		fi
		lib=$(dirname "$(find "$out/libc" -name libc.so.6)")
		patchelf --set-interpreter "$lib/ld-linux-x86-64.so.2" \
			--set-rpath "$lib" "$program"
	done
}

get_headers()
{
	local out=$dir/$version-$flavour package headers common kbuild

	[ ! -d "$out/headers" ] || return 0
	find_release
	package=linux-headers-$release:arm64
	common=$(depends "$package" '^linux-headers-.*-common')
	kbuild=$(depends "$package" '^linux-kbuild-')
	fetch "$out/headers" "$package" "$common" "$kbuild:amd64"
	headers=$out/headers.part
	adopt_libc "$out" "$headers/usr/lib/$kbuild"
	ln -s "usr/src/$common" "$headers/common"
	ln -s "usr/src/linux-headers-$release" "$headers/build"
	echo "$release" >"$out/release"
	mv "$headers" "$out/headers"
}

# The newest kernels are in packages of their own, which this one depends on. Of
# older ones, Debian may have built an image that is not signed yet.
get_image()
{
	local out=$dir/$version-$flavour package binary root

	[ ! -d "$out/image" ] || return 0
	find_release
	package=linux-image-$release:arm64
	binary=$(depends "$package" '^linux-binary-')
	if [ -n "$binary" ]; then
		fetch "$out/image" "$binary:arm64" \
			"$(depends "$package" '^linux-modules-'):arm64"
	else
		apt-cache "${opts[@]}" policy "$package" | grep -q "Candidate: [0-9]" ||
			package=linux-image-$release-unsigned:arm64
		fetch "$out/image" "$package"
	fi
	root=$out/image.part
	cp "$(find "$root" -name 'vmlinuz*' -type f | head -n 1)" "$root/Image"
	ln -s "$(cd "$root" && find . -type d -path "*/modules/$release/kernel")" \
		"$root/modules"
	mv "$root" "$out/image"
}

export LC_ALL=C
update
if [ "$version" = newest ]; then
	version=$(names linux-source- '[0-9.]+' | tail -n 1 | sed 's/linux-source-//')
	[ -n "$version" ] || die "Debian has no source of a kernel"
	echo "$version" >"$dir/newest"
fi
case $what in
source|headers|image) "get_$what" ;;
*) die "source, headers or image, not $what" ;;
esac
