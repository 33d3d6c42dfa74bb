#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: newest-qemu.sh DIR
#
# Fetches the newest QEMU that Debian builds for a release, with all libraries that it
# needs, to DIR, installs nothing, and makes DIR/qemu-system-aarch64, which starts it.

set -eu
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

SUITES="trixie trixie-backports"
PROGRAM=qemu-system-aarch64

[ $# = 1 ] || die "usage: newest-qemu.sh DIR"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ! -x "$dir/$PROGRAM" ] || exit 0

export LC_ALL=C
echo "Fetching QEMU of Debian's ${SUITES##* } ..."
apt_begin "$dir" $SUITES
quietly "$LOGS/qemu-download.log" apt-get "${apt_opts[@]}" install --download-only \
	--no-install-recommends qemu-system-arm
apt_unpack "$dir" "$dir"/cache/archives/*.deb
make_starter "$dir" $PROGRAM -L "$dir/root/usr/share/qemu"
