# SPDX-License-Identifier: GPL-2.0
"""Prints the progress of a machine while it runs, which may take ten minutes."""

import re
import threading
import time

from .report import tell

# The lines of the host's report that are printed
TOLD = re.compile(r"^(begin: \S+|ok: guest .*)$")
# Without such a line, a message is printed after this many seconds
SILENCE = 60


class Progress:
    """Follows the host's report, from before QEMU truncates it to its end."""

    def __init__(self, report, path):
        self.report = report
        self.path = path
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)

    def __enter__(self):
        self.path.unlink(missing_ok=True)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.done.set()
        self.thread.join()

    def tell(self, text):
        tell(f"{self.report.elapsed()}     {text}")

    def follow(self):
        begin = last = time.monotonic()
        position = 0
        while not self.done.wait(1):
            lines, position = self.more(position)
            for line in lines:
                if TOLD.match(line):
                    self.tell(line)
                    last = time.monotonic()
            now = time.monotonic()
            if now - last >= SILENCE:
                self.tell(f"still running, {int(now - begin)} s")
                last = now

    def more(self, position):
        """The complete lines after a position, and the position after them."""
        try:
            with open(self.path, "rb") as file:
                file.seek(position)
                data = file.read()
        except OSError:
            return [], position
        data = data[:data.rfind(b"\n") + 1]
        text = data.decode(errors="replace").replace("\r", "")
        return text.splitlines(), position + len(data)
