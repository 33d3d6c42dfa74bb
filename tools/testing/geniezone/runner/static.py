# SPDX-License-Identifier: GPL-2.0
"""Checks of the sources that run no machine."""

import os
import re
import shutil
from multiprocessing.pool import ThreadPool

from .context import reason

DRIVER = "drivers/virt/geniezone"
HEADER = "include/uapi/linux/gzvm.h"

# Files for one run of checkpatch: several runs are parallel
CHECKPATCH_FILES = 20

SOURCE_DIRS = (DRIVER, "include", "tools/lib", "tools/virt/geniezone",
               "tools/testing")

# checkpatch is made for the kernel's own code. Elsewhere some of its rules do not
# apply: (path prefix or name, rules that are ignored there).
IGNORED = (
    # the usual layout of trace headers
    (f"{DRIVER}/trace.h", "PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE"),
    # its purpose is to check versions
    (f"{DRIVER}/compat.h", "LINUX_VERSION_CODE,CONSTANT_COMPARISON"),
    # one macro declares an ioctl: its function, its checks, its entry
    (f"{DRIVER}/ioctl.c", "MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE"),
    # flags of pages, which checkpatch knows only where it finds the kernel's headers
    (f"{DRIVER}/gmem.c", "CAMELCASE"),
    # outside of the kernel the preferred macros, types and functions do not exist
    ("tools/", "VOLATILE,AVOID_BUG,MACRO_ARG_REUSE,USE_SPINLOCK_T,BIT_MACRO,"
               "PREFER_DEFINED_ATTRIBUTE_MACRO"),
    # a list of ioctls is a macro that takes a macro
    ("tools/testing/selftests/geniezone/ioctl", "COMPLEX_MACRO,MACRO_ARG_UNUSED"),
    ("tools/testing/geniezone/uapi_numbers.c", "TRAILING_SEMICOLON"),
    # each kind of address is a type; macros stand for instructions; lists of registers
    # are macros that take a macro; functions that only assembly calls are in no
    # header; messages contain the word panic
    ("tools/virt/geniezone/gzhyp/", "NEW_TYPEDEFS,COMPLEX_MACRO,"
                                    "MULTISTATEMENT_MACRO_USE_DO_WHILE,"
                                    "MACRO_ARG_UNUSED,MACRO_ARG_PRECEDENCE,"
                                    "TRAILING_SEMICOLON,TRAILING_STATEMENTS,"
                                    "BRACES,AVOID_EXTERNS,CAMELCASE,"
                                    "EMBEDDED_FUNCTION_NAME"),
    # the answer to clone3() in a sandbox
    ("tools/virt/geniezone/gzrun/sandbox.c", "ENOSYS"),
    # zlib's functions
    ("tools/virt/geniezone/gzrun/machine/image.c", "CAMELCASE"),
    # it defines the barriers; the comments are at their uses
    ("tools/virt/geniezone/gzhyp/arch/barrier.h", "MEMORY_BARRIER"),
)


def sources(ctx, dirs=SOURCE_DIRS, suffixes=(".c", ".h", ".S")):
    found = []
    for base in dirs:
        for path in sorted((ctx.top / base).rglob("*")):
            if path.suffix in suffixes and not path.name.endswith(".mod.c"):
                found.append(str(path.relative_to(ctx.top)))
    return found


def scratch(ctx, name):
    """Makes an empty directory for a check."""
    path = ctx.build / "check" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def by_file(ctx, paths, output):
    """One result for each file, from the lines that start with its name."""
    found = {path: [] for path in paths}
    strays = []
    for line in output.splitlines():
        name = line.split(":")[0].replace(f"{ctx.top}/", "")
        found.get(name, strays).append(line.replace(f"{ctx.top}/", ""))
    for path in paths:
        lines = found[path]
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        ctx.report.check(path, not lines, lines[0] + more if lines else "")
    return [line for line in strays if line.strip()]


def ignored_types(path):
    return ",".join(types for start, types in IGNORED if path.startswith(start))


