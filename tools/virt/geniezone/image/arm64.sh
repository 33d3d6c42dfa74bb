#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: arm64.sh DIR
#
# Fetches arm64 packages, busybox and libraries, into DIR/root. apt
# keeps its state in DIR, so the system's apt gets no foreign architecture.

set -eu
. "$(dirname "$0")/lib.sh"

dir=$1
packages="busybox-static libfdt1 libfdt-dev zlib1g-dev libsodium-dev libseccomp-dev"

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/deb"
dir=$(cd "$dir" && pwd)
opts=(-q
      -oAPT::Architecture=arm64 -oAPT::Architectures=arm64
      -oDir::State::Lists="$dir/lists" -oDir::State::status=/dev/null
      -oDir::Cache="$dir/cache" -oDebug::NoLocking=1
      -oAPT::Sandbox::User=root)

echo "Fetching for arm64: $packages"
quietly "$LOGS/arm64.log" apt-get "${opts[@]}" update
cd "$dir/deb"
quietly "$LOGS/arm64-download.log" apt-get "${opts[@]}" download $packages
rm -rf "$dir/root"
for deb in *.deb; do
	dpkg -x "$deb" "$dir/root"
done
rm -rf "$dir/lists" "$dir/cache"
[ -x "$dir/root/bin/busybox" ] || die "no busybox in its package"
