/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_VALUES_H
#define MPROC_VALUES_H

/*
 * Packed values as bytes, and the bytes as values again.
 *
 * A pack is a count and its values.  Everything is a multiple of 8 bytes, and
 * every number a little-endian 64-bit one:
 *
 *     pack   = count, value ...
 *     value  = type + 256 * size, payload
 *     payload: NONE, BOOL    none (BOOL: the size is the truth, 0 or 1)
 *              INTEGER, UNSIGNED, REAL    8 bytes; REAL as IEEE 754 binary64
 *              STRING        `size` bytes, a NUL, padding
 *              BYTES         `size` bytes, padding
 *              PACK          a pack of `size` bytes
 *              objects       the index of the first of the object's handles,
 *                            which travel beside the bytes + 2^16 * how many
 *                            they are + 2^32 * what the object's kind wants to
 *                            know, `size` bytes of its own, padding
 *
 * Nothing that arrives is believed: counts, sizes, types and indexes are checked
 * before they are used, and no handle goes to two objects.
 */

#include "buffer.h"
#include "port.h"

#include <mproc/args.h>

struct mproc_values_t {
    apr_pool_t *mem;
    mproc__buffer_t buffer; /* the message; inner values borrow their outermost one's */
    mproc__buffer_t next;   /* room for the one after it, while this one must stay */
    size_t count;
    mproc_value_t values[MPROC_PACK_MAX]; /* strings and bytes point into the message */
    mproc_values_t
        *inner[MPROC_PACK_MAX]; /* made when a pack first arrives at this position, and kept */
};

/* A count of 16 packs of 16 values, 8 deep, could name more objects than anybody means. */
#define MPROC__HANDLES_MAX (MPROC_PACK_MAX * MPROC_PACK_MAX)

/* Handles that travel beside the bytes of a message. */
typedef struct mproc__handles_t {
    port_handle_t handles[MPROC__HANDLES_MAX];
    size_t count;
} mproc__handles_t;

/* Handles that one object may have. */
#define MPROC__SHARED_HANDLES_MAX 16

/* An object on its way. */
typedef struct mproc__shared_t {
    port_handle_t handles[MPROC__SHARED_HANDLES_MAX];
    size_t nhandles;
    apr_uint32_t detail; /* 31 bits of what its kind wants to know */
    mproc_bytes_t data;  /* and more of it, in bytes; borrowed */
} mproc__shared_t;

/* Close those that are nobody's yet, and forget them all. */
void mproc__handles_close(mproc__handles_t *handles);

/* What a kind of object must be able to do to travel. */
typedef struct mproc__object_kind_t {
    /* What another process needs, into a record of zeros; the handles stay the object's. */
    apr_status_t (*share)(void *object, mproc__shared_t *shared);
    /* The object in the other process; on success it has taken the handles over. */
    apr_status_t (*adopt)(void **object, const mproc__shared_t *shared, apr_pool_t *mem);
} mproc__object_kind_t;

/* Objects of this type can travel from now on.  Before there are threads. */
void mproc__object_kind_register(mproc_type_t type, const mproc__object_kind_t *kind);

/* Whether they can: not before the guard has been called. */
int mproc__object_kind_is_registered(mproc_type_t type);

/* The name of a type, for messages: "a string". */
const char *mproc__type_name(mproc_type_t type);

/*
 * Append a pack (NULL: an empty one) to a buffer whose size is a multiple of 8,
 * and its objects' handles to `handles`; when that is NULL, objects are refused.
 * On failure the buffer is as it was, and the message names the value.
 */
apr_status_t mproc__pack_encode(mproc__buffer_t *buffer, mproc__handles_t *handles,
                                const mproc_pack_t *pack);

/* The same for a pack of the library's own around the user's, `layers` packs deep. */
apr_status_t mproc__pack_encode_around(mproc__buffer_t *buffer, mproc__handles_t *handles,
                                       const mproc_pack_t *pack, int layers);

/*
 * Read the pack that fills values->buffer from `offset` to its end.  Objects are
 * adopted at once, in the memory of the values; their handles become PORT_NO_HANDLE, and
 * the others stay the caller's.  On failure there are no values, and what was adopted is closed.
 */
apr_status_t mproc__values_decode(mproc_values_t *values, size_t offset, port_handle_t *handles,
                                  size_t nhandles);

/* Little-endian numbers, for the headers of messages. */
void mproc__put_u64(unsigned char bytes[8], apr_uint64_t number);
apr_uint64_t mproc__get_u64(const unsigned char bytes[8]);

#endif
