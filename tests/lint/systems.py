# SPDX-License-Identifier: Apache-2.0
"""Operating systems are named under src/posix and src/win32 only.

Elsewhere there is no macro and no header of a system, but for declare.h's export and printf macros
and for the files of tests and examples that CMake chooses by MPROC_PORT. Benchmarks measure POSIX's own calls, so
they are not looked at.
"""

import re

import sources

MACROS = re.compile(
    r"\b(_?_?WIN(?:32|64)(?:_*|_WINNT|_WCE)|_WIN32_WINNT|__CYGWIN__|_MSC_VER|__MINGW(?:32|64)__|_?_?linux(?:__)?"
    r"|__gnu_linux__|__ANDROID__|__APPLE__|__MACH__|__(?:Free|Net|Open)BSD__|__DragonFly__|_?_?unix(?:__)?|__sun(?:__)?"
    r"|__HAIKU__|_POSIX_\w+|_XOPEN_\w+|_GNU_SOURCE|_DARWIN_C_SOURCE|_BSD_SOURCE)\b")
HEADERS = re.compile(
    r"^\s*#\s*include\s*<((?:sys|linux|mach|netinet|arpa|net|asm)/[\w/]+\.h|windows\.h|win\w+\.h|io\.h|process\.h"
    r"|direct\.h|tlhelp32\.h|psapi\.h|shellapi\.h|ntstatus\.h|unistd\.h|fcntl\.h|pthread\.h|poll\.h|spawn\.h|dlfcn\.h"
    r"|sched\.h|semaphore\.h|link\.h|mach-o/\w+\.h|libproc\.h|pwd\.h|grp\.h|syslog\.h|termios\.h|aio\.h|mqueue\.h"
    r"|netdb\.h|dirent\.h|glob\.h|strings\.h)>", re.MULTILINE)
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|define|undef)\b(?:.*\\\n)*.*", re.MULTILINE)
ALLOWED = {"include/mproc/declare.h": {"_WIN32", "__MINGW32__"}}
CHOSEN = re.compile(r"(?:tests|examples)/\w+/(\w+_(posix|win32)(_\w+)?|test_command_line)\.[ch]$")

checked = [path for path in sources.files("include/**/*.h", "src/**/*.[ch]", "tests/**/*.[ch]", "tests/**/*.cpp",
                                          "examples/**/*.[ch]")
           if not re.match(r"src/(posix|win32)/", sources.name(path)) and not CHOSEN.match(sources.name(path))]
for path in checked:
    code = sources.code(sources.read(path))
    for directive in DIRECTIVE.finditer(code):
        for found in MACROS.finditer(directive.group()):
            if found.group(1) not in ALLOWED.get(sources.name(path), ()):
                sources.complain(path, sources.line_of(code, directive.start() + found.start()),
                                 f"{found.group(1)} belongs under src/posix or src/win32")
    for found in HEADERS.finditer(code):
        sources.complain(path, sources.line_of(code, found.start(1)),
                         f"<{found.group(1)}> belongs under src/posix or src/win32")
sources.finish(checked)
