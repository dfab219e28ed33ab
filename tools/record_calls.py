# SPDX-License-Identifier: Apache-2.0
"""What record-start.py knows of single calls: to which step of the page each belongs, and how it is
made readable.

The tables go by who calls and when. The first pattern that matches counts; a call that none matches
is left out. The numbers of descriptors in them are always the same, as the lowest free one is given:
3 and 4 are the control channel, 5 and 6 the lifeline, 7 is the null device, 8 a copy of 4; where
fork and exec start the program, 9 and 11 are the pipe for a failure.
"""

import re

SAME = "same"  # the step of the call before

# -- Linux -----------------------------------------------------------------------

LINUX = {
    ("parent", "before"): [
        (r"socketpair\(", 1),
        (r"pipe2\(\[5,", 3), (r"pipe2\(", 9),
        (r"fcntl\(4, F_DUPFD_CLOEXEC", 2), (r"fcntl\(\d+, F_DUPFD", SAME), (r"close\(", SAME),
        (r"openat\(AT_FDCWD, \"/dev/null\"", 6),
        (r"(rt_sigprocmask|clone3?|v?fork)\(", 8),
    ],
    ("child", "birth"): [
        (r"rt_sigaction\(", 8),
        (r"dup2\(11, ", 9), (r"(dup2\(\d+, [012]\)|fcntl\([012], F_SETFD)", 6), (r"dup2\(", 2),
        (r"fcntl\(5, F_SETFD", 9), (r"fcntl\(\d+, F_SETFD", SAME),
        (r"(close_range|poll)\(", 2), (r"close\(", SAME),
        (r"(rt_sigprocmask\(SIG_SETMASK|execve)", 8),
    ],
    ("parent", "after"): [
        (r"(close\(11\)|read\(9, )", 9),
        (r"(pidfd_open|pipe2|clone3?)\(", 10), (r"close\(", SAME),
        (r"sendto\(", 4),
    ],
    ("child", "life"): [
        (r"newfstatat\([34], \"\"", 11), (r"fcntl\(\d+, F_SETFD", SAME),
        (r"(fcntl\(\d+, (F_SETOWN|F_SETSIG|F_SETFL)|poll\(|clone3?\()", 3), (r"close\(6\)", 3),
        (r"(dup2|fcntl\([12], F_DUPFD|close\(7\))", 6), (r"close\([34]\)", 2),
        (r"(prctl\(PR_SET_NAME|getppid|getsockopt)", 11),
        (r"recvfrom\(", 4), (r"(sendto|exit_group)\(", 12),
    ],
    ("watcher", "end"): [(r"(waitid|write|close)\(", 12)],
    ("parent", "end"): [(r"(poll|waitid|recvfrom|close)\(", 12)],
}

# Each has a line of its own.
BIRTHS = {"clone", "clone3", "vfork", "fork", "execve", "CreateProcessW"}

# Calls that change nothing when they are made once more: these are said once.
QUESTIONS = {"rt_sigaction", "poll", "fcntl", "GetProcessId", "GetFileType", "GetNamedPipeInfo"}


def simplify_linux(text, roles):
    if text.startswith("rt_sigaction("):
        return "rt_sigaction(SIGHUP, {sa_handler=SIG_DFL, ...}, NULL, 8) = 0, and so on for each signal"
    if re.match(r"poll\(\[\{fd=\d+, events=0\}", text):
        return "poll([256 descriptors from 6 on], 256, 0): which are open?; and so on up to the limit"
    text = re.sub(r"^(clone3?)\(.*?flags=([A-Z_|]+).* = (\d+)$", simplify_clone, text)
    text = re.sub(r"\], 0x[0-9a-f]+ /\* \d+ vars \*/", "], <environment>", text)
    text = re.sub(r'"/[^"]*/one_child"', '"<folder>/one_child"', text)
    text = re.sub(r"(--mproc-child=[^:]*:)[0-9a-f]+", r"\1<token>", text)
    text = re.sub(r"\{si_signo=SIGCHLD, si_code=(\w+), .*?si_status=(\w+).*?\}",
                  r"{si_code=\1, si_status=\2, ...}", text)
    text = re.sub(r"\{st_mode=(\w+)\|.*?\}", r"{st_mode=\1, ...}", text)
    text = re.sub(r"^((?:sendto|recvfrom)\(\d+), \"(?!r\")(?:\\n|.)*?\"(?:\.\.\.)?, (\d+)", name_message, text)
    text = re.sub(r", NULL, (?:0|NULL)\) = ", ") = ", text) if re.match("sendto|recvfrom", text) else text
    text = re.sub(r" = 1 \(\[.*\]\)$", " = 1", re.sub(r" = 0 \(Timeout\)$", " = 0", text))
    return re.sub(r"(pidfd_open\(|F_SETOWN, |P_PID, |getppid\(\) = |^clone.* = )(\d+)",
                  lambda found: found[1] + roles.get(found[2], found[2]), text)


