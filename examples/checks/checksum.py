# SPDX-License-Identifier: Apache-2.0
"""Compare examples/checksum with sha256sum: checksum.py PROGRAM..."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1:]
ON_WINDOWS = PROGRAM[-1].endswith('.exe')
SHORT, LONG = 'short', 'long' * 50


def run(folder, before=()):
    return subprocess.run(list(before) + PROGRAM + [folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=100)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(data)


def line_of(path):
    with open(path, 'rb') as file:
        return '%s  %s\n' % (hashlib.sha256(file.read()).hexdigest(), path)


def lines_of(folder):
    """What sha256sum prints for all files below a folder, or Python where there is none."""
    paths = ['%s/%s' % (where.replace(os.sep, '/'), name) for where, _, names in os.walk(folder) for name in names]
    paths = sorted((path for path in paths if os.path.isfile(path) and not os.path.islink(path)), key=os.fsencode)
    if not shutil.which('sha256sum'):
        return ''.join(map(line_of, paths)).encode()
    return subprocess.run(['sha256sum', '--'] + paths, stdout=subprocess.PIPE, check=True).stdout


def make_files(folder):
    for i in range(200):
        write('%s/many/%d' % (folder, i), b'x' * i)
    for name in ('empty', 'with spaces in it', 'grün und 日本語', 'a/b/c/deep', 'a.b', 'a-b'):
        write('%s/%s' % (folder, name), name.encode() if name != 'empty' else b'')
    write(folder + '/large', os.urandom(1 << 20) * 8)
    os.mkdir(folder + '/nothing in it')


def make_what_only_posix_has(folder):
    """Links, also one that goes round in a circle, and a pipe are left out; names may have any character."""
    os.symlink('../' + folder, folder + '/circle')
    os.symlink('large', folder + '/link')
    os.mkfifo(folder + '/pipe')
    write(folder + '/a\\b', b'backslash')
    write(folder + '/a\nb', b'line feed')


def check_unreadable():
    """A file and a folder that may not be read are reported, and the others go on; root may not here either."""
    for name in ('unreadable/1', 'unreadable/2', 'unreadable/3', 'unreadable/shut/4'):
        write(name, b'')
    os.chmod('unreadable/2', 0)
    os.chmod('unreadable/shut', 0)
    drop = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] if os.geteuid() == 0 else []
    ended = run('unreadable', drop)
    print(ended)
    assert ended.returncode == 1, ended
    assert ended.stdout.decode() == line_of('unreadable/1') + line_of('unreadable/3'), ended
    said = sorted(ended.stderr.decode().splitlines())
    assert [line.split(': ')[:2] for line in said] == [['checksum', 'unreadable/2'], ['checksum', 'unreadable/shut']]
    assert all('denied' in line for line in said), said
    os.chmod('unreadable/shut', 0o700)


def check_long_path():
    """A path that is longer than the system's own longest is reported, and its neighbour goes on."""
    folder = '/'.join(['deep'] + ['d' * 249] * 16)
    write(folder + '/' + SHORT, b'neighbour')
    where = os.open(folder, os.O_RDONLY)
    os.close(os.open(LONG, os.O_CREAT | os.O_WRONLY, dir_fd=where))
    os.close(where)
    ended = run('deep')
    assert ended.returncode == 1 and ended.stdout.decode() == line_of(folder + '/' + SHORT), ended
    assert ended.stderr.decode().startswith('checksum: %s/%s: ' % (folder, LONG)), ended
    assert ended.stderr.count(b'\n') == 1, ended


with tempfile.TemporaryDirectory() as temporary:
    os.chdir(temporary)
    make_files('files')
    if not ON_WINDOWS:
        make_what_only_posix_has('files')
    ended = run('files')
    assert ended.returncode == 0 and ended.stderr == b'', ended
    assert ended.stdout.replace(b'\r\n', b'\n') == lines_of('files'), ended.stdout.decode()

    ended = run('files/nothing in it')
    assert ended.returncode == 0 and ended.stdout == ended.stderr == b'', ended
    ended = run('no-such-folder')
    assert ended.returncode == 1 and ended.stdout == b'', ended
    assert ended.stderr.startswith(b'checksum: no-such-folder: '), ended
    if not ON_WINDOWS:
        check_unreadable()
        check_long_path()
    os.chdir('/')

usage = subprocess.run(PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100)
assert usage.returncode == 2 and usage.stderr.startswith(b'usage: '), usage
