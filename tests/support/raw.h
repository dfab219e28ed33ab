/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_RAW_H
#define MPROC_TESTS_RAW_H

/*
 * A way around a connection to the bytes below it, for peers that do not keep to
 * the protocol.
 */

#include "port.h"

#include <mproc.h>

/* The channel under a connection: still the connection's, not to be closed.  Asserts nothing; NULL if there is none. */
port_channel_t *raw_channel(mproc_connection_t *connection, apr_pool_t *mem);

/* Write bytes below a connection: APR_SUCCESS when all went in time. */
apr_status_t write_raw(mproc_connection_t *connection, const void *bytes, size_t size, apr_pool_t *mem);

#endif
