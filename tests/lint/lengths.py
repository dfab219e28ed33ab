# SPDX-License-Identifier: Apache-2.0
"""Functions of src/ have at most 60 lines, its files at most 500."""

import re

import sources

FUNCTION_MAX = 60
FILE_MAX = 500


def without_directives(code):
    return re.sub(r"^[ \t]*#(?:.*\\\n)*.*", lambda found: re.sub(r"[^\n]", " ", found.group()), code,
                  flags=re.MULTILINE)


def functions(code):
    """For each block at the top that follows a parenthesis: its name, where it begins, and where it ends."""
    depth, begin, after = 0, 0, 0
    for found in re.finditer(r"[{};]", code):
        place = found.start()
        if found.group() == "{":
            if depth == 0:
                begin = place
            depth += 1
        elif found.group() == "}":
            depth -= 1
        if depth > 0:
            continue
        head = code[after:begin]
        if found.group() == "}" and head.rstrip().endswith(")"):
            name = re.search(r"(\w+)\s*\(", head)
            yield name.group(1) if name else "?", after + len(head) - len(head.lstrip()), place
        after = place + 1


checked = sources.files("src/**/*.[ch]")
for path in checked:
    text = sources.read(path)
    lines = text.count("\n")
    if lines > FILE_MAX:
        sources.complain(path, lines, f"the file has {lines} lines; {FILE_MAX} are the most")
    code = without_directives(sources.code(text))
    for name, start, end in functions(code):
        length = sources.line_of(code, end) - sources.line_of(code, start) + 1
        if length > FUNCTION_MAX:
            sources.complain(path, sources.line_of(code, start),
                             f"{name} has {length} lines; {FUNCTION_MAX} are the most")
sources.finish(checked)
