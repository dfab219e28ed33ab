# SPDX-License-Identifier: Apache-2.0
"""Acquire and release a Lock `count` times, by this process alone or by two; print nanoseconds for all."""
import multiprocessing
import os
import sys
import time


def add(lock, number, count):
    for _ in range(count):
        with lock:
            number.value += 1


def contend(lock, number, count, gate):
    os.sched_setaffinity(0, {1})
    gate.wait()
    add(lock, number, count)


if __name__ == '__main__':
    two, count = sys.argv[1] == 'two', int(sys.argv[2])
    context = multiprocessing.get_context('fork')
    lock, number, gate = context.Lock(), context.RawValue('Q'), context.Barrier(2)
    if two:
        count = (count + 1) // 2
        other = context.Process(target=contend, args=(lock, number, count, gate))
        other.start()
        os.sched_setaffinity(0, {0})
        gate.wait()
    start = time.monotonic_ns()
    add(lock, number, count)
    if two:
        other.join()
        count *= 2
    print(time.monotonic_ns() - start if number.value == count else -1)
