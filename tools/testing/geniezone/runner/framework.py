# SPDX-License-Identifier: GPL-2.0
"""The kselftests inside the kernel's framework, in an integrated tree."""

import os
import re

from .context import reason
from .machine import base_machine, split_runs
from .static import scratch

SELFTESTS = "tools/testing/selftests/geniezone"
# Two that need neither test controls nor much time
RUN = ("mmio_test", "run_test")
INSTALLED = "/usr/libexec/kselftest"


def kernel_make(ctx, what, *words):
    """The kernel's make, with its output in build/check/kselftest."""
    return ctx.run(
        f"kselftest-{what}", "make", f"-j{os.cpu_count()}",
        f"O={ctx.build}/check/kselftest", "ARCH=arm64",
        "CROSS_COMPILE=aarch64-linux-gnu-", *words, cwd=ctx.linux_612,
        env={"MAKEFLAGS": "", "MAKELEVEL": "0"})


def programs(ctx):
    """Names of the tests that the Makefile has."""
    text = (ctx.top / SELFTESTS / "Makefile").read_text()
    return sorted(re.findall(r"^TEST_GEN_PROGS \+?:?= (\w+)$", text, re.M))


def ignored(ctx):
    text = (ctx.top / SELFTESTS / ".gitignore").read_text()
    return sorted(line for line in text.splitlines() if line[:1] not in "#")


def config(ctx, out):
    """Each option of the file config can be set in an arm64 kernel."""
    kernel_make(ctx, "defconfig", "defconfig")
    wanted = (ctx.top / SELFTESTS / "config").read_text()
    with open(out / ".config", "a") as file:
        file.write(wanted)
    kernel_make(ctx, "config", "olddefconfig")
    taken = (out / ".config").read_text().splitlines()
    dropped = [line for line in wanted.splitlines()
               if line[:1] != "#" and line not in taken]
    ctx.report.check("the kernel takes each option of config", not dropped,
                     " ".join(dropped), ctx.log("kselftest-config"))


def selftests_make(ctx, what, *words):
    return kernel_make(ctx, what, "-C", "tools/testing/selftests",
                       "TARGETS=geniezone", "FORCE_TARGETS=1",
                       "USERLDFLAGS=-static", *words)


def run_tests(ctx, names):
    """
    "make run_tests" comes to each program. None passes: there is no /dev/gzvm on
    this machine, and mostly it cannot run programs for arm64.
    """
    output = selftests_make(ctx, "run_tests", "run_tests")[1]
    ran = re.findall(r"^(?:not )?ok \d+ selftests: geniezone: (\w+)\b", output, re.M)
    ctx.report.check("make run_tests comes to each program", sorted(ran) == names,
                     " ".join(set(names) ^ set(ran)), ctx.log("kselftest-run_tests"))


def install(ctx):
    """Installs the tests with the framework's "make install"."""
    check = ctx.report.check
    out = scratch(ctx, "kselftest")
    status, output = kernel_make(ctx, "headers", "headers")
    check("headers", status == 0, reason(output), ctx.log("kselftest-headers"))
    status, output = selftests_make(ctx, "install", f"INSTALL_PATH={out}/install",
                                    "install")
    check("install", status == 0, reason(output), ctx.log("kselftest-install"))
    names = programs(ctx)
    place = out / "install/geniezone"
    listed = out / "install/kselftest-list.txt"
    check("kselftest-list.txt has each program", names and listed.exists() and
          sorted(listed.read_text().split()) == [f"geniezone:{n}" for n in names])
    missing = [n for n in names if not os.access(place / n, os.X_OK)] + \
        [n for n in ("config", "settings") if not (place / n).exists()]
    check("each program is installed", not missing, " ".join(missing))
    check(".gitignore has each program", ignored(ctx) == names)
    run_tests(ctx, names)
    config(ctx, out)


def run(ctx):
    """Runs two programs with the installed run_kselftest.sh, on the host in QEMU."""
    tree = ctx.build / "check/kselftest/install"
    if not tree.exists():
        install(ctx)
    machine = base_machine(ctx)
    machine.initrd = ctx.build / "check/kselftest/host.cpio"
    files = [f"{p}={INSTALLED}/{p.relative_to(tree)}"
             for p in sorted(tree.rglob("*")) if p.is_file()]
    status, output = ctx.run(
        "kselftest-image", ctx.image / "initramfs.sh", "host", machine.initrd,
        ctx.build / "arm64/root/bin/busybox",
        f"{ctx.driver('host')}=/lib/modules/gzvm.ko", *files)
    if not ctx.report.check("image", status == 0, reason(output),
                            ctx.log("kselftest-image")):
        return
    status, lines = machine.boot(
        "kselftest-run", f"gz.do=kselftest gz.tests={','.join(RUN)}",
        60 * machine.patience)
    machine.program("kselftest-run", "run_kselftest.sh", split_runs(lines))
    for name in RUN:
        ctx.report.check(f"{name} is reported", any(
            re.match(rf"ok \d+ selftests: geniezone: {name}$", line)
            for line in lines), "no such line", ctx.log("kselftest-run"))
    machine.ended("kselftest-run", status, lines)
