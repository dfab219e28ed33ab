# SPDX-License-Identifier: Apache-2.0
"""Runs a program that starts one child, and puts what it asked of the system into a page.

    record-start.py PAGE TITLE strace PROGRAM...    system calls on Linux
    record-start.py PAGE TITLE relay PROGRAM...     calls of Windows' functions, run by Wine

In the page they stand between fences, below the comment <!-- recorded: TITLE -->. What is recorded
is the start and the join, of parent and child, one call a line: the step of the page that it belongs
to, who calls, and the call. Calls with which the step has nothing to do are left out. What differs
from run to run (process numbers, addresses, tokens, folders) is replaced by words.

Parent and child run at once, and their calls come in another order each time. Here they stand in one
that is possible and always the same: the parent's until there is a child; the child's until it runs
its program; the parent's until it waits; the rest of the child's; the rest of the parent's. Each
stands where it returns.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

import record_calls

WIDTH = 100


def fail(what):
    sys.exit(f"record-start.py: {what}")


# A thread that waits for the child's end, in its parent; one that waits for the parent's, in the child.
THREADS = {"parent": "watcher", "child": "lifeline"}


class Call:
    def __init__(self, name, text):
        self.name = name  # of the function
        self.text = text  # all of it, with its result
        self.step = None


# -- Linux: strace -------------------------------------------------------------

def trace(program):
    """The lines of each thread, by its number."""
    path = pathlib.Path(program[0])
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(["strace", "-ff", "-s", "200", "-o", f"{folder}/of", f"./{path.name}"], cwd=path.parent,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
        if ended.returncode != 0:
            fail(f"strace cannot record {path}; may this user trace at all (ptrace)? It said:\n"
                 + ended.stdout.decode(errors="replace"))
        return {int(file.suffix[1:]): file.read_text(errors="replace").splitlines()
                for file in pathlib.Path(folder).glob("of.*")}


def read_calls(lines):
    calls = []
    for line in lines:
        found = re.match(r"(\w+)\(", line)
        if found is None:
            continue
        name = found[1]
        # What a signal has interrupted is called again, or goes on by a call of its own.
        if "= ? ERESTARTSYS" in line:
            continue
        if name == "restart_syscall":
            result = line.rpartition(" = ")[2]
            calls[-1].text = re.sub(r"\s+= \?.*", f" = {result}", calls[-1].text)
            continue
        calls.append(Call(name, re.sub(r"\)\s+= ", ") = ", line.replace(" <unfinished ...>", ""), count=1)))
    return calls


def roles_of(traced):
    """Who each thread is: the numbers do not say it, but the calls that have made them do."""
    roles, left = {}, [(next(number for number in traced if traced[number][0].startswith('execve("./')), "parent")]
    while left:
        number, role = left.pop()
        roles[number] = role
        for line in traced[number]:
            made = re.match(r"(?:clone3?|v?fork)\(.* = (\d+)$", line)
            if made is not None and int(made[1]) in traced:
                left.append((int(made[1]), THREADS[role] if "CLONE_THREAD" in line else "child"))
    return roles


def record_strace(program):
    traced = trace(program)
    roles = roles_of(traced)
    calls = {role: read_calls(traced[number]) for number, role in roles.items()}
    if "child" not in calls:
        fail(f"{program[0]} has started no child under strace")
    for role in calls.values():
        for call in role:
            call.text = record_calls.simplify_linux(call.text, {str(number): who for number, who in roles.items()})
    begin = next(i for i, call in enumerate(calls["parent"]) if call.name == "socketpair")
    parent, child = calls["parent"][begin:], calls["child"]
    before, after = split_after(parent, lambda call: call.text.endswith(" = child"))
    after, end = split_before(after, lambda call: call.name == "poll")
    birth, life = split_after(child, lambda call: call.name == "execve")
    if not birth:
        birth, life = [], child
    return [line for role, phase, part in (
        ("parent", "before", before), ("child", "birth", birth), ("parent", "after", after),
        ("child", "life", life), ("watcher", "end", calls.get("watcher", [])), ("parent", "end", end))
        for line in lines_of(role, part, record_calls.LINUX[role, phase])]


# -- Windows: Wine's relay -------------------------------------------------------

RELAY = re.compile(r"(?P<pid>[0-9a-f]{4,}):(?P<tid>[0-9a-f]{4,}):(?P<what>Call|Ret) +\w+\.(?P<name>\w+)"
                   r"\((?P<arguments>.*)\)(?: retval=(?P<result>[0-9a-f]+))? ret=(?P<caller>[0-9a-f]+)$")


def is_programs_own(found):
    """The executable lies at its usual address; msvcrt, which exit() is in, elsewhere."""
    return 0x140000000 <= int(found["caller"], 16) < 0x150000000 or found["name"] == "ExitProcess"


def record_relay(program):
    ended = subprocess.run(program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           env={**os.environ, "WINEDEBUG": "+relay,+pid"}, timeout=300)
    found = [line for line in map(RELAY.match, ended.stdout.decode(errors="replace").splitlines())
             if line is not None and is_programs_own(line)]
    pids = list(dict.fromkeys(line["pid"] for line in found))
    if ended.returncode != 0 or len(pids) != 2:
        fail(f"{program[-1]} under Wine has not started one child, or Wine has no relay")
    parts = {pid: [] for pid in pids}
    waiting = {}  # calls of each thread that have not returned; ExitProcess() never does
    locks = set()
    for line in found:
        stack = waiting.setdefault(line["tid"], [])
        if line["what"] == "Call":
            stack.append(Call(line["name"], line["arguments"]))
            if (line["pid"], line["arguments"].partition(",")[0]) not in locks:
                parts[line["pid"]].append(stack[-1])
        elif stack:
            call = stack.pop()
            if call.name.startswith("CreateMutex"):
                locks.add((line["pid"], line["result"]))
            call.text = record_calls.simplify_windows(call.name, call.text, line["result"], pids[0])
    for call in (call for stack in waiting.values() for call in stack):
        call.text = record_calls.simplify_windows(call.name, call.text, None, pids[0])
    parent, child = parts[pids[0]], parts[pids[1]]
    begin = next(i for i, call in enumerate(parent) if call.name == "CreateNamedPipeW")
    before, after = split_after(parent[begin:], lambda call: call.name == "ResumeThread")
    after, end = split_before(after, lambda call: call.name == "WaitForSingleObject")
    return [line for role, phase, part in (
        ("parent", "before", before), ("parent", "after", after), ("child", "life", child), ("parent", "end", end))
        for line in lines_of(role, part, record_calls.WINDOWS[role, phase])]


# -- Both ------------------------------------------------------------------------

def split_before(calls, is_there):
    for i, call in enumerate(calls):
        if is_there(call):
            return calls[:i], calls[i:]
    return calls, []


def split_after(calls, is_there):
    for i, call in enumerate(calls):
        if is_there(call):
            return calls[:i + 1], calls[i + 1:]
    return [], calls


def choose(calls, rules):
    """The calls that belong to a step. A rule says which; SAME is that of the call before, as it is for one that
    is made once more in the same words."""
    chosen, said, last = [], set(), None
    for call in calls:
        step = next((step for pattern, step in rules if re.match(pattern, call.text)), None)
        if step is None:
            continue
        last = last if step == record_calls.SAME or call.text in said else step
        if last is not None and not (call.name in record_calls.QUESTIONS and call.text in said):
            call.step = last
            said.add(call.text)
            chosen.append(call)
    return chosen


def lines_of(role, calls, rules):
    """As few lines as there may be: short calls of one step share them, but for those that make a process."""
    lines, last = [], None
    for call in choose(calls, rules):
        is_alone = call.name in record_calls.BIRTHS
        if call.step == last and not is_alone and len(lines[-1]) + 2 + len(call.text) <= WIDTH:
            lines[-1] += f"; {call.text}"
        else:
            lines.append(f"{call.step:>2} {role:<8} {call.text}")
        last = None if is_alone else call.step
    return [part for line in lines for part in wrap(line)]


def wrap(line):
    """A result stays with the argument before it."""
    parts = textwrap.wrap(line.replace(" = ", "\0=\0"), WIDTH, subsequent_indent=" " * 16,
                          break_long_words=False, break_on_hyphens=False)
    return [part.replace("\0", " ") for part in parts]


def put(page_path, title, lines):
    path = pathlib.Path(page_path)
    page = path.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- recorded: {re.escape(title)} -->\n```text\n).*?(```\n)", re.DOTALL)
    text = "".join(line + "\n" for line in lines)
    page, count = block.subn(lambda found: found[1] + text + found[2], page)
    if count != 1:
        fail(f"{page_path} has {count} blocks for '{title}', and there must be one")
    path.write_text(page, encoding="utf-8")


def main(page, title, how, *program):
    lines = {"strace": record_strace, "relay": record_relay}[how](program)
    put(page, title, lines)
    print(f"recorded: {title}, {len(lines)} lines")


main(*sys.argv[1:])
