# SPDX-License-Identifier: Apache-2.0
"""What a progress bar writes, byte by byte: shown.py pipe|terminal EMULATOR... PROGRAM

By a pipe on each system, and on a pseudo terminal where there are any.  Nothing waits for time to
pass: the program says itself how long it has worked.
"""
import os
import subprocess
import sys

WHERE, COMMAND = sys.argv[1], sys.argv[2:]
END = '100%  4/4   1.00/s  in 0:04\n'


def surroundings(way):
    others = {name: value for name, value in os.environ.items() if name != 'MPROC_PROGRESS'}
    return dict(others, MPROC_PROGRESS=way) if way is not None else others


def through_a_pipe(way, *arguments):
    """The text on stderr; a text file of Windows has other line ends."""
    done = subprocess.run(COMMAND + list(arguments), env=surroundings(way), stderr=subprocess.PIPE, timeout=100,
                          check=True)
    return done.stderr.decode().replace('\r\n', '\n')


def on_a_terminal(columns, way, *arguments):
    """What comes out at the other end, without the terminal's own change of line ends."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    program = subprocess.Popen(COMMAND + list(arguments), env=surroundings(way), stderr=theirs)
    os.close(theirs)
    shown = b''
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux says EIO where others say that this is the end
        pass
    os.close(ours)
    assert program.wait(100) == 0
    return shown.decode().replace('\r\n', '\n')


def screen(shown, columns):
    """The rows of a terminal that has got these bytes; none may be wrapped."""
    rows, place = [''], 0
    for character in shown:
        if character == '\r':
            place = 0
        elif character == '\n':
            rows, place = rows + [''], 0
        else:
            rows[-1] = rows[-1][:place] + character + rows[-1][place + 1:]
            place += 1
            assert place < columns, shown
    return [row.rstrip() for row in rows]


def same(shown, expected):
    assert shown == expected, '%r instead of %r' % (shown, expected)


def bar(filled, dots):
    return ' [' + '#' * filled + '.' * dots + ']'


def a_log_has_a_line_each_five_seconds_and_one_at_the_end():
    same(through_a_pipe(None, 'squares', '0', '4', '0', '1', '4', '4999', '2', '4', '5000', '2', '4', '9999', '3',
                        '4', '10000', '4', '4', '10001'),
         'squares  50%  2/4   0.40/s  0:05 left\n'
         'squares  75%  3/4   0.30/s  0:04 left\n'
         'squares 100%  4/4   0.40/s  in 0:10\n')


def a_log_begins_anew_with_new_work():
    same(through_a_pipe(None, '', '2', '4', '6000', '4', '4', '7000', '1', '4', '1000', '4', '4', '4000'),
         ' 50%  2/4   0.33/s  0:06 left\n100%  4/4   0.57/s  in 0:07\n' + END)


def a_log_begins_anew_though_the_end_was_not_told():
    same(through_a_pipe(None, '', '2', '4', '6000', '1', '4', '1000', '2', '4', '5500', '4', '4', '7000'),
         ' 50%  2/4   0.33/s  0:06 left\n 50%  2/4   0.36/s  0:06 left\n100%  4/4   0.57/s  in 0:07\n')


def none_is_nothing():
    same(through_a_pipe('none', '', '2', '4', '6000', '4', '4', '7000'), '')


def a_bar_can_be_had_in_a_log():
    same(through_a_pipe('bar', '', '2', '4', '2000', '4', '4', '4000'),
         '\r 50%' + bar(20, 20) + '  2/4   1.00/s  0:02 left\r100%' + bar(40, 0) + '  4/4   1.00/s  in 0:04  \n')


def what_is_unknown_is_as_if_it_were_not_set():
    for way in '', 'Bar', 'barbar', 'nothing':
        same(through_a_pipe(way, '', '2', '4', '2000', '4', '4', '4000'), END)


def one_pool_at_a_time_has_the_line():
    shown = through_a_pipe('bar', 'two')
    same(screen(shown, 80), ['another 100%' + bar(40, 0) + '  8/8   20.0/s  in 0:00',
                             'one 100%' + bar(40, 0) + '  4/4   10.0/s  in 0:00', ''])
    assert 'another  12%' not in shown and shown.count('one   0%') == 2, shown


def a_terminal_has_a_bar():
    same(on_a_terminal(80, None, 'squares', '0', '4', '0', '2', '4', '2000', '4', '4', '4000'),
         '\rsquares   0%' + bar(0, 40) + '  0/4\rsquares  50%' + bar(19, 20) + '  2/4   1.00/s  0:02 left\r'
         'squares 100%' + bar(40, 0) + '  4/4   1.00/s  in 0:04 \n')


def what_has_not_changed_is_not_drawn_again():
    shown = on_a_terminal(80, None, '', *['0', '4', '0'] * 100, *['0', '4', '60000'] * 100, '4', '4', '90000')
    assert shown.count('\r') == 2, shown


def it_is_not_drawn_more_often_than_one_can_see():
    steps = [text for n in range(1000) for text in (str(n), '1000', str(n))]  # one a millisecond
    shown = on_a_terminal(80, None, '', *steps, '1000', '1000', '1000')
    assert 15 <= shown.count('\r') <= 21, shown


def nothing_of_a_longer_line_is_left():
    """The whole number of seconds that are left becomes shorter, and the label does with the terminal."""
    for columns in range(1, 100):
        shown = on_a_terminal(columns, None, 'squares', '1', '900', '9000', '899', '900', '899000', '900', '900', '900000')
        rows = screen(shown, columns)
        assert len(rows) == 2 and rows[1] == '', rows
        assert columns < 5 or rows[0].lstrip('squares ').startswith('100%'), rows
        assert 'left' not in rows[0], rows


def a_narrow_terminal_has_less():
    same(on_a_terminal(20, None, 'squares', '2', '4', '2000', '4', '4', '4000'),
         '\rsquare  50%  2/4\r100%  4/4  in 0:04\n')


def a_terminal_that_does_not_know_its_size_has_a_bar():
    assert bar(40, 0) in on_a_terminal(0, None, '', '4', '4', '4000')


def lines_can_be_had_on_a_terminal():
    same(on_a_terminal(80, 'lines', '', '2', '4', '2000', '4', '4', '4000'), END)


def nothing_can_be_had_on_a_terminal():
    same(on_a_terminal(80, 'none', '', '2', '4', '2000', '4', '4', '4000'), '')


CLAIMS = {
    'pipe': [a_log_has_a_line_each_five_seconds_and_one_at_the_end, a_log_begins_anew_with_new_work,
             a_log_begins_anew_though_the_end_was_not_told, none_is_nothing, a_bar_can_be_had_in_a_log, what_is_unknown_is_as_if_it_were_not_set, one_pool_at_a_time_has_the_line],
    'terminal': [a_terminal_has_a_bar, what_has_not_changed_is_not_drawn_again,
                 it_is_not_drawn_more_often_than_one_can_see, nothing_of_a_longer_line_is_left,
                 a_narrow_terminal_has_less, a_terminal_that_does_not_know_its_size_has_a_bar,
                 lines_can_be_had_on_a_terminal, nothing_can_be_had_on_a_terminal],
}

for claim in CLAIMS[WHERE]:
    print(claim.__name__, flush=True)
    claim()
