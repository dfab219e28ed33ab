# SPDX-License-Identifier: Apache-2.0
"""Every source file begins with its licence: in the first line, or below #! in the second."""

import sources

PATTERNS = [f"{folder}/**/{kind}" for folder in ("include", "src", "tests", "examples", "bench", "cmake", "tools")
            for kind in ("*.[ch]", "*.cpp", "*.py", "*.sh", "*.cmake", "CMakeLists.txt")]
checked = sources.files("CMakeLists.txt", *PATTERNS)
for path in checked:
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in sources.read(path).split("\n")[:2]):
        sources.complain(path, 1, "the line SPDX-License-Identifier: Apache-2.0 is missing")
sources.finish(checked)
