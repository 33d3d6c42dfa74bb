# SPDX-License-Identifier: GPL-2.0
"""Tests "make run", and "make shell" on a terminal."""

import os
import pty
import select
import signal
import subprocess
import time

from .static import scratch


class Terminal:
    """A command on its own terminal, and its output so far."""

    def __init__(self, command, cwd):
        self.fd, slave = pty.openpty()
        self.text = b""
        self.mark = 0
        self.process = subprocess.Popen(
            command, cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True)
        os.close(slave)

    def type(self, line):
        self.mark = len(self.text)
        os.write(self.fd, line.encode() + b"\n")

    def wait_for(self, text, limit):
        """Waits for output after the last typed line; False after the time limit."""
        until = time.monotonic() + limit
        while text.encode() not in self.text[self.mark:]:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            try:
                self.text += os.read(self.fd, 4096)
            except OSError:
                # No process has the terminal open any more
                return False
        return True

    def end(self, limit):
        """Returns the command's status; kills a command that does not end."""
        self.wait_for("text that never comes", limit)
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            status = 124
        os.close(self.fd)
        return status


def run(ctx):
    """The first thing that a user tries: Debian's kernel as host and guest."""
    status, output = ctx.run("run-make", *ctx.make_command, "-C", ctx.top, "run",
                             env={"RUN_TIMEOUT": "300"})
    log = ctx.log("run-make")
    lines = output.splitlines()
    for step in ("host up", "/dev/gzvm", "guest up", "guest proof", "guest disk",
                 "guest network", "guest powered off", "done in"):
        ctx.report.check(step, any(line.startswith(f"run: {step}")
                                   for line in lines), "not printed", log)
    ctx.report.check("status", status == 0, f"status {status}", log)


def files(ctx):
    """A program for the host, and a directory to share; returns words for make."""
    place = scratch(ctx, "shell")
    (place / "own").write_text("#!/bin/sh\necho own pro''gram\n")
    (place / "share").mkdir()
    (place / "share/file").write_text("from the user\n")
    return (f"FILES={place}/own=/usr/bin/own", f"SHARE={place}/share"), place


# Commands on the host. The echo of a line does not contain the answer: it is typed in
# two parts. A program for a sandbox replaces its root.
COMMANDS = (
    ("gzrun", "gzrun --help | head -n 1", "Usage: gzrun [options]"),
    ("driver", "[ -c /dev/gzvm ] && echo dri''ver", "driver"),
    ("disk", "[ -s root.ext4 ] && echo di''sk", "disk"),
    ("FILES", "own", "own program"),
    ("SHARE", "cat /mnt/file", "from the user"),
    ("SHARE is writable", "cp /mnt/file /mnt/copy && echo co''pied", "copied"),
    ("network", "ping -c 1 10.0.2.2 && echo ans''wered", "answered"),
    ("pivot_root", "mkdir /tmp/r; mount -t tmpfs r /tmp/r; mkdir /tmp/r/old; unshare -m "
     "pivot_root /tmp/r /tmp/r/old && echo piv''oted", "pivoted"),
)


def shell(ctx):
    log = ctx.log("shell-terminal")
    status, _ = ctx.run("shell-no-terminal", *ctx.make_command, "-C", ctx.top,
                        "shell")
    ctx.report.check("needs a terminal", status != 0, "status 0",
                     ctx.log("shell-no-terminal"))
    words, place = files(ctx)
    terminal = Terminal([*ctx.make_command, "-C", str(ctx.top), "shell", *words],
                        ctx.top)
    check = ctx.report.check
    check("shell", terminal.wait_for("This is the host's shell", 240), "", log)
    # A kernel that KSRC= builds has no 9P
    debian = ctx.kbuild == ctx.build
    for name, line, answer in COMMANDS:
        if "SHARE" in name and not debian:
            continue
        terminal.type(line)
        check(name, terminal.wait_for(answer, 60), "no answer", log)
    terminal.type("poweroff -f")
    status = terminal.end(60)
    log.write_bytes(terminal.text)
    check("powers off", status == 0, f"status {status}", log)
    check("the user has the file", not debian or (place / "share/copy").exists(),
          "", log)
