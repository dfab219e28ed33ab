/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SRC_STATUS_H
#define MPROC_SRC_STATUS_H

/*
 * What the library knows of this thread's last message beyond its text.
 */

#include <mproc/status.h>

/* The last message if it was left for this status, else "": it may be of an earlier failure. */
const char *mproc__error_words(apr_status_t rv);

/* The status that the last message was left for. */
apr_status_t mproc__error_status(void);

/* What fails from now on has not been spoken of. */
void mproc__error_forget(void);

/* Leave "cannot <do>: <what the system said>" for a failure that has left no words: returns rv. */
apr_status_t mproc__error_explain(apr_status_t rv, const char *doing);

#endif
