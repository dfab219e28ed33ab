/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_SYSTEM_H
#define MPROC_TESTS_SYSTEM_H

/*
 * What tests need of the operating system itself: system_posix.c and
 * system_win32.c, chosen by MPROC_PORT.
 */

#include <mproc.h>

/* How many handles this process has open. */
int count_open_handles(void);

/* How many channels it has beside its standard streams: sockets, or pipes on Windows. */
int count_open_channels(void);

/* How many bytes of memory this process has taken from the system, whether it has used them or not. */
size_t count_taken_memory(void);

/* From now on this process may have thousands of them. */
void allow_many_handles(void);

/* Bytes of memory that this process has at hand. */
size_t resident_memory(void);

/* Bytes of memory that the machine has; on Windows with what can be paged out. */
size_t machine_memory(void);

/* Whether this process has a child, running or dead, that nobody has waited for; 0 where it cannot be asked. */
int has_unreaped_children(void);

/* Wait on a sentinel as a program without mproc would: whether it was ready in time. */
int is_ready(mproc_sentinel_t sentinel, apr_interval_time_t timeout);

/* End this process by a fault. */
void crash(void);

/* The number of this process. */
apr_int64_t own_pid(void);

/* Kill a process, whoever started it. */
void kill_pid(apr_int64_t pid);

/* How many starts in a row show a leak, at scale 1: as many as go in a few seconds. */
int enough_starts(void);

/* How many children at once make a crowd, at scale 1. */
int enough_children(void);

/* Let this process have as many handles as the system allows: how many that are. */
int allow_handles(void);

#endif