def simplify_clone(found):
    flags = found[2]
    if "CLONE_THREAD" in flags:
        flags = "CLONE_VM|CLONE_THREAD|..."
    return f"{found[1]}(flags={flags}, ...) = {found[3]}"


def name_message(found):
    """Its first bytes tell which of the messages of bootstrap.c it is, its size tells the part."""
    content = "<start message>" if '"mproc 1' in found[0] else "<bytes>"
    return f"{found[1]}, {content}, {found[2]}"


# -- Windows ---------------------------------------------------------------------

WINDOWS = {
    ("parent", "before"): [
        (r"CreateNamedPipeW", 1), (r'CreateFileW\(L"\\\\\\\\.\\\\pipe', 1),
        (r"(CreateJobObjectW|SetInformationJobObject|IsProcessInJob)", 3),
        (r'CreateFileW\(L"\\\\\\\\.\\\\NUL', 6), (r"GetStdHandle", 6),
        (r"DuplicateHandle\(self, self", 2), (r"DuplicateHandle", SAME),
        (r".*PROC_THREAD_ATTRIBUTE_JOB_LIST", 3),
        (r"InitializeProcThreadAttributeList\(NULL", None),  # asks for its size
        (r"(Initialize|Update|Delete)ProcThreadAttribute", 2),
        (r"RtlAcquireSRWLock|RtlReleaseSRWLock", 2), (r"CloseHandle", SAME),
        (r"(CreateProcessW|ResumeThread)", 8),
    ],
    ("parent", "after"): [(r"CloseHandle", 10), (r"WriteFile", 4)],
    ("child", "life"): [
        (r"CommandLineToArgvW", 4),
        (r"(GetProcessId|GetFileType|GetNamedPipeInfo|SetHandleInformation|SetConsoleCtrlHandler)", 11),
        (r"WaitForSingleObject", 3), (r"ReadFile", 4), (r"(WriteFile|ExitProcess)", 12),
    ],
    ("parent", "end"): [(r"(WaitForSingleObject|GetExitCodeProcess|ReadFile|CloseHandle)", 12)],
}


def number(value):
    return str(int(value, 16) & 0xFFFFFFFF)


def handle(value):
    value = int(value, 16)
    return "self" if value in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else f"0x{value:x}"


def truth(value):
    return "TRUE" if int(value, 16) & 0xFFFFFFFF else "FALSE"


def text(value):
    return value[value.index("L"):] if "L" in value else "NULL"


def pointer(value):
    return "NULL" if int(value.split()[0], 16) == 0 else "&..."


def left_out(value):
    return None


def rest(value):
    return "..."


def one_of(**names):
    by_value = {str(its): name for name, its in names.items()}
    return lambda value: by_value.get(number(value), number(value))


def flags(**names):
    def words(value):
        bits = int(value, 16) & 0xFFFFFFFF
        known = [name for name, bit in names.items() if bits & bit == bit]
        rest = bits & ~sum(names[name] for name in known)
        return "|".join(known + ([f"0x{rest:x}"] if rest else [])) or "0"
    return words


