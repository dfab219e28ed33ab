# SPDX-License-Identifier: Apache-2.0
"""Two files side by side, as wide as the terminal: side-by-side.py spawn.txt fork.txt

Lines that differ have a mark between them: ! changed, < only on the left, > only on the right. A
long line goes on below itself; where one is part of a table or a drawing, and where there are more than
two files, they are printed one below the other instead.
"""

import difflib
import os
import pathlib
import re
import shutil
import sys
import textwrap


def read(path):
    return pathlib.Path(path).read_text(encoding="utf-8", errors="replace").expandtabs().splitlines()


def heading(path):
    return re.sub(r".*_", "", pathlib.Path(path).stem)


def wrapped(line, width):
    return textwrap.wrap(line, width, subsequent_indent="    ", break_on_hyphens=False) or [""]


def has_wide_table(lines, width):
    return any(len(line) > width and re.search(r"\S {3}", line) for line in lines)


def rows(left, right):
    """Pairs of lines that belong together, None where one side has nothing, and their mark."""
    for what, i, i_end, j, j_end in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for n in range(max(i_end - i, j_end - j)):
            one = left[i + n] if i + n < i_end else None
            other = right[j + n] if j + n < j_end else None
            yield one, other, " " if what == "equal" else "<" if other is None else ">" if one is None else "!"


def print_below(paths, columns):
    for path in paths:
        print(f"-- {heading(path)} ".ljust(columns, "-"), *read(path), sep="\n", end="\n\n" if path != paths[-1] else "\n")


def print_beside(left_path, right_path, width):
    print(f"  {heading(left_path):<{width}}   {heading(right_path)}".rstrip())
    print("-" * (width + 1) + "+" + "-" * (width + 2))
    for one, other, mark in rows(read(left_path), read(right_path)):
        lefts, rights = wrapped(one or "", width), wrapped(other or "", width)
        for n in range(max(len(lefts), len(rights))):
            line = (lefts[n] if n < len(lefts) else "", rights[n] if n < len(rights) else "")
            print(f"{line[0]:<{width}} {mark} {line[1]}".rstrip())


def main(*paths):
    columns = int(os.environ.get("COLUMNS") or shutil.get_terminal_size((160, 0)).columns)
    width = max(30, min(columns, 160) // 2 - 2)
    if len(paths) > 2 or any(has_wide_table(read(path), width) for path in paths):
        print_below(paths, columns)
    else:
        print_beside(*paths, width)


main(*sys.argv[1:])
