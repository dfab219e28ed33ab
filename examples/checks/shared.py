# SPDX-License-Identifier: Apache-2.0
"""Run examples/04_shared: one count is wrong, and the other is right: shared.py PROGRAM..."""
import re
import subprocess
import sys

RIGHT = 400000

ended = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)
print(ended.stdout + ended.stderr)
assert ended.returncode == 0 and ended.stderr == '', ended
lines = ended.stdout.splitlines()
assert lines[0] == 'Main process: 4 processes add 1 to a shared number, 100000 times each.', lines
assert lines[3:] == ['Main process: %d is right.' % RIGHT], lines

# How many additions are lost is chance; that some are is not.
without = re.fullmatch(r'Without a lock: (\d+)', lines[1])
assert without and 0 < int(without[1]) < RIGHT, lines
assert lines[2] == 'With the lock:  %d' % RIGHT, lines
