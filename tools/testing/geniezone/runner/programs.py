# SPDX-License-Identifier: GPL-2.0
"""The test programs that run in a machine, and what each of them needs.

A program is a C file NAME_test.c or a script NAME_test in one of PLACES. A line
"Needs:" in the comment at its head says what it needs, if that is more than the
driver and gzhyp. Its words, separated by commas, are:

  controls     gzhyp's test controls; the host is started with gzhyp.controls
  modes        run it in each mode of gzhyp, not only in the default mode
  answers      run it also where gzhyp gives other answers; "modes" includes that
  debug-modes  do so on the debug kernel as well
  debug        only the debug kernel has what it needs
  alone        on the debug kernel it takes so long that it gets its own step
  smmu         it runs only on the machine whose disk is behind an SMMU
  threads      it has several threads in the driver: run it on the KCSAN kernel
  120 s        time limit on a fast machine; 60 s if not given
"""

import re
from collections import namedtuple

DRIVER = "tools/testing/selftests/geniezone"
GZHYP = "tools/virt/geniezone/gzhyp/tests/machine"
GZRUN = "tools/virt/geniezone/gzrun/tests/machine"
PLACES = (DRIVER, GZHYP, GZRUN)

# Tests that run elsewhere: KUnit in the driver, unit tests on the build machine
UNIT_PLACES = ("drivers/virt/geniezone/tests", "tools/virt/geniezone/gzhyp/tests",
               "tools/virt/geniezone/gzrun/tests")

WORDS = {"controls", "modes", "answers", "debug-modes", "debug", "alone", "threads",
         "smmu"}
SECONDS = 60

Program = namedtuple("Program", "name path needs seconds")


def parse_needs(text):
    """(words, seconds) of the line in the first comment of a program."""
    found = re.findall(r"^(?: \*|#|/\*) Needs: (.*?)(?: \*/)?$", text, re.M)
    words = {word.strip() for line in found for word in line.split(",")}
    times = [word for word in words if re.fullmatch(r"\d+ s", word)]
    seconds = int(times[0].split()[0]) if times else SECONDS
    return words - set(times), seconds


def programs(ctx, *places):
    """The programs in these places, by name; in all if none is given."""
    paths = [path for place in places or PLACES
             for path in (ctx.top / place).glob("*_test*")
             if path.suffix in (".c", "")]
    return [Program(path.stem, path, *parse_needs(path.read_text()))
            for path in sorted(paths)]


def named(ctx, *names):
    """The programs of these names."""
    return [program for program in programs(ctx) if program.name in names]


def for_kernel(found, kernel):
    """Those of these programs that run on the kernel in the default mode."""
    other = "alone" if kernel == "debug" else "debug"
    return [program for program in found if not {other, "smmu"} & program.needs]


def for_modes(ctx, kernel):
    """The programs that run on the kernel in the other modes of gzhyp."""
    word = "debug-modes" if kernel == "debug" else "modes"
    return [program for program in for_kernel(programs(ctx), kernel)
            if word in program.needs]


def needing(ctx, word):
    return [program for program in programs(ctx) if word in program.needs]


SAMPLES = (
    ("// SPDX\n/* Text. Needs: words. */", (set(), SECONDS)),
    ("// SPDX\n/*\n * Text.\n *\n * Needs: modes, 90 s\n */", ({"modes"}, 90)),
    ("#!/bin/sh\n# Text.\n#\n# Needs: 120 s\n", (set(), 120)),
)


def check(ctx):
    """Each program says what it needs in words that exist; no name occurs twice."""
    for text, needs in SAMPLES:
        ctx.report.check(f"needs: {text!r}", parse_needs(text) == needs)
    for program in programs(ctx):
        unknown = program.needs - WORDS
        uses = '"controls.h"' in program.path.read_text()
        if uses and "controls" not in program.needs:
            unknown = {"does not say that it needs controls"}
        ctx.report.check(f"needs of {program.name}", not unknown,
                         ", ".join(sorted(unknown)))
    units = [path for place in UNIT_PLACES
             for path in (ctx.top / place).glob("*.c")
             if re.search(r"_(test|kunit)$", path.stem)]
    names = [path.stem for path in units] + [p.name for p in programs(ctx)]
    twice = sorted({name for name in names if names.count(name) > 1})
    ctx.report.check("no two test programs share a name", names and not twice,
                     " ".join(twice))
