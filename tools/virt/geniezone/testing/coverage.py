# SPDX-License-Identifier: GPL-2.0
"""Which lines of the driver the tests run; make coverage."""

import base64
import json
import re
import shutil

from . import machine
from .context import reason

DRIVER = "drivers/virt/geniezone"
# Lines that no test runs, and why: see the file
REASONS = "tools/testing/geniezone/uncovered.txt"
WANTED = 90

# Other modes have other ways to memory
COVERAGE_TESTS = machine.MEMORY_TESTS + ",lifetime_test,mmio_test,run_test"

# What is run: name, gz.do= and what else the host is told, with a hypervisor
RUNS = (
    ("unit", machine.KUNIT_APPEND, False),
    ("default", "gz.do=tests gzhyp.controls gz.ioctl_fuzz=60,1", True),
    ("noblock", "gz.do=tests gzhyp.controls gzhyp.noblock gz.tests="
     + COVERAGE_TESTS, True),
    ("nodemand", "gz.do=tests gzhyp.controls gzhyp.nodemand gz.tests="
     + COVERAGE_TESTS, True),
    ("absent", "gz.do=absent", False),
    ("unlisted", "gzhyp.unlisted gz.do=unlisted gz.tests=mmio_test", True),
)


def received(lines):
    """Name -> content of the counters that the host has sent."""
    found = {}
    name = None
    for line in lines:
        begin = re.match(r"^gcda: (\S+\.gcda)$", line)
        if begin:
            name, text = begin[1], []
        elif line == "gcda: end" and name:
            found[name] = base64.b64decode("".join(text))
            name = None
        elif name:
            text.append(line.strip())
    return found


def one_run(ctx, host, name, append, el2):
    """Returns the file with what one start of the machine has run, or None."""
    log = f"coverage-{name}"
    # Nothing of these takes as long, whatever the machine
    limit = 1500
    status, lines = host.boot(log, f"{append} gz.timeout=300", limit, el2=el2)
    host.ended(log, status, lines)
    objects = ctx.build / "coverage.module" / DRIVER
    place = ctx.build / f"coverage.report/{name}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    counters = received(lines)
    for file, content in counters.items():
        notes = objects / file.replace(".gcda", ".gcno")
        if not notes.exists():
            continue
        (place / file).write_bytes(content)
        shutil.copy(notes, place)
    found = place.with_suffix(".json")
    status, output = ctx.run(f"gcovr-{name}", *gcovr(ctx), "--object-directory",
                             place, "--json", found, place)
    ok = ctx.report.check(f"{name}: counters", counters and not status,
                          reason(output) if counters else "none came",
                          ctx.log(f"gcovr-{name}"))
    return found if ok else None


def gcovr(ctx):
    module = ctx.build / "coverage.module"
    return ("gcovr", "--gcov-executable", "aarch64-linux-gnu-gcov",
            "--root", module, "--filter", f"{module}/{DRIVER}/[^/]*\\.c$")


def read_reasons(text):
    """
    (file, function, line of code) -> reason; a reason stands before its lines.
    """
    reasons = {}
    why = ""
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        if not line.strip():
            why = ""
        elif line[0] in " \t":
            place, _, code = line.strip().partition(": ")
            file, _, function = place.partition(" ")
            reasons[file, function, code.strip()] = " ".join(why.split())
        else:
            why += " " + line
    return reasons


# The line of a definition that names the function; the return type may stand
# on one of its own. Other things at the left margin end in a semicolon.
FUNCTION = re.compile(r"^(?:[A-Za-z_][\w\s*]*[\s*])?(\w+)\((?!.*;\s*$)")


def functions(text):
    """The function that each line of C is in, from the first line on."""
    found = []
    name = ""
    for line in text.splitlines():
        match = FUNCTION.match(line)
        if match:
            name = match[1]
        found.append(name)
    return found


def uncovered(data, module):
    """(file, function, number, code) of each line that was not run."""
    for file in data["files"]:
        text = (module / file["file"]).read_text()
        code, names = text.splitlines(), functions(text)
        for line in file["lines"]:
            if not line["count"] and not line.get("gcovr/noncode"):
                number = line["line_number"]
                yield (file["file"].rsplit("/", 1)[-1], names[number - 1],
                       number, code[number - 1].strip())


def branches(data):
    """How many branches were taken, and how many there are."""
    counts = [branch["count"] for file in data["files"]
              for line in file["lines"] if not line.get("gcovr/noncode")
              for branch in line.get("branches", ())]
    return sum(count > 0 for count in counts), len(counts)


def judge(ctx, merged):
    data = json.loads(merged.read_text())
    module = ctx.build / "coverage.module"
    total = sum(not line.get("gcovr/noncode")
                for file in data["files"] for line in file["lines"])
    missed = list(uncovered(data, module))
    percent = 100 * (total - len(missed)) / max(total, 1)
    ctx.report.check(f"{WANTED} % of lines", percent >= WANTED,
                     f"{percent:.1f} %")
    reasons = read_reasons((ctx.top / REASONS).read_text())
    unknown = [m for m in missed if (m[0], m[1], m[3]) not in reasons]
    for file, function, number, code in missed:
        print(f"   {file}:{number} {function}: {code}: "
              f"{reasons.get((file, function, code), 'NO REASON')}",
              flush=True)
    ctx.report.check("each other line has its reason", not unknown,
                     " ".join(f"{m[0]}:{m[2]}" for m in unknown[:5]))
    taken, all_branches = branches(data)
    print(f"coverage: {total - len(missed)} of {total} lines, {percent:.1f} %; "
          f"{taken} of {all_branches} branches, "
          f"{100 * taken / max(all_branches, 1):.1f} %; "
          f"{ctx.build}/coverage.report/index.html", flush=True)


def coverage(ctx):
    if not ctx.built("coverage image", "coverage-image", "gzhyp"):
        return
    host = machine.Machine(ctx, "coverage",
                           ctx.build / "coverage/arch/arm64/boot/Image",
                           ctx.build / "coverage.cpio", 4)
    found = [one_run(ctx, host, *run) for run in RUNS]
    report = ctx.build / "coverage.report"
    merged = report / "all.json"
    tracefiles = [x for f in found if f for x in ("-a", f)]
    status, output = ctx.run(
        "gcovr", *gcovr(ctx), *tracefiles, "--json", merged, "--html-details",
        report / "index.html", "--html-title", "GenieZone driver",
        "--txt", report / "summary.txt")
    if ctx.report.check("report", not status, reason(output),
                        ctx.log("gcovr")):
        print((report / "summary.txt").read_text(), flush=True)
        judge(ctx, merged)
