# SPDX-License-Identifier: Apache-2.0
"""Run examples/start_methods and check its table, but not its times: start_methods.py PROGRAM..."""
import re
import subprocess
import sys
import tempfile

LABELS = ['time to start and join it', 'memory at hand (resident)', 'its own of that (private)',
          'shared with other processes', 'the global variable', 'open handles', "the parent's file", 'threads']


def run(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(sys.argv[1:] + list(arguments), cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=100)


def table_of(lines):
    """For each method, what its column says in each row."""
    rows = [re.split(r'\s{2,}', line) for line in lines]
    assert [row[0] for row in rows[1:]] == LABELS, rows
    return {method: dict(zip(LABELS, (row[i] for row in rows[1:]))) for i, method in enumerate(rows[0]) if i > 0}


def number(cell):
    return float(re.fullmatch(r'(\d+(?:\.\d+)?)(?: MiB| ms)?', cell).group(1))


def check_spawn(child):
    assert number(child['time to start and join it']) > 0 and number(child['memory at hand (resident)']) > 0
    assert child['the global variable'] == '0', 'the parent sets it below the guard'
    assert child["the parent's file"] == 'not open'


def check_fork(child, spawned, allocated):
    assert number(child['time to start and join it']) > 0
    assert child['the global variable'] == '42' and child["the parent's file"] == 'open'
    assert child['threads'] == spawned['threads'], "the parent's second thread is not copied"
    if child['shared with other processes'] != 'not known':
        assert number(child['memory at hand (resident)']) >= number(child['shared with other processes']) >= allocated


def check_forkserver(child, spawned):
    check_spawn(child)
    assert child['threads'] == spawned['threads'], "the parent's second thread is not the server's"


def check_table(allocated, *arguments):
    """It prints what the parent has, a table, and why there is no fork where there is none."""
    ended = run(*arguments)
    print(ended.stdout + ended.stderr)
    assert ended.returncode == 0 and ended.stderr == '', ended
    lines = ended.stdout.splitlines()
    assert re.match(r'The parent has (\d+|not known) threads and ', lines[0]), ended.stdout
    table = table_of(lines[2:11])
    check_spawn(table['spawn'])
    if 'fork' in table:
        assert list(table) == ['spawn', 'fork', 'forkserver'] and len(lines) == 11, ended.stdout
        check_fork(table['fork'], table['spawn'], allocated)
        check_forkserver(table['forkserver'], table['spawn'])
    else:
        assert list(table) == ['spawn'] and lines[11] == lines[13] == '' and len(lines) == 15, ended.stdout
        assert lines[12].startswith('the start method fork: '), ended.stdout
        assert lines[14].startswith('the start method forkserver: '), ended.stdout


check_table(0)
check_table(64, '--allocate', '64M')
check_table(0.25, '--allocate', '256K')

for size in ('', 'much', 'K', '-1', '1Q', '1MM', '0x10', '9' * 30, '9' * 10 + 'G'):
    ended = run('--allocate', size)
    assert ended.returncode == 2 and ended.stdout == '', ended
    assert "start_methods: '%s' is not a size" % size in ended.stderr and '64K, 512M, 1G' in ended.stderr, ended

for arguments, reason in ((['--allocate'], '--allocate needs a size'), (['64M'], "unknown argument '64M'"),
                          (['--help', '1'], "unknown argument '--help'"),
                          (['--allocate', '1', '2'], "unknown argument '2'"),
                          (['--allocate=64M'], "unknown argument '--allocate=64M'")):
    ended = run(*arguments)
    assert ended.returncode == 2 and ended.stdout == '', ended
    assert ended.stderr.startswith('start_methods: ' + reason + '\nusage: '), ended

for argument in ('-h', '--help'):
    ended = run(argument)
    assert ended.returncode == 0 and ended.stdout.startswith('usage: ') and ended.stderr == '', ended
