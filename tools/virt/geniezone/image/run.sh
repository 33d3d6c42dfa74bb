#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: run.sh run|shell HYPERVISOR IMAGE INITRD GUESTS
#
# Starts the machine. "run" boots guests in it: "plain" or "plain,protected". On a
# terminal the host's shell stays; otherwise everything powers off, and the status is
# 0 if each step was reached. "shell" starts only the host's shell, on a terminal.
# SHARE in the environment is a directory for the shell. With DEBIAN=1, IMAGE is a
# kernel of Debian.

set -u
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")

what=$1 el2=$2 kernel=$3 initrd=$4 guests=$5
machine=(--el2 "$el2" --kernel "$kernel" --initrd "$initrd")
append="gz.guests=$guests"

# A kernel of Debian tests its ciphers and much else at each boot, and guests take an
# exit for each character of their messages. This would take minutes in an emulator.
if [ -n "${DEBIAN:-}" ]; then
	quick="nokaslr cryptomgr.notests initcall_blacklist=jent_mod_init"
	append+=" $quick gz.params=\"$quick loglevel=5\""
	machine+=(--cpu cortex-a76)
fi

if [ -t 0 ] && [ -t 1 ]; then
	echo "Starting QEMU. Ctrl-] x stops the machine at any time."
	[ "$what" = shell ] && mode=shell || mode=demo-shell
	machine+=(--net)
	[ -z "${SHARE:-}" ] || { machine+=(--share "$SHARE"); append+=" gz.share"; }
	exec "$here/qemu.sh" "${machine[@]}" --tty --append "gz.do=$mode $append" \
		"$what"
fi
[ "$what" = run ] || die "make shell needs a terminal"

give_up()
{
	echo "run: FAILED: $* (see $LOGS/run.log)"
	exit 1
}

# The host's init reports these steps, in this order
guest_steps=("up" "proof" "disk" "network" "powered off")
steps=("host up" "/dev/gzvm" "${guest_steps[@]/#/guest }")
[ "$guests" = plain ] || steps+=("${guest_steps[@]/#/protected guest }")

started=$SECONDS
"$here/qemu.sh" "${machine[@]}" --show --timeout "${RUN_TIMEOUT:-180}" \
	--append "gz.do=demo $append" run
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
grep -q '^host: done' "$result" || give_up "the host did not finish"
[ "$status" -eq 0 ] || give_up "the host did not power off"
"$here/splats.sh" "$LOGS/run.log" || give_up "a kernel complained"
sed -n 's/^ok: /run: /p' "$result"
echo "run: done in $((SECONDS - started)) s: host and guests booted and powered off"
