/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_H
#define MPROC_H

/**
 * @file mproc.h
 * All of mproc: process-based parallelism for C, with one API on Windows and
 * POSIX.  A program includes this header; each part explains itself in its own.
 */

#include <mproc/args.h>
#include <mproc/array.h>
#include <mproc/connection.h>
#include <mproc/context.h>
#include <mproc/declare.h>
#include <mproc/event.h>
#include <mproc/init.h>
#include <mproc/lock.h>
#include <mproc/pool.h>
#include <mproc/process.h>
#include <mproc/queue.h>
#include <mproc/semaphore.h>
#include <mproc/status.h>
#include <mproc/sync.h>
#include <mproc/wait.h>

#endif
