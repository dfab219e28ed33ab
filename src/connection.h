/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SRC_CONNECTION_H
#define MPROC_SRC_CONNECTION_H

/*
 * What the rest of the library knows of connections.
 */

/* Connections can be packed from now on.  Before there are threads. */
void mproc__connection_register(void);

#endif
