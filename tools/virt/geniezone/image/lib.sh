# SPDX-License-Identifier: GPL-2.0
#
# Functions of the scripts here. Source this file, do not run it.

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# All logs are in one directory
BUILD=${BUILD:-$(cd "$(dirname "$0")/../../../.." && pwd)/build}
LOGS=${LOGS:-$BUILD/logs}

CROSS_COMPILE=${CROSS_COMPILE:-aarch64-linux-gnu-}
JOBS=${JOBS:-$(nproc)}

# Runs the kernel's make. Variables on our make's command line must not reach it
# through MAKEFLAGS: they mean something else there. It uses ccache if that is
# installed. Equal sources give equal builds: user, host and date are fixed. With
# LLVM=-19 or similar in the environment, clang compiles.
kmake()
{
	local cc=()

	if [ -z "${LLVM:-}" ] && command -v ccache >/dev/null; then
		cc=("CC=ccache ${CROSS_COMPILE}gcc")
	fi
	env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u MAKELEVEL \
		-u O -u KDIR -u KSRC -u M \
		CCACHE_BASEDIR="$(dirname "$BUILD")" CCACHE_NOHASHDIR=1 \
		make ARCH=arm64 CROSS_COMPILE="$CROSS_COMPILE" \
		LOCALVERSION= KBUILD_BUILD_USER=geniezone \
		KBUILD_BUILD_HOST=build \
		KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' \
		"${cc[@]}" "$@"
}

# quietly LOG COMMAND...: writes the output to LOG and shows its errors on failure
quietly()
{
	log=$1
	shift
	mkdir -p "$(dirname "$log")"
	status=0
	"$@" >"$log" 2>&1 </dev/null || status=$?
	[ "$status" -ne 0 ] || return 0
	grep -E -m 5 '(error|Error|ERROR)[ :]|\*\*\*' "$log" >&2 || tail -n 5 "$log" >&2
	echo "$(basename "$0"): failed, see $log" >&2
	return "$status"
}
