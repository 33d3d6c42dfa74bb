# SPDX-License-Identifier: GPL-2.0
"""make shell, with somebody at the terminal."""

import os
import pty
import select
import signal
import subprocess
import time


class Terminal:
    """A command on a terminal of its own, and what it has printed so far."""

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
        """False when it did not come after what was typed last, and in time."""
        until = time.monotonic() + limit
        while text.encode() not in self.text[self.mark:]:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            try:
                self.text += os.read(self.fd, 4096)
            except OSError:
                # The last one who had the terminal open is gone
                return False
        return True

    def end(self, limit):
        """The command's status; kills what does not end by itself."""
        self.wait_for("text that never comes", limit)
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            status = 124
        os.close(self.fd)
        return status


def shell(ctx):
    log = ctx.log("shell-terminal")
    status, _ = ctx.run("shell-no-terminal", *ctx.make_command, "-C", ctx.top,
                        "shell")
    ctx.report.check("needs a terminal", status != 0, "status 0",
                     ctx.log("shell-no-terminal"))
    terminal = Terminal([*ctx.make_command, "-C", str(ctx.top), "shell"],
                        ctx.top)
    check = ctx.report.check
    check("shell", terminal.wait_for("This is the host's shell", 120), "", log)
    # The words come together only in the shell's output, not in its echo
    for name, line, answer in (
            ("gzrun", "gzrun --help | head -n 1", "Usage: gzrun [options]"),
            ("tests", "[ $(ls /usr/libexec/geniezone | wc -l) -gt 10 ] && "
             "echo te''sts", "tests"),
            ("driver", "[ -c /dev/gzvm ] && echo dri''ver", "driver"),
            ("disk", "[ -s root.ext4 ] && echo di''sk", "disk")):
        terminal.type(line)
        check(name, terminal.wait_for(answer, 30), "no answer", log)
    terminal.type("poweroff -f")
    status = terminal.end(30)
    log.write_bytes(terminal.text)
    check("powers off", status == 0, f"status {status}", log)
