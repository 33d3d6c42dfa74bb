# SPDX-License-Identifier: GPL-2.0
"""Assigns the instructions that the plugin counted to functions."""

import bisect
import re
import subprocess
from collections import Counter

# The guest's code, CODE in layout.h
GUEST = range(0x80000000, 0x80010000)
# A static program is at low addresses; stack and vDSO are at the end of user space
PROGRAM = range(0x400000, 0x1000000)
STACK = range(0xff0000000000, 0x1000000000000)
KERNEL = 0xffff000000000000

# The maximum length of a function
LONGEST = 0x10000

LEVELS = ("program", "kernel", "driver", "EL2", "guest")


def ranges():
    """The levels but EL2, as options for longest.so"""
    for name, levels in (("user", PROGRAM), ("user", STACK), ("guest", GUEST),
                         ("kernel", range(KERNEL, 1 << 64))):
        yield f"{name}={levels.start:x}-{levels.stop - 1:x}"


def blocks(path):
    """
    The place of the host's kernel, and for each result, in order: (address of a block,
    its place) -> instructions. See profile.c.
    """
    host = None
    results = []
    with open(path) as file:
        for line in file:
            words = line.split()
            if words[0] == "host":
                host = int(words[1], 16)
            elif words[0] == "result":
                results.append({})
            else:
                addr, place, count = words
                results[-1][int(addr, 16), int(place, 16)] = int(count)
    return host, results


def sections(path):
    """For each result, in order: address of a block -> instructions."""
    results = []
    for section in blocks(path)[1]:
        count = Counter()
        for (addr, _), n in section.items():
            count[addr] += n
        results.append(count)
    return results


def longest(path):
    """For each result, in order: what masks interrupts -> instructions."""
    results = []
    with open(path) as file:
        for line in file:
            what, count = line.split()
            if what == "result":
                results.append({})
            else:
                results[-1][what] = int(count)
    return results


class Symbols:
    """The functions of the files that ran."""

    def __init__(self, nm="aarch64-linux-gnu-nm"):
        self.nm = nm
        self.names = {}

    def add(self, path, offset=0):
        """Adds the symbols of a file that was loaded at this offset."""
        done = subprocess.run([self.nm, "-n", str(path)], check=True,
                              capture_output=True, text=True)
        for line in done.stdout.splitlines():
            match = re.match(r"^([0-9a-f]+) [tTwW] (?!(?:__kvm_nvhe_)?\$)(\S+)$",
                             line)
            if match:
                self.names.setdefault(int(match[1], 16) + offset, match[2])
        self.order = sorted(self.names)

    def of(self, addr):
        """The function at an address, or the address if no file has it."""
        at = bisect.bisect_right(self.order, addr) - 1
        if at < 0 or addr - self.order[at] > LONGEST:
            return f"{addr:#x}"
        return self.names[self.order[at]]


def level(addr, code):
    """The level of a block; code is the range of the module's code, or None."""
    if code and addr in code:
        return "driver"
    if addr >= KERNEL:
        return "kernel"
    if addr in GUEST:
        return "guest"
    return "program" if addr in PROGRAM or addr in STACK else "EL2"


def split(section, code):
    """Level -> instructions"""
    count = Counter()
    for addr, n in section.items():
        count[level(addr, code)] += n
    return count


def by_function(section, code, symbols):
    """(level, function) -> instructions"""
    count = Counter()
    for addr, n in section.items():
        where = level(addr, code)
        name = where if where == "guest" else symbols.of(addr)
        count[where, name] += n
    return count


# Where the programs of a machine with whole guests have their code
GUEST_PROGRAM = range(0x20000000, 0x30000000)
HOST_PROGRAM = range(0x30000000, 0x40000000)
# A program that is not static, such as QEMU. Its libraries are near the stack.
DYNAMIC = range(0xaaaa00000000, 0xaaac00000000)

IMAGES = ("guest program", "guest kernel", "EL2", "driver", "host kernel", "VMM",
          "host program")

# Groups of functions of the host's kernel: the first that matches counts
GROUPS = tuple((group, re.compile(pattern)) for group, pattern in (
    ("KVM", r"kvm|vgic|^timer_(get|set|save|restore|irq|offset|is_|emul)|get_timer_map|"
            r"vcpu|_mem_abort|^esr_|ioeventfd|irqfd|mtree_load|bsearch|handle_exit|"
            r"irqchip|^gic_|_desc_(un)?lock|cntvoff|^gfn_|xfer_to_guest|_notifier_"),
    ("seccomp", r"seccomp|bpf_prog|secure_computing"),
    ("locks, RCU", r"spin_|mutex|rcu_|local_bh|migrate_(en|dis)able|percpu_"),
    ("scheduler", r"sched|update_curr|enqueue|dequeue|^pick_|pick_next|_task_fair|"
                  r"vruntime|update_load_avg|wake|cpu_switch|_rq_|task_switch|eevdf|"
                  r"fpsimd|entity|hrtimer|mm_cid|set_next|ktime_get|ttwu|dl_server"),
    ("system calls", r"^el0|do_el0|invoke_syscall|ret_to_user|^vectors$|syscall|"
                     r"notify_resume|fdget|^fput|rseq|sys_ioctl|exit_to_user"),
    ("copies", r"copy|^__?mem(cpy|set|move)|memset"),
    ("network", r"tcp|^_*ip_|_ip_|skb|sock|net|tun_|napi|vhost|virtio|inet|neigh"),
    ("files", r"shmem|file|^vfs|iov|write|read_iter|xas_|folio|eventfd|^ep_|epoll"),
))


def group(name):
    """The group of a function of the host's kernel."""
    return next((title for title, pattern in GROUPS if pattern.search(name)), "other")


def image(addr, is_host, code):
    """Whose code a block is. is_host: it is in the image of the host's kernel."""
    if code and addr in code:
        return "driver"
    if addr >= KERNEL:
        return "host kernel" if is_host else "guest kernel"
    if addr in GUEST_PROGRAM:
        return "guest program"
    if addr in HOST_PROGRAM:
        return "host program"
    if addr in PROGRAM or addr in DYNAMIC or addr in STACK:
        return "VMM"
    return "EL2"


def by_image(host, section, code, symbols):
    """
    (image, function) -> instructions. KVM has its code for EL2 in the image of the
    host's kernel, but not at the kernel's addresses.
    """
    count = Counter()
    for (addr, place), n in section.items():
        whose = image(addr, place == host, code)
        name = symbols.of(addr)
        if whose == "EL2" and name.startswith("0x"):
            name = symbols.of((addr + place - host) % (1 << 64))
        count[whose, name] += n
    return count
