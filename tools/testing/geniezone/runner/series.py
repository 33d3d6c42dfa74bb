# SPDX-License-Identifier: GPL-2.0
"""Checks the series of patches that "make series" writes."""

import os
import shutil
from multiprocessing.pool import ThreadPool

from .context import reason
from .static import DRIVER, IGNORED, our_warnings, scratch
from .upstream import COMPAT, HOOKED, TITLE, files

# "make test" has no time for all: it compiles after every fourth patch, and leaves
# checkpatch of large patches to check-kernels, as the step "checkpatch" has checked
# the files
LARGE = 25000
EVERY = 4

SIGN = "Some Body <somebody@example.org>"


def write(ctx, name, linux):
    """Writes the series; returns the patches without the cover letter."""
    out = scratch(ctx, f"series-{name}")
    log = f"series-{name}"
    status, output = ctx.run(log, ctx.testing / "series/series.py", "--kernel",
                             linux, "--out", out, "--sign", SIGN)
    ctx.report.check(f"{name}: written", status == 0, reason(output), ctx.log(log))
    letter = out / "0000-cover-letter.patch"
    ctx.report.check(f"{name}: cover letter",
                     letter.exists() and "***" not in letter.read_text())
    return sorted(out.glob("*.patch"))[1:]


def git(ctx, repo, *args):
    return ctx.run("series-git", "git", "-C", repo, "-c", "user.name=test",
                   "-c", "user.email=test@example.org", *args)


def small_tree(ctx, linux, place):
    """The kernel's files that patches change, as they are without the driver."""
    for file in ("Kbuild", "Makefile", *HOOKED):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(linux / file, place / file)
    manifest = linux / DRIVER / ".integrated"
    if manifest.exists():
        (place / DRIVER).mkdir(parents=True)
        shutil.copy(manifest, place / DRIVER)
        ctx.run("series-remove", ctx.tools / "integrate.sh", "remove", place)


def applied(ctx, name, linux, patches):
    """Applies the patches with git am; the result is what integrate.sh makes."""
    repo = scratch(ctx, f"series-am-{name}")
    small_tree(ctx, linux, repo)
    git(ctx, repo, "init", "-q")
    git(ctx, repo, "add", "-f", "-A")
    git(ctx, repo, "commit", "-q", "-m", "base")
    status, output = git(ctx, repo, "am", "-q", *patches)
    if not ctx.report.check(f"{name}: git am", status == 0, reason(output)):
        return None
    final = scratch(ctx, f"series-final-{name}")
    small_tree(ctx, linux, final)
    ctx.run("series-add", ctx.tools / "integrate.sh", "add", final)
    wrong = [file for file in (*files(ctx), *HOOKED)
             if not (repo / file).exists()
             or (repo / file).read_bytes() != (final / file).read_bytes()]
    ctx.report.check(f"{name}: the same tree as integrate", not wrong,
                     " ".join(wrong))
    return repo


def ignored():
    """All types that the step "checkpatch" ignores in some file of the series."""
    types = {t for start, types in IGNORED for t in types.split(",")
             if "geniezone/gzhyp" not in start}
    # MAINTAINERS names directories, so that no later patch must change it
    return ",".join(sorted(types | {"FILE_PATH_CHANGES"}))


def checkpatch(ctx, name, linux, patches):
    """Each patch, with its message."""
    def run(number):
        return ctx.run(
            f"series-checkpatch-{number}", "perl", linux / "scripts/checkpatch.pl",
            "--strict", "--terse", "--no-summary", f"--root={linux}", "--no-tree",
            f"--ignore={ignored()}", patches[number])

    with ThreadPool(os.cpu_count()) as pool:
        for number, (status, output) in enumerate(
                pool.imap(run, range(len(patches)))):
            ctx.report.check(f"{name}: checkpatch {patches[number].name[:40]}",
                             status == 0 and not output.strip(), reason(output),
                             ctx.log(f"series-checkpatch-{number}"))


def maintainer(ctx, name, linux, repo, patches):
    """get_maintainer.pl finds the entry for each patch."""
    for patch in patches:
        status, output = ctx.run(
            "series-maintainer", "perl", linux / "scripts/get_maintainer.pl",
            "--no-tree", "--no-git", "--no-git-fallback", "--sections",
            f"--mpath={repo}/MAINTAINERS", patch, cwd=repo)
        ctx.report.check(f"{name}: get_maintainer {patch.name[:40]}",
                         status == 0 and TITLE in output, reason(output))


def module_tree(ctx, name, repo):
    """Makes links to all that an external build of the driver needs."""
    place = scratch(ctx, f"series-module-{name}")
    shutil.copy(ctx.top / "Makefile", place)
    (place / "drivers/virt").mkdir(parents=True)
    (place / DRIVER).symlink_to(repo / DRIVER)
    (place / "include").symlink_to(repo / "include")
    return place


def compiles(ctx, name, linux, out, repo, patches, every):
    """All that is there after a patch compiles, without a warning."""
    place = module_tree(ctx, name, repo)
    git(ctx, repo, "tag", "last")
    for number, patch in enumerate(patches):
        if number % every != every - 1 and patch != patches[-1]:
            continue
        git(ctx, repo, "checkout", "-q", f"last~{len(patches) - 1 - number}")
        sources = list((repo / DRIVER).glob("*.c"))
        if not sources:
            continue
        for file in COMPAT:
            shutil.copy(ctx.top / file, repo / file)
        log = f"series-compile-{name}-{number + 1}"
        status, output = ctx.run(
            log, ctx.image / "kernel.sh", "dir", linux, out, f"M={place}",
            "W=1", f"{DRIVER}/")
        missing = [s.name for s in sources if not s.with_suffix(".o").exists()]
        complaints = our_warnings(output)
        ctx.report.check(
            f"{name}: compiles {patch.name[:40]}",
            status == 0 and not complaints and missing in ([], ["trace.c"]),
            (complaints or [reason(output)])[0] if status or complaints
            else f"not compiled: {' '.join(missing)}", ctx.log(log))


def kernel_doc(ctx, name, linux):
    """With the script of this kernel, which differs from that of older ones."""
    paths = [f for f in files(ctx) if f.endswith((".c", ".h"))
             and f.startswith(("drivers", "include"))]
    status, output = ctx.run("series-kernel-doc", linux / "scripts/kernel-doc",
                             "-none", "-Werror", *paths, cwd=ctx.top)
    ctx.report.check(f"{name}: kernel-doc", status == 0, reason(output),
                     ctx.log("series-kernel-doc"))


def check(ctx, name, linux, out, limit=None, every=1):
    """All of it for one kernel that is configured in out."""
    patches = write(ctx, name, linux)
    repo = applied(ctx, name, linux, patches)
    if not repo:
        return
    checkpatch(ctx, name, linux, [p for p in patches
                                  if not limit or p.stat().st_size < limit])
    maintainer(ctx, name, linux, repo, patches[::every])
    kernel_doc(ctx, name, linux)
    compiles(ctx, name, linux, out, repo, patches, every)


def series_612(ctx):
    """For the kernel that "compile" has configured."""
    check(ctx, "6.12", ctx.linux_612, ctx.build / "check/gcc", LARGE, EVERY)
