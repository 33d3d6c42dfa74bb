# SPDX-License-Identifier: GPL-2.0
"""Builds the driver for other kernels of Debian, and boots the newest of them."""

import os
import re

from . import gki, machine, programs, series, upstream
from .context import reason
from .static import DRIVER, built_module, compile_driver, configured

# The oldest and the usual kernel; the third one is the newest that Debian has
VERSIONS = ("6.1", "6.12", "newest")

# Unit tests need static stubs and memory of user space
UNIT_TESTS_FROM = (6, 12)

# The headers' configuration may name tools that this machine does not have: pahole,
# and options of gcc that came after Debian 12's
TOOLS = ("CONFIG_DEBUG_INFO_BTF_MODULES=", "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=")

# The host needs the first before its init looks for the port of the results, and the
# other one as a disk
EARLY_MODULES = ("virtio_mmio", "zram")

# Debian's kernels that boot as the host
USUAL, RT = "arm64", "rt-arm64"


def place(ctx):
    return ctx.build / "debian"


def done(ctx, name, *command, env=None):
    """Runs a command; its success is a result."""
    status, output = ctx.run(name, *command, env=env)
    return ctx.report.check(name, status == 0, reason(output), ctx.log(name))


def fetched(ctx, version, what, flavour=USUAL):
    """Fetches a part of a kernel, unless it is there."""
    print(f"          Linux {version} {flavour}: {what}", flush=True)
    return done(ctx, f"fetch-{version}-{flavour}-{what}",
                ctx.image / "debian-kernel.sh", place(ctx), version, what, flavour)


def fetch(ctx):
    for version in VERSIONS:
        fetched(ctx, version, "headers")
    fetched(ctx, "newest", "source")
    fetched(ctx, "newest", "image")
    ctx.built("linux-6.1", f"{ctx.linux_61}.stamp")
    ctx.built("linux-6.12", str(ctx.build / "integrated"))


def number(ctx, version):
    """The version as Debian names it: "newest" has one, too."""
    if version != "newest":
        return version
    return (place(ctx) / "newest").read_text().strip()


def source(ctx, version):
    if version == "newest":
        return place(ctx) / number(ctx, version) / "source"
    return ctx.build / f"linux-{version}"


def package(ctx, version, what, flavour=USUAL):
    return place(ctx) / f"{number(ctx, version)}-{flavour}" / what


def prepared(ctx, version):
    """Integrates the driver into a kernel tree, and configures it."""
    log = f"kernels-integrate-{version}"
    tree = source(ctx, version)
    status, output = ctx.run(log, ctx.tools / "integrate.sh", "add", tree)
    if not ctx.report.check(f"{version} integrate", status == 0, reason(output),
                            ctx.log(log)):
        return None
    return configured(ctx, f"kernel-{version}", tree, "host.config",
                      "check.config")


def in_tree(ctx):
    """All of the driver compiles in each tree, without a warning."""
    for version in VERSIONS:
        out = prepared(ctx, version)
        if not out:
            continue
        compile_driver(ctx, f"{version} in tree", source(ctx, version), out, None,
                       "W=1")
        numbers = tuple(int(n) for n in number(ctx, version).split("."))
        objects = list((out / DRIVER / "tests").glob("*_kunit.o"))
        ctx.report.check(f"{version} unit tests",
                         bool(objects) == (numbers >= UNIT_TESTS_FROM))
    newest = source(ctx, "newest")
    ctx.report.check("the newest tree gets no files for older kernels",
                     not any((newest / file).exists() for file in upstream.COMPAT))


def module(ctx, version, name, *variables, flavour=USUAL):
    """Builds the module against Debian's headers; returns its path."""
    return built_module(
        ctx, name, package(ctx, version, "headers/common", flavour).resolve(),
        package(ctx, version, "headers/build", flavour).resolve(),
        "CC=aarch64-linux-gnu-gcc", "W=1", *TOOLS, *variables)


def modules(ctx):
    for version in VERSIONS:
        module(ctx, version, f"debian-{version}")


