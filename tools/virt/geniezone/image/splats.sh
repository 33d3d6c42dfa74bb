#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: splats.sh LOG...
#
# Prints each line of the logs with which a kernel or hypervisor, host or guest,
# complains about itself, and fails when there is one. A log that is missing or
# empty shows nothing, which is a complaint as well.

pattern='WARNING: |BUG: |BUG at |kernel BUG|Oops|Kernel panic|Internal error'
pattern="$pattern|KASAN:|UBSAN:|KCSAN:|KFENCE:|Unable to handle kernel"
pattern="$pattern|possible .*deadlock|inconsistent lock state|bad unlock balance"
pattern="$pattern|held lock freed|lock held when returning|invalid wait context"
pattern="$pattern|suspicious RCU usage|sleeping function called"
pattern="$pattern|scheduling while atomic|unreferenced object|rcu: INFO"
pattern="$pattern|INFO: task .* blocked|INFO: rcu|INFO: trying to register"
pattern="$pattern|soft lockup|hard LOCKUP|ODEBUG:|list_(add|del) corruption"
pattern="$pattern|refcount_t: |Call trace:|gzhyp: PANIC|Bad page state"
pattern="$pattern|self-detected stall|page allocation failure"

status=0
for log; do
	if [ ! -s "$log" ]; then
		echo "$log: empty or missing"
		status=1
	elif grep -aEn "$pattern" "$log" | sed "s|^|${log##*/}:|" | head -n 20 |
			grep .; then
		status=1
	fi
done
exit $status
