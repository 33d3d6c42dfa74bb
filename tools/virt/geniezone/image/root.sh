#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: root.sh OUT BUSYBOX
#
# Makes a small ext4 file system as a guest's root: busybox and the guest's init.
# Needs no special rights. Equal input gives equal output.

set -eu
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
out=$1 busybox=$2
size_mib=8
uuid=67656e69-657a-6f6e-6500-000000000001

# mke2fs is not in every user's path
PATH=$PATH:/usr/sbin:/sbin
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

mkdir -m 755 "$dir/root"
cd "$dir/root"
mkdir -m 755 dev proc sys tmp root bin sbin etc
install -m 755 "$busybox" bin/busybox
ln -s busybox bin/sh
install -m 755 "$here/guest-init" sbin/init
install -m 755 "$here/init-lib.sh" etc/init-lib.sh
find . -exec touch -h -d @0 {} +

export SOURCE_DATE_EPOCH=0 E2FSPROGS_FAKE_TIME=1
quietly "$LOGS/root.log" mke2fs -q -t ext4 -m 0 -U $uuid \
	-E root_owner=0:0,hash_seed=$uuid,lazy_itable_init=0 \
	-d . "$out.new" ${size_mib}M
mv "$out.new" "$out"
