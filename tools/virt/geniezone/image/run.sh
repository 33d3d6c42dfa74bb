#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: run.sh run|shell HYPERVISOR IMAGE INITRD
#
# Starts the machine. "run" boots a guest in it; on a terminal the host's shell
# stays, otherwise everything powers off and the status tells whether each step
# came about. "shell" is just the host's shell, on a terminal.

set -u
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")

what=$1 el2=$2 kernel=$3 initrd=$4
machine=(--el2 "$el2" --kernel "$kernel" --initrd "$initrd")

if [ -t 0 ] && [ -t 1 ]; then
	echo "Starting QEMU. Ctrl-] x stops the machine at any time."
	[ "$what" = shell ] && mode=shell || mode=demo-shell
	exec "$here/qemu.sh" "${machine[@]}" --tty --append gz.do=$mode "$what"
fi
[ "$what" = run ] || die "make shell needs a terminal"

give_up()
{
	echo "run: FAILED: $* (see $LOGS/run.log)"
	exit 1
}

# A step is a line that the host's init reports, in this order
steps=("host up" "/dev/gzvm" "guest up" "guest proof" "guest disk" "guest network"
       "guest powered off" "protected guest up" "protected guest proof"
       "protected guest disk" "protected guest network"
       "protected guest powered off")

started=$SECONDS
"$here/qemu.sh" "${machine[@]}" --show --timeout "${RUN_TIMEOUT:-180}" \
	--append gz.do=demo run
status=$?

result=$LOGS/run.result
echo
reason=$(sed -n 's/^fail: //p' "$result" | head -n 1)
[ -z "$reason" ] || give_up "$reason"
[ -s "$LOGS/run.log" ] || give_up "nothing on the console (QEMU: status $status)"
for step in "${steps[@]}"; do
	grep -q "^ok: $step" "$result" ||
		give_up "not reached: $step (QEMU: status $status)"
done
grep -q '^host: done' "$result" || give_up "the host did not come to its end"
[ "$status" -eq 0 ] || give_up "the host did not power off"
"$here/splats.sh" "$LOGS/run.log" || give_up "a kernel complained"
sed -n 's/^ok: /run: /p' "$result"
echo "run: done in $((SECONDS - started)) s: host and guests booted and powered off"
