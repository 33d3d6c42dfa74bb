# SPDX-License-Identifier: GPL-2.0
"""What runs in QEMU."""

import os
import re
import shutil
from pathlib import Path

from . import ktap
from .context import reason
from .progress import Progress

# Modes of the hypervisor: what it is told on the host's command line. Tests
# that make it misbehave need its controls, which the others do not notice.
MODES = (
    ("default", "gzhyp.controls"),
    ("noblock", "gzhyp.controls gzhyp.noblock"),
    ("nodemand", "gzhyp.controls gzhyp.nodemand"),
)

# How long the ioctls are fuzzed for on a kernel, in each mode: five minutes in
# all, most of it where coverage guides it
FUZZ_SECONDS = {"base": 20, "debug": 240}

# What a mode makes a difference to: the others run in the default mode
MODE_TESTS = ",".join((
    "fault_test", "forge_test", "gzrun_test", "host_test", "inject_test",
    "ioctl_fuzz_test", "lifetime_test", "memslot_test", "mmio_test",
    "protected_test", "run_test", "trace_test", "virtio_test",
))

# And the most, with what a kernel that does not preempt makes a difference to. The
# debug kernel is slow: the rest of the above only has to pass there in the default
# mode.
MEMORY_TESTS = ",".join(("fail_nth_test", "fault_test", "kick_test",
                         "memslot_test"))
DEBUG_MODES = {"noblock": "preempt=none"}

# What has programs beside the driver for its object: gzrun, gzhyp. The plain
# kernel does for these, and the debug kernel has no network for guests.
PLAIN_TESTS = ("cpu_test", "fuzz_test", "gdb_test", "gzrun_test", "reset_test",
               "virtio_test")

# What has a machine of its own there
FUZZ_TEST = "ioctl_fuzz_test"

# What mutants are told on the debug kernel: a page that was freed is not zero by
# itself, which takes too long for all tests; and nobody is preempted.
DEBUG_APPEND = "page_poison=1 preempt=none"

# What only the debug kernel has the means for
DEBUG_TESTS = ("fail_nth_test",)

# What has several threads at once in the driver
KCSAN_TESTS = ",".join((
    "fault_test", "host_test", "idle_test", "ioctl_fuzz_test",
    "ioeventfd_load_test", "ioeventfd_test", "irq_test", "irqfd_load_test",
    "irqfd_test", "kick_test", "lifetime_test", "memslot_test", "observe_test",
    "run_test", "trace_test",
))

# What the ioctl fuzz begins with
CORPUS = "tools/testing/selftests/geniezone/ioctl_fuzz.corpus"

# The same machine in other shapes: name and options of qemu.sh
SHAPES = (
    ("two CPUs", ()),
    ("one CPU", ("--smp", "1")),
    ("1 GiB", ("--mem", "1G")),
    ("Cortex-A76", ("--cpu", "cortex-a76")),
)

DEMO_STEPS = ("host up", "/dev/gzvm", "guest up", "guest proof", "guest disk",
              "guest network", "guest powered off", "protected guest up",
              "protected guest proof", "protected guest disk",
              "protected guest network", "protected guest powered off")


