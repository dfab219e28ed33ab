# SPDX-License-Identifier: Apache-2.0
"""src/posix and src/win32 have files of the same names: what one system does, the other does too.

Variants, which CMake chooses among, lie in a folder of their own.
"""

import sources

names = {port: {path.name for path in sources.files(f"src/{port}/*.[ch]")} for port in ("posix", "win32")}
for port, other in (("posix", "win32"), ("win32", "posix")):
    for name in sorted(names[port] - names[other]):
        sources.complain(sources.ROOT / "src" / port / name, 1, f"there is no src/{other}/{name}")
sources.finish(names["posix"] and names["win32"])
