# SPDX-License-Identifier: Apache-2.0
"""Start and join `count` processes by `method` with `mebibytes` resident; print nanoseconds for all.

A fork server is there, and warm, before the clock starts.
"""
import multiprocessing
import sys
import time


def nothing():
    pass


def start_and_join(context, count):
    for _ in range(count):
        process = context.Process(target=nothing)
        process.start()
        process.join()
        assert process.exitcode == 0


if __name__ == '__main__':
    count, mebibytes, method = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ballast = bytearray(b'x') * (mebibytes << 20)
    context = multiprocessing.get_context(method)
    if method == 'forkserver':
        start_and_join(context, 1)
    start = time.monotonic_ns()
    start_and_join(context, count)
    print(time.monotonic_ns() - start)
