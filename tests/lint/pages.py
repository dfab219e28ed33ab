# SPDX-License-Identifier: Apache-2.0
"""Pages: a link to a file of the project leads to one, and what a page says it has recorded is there.

What is recorded names no folder of the machine that it was recorded on, and no line is too long.
"""

import re

import sources

LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(?:#[^)]*)?\)")
RECORDED = re.compile(r"<!-- recorded: (?P<title>[^>]*) -->\n(?:```text\n(?P<text>.*?)```\n)?", re.DOTALL)
FOLDER = re.compile(r"(?<!<folder>)(?:/(?:tmp|home|root|work|usr|var)/|\b[A-Z]:\\)")
WIDTH = 100


def check_links(path, text):
    for link in LINK.finditer(text):
        if not (path.parent / link[1]).exists():
            sources.complain(path, sources.line_of(text, link.start()), f"{link[1]} is not there")


def check_recorded(path, text):
    for block in RECORDED.finditer(text):
        line = sources.line_of(text, block.start())
        recorded = block["text"] or ""
        if not recorded.strip():
            sources.complain(path, line, f"'{block['title']}' is empty: run tools/record-start.sh")
        if FOLDER.search(recorded):
            sources.complain(path, line, f"'{block['title']}' names a folder of some machine")
        if any(len(row) > WIDTH for row in recorded.splitlines()):
            sources.complain(path, line, f"'{block['title']}' has a line of more than {WIDTH} characters")


pages = sources.files("*.md", "docs/**/*.md", "examples/**/*.md", "bench/**/*.md")
for page in pages:
    text = sources.read(page)
    check_links(page, text)
    check_recorded(page, text)
sources.finish(pages)
