# SPDX-License-Identifier: GPL-2.0
"""The contents of memory after the host resets the machine."""

import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .machine import base_machine

RAM = 0x40000000
SIZE = 0x40000000
PAGE = 4096

# The pages that the protected guest and the host fill in host-init's mode "reset"
SECRET = b"Q" * PAGE
HOSTS = b"H" * PAGE
HOST_PAGES = 1024


class Monitor:
    """The part of QEMU's machine protocol that is needed here."""

    def __init__(self, path, process):
        self.socket = socket.socket(socket.AF_UNIX)
        while process.poll() is None:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                time.sleep(0.1)
        self.file = self.socket.makefile("rw")
        self.wait_for("QMP")
        self.call("qmp_capabilities")

    def wait_for(self, key, value=None):
        """Returns the message, or None if QEMU ends before."""
        for line in self.file:
            message = json.loads(line)
            if key in message and value in (None, message[key]):
                return message
        return None

    def end_of_machine(self):
        """The reason why the machine stopped."""
        message = self.wait_for("event", "SHUTDOWN")
        return message["data"]["reason"] if message else "time limit"

    def call(self, command, **arguments):
        self.file.write(json.dumps({"execute": command,
                                    "arguments": arguments}) + "\n")
        self.file.flush()
        return self.wait_for("return")


def count_pages(path):
    """The number of the guest's pages in the file, and of the host's pages."""
    secret = hosts = 0
    with open(path, "rb") as memory:
        while page := memory.read(PAGE):
            secret += page == SECRET
            hosts += page == HOSTS
    return secret, hosts


def reset(ctx):
    """The machine stops instead of restarting; then its memory is checked."""
    log = ctx.log("reset")
    machine = base_machine(ctx)
    check = ctx.report.check
    with tempfile.TemporaryDirectory() as short, \
            tempfile.TemporaryDirectory(dir=ctx.build) as wide, \
            open(ctx.log("reset.qemu"), "wb") as out, \
            subprocess.Popen(
                [ctx.image / "qemu.sh", "--el2", ctx.gzhyp_test,
                 "--kernel", machine.kernel, "--initrd", machine.initrd,
                 "--append", "gz.do=reset gzhyp.controls", "--mem", "1G",
                 "--timeout", str(120 * machine.patience),
                 "--hold", f"{short}/qmp", "reset"],
                stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT) as qemu:
        monitor = Monitor(Path(short) / "qmp", qemu)
        memory = Path(wide) / "memory"
        why = monitor.end_of_machine()
        check("machine is reset", why == "guest-reset", why, log)
        monitor.call("pmemsave", val=RAM, size=SIZE, filename=str(memory))
        secret, hosts = count_pages(memory) if memory.exists() else (-1, -1)
        monitor.call("quit")
    lines = (ctx.logs / "reset.result").read_text(errors="replace")
    check("protected guest runs", "ok: guest runs" in lines, "not reached", log)
    check("the host's pages are still there", hosts >= HOST_PAGES,
          f"{hosts} pages of {HOST_PAGES}", log)
    check("no page of the guest is left", secret == 0, f"{secret} pages", log)
    machine.no_splat("reset")
