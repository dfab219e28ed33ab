# SPDX-License-Identifier: Apache-2.0
"""A program includes <mproc.h> and has all of mproc; and CMake installs every header."""

import sources

headers = sources.files("include/mproc/**/*.h")
umbrella = sources.ROOT / "include/mproc.h"
build = sources.ROOT / "src/CMakeLists.txt"
for header in headers:
    short = header.relative_to(sources.ROOT / "include").as_posix()
    if f"#include <{short}>" not in sources.read(umbrella):
        sources.complain(umbrella, 1, f"<{short}> is not included")
    if short not in sources.read(build):
        sources.complain(build, 1, f"{short} is not among the headers")
sources.finish(headers)
