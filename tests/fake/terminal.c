/* SPDX-License-Identifier: Apache-2.0 */

/*
 * stderr is the test's log, and no terminal.
 */

#include "internal.h"

int port_terminal_columns(void)
{
    return 0;
}
