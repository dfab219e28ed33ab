/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The terminal, if stderr is one.
 */

#include "internal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* A terminal at the end of a wire does not know its size; the first ones had 80 columns. */
#define COLUMNS 80

/* TIOCGWINSZ is not POSIX's, but is everywhere (tty_ioctl(4)); no terminal has more than a short says. */
int port_terminal_columns(void)
{
    struct winsize size;

    if (!isatty(STDERR_FILENO))
        return 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS;
    return size.ws_col;
}
