# SPDX-License-Identifier: Apache-2.0
"""Run examples/02_pool and compare its lines with those of the Python program: pool.py PROGRAM..."""
import subprocess
import sys

NUMBERS = range(10)
LINES = ['Main process: Using a Pool to square numbers.',
         'Original numbers: %s' % list(NUMBERS),
         'Squared results: %s' % [number * number for number in NUMBERS],
         'Main process: Pool operations complete.']

ended = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)
print(ended.stdout + ended.stderr)
assert ended.returncode == 0 and ended.stderr == '', ended
assert ended.stdout.splitlines() == LINES, ended.stdout
