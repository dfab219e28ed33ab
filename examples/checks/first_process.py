# SPDX-License-Identifier: Apache-2.0
"""Run examples/01_process and compare its lines with the Python lesson's: first_process.py PROGRAM..."""
import subprocess
import sys

MAIN = ['Main process: Starting child processes.', 'Main process: All child processes finished.']


def lines_of(name):
    return ['Process %s: Starting CPU-bound task...' % name, 'Process %s: Finished. Result (partial): 0' % name]


ended = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)
lines = ended.stdout.splitlines()
print(ended.stdout + ended.stderr)
assert ended.returncode == 0 and ended.stderr == '', ended
assert [lines[0], lines[-1]] == MAIN, 'the main process speaks first and last'
assert sorted(lines[1:-1]) == sorted(lines_of('One') + lines_of('Two')), 'each child says its two lines'
for child in ('One', 'Two'):
    assert [line for line in lines if child in line] == lines_of(child), 'in order'
