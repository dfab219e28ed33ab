# SPDX-License-Identifier: Apache-2.0
"""Every status in status.h has a number of its own and a text in status.c."""

import re

import sources

header, source = sources.ROOT / "include/mproc/status.h", sources.ROOT / "src/status.c"
declared = sources.read(header)
texts = set(re.findall(r"\[(MPROC_E\w+) - MPROC_STATUS_START\]\s*=\s*\"", sources.read(source)))
numbers = {}
statuses = list(re.finditer(r"^#define (MPROC_E\w+) \(MPROC_STATUS_START \+ (\d+)\)", declared, re.MULTILINE))
for status in statuses:
    name, number = status.group(1), int(status.group(2))
    line = sources.line_of(declared, status.start())
    if name not in texts:
        sources.complain(header, line, f"{name} has no text in status.c")
    if number in numbers:
        sources.complain(header, line, f"{name} has the number of {numbers[number]}")
    numbers.setdefault(number, name)
sources.finish(statuses)
