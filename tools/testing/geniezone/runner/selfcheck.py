# SPDX-License-Identifier: GPL-2.0
"""Checks the runner itself: it must notice each kind of failure."""

import contextlib
import copy
import io

from . import bench_table, coverage, english, gate, graph, guests, hypmutants, ktap, \
    mutants, programs, steps
from .machine import split_documents, split_runs
from .report import Report

GOOD = "TAP version 13\n1..2\nok 1 a\nok 2 b\n"
NESTED = """KTAP version 1
1..2
    KTAP version 1
    # Subtest: one
    1..2
    ok 1 a
    {0}ok 2 b
{0}ok 1 one
ok 2 two # SKIP why
"""

# name, text, exit status, passed, failed, skipped
CASES = (
    ("good", GOOD, 0, 2, 0, 0),
    ("failed test", GOOD.replace("ok 2", "not ok 2"), 1, 1, 1, 0),
    ("failed test, status 0", GOOD.replace("ok 2", "not ok 2"), 0, 1, 1, 0),
    ("status says more than results", GOOD, 1, 2, 1, 0),
    ("crash after the last result", GOOD, 139, 2, 1, 0),
    ("killed by the time limit", GOOD, 143, 2, 1, 0),
    ("result missing", GOOD.replace("ok 2 b\n", ""), 0, 1, 1, 0),
    ("no plan", GOOD.replace("1..2\n", ""), 0, 2, 1, 0),
    ("nothing", "", 0, 0, 1, 0),
    ("words only", "hello\n", 0, 0, 1, 0),
    ("number twice", GOOD.replace("ok 2", "ok 1"), 0, 2, 1, 0),
    ("one too many", GOOD + "ok 3 c\n", 0, 3, 1, 0),
    ("skip", GOOD.replace("ok 2 b", "ok 2 b # SKIP no"), 0, 1, 0, 1),
    ("skip without a dash", GOOD.replace("ok 2 b", "ok 2 # SKIP b"), 4, 1, 0, 1),
    ("all skipped", "TAP version 13\n1..0 # SKIP no device\n", 4, 0, 0, 1),
    ("nested", NESTED.format(""), 0, 2, 0, 1),
    ("nested failure", NESTED.format("not "), 1, 1, 1, 1),
    ("nested, ends within",
     NESTED.format("")[:NESTED.index("    {0}ok 2 b")], 139, 1, 4, 0),
    ("only the parent fails",
     NESTED.format("").replace("ok 1 one", "not ok 1 one"), 1, 2, 1, 1),
)

# Text of the harness before "not ok", and the line of it that is shown
CAUSES = (
    ("# RUN x\n# a.c:1:x:Expected 1 (1) == y (2)\n# x: Test failed\n# FAIL x\n",
     "a.c:1:x:Expected 1 (1) == y (2)"),
    ("# a.c:1:x:Expected 1 (1) == y (2)\n# a.c:2:x:Expected 3 (3) == y (2)\n",
     "a.c:1:x:Expected 1 (1) == y (2)"),
    ("# x: EXPECTATION FAILED at a.c:1\n    Expected 1 == y\n# pass:1\n",
     "x: EXPECTATION FAILED at a.c:1"),
    ("# RUN x\n# x: Test terminated by timeout\n# FAIL x\n",
     "x: Test terminated by timeout"),
    ("# RUN x\n# FAIL x\n", "FAIL x"),
)

SPLATS = (
    "[    1.0] WARNING: CPU: 0 PID: 1 at drivers/virt/geniezone/vm.c:1",
    "[    1.0] BUG: KASAN: slab-use-after-free in gzvm_vm_put+0x1/0x2",
    "[    1.0] WARNING: possible circular locking dependency detected",
    "[    1.0] WARNING: possible recursive locking detected",
    "[    1.0] possible unsafe locking scenario, possible deadlock",
    "[    1.0] Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP",
    "[    1.0] INFO: task gzrun:12 blocked for more than 120 seconds.",
    "[    1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "[    1.0] UBSAN: array-index-out-of-bounds in vm.c:1:2",
    "[    1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
    "[    1.0] Kernel panic - not syncing: Attempted to kill init!",
    "unreferenced object 0xffff000003c4a000 (size 64):",
    "gzhyp: PANIC: assertion",
)

