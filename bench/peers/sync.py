# SPDX-License-Identifier: Apache-2.0
"""Do `count` steps with one of multiprocessing's locks and the like, in this process alone or in two at
once, each on its CPU; print nanoseconds for all.

    sync.py Lock|RLock|Semaphore|Value|RawValue|Event|Condition|Barrier alone|two count
"""
import multiprocessing
import os
import sys
import time

HERE, THERE = 0, 1


class Guarded:
    """Acquired and released around one addition; a step of either process counts."""
    is_shared = True

    def __init__(self, context, kind, two):
        self.lock, self.number = getattr(context, kind)(), context.RawValue('Q')

    def run(self, who, count):
        lock, number = self.lock, self.number
        for _ in range(count):
            with lock:
                number.value += 1

    def check(self, count):
        return self.number.value == count


class Value:
    """A number that is increased under its lock."""
    is_shared = True

    def __init__(self, context, kind, two):
        self.number = context.Value('Q')

    def run(self, who, count):
        number = self.number
        for _ in range(count):
            with number.get_lock():
                number.value += 1

    def check(self, count):
        return self.number.value == count


class RawValue(Value):
    """One without a lock."""

    def __init__(self, context, kind, two):
        self.number = context.RawValue('Q')

    def run(self, who, count):
        number = self.number
        for _ in range(count):
            number.value += 1


class Event:
    """Alone: set, looked at and cleared; by two: there and back."""
    is_shared = False

    def __init__(self, context, kind, two):
        self.events, self.two = [context.Event(), context.Event()], two

    def run(self, who, count):
        mine, its = self.events[who], self.events[1 - who]
        if not self.two:
            for _ in range(count):
                mine.set()
                mine.is_set()
                mine.clear()
        for _ in range(count if self.two else 0):
            if who == HERE:
                its.set()
            mine.wait()
            mine.clear()
            if who == THERE:
                its.set()

    def check(self, count):
        return True


class Condition(Event):
    """Alone: notified; by two: in turns."""

    def __init__(self, context, kind, two):
        self.condition, self.whose, self.two = context.Condition(), context.RawValue('i'), two

    def run(self, who, count):
        condition, whose = self.condition, self.whose
        for _ in range(count):
            with condition:
                while self.two and whose.value != who:
                    condition.wait()
                if self.two:
                    whose.value = 1 - who
                condition.notify()


class Barrier(Event):
    """For one, or for two."""

    def __init__(self, context, kind, two):
        self.barrier = context.Barrier(2 if two else 1)

    def run(self, who, count):
        wait = self.barrier.wait
        for _ in range(count):
            wait()


KINDS = {'Lock': Guarded, 'RLock': Guarded, 'Semaphore': Guarded, 'Value': Value, 'RawValue': RawValue,
         'Event': Event, 'Condition': Condition, 'Barrier': Barrier}


def follow(steps, count, gate):
    os.sched_setaffinity(0, {1})
    gate.wait()
    steps.run(THERE, count)


def main():
    kind, two, count = sys.argv[1], sys.argv[2] == 'two', int(sys.argv[3])
    context = multiprocessing.get_context('fork')
    steps, gate, each = KINDS[kind](context, kind, two), context.Barrier(2), count
    if two:
        each = (count + 1) // 2 if steps.is_shared else count
        other = context.Process(target=follow, args=(steps, each, gate))
        other.start()
        os.sched_setaffinity(0, {0})
        gate.wait()
    start = time.monotonic_ns()
    steps.run(HERE, each)
    if two:
        other.join()
    nanoseconds = time.monotonic_ns() - start
    print(nanoseconds if steps.check(2 * each if two else each) else -1)


if __name__ == '__main__':
    main()
