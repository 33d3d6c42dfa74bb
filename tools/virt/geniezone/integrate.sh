#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: integrate.sh add|remove KDIR
#        integrate.sh list
#
# "add" copies everything that goes upstream into the kernel tree KDIR and hooks
# it up: with one line each in the kernel's files, and with an entry in its
# MAINTAINERS. A tree that is older than the source also gets the files that map
# what it lacks. "remove" takes all of it out again and leaves the tree as it was.
# Both may be repeated: files that are up to date keep their times, so that
# nothing is compiled again. Both print what they change.
#
# "list" prints the files that go upstream.

set -eu

top=$(cd "$(dirname "$0")/../../.." && pwd)
UPSTREAM=$top/tools/testing/geniezone/upstream.txt

die()
{
	echo "integrate: $*" >&2
	exit 1
}

# Prints the patterns of the list
patterns()
{
	sed -n 's/^[a-z][a-z]*[[:blank:]]*//p' "$UPSTREAM"
}

# Prints the entry for the kernel's MAINTAINERS, and the empty line after it. It
# has only the F: lines that are in the list.
maintainers_entry()
{
	patterns="
$(patterns)
" awk '
		/^[A-Z ]+$/ { entry = 1 }
		/^F:/ && !index(ENVIRON["patterns"], "\n" $2 "\n") { next }
		entry { print }
		END { print "" }' "$top/MAINTAINERS"
}

# Three words for each hook: a file, the pattern of the line that the hook stands
# before ("": at the end), and the hook's lines. The patterns of sorted lists
# match what sorts after the hook. MAINTAINERS has some entries in wrong places, so
# only those with the same first letter count.
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

	Documentation/userspace-api/ioctl/ioctl-number.rst
	'^0x93  '
	'0x92  01-FF  uapi/linux/gzvm.h                                         conflict! MediaTek GenieZone hypervisor'

	tools/testing/selftests/Makefile
	'^TARGETS [+]= (g[f-z]|[h-z])'
	'TARGETS += geniezone'

	MAINTAINERS
	'^(GENI[F-Z]|GEN[J-Z]|GE[O-Z]|G[F-Z])[A-Z0-9 ]'
	"$(maintainers_entry; echo .)"
)

# Exists while the driver is in the tree, and names all files that came with it
MANIFEST=drivers/virt/geniezone/.integrated

# These two files are for kernels that are older than the source
COMPAT=drivers/virt/geniezone/compat.h
COMPAT_KBUILD=drivers/virt/geniezone/Kbuild

# An external build leaves files beside the sources. These stay here.
list()
{
	local pattern

	cd "$top"
	patterns | while read -r pattern; do
		find $pattern -type f \
			! -path "$COMPAT" ! -path "$COMPAT_KBUILD" \
			! -name '*.o' ! -name '*.ko' ! -name '*.a' ! -name '*.d' \
			! -name '*.cmd' ! -name '*.mod' ! -name '*.mod.c' \
			! -name 'modules.order' ! -name 'Module.symvers' \
			! -name '*.pyc' ! -name '*~' ! -name '*.sw?'
	done | sed 's,//*,/,g' | sort
}

# Prints the tree's version, or the newest one that the compat header has a
# condition for, as one number
tree_version()
{
	sed -n 's/^\(VERSION\|PATCHLEVEL\) = //p' "$kdir/Makefile" |
		(read -r major && read -r minor && echo $((major * 1000 + minor)))
}

compat_version()
{
	sed -n 's/.*CODE < KERNEL_VERSION(\([0-9]*\), \([0-9]*\),.*/\1 \2/p' \
		"$top/$COMPAT" |
		while read -r major minor; do
			echo $((major * 1000 + minor))
		done | sort -n | tail -n 1
}

# Prints the files for this tree
list_for_tree()
{
	local files

	files=$(list)
	if [ "$(tree_version)" -lt "$(compat_version)" ]; then
		files=$(printf '%s\n' "$files" "$COMPAT" "$COMPAT_KBUILD" | sort)
	fi
	echo "$files"
}

check_tree()
{
	[ -f "$kdir/Kbuild" ] && [ -f "$kdir/drivers/virt/Kconfig" ] ||
		die "$kdir is not a kernel tree"
	[ "$kdir" != "$top" ] || die "$kdir is this tree"
}

# Never overwrites a driver from elsewhere
check_ours()
{
	[ -f "$kdir/$MANIFEST" ] && return
	while read -r file; do
		[ ! -e "$kdir/$file" ] ||
			die "$kdir has a $file that did not come from here." \
			    "A tree can have one GenieZone driver: remove its" \
			    "driver first, or build this one as a module outside" \
			    "of the tree."
	done
}

# Runs an awk program on a file of the tree. It finds the hook from its first to
# its last line: the lines between them may be of an older version.
hook_awk()
{
	local file=$kdir/$1 before=$2 lines=$3

	before=$before lines=$lines first=${lines%%$'\n'*} \
		last=${lines##*$'\n'} awk "$4" "$file"
}

hook_print()
{
	hook_awk "$@" '
		$0 == ENVIRON["first"] { hook = 1 }
		hook { print }
		hook && $0 == ENVIRON["last"] { exit }'
}

hook_write()
{
	local file=$kdir/$1

	hook_awk "$@" >"$file.new" || { rm "$file.new"; return 1; }
	cat "$file.new" >"$file"
	rm "$file.new"
}

hook_delete()
{
	hook_write "$@" '
		$0 == ENVIRON["first"] && !done { hook = 1 }
		!hook { print }
		hook && $0 == ENVIRON["last"] { hook = 0; done = 1 }'
}

hook_insert()
{
	hook_write "$@" '
		ENVIRON["before"] != "" && $0 ~ ENVIRON["before"] && !done {
			print ENVIRON["lines"]
			done = 1
		}
		{ print }
		END {
			if (ENVIRON["before"] == "")
				print ENVIRON["lines"]
			else if (!done)
				exit 1
		}' || die "$1: no place for the line: ${3%%$'\n'*}"
}

hook_add()
{
	local present

	[ -f "$kdir/$1" ] || die "$kdir/$1 is missing"
	present=$(hook_print "$@"; echo .)
	[ "${present%.}" != "$3"$'\n' ] || return 0
	[ "$present" = . ] || hook_delete "$@"
	hook_insert "$@"
	echo "hooked   $1"
}

hook_remove()
{
	[ -n "$(hook_print "$@")" ] || return 0
	hook_delete "$@"
	echo "unhooked $1"
}

each_hook()
{
	local i

	for ((i = 0; i < ${#HOOKS[@]}; i += 3)); do
		"$1" "${HOOKS[@]:i:2}" "${HOOKS[i + 2]%$'\n'.}"
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

# Also removes the directories that become empty: "add" made them
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

	files=$(list_for_tree)
	check_ours <<<"$files"
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

usage="usage: integrate.sh add|remove KDIR, or integrate.sh list"
export LC_ALL=C
case $#,${1:-} in
1,list)
	list
	;;
2,add|2,remove)
	[ -d "$2" ] || die "$2 is not a directory"
	kdir=$(cd "$2" && pwd)
	check_tree
	"$1"
	;;
*)
	die "$usage"
	;;
esac
