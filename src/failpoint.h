/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_FAILPOINT_H
#define MPROC_FAILPOINT_H

/*
 * A place between two stores that other processes see, at which a test may end
 * this one.  Tests that do are built with MPROC_FAILPOINTS, and define it.
 */

#ifdef MPROC_FAILPOINTS
void mproc__failpoint(void);
#else
static inline void mproc__failpoint(void)
{
}
#endif

#endif
