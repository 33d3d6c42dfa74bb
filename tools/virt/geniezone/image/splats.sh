#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: splats.sh LOG...
#
# Prints each line of the logs in which a kernel or hypervisor, of host or guest,
# complains, and fails if there is one. A missing or empty log is a complaint, too.
#
# A race that KCSAN finds counts if it is the driver's: it makes one of the two
# accesses, or both are made on its behalf. An access in an interrupt is not made
# on behalf of the interrupted code. One known race is ignored: the kernel's inline
# function guest_timing_enter_irqoff() sets PF_VCPU in the task's flags while a
# sender of signals reads them. KVM has the same race.

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

# The lines with their numbers, without races of other code
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
