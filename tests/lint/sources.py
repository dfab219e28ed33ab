# SPDX-License-Identifier: Apache-2.0
"""What the lints share: finding files, reading C without its comments, and complaining."""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()

_complaints = []


def files(*patterns):
    """The files that match, sorted; a folder that is not there yet has none."""
    return sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()})


def name(path):
    return path.relative_to(ROOT).as_posix()


def read(path):
    return path.read_text(encoding="utf-8")


def line_of(text, place):
    return text.count("\n", 0, place) + 1


def complain(path, line, what):
    _complaints.append(f"{name(path)}:{line}: {what}")


def finish(checked):
    """End the lint; one that found nothing to check has lost its way."""
    for complaint in _complaints:
        print(complaint)
    if not checked:
        print(f"nothing to check was found under {ROOT}")
    sys.exit(1 if _complaints or not checked else 0)


_NOT_CODE = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def code(text):
    """The text with comments, strings and characters blanked; lines and columns stay."""
    return _NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