def checkpatch(ctx):
    """Checks the files under their names in a kernel tree: rules depend on names."""
    script = ctx.linux_612 / "scripts/checkpatch.pl"
    cwd = scratch(ctx, "checkpatch")
    for name in ("drivers", "include", "tools"):
        (cwd / name).symlink_to(ctx.top / name)
    groups = {}
    for path in sources(ctx):
        groups.setdefault(ignored_types(path), []).append(path)
    jobs = [(ignore, paths[i:i + CHECKPATCH_FILES])
            for ignore, paths in groups.items()
            for i in range(0, len(paths), CHECKPATCH_FILES)]

    def run(number):
        ignore, paths = jobs[number]
        return ctx.run(
            f"checkpatch-{number}", "perl", script, "--no-tree",
            f"--root={ctx.linux_612}", "--strict", "--terse", "--no-summary",
            *([f"--ignore={ignore}"] if ignore else []), "-f", *paths, cwd=cwd)

    with ThreadPool(os.cpu_count()) as pool:
        for number, (status, output) in enumerate(
                pool.imap(run, range(len(jobs)))):
            strays = by_file(ctx, jobs[number][1], output)
            if strays or status not in (0, 1):
                ctx.report.fail("checkpatch", strays[0] if strays else
                                f"status {status}",
                                ctx.log(f"checkpatch-{number}"))


def kernel_doc(ctx):
    script = ctx.linux_612 / "scripts/kernel-doc"
    paths = sources(ctx, suffixes=(".c", ".h"))
    status, output = ctx.run("kernel-doc", "perl", script, "-none", "-Werror",
                             *paths, cwd=ctx.top)
    lines = [line for line in output.splitlines() if re.match(r"\S+:\d+", line)]
    by_file(ctx, paths, "\n".join(lines))
    ctx.report.check("kernel-doc", (status == 0) == (not lines),
                     f"status {status}", ctx.log("kernel-doc"))


# The interface has unnamed unions of named structs. Pedantic C99 does not allow
# them, and clang does not allow them in pedantic C++.
COMPILERS = (
    ("gcc", "c", "-std=c99"),
    ("gcc", "c", "-std=c11 -pedantic"),
    ("gcc", "c", "-std=gnu17 -pedantic"),
    ("g++", "c++", "-std=c++11 -pedantic"),
    ("g++", "c++", "-std=c++20 -pedantic"),
    ("clang-19", "c", "-std=c11 -pedantic"),
    ("clang-19", "c++", "-std=c++17"),
    ("aarch64-linux-gnu-gcc", "c", "-std=c11 -pedantic"),
)


def uapi(ctx):
    """The header compiles in a program that includes it first."""
    cwd = scratch(ctx, "uapi")
    (cwd / "linux").mkdir()
    shutil.copy(ctx.top / HEADER, cwd / "linux")
    (cwd / "alone.c").write_text("#include <linux/gzvm.h>\n")
    numbers = ctx.top / "tools/testing/geniezone/uapi_numbers.c"
    for compiler, language, options in COMPILERS:
        for what, file in (("alone", "alone.c"), ("numbers", numbers)):
            if what == "numbers" and "c99" in options:
                continue
            status, output = ctx.run(
                "uapi", compiler, "-x", language, *options.split(), "-Wall",
                "-Wextra", "-Werror", "-I.", "-c", "-o", "/dev/null", file,
                cwd=cwd)
            ctx.report.check(f"{what}, {compiler} {options}", status == 0,
                             reason(output))


def our_warnings(output):
    """The warnings about this project's files, in their order."""
    found = []
    for line in output.splitlines():
        ours = "geniezone" in line or "gzvm" in line
        if ours and re.search(r"\b(warning|error):", line):
            found.append(line.strip())
    return found


