/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_EVENT_OBJECTS_H
#define MPROC_EVENT_OBJECTS_H

/*
 * The objects of event.h: events, conditions, barriers, and locks for readers and writers.  They
 * have nothing to do with each other, and are made of the same parts.
 *
 * Event counts (event_count.h) are one of these parts; an event of the API is an event object here.
 */

#include <mproc/event.h>

/* They can be packed from now on.  Before there are threads. */
void mproc__event_object_register(void);
void mproc__condition_register(void);
void mproc__barrier_register(void);
void mproc__rwlock_register(void);

#endif