# A race as KCSAN reports it, with the two accesses
RACE = """[    1.0] =================================================================
[    1.0] BUG: KCSAN: data-race in a / b
[    1.0] write to 0xffff0000002ee978 of 4 bytes by task 962 on cpu 0:
[    1.0]  {0}
[    1.0]  do_el0_svc+0x9c/0x168
[    1.0] read to 0xffff0000002ee978 of 4 bytes by interrupt on cpu 1:
[    1.0]  {1}
[    1.0]  do_el0_svc+0x9c/0x168
[    1.0] Reported by Kernel Concurrency Sanitizer on:
[    1.0] =================================================================
"""
OWN = "gzvm_vm_wake+0x44/0xc0 [gzvm]"
OTHER = "init_file+0x28/0xec"
BEHALF = f"{OTHER}\n[    1.0]  {OWN}"
INTERRUPTED = f"{OTHER}\n[    1.0]  el1h_64_irq+0x64/0x68\n[    1.0]  {OWN}"
RUNS = "gzvm_vcpu_run+0x3e0/0x79c [gzvm]"
SIGNALS = "prepare_signal+0x154/0x414"
# The writer, the reader, whether the race counts
RACES = ((OTHER, OTHER, False), (OWN, OTHER, True), (OTHER, OWN, True),
         (BEHALF, OTHER, False), (BEHALF, BEHALF, True),
         (INTERRUPTED, INTERRUPTED, False), (RUNS, SIGNALS, False),
         (SIGNALS, RUNS, True), (RUNS, OTHER, True), (OWN, SIGNALS, True),
         (RUNS, RUNS, True))

CLEAN = (
    "[    0.0] Booting Linux on physical CPU 0x0000000000 [0x000f0510]",
    "[    0.0] Kernel command line: console=ttyAMA0 panic=-1",
    "ok 1 global.debug_is_off",
)


def tally(results):
    return tuple(sum(r.status == s for r in results)
                 for s in (ktap.PASS, ktap.FAIL, ktap.SKIP))


def check_ktap(ctx):
    for name, text, status, *expected in CASES:
        counted = tally(ktap.parse_program(text, status))
        ctx.report.check(f"ktap: {name}", counted == tuple(expected),
                         f"counted {counted}, not {tuple(expected)}")
    for text, cause in CAUSES:
        result = ktap.parse(f"TAP version 13\n1..1\n{text}not ok 1 x\n")[0]
        ctx.report.check(f"ktap: cause {cause}", result.reason == cause,
                         result.reason)


def check_runs(ctx):
    lines = ["ok: host up", "begin: a", "1..1", "ok 1 x", "end: a 0",
             "begin: b", "1..2"]
    runs = split_runs(lines)
    ctx.report.check("runs: ended", runs.get("a") == ("1..1\nok 1 x", 0))
    ctx.report.check("runs: not ended", runs.get("b") == ("1..2", None))
    ctx.report.check("documents", len(split_documents(
        "make\n" + GOOD + "make\n" + GOOD)) == 2)


def check_splats(ctx):
    log = ctx.log("selfcheck-sample")
    judge = ctx.image / "splats.sh"

    def status(text):
        log.write_text(text)
        return ctx.run("selfcheck", judge, log)[0]

    clean = "\n".join(CLEAN) + "\n"
    ctx.report.check("splats: clean log", status(clean) == 0)
    ctx.report.check("splats: empty log", status("") != 0)
    for line in SPLATS:
        ctx.report.check(f"splats: {line[:50]}",
                         status(f"{clean}{line}\r\n{clean}") != 0)
    for first, second, counts in RACES:
        race = RACE.format(first, second)
        ctx.report.check(f"races: {first} / {second}".replace("\n", ""),
                         (status(clean + race + clean) != 0) == counts)
    ctx.report.check("races: log ends within",
                     status(clean + RACE.format(OTHER, OTHER)[:200]) != 0)
    log.unlink()
    ctx.report.check("splats: no log",
                     ctx.run("selfcheck", judge, log)[0] != 0)


def check_steps(ctx):
    """A failure in a parallel step counts like any other."""
    def step(*names):
        return lambda ctx: [ctx.report.check(name, name != "bad")
                            for name in names]

    all_steps = [("a", step("good")), ("b", step("bad", "good")),
                 ("c", lambda ctx: 1 / 0), ("d", step()), ("e", step("good"))]
    beside = {"a": ("b", "c", "d")}
    found = steps.bundles(all_steps, beside)
    ctx.report.check("steps: which run beside",
                     found == [all_steps[:4], all_steps[4:]])
    ctx.report.check("steps: none to run beside",
                     steps.bundles(all_steps[1:3], beside) ==
                     [[step] for step in all_steps[1:3]])
    ctx.report.check("steps: another to run beside",
                     steps.bundles(all_steps[::-1], beside) ==
                     [[step] for step in all_steps[::-1]])
    sample = copy.copy(ctx)
    sample.report = Report()
    with contextlib.redirect_stdout(io.StringIO()):
        steps.run_bundle(sample, *found[0])
    count = sample.report.count
    ctx.report.check("steps: counted", (count[ktap.PASS], count[ktap.FAIL]) ==
                     (2, 3), str(count))
    ctx.report.check("steps: told", len(sample.report.failures) == 3)


