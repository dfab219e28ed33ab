# SPDX-License-Identifier: Apache-2.0
"""Run examples/03_queue and compare its lines with those of the Python program: queue.py PROGRAM..."""
import subprocess
import sys

ITEMS = ['data1', 'data2', 'data3', 'data4']

ended = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)
print(ended.stdout + ended.stderr)
assert ended.returncode == 0 and ended.stderr == '', ended
lines = ended.stdout.splitlines()
assert lines[0] == 'Main process: Setting up producer-consumer with Queue.', lines
assert lines[-1] == 'Main process: Producer and Consumer processes finished.', lines

# Each process says its lines in their order; which of both speaks first is up to the system.
between = lines[1:-1]
assert [line for line in between if line.startswith('Producer: ')] == \
    ['Producer: Putting %s into queue.' % item for item in ITEMS], lines
assert [line for line in between if line.startswith('Consumer: ')] == \
    ['Consumer: Got %s from queue. Processing...' % item for item in ITEMS] + ['Consumer: Finished.'], lines
assert len(between) == 2 * len(ITEMS) + 1, lines

# But nothing is got before it was put.
for item in ITEMS:
    assert between.index('Producer: Putting %s into queue.' % item) < \
        between.index('Consumer: Got %s from queue. Processing...' % item), lines
