# SPDX-License-Identifier: Apache-2.0
"""Send messages through a queue of multiprocessing; print nanoseconds for all.

queues.py CLASS stream|round COUNT SIZE PUTTERS GETTERS FIRST_CPU SECOND_CPU

A stream goes from the putters to the getters; in a round, each message comes back through a second
queue. Messages begin with a number, and what came must have the sum of what was put. A CPU of -1 stands
for each in turn.
"""
import multiprocessing
import os
import sys
import time

WARM = 200


def pin(cpu, number):
    os.sched_setaffinity(0, {(number if cpu < 0 else cpu) % os.cpu_count()})


def share(count, sharers, number):
    return count // sharers + (number < count % sharers)


def put(queue, number, putters, counts, rest):
    for count in counts:
        for i in range(share(count, putters, number)):
            queue.put((i * putters + number + 1).to_bytes(8, 'little') + rest)
        yield 0


def get(queue, number, getters, counts):
    for count in counts:
        total = 0
        for _ in range(share(count, getters, number)):
            total += int.from_bytes(queue.get()[:8], 'little')
        yield total


def ask(there, back, counts, rest):
    for count in counts:
        total = 0
        for i in range(count):
            there.put((i + 1).to_bytes(8, 'little') + rest)
            total += int.from_bytes(back.get()[:8], 'little')
        yield total


def answer(there, back, counts):
    for count in counts:
        for _ in range(count):
            back.put(there.get())
        yield 0


def take_part(steps, cpu, number, barrier, results):
    """Warm up, meet, and do what counts; tell the sum of it all, and from when until when."""
    pin(cpu, number)
    total = next(steps)
    barrier.wait()
    start = time.monotonic_ns()
    total += next(steps)
    results.put((total, start, time.monotonic_ns()))


def main():
    kind, mode = sys.argv[1:3]
    count, size, putters, getters, first_cpu, second_cpu = map(int, sys.argv[3:])
    context = multiprocessing.get_context('fork')
    there, back, results = getattr(context, kind)(), getattr(context, kind)(), context.SimpleQueue()
    barrier = context.Barrier(putters + getters)
    counts, rest = (WARM, count), bytes(size - 8)
    if mode == 'round':
        parts = [(ask(there, back, counts, rest), first_cpu, 0), (answer(there, back, counts), second_cpu, 0)]
    else:
        parts = [(put(there, i, putters, counts, rest), first_cpu, i) for i in range(putters)]
        parts += [(get(there, i, getters, counts), second_cpu, i) for i in range(getters)]
    processes = [context.Process(target=take_part, args=(*part, barrier, results)) for part in parts]
    for process in processes:
        process.start()
    told = [results.get() for _ in processes]
    for process in processes:
        process.join()
    assert sum(total for total, _, _ in told) == sum(n * (n + 1) // 2 for n in counts)
    print(max(end for _, _, end in told) - min(start for _, start, _ in told))


if __name__ == '__main__':
    main()
