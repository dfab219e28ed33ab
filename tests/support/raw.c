/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A connection tells its handle when it is packed for a child.
 */

#include "raw.h"

#include "claims.h"

#include "values.h"

port_channel_t *raw_channel(mproc_connection_t *connection, apr_pool_t *mem)
{
    mproc__buffer_t buffer = {NULL, 0, 0};
    mproc__handles_t handles = {0};
    port_channel_t *channel = NULL;

    if (mproc__pack_encode(&buffer, &handles, MPROC_PACK(connection)) == APR_SUCCESS)
        port_channel_adopt(&channel, handles.handles[0], PORT_READ | PORT_WRITE, mem);
    mproc__buffer_free(&buffer);
    return channel;
}

apr_status_t write_raw(mproc_connection_t *connection, const void *bytes, size_t size, apr_pool_t *mem)
{
    port_channel_t *channel = raw_channel(connection, mem);
    size_t sent;

    if (channel == NULL)
        return APR_EBADF;
    return port_channel_write(channel, bytes, size, port_clock() + PATIENCE, &sent);
}
