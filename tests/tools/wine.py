# SPDX-License-Identifier: Apache-2.0
"""A Windows program has its heap where Wine leaves it room, and a console: wine.py EMULATOR..."""
import re
import subprocess
import sys

ROOM = 32 << 20  # what Wine was built for; see find_setarch() in tools/wine.sh
RUNS = 3         # a heap anywhere within 1 GiB is within this room in one of 32 runs


def maps_of_a_program():
    """The lines of /proc/PID/maps, of a program that waits for its input: the tool has become it."""
    program = subprocess.Popen(sys.argv[1:] + ['cmd.exe', '/q'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdout.read(1) != b'', 'cmd.exe says nothing'
    with open('/proc/%d/maps' % program.pid) as file:
        lines = file.read().splitlines()
    program.communicate(b'exit\r\n', timeout=100)
    assert program.returncode == 0, program.returncode
    return lines


def distance_of_the_heap(lines):
    """From where Wine itself ends."""
    heap = next(i for i, line in enumerate(lines) if line.endswith(' [heap]'))
    wine = max(i for i, line in enumerate(lines) if re.search(r'/wine(64)?(-preloader)?$', line))
    return int(lines[heap].split('-')[0], 16) - int(re.split('[- ]', lines[wine])[1], 16)


for _ in range(RUNS):
    distance = distance_of_the_heap(maps_of_a_program())
    assert 0 <= distance <= ROOM, 'the heap is %d MiB away: may setarch(8) do its work here?' % (distance >> 20)

# Its children share it; without, each would start a conhost.exe, see give_console() in tools/wine.sh.
page = subprocess.run(sys.argv[1:] + ['chcp.com'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=100).stdout
assert re.search(rb': [1-9]', page), 'no console has a code page: %s' % page

# But what there is to read comes first.
command = subprocess.run(sys.argv[1:] + ['cmd.exe', '/q'], input=b'exit 7\r\n', stdout=subprocess.PIPE, timeout=100)
assert command.returncode == 7, command
