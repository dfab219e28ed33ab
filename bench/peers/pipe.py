# SPDX-License-Identifier: Apache-2.0
"""Send 64 bytes to a process on CPU `cpu` and back, `count` times; print nanoseconds for all."""
import multiprocessing
import os
import sys
import time


def echo(connection):
    try:
        while True:
            connection.send_bytes(connection.recv_bytes())
    except EOFError:
        pass


if __name__ == '__main__':
    count, cpu, data = int(sys.argv[1]), int(sys.argv[2]), bytes(64)
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context('spawn').Process(target=echo, args=(there,))
    process.start()
    there.close()
    os.sched_setaffinity(0, {0})
    os.sched_setaffinity(process.pid, {cpu})
    here.send_bytes(data)
    here.recv_bytes()
    start = time.monotonic_ns()
    for _ in range(count):
        here.send_bytes(data)
        here.recv_bytes()
    print(time.monotonic_ns() - start)
    here.close()
    process.join()
