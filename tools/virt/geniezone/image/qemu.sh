#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: qemu.sh [option...] NAME
#
#   --qemu FILE        another QEMU than the installed one
#   --el2 FILE         hypervisor that starts first (without: Linux starts at EL1)
#   --kernel FILE      the host's Image
#   --initrd FILE      the host's initial RAM disk
#   --append TEXT      added to the host's command line
#   --cpu MODEL, --smp N, --mem SIZE    (max,pauth-impdef=on; 2; 2G)
#   --machine TEXT     more properties of QEMU's machine, such as secure=on
#   --nodes N          the memory, which is whole GiB, is in N nodes
#   --core N           all of the machine's CPUs share this machine's CPU N
#   --timeout SECONDS  time limit for the machine (120)
#   --hold SOCKET      stop at a reset; the socket speaks QMP
#   --show             copy the console to standard output
#   --vhe              no hypervisor; Linux starts at EL2
#   --icount           an instruction takes 1 ns: runs are reproducible
#   --plugin FILE,...  a plugin of QEMU with its options
#   --net              a network interface to this machine, at 10.0.2.2 there
#   --pci              virtio devices on PCI, behind the machine's IOMMU, not on MMIO
#   --disk FILE        a disk with this content
#   --share DIR        a directory of this machine, by 9P, with the tag "share"
#   --tty              connect the console to this terminal; no time limit
#
# Starts the machine; no other file has QEMU's command line. The console is copied to
# build/logs/NAME.log, and the host's report for programs is in NAME.result. The
# status is 0 if the machine powered off and 124 if it reached the time limit.

set -eu
. "$(dirname "$0")/lib.sh"

qemu=qemu-system-aarch64 el2='' kernel='' initrd='' append='' show='' tty='' vhe='' icount='' plugin='' hold='' net='' pci='' disk='' share='' properties='' core='' nodes=''
cpu=max,pauth-impdef=on smp=2 mem=2G limit=120
while [ $# -gt 1 ]; do
	case $1 in
	--qemu) qemu=$2 ;;
	--el2) el2=$2 ;;
	--kernel) kernel=$2 ;;
	--initrd) initrd=$2 ;;
	--append) append=$2 ;;
	--cpu) cpu=$2 ;;
	--smp) smp=$2 ;;
	--mem) mem=$2 ;;
	--machine) properties=$2 ;;
	--core) core=$2 ;;
	--nodes) nodes=$2 ;;
	--timeout) limit=$2 ;;
	--plugin) plugin=$2 ;;
	--hold) hold=$2 ;;
	--share) share=$2 ;;
	--disk) disk=$2 ;;
	--net) net=1; shift; continue ;;
	--pci) pci=1; shift; continue ;;
	--show) show=1; shift; continue ;;
	--tty) tty=1; shift; continue ;;
	--vhe) vhe=1; shift; continue ;;
	--icount) icount=1; shift; continue ;;
	*) die "unknown option $1" ;;
	esac
	shift 2
done
[ $# -eq 1 ] && [ -n "$kernel" ] || die "usage: qemu.sh [option...] NAME"
name=$1

# Empty the logs first: an earlier run's must not be taken for this run's
mkdir -p "$LOGS"
log=$LOGS/$name.log
result=$LOGS/$name.result
: >"$log"
: >"$result"

command -v "$qemu" >/dev/null || die "$qemu is not installed"
for file in $el2 $kernel $initrd; do
	[ -f "$file" ] || die "$file is missing"
done

bus=-device
[ -z "$pci" ] || bus=-pci,iommu_platform=on,disable-legacy=on

args=(-cpu "$cpu" -smp "$smp" -m "$mem" -nodefaults -display none
      -no-reboot
      -append "console=ttyAMA0 panic=-1 $append"
      # gzrun uses Ctrl-A
      -echr 0x1d
      -chardev "stdio,id=console,mux=on,signal=off,logfile=$log"
      -serial chardev:console -mon chardev=console
      -global virtio-mmio.force-legacy=false
      -device "virtio-serial$bus"
      -chardev "file,id=result,path=$result"
      -device virtserialport,chardev=result,name=gz.result)
[ -z "$initrd" ] || args+=(-initrd "$initrd")
if [ -n "$net" ]; then
	args+=(-netdev user,id=user -device "virtio-net$bus,netdev=user")
fi
if [ -n "$disk" ]; then
	[ -f "$disk" ] || die "$disk is missing"
	args+=(-drive "if=none,id=disk,format=raw,file=$disk"
	       -device "virtio-blk$bus,drive=disk")
fi
if [ -n "$share" ]; then
	[ -d "$share" ] || die "$share is not a directory"
	args+=(-fsdev "local,id=share,path=$share,security_model=none"
	       -device "virtio-9p$bus,fsdev=share,mount_tag=share")
fi
for node in $(seq "${nodes:-0}"); do
	args+=(-object "memory-backend-ram,id=node$node,size=$((${mem%G} * 1024 / nodes))M"
	       -numa "node,memdev=node$node")
done
machine=virt,gic-version=3${properties:+,$properties}
[ -z "$hold" ] || args+=(-no-shutdown -qmp "unix:$hold,server=on,wait=off")
if [ -n "$el2" ]; then
	# gzhyp expects Linux at this address, away from initrd and DTB
	machine+=,virtualization=on
	args+=(-kernel "$el2"
	       -device "loader,file=$kernel,addr=0x41000000,force-raw=on")
else
	[ -z "$vhe" ] || machine+=,virtualization=on
	args+=(-kernel "$kernel")
fi
if [ -n "$icount" ]; then
	machine+=,dtb-randomness=off
	# The RTC also follows this clock; otherwise reads of it take different paths
	args+=(-icount shift=0,sleep=off -rtc base=2026-01-01,clock=vm)
fi
args+=(-M "$machine")
[ -z "$plugin" ] || args+=(-plugin "$plugin")

if [ -n "$tty" ]; then
	exec "$qemu" "${args[@]}"
fi
command=("$qemu")
[ -z "$core" ] || command=(taskset -c "$core" "$qemu")
status=0
if [ -n "$show" ]; then
	timeout -k 5 "$limit" "${command[@]}" "${args[@]}" </dev/null || status=$?
else
	timeout -k 5 "$limit" "${command[@]}" "${args[@]}" </dev/null >/dev/null ||
		status=$?
fi
exit "$status"
