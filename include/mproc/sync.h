/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SYNC_H
#define MPROC_SYNC_H

/**
 * @file sync.h
 * What processes wait for each other by: all of it.
 *
 * Each kind explains itself in its own header.  They are shared as queues are: given to
 * a child in its arguments, by any start method, or sent through a connection.
 */

#include <mproc/event.h>
#include <mproc/lock.h>
#include <mproc/semaphore.h>

#endif
