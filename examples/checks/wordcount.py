# SPDX-License-Identifier: Apache-2.0
"""Compare examples/wordcount with `LC_ALL=C wc -w`: wordcount.py A-TEXT PROGRAM..."""
import glob
import os
import subprocess
import sys


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)


def wc(texts):
    """The count of each text, and of all, in wc's own words."""
    text = b''.join(open(name, 'rb').read() for name in texts)
    counted = subprocess.run(['wc', '-w'], input=text, stdout=subprocess.PIPE, env=dict(os.environ, LC_ALL='C'))
    return int(counted.stdout)


texts = [name for name in sorted(glob.glob('/usr/share/common-licenses/*')) if os.path.isfile(name)] or sys.argv[1:2]
program = sys.argv[2:]

ended = run(program + texts)
print(ended.stdout + ended.stderr)
assert ended.returncode == 0 and ended.stderr == '', ended
rows = [line.split(None, 1) for line in ended.stdout.splitlines()]
assert rows[-1] == [str(wc(texts)), 'total']
assert rows[:-1] == [[str(wc([name])), name] for name in texts]

missing = run(program + [texts[0], 'no-such-file'])
assert missing.returncode == 1 and 'wordcount: no-such-file: ' in missing.stderr, missing
assert missing.stdout.splitlines()[-1].split() == [str(wc(texts[:1])), 'total'], 'the others are counted all the same'

usage = run(program)
assert usage.returncode == 2 and usage.stderr.startswith('usage: '), usage