ACCESS = flags(GENERIC_READ=0x80000000, GENERIC_WRITE=0x40000000, SYNCHRONIZE=0x100000,
               PROCESS_QUERY_LIMITED_INFORMATION=0x1000, FILE_READ_ATTRIBUTES=0x80)

# A function's result, and its arguments.
FUNCTIONS = {
    "CreateNamedPipeW": (handle, text, flags(PIPE_ACCESS_DUPLEX=3, FILE_FLAG_OVERLAPPED=0x40000000,
                                             FILE_FLAG_FIRST_PIPE_INSTANCE=0x80000), rest),
    "CreateFileW": (handle, text, ACCESS, rest),
    "CreateJobObjectW": (handle, pointer, text),
    "SetInformationJobObject": (truth, handle, one_of(JobObjectExtendedLimitInformation=9), pointer, number),
    "RtlAcquireSRWLockExclusive": (left_out, pointer),
    "RtlReleaseSRWLockExclusive": (left_out, pointer),
    "GetStdHandle": (handle, one_of(STD_OUTPUT_HANDLE=0xFFFFFFF5, STD_ERROR_HANDLE=0xFFFFFFF4)),
    "DuplicateHandle": (truth, handle, handle, handle, pointer, ACCESS, truth, one_of(DUPLICATE_SAME_ACCESS=2)),
    "InitializeProcThreadAttributeList": (truth, pointer, number, rest),
    "UpdateProcThreadAttribute": (truth, pointer, number, one_of(PROC_THREAD_ATTRIBUTE_HANDLE_LIST=0x20002,
                                                                 PROC_THREAD_ATTRIBUTE_JOB_LIST=0x2000D),
                                  pointer, number, rest),
    "CreateProcessW": (truth, text, text, pointer, pointer, truth, flags(
        CREATE_SUSPENDED=4, CREATE_UNICODE_ENVIRONMENT=0x400, EXTENDED_STARTUPINFO_PRESENT=0x80000),
                       pointer, text, pointer, pointer),
    "DeleteProcThreadAttributeList": (left_out, pointer),
    "CloseHandle": (left_out, handle),
    "IsProcessInJob": (truth, handle, handle, pointer),
    "ResumeThread": (number, handle),
    "WriteFile": (truth, handle, pointer, number, rest),
    "ReadFile": (truth, handle, pointer, number, rest),
    "WaitForSingleObject": (one_of(WAIT_OBJECT_0=0, WAIT_TIMEOUT=0x102), handle, one_of(INFINITE=0xFFFFFFFF)),
    "GetExitCodeProcess": (truth, handle, pointer),
    "CommandLineToArgvW": (left_out, text, pointer),
    "ExitProcess": (left_out, number),
    "GetProcessId": (number, handle),
    "GetFileType": (one_of(FILE_TYPE_PIPE=3), handle),
    "GetNamedPipeInfo": (truth, handle, rest),
    "SetHandleInformation": (truth, handle, flags(HANDLE_FLAG_INHERIT=1), number),
    "SetConsoleCtrlHandler": (truth, pointer, truth),
}


def simplify_windows(name, arguments, result, parent_pid):
    """As in C, but that what lies behind a pointer is not recorded: &...; result is None without one."""
    if name not in FUNCTIONS:
        return name
    its_result, *kinds = FUNCTIONS[name]
    values = re.findall(r'[0-9a-f]+ L"(?:\\.|[^"\\])*"|[0-9a-f]+', arguments)
    words = [word for word in (kind(value) for kind, value in zip(kinds, values)) if word is not None]
    outcome = its_result(result) if result is not None else None
    if name == "GetProcessId" and int(result, 16) == int(parent_pid, 16):
        outcome = "parent"
    call = f"{name}({', '.join(words)})" + (f" = {outcome}" if outcome is not None else "")
    call = re.sub(r'[A-Z]:\\[^"]*\\one_child', lambda found: r"<folder>\\one_child", call)
    call = re.sub(r"(pipe\\\\mproc-)[0-9a-f]+", r"\1<random>", call)
    return re.sub(r"(--mproc-child=[^:]*:)[0-9a-f]+", r"\1<token>", call)
