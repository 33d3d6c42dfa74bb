# SPDX-License-Identifier: GPL-2.0
"""The steps that run in QEMU."""

import os
import re
import shutil
from pathlib import Path

from . import ktap, programs
from .context import reason
from .progress import Progress

# Modes of gzhyp, and the words on the host's command line that select them.
# phones.py has others.
MODES = (
    ("default", ""),
    ("noblock", "gzhyp.noblock"),
    ("nodemand", "gzhyp.nodemand"),
)

# Linux masks interrupts by priority
NMI = "irqchip.gicv3_pseudo_nmi=1"

# On the debug kernel, a mode also tests a kernel that does not preempt, or that has
# pseudo-NMIs
DEBUG_MODES = {"noblock": "preempt=none", "nodemand": NMI}

# How long the ioctls are fuzzed on a kernel, in each mode: five minutes in all,
# most of them on the kernel where coverage guides the fuzz
FUZZ_SECONDS = {"base": 20, "debug": 240}

# For mutants on the debug kernel: poisons freed pages, which is too slow for all
# tests, and turns preemption off.
DEBUG_APPEND = "page_poison=1 preempt=none"

# The inputs that the ioctl fuzz starts with
CORPUS = "tools/testing/selftests/geniezone/ioctl_fuzz.corpus"

# Shapes of the machine: name and options of qemu.sh
SHAPES = (
    ("two CPUs", ()),
    ("one CPU and 1 GiB", ("--smp", "1", "--mem", "1G")),
    ("Cortex-A76", ("--cpu", "cortex-a76")),
)

# gzhyp takes virtio-mmio from the host here
SMMU = ("--machine", "iommu=smmuv3", "--pci")

DEMO_STEPS = ("host up", "/dev/gzvm", "guest up", "guest proof", "guest disk",
              "guest network", "guest powered off", "protected guest up",
              "protected guest proof", "protected guest disk",
              "protected guest network", "protected guest powered off")


