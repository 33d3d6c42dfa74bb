# SPDX-License-Identifier: GPL-2.0
"""Builds the driver for other kernels of Debian, and boots the newest of them."""

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

# The host needs these before its init looks for the port of the results
EARLY_MODULES = ("virtio_mmio",)


def place(ctx):
    return ctx.build / "debian"


def fetched(ctx, version, what):
    """Fetches a part of a kernel, unless it is there."""
    log = f"fetch-{version}-{what}"
    print(f"          Linux {version}: {what}", flush=True)
    status, output = ctx.run(log, ctx.image / "debian-kernel.sh", place(ctx),
                             version, what)
    return ctx.report.check(f"{version} {what}", status == 0, reason(output),
                            ctx.log(log))


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


def package(ctx, version, what):
    return place(ctx) / f"{number(ctx, version)}-arm64" / what


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


def module(ctx, version, name, *variables):
    """Builds the module against Debian's headers; returns its path."""
    return built_module(
        ctx, name, package(ctx, version, "headers/common").resolve(),
        package(ctx, version, "headers/build").resolve(),
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


def image(ctx):
    """The initial RAM disk of the host that runs Debian's newest kernel."""
    if not ctx.built("images", "gzhyp", "gzhyp-test", "images"):
        return None
    early = ctx.build / "check/early"
    status, output = ctx.run("kernels-modules", ctx.image / "modules.py",
                             package(ctx, "newest", "image/modules"), early,
                             *EARLY_MODULES)
    if not ctx.report.check("modules", status == 0, reason(output),
                            ctx.log("kernels-modules")):
        return None
    ctl = ctx.build / "check/debian.ctl"
    status, output = ctx.run(
        "kernels-ctl", ctx.image / "ctl-module.sh",
        package(ctx, "newest", "headers/common").resolve(),
        package(ctx, "newest", "headers/build").resolve(), ctl,
        env={"VARIABLES": " ".join(("CC=aarch64-linux-gnu-gcc", *TOOLS))})
    if not ctx.report.check("module of the controls", status == 0, reason(output),
                            ctx.log("kernels-ctl")):
        return None
    ours = (ctx.kbuild / "host.cpio.list").read_text()
    cpio = ctx.build / "debian.cpio"
    listed = cpio.with_suffix(".cpio.list")
    for name, path in (
            ("gzvm", ctx.build / f"check/module-debian-newest/{DRIVER}/gzvm.ko"),
            ("gzhyp_ctl", ctl / "gzhyp_ctl.ko")):
        ours = re.sub(rf"^(file /lib/modules/{name}\.ko) \S+", rf"\1 {path}", ours,
                      flags=re.M)
    lines = [f"file /lib/modules/early/{file.name} {file} 755\n"
             for file in sorted(early.iterdir())]
    listed.write_text(ours + "dir /lib/modules/early 755\n" + "".join(lines))
    status, output = ctx.run("kernels-image", ctx.image / "cpio.py", listed, cpio)
    if not ctx.report.check("image", status == 0, reason(output),
                            ctx.log("kernels-image")):
        return None
    return cpio


def boot(ctx):
    """Debian's newest kernel as the host: the kselftests, and guests."""
    cpio = image(ctx)
    if not cpio:
        return
    host = machine.Machine(ctx, "debian", package(ctx, "newest", "image/Image"),
                           cpio, 4)
    host.demo("kernels-guest")
    host.tests("kernels-kselftest", "", programs.for_kernel(
        programs.programs(ctx, programs.DRIVER), "base"))


def series_newest(ctx):
    out = ctx.build / "check/kernel-newest"
    series.check(ctx, "newest", source(ctx, "newest"), out)
