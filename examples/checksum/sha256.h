/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHA256_H
#define SHA256_H

/*
 * SHA-256, by what the system has: CMake chooses the file that does it.
 */

#include <apr_errno.h>
#include <apr_pools.h>

#include <stddef.h>

#define SHA256_SIZE 32 /* bytes of a checksum */

typedef struct sha256_t sha256_t;

/* Begin a checksum, which lives in this memory.  A failure's words are mproc_error_message()'s. */
apr_status_t sha256_begin(sha256_t **sha256, apr_pool_t *mem);

apr_status_t sha256_add(sha256_t *sha256, const void *data, size_t size);

/* To be called once; nothing can be added afterwards. */
apr_status_t sha256_end(sha256_t *sha256, unsigned char checksum[SHA256_SIZE]);

#endif
