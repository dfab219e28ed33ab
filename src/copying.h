/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_COPYING_H
#define MPROC_COPYING_H

/*
 * A copy of a process, from its first moment to its last: the part that is the same whether its
 * parent made it or a fork server.
 */

#include "port.h"

/*
 * First of all: let go of what is the other process's, which may itself be a copy, and at its end.
 * `mem` is this one's memory.
 */
void mproc__copy_begin(apr_pool_t *mem);

/* What the port has to say of its birth, once this process can say it: a message, but for APR_EOF. */
apr_status_t mproc__copy_check_birth(apr_status_t rv);

/* The end of exit() here: what else the other process has registered is not for this one. */
void mproc__copy_leave(int code);

#endif
