# SPDX-License-Identifier: GPL-2.0
"""The lines of the driver that the tests run; make coverage."""

import base64
import json
import re
import shutil

from . import machine, programs
from .context import reason

DRIVER = "drivers/virt/geniezone"
# The lines that no test runs, with the reasons
REASONS = "tools/testing/geniezone/uncovered.txt"
WANTED = 90

# The runs: name, words on the host's command line, whether there is a hypervisor
RUNS = (
    ("unit", machine.KUNIT_APPEND, False),
    ("default", "gz.do=tests gzhyp.controls gz.ioctl_fuzz=60,1 "
     "gz.tests={driver}", True),
    ("noblock", "gz.do=tests gzhyp.controls gzhyp.noblock gz.tests={modes}", True),
    ("nodemand", "gz.do=tests gzhyp.controls gzhyp.nodemand gz.tests={modes}",
     True),
    ("absent", "gz.do=absent", False),
    ("unlisted", "gzhyp.unlisted gz.do=unlisted gz.tests=mmio_test", True),
)


def received(lines):
    """Name -> content of the counters that the host sent."""
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


def names(found):
    return ",".join(program.name for program in found)


def one_run(ctx, host, name, append, el2):
    """Returns the file with the lines that one boot ran, or None."""
    log = f"coverage-{name}"
    append = append.format(
        driver=names(programs.programs(ctx, programs.DRIVER)),
        modes=names(programs.for_modes(ctx, "base")))
    # None of the runs takes as long, even on a slow machine
    limit = 1500
    status, lines = host.boot(log, f"{append} gz.timeout=300", limit, el2=el2)
    host.ended(log, status, lines)
    objects = ctx.kbuild / "coverage.module" / DRIVER
    place = ctx.kbuild / f"coverage.report/{name}"
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
    module = ctx.kbuild / "coverage.module"
    return ("gcovr", "--gcov-executable", "aarch64-linux-gnu-gcov",
            "--root", module, "--filter", f"{module}/{DRIVER}/[^/]*\\.c$")


def read_reasons(text):
    """
    (file, function, line of code) -> reason. A reason comes before its lines.
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


# The line of a definition that has the function's name; the return type may be on
# a line of its own. Declarations at the left margin end in a semicolon.
FUNCTION = re.compile(r"^(?:[A-Za-z_][\w\s*]*[\s*])?(\w+)\((?!.*;\s*$)")


def functions(text):
    """The name of the function that each line of C belongs to."""
    found = []
    name = ""
    for line in text.splitlines():
        match = FUNCTION.match(line)
        if match:
            name = match[1]
        found.append(name)
    return found


def uncovered(data, module):
    """(file, function, number, code) of each line that did not run."""
    for file in data["files"]:
        text = (module / file["file"]).read_text()
        code, names = text.splitlines(), functions(text)
        for line in file["lines"]:
            if not line["count"] and not line.get("gcovr/noncode"):
                number = line["line_number"]
                yield (file["file"].rsplit("/", 1)[-1], names[number - 1],
                       number, code[number - 1].strip())


def branches(data):
    """The number of branches taken, and of all branches."""
    counts = [branch["count"] for file in data["files"]
              for line in file["lines"] if not line.get("gcovr/noncode")
              for branch in line.get("branches", ())]
    return sum(count > 0 for count in counts), len(counts)


def judge(ctx, merged):
    data = json.loads(merged.read_text())
    module = ctx.kbuild / "coverage.module"
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
          f"{ctx.kbuild}/coverage.report/index.html", flush=True)


def coverage(ctx):
    if not ctx.built("coverage image", "coverage-image", "gzhyp",
                     "gzhyp-test"):
        return
    host = machine.Machine(ctx, "coverage",
                           ctx.kbuild / "coverage/arch/arm64/boot/Image",
                           ctx.kbuild / "coverage.cpio", 4)
    found = [one_run(ctx, host, *run) for run in RUNS]
    report = ctx.kbuild / "coverage.report"
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
