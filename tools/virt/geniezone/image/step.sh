#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: step.sh NAME TEXT COMMAND...
#
# Prints TEXT ("-": nothing) and runs the command with its output in
# build/logs/NAME.log. If it takes longer than half a minute, shows how far it is: the
# last line of the log. If it fails, shows the errors and the path of the log.

. "$(dirname "$0")/lib.sh"

name=$1 text=$2
shift 2
# Its input is a pipe whose other end closes when this script ends
progress()
{
	local text

	while read -r -t 30; [ $? -gt 128 ]; do
		text=$(tail -n 1 "$LOGS/$name.log" | cut -c 1-70)
		echo "  $SECONDS s${text:+: $text}"
	done
}

if [ "$text" != - ]; then
	echo "$text ..."
	exec 5> >(progress)
fi
quietly "$LOGS/$name.log" "$@" 5>&-
