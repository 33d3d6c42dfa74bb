#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes the driver as a series of patches for a kernel tree.

The tree is only read. Together the patches add the same as integrate.sh,
without the files for older kernels. series.txt says what each patch has.
"""

import argparse
import fnmatch
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[3]
INTEGRATE = TOP / "tools/virt/geniezone/integrate.sh"
DRIVER = "drivers/virt/geniezone"
KBUILD = f"{DRIVER}/Makefile"
KCONFIG = f"{DRIVER}/Kconfig"
MANIFEST = f"{DRIVER}/.integrated"

# The kernel's files that get hooks, and what integrate.sh reads to know a tree
HOOKED = ("drivers/virt/Kconfig", "drivers/virt/Makefile",
          "Documentation/virt/index.rst", "MAINTAINERS",
          "Documentation/userspace-api/ioctl/ioctl-number.rst",
          "tools/testing/selftests/Makefile")
OTHERS = ("Kbuild", "Makefile")


class Patch:
    def __init__(self, title):
        self.title = title
        self.message = []
        self.patterns = []
        self.blocks = []

    def add(self, line):
        """Takes a line after "files:"."""
        if line.startswith("Kconfig: "):
            self.blocks.append(line.split()[1])
        else:
            self.patterns.append(line)

    def text(self, sign):
        parts = [self.title, "\n".join(self.message).strip()]
        if sign:
            parts.append(f"Signed-off-by: {sign}")
        return "\n\n".join(parts) + "\n"


def read_list(text):
    patches, inside = [], False
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("patch: "):
            patches.append(Patch(line[7:]))
            inside = False
        elif line == "files:":
            inside = True
        elif inside and line.strip():
            patches[-1].add(line.strip())
        elif patches and not inside:
            patches[-1].message.append(line)
    return patches


def git(repo, *args, text=None):
    return subprocess.run(["git", "-C", str(repo), *args], check=True, text=True,
                          stdout=subprocess.PIPE, input=text).stdout


def copy(kernel, place):
    """The few files of the kernel that the series touches or needs."""
    for file in HOOKED + OTHERS:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(kernel / file, place / file)


def pristine(kernel, place):
    """Takes out the driver, if it is in the tree; the tree itself stays as it is."""
    if not (kernel / MANIFEST).exists():
        return
    (place / DRIVER).mkdir(parents=True)
    shutil.copy(kernel / MANIFEST, place / MANIFEST)
    subprocess.run([INTEGRATE, "remove", place], check=True,
                   stdout=subprocess.DEVNULL)


def integrated(base, place):
    """{path: text} of all that the series adds or changes, as it is at the end."""
    shutil.copytree(base, place, dirs_exist_ok=True)
    subprocess.run([INTEGRATE, "add", place], check=True,
                   stdout=subprocess.DEVNULL)
    listed = subprocess.run([INTEGRATE, "list"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split()
    return {file: place / file for file in listed + list(HOOKED)}


def assign(patches, files):
    """{path: index of its patch}; each file must have one."""
    home = {}
    for number, patch in enumerate(patches):
        for pattern in patch.patterns:
            found = [file for file in files if fnmatch.fnmatch(file, pattern)]
            if not found:
                sys.exit(f"series: {pattern}: no such file")
            for file in found:
                if home.setdefault(file, number) != number:
                    sys.exit(f"series: {file} is in two patches")
    missing = sorted(set(files) - set(home))
    if missing:
        sys.exit(f"series: in no patch: {' '.join(missing)}")
    return home


def cut_makefile(text, present):
    """Without the objects whose sources are not there yet."""
    lines = []
    for line in text.splitlines(keepends=True):
        found = re.match(r"gzvm-\S+ \+= (\S+)\.o\n", line)
        if not found or f"{DRIVER}/{found[1]}.c" in present:
            lines.append(line)
    return "".join(lines)


def cut_kconfig(text, blocks):
    """Without the options that come later."""
    head, *rest = re.split(r"^(?=config )", text, flags=re.M)
    kept = [block for block in rest if block.split()[1] in blocks]
    return (head + "".join(kept)).rstrip() + "\n"


def write_step(repo, number, patches, home, files):
    """Changes the repository to what it has after this patch."""
    present = {file for file in home if home[file] <= number}
    blocks = [b for patch in patches[:number + 1] for b in patch.blocks]
    for file in sorted(present):
        text = files[file].read_bytes()
        if file == KBUILD:
            text = cut_makefile(text.decode(), present).encode()
        elif file == KCONFIG:
            text = cut_kconfig(text.decode(), blocks).encode()
        (repo / file).parent.mkdir(parents=True, exist_ok=True)
        (repo / file).write_bytes(text)
        shutil.copymode(files[file], repo / file)


def commit_all(repo, patches, files, sign):
    home = assign(patches, list(files))
    named = {block for patch in patches for block in patch.blocks}
    blocks = set(re.findall(r"^config (\w+)", files[KCONFIG].read_text(), re.M))
    if named != blocks:
        sys.exit(f"series: options: {' '.join(sorted(named ^ blocks))}")
    author = ["--author", sign] if sign else []
    for number, patch in enumerate(patches):
        write_step(repo, number, patches, home, files)
        git(repo, "add", "-f", "-A")
        git(repo, "commit", "-q", *author, "-F", "-", text=patch.text(sign))
    for file, path in files.items():
        if (repo / file).read_bytes() != path.read_bytes():
            sys.exit(f"series: {file} is not complete at the end")


def write_patches(repo, out, patches):
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.patch"):
        old.unlink()
    git(repo, "format-patch", "-q", "--cover-letter", "--no-signature", "-o",
        str(out), f"HEAD~{len(patches)}")
    letter = out / "0000-cover-letter.patch"
    subject, _, body = (HERE / "cover.txt").read_text().partition("\n")
    letter.write_text(letter.read_text()
                      .replace("*** SUBJECT HERE ***", subject)
                      .replace("*** BLURB HERE ***", body.strip()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--sign", default="", help="Name <mail> of the author")
    args = parser.parse_args()
    patches = read_list((HERE / "series.txt").read_text())
    with tempfile.TemporaryDirectory(prefix="gzvm-series-") as name:
        repo, final = Path(name) / "repo", Path(name) / "final"
        repo.mkdir()
        copy(args.kernel, repo)
        pristine(args.kernel, repo)
        git(repo, "init", "-q")
        git(repo, "add", "-f", "-A")
        git(repo, "-c", "user.name=base", "-c", "user.email=base@localhost",
            "commit", "-q", "-m", "base")
        files = integrated(repo, final)
        commit_all(repo, patches, files, args.sign)
        write_patches(repo, args.out.resolve(), patches)
    print(f"{len(patches)} patches and a cover letter in {args.out}")


if __name__ == "__main__":
    main()
