# SPDX-License-Identifier: Apache-2.0
"""Start and join `count` processes by spawn with `mebibytes` resident; print nanoseconds for all."""
import multiprocessing
import sys
import time


def nothing():
    pass


if __name__ == '__main__':
    count, mebibytes = int(sys.argv[1]), int(sys.argv[2])
    ballast = bytearray(b'x') * (mebibytes << 20)
    context = multiprocessing.get_context('spawn')
    start = time.monotonic_ns()
    for _ in range(count):
        process = context.Process(target=nothing)
        process.start()
        process.join()
        assert process.exitcode == 0
    print(time.monotonic_ns() - start)