class Machine:
    """A kernel with its initial RAM disk, and how patient to be with it."""

    def __init__(self, ctx, name, kernel, initrd, patience):
        self.ctx = ctx
        self.name = name
        self.kernel = kernel
        self.initrd = initrd
        self.patience = patience

    def boot(self, name, append, limit, *options, el2=True):
        """Returns QEMU's status and the lines that the host reported."""
        ctx = self.ctx
        if el2:
            options += ("--el2", ctx.gzhyp)
        result = ctx.logs / f"{name}.result"
        with Progress(ctx.report, result):
            status, _ = ctx.run(
                f"{name}.qemu", ctx.image / "qemu.sh", *options,
                "--kernel", self.kernel, "--initrd", self.initrd,
                "--append", append, "--timeout", str(limit), name)
        if not result.exists():
            return status, []
        return status, result.read_text(errors="replace").splitlines()

    def no_splat(self, name):
        """No kernel and no hypervisor complained, in host or guest."""
        ctx = self.ctx
        status, output = ctx.run(f"{name}.splats", ctx.image / "splats.sh",
                                 ctx.log(name))
        first = output.strip().splitlines()[0] if output.strip() else ""
        ctx.report.check("no splat", status == 0, first, ctx.log(name))

    def ended(self, name, status, lines):
        """The machine did what it was told to, and powered off."""
        failures = [line[6:] for line in lines if line.startswith("fail: ")]
        why = ""
        if failures:
            why = failures[0]
        elif status == 124:
            why = "time limit"
        elif status:
            why = f"QEMU's status is {status}"
        elif "host: done" not in lines:
            why = "the host did not come to its end"
        self.ctx.report.check("machine", not why, why,
                              self.ctx.log(name))
        self.no_splat(name)

    def demo(self, name, *options):
        """A Linux guest, from loading the driver to powering everything off."""
        status, lines = self.boot(name, "gz.do=demo", 90 * self.patience,
                                  *options)
        for step in DEMO_STEPS:
            self.ctx.report.check(
                step, any(line.startswith(f"ok: {step}") for line in lines),
                "not reached", self.ctx.log(name))
        self.ended(name, status, lines)

    def smp(self, name, rounds):
        """Linux guests with several vCPUs, alone and two at once."""
        limit = (60 + 60 * rounds) * self.patience
        status, lines = self.boot(name, f"gz.do=smp gz.rounds={rounds}", limit)
        guests = [f"smp-{i}" for i in range(1, rounds + 1)] + \
            ["pair-1", "pair-2"]
        for guest in guests:
            self.ctx.report.check(guest, f"ok: guest {guest}" in lines,
                                  "not reached", self.ctx.log(name))
        self.ended(name, status, lines)

    def program(self, name, program, runs):
        """What a test program reported, in the log of this name."""
        report = self.ctx.report
        log = self.ctx.log(name)
        if program not in runs:
            return report.fail(program, "was not run", log)
        text, code = runs[program]
        if code is None:
            return report.fail(program, "the machine did not survive it", log)
        return report.merge(program, ktap.parse_program(text, code), log)

    def tests(self, name, append, only="", limit=60, base=None):
        """The programs in base; each line of theirs is a result."""
        report = self.ctx.report
        log = self.ctx.log(name)
        base = base or self.ctx.build / "selftests"
        programs = [p.name for p in test_programs(base)
                    if not only or p.name in only.split(",")]
        if not only:
            others = (*PLAIN_TESTS, FUZZ_TEST) if self.name == "debug" \
                else DEBUG_TESTS
            programs = [p for p in programs if p not in others]
            only = ",".join(programs)
        limit *= self.patience
        status, lines = self.boot(
            name, f"gz.do=tests gz.timeout={limit} {append}"
            + (f" gz.tests={only}" if only else ""),
            limit * (len(programs) + 2))
        runs = split_runs(lines)
        report.check("there are test programs", bool(programs))
        for program in programs:
            self.program(name, program, runs)
        report.check("driver unloaded", "ok: unloaded" in lines, "", log)
        if self.name == "debug":
            report.check("no leaks", "ok: no leaks" in lines, "", log)
        self.ended(name, status, lines)


    def kexec(self, name):
        """Another kernel takes over while a guest runs, and has tests pass.

        The first one must not turn LPIs on: the next would write to the tables
        where they were, and these may be in its text. That is Linux' way
        without EFI.
        """
        limit = 60 * self.patience
        status, lines = self.boot(
            name, f"gz.do=kexec gz.tests=memslot_test gz.timeout={limit} "
            "gzhyp.controls irqchip.gicv3_nolpi=1", 3 * limit)
        for step in ("guest runs", "nothing left behind", "unloaded"):
            self.ctx.report.check(step, f"ok: {step}" in lines, "not reached",
                                  self.ctx.log(name))
        self.program(name, "memslot_test", split_runs(lines))
        self.ended(name, status, lines)


