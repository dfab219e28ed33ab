/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SYNC_H
#define MPROC_SYNC_H

/**
 * @file sync.h
 * What processes wait for each other with: locks and semaphores (lock.h), events, conditions,
 * barriers, and locks for readers and writers (event.h).
 */

#include <mproc/event.h>

#endif
