# SPDX-License-Identifier: GPL-2.0
"""The documents can be built, and name only things that exist."""

import re
import shutil
from fnmatch import fnmatch

from . import english, upstream
from .context import reason
from .programs import PLACES, programs
from .static import DRIVER, HEADER, scratch

# Pages of the kernel tree, and those of the project, which stay with the tools
KERNEL_PAGES = "Documentation/virt/geniezone"
PROJECT_PAGES = "tools/virt/geniezone/docs"
# The number of faults in the list that testing.rst describes
FAULTS = 103

# A path in the tree, as documents write it
PATH = re.compile(r"(?<![\w/.<>$-])((?:drivers|include|Documentation|tools|scripts|arch|"
                  r"lib)/[\w./,*-]*[\w*/])")
# Programs that the kernel does not have
PROGRAM = re.compile(r"\bgz(?:hyp|run)\b")

# The extensions of the kernel's conf.py that need neither TeX nor other pages
EXTENSIONS = ("kerneldoc", "automarkup", "sphinx.ext.ifconfig",
              "sphinx.ext.autosectionlabel", "translations")


def sphinx(ctx, name, pages):
    """One set of pages alone, as "make htmldocs" would build them."""
    linux = ctx.linux_612
    cwd = scratch(ctx, f"docs-{name}")
    log = f"docs-{name}"
    defines = {
        "version": "6.12", "release": "6.12",
        "extensions": ",".join(EXTENSIONS),
        "kerneldoc_srctree": ctx.top,
        "kerneldoc_bin": linux / "scripts/kernel-doc",
    }
    options = [x for key, value in defines.items()
               for x in ("-D", f"{key}={value}")]
    status, output = ctx.run(
        log, "sphinx-build", "-q", "-W", "--keep-going", "-b", "html",
        "-c", linux / "Documentation", "-d", cwd / "doctrees", *options,
        ctx.top / pages, cwd / "html",
        env={"srctree": str(linux), "PYTHONDONTWRITEBYTECODE": "1"})
    sources = sorted((ctx.top / pages).glob("*.rst"))
    missing = [p.stem for p in sources
               if not (cwd / "html" / f"{p.stem}.html").exists()]
    ctx.report.check(f"sphinx {pages}",
                     status == 0 and sources and not missing,
                     reason(output) if status else f"no page: {missing}",
                     ctx.log(log))


def abi(ctx):
    status, output = ctx.run(
        "abi", "perl", ctx.linux_612 / "scripts/get_abi.pl", "validate",
        "--dir", ctx.top / "Documentation/ABI")
    ctx.report.check("Documentation/ABI", status == 0 and not output.strip(),
                     reason(output), ctx.log("abi"))


def is_upstream(patterns, path):
    """Whether the path is on the list of what goes upstream, or leads there."""
    path = path.rstrip("/")
    return any(f"{path}/".startswith(p) or p.startswith(f"{path}/") or
               fnmatch(path, p) for _, p in patterns)


def named(ctx, documents, pattern):
    """(document and line, what is named) of each match of the pattern."""
    for document in documents:
        lines = document.read_text().splitlines()
        for number, line in enumerate(lines, 1):
            for name in pattern.findall(line):
                yield f"{document.relative_to(ctx.top)}:{number}", name


def paths(ctx):
    """Documents name what exists; those of the kernel tree only what it has."""
    patterns = upstream.patterns(ctx)
    kernel = [ctx.top / f for f in upstream.files(ctx)
              if f.startswith("Documentation/")]
    project = [ctx.top / "README.md",
               *sorted((ctx.top / PROJECT_PAGES).glob("*.rst"))]
    wrong = [f"{place}: {name}" for place, name in named(ctx, kernel, PROGRAM)]
    for place, path in named(ctx, kernel, PATH):
        ours = any(ctx.top.glob(path))
        if not (ours and is_upstream(patterns, path)) and \
                not (ctx.linux_612 / path).exists():
            wrong.append(f"{place}: {path}")
    ctx.report.check("kernel documents name files of the kernel", kernel and
                     not wrong, ", ".join(wrong))
    wrong = [f"{place}: {path}" for place, path in named(ctx, project, PATH)
             if not any(ctx.top.glob(path))
             and not (ctx.linux_612 / path).exists() and not path.endswith(".ko")]
    ctx.report.check("project documents name files that exist", not wrong,
                     ", ".join(wrong))


