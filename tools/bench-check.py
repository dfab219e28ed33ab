# SPDX-License-Identifier: Apache-2.0
"""Hold a suite's rows against bench/limits.json: python3 tools/bench-check.py SUITE ROWS.json"""
import json
import os
import sys


def check(limits, rows):
    """One complaint for each row that is missing, and for each ratio above its limit.

    A row without a ratio is one whose peer this machine does not have; it says so, and is held to nothing.
    """
    found = {(row['case'], row['peer_name']): row for row in rows}
    for limit in limits:
        row = found.get((limit['case'], limit['peer_name']))
        name = '%s against %s' % (limit['case'], limit['peer_name'])
        if row is None:
            yield '%s: the row is missing' % name
        elif limit['limit'] is not None and row['ratio'] is not None and row['ratio'] > limit['limit']:
            yield '%s: the ratio is %.3f, and its limit %.3f' % (name, row['ratio'], limit['limit'])


def main():
    suite, path = sys.argv[1:]
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(folder, 'bench', 'limits.json')) as file:
        limits = json.load(file)[suite]
    with open(path) as file:
        rows = json.load(file)
    complaints = list(check(limits, rows))
    for complaint in complaints:
        print('%s: %s' % (suite, complaint), file=sys.stderr)
    absent = [row for row in rows if row['ratio'] is None]
    if not complaints:
        print('%s: %d rows, all within their limits' % (suite, len(limits) - len(absent)) +
              (', and %d not measured' % len(absent) if absent else ''))
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