# Recorded cost, measured cost, whether that is accepted
COSTS = ((1000.0, 1000.0, True), (1000.0, 1029.0, True), (1000.0, 971.0, True),
         (1000.0, 1031.0, False), (1000.0, 969.0, False), (1000.0, None, False),
         (None, 1000.0, False))


def check_costs(ctx):
    for recorded, found, good in COSTS:
        ctx.report.check(f"cost: {recorded} {found}",
                         (gate.judge(recorded, found) == "") == good)
    lines = ["R mmio-write 1 3647.0 4000", "R mmio-write 1 3647.0", "R x 1 1 1"]
    ctx.report.check("costs: lines", bench_table.by_key(bench_table.parse(lines)) ==
                     {("mmio-write", 1): 3647.0})
    met = [row[-1] for row in guests.rows(
        [{"build": 8.0, "disk-read-small": 5.1, "exits-build": 9.0, "tcp-in": 1.0},
         {"build": 10.0, "disk-read-small": 10.0, "exits-build": 1.0}])]
    ctx.report.check("costs: targets of guests", met == ["", "MISSED", "", "met", ""],
                     str(met))


def check_mutants(ctx):
    """Driver and gzhyp still have the lines that each mutant replaces."""
    for listed, place in ((mutants.LIST, mutants.DRIVER),
                          (hypmutants.LIST, hypmutants.GZHYP)):
        for mutant in mutants.read_list((ctx.top / listed).read_text()):
            source = (ctx.top / place / mutant.file).read_text()
            ctx.report.check(f"mutant's place: {mutant.name}",
                             source.count(mutant.old) == 1)


C_SOURCE = """static DEFINE_MUTEX(a_lock);

static int first(int a,
		 int b)
{
	return second(a);
}

static struct thing *
second(int a)
{
out:
	return NULL;
}
"""
C_FUNCTIONS = ["", ""] + ["first"] * 7 + ["second"] * 5


def check_coverage(ctx):
    """The function still has the line that has an excuse."""
    ctx.report.check("coverage: functions",
                     coverage.functions(C_SOURCE) == C_FUNCTIONS)
    reasons = coverage.read_reasons((ctx.top / coverage.REASONS).read_text())
    for file, function, code in reasons:
        text = (ctx.top / mutants.DRIVER / file).read_text()
        there = zip(coverage.functions(text),
                    (line.strip() for line in text.splitlines()))
        ctx.report.check(f"excused line: {file} {function}: {code}",
                         (function, code) in there)


# The output of nm for four files; b and c call each other
NM = {
    "a": "0000000000000000 T fn_a\n                 U fn_b\n                 U memcpy",
    "b": "0000000000000000 t local\n0000000000000010 T fn_b\n                 U fn_c",
    "c": "0000000000000000 T fn_c\n                 U fn_b\n                 U data_d",
    "d": "0000000000000000 D data_d\n",
}

# graph, its circles
GRAPHS = (
    ({}, []),
    ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
    ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}, []),
    ({"a": {"b"}, "b": {"a"}}, [["a", "b"]]),
    ({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b", "e"}, "e": set()},
     [["b", "c", "d"]]),
    ({"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"e"}, "e": {"c"}},
     [["c", "d", "e"], ["a", "b"]]),
    ({"a": {"b", "c"}, "b": {"a"}, "c": {"a"}}, [["a", "b", "c"]]),
)


def check_graph(ctx):
    ctx.report.check("graph: calls", graph.call_graph(NM) ==
                     {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()})
    for number, (calls, found) in enumerate(GRAPHS):
        ctx.report.check(f"graph: circles {number}",
                         graph.circles(calls) == found)


def selfcheck(ctx):
    check_ktap(ctx)
    check_costs(ctx)
    check_runs(ctx)
    check_steps(ctx)
    check_splats(ctx)
    check_mutants(ctx)
    programs.check(ctx)
    english.check(ctx)
    check_coverage(ctx)
    check_graph(ctx)