def split_runs(lines):
    """Program -> (its output, its exit status or None)."""
    runs = {}
    name = None
    for line in lines:
        begin = re.match(r"^begin: (\S+)$", line)
        end = re.match(r"^end: (\S+) (\d+)$", line)
        if begin:
            name, output = begin[1], []
            runs[name] = ("", None)
        elif end and end[1] == name:
            runs[name] = ("\n".join(output), int(end[2]))
            name = None
        elif name:
            output.append(line)
            runs[name] = ("\n".join(output), None)
    return runs


def test_programs(base):
    return sorted(p for p in base.glob("*")
                  if p.is_file() and p.stat().st_mode & 0o100)


def base_machine(ctx):
    return Machine(ctx, "base", ctx.kernel_image, ctx.kbuild / "host.cpio", 2)


def debug_machine(ctx):
    return Machine(ctx, "debug", ctx.debug / "arch/arm64/boot/Image",
                   ctx.kbuild / "debug.cpio", 6)


def guest(ctx):
    machine = base_machine(ctx)
    for shape, options in SHAPES:
        group = ctx.report.group
        ctx.report.group = f"{group}, {shape}"
        machine.demo(f"guest-{shape.replace(' ', '-')}", *options)
        ctx.report.group = group


def smp_guests(ctx):
    base_machine(ctx).smp("guest-smp", 1)


def soak(ctx):
    """What takes too long for every day: 20 guests in a row."""
    base_machine(ctx).smp("soak-smp", 20)


def soak_kicks(ctx):
    """A million accesses among signals, and a million kicks."""
    base_machine(ctx).tests("soak-kicks", "gz.times=1000000", "kick_test", 1800)


