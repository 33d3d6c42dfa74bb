#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: packages.sh run|kernel|test|coverage
#
# Installs the Debian packages that are missing: "run" needs those to build the
# programs and to start a kernel of Debian, "kernel" also those to build a kernel,
# "test" also those with checkers, and "coverage" also the one for its report. If all
# are installed, does nothing and needs no special rights.

set -eu
. "$(dirname "$0")/lib.sh"

RUN="make gcc libc6-dev xz-utils python3 ca-certificates openssl e2fsprogs
     gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-system-arm
     linux-source-6.12"
KERNEL="$RUN bzip2 perl flex bison bc cpio libssl-dev libelf-dev device-tree-compiler"
TEST="$KERNEL g++ rsync sparse clang-19 libclang-rt-19-dev lld-19 llvm-19
      linux-source-6.1 python3-sphinx python3-sphinx-rtd-theme patchelf"

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
kernel) list=$KERNEL ;;
test) list=$TEST ;;
coverage) list="$TEST gcovr" ;;
*) die "usage: packages.sh run|kernel|test|coverage" ;;
esac

command -v dpkg-query >/dev/null ||
	die "this is not Debian; install packages like these:" $list
need=$(missing "$list" | tr '\n' ' ')
[ -n "$need" ] || exit 0

[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
	die "neither root nor sudo; have an administrator install: $need"

echo "Installing packages: $need"
export DEBIAN_FRONTEND=noninteractive
opts=(-y -q -o=Dpkg::Use-Pty=0 --no-install-recommends)
log=$LOGS/packages.log
quietly "$log" as_root apt-get -q update
# Prints the size of the download first; --assume-no makes apt-get fail
LC_ALL=C apt-get "${opts[@]}" --assume-no install $need 2>/dev/null |
	grep -E '^(Need to get|After this)' || :
quietly "$log" as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get "${opts[@]}" install $need
