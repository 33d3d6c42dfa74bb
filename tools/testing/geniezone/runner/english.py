# SPDX-License-Identifier: GPL-2.0
"""Sentences of documents, comments and help texts that are not plain English."""

import re
import subprocess

# Subject first: a sentence does not begin with such a pronoun, unless it is a question.
SENTENCE = re.compile(r"(?:^|(?<=[.:!?;]\s)|(?<=[.:!?;]\s\s)|(?<=[(\"]))"
                      r"(Who|What|Whoever|Whatever)\s(?!\s)[^.?!]*[.?!]?")
# Metaphors that say less than the kernel's own words
WORDS = re.compile(
    r"\b(came? about|old news|nobody knows|knows nobody|for nobody to say|nobody to "
    r"be told|owed|owes|pays|pay for it|thought of and left|has not said no|"
    r"who(?:ever)? (?:writes|wants|waits|wakes|comes|goes|changes|asks) )",
    re.I)

DOCUMENTS = (".rst", ".md")
COMMENTED = {
    ".c": "c", ".h": "c", ".S": "c", ".lds": "c",
    ".py": "#", ".sh": "#", ".config": "#", "Makefile": "#", "Kconfig": "#",
}
HASH = re.compile(r"^\s*#(?!!|\s*(?:define|if|ifdef|ifndef|else|elif|endif|include|"
                  r"error|pragma|undef|warning)\b)\s?(.*)$")
C_COMMENT = re.compile(r"/\*(.*?)\*/|//([^\n]*)", re.S)
HEADING = re.compile(r"^([=\-~^])\1{2,}\s*$")


def c_comments(text):
    """(line, text) of each comment in C or assembly."""
    for match in C_COMMENT.finditer(text):
        body = match[1] if match[1] is not None else match[2]
        lines = [re.sub(r"^\s*\*? ?", "", line) for line in body.split("\n")]
        yield text.count("\n", 0, match.start()) + 1, lines


def hash_comments(text):
    """(line, text) of each run of lines that begin with a #."""
    run, first = [], 0
    for number, line in enumerate(text.split("\n") + [""], 1):
        match = HASH.match(line)
        if match:
            first = first if run else number
            run.append(match[1])
        elif run:
            yield first, run
            run = []


def docstrings(text):
    for match in re.finditer(r'"""(.*?)"""', text, re.S):
        yield (text.count("\n", 0, match.start()) + 1,
               [line.strip() for line in match[1].split("\n")])


def document(text):
    """(line, text) of a document without its literal blocks."""
    lines, indent = text.split("\n"), None
    out = []
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if indent is not None and line.strip() and depth <= indent:
            indent = None
        if indent is None and line.strip():
            out.append(re.sub(r"^\s*(?:[*\-#|]|\d+\.)?\s+", "", line)
                       if depth else line)
        else:
            out.append("")
        if line.rstrip().endswith("::"):
            indent = depth
    yield 1, out


def paragraphs(first, lines):
    """(line, text) of each paragraph that is no heading."""
    text, at = [], first
    for number, line in enumerate(list(lines) + [""], first):
        if HEADING.match(line):
            text = text[:-1]
            continue
        if not line.strip() or re.match(r"^(?:@[\w.]+:|\* |- |\||\w+\(\) - )", line):
            if text:
                yield at, " ".join(text)
            text = [re.sub(r"^(?:@[\w.]+:|\* |- |\||\w+\(\) - )\s*", "", line)] \
                if line.strip() else []
            at = number
            continue
        at = at if text else number
        text.append(line.strip())


def parts(path, text):
    """The text for people in a file."""
    if path.endswith(DOCUMENTS):
        return document(text)
    kind = COMMENTED.get(path[path.rfind("."):]) or \
        COMMENTED.get(path.rsplit("/", 1)[-1])
    if kind == "c":
        return c_comments(text)
    if kind == "#":
        found = list(hash_comments(text))
        return found + list(docstrings(text)) if path.endswith(".py") else found
    return ()


def faults(path, text):
    """(line, words) of each sentence that is to be rewritten."""
    for first, lines in parts(path, text):
        for line, paragraph in paragraphs(first, lines):
            for match in SENTENCE.finditer(paragraph):
                if not match[0].endswith("?"):
                    yield line, match[0]
            for match in WORDS.finditer(paragraph):
                yield line, match[0]


def english(ctx):
    """No document and no comment has such a sentence."""
    listed = subprocess.run(["git", "ls-files"], cwd=ctx.top, capture_output=True,
                            text=True, check=True)
    found = []
    for path in listed.stdout.splitlines():
        file = ctx.top / path
        if path.endswith((*DOCUMENTS, *COMMENTED)) and file.is_file():
            found += [f"{path}:{line}: {words[:60]}"
                      for line, words in faults(path, file.read_text())]
    ctx.log("english").write_text("".join(f"{line}\n" for line in found))
    ctx.report.check("plain English", not found, found[0] if found else "",
                     ctx.log("english"))


# text of a file, and whether a sentence of it is to be rewritten
SAMPLES = (
    ("a.rst", "The driver waits.\n", False),
    ("a.rst", "Who waits, dies.\n", True),
    ("a.rst", "Text. What is there\nstays there.\n", True),
    ("a.rst", "What the driver needs\n=====================\n", False),
    ("a.rst", "What does it need?\n", False),
    ("a.rst", "Code::\n\n    What is code\n\nText.\n", False),
    ("a.c", "/* What is there stays. */\n", True),
    ("a.c", "/*\n * Text, then\n * What is a name here.\n */\n", False),
    ("a.c", 'char *a = "What is there stays.";\n', False),
    ("a.c", "/* A page that nobody knows of. */\n", True),
    ("a.py", "# What is there stays.\n", True),
    ("a.h", "#define WHAT\n#include <what.h>\n", False),
)


def check(ctx):
    """The check finds each such sentence, and nothing else."""
    for path, text, wrong in SAMPLES:
        ctx.report.check(f"plain English: {text!r}",
                         bool(list(faults(path, text))) == wrong)


if __name__ == "__main__":
    import sys
    for name in sys.argv[1:]:
        with open(name) as file:
            for line, words in faults(name, file.read()):
                print(f"{name}:{line}: {words[:110]}")
