/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_SLEEPERS_H
#define MPROC_TESTS_SLEEPERS_H

/*
 * Who sleeps in an object that processes share: a lock, an event, a condition, a barrier, an rwlock;
 * or in a queue that is joined.
 */

#include <mproc.h>

/* Where, in an object of each kind: as its source numbers them; of a barrier its first round. */
enum { IN_EVENT = 0, IN_LOCK = 0, IN_CONDITION = 1, IN_BARRIER = 1, IN_RWLOCK = 1 };

/* How many threads of living processes sleep there, or are about to. */
unsigned count_sleepers(const void *object, unsigned event);

/* Whether a dead one is still taken for one who sleeps there. */
int has_dead_sleepers(const void *object, unsigned event);

/* How often those who sleep there were called. */
uint32_t count_calls(const void *object, unsigned event);

/* Wake one who sleeps there, for nothing. */
void wake_for_nothing(const void *object, unsigned event);

/* Wait until so many threads of this process are in a call on it that may wait; asserts that they are. */
void await_waiters(const void *object, int count);

/* Wait until so many threads of living processes sleep there; asserts that they do. */
void await_sleepers(void *object, unsigned event, unsigned wanted);

/* The same of those who join a queue, and of those who wait for a message in it. */
void await_joining(mproc_queue_t *queue, unsigned wanted);
void await_getting(mproc_queue_t *queue, unsigned wanted);

/* And of those who wait by mproc_wait() for a queue. */
void await_polling(mproc_queue_t *queue, unsigned wanted);

#endif
