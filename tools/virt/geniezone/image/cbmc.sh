#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: cbmc.sh DIR
#
# Debian 12 has no CBMC, the bounded model checker; Debian 13 has. Fetches it with the
# C library that it needs to DIR, installs nothing, and makes DIR/cbmc, which starts it.

set -eu
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

SUITE=trixie
# Not all that the package depends on: gcc is among it
PACKAGES="cbmc minisat libc6 libgcc-s1 libstdc++6 zlib1g"

[ $# = 1 ] || die "usage: cbmc.sh DIR"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ! -x "$dir/cbmc" ] || exit 0

export LC_ALL=C
echo "Fetching CBMC of Debian's $SUITE ..."
apt_begin "$dir" $SUITE
(cd "$dir/deb" && quietly "$LOGS/cbmc-download.log" \
	apt-get "${apt_opts[@]}" download $PACKAGES)
apt_unpack "$dir" "$dir"/deb/*.deb
make_starter "$dir" cbmc
