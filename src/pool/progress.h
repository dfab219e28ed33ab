/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_PROGRESS_H
#define MPROC_POOL_PROGRESS_H

/*
 * How far a pool has come, as a line of text; where it is shown is up to progress.c.
 */

#include <mproc/pool.h>

/* A line of a log has no bar, and as many columns as it takes. */
#define MPROC__PROGRESS_LOG 0

/* Room for the longest line, whose label and bar are cut before. */
#define MPROC__PROGRESS_SIZE 256

typedef struct mproc__progress_line_t {
    char text[MPROC__PROGRESS_SIZE]; /* ASCII but for the label; no newline */
    int columns;                     /* that it takes, at most */
} mproc__progress_line_t;

/*
 * Write the line:
 *
 *     squares  50% [####################....................]  500/1000   84.2/s  0:06 left
 *
 * It is shorter than `columns`, so that no terminal wraps it; what does not fit is left out.  `label`
 * is UTF-8, or NULL.  Pure.
 */
void mproc__progress_write(mproc__progress_line_t *line, const mproc_progress_t *progress,
                           const char *label, int columns);

#endif