def fuzz_hypervisor(ctx):
    """The hypervisor's calls, called with anything, for as long as you like."""
    calls = int(os.environ.get("CALLS") or 1000000)
    seed = int(os.environ.get("SEED") or 1)
    base_machine(ctx).tests(
        "fuzz-hyp", f"gzhyp.controls gz.fuzz={calls},{seed}", "fuzz_test",
        60 + calls // 2000)


def fuzz_ioctl(ctx):
    """The driver's ioctls with anything, as long as you like."""
    seconds = int(os.environ.get("SECONDS") or 600)
    seed = int(os.environ.get("SEED") or 1)
    debug_machine(ctx).tests(
        "fuzz-ioctl", f"gzhyp.controls gz.ioctl_fuzz={seconds},{seed}",
        FUZZ_TEST, 60 + seconds)
    keep_corpus(ctx)


def keep_corpus(ctx):
    """Programs that found something, for the next one to begin with."""
    text = (ctx.logs / "fuzz-ioctl.result").read_text(errors="replace")
    found = re.findall(r"^# corpus ([0-9a-f]+)$", text, re.M)
    place = ctx.logs / "fuzz-ioctl.corpus"
    place.write_text((ctx.top / CORPUS).read_text()
                     + "".join(f"{line}\n" for line in found))
    print(f"{len(found)} programs found what none had; with them the corpus is "
          f"{place}, to be kept in {CORPUS}", flush=True)


def kcsan(ctx):
    """The tests with several threads, watched for races of the driver."""
    if not ctx.built("KCSAN image", "kcsan-image", "gzhyp"):
        return
    Machine(ctx, "kcsan", ctx.build / "kcsan/arch/arm64/boot/Image",
            ctx.build / "kcsan.cpio", 6).tests(
                "kcsan", "gzhyp.controls gz.ioctl_fuzz=120,1 loglevel=1 "
                "log_buf_len=16M",
                KCSAN_TESTS, 120)


def gzrun(ctx):
    """gzrun's options and devices; each program boots several guests."""
    machine = base_machine(ctx)
    machine.patience *= 2
    machine.tests("gzrun",
                  "gzhyp.controls gz.dir=/usr/libexec/geniezone-gzrun",
                  base=ctx.top / "tools/testing/geniezone/gzrun")


def kexec(ctx):
    base_machine(ctx).kexec("kexec")


def no_hypervisor(ctx):
    """Without GenieZone the driver is silent and harmless, also at EL2."""
    for level, options in ((1, ()), (2, ("--vhe",))):
        group = ctx.report.group
        ctx.report.group = f"{group}, Linux at EL{level}"
        absent(base_machine(ctx), f"no-hypervisor-el{level}", level, options)
        ctx.report.group = group


def absent(machine, name, level, options):
    """An HVC would be undefined here, or the end of a kernel at EL2."""
    report, log = machine.ctx.report, machine.ctx.log(name)
    status, lines = machine.boot(name, "gz.do=absent", 60 * machine.patience,
                                 *options, el2=False)
    report.check("is where it is to be", f"started at EL{level}" in
                 log.read_text(errors="replace"), "", log)
    for case in ("", " assume_hyp=1"):
        report.check(f"loads, makes no device, unloads{case}",
                     f"ok: absent{case}" in lines, "not reported", log)
    machine.ended(name, status, lines)


def unlisted(ctx):
    """The driver finds a hypervisor without a node when it is told to."""
    machine = base_machine(ctx)
    status, lines = machine.boot(
        "unlisted", "gzhyp.unlisted gz.do=unlisted gz.tests=mmio_test "
        "gz.timeout=120", 180)
    for step in ("absent", "/dev/gzvm", "unloaded"):
        ctx.report.check(step, f"ok: {step}" in lines, "not reported",
                         ctx.log("unlisted"))
    machine.program("unlisted", "mmio_test", split_runs(lines))
    machine.ended("unlisted", status, lines)


# A driver that has its unit tests in it, on a machine without the hypervisor
KUNIT_APPEND = "gz.do=kunit kunit.enable=1 transparent_hugepage=always"


def kunit_output(log):
    """What the tests printed, among the kernel's messages."""
    text = re.sub(r"^\[ *\d+\.\d+\] ", "", log.replace("\r", ""), flags=re.M)
    # The first one is of the kernel itself, which has no tests
    begin = text.rfind("\nKTAP version 1")
    return text[begin:] if begin >= 0 else ""


def kunit_module(ctx, machine, kernel):
    """The driver's own tests in a module, on one of the kernels that there are."""
    name = f"kunit-{machine.name}"
    place = ctx.kbuild / name
    place.mkdir(parents=True, exist_ok=True)
    status, output = ctx.run(
        f"{name}.build", ctx.image / "module.sh", ctx.linux, kernel, place,
        "CONFIG_MTK_GZVM_KUNIT_TEST=y",
        env={"BUILD": str(ctx.build),
             "KCFLAGS": "-DCONFIG_MTK_GZVM_KUNIT_TEST=1"})
    if not ctx.report.check("builds", status == 0, reason(output),
                            ctx.log(f"{name}.build")):
        return
    machine.initrd = place / "host.cpio"
    status, output = ctx.run(
        f"{name}.image", ctx.image / "initramfs.sh", "host", machine.initrd,
        ctx.host / "usr/gen_init_cpio", ctx.build / "arm64/root/bin/busybox",
        f"{place}/drivers/virt/geniezone/gzvm.ko=/lib/modules/gzvm.ko")
    if not ctx.report.check("image", status == 0, reason(output),
                            ctx.log(f"{name}.image")):
        return
    status, lines = machine.boot(name, KUNIT_APPEND, 60 * machine.patience,
                                 el2=False)
    log = ctx.log(name)
    ctx.report.merge("", ktap.parse(kunit_output(
        log.read_text(errors="replace"))), log)
    machine.ended(name, status, lines)


def kunit_base(ctx):
    kunit_module(ctx, base_machine(ctx), ctx.host)


def kunit_debug(ctx):
    kunit_module(ctx, debug_machine(ctx), ctx.debug)


def kunit(ctx):
    """The same as kunit.py has it: built into a kernel made for that."""
    build = ctx.build / "kunit"
    config = "drivers/virt/geniezone/tests/.kunitconfig"
    cache = []
    if shutil.which("ccache"):
        cache = ["--make_options", "CC=ccache aarch64-linux-gnu-gcc"]
    status, output = ctx.run(
        "kunit", "python3", "tools/testing/kunit/kunit.py", "run",
        f"--kunitconfig={config}", f"--build_dir={build}", "--arch=arm64",
        "--cross_compile=aarch64-linux-gnu-", "--jobs", str(os.cpu_count()),
        "--raw_output=kunit", "--timeout=300", *cache, cwd=ctx.linux_612,
        env={"MAKEFLAGS": "", "MAKELEVEL": ""})
    log = ctx.log("kunit")
    if not re.search(r"^ *K?TAP version", output, re.M):
        ctx.report.fail("run", reason(output), log)
        return
    ctx.report.merge("", ktap.parse(output), log)
    ctx.report.check("kunit.py", status == 0, f"status {status}", log)
    console = build / "test.log"
    status, output = ctx.run("kunit.splats", ctx.image / "splats.sh", console)
    ctx.report.check("no splat", status == 0, output.split("\n")[0], console)


def unit_tests(ctx, target="gzhyp-check"):
    """Portable parts of a program, on the machine that builds them."""
    status, output = ctx.make(target, target)
    log = ctx.log(f"make-{target}")
    documents = split_documents(output)
    ctx.report.check("there are unit tests", bool(documents),
                     reason(output), log)
    for document in documents:
        ctx.report.merge("", ktap.parse(document), log)
    ctx.report.check("make check", status == 0, reason(output), log)


def gzrun_unit_tests(ctx):
    unit_tests(ctx, "gzrun-check")


def split_documents(output):
    """Programs one after the other each begin with a version line."""
    parts = re.split(r"^(?=K?TAP version \d)", output, flags=re.M)
    return [p for p in parts if ktap.VERSION.match(p.split("\n")[0])]


def incremental(ctx):
    """What is up to date stays; one changed file costs one compilation."""
    report = ctx.report
    if ctx.kbuild != ctx.build:
        return report.add("", ktap.SKIP, "the kernel is not Debian's")
    compile_count(ctx, "first")
    compiled = compile_count(ctx, "again")
    report.check("nothing is compiled again", compiled == [],
                 f"compiled: {(compiled or [])[:3]}")
    touched = ctx.linux / "drivers/virt/geniezone/vm.c"
    touched.touch()
    (ctx.host / "built").unlink(missing_ok=True)
    compiled = compile_count(ctx, "touched")
    names = [Path(c).name for c in compiled or []]
    report.check("one file changed: one object", names.count("vm.o") == 1 and
                 set(names) <= {"vm.o", "gzvm.mod.o", "gzvm.o"},
                 f"compiled: {names[:5]}")
    return None


def compile_count(ctx, name):
    """Objects that building the images compiles; None when that fails."""
    before = object_times(ctx)
    status, _ = ctx.make(f"incremental-{name}", "images", "gzhyp")
    after = object_times(ctx)
    if status:
        return None
    return sorted(str(p) for p, t in after.items() if before.get(p) != t)


def object_times(ctx):
    found = {}
    for base in (ctx.host, ctx.build / "gzhyp", ctx.build / "gzrun",
                 ctx.build / "selftests"):
        for path in base.rglob("*.o"):
            found[path] = path.stat().st_mtime_ns
    return found
