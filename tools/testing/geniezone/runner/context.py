# SPDX-License-Identifier: GPL-2.0
"""Paths, and how to run commands."""

import os
import re
import subprocess
from pathlib import Path


class Context:
    def __init__(self, args, report):
        self.top = Path(args.top)
        self.build = Path(args.build)
        self.linux = Path(args.linux)
        self.kbuild = Path(args.kbuild)
        self.report = report
        self.prebuild = None
        self.logs = self.build / "logs"
        self.tools = self.top / "tools/virt/geniezone"
        self.image = self.tools / "image"
        self.testing = self.top / "tools/testing/geniezone"
        self.make_command = args.make.split()
        self.logs.mkdir(parents=True, exist_ok=True)

        self.host = self.kbuild / "host"
        self.debug = self.kbuild / "debug"
        self.gzhyp = self.build / "gzhyp/gzhyp.bin"
        self.gzhyp_test = self.build / "gzhyp-test/gzhyp.bin"
        self.kernel_image = self.host / "arch/arm64/boot/Image"

        # Checks need Debian's trees, even with KSRC=
        self.linux_612 = self.build / "linux-6.12"
        self.linux_61 = self.build / "linux-6.1"

    def hypervisor(self, append):
        """The image for this command line: only one has test controls."""
        if "gzhyp.controls" in append.split():
            return self.gzhyp_test
        return self.gzhyp

    def driver(self, flavour):
        """The module: in the kernel's directory, or built outside with KSRC=."""
        place = flavour if self.kbuild == self.build else f"{flavour}.module"
        return self.kbuild / place / "drivers/virt/geniezone/gzvm.ko"

    def log(self, name):
        return self.logs / f"{name.replace(' ', '-')}.log"

    def run(self, name, *command, env=None, cwd=None, limit=3600):
        """Runs a command with its output in a log; returns status and output."""
        log = self.log(name)
        with open(log, "wb") as out:
            try:
                status = subprocess.run(
                    [str(c) for c in command], stdin=subprocess.DEVNULL,
                    stdout=out, stderr=subprocess.STDOUT, timeout=limit,
                    env=dict(os.environ, **(env or {})), cwd=cwd).returncode
            except subprocess.TimeoutExpired:
                out.write(f"\nended after {limit} s\n".encode())
                status = 124
            except OSError as error:
                out.write(f"{error}\n".encode())
                status = 127
        return status, log.read_text(errors="replace")

    def make(self, name, *targets):
        return self.run(f"make-{name}", *self.make_command, "-C", self.top,
                        *targets)

    def built(self, what, *targets):
        """Builds targets of the top Makefile; they count as one result."""
        status, output = self.make(what, *targets)
        return self.report.check(f"{what} builds", status == 0,
                                 reason(output), self.log(f"make-{what}"))


ERROR = re.compile(r"\b(error|warning|FAILED|failed):? |\*\*\* ")


def reason(text):
    """The line of a log that most likely gives the reason."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if ERROR.search(line)]
    return (told or lines[-1:] or ["no output"])[0]
