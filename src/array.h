/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SRC_ARRAY_H
#define MPROC_SRC_ARRAY_H

/*
 * Shared arrays, for the rest of the library.
 */

#include <mproc/array.h>

/* Arrays can be packed from now on.  Before there are threads. */
void mproc__array_register(void);

#endif
