#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: integrate.sh add|remove KDIR
#
# add puts the driver, its header, documents and tests into the kernel tree KDIR
# and hooks them up with one line each in three files. remove takes all of that
# out again and leaves the tree as it was. Both may be repeated: what is as it
# should be is not touched, so that nothing is compiled again for it.
#
# Prints what it changed, nothing otherwise.

set -eu

top=$(cd "$(dirname "$0")/../../.." && pwd)

die()
{
	echo "integrate: $*" >&2
	exit 1
}

# Each: a file, the pattern of the line before which the hook goes (none: at
# the end), and the hook.
HOOKS=(
	drivers/virt/Kconfig
	'^endif'
	'source "drivers/virt/geniezone/Kconfig"'

	drivers/virt/Makefile
	''
	'obj-$(CONFIG_MTK_GZVM)		+= geniezone/'

	Documentation/virt/index.rst
	'^   hyperv/index'
	'   geniezone/index'
)

# Present while the driver is in the tree; names all files that came with it
MANIFEST=drivers/virt/geniezone/.integrated

# What an external build leaves beside the sources is not ours to give
list_files()
{
	cd "$top"
	for path in drivers/virt/geniezone \
		    include/uapi/linux/gzvm.h \
		    Documentation/virt/geniezone \
		    Documentation/devicetree/bindings/firmware/mediatek,geniezone.yaml \
		    Documentation/ABI/testing/*gzvm* \
		    tools/testing/selftests/geniezone \
		    tools/virt/geniezone/gzrun; do
		[ -e "$path" ] || continue
		find "$path" -type f \
			! -name '*.o' ! -name '*.ko' ! -name '*.a' ! -name '*.d' \
			! -name '*.cmd' ! -name '*.mod' ! -name '*.mod.c' \
			! -name 'modules.order' ! -name 'Module.symvers' \
			! -name '*.pyc' ! -name '*~' ! -name '*.sw?'
	done | LC_ALL=C sort
}

check_tree()
{
	[ -f "$kdir/Kbuild" ] && [ -f "$kdir/drivers/virt/Kconfig" ] ||
		die "$kdir is not a kernel tree"
	[ "$kdir" != "$top" ] || die "$kdir is this tree"
}

# Never write over a driver that came from elsewhere
check_ours()
{
	[ -f "$kdir/$MANIFEST" ] && return
	while read -r file; do
		[ ! -e "$kdir/$file" ] ||
			die "$kdir has a $file that did not come from here"
	done
}

hook_add()
{
	local file=$kdir/$1 before=$2 line=$3

	[ -f "$file" ] || die "$file is missing"
	grep -qxF -e "$line" "$file" && return
	if [ -z "$before" ]; then
		printf '%s\n' "$line" >>"$file"
	else
		grep -q -e "$before" "$file" ||
			die "$file: no place for the line: $line"
		line=$line before=$before awk '
			$0 ~ ENVIRON["before"] && !done {
				print ENVIRON["line"]
				done = 1
			}
			{ print }' "$file" >"$file.new"
		cat "$file.new" >"$file"
		rm "$file.new"
	fi
	echo "hooked   $1"
}

hook_remove()
{
	local file=$kdir/$1 line=$3

	grep -qxF -e "$line" "$file" || return 0
	grep -vxF -e "$line" "$file" >"$file.new"
	cat "$file.new" >"$file"
	rm "$file.new"
	echo "unhooked $1"
}

each_hook()
{
	local i

	for ((i = 0; i < ${#HOOKS[@]}; i += 3)); do
		"$1" "${HOOKS[@]:i:3}"
	done
}

put_file()
{
	if cmp -s "$top/$1" "$kdir/$1"; then
		return
	fi
	mkdir -p "$(dirname "$kdir/$1")"
	cp "$top/$1" "$kdir/$1"
	echo "put      $1"
}

# Directories that are empty now were made by us, up to the first that is not
drop_file()
{
	local dir

	rm -f "$kdir/$1"
	echo "removed  $1"
	dir=$(dirname "$1")
	while [ "$dir" != . ] && rmdir "$kdir/$dir" 2>/dev/null; do
		dir=$(dirname "$dir")
	done
}

add()
{
	local files file

	files=$(list_files)
	check_ours <<<"$files"
	mkdir -p "$kdir/$(dirname "$MANIFEST")"
	if [ -f "$kdir/$MANIFEST" ]; then
		comm -13 <(echo "$files") "$kdir/$MANIFEST" |
		while read -r file; do
			drop_file "$file"
		done
	fi
	mkdir -p "$kdir/$(dirname "$MANIFEST")"
	cmp -s <(echo "$files") "$kdir/$MANIFEST" ||
		echo "$files" >"$kdir/$MANIFEST"
	while read -r file; do
		put_file "$file"
	done <<<"$files"
	each_hook hook_add
}

remove()
{
	local files file

	[ -f "$kdir/$MANIFEST" ] || return 0
	each_hook hook_remove
	files=$(<"$kdir/$MANIFEST")
	rm "$kdir/$MANIFEST"
	while read -r file; do
		drop_file "$file"
	done <<<"$files"
}

[ $# -eq 2 ] || die "usage: integrate.sh add|remove KDIR"
[ -d "$2" ] || die "$2 is not a directory"
kdir=$(cd "$2" && pwd)
export LC_ALL=C
check_tree
case $1 in
add|remove) "$1" ;;
*) die "usage: integrate.sh add|remove KDIR" ;;
esac
