# SPDX-License-Identifier: GPL-2.0
"""The list of files that go upstream, and checks that a kernel tree takes them."""

import hashlib
import os
import re
import shutil

from .context import reason
from .static import DRIVER, HEADER, scratch

LIST = "tools/testing/geniezone/upstream.txt"
TITLE = "GENIEZONE HYPERVISOR DRIVER"
MANIFEST = f"{DRIVER}/.integrated"

# Only a tree that is older than the source gets these
COMPAT = (f"{DRIVER}/compat.h", f"{DRIVER}/Kbuild")

# The kernel's files that get hooks, and the first line of each hook
HOOKED = {
    "drivers/virt/Kconfig": 'source "drivers/virt/geniezone/Kconfig"',
    "drivers/virt/Makefile": "obj-$(CONFIG_MTK_GZVM)\t\t+= geniezone/",
    "Documentation/virt/index.rst": "   geniezone/index",
    "Documentation/userspace-api/ioctl/ioctl-number.rst":
        f"0x92  01-FF  {'uapi/linux/gzvm.h':57} conflict! MediaTek GenieZone hypervisor",
    "tools/testing/selftests/Makefile": "TARGETS += geniezone",
    "MAINTAINERS": TITLE,
}


def patterns(ctx):
    """(what it is, path or glob) of each line of the list."""
    return [tuple(line.split()) for line in (ctx.top / LIST).read_text().splitlines()
            if line and not line.startswith("#")]


def files(ctx):
    """Every file that goes upstream."""
    return ctx.run("upstream", ctx.tools / "integrate.sh", "list")[1].split()


def matches(pattern, path):
    """Whether an F: line of MAINTAINERS covers the file, as get_maintainer.pl says."""
    regex = re.escape(pattern).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.match(regex + ("" if pattern.endswith("/") else "$"), path)


def tree_sum(root):
    """One sum for all names, types, modes and contents below root."""
    total = hashlib.sha256()
    for base, dirs, names in os.walk(root):
        dirs.sort()
        for name in sorted(dirs + names):
            path = os.path.join(base, name)
            total.update(f"{path} {os.lstat(path).st_mode:o}\n".encode())
            if os.path.islink(path):
                total.update(os.readlink(path).encode())
            elif os.path.isfile(path):
                with open(path, "rb") as f:
                    total.update(hashlib.sha256(f.read()).digest())
    return total.hexdigest()


def tree_times(root):
    return {os.path.join(base, name):
            os.lstat(os.path.join(base, name)).st_mtime_ns
            for base, dirs, names in os.walk(root) for name in names}


def small_tree(ctx):
    """The files of 6.12 that integrate.sh needs; builds use the tree itself."""
    tree = scratch(ctx, "integrate")
    for file in ("Kbuild", "Makefile", MANIFEST, *HOOKED):
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ctx.linux_612 / file, tree / file)
    return tree


def neighbours(lines, line):
    at = lines.index(line)
    return lines[at - 1], lines[at + 1]


def titles(text):
    """The titles of the entries in MAINTAINERS."""
    return re.findall(r"^(\S.*)\n[A-Z]:\t", text, re.M)


def check_hooks(report, name, tree):
    """Each hook is there once, and in its place if the file is sorted."""
    text = {file: (tree / file).read_text() for file in HOOKED}
    for file, line in HOOKED.items():
        report.check(f"{name}: hook in {file}",
                     text[file].split("\n").count(line) == 1)
    for file, found in (
            ("MAINTAINERS", titles(text["MAINTAINERS"])),
            *((file, text[file].split("\n")) for file in list(HOOKED)[3:5])):
        before, after = neighbours(found, HOOKED[file])
        report.check(f"{name}: place of the hook in {file}",
                     before < HOOKED[file] < after, f"{before}, {after}")