def source_paths(ctx):
    """So do the sources: other paths in a program may be in sysfs, or relative."""
    sources = [ctx.top / f for f in upstream.files(ctx)
               if not f.startswith("Documentation/")]
    wrong = [f"{place}: {path}" for place, path in named(ctx, sources, PATH)
             if path.startswith(("Documentation/", "tools/"))
             and not any(ctx.linux_612.glob(path.rstrip("/")))]
    ctx.report.check("kernel sources name files of the kernel", sources and
                     not wrong, ", ".join(wrong))


def drawing(ctx):
    """The page about memory shows the states of a page as block.c does."""
    page = (ctx.top / KERNEL_PAGES / "memory.rst").read_text()
    states = page[page.index("\nStates of a page\n"):]
    block = re.search(r"::\n\n((?: .*\n|\n)+?)\n(?=\S)", states)[1]
    source = (ctx.top / DRIVER / "block.c").read_text()
    comment = [line[3:].strip() for line in
               source[:source.index("*/")].split("\n")]
    wanted = [line.strip() for line in block.rstrip().split("\n")]
    found = any(comment[i:i + len(wanted)] == wanted
                for i in range(len(comment)))
    ctx.report.check("memory.rst and block.c show the same states", found,
                     "the drawings differ")


def kunit_tests(ctx):
    """Suite -> names of its tests."""
    found = {}
    for path in (ctx.top / DRIVER / "tests").glob("*_kunit.c"):
        text = path.read_text()
        for suite in re.findall(r'\.name = "(gzvm-\w+)"', text):
            found[suite] = set(re.findall(r"KUNIT_CASE\w*\((\w+)", text))
    return found


def selftests(ctx):
    """Program -> names of its tests, as far as C tells."""
    test = re.compile(r"^TEST(?:_F)?(?:_TIMEOUT)?\((?:\w+, )?(\w+)[,)]", re.M)
    return {path.stem: set(test.findall(path.read_text()))
            for place in PLACES
            for path in (ctx.top / place).glob("*_test.c")}


def steps(ctx):
    """Names of the steps that test.py has."""
    return set(re.findall(r'\("([a-z][\w -]*)",\s',
                          (ctx.testing / "test.py").read_text()))


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
    text = (ctx.top / PROJECT_PAGES / "testing.rst").read_text()
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


def listed_programs(ctx):
    """testing.rst describes each test program."""
    text = (ctx.top / PROJECT_PAGES / "testing.rst").read_text()
    missing = [p.name for p in programs(ctx) if f"``{p.name}``" not in text]
    ctx.report.check("each test program is in testing.rst", not missing,
                     " ".join(missing))


def listed_options(ctx):
    """gzhyp.rst describes each option of gzhyp."""
    text = (ctx.top / PROJECT_PAGES / "gzhyp.rst").read_text()
    source = (ctx.tools / "gzhyp/core/options.c").read_text()
    words = re.findall(r'\{ "([\w.]+)", OPT_', source)
    missing = [word for word in words if f"``{word}``" not in text]
    ctx.report.check("each option of gzhyp is in gzhyp.rst", words and
                     not missing, " ".join(missing))


def library_example(ctx):
    """The program in the library's README compiles."""
    cwd = scratch(ctx, "libgzvm")
    (cwd / "linux").mkdir()
    shutil.copy(ctx.top / HEADER, cwd / "linux")
    library = ctx.top / "tools/lib/gzvm"
    lines = [line[1:] for line in (library / "README").read_text().splitlines()
             if line.startswith("\t") or not line]
    (cwd / "example.c").write_text("\n".join(lines).strip() + "\n")
    status, output = ctx.run(
        "libgzvm-example", "aarch64-linux-gnu-gcc", "-Wall", "-Wextra", "-Werror",
        "-I.", f"-I{library}/include", "-fsyntax-only", "example.c", cwd=cwd)
    ctx.report.check("example in the README of libgzvm", status == 0,
                     reason(output), ctx.log("libgzvm-example"))


def docs(ctx):
    sphinx(ctx, "kernel", KERNEL_PAGES)
    sphinx(ctx, "project", PROJECT_PAGES)
    abi(ctx)
    paths(ctx)
    source_paths(ctx)
    drawing(ctx)
    known_faults(ctx)
    listed_programs(ctx)
    listed_options(ctx)
    english.english(ctx)
    library_example(ctx)
