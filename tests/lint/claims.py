# SPDX-License-Identifier: Apache-2.0
"""Pages: what is named right behind a link to a file of the project is in that file.

[file.c](path) `function()`, `another()` names functions of a source; [test_file.c](path) `claim`,
`another` names claims that a test makes, and a link to a test names one at least.  In spawn-notes.md
the rows are numbered without a gap, and each row that says "met" names what shows it, or why nothing does.
"""

import re

import sources

NAMES = r"((?:,?\s*`\w+{0}`)*)"
SOURCE = re.compile(r"\]\(([^)#\s]*\bsrc/[^)#\s]*\.[ch])\)" + NAMES.format(r"\(\)"))
TEST = re.compile(r"\]\(([^)#\s]*\btests/[^)#\s]*\.c)\)" + NAMES.format(""))
ROW = re.compile(r"^\| ([WP])(\d+) \|(.*)\|([^|]*)\|$", re.MULTILINE)
CLAIM = re.compile(r"\bclaim\w*\((\w+)\)")
FUNCTION = re.compile(r"^(?!\s)[^;{}#]*?\b(\w+)\(", re.MULTILINE)


def named_in(pattern, path):
    """What a file has by that name; a file that is not there is the business of pages.py."""
    return set(pattern.findall(sources.code(sources.read(path)))) if path.exists() else set()


def check(page, text, link, pattern, what):
    for found in link.finditer(text):
        path = page.parent / found[1]
        known = named_in(pattern, path)
        for name in re.findall(r"\w+", found[2]):
            if path.exists() and name not in known:
                sources.complain(page, sources.line_of(text, found.start()), f"{found[1]} has no {what} {name}")


def check_tests_name_claims(page, text):
    for found in TEST.finditer(text):
        if not found[2]:
            sources.complain(page, sources.line_of(text, found.start()), f"no claim of {found[1]} is named")


def check_rows(page, text):
    last = {"W": 0, "P": 0}
    for row in ROW.finditer(text):
        line, letter, number = sources.line_of(text, row.start()), row[1], int(row[2])
        if number != last[letter] + 1:
            sources.complain(page, line, f"{letter}{number} follows {letter}{last[letter]}")
        if "**met**" in row[3] and not row[4].strip():
            sources.complain(page, line, f"{letter}{number} is met, and nothing shows it")
        if re.search(r"`\w+`", TEST.sub("", row[4])):
            sources.complain(page, line, f"{letter}{number} names a claim without its file")
        last[letter] = number
    return sum(last.values())


pages = sources.files("docs/**/*.md")
notes = sources.ROOT / "docs/spawn-notes.md"
for page in pages:
    text = sources.read(page)
    check(page, text, SOURCE, FUNCTION, "function")
    check(page, text, TEST, CLAIM, "claim")
check_tests_name_claims(notes, sources.read(notes))
sources.finish(check_rows(notes, sources.read(notes)))
