#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: step.sh NAME TEXT COMMAND...
#
# Says TEXT ("-": nothing), runs the command with its output in
# build/logs/NAME.log and, when that fails, shows the errors and where the log is.

. "$(dirname "$0")/lib.sh"

name=$1 text=$2
shift 2
[ "$text" = - ] || echo "$text ..."
quietly "$LOGS/$name.log" "$@"
