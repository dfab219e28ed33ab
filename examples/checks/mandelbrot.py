# SPDX-License-Identifier: Apache-2.0
"""Look at the pictures of examples/mandelbrot: mandelbrot.py png|ppm PROGRAM..."""
import os
import struct
import subprocess
import sys
import tempfile
import zlib

FORMAT, PROGRAM = sys.argv[1], sys.argv[2:]
WIDTH, HEIGHT = 200, 149  # no whole number of bands


def run(*arguments, progress='none'):
    return subprocess.run(PROGRAM + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=100, env=dict(os.environ, MPROC_PROGRESS=progress))


def draw(path, *arguments, **options):
    ended = run('-o', path, *arguments, **options)
    print(ended.stdout + ended.stderr)
    assert ended.returncode == 0, ended
    return open(path, 'rb').read(), ended


def predict(filtered, left, up, corner):
    """What PNG's filters 0 to 4 say of a byte."""
    if filtered < 4:
        return (0, left, up, (left + up) // 2)[filtered]
    guess = left + up - corner
    return min((left, up, corner), key=lambda neighbour: abs(guess - neighbour))


def rows_of_png(data):
    assert data.startswith(b'\x89PNG\r\n\x1a\n'), data[:8]
    assert struct.unpack('>IIBBBBB', data[16:29]) == (WIDTH, HEIGHT, 8, 2, 0, 0, 0), data[:33]
    packed, place = b'', 8
    while place < len(data):
        size, = struct.unpack('>I', data[place:place + 4])
        packed += data[place + 8:place + 8 + size] if data[place + 4:place + 8] == b'IDAT' else b''
        place += size + 12
    raw, above, stride = zlib.decompress(packed), bytes(WIDTH * 3), WIDTH * 3 + 1
    assert len(raw) == HEIGHT * stride
    for start in range(0, len(raw), stride):
        row = bytearray()
        for i, byte in enumerate(raw[start + 1:start + stride]):
            left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            row.append(byte + predict(raw[start], left, above[i], corner) & 255)
        yield bytes(row)
        above = row


def rows_of_ppm(data):
    head = b'P6 %d %d 255\n' % (WIDTH, HEIGHT)
    assert data.startswith(head) and len(data) == len(head) + WIDTH * HEIGHT * 3, data[:20]
    return (data[start:start + WIDTH * 3] for start in range(len(head), len(data), WIDTH * 3))


def check_picture(rows):
    """The set is black, in the middle and never at the edge, and each half is the other's reflection."""
    assert rows[HEIGHT // 2][WIDTH // 2 * 3:][:3] == bytes(3)
    for row in (rows[0], rows[-1]):
        assert all(row[x:x + 3] != bytes(3) for x in range(0, len(row), 3))
    assert max(max(row) for row in rows) > 250
    for row, reflection in zip(rows, reversed(rows)):
        assert max(abs(one - other) for one, other in zip(row, reflection)) <= 1


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    size = '%dx%d' % (WIDTH, HEIGHT)
    one, ended = draw('one', '-s', size, '-w', '1')
    assert ended.stdout.splitlines() == ['one: %d x %d' % (WIDTH, HEIGHT)] and ended.stderr == '', ended
    check_picture(list({'png': rows_of_png, 'ppm': rows_of_ppm}[FORMAT](one)))
    for workers in ('2', '5'):
        assert draw('many', '-s', size, '-w', workers)[0] == one, 'as many workers as there may be draw the same'
    many, ended = draw('many', '-s', size, progress='lines')
    assert many == one and '100%' in ended.stderr, ended

    ended = run('-s', '1x1')
    assert ended.returncode == 0 and os.listdir('.').count('mandelbrot.' + FORMAT) == 1, ended
    ended = run('-s', '1x1', '-o', 'no-such-folder/picture')
    assert ended.returncode == 1 and 'no-such-folder/picture: ' in ended.stderr and ended.stdout == '', ended

for arguments in (['more'], ['-w', 'x'], ['-w', '-1'], ['-s', '10'], ['-s', '0x10'], ['-s', '10x10x'], ['-o']):
    ended = run(*arguments)
    assert ended.returncode == 2 and 'usage: ' in ended.stderr and ended.stdout == '', ended
