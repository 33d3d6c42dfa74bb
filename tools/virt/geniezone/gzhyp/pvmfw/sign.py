#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Signs a kernel, its initrd and its command line for the firmware of protected VMs."""

import argparse
import hashlib
import os
import struct
import subprocess
import sys
import tempfile

MAGIC = b"GZSIGN1\0"
ANY_PARAMS = 1
PARAMS_SIZE = 2048


def manifest(kernel, initrd, params):
    """The part of struct manifest in pvmfw.h that is signed."""
    flags = ANY_PARAMS if params is None else 0
    return struct.pack(f"<8sQQQ64s64s{PARAMS_SIZE}s", MAGIC, len(kernel), len(initrd),
                       flags, hashlib.sha512(kernel).digest(),
                       hashlib.sha512(initrd).digest(), params or b"")


def signature(key, data):
    # openssl needs the size of what it signs, which a pipe does not have
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog="""
        To start it: cat KERNEL OUT >signed; gzrun --protected --pvmfw hyp
        --kernel signed --initrd INITRD --params TEXT""")
    parser.add_argument("--key", required=True, help="Ed25519 private key, in PEM")
    parser.add_argument("--kernel", required=True, help="arm64 Image, not compressed")
    parser.add_argument("--initrd", default=os.devnull)
    params = parser.add_mutually_exclusive_group(required=True)
    params.add_argument("--params", help="the complete command line")
    params.add_argument("--any-params", action="store_true",
                        help="the VMM may choose the command line: only for tests")
    parser.add_argument("out", metavar="OUT", help="gets the signature")
    args = parser.parse_args()

    kernel = read(args.kernel)
    if kernel[56:60] != b"ARM\x64":
        sys.exit(f"{args.kernel}: not an arm64 Image; decompress it first")
    text = None if args.any_params else args.params.encode()
    if text is not None and len(text) >= PARAMS_SIZE:
        sys.exit(f"the command line has {PARAMS_SIZE - 1} bytes at most")
    data = manifest(kernel, read(args.initrd), text)
    with open(args.out, "wb") as file:
        file.write(signature(args.key, data) + data)


if __name__ == "__main__":
    main()
