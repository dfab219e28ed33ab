/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_PORT_SEGMENT_H
#define MPROC_PORT_SEGMENT_H

/*
 * The part of port.h's contract that is about memory that processes share; it is
 * included there, and keeps to what is said there.
 */

#include "port.h"

#include <stdatomic.h>

/*
 * Memory without a name, and what those who share it need beside it: parks to sleep in, a bell
 * for those who wait on many things, and a sign of life for each.
 */
typedef struct port_segment_t port_segment_t;

/* Places to sleep in that a segment has, numbered from 0. */
#define PORT_PARKS 4

/* Handles of a segment, at most. */
#define PORT_SEGMENT_HANDLES_MAX 12

/*
 * A segment of `size` bytes, all 0, none of which can be missing later.
 *
 * Pre: size > 0.
 * Post: its size is what was asked for, or that rounded up.
 * Errors: APR_ENOMEM when it is beyond the memory of this machine; what the system said.
 * Blocks: no.  Threads: any, with a `mem` each.
 */
apr_status_t port_segment_create(port_segment_t **segment, size_t size, apr_pool_t *mem);

/*
 * A segment that grows in place: one of `most` bytes, all 0, of which those beyond `size` are promised
 * only, and must not be touched before port_segment_grow().
 *
 * Pre: 0 < size <= most; both are multiples of 4096.
 * Post, errors and the rest: as port_segment_create(); its size is `most`.
 */
apr_status_t port_segment_create_growing(port_segment_t **segment, size_t size, size_t most,
                                         apr_pool_t *mem);

/*
 * Bytes of a segment that were promised only are there from now on, and cannot be missing later.
 *
 * Pre: both are multiples of 4096, and nobody has been told of any of these bytes.
 * Errors: APR_ENOSPC or APR_ENOMEM when there is no memory for them; what the system said.
 * Blocks: no.  Threads: any.
 */
apr_status_t port_segment_grow(port_segment_t *segment, size_t from, size_t to);

/*
 * Bytes that another process has made to be there are there in this process, too, with what is in
 * them.  Also where they were before.
 *
 * Errors: what the system said.
 * Blocks: no.  Threads: any.
 */
apr_status_t port_segment_follow(port_segment_t *segment, size_t from, size_t to);

/* Its handles, for another process: how many they are.  They stay the segment's. */
size_t port_segment_handles(const port_segment_t *segment,
                            port_handle_t handles[PORT_SEGMENT_HANDLES_MAX]);

/*
 * The segment whose handles, in their order, came from another process.  Takes them over on
 * success.
 *
 * Errors: APR_EBADF when they are not those of a segment, as far as their kinds and order tell.
 */
apr_status_t port_segment_adopt(port_segment_t **segment, const port_handle_t *handles,
                                size_t nhandles, apr_pool_t *mem);

/* Where it lies in this process, at the beginning of a page. */
void *port_segment_memory(const port_segment_t *segment);

/* How large it is, the same in every process: what the system says, and nothing that lies in it. */
size_t port_segment_size(const port_segment_t *segment);

/* Its memory is no more in this process, nor are its handles. */
void port_segment_close(port_segment_t *segment);

/* Its memory is no more in this process; its handles stay open, and are the caller's. */
void port_segment_forget(port_segment_t *segment);

/*
 * Sleep in a park until it is unparked, or until `deadline`; may return for no reason.  A wake may
 * be taken by one who has come later, or is killed just then, so that who must not miss one sleeps
 * for a while at a time, and looks.
 *
 * Pre: `word` lies in the segment and belongs to this park; it was `seen` when the caller made up
 * its mind, and who unparks changes it first.
 * Blocks: until `deadline`.  Threads: any.
 */
void port_park(port_segment_t *segment, unsigned park, _Atomic uint32_t *word, uint32_t seen,
               port_deadline_t deadline);

/*
 * Wake some of those who sleep in a park, `count` of them if there are as many.
 *
 * Post: 0 if it is known that nobody was woken.
 * Blocks: no.  Threads: any.
 */
unsigned port_unpark(port_segment_t *segment, unsigned park, _Atomic uint32_t *word,
                     unsigned count);

/* Ring the segment's bell: every port_wait() on it returns, until it is stilled.  Blocks: no. */
void port_bell_ring(port_segment_t *segment);

/* Still it.  Blocks: no. */
void port_bell_still(port_segment_t *segment);

/* What tells a living process from every other, dead ones too; not 0. */
typedef uint64_t port_life_t;

/*
 * This process gives a sign of life at a place (from 0) of a segment that it has to itself, until
 * it ends or port_life_end().
 *
 * Errors: what the system said; APR_EBUSY when another living process has the place.
 * Blocks: no.
 */
apr_status_t port_life_begin(port_segment_t *segment, unsigned place, port_life_t *life);

/* It gives none any more. */
void port_life_end(port_segment_t *segment, unsigned place);

/*
 * In a system where closing some handle of a segment takes signs of life away: give that again
 * which this process gives at a place.
 *
 * Errors: what the system said; APR_EBUSY while another process tries to take the place.
 * Blocks: no.
 */
apr_status_t port_life_renew(port_segment_t *segment, unsigned place);

/*
 * Whether the process that gave a sign of life at a place has ended.  Never true of one that
 * lives; if it cannot be known, it lives.
 *
 * Blocks: no.  Threads: any.
 */
int port_life_is_over(port_segment_t *segment, unsigned place, port_life_t life);

/*
 * Whether the sign of life that another process gave at a place is no longer given, in a system
 * where nothing else tells of its end in time: it has ended then, or it is between a closing and
 * port_life_renew().
 *
 * Blocks: no.  Threads: any.
 */
int port_life_has_let_go(port_segment_t *segment, unsigned place, port_life_t life);

/* The number of the process that a sign of life is of. */
apr_int64_t port_life_pid(port_life_t life);

/* Let another thread or process have this CPU, if one wants it. */
void port_yield(void);

/* Tell the CPU that this is a loop that waits; some nanoseconds. */
void port_pause(void);

#endif
