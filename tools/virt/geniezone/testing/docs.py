# SPDX-License-Identifier: GPL-2.0
"""Whether the documentation can be built, and names what exists."""

import re

from .context import reason
from .static import DRIVER, scratch

PAGES = "Documentation/virt/geniezone"
SELFTESTS = "tools/testing/selftests/geniezone"

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


def named_tests(text):
    """(suite or program, test) of each test in the table of known faults."""
    table = text[text.index("\nKnown faults\n"):]
    for cell in re.findall(r"^     - (``.*(?:\n       .*)*)", table, re.M):
        for name, tests in re.findall(r"``([\w-]+)``:([^`.]*)", cell):
            for test in re.findall(r"\w+", tests):
                yield name, test


def known_faults(ctx):
    """A test that a page promises, but that is not there, proves nothing."""
    text = (ctx.top / PAGES / "testing.rst").read_text()
    known = {**kunit_tests(ctx), **selftests(ctx)}
    named = list(named_tests(text))
    wrong = [f"{name}: {test}" for name, test in named
             if test not in known.get(name, ())]
    ctx.report.check("tests in testing.rst exist", named and not wrong,
                     ", ".join(wrong) or "none named")


def docs(ctx):
    sphinx(ctx)
    abi(ctx)
    known_faults(ctx)
