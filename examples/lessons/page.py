# SPDX-License-Identifier: Apache-2.0
"""What a lesson's program prints, and what its page says that it prints.

    page.py check  README NAME SYSTEM PROGRAM...    compare them
    page.py record README NAME SYSTEM PROGRAM...    put it there

In the page it stands between fences, below a comment that names the program:

    <!-- printed by memory_fork -->
    <!-- printed by memory_fork on Windows -->
    <!-- printed by addresses_spawn, but for addresses -->

A page that names the picture price_fork.svg says that price_fork writes it, into the folder where it
runs; it is recorded beside the page.

On a system with a block of its own that one is meant; what Windows prints is recorded in its own
alone, and elsewhere compared. "but for addresses" and "but for numbers" say
what may differ from run to run; with numbers so may the lengths of the bars that show them,
and the mark (>) of a bar that was cut.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

BLOCK = re.compile(r"<!-- printed by (?P<name>\w+)(?: on (?P<system>\w+))?(?:, but for (?P<vary>\w+))? -->\n"
                   r"```text\n(?P<text>.*?)```\n", re.DOTALL)


def run(program, picture):
    """All that it prints, in the order in which it prints it, its exit code, and the picture if it writes one.

    A refusal (on Windows) is an answer too.
    """
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(program, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=100)
        drawn = pathlib.Path(folder, picture)
        drawn = drawn.read_bytes() if drawn.is_file() else b""
    return ended.stdout.decode().replace("\r\n", "\n"), ended.returncode, drawn


def check_picture(name, drawn):
    try:
        xml.etree.ElementTree.fromstring(drawn)
    except xml.etree.ElementTree.ParseError as error:
        sys.exit(f"{name} was not written, or is not well-formed: {error}")


def find(page, name, system):
    blocks = [block for block in BLOCK.finditer(page) if block["name"] == name]
    for wanted in (system, None):
        for block in blocks:
            if block["system"] == wanted:
                return block
    sys.exit(f"the page has no block that is printed by {name}")


def without(vary, text):
    if vary == "addresses":
        return re.sub(r"0x[0-9a-fA-F]+", "0x...", text)
    if vary == "numbers":
        text = re.sub(r"[#*=]+>?", "", re.sub(r"\d+(?:\.\d+)?", "0", text))
        return re.sub(r"[ \t]+\n", "\n", re.sub(r"(?<=\S)[ \t]+", " ", re.sub(r"^[ \t]+", "", text, flags=re.M)))
    return text


def main(task, page_path, name, system, *program):
    path = pathlib.Path(page_path)
    page = path.read_text(encoding="utf-8")
    block = find(page, name, system)
    picture = path.with_name(name + ".svg")
    printed, exitcode, drawn = run(program, picture.name)
    print(printed, end="")
    is_refused = system == "Windows" and name.endswith(("_fork", "_forkserver"))
    if (exitcode != 0) != is_refused or not printed:
        sys.exit(f"{name} ended with exit code {exitcode}" + ("" if printed else ", and printed nothing"))
    has_picture = picture.name in page and not is_refused
    if has_picture:
        check_picture(picture.name, drawn)
    if task == "record" and (system != "Windows" or block["system"] == system):
        path.write_text(page[:block.start("text")] + printed + page[block.end("text"):], encoding="utf-8")
        if has_picture and system != "Windows":
            picture.write_bytes(drawn)
    elif without(block["vary"], printed) != without(block["vary"], block["text"]):
        sys.exit(f"{path} says that {name} prints:\n{block['text']}\n"
                 "If the program is right, build the target lesson_pages, which puts there what it prints.")


main(*sys.argv[1:])
