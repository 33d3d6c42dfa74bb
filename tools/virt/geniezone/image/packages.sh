#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: packages.sh run|test|coverage
#
# Installs the Debian packages that are missing: for "run" what it takes to
# build everything and start it, for "test" the checkers as well, for "coverage"
# what makes its report. Does nothing, and asks for no rights, when all of them
# are there.

set -eu
. "$(dirname "$0")/lib.sh"

RUN="make gcc libc6-dev xz-utils bzip2 perl python3 flex bison bc cpio
     libssl-dev libelf-dev device-tree-compiler ca-certificates e2fsprogs
     gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-system-arm
     linux-source-6.12"
TEST="$RUN g++ sparse clang-19 lld-19 llvm-19 linux-source-6.1
      python3-sphinx python3-sphinx-rtd-theme"

missing()
{
	local package

	for package in $1; do
		dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null |
			grep -qx installed || echo "$package"
	done
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

case ${1:-} in
run) list=$RUN ;;
test) list=$TEST ;;
coverage) list="$TEST gcovr" ;;
*) die "usage: packages.sh run|test|coverage" ;;
esac

command -v dpkg-query >/dev/null ||
	die "this is not Debian; install the like of:" $list
need=$(missing "$list" | tr '\n' ' ')
[ -n "$need" ] || exit 0

[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
	die "neither root nor sudo; have an administrator install: $need"

echo "Installing packages: $need"
export DEBIAN_FRONTEND=noninteractive
opts=(-y -q -o=Dpkg::Use-Pty=0 --no-install-recommends)
log=$LOGS/packages.log
quietly "$log" as_root apt-get -q update
# Says how much it is before it begins; refuses on purpose, hence the status
LC_ALL=C apt-get "${opts[@]}" --assume-no install $need 2>/dev/null |
	grep -E '^(Need to get|After this)' || :
quietly "$log" as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get "${opts[@]}" install $need
