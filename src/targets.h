/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TARGETS_H
#define MPROC_TARGETS_H

/*
 * The table of targets, which may nest, as one list counted from 0.  Rows that
 * hold a table have no number of their own.
 */

#include <mproc/init.h>

/* How deep tables may lie in tables. */
#define MPROC__TABLE_DEPTH_MAX 8

/* The library's own: what runs in the workers of a pool, and in a fork server. */
extern const mproc_target_t mproc__own_targets[];

/* Find a function of a kind: its row and its number, or NULL. */
const mproc_target_t *mproc__targets_find(const mproc_target_t *table, mproc_target_kind_t kind,
                                          void (*function)(void), apr_uint64_t *number);

/* The row with a number, or NULL. */
const mproc_target_t *mproc__targets_at(const mproc_target_t *table, apr_uint64_t number);

/*
 * A fingerprint of the names and kinds in their order: FNV-1a, 64 bits
 * (draft-eastlake-fnv).  It tells tables apart that a person has changed; it
 * guards against nobody.
 */
apr_uint64_t mproc__targets_fingerprint(const mproc_target_t *table);

/*
 * APR_SUCCESS, or APR_EINVAL and a message: a row without a name or function, or tables too
 * deep.
 */
apr_status_t mproc__targets_check(const mproc_target_t *table);

#endif
