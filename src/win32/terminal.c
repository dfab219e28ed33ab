/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The console, if stderr is one.  Its modes are left as they are: other programs
 * share them.
 */

#include "internal.h"

/* The window's columns, not those of the buffer behind it, which one may have to scroll to. */
int port_terminal_columns(void)
{
    HANDLE console = GetStdHandle(STD_ERROR_HANDLE);
    CONSOLE_SCREEN_BUFFER_INFO info;
    DWORD mode;

    if (!GetConsoleMode(console, &mode) || !GetConsoleScreenBufferInfo(console, &info))
        return 0;
    return info.srWindow.Right - info.srWindow.Left + 1;
}