def configured(ctx, name, linux, *fragments, env=None):
    """Configures a kernel in build/check/NAME, ready to compile single files."""
    out = ctx.build / "check" / name
    status, output = ctx.run(
        f"config-{name}", ctx.image / "kernel.sh", "prepare", linux, out,
        *[ctx.image / f for f in fragments], env=env)
    if status:
        ctx.report.fail(f"{name}: configure", reason(output),
                        ctx.log(f"config-{name}"))
        return None
    return out


def compile_driver(ctx, name, linux, out, env=None, *variables):
    """Compiles the whole driver, even if it was compiled before."""
    shutil.rmtree(out / DRIVER, ignore_errors=True)
    log = f"check-{name}"
    status, output = ctx.run(
        log, ctx.image / "kernel.sh", "dir", linux, out,
        f"{DRIVER}/", *variables, env=env)
    complaints = our_warnings(output)
    objects = list((out / DRIVER).glob("*.o"))
    if complaints:
        why = complaints[0]
    else:
        why = reason(output) if status else "nothing was compiled"
    ctx.report.check(name, status == 0 and not complaints and objects, why,
                     ctx.log(log))


def compilers(ctx):
    gcc = configured(ctx, "gcc", ctx.linux_612, "host.config", "check.config")
    if gcc:
        compile_driver(ctx, "gcc W=1", ctx.linux_612, gcc, None, "W=1")
        compile_driver(ctx, "sparse", ctx.linux_612, gcc, None, "C=2",
                       "CF=-D__CHECK_ENDIAN__")
    env = {"LLVM": "-19"}
    clang = configured(ctx, "clang", ctx.linux_612, "host.config",
                       "check.config", env=env)
    if clang:
        compile_driver(ctx, "clang W=1", ctx.linux_612, clang, env, "W=1")


def built_module(ctx, name, linux, out, *variables):
    """Builds the external module; returns its path."""
    copy = scratch(ctx, f"module-{name}")
    log = f"module-{name}"
    status, output = ctx.run(log, ctx.image / "module.sh", linux, out, copy,
                             *variables)
    complaints = our_warnings(output)
    ko = copy / DRIVER / "gzvm.ko"
    ctx.report.check(f"module for {name}",
                     status == 0 and ko.exists() and not complaints,
                     complaints[0] if complaints else reason(output),
                     ctx.log(log))
    return ko


def external(ctx):
    """Builds the external module for 6.12 and for 6.1."""
    if (ctx.build / "host/Module.symvers").exists():
        built_module(ctx, "6.12", ctx.linux_612, ctx.build / "host")
    else:
        ctx.report.fail("module for 6.12", "the host kernel is not built")
    out = configured(ctx, "linux-6.1", ctx.linux_61, "host.config",
                     "external.config")
    if out:
        # a kernel that is not built has no Module.symvers: symbols stay unresolved
        built_module(ctx, "6.1", ctx.linux_61, out, "KBUILD_MODPOST_WARN=1")


def kconfig_ext(ctx):
    """A kernel without the driver takes this tree as external Kconfig."""
    cwd = scratch(ctx, "kconfig")
    shutil.copy(ctx.top / "Kconfig", cwd)
    (cwd / "drivers/virt").mkdir(parents=True)
    (cwd / DRIVER).symlink_to(ctx.top / DRIVER)
    out = ctx.build / "check/gcc"
    (cwd / "Kconfig.top").write_text(
        f'config ARM64\n\tdef_bool y\nconfig ARM64_4K_PAGES\n\tdef_bool y\n'
        f'config MODULES\n\tdef_bool y\n\tmodules\nsource "{cwd}/Kconfig"\n')
    status, output = ctx.run(
        "kconfig", out / "scripts/kconfig/conf", "--allmodconfig",
        "Kconfig.top", cwd=cwd, env={"KCONFIG_CONFIG": str(cwd / "config")})
    config = cwd / "config"
    ctx.report.check(
        "KCONFIG_EXT", status == 0 and config.exists() and
        "CONFIG_MTK_GZVM=m" in config.read_text(), reason(output),
        ctx.log("kconfig"))
