# SPDX-License-Identifier: Apache-2.0
"""Give work to two processes of a pool; print nanoseconds for all.

pool.py Pool|Executor map|imap|submit|apply COUNT CHUNKSIZE

Pool is that of multiprocessing, Executor the one of concurrent.futures. Each item is a number, and the
results must be the next numbers. A chunk size of 0 is Pool's default, for both. The pool is there, and
warm, before the clock starts.
"""
import concurrent.futures
import multiprocessing
import sys
import time

PROCESSES = 2
WARM = 100


def add_one(number):
    return number + 1


def default_chunksize(count):
    """As Pool.map() has it."""
    chunksize, extra = divmod(count, 4 * PROCESSES)
    return chunksize + (extra > 0)


def pool_calls(pool):
    """What each mode does with items: functions that return the results."""
    return {
        'map': lambda items, chunksize: pool.map(add_one, items, chunksize),
        'imap': lambda items, chunksize: list(pool.imap(add_one, items, chunksize)),
        'submit': lambda items, _: [
            result.get() for result in [pool.apply_async(add_one, (item,)) for item in items]],
        'apply': lambda items, _: [pool.apply(add_one, (item,)) for item in items]}


def executor_calls(executor):
    return {
        'map': lambda items, chunksize: list(executor.map(add_one, items, chunksize=chunksize)),
        'submit': lambda items, _: [
            future.result() for future in [executor.submit(add_one, item) for item in items]],
        'apply': lambda items, _: [executor.submit(add_one, item).result() for item in items]}


def measure(call, count, chunksize):
    items = list(range(count))
    call(items[:WARM], 1)
    start = time.monotonic_ns()
    results = call(items, chunksize or default_chunksize(count))
    end = time.monotonic_ns()
    assert results == list(range(1, count + 1))
    print(end - start)


def main():
    kind, mode = sys.argv[1:3]
    count, chunksize = map(int, sys.argv[3:])
    context = multiprocessing.get_context('fork')
    if kind == 'Pool':
        with context.Pool(PROCESSES) as pool:
            measure(pool_calls(pool)[mode], count, chunksize)
    else:
        with concurrent.futures.ProcessPoolExecutor(PROCESSES, mp_context=context) as executor:
            measure(executor_calls(executor)[mode], count, chunksize)


if __name__ == '__main__':
    main()
