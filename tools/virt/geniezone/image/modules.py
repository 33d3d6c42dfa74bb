#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Takes modules with all that they depend on from a Debian package of a kernel.

usage: modules.py MODULES OUT NAME...

MODULES is the package's directory of modules. Afterwards OUT contains the modules,
not compressed, in files whose names begin with numbers: an init loads them in this
order. A module that is built into the kernel needs no file. After a name "--", OUT
has no file for the modules before it: they are loaded already.
"""

import lzma
import re
import shutil
import sys
from pathlib import Path


def canonical(name):
    return name.replace("-", "_")


def read(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


class Package:
    def __init__(self, directory):
        root = Path(directory).resolve()
        self.paths = {canonical(path.name.split(".ko")[0]): path
                      for path in root.rglob("*.ko*")}
        # The newest packages lack this file; depmod makes it at the installation
        builtin = root.parent / "modules.builtin"
        text = builtin.read_text() if builtin.exists() else ""
        self.builtin = {canonical(Path(line).stem) for line in text.split()}
        self.taken = {}
        self.loaded = set()

    def take(self, name):
        """Adds a module after those that it depends on."""
        name = canonical(name)
        if name in self.taken or name in self.builtin:
            return
        if name not in self.paths:
            raise SystemExit(f"modules.py: the package has no module {name}")
        data = read(self.paths[name])
        for other in re.search(rb"\0depends=([^\0]*)\0", data)[1].decode().split(","):
            if other:
                self.take(other)
        self.taken[name] = data


def main():
    if len(sys.argv) < 4:
        raise SystemExit("usage: modules.py MODULES OUT NAME...")
    package = Package(sys.argv[1])
    for name in sys.argv[3:]:
        if name == "--":
            package.loaded = set(package.taken)
        else:
            package.take(name)
    out = Path(sys.argv[2])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for number, (name, data) in enumerate(package.taken.items(), 10):
        if name not in package.loaded:
            (out / f"{number}-{name}.ko").write_bytes(data)
            (out / f"{number}-{name}.ko").chmod(0o755)


if __name__ == "__main__":
    main()