def gki_modules(ctx):
    """The imports of the modules, all of them and without the optional parts."""
    for version in VERSIONS[:2]:
        for name, variables in (("all", ()), ("lean", gki.WITHOUT)):
            ko = module(ctx, version, f"gki-{version}-{name}", *variables)
            if ko.exists():
                gki.check(ctx, f"{version} {name}", ko)


def fetch_gki(ctx):
    for version in VERSIONS[:2]:
        fetched(ctx, version, "headers")


def image(ctx, flavour):
    """The initial RAM disk of a host that runs Debian's newest kernel."""
    if not ctx.built("images", "gzhyp", "gzhyp-test", "images"):
        return None
    gzvm = module(ctx, "newest", f"debian-newest-{flavour}", flavour=flavour)
    early = ctx.build / f"check/early-{flavour}"
    ctl = ctx.build / f"check/{flavour}.ctl"
    if not done(ctx, f"kernels-modules-{flavour}", ctx.image / "modules.py",
                package(ctx, "newest", "image/modules", flavour), early,
                *EARLY_MODULES) or \
       not done(ctx, f"kernels-ctl-{flavour}", ctx.image / "ctl-module.sh",
                package(ctx, "newest", "headers/common", flavour).resolve(),
                package(ctx, "newest", "headers/build", flavour).resolve(), ctl,
                env={"VARIABLES": " ".join(("CC=aarch64-linux-gnu-gcc", *TOOLS))}):
        return None
    ours = (ctx.kbuild / "host.cpio.list").read_text()
    for name, path in (("gzvm", gzvm), ("gzhyp_ctl", ctl / "gzhyp_ctl.ko")):
        ours = re.sub(rf"^(file /lib/modules/{name}\.ko) \S+", rf"\1 {path}", ours,
                      flags=re.M)
    cpio = ctx.build / f"debian-{flavour}.cpio"
    listed = cpio.with_suffix(".cpio.list")
    lines = [f"file /lib/modules/early/{file.name} {file} 755\n"
             for file in sorted(early.iterdir())]
    listed.write_text(ours + "dir /lib/modules/early 755\n" + "".join(lines))
    made = done(ctx, f"kernels-image-{flavour}", ctx.image / "cpio.py", listed, cpio)
    return cpio if made else None


def host(ctx, flavour):
    """Debian's newest kernel of this flavour as the host; None if it cannot be."""
    cpio = image(ctx, flavour)
    return cpio and machine.Machine(
        ctx, f"debian-{flavour}", package(ctx, "newest", "image/Image", flavour), cpio,
        4)


def kselftests(ctx):
    """The driver's programs, or those that PROGRAMS names."""
    found = programs.for_kernel(programs.programs(ctx, programs.DRIVER), "base")
    names = (os.environ.get("PROGRAMS") or "").split()
    return programs.named(ctx, *names) if names else found


def boot(ctx):
    """Debian's newest kernel as the host: the kselftests, and guests."""
    debian = host(ctx, USUAL)
    if debian:
        debian.demo("kernels-guest")
        debian.tests("kernels-kselftest", "", kselftests(ctx))


def fetch_rt(ctx):
    for what in ("headers", "image"):
        fetched(ctx, "newest", what, RT)


def boot_rt(ctx):
    """A kernel with PREEMPT_RT runs guests, and the kselftests ROUNDS times.

    In every second round CPU 1 has no tick while one task runs, and RCU learns from
    context tracking that it is in a guest.
    """
    rounds = int(os.environ.get("ROUNDS") or 50)
    debian = host(ctx, RT)
    if not debian:
        return
    debian.demo("rt-guest")
    text = ctx.log("rt-guest").read_text(errors="replace")
    ctx.report.check("it is PREEMPT_RT", "PREEMPT_RT" in text, "", ctx.log("rt-guest"))
    for turn in range(rounds):
        before = len(ctx.report.failures)
        debian.tests("rt-kselftest", "nohz_full=1" if turn % 2 else "", kselftests(ctx))
        if len(ctx.report.failures) > before:
            ctx.report.fail(f"round {turn + 1} of {rounds}", "the last one")
            break


def series_newest(ctx):
    out = ctx.build / "check/kernel-newest"
    series.check(ctx, "newest", source(ctx, "newest"), out)
