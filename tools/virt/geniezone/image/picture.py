#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Draws the end of a terminal session as SVG: what a program printed, on stdin.

    make run </dev/null | tools/virt/geniezone/image/picture.py "make run" >run.svg
"""

import html
import re
import sys

COLUMNS, LINES = 96, 34
WIDTH, HEIGHT = 8, 17
MARGIN = 14


def shown(text):
    """The lines as a terminal shows them: without control codes, broken if long."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    for line in text.split("\n"):
        line = line.rstrip("\r").split("\r")[-1].expandtabs().rstrip()
        line = "".join(c for c in line if c.isprintable())
        yield line[:COLUMNS]
        for start in range(COLUMNS, len(line), COLUMNS):
            yield line[start:start + COLUMNS]


def draw(command, lines):
    """The picture of a command and its last lines."""
    lines = [f"$ {command}", "..."] + lines[-(LINES - 2):]
    width = COLUMNS * WIDTH + 2 * MARGIN
    height = len(lines) * HEIGHT + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{height}" viewBox="0 0 {width} {height}">')
    yield f"<title>{html.escape(command)}</title>"
    yield '<rect width="100%" height="100%" rx="6" fill="#1b1f24"/>'
    yield '<g font-family="monospace" font-size="13" xml:space="preserve">'
    for number, line in enumerate(lines, 1):
        colour = "#7ee787" if line.startswith(("$ ", "run: ")) else "#c9d1d9"
        yield (f'<text x="{MARGIN}" y="{MARGIN + number * HEIGHT - 4}" '
               f'fill="{colour}">{html.escape(line)}</text>')
    yield "</g>"
    yield "</svg>"


def main():
    text = sys.stdin.buffer.read().decode(errors="replace")
    print("\n".join(draw(sys.argv[1], list(shown(text.rstrip())))))


if __name__ == "__main__":
    main()
