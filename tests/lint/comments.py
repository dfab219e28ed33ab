# SPDX-License-Identifier: Apache-2.0
"""The headers are the manual: each function of the public headers and of port.h has its comment.

In a public header the comment says what a function returns: by @return, or, when its first sentence
names a thing ("The name of a process.", "Whether ..."), by that. A status is never such a thing: its
function says @return, or whose returns it has ("as mproc_process_terminate()").
"""

import re

import sources

PUBLIC = re.compile(r"^MPROC_DECLARE\(([^)]*)\)\s*(\w+)\(", re.MULTILINE)
PORT = re.compile(r"^(?!typedef|struct|enum|#)([\w ]+[ *]+)(port_\w+)\(", re.MULTILINE)
COMMENT_ABOVE = re.compile(r"/\*(?:(?!\*/).)*\*/\n\Z", re.DOTALL)
A_THING = re.compile(r"(The|Whether|How (many|much|deep)|This|Memory|What)\b")


def comment_above(text, place):
    found = COMMENT_ABOVE.search(text, text.rfind("/*", 0, place) if "/*" in text[:place] else 0, place)
    return re.sub(r"\n \*|^/\*+|\*/$", " ", found.group().strip()) if found else None


def says_what_it_returns(comment, result):
    if "@return" in comment:
        return True
    if result == "apr_status_t":
        return re.search(r"\bas mproc_\w+\(\)", comment) is not None
    return A_THING.match(comment.strip()) is not None


def check(path, pattern, is_public):
    text = sources.read(path)
    functions = list(pattern.finditer(sources.code(text)))
    for function in functions:
        result, name = function.group(1).strip(), function.group(2)
        comment = comment_above(text, function.start())
        line = sources.line_of(text, function.start())
        if comment is None:
            sources.complain(path, line, f"{name} has no comment right above it")
        elif is_public and result != "void" and not says_what_it_returns(comment, result):
            sources.complain(path, line, f"the comment on {name} does not say what it returns")
    return len(functions)


count = sum(check(path, PUBLIC, True) for path in sources.files("include/**/*.h"))
count_port = sum(check(path, PORT, False) for path in sources.files("src/port.h"))
sources.finish(count and count_port)
