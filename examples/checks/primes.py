# SPDX-License-Identifier: Apache-2.0
"""Compare what examples/primes counts with the known numbers of primes: primes.py PROGRAM..."""
import subprocess
import sys

RANGE_SIZE = 1 << 18
KNOWN = {0: 0, 2: 0, 3: 1, 100: 25, 50000000: 3001134}


def run(*arguments):
    return subprocess.run(sys.argv[1:] + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=100)


def count_primes(limit):
    is_prime = bytearray([0, 0]) + bytearray([1]) * (limit - 2)
    for number in range(2, int(limit ** 0.5) + 1):
        if is_prime[number]:
            is_prime[number * number::number] = bytes(len(range(number * number, limit, number)))
    return sum(is_prime)


# The first range begins with 2, and the limits are those of a range that is full, empty, or has one number.
for limit in (2 + RANGE_SIZE - 1, 2 + RANGE_SIZE, 2 + RANGE_SIZE + 1, 2 + 2 * RANGE_SIZE + 4):
    KNOWN[limit] = count_primes(limit)

for limit, count in sorted(KNOWN.items()):
    ended = run(str(limit))
    print(ended.stdout + ended.stderr)
    assert ended.returncode == 0 and ended.stderr == '', ended
    assert ended.stdout.splitlines() == ['%d primes below %d' % (count, limit)], ended

for arguments in ([], [''], ['-1'], ['10x'], ['10', '20'], ['9' * 30]):
    ended = run(*arguments)
    assert ended.returncode == 2 and ended.stdout == '' and ended.stderr.startswith('usage: '), ended
