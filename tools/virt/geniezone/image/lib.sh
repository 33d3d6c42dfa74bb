# SPDX-License-Identifier: GPL-2.0
#
# What the scripts here share. Sourced, never run.

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# Logs lie in one place, whoever writes them
BUILD=${BUILD:-$(cd "$(dirname "$0")/../../../.." && pwd)/build}
LOGS=${LOGS:-$BUILD/logs}

CROSS_COMPILE=${CROSS_COMPILE:-aarch64-linux-gnu-}
JOBS=${JOBS:-$(nproc)}

# The kernel's make, untouched by variables given to ours: those would reach it
# through MAKEFLAGS and mean something else there. A compiler cache is used when
# there is one; none is required. What would make two builds of the same differ
# is fixed. With LLVM=-19 or so in the environment, clang compiles.
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

# quietly LOG COMMAND...: the output goes to LOG; on failure its end is shown
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
