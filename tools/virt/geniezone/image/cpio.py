#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes an initial RAM disk: an archive in the format newc of cpio.

usage: cpio.py LIST OUT

Each line of LIST is one of these, with the mode in octal digits:

    dir PATH MODE
    file PATH SOURCE MODE
    slink PATH TARGET
    nod PATH MODE TYPE MAJOR MINOR

It needs no special rights. All files belong to root and have the same date, so
equal input gives equal output.
"""

import stat
import sys

ALIGN = 4
TYPES = {"c": stat.S_IFCHR, "b": stat.S_IFBLK}


def padding(size):
    return b"\0" * (-size % ALIGN)


def entry(number, path, mode, data=b"", device=(0, 0)):
    """A header, the name and the contents."""
    name = path.lstrip("/").encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return head + padding(len(head)) + data + padding(len(data))


def parse(number, line):
    """The entry for a line of the list."""
    kind, path, *rest = line.split()
    if kind == "dir":
        return entry(number, path, stat.S_IFDIR | int(rest[0], 8))
    if kind == "file":
        with open(rest[0], "rb") as file:
            return entry(number, path, stat.S_IFREG | int(rest[1], 8), file.read())
    if kind == "slink":
        return entry(number, path, stat.S_IFLNK | 0o777, rest[0].encode())
    if kind == "nod":
        device = (int(rest[2]), int(rest[3]))
        return entry(number, path, TYPES[rest[1]] | int(rest[0], 8), b"", device)
    raise SystemExit(f"cpio.py: unknown line: {line}")


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: cpio.py LIST OUT")
    with open(sys.argv[1]) as names, open(sys.argv[2], "wb") as out:
        for number, line in enumerate(names, 1):
            out.write(parse(number, line))
        out.write(entry(0, "TRAILER!!!", 0))


if __name__ == "__main__":
    main()