def add_and_remove(ctx, name, tree):
    """Into a kernel tree and out again, each twice."""
    report = ctx.report

    def integrate(what):
        log = f"integrate-{what}"
        status, output = ctx.run(log, ctx.tools / "integrate.sh", what, tree)
        report.check(f"{name}: {what}", status == 0, reason(output), ctx.log(log))
        return output

    integrate("remove")
    pristine = tree_sum(tree)
    report.check(f"{name}: nothing is left after remove",
                 not any("geniezone" in (tree / file).read_text().lower()
                         for file in HOOKED))
    integrate("add")
    added, times = tree_sum(tree), tree_times(tree)
    report.check(f"{name}: all files are there",
                 all((tree / f).read_bytes() == (ctx.top / f).read_bytes()
                     for f in files(ctx)))
    report.check(f"{name}: files for older kernels are there",
                 all((tree / f).exists() for f in COMPAT))
    check_hooks(report, name, tree)
    report.check(f"{name}: add again says nothing", not integrate("add").strip())
    report.check(f"{name}: add again touches nothing", tree_times(tree) == times)
    report.check(f"{name}: an older entry is replaced",
                 replaces_entry(tree, integrate) and tree_sum(tree) == added)
    integrate("remove")
    report.check(f"{name}: remove restores the tree", tree_sum(tree) == pristine)
    report.check(f"{name}: remove again says nothing",
                 not integrate("remove").strip())
    return pristine


def replaces_entry(tree, integrate):
    """True if "add" notices an entry of MAINTAINERS that has changed."""
    path = tree / "MAINTAINERS"
    path.write_text(re.sub(rf"^({TITLE}\nM:).*", r"\1\tsomebody", path.read_text(),
                           flags=re.M))
    return "MAINTAINERS" in integrate("add")


def refuse_foreign(ctx, tree, pristine):
    """A tree that has another driver for GenieZone stays as it is."""
    foreign = tree / HEADER
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("/* another driver's */\n")
    status, output = ctx.run("integrate-foreign", ctx.tools / "integrate.sh", "add",
                        tree)
    ctx.report.check("a driver from elsewhere is not overwritten",
                     status != 0 and "another" in foreign.read_text())
    ctx.report.check("the message says what to do", "one GenieZone driver" in output,
                     reason(output))
    foreign.unlink()
    ctx.report.check("a refusal changes nothing", tree_sum(tree) == pristine)


def maintainers(ctx):
    """The entry in the integrated tree covers all files, and is sorted."""
    tree = ctx.linux_612
    text = (tree / "MAINTAINERS").read_text()
    entry = re.search(rf"^{TITLE}\n((?:.+\n)+)", text, re.M)[1]
    paths = re.findall(r"^F:\t(.*)$", entry, re.M)
    all_files = files(ctx)
    missing = [f for f in all_files if not any(matches(p, f) for p in paths)]
    ctx.report.check("MAINTAINERS covers each file", all_files and not missing,
                     " ".join(missing))
    ctx.report.check("F: lines are those of the list",
                     sorted(paths) == sorted(p for _, p in patterns(ctx)))
    place = scratch(ctx, "maintainers")
    status, output = ctx.run(
        "parse-maintainers", "perl", tree / "scripts/parse-maintainers.pl", "--order",
        f"--input={tree}/MAINTAINERS", f"--output={place}/all",
        f"--section={place}/section", TITLE)
    ctx.report.check("MAINTAINERS entry is in order", status == 0 and
                     (place / "section").read_text() == f"{TITLE}\n{entry}",
                     reason(output))
    for pattern in paths:
        one = next((f for f in all_files if matches(pattern, f)), "")
        status, output = ctx.run(
            "get-maintainer", "perl", tree / "scripts/get_maintainer.pl", "--no-git",
            "--no-git-fallback", "--sections", "-f", one, cwd=tree)
        ctx.report.check(f"get_maintainer.pl: {pattern}",
                         status == 0 and TITLE in output, reason(output))


def integration(ctx):
    pristine = add_and_remove(ctx, "6.1", ctx.linux_61)
    refuse_foreign(ctx, ctx.linux_61, pristine)
    add_and_remove(ctx, "6.12", small_tree(ctx))
    maintainers(ctx)