class Machine:
    """A kernel with its initial RAM disk, and a factor for time limits."""

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
            options += ("--el2", ctx.hypervisor(append))
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
        """No kernel and no hypervisor complained, neither of host nor of guest."""
        ctx = self.ctx
        status, output = ctx.run(f"{name}.splats", ctx.image / "splats.sh",
                                 ctx.log(name))
        first = output.strip().splitlines()[0] if output.strip() else ""
        ctx.report.check("no splat", status == 0, first, ctx.log(name))

    def ended(self, name, status, lines):
        """The machine did its task and powered off."""
        failures = [line[6:] for line in lines if line.startswith("fail: ")]
        why = ""
        if failures:
            why = failures[0]
        elif status == 124:
            why = "time limit"
        elif status:
            why = f"QEMU's status is {status}"
        elif "host: done" not in lines:
            why = "the host did not finish"
        self.ctx.report.check("machine", not why, why,
                              self.ctx.log(name))
        self.no_splat(name)

    def demo(self, name, *options, append=""):
        """Boots Linux guests, from loading the driver to powering off."""
        status, lines = self.boot(
            name, f"gz.do=demo gz.guests=plain,protected {append}",
            90 * self.patience, *options)
        self.reached(name, lines, DEMO_STEPS)
        self.ended(name, status, lines)

    def reached(self, name, lines, steps):
        """The host reported these steps."""
        for step in steps:
            self.ctx.report.check(
                step, any(line.startswith(f"ok: {step}") for line in lines),
                "not reached", self.ctx.log(name))

    def smp(self, name, rounds, *options, patience=1, append="", el2=True):
        """Boots Linux guests with several vCPUs, one by one and then two at once."""
        limit = (60 + 60 * rounds) * self.patience * patience
        status, lines = self.boot(name, f"gz.do=smp gz.rounds={rounds} {append}", limit,
                                  *options, el2=el2)
        guests = [f"smp-{i}" for i in range(1, rounds + 1)] + \
            ["pair-1", "pair-2"]
        for guest in guests:
            self.ctx.report.check(guest, f"ok: guest {guest}" in lines,
                                  "not reached", self.ctx.log(name))
        self.ended(name, status, lines)
        return lines

    def program(self, name, program, runs):
        """Adds the results of a test program from the log of this name."""
        report = self.ctx.report
        log = self.ctx.log(name)
        if program not in runs:
            return report.fail(program, "was not run", log)
        text, code = runs[program]
        if code is None:
            return report.fail(program, "the machine did not survive it", log)
        return report.merge(program, ktap.parse_program(text, code), log)

    def tests(self, name, append, found, limit=0, guests=(), options=()):
        """
        Boots Linux guests of these kinds, runs these programs. Each line of the
        programs' output is a result. Returns the lines that the host reported.
        """
        report = self.ctx.report
        log = self.ctx.log(name)
        limit = self.patience * (limit or max((p.seconds for p in found), default=0))
        if any("controls" in program.needs for program in found):
            append += " gzhyp.controls"
        names = [program.name for program in found]
        status, lines = self.boot(
            name, f"gz.do=tests gz.timeout={limit} {append} "
            f"gz.guests={','.join(guests)} gz.tests={','.join(names)}",
            limit * (len(names) + 2) + 60 * self.patience * len(guests), *options)
        runs = split_runs(lines)
        report.check("there are test programs", bool(names))
        for program in names:
            self.program(name, program, runs)
        report.check("driver unloaded", "ok: unloaded" in lines, "", log)
        if self.name == "debug":
            report.check("no leaks", "ok: no leaks" in lines, "", log)
        self.ended(name, status, lines)
        return lines

    def kexec(self, name):
        """Another kernel takes over while a guest runs; then a test passes on it.

        The first kernel must not enable LPIs: without EFI, Linux cannot tell the
        next kernel where the LPI tables are, so the GIC might write into the next
        kernel's text.
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
    """20 guests in a row; too slow for "make test"."""
    base_machine(ctx).smp("soak-smp", 20)


def soak_kicks(ctx):
    """A million accesses with signals, and a million kicks."""
    base_machine(ctx).tests("soak-kicks", "gz.times=1000000",
                            programs.named(ctx, "kick_test"), 1800)


def fuzz_hypervisor(ctx):
    """Fuzzes gzhyp's calls, CALLS times."""
    calls = int(os.environ.get("CALLS") or 1000000)
    seed = int(os.environ.get("SEED") or 1)
    base_machine(ctx).tests(
        "fuzz-hyp", f"gz.fuzz={calls},{seed}",
        programs.named(ctx, "gzhyp_fuzz_test"), 60 + calls // 2000)


def fuzz_ioctl(ctx):
    """Fuzzes the driver's ioctls, for SECONDS."""
    seconds = int(os.environ.get("SECONDS") or 600)
    seed = int(os.environ.get("SEED") or 1)
    debug_machine(ctx).tests(
        "fuzz-ioctl", f"gz.ioctl_fuzz={seconds},{seed}",
        programs.named(ctx, "ioctl_fuzz_test"), 60 + seconds)
    keep_corpus(ctx)


def keep_corpus(ctx):
    """Saves the inputs that reached new code, for later runs to start with."""
    text = (ctx.logs / "fuzz-ioctl.result").read_text(errors="replace")
    found = re.findall(r"^# corpus ([0-9a-f]+)$", text, re.M)
    place = ctx.logs / "fuzz-ioctl.corpus"
    place.write_text((ctx.top / CORPUS).read_text()
                     + "".join(f"{line}\n" for line in found))
    print(f"{len(found)} inputs reached new code; copy {place} to {CORPUS} to keep "
          "them", flush=True)


def kcsan(ctx):
    """Runs the tests that use threads on the KCSAN kernel."""
    if not ctx.built("KCSAN image", "kcsan-image", "gzhyp-test"):
        return
    Machine(ctx, "kcsan", ctx.kbuild / "kcsan/arch/arm64/boot/Image",
            ctx.kbuild / "kcsan.cpio", 6).tests(
                "kcsan", "gz.ioctl_fuzz=120,1 loglevel=1 log_buf_len=16M",
                programs.needing(ctx, "threads"), 120)


def nmi(ctx):
    """All kselftests with pseudo-NMIs, on the debug kernel."""
    debug = debug_machine(ctx)
    debug.tests("nmi", NMI, programs.for_kernel(
        programs.programs(ctx, programs.DRIVER), "debug"))
    log = ctx.log("nmi")
    ctx.report.check("the host has pseudo-NMIs", "Pseudo-NMIs enabled" in
                     log.read_text(errors="replace"), "", log)


def pages_machine(ctx, kernel):
    return Machine(ctx, kernel, ctx.kbuild / kernel / "arch/arm64/boot/Image",
                   ctx.kbuild / f"{kernel}.cpio", 2)


def pages_guests(ctx, kernel):
    """Guests with pages of 4 KiB, and with pages as large as the host's."""
    machine = pages_machine(ctx, kernel)
    for guest, append in (("4k", ""), (kernel, f"gz.guest=-{kernel}")):
        group = ctx.report.group
        ctx.report.group = f"{group}, {guest} guest"
        machine.demo(f"guest-{guest}-on-{kernel}", append=append)
        ctx.report.group = group


def gzrun(ctx):
    """Tests gzrun's options and devices; each script boots several guests."""
    base_machine(ctx).tests("gzrun", "", programs.programs(ctx, programs.GZRUN))


def gzhyp(ctx):
    """Tests gzhyp from guests and from the host."""
    base_machine(ctx).tests("gzhyp", "", programs.for_kernel(
        programs.programs(ctx, programs.GZHYP), "base"))


def dma(ctx):
    """With an SMMU, gzhyp keeps a disk from a protected guest's memory."""
    disk = ctx.logs / "dma.disk"
    disk.write_bytes(bytes(1 << 20))
    base_machine(ctx).tests("dma", "gzhyp.nodemand", programs.needing(ctx, "smmu"),
                            options=(*SMMU, "--disk", disk))
    text = ctx.log("dma").read_text(errors="replace")
    ctx.report.check("gzhyp says so", "gzhyp: DMA of devices: PCI is behind an SMMU" in text,
                     "", ctx.log("dma"))
    ctx.report.check("nothing is skipped", "# SKIP" not in
                     (ctx.logs / "dma.result").read_text(errors="replace"), "",
                     ctx.log("dma"))


def kexec(ctx):
    base_machine(ctx).kexec("kexec")


def no_hypervisor(ctx):
    """Without GenieZone the driver does nothing, also with Linux at EL2."""
    for level, options in ((1, ()), (2, ("--vhe",))):
        group = ctx.report.group
        ctx.report.group = f"{group}, Linux at EL{level}"
        absent(base_machine(ctx), f"no-hypervisor-el{level}", level, options)
        ctx.report.group = group


def absent(machine, name, level, options):
    """Without EL2, an HVC is undefined; with Linux at EL2, it is fatal."""
    report, log = machine.ctx.report, machine.ctx.log(name)
    status, lines = machine.boot(name, "gz.do=absent", 60 * machine.patience,
                                 *options, el2=False)
    report.check("runs at this level", f"started at EL{level}" in
                 log.read_text(errors="replace"), "", log)
    for case in ("", " assume_hyp=1"):
        report.check(f"loads, makes no device, unloads{case}",
                     f"ok: absent{case}" in lines, "not reported", log)
    machine.ended(name, status, lines)


def unlisted(ctx):
    """Without a device tree node, the driver uses gzhyp only with assume_hyp=1."""
    machine = base_machine(ctx)
    status, lines = machine.boot(
        "unlisted", "gzhyp.unlisted gz.do=unlisted gz.tests=mmio_test "
        "gz.timeout=120", 180)
    for step in ("absent", "/dev/gzvm", "unloaded"):
        ctx.report.check(step, f"ok: {step}" in lines, "not reported",
                         ctx.log("unlisted"))
    machine.program("unlisted", "mmio_test", split_runs(lines))
    machine.ended("unlisted", status, lines)


# A driver that contains its unit tests, on a machine without gzhyp
KUNIT_APPEND = "gz.do=kunit kunit.enable=1 transparent_hugepage=always"


def kunit_output(log):
    """The output of the tests, without the other kernel messages."""
    text = re.sub(r"^\[ *\d+\.\d+\] ", "", log.replace("\r", ""), flags=re.M)
    # The first version line belongs to the kernel itself, which has no tests
    begin = text.rfind("\nKTAP version 1")
    return text[begin:] if begin >= 0 else ""


def kunit_module(ctx, machine, kernel):
    """Runs the driver's unit tests from a module, on an existing kernel."""
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
        ctx.build / "arm64/root/bin/busybox",
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
    """Runs them as kunit.py does: built into a kernel of their own."""
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
    """Runs the unit tests of a program on the build machine."""
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


# In "make test"
FUZZ_CORE_SECONDS = 7


def fuzz_core(ctx, seconds=FUZZ_CORE_SECONDS):
    """Fuzzes gzhyp's core on the build machine."""
    status, output = ctx.make("gzhyp-fuzz", "gzhyp-fuzz", f"SECONDS={seconds}")
    log = ctx.log("make-gzhyp-fuzz")
    missing = re.search(r".* is not installed$", output, re.M)
    if missing:
        return ctx.report.add("fuzz of the core", ktap.SKIP, missing[0], log)
    found = re.search(r"^# .*", output, re.M)
    return ctx.report.check("fuzz of the core", status == 0,
                            found[0] if found else reason(output), log)


def fuzz_core_longer(ctx):
    fuzz_core(ctx, int(os.environ.get("SECONDS") or 600))


def prove(ctx):
    """Proofs of parts of gzhyp, where CBMC can be had."""
    status, output = ctx.make("cbmc", str(ctx.build / "cbmc/cbmc"))
    if status:
        return ctx.report.add("proofs", ktap.SKIP, f"no CBMC: {reason(output)}",
                              ctx.log("make-cbmc"))
    return unit_tests(ctx, "gzhyp-prove")


def split_documents(output):
    """Splits the output of several programs: each starts with a version line."""
    parts = re.split(r"^(?=K?TAP version \d)", output, flags=re.M)
    return [p for p in parts if ktap.VERSION.match(p.split("\n")[0])]


def incremental(ctx):
    """Nothing is compiled twice; one changed file is compiled alone."""
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
    """Objects that a build of the images compiles; None if it fails."""
    before = object_times(ctx)
    status, _ = ctx.make(f"incremental-{name}", "images", "gzhyp")
    after = object_times(ctx)
    if status:
        return None
    return sorted(str(p) for p, t in after.items() if before.get(p) != t)


def object_times(ctx):
    found = {}
    for base in (ctx.host, ctx.build / "gzhyp", ctx.build / "gzrun",
                 ctx.build / "selftests", ctx.build / "gzhyp-machine-tests",
                 ctx.build / "gzrun-machine-tests"):
        for path in base.rglob("*.o"):
            found[path] = path.stat().st_mtime_ns
    return found
