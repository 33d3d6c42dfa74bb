# SPDX-License-Identifier: GPL-2.0
"""Whether the documentation can be built, and names what exists."""

import re

from .context import reason
from .static import DRIVER, scratch

PAGES = "Documentation/virt/geniezone"
SELFTESTS = "tools/testing/selftests/geniezone"
# How many the list has that testing.rst tells of
FAULTS = 60

# What conf.py of the kernel loads, less what needs TeX or other pages
EXTENSIONS = ("kerneldoc", "automarkup", "sphinx.ext.ifconfig",
              "sphinx.ext.autosectionlabel", "translations")


def sphinx(ctx):
    """These pages alone, as "make htmldocs" would build them."""
    linux = ctx.linux_612
    cwd = scratch(ctx, "docs")
    defines = {
        "version": "6.12", "release": "6.12",
        "extensions": ",".join(EXTENSIONS),
        "kerneldoc_srctree": ctx.top,
        "kerneldoc_bin": linux / "scripts/kernel-doc",
    }
    options = [x for key, value in defines.items()
               for x in ("-D", f"{key}={value}")]
    status, output = ctx.run(
        "docs", "sphinx-build", "-q", "-W", "--keep-going", "-b", "html",
        "-c", linux / "Documentation", "-d", cwd / "doctrees", *options,
        ctx.top / PAGES, cwd / "html",
        env={"srctree": str(linux), "PYTHONDONTWRITEBYTECODE": "1"})
    pages = sorted((ctx.top / PAGES).glob("*.rst"))
    missing = [p.stem for p in pages
               if not (cwd / "html" / f"{p.stem}.html").exists()]
    ctx.report.check("sphinx", status == 0 and pages and not missing,
                     reason(output) if status else f"no page: {missing}",
                     ctx.log("docs"))


def abi(ctx):
    status, output = ctx.run(
        "abi", "perl", ctx.linux_612 / "scripts/get_abi.pl", "validate",
        "--dir", ctx.top / "Documentation/ABI")
    ctx.report.check("Documentation/ABI", status == 0 and not output.strip(),
                     reason(output), ctx.log("abi"))


def kunit_tests(ctx):
    """Suite -> names of its tests."""
    found = {}
    for path in (ctx.top / DRIVER / "tests").glob("*_test.c"):
        text = path.read_text()
        for suite in re.findall(r'\.name = "(gzvm-\w+)"', text):
            found[suite] = set(re.findall(r"KUNIT_CASE\w*\((\w+)", text))
    return found


def selftests(ctx):
    """Program -> names of its tests, as far as C tells."""
    test = re.compile(r"^TEST(?:_F)?(?:_TIMEOUT)?\((?:\w+, )?(\w+)[,)]", re.M)
    return {path.stem: set(test.findall(path.read_text()))
            for path in (ctx.top / SELFTESTS).glob("*_test.c")}


def steps(ctx):
    """Names of the steps that test.py has."""
    return set(re.findall(r'\("([a-z][\w -]*)",\s',
                          (ctx.tools / "test.py").read_text()))


def fault_table(text):
    """(number, what is said of tests) of each row in the table of faults."""
    table = text[text.index("\nKnown faults\n"):]
    for number, cells in re.findall(r"^   \* - (\d+)\n((?:     .*\n)+)",
                                    table, re.M):
        _, tests = re.findall(r"^     - (.*(?:\n       .*)*)", cells, re.M)
        yield int(number), " ".join(tests.split())


def named_tests(cell):
    """(suite, program or target, test or step) of each that is named."""
    for name, tests in re.findall(r"``((?:make )?[\w-]+)``:([^`.]*)", cell):
        for test in tests.split(","):
            yield name, test.strip()


def known_faults(ctx):
    """A test that a page promises, but that is not there, proves nothing."""
    text = (ctx.top / PAGES / "testing.rst").read_text()
    known = {**kunit_tests(ctx), **selftests(ctx)}
    known_steps = steps(ctx)
    rows = list(fault_table(text))
    named = [x for _, cell in rows for x in named_tests(cell)]
    wrong = [f"{name}: {test}" for name, test in named if test not in
             (known_steps if name.startswith("make ") else known.get(name, ()))]
    ctx.report.check("tests in testing.rst exist", named and not wrong,
                     ", ".join(wrong) or "none named")
    missing = set(range(1, FAULTS + 1)) ^ {number for number, _ in rows}
    ctx.report.check("each known fault is in testing.rst", not missing,
                     " ".join(map(str, sorted(missing))))


def docs(ctx):
    sphinx(ctx)
    abi(ctx)
    known_faults(ctx)
