# SPDX-License-Identifier: GPL-2.0
#
# For the tests of gzrun: results in KTAP, guests that run one command. Tests source
# this file. It is not executable, so that it does not count as a test.

export PATH=/bin:/sbin:/usr/bin:/usr/sbin
work=/tmp/gzrun-test
out=$work/out
nr=0
failed=0

mkdir -p $work
trap 'rm -rf $work' EXIT

plan()
{
	echo "TAP version 13"
	echo "1..$1"
	planned=$1
}

# check NAME COMMAND...: prints a result, good if the command succeeds
check()
{
	name=$1
	shift
	nr=$((nr + 1))
	if "$@"; then
		echo "ok $nr $name"
	else
		failed=$((failed + 1))
		echo "not ok $nr $name"
		[ ! -e $out ] || tail -n 15 $out | tr -d '\r' | sed 's/^/# /'
	fi
}

finish()
{
	[ $failed = 0 ] && [ $nr = "$planned" ]
}

# guest COMMAND [OPTION...]: boots a guest that runs the command and powers off. Its
# output goes to $out, the exit status of gzrun to $status.
guest()
{
	cmd=$1
	shift
	gzrun --params "console=ttyS0 panic=-1 quiet gz.cmd=\"$cmd\"" "$@" \
		</dev/null >$out 2>&1
	status=$?
}

# said TEXT: this is a whole line of the guest's output
said()
{
	tr -d '\r' <$out | grep -qx -e "$1"
}

# value NAME: prints the value of a line NAME=value that the guest has printed
value()
{
	tr -d '\r' <$out | sed -n "s/^$1=//p" | tail -n 1
}

# sum_of FILE: prints only its SHA-256
sum_of()
{
	sha256sum "$1" | cut -d ' ' -f 1
}

# counter NAME: prints the sum over all vCPUs of the only VM
counter()
{
	cat /sys/kernel/debug/gzvm/*/stats |
		awk -v name="$1:" '$1 == name { n += $2 } END { print n + 0 }'
}

# start COMMAND [OPTION...]: like guest, but in the background. $gzrun is its process,
# and fd 4 its input.
start()
{
	cmd=$1
	shift
	rm -f $work/in $out
	: >$out
	mkfifo $work/in
	gzrun --verbose \
		--params "console=${tty:-ttyS0} panic=-1 quiet gz.cmd=\"$cmd\"" \
		"$@" <$work/in >>$out 2>&1 &
	gzrun=$!
	exec 4>$work/in
}

# until_true COMMAND...: waits for success; ends the test if that takes too long
until_true()
{
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		if [ $tries = 900 ]; then
			echo "# waited in vain for: $*"
			tail -n 15 $out | tr -d '\r' | sed 's/^/# /'
			kill "$gzrun" 2>/dev/null
			exit 1
		fi
		sleep 0.1
	done
}

said_or_ended()
{
	said "$1" || ! kill -0 "$gzrun" 2>/dev/null
}

# wait_for TEXT: waits until the guest in the background prints it, or gzrun ends
wait_for()
{
	until_true said_or_ended "$1"
}

# close its input, and wait for its end
end_guest()
{
	exec 4>&-
	wait "$gzrun"
	status=$?
}

# no_mmio_kicks: every device reports none, and there is at least one device
no_mmio_kicks()
{
	kicks=$(tr -d '\r' <$out | sed -n 's/.*: \([0-9]*\) kicks came as exits$/\1/p' |
		sort -u)
	[ "$kicks" = 0 ]
}
