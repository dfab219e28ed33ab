/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The program's arguments: bytes on POSIX, so they are copied as they are.
 */

#include "internal.h"

#include <apr_strings.h>

apr_status_t port_arguments(int *argc, const char *const **argv, apr_pool_t *mem)
{
    size_t count = (size_t)*argc, i;
    const char **copy = apr_palloc(mem, (count + 1) * sizeof *copy);

    for (i = 0; i < count; i++)
        copy[i] = apr_pstrdup(mem, (*argv)[i]);
    copy[count] = NULL;
    *argv = copy;
    return APR_SUCCESS;
}
