/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_LOG_H
#define MPROC_LOG_H

/*
 * What happens, in lines on stderr, for those who ask by MPROC_LOG.
 */

#include <mproc/declare.h>

typedef enum mproc__log_level_t {
    MPROC__LOG_NOTHING,
    MPROC__LOG_WARNING, /* it works, but may not always */
    MPROC__LOG_INFO,    /* what a process goes through */
    MPROC__LOG_DEBUG    /* and how */
} mproc__log_level_t;

/*
 * Set the level by its name, NULL or "" for nothing: APR_SUCCESS, or APR_EINVAL and a message.
 * Before there are threads.
 */
apr_status_t mproc__log_set(const char *level);

/* The name of this process, for the lines; kept, not copied. */
void mproc__log_name(const char *process);

/* A line, if the level is asked for. */
void mproc__log(mproc__log_level_t level, const char *format, ...) MPROC_PRINTF(2, 3);

#endif
