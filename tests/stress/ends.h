/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_ENDS_H
#define MPROC_TESTS_ENDS_H

/*
 * How processes of these tests are ended and held up: ends_posix.c and
 * ends_win32.c, chosen by MPROC_PORT.
 */

#include <mproc.h>

/* End this process at once, as another would: SIGKILL, or TerminateProcess(). */
void end_this_process(void);

/* End another one in the same way: whether it was there. */
int kill_process(apr_int64_t pid);

/* Whether a process has ended; a zombie has. */
int has_gone(apr_int64_t pid);

/* From now on this process, and those that it starts, run on one CPU; 0 if that cannot be asked for. */
int stay_on_one_cpu(void);

/* Any CPU again. */
void use_all_cpus(void);

/* Stop a process, and let it go on; 0 where that cannot be done. */
int stop_process(apr_int64_t pid);
int continue_process(apr_int64_t pid);

#endif
