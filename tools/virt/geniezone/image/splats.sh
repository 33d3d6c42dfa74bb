#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: splats.sh LOG...
#
# Prints each line of the logs with which a kernel or hypervisor, host or guest,
# complains about itself, and fails when there is one. A log that is missing or
# empty shows nothing, which is a complaint as well.
#
# Of the races that KCSAN finds those count that are the driver's: one of the two
# accesses is its own, or both are made on its behalf. What an interrupt did not
# let go on is not at fault for what the interrupt does. And that a task has come to
# be PF_VCPU is written by the kernel's guest_timing_enter_irqoff(), inline, as in
# KVM, into flags that a sender of signals reads.

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

# Line numbers, and without races of others
lines()
{
	awk '
	/BUG: KCSAN: / { held = NR; side = own = flags = 0; delete on_behalf }
	held && / (by task|by interrupt) .*on cpu/ {
		side++
		first = 1
		irq = 0
		write = / write to /
	}
	held && /\+0x[0-9a-f]+\/0x/ && !irq {
		flags += first && (write ? / gzvm_vcpu_run\+/ : / prepare_signal\+/)
		if (/\[gzvm\]/) { on_behalf[side] = 1; own += first }
		irq = /el1h_64_irq|call_on_irq_stack/
		first = 0
	}
	held { text[NR] = $0 }
	held && /==========/ && NR > held {
		if ((own && flags < 2) || (on_behalf[1] && on_behalf[2]))
			for (i = held; i <= NR; i++)
				print i ":" text[i]
		held = 0
		next
	}
	!held { print NR ":" $0 }
	END { for (i = held; held && i <= NR; i++) print i ":" text[i] }' "$1"
}

status=0
for log; do
	if [ ! -s "$log" ]; then
		echo "$log: empty or missing"
		status=1
	elif lines "$log" | grep -aE "$pattern" | sed "s|^|${log##*/}:|" |
			head -n 20 | grep .; then
		status=1
	fi
done
exit $status
