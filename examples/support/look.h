/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOOK_H
#define LOOK_H

/*
 * What a process sees of itself: its memory, handles, threads and parent; and how one is killed.
 * Each system tells it in its own way, so these few functions have a file for each;
 * all else in the examples is the same everywhere.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of memory that this process has at hand: resident on POSIX, the working set on Windows. */
size_t look_resident(void);

/*
 * Of these, bytes that are this process's alone.  Pages that a fork shares with its parent until
 * one of them writes (copy-on-write) are not; 0 where the system does not tell.
 */
size_t look_private(void);

/* Open handles (descriptors on POSIX), and threads; 0 where the system does not tell. */
int look_handles(void);
int look_threads(void);

/* Whether this process could read a byte at that address; nothing happens if not. */
int look_is_readable(const void *address);

/* Ask the system to hand this memory out in pages of its usual size: Linux may take huge ones. */
void look_refuse_huge_pages(void *memory, size_t size);

/* The system's own number of an open file: a descriptor, or a HANDLE. */
intptr_t look_handle_of(FILE *file);

/*
 * Read from the beginning of the file that a number stands for in this process, up to size - 1
 * bytes and a NUL.  Returns how many; -1 if the number stands for no file here.
 */
int look_read(intptr_t handle, char *text, size_t size);

/* The number of the process whose child this one is, as the system has it. */
long long look_parent(void);

/* A process is killed, whoever's it is: this one need not have started it. */
void look_kill(long long process);

/* This process is killed, at once, as by `kill -9` or by a task manager: it can do nothing more. */
void look_die(void);

#endif
