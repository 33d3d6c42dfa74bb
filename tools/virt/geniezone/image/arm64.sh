#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: arm64.sh DIR [PACKAGE...]
#
# Fetches arm64 packages into DIR/root: busybox and libraries, or the given packages
# and all that they depend on. apt keeps its state in DIR, so the system's apt gets no
# foreign architecture.

set -eu
. "$(dirname "$0")/lib.sh"

dir=$1
shift
own="busybox-static libfdt1 libfdt-dev zlib1g-dev libsodium-dev libseccomp-dev"

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/deb"
dir=$(cd "$dir" && pwd)
log=$LOGS/$(basename "$dir")
opts=(-q
      -oAPT::Architecture=arm64 -oAPT::Architectures=arm64
      -oDir::State::Lists="$dir/lists" -oDir::State::status=/dev/null
      -oDir::Cache="$dir/cache" -oDebug::NoLocking=1
      -oAPT::Sandbox::User=root)

echo "Fetching for arm64: ${*:-$own}"
quietly "$log.log" apt-get "${opts[@]}" update
cd "$dir/deb"
if [ $# -eq 0 ]; then
	quietly "$log-download.log" apt-get "${opts[@]}" download $own
else
	quietly "$log-download.log" apt-get "${opts[@]}" install -y \
		--no-install-recommends --download-only "$@"
	mv "$dir"/cache/archives/*.deb .
fi
rm -rf "$dir/root"
for deb in *.deb; do
	dpkg -x "$deb" "$dir/root"
done
rm -rf "$dir/lists" "$dir/cache"
[ $# -gt 0 ] || [ -x "$dir/root/bin/busybox" ] || die "no busybox in its package"
