/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lines on stderr, as Python's log_to_stderr() writes them:
 *
 *     [WARNING/MainProcess] text
 */

#include "log.h"

#include <mproc/status.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"", "warning", "info", "debug"};
static const char *const labels[] = {"", "WARNING", "INFO", "DEBUG"};

static mproc__log_level_t wanted = MPROC__LOG_NOTHING;
static const char *name = "";

apr_status_t mproc__log_set(const char *level)
{
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(level != NULL ? level : "", names[i]) == 0) {
            wanted = (mproc__log_level_t)i;
            return APR_SUCCESS;
        }
    }
    return mproc_error_set(APR_EINVAL, "MPROC_LOG is \"%s\"; it can be warning, info or debug",
                           level);
}

void mproc__log_name(const char *process)
{
    name = process;
}

/* In one call, so that the lines of several processes do not mix. */
void mproc__log(mproc__log_level_t level, const char *format, ...)
{
    char text[512];
    va_list arguments;

    if (level > wanted)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "[%s/%s] %s\n", labels[level], name, text);
}
