/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections: making them, closing them, who may use them, and how they travel.
 */

#include "connection.h"

#include <stdlib.h>
#include <string.h>

/* -- Making and closing ------------------------------------------------------- */

/* Under the lock of belongings, but for a forked child, which needs none. */
static void close_all(mproc_connection_t *connection)
{
    if (connection->coming != NULL)
        mproc__handles_close(connection->coming);
    port_channel_close(connection->channel);
}

/* Under the lock of belongings. */
static void close_open(mproc_connection_t *connection)
{
    mproc__belongings_begin_closing();
    close_all(connection);
    connection->channel = NULL;
    mproc__belongings_end_closing();
}

static apr_status_t close_channel(void *data)
{
    mproc_connection_t *connection = data;

    mproc__belongings_lock();
    mproc__belongings_remove(&connection->belonging);
    if (connection->channel != NULL)
        close_open(connection);
    mproc__belongings_unlock();
    free(connection->coming);
    connection->coming = NULL;
    mproc__buffer_free(&connection->incoming);
    mproc__buffer_free(&connection->outgoing);
    return APR_SUCCESS;
}

/* What a thread of the parent was doing with it, it does not do here. */
static void give_up(mproc__belonging_t *belonging)
{
    mproc_connection_t *connection =
        (mproc_connection_t *)((char *)belonging - offsetof(mproc_connection_t, belonging));

    close_all(connection);
    connection->channel = NULL;
    connection->is_foreign = 1;
    atomic_flag_clear(&connection->is_sending);
    atomic_flag_clear(&connection->is_receiving);
}

static const mproc__belonging_kind_t belonging_kind = {.give_up = give_up};

/* Under the lock of belongings. */
static mproc_connection_t *make_connection(port_channel_t *channel, int directions, apr_pool_t *mem)
{
    mproc_connection_t *connection = apr_pcalloc(mem, sizeof *connection);

    connection->channel = channel;
    connection->directions = directions;
    atomic_flag_clear(&connection->is_sending);
    atomic_flag_clear(&connection->is_receiving);
    mproc__belongings_add(&connection->belonging, &belonging_kind);
    apr_pool_cleanup_register(mem, connection, close_channel, apr_pool_cleanup_null);
    return connection;
}

static apr_status_t make_pair(mproc_connection_t **here, mproc_connection_t **there, int directions,
                              apr_pool_t *mem)
{
    port_channel_t *one, *other;
    apr_status_t rv = port_channel_pair(&one, &other, directions, mem);

    if (rv != APR_SUCCESS) {
        char text[120];
        return mproc_error_set(rv, "cannot make a pipe: %s", mproc_strerror(rv, text, sizeof text));
    }
    *here = make_connection(one, directions, mem);
    *there = make_connection(other, directions == PORT_READ ? PORT_WRITE : directions, mem);
    return APR_SUCCESS;
}

apr_status_t mproc_pipe(mproc_connection_t **here, mproc_connection_t **there,
                        mproc_duplex_t duplex, apr_pool_t *mem)
{
    apr_pool_t *both;
    apr_status_t rv;

    if (!mproc__object_kind_is_registered(MPROC_TYPE_CONNECTION))
        return mproc_error_set(MPROC_EBOOTSTRAP,
                               "mproc_init has not been called; it comes first of all in main");
    if (here == NULL || there == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL,
                               "mproc_pipe needs two variables and memory; one is NULL");
    if (duplex != MPROC_DUPLEX && duplex != MPROC_ONE_WAY)
        return mproc_error_set(APR_EINVAL, "a pipe is MPROC_DUPLEX or MPROC_ONE_WAY, not %d",
                               (int)duplex);
    /* A pool of its own, so that threads may make pipes in the same memory. */
    rv = apr_pool_create(&both, mem);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "no memory for a pipe");
    mproc__belongings_lock();
    rv = make_pair(here, there, duplex == MPROC_DUPLEX ? PORT_READ | PORT_WRITE : PORT_READ, both);
    mproc__belongings_unlock();
    if (rv != APR_SUCCESS)
        apr_pool_destroy(both);
    return rv;
}

/* -- Who may use it ----------------------------------------------------------- */

static apr_status_t check_open(const mproc_connection_t *connection)
{
    if (connection->is_foreign)
        return mproc_error_set(MPROC_EFOREIGN, "the connection is the parent's; a child has those "
                                               "that it is given in its arguments");
    return connection->channel != NULL ? APR_SUCCESS
                                       : mproc_error_set(MPROC_ECLOSED, "the connection is closed");
}

static apr_status_t check(const mproc_connection_t *connection, port_direction_t direction)
{
    MPROC_TRY(check_open(connection));
    if ((connection->directions & (int)direction) == 0)
        return mproc_error_set(MPROC_EDIRECTION, "this end of the one-way pipe only %s",
                               direction == PORT_READ ? "sends" : "receives");
    return APR_SUCCESS;
}

apr_status_t mproc__connection_enter(mproc_connection_t *connection, port_direction_t direction)
{
    atomic_flag *flag;
    apr_status_t rv;

    if (connection == NULL)
        return mproc_error_set(APR_EINVAL, "the connection is NULL");
    flag = direction == PORT_READ ? &connection->is_receiving : &connection->is_sending;
    if (atomic_flag_test_and_set_explicit(flag, memory_order_acquire))
        return mproc_error_set(MPROC_EINUSE, "another thread is %s on this connection",
                               direction == PORT_READ ? "receiving" : "sending");
    /* Only now: closing holds both flags, so that nothing checked here changes under us. */
    rv = check(connection, direction);
    if (rv != APR_SUCCESS)
        mproc__connection_leave(connection, direction);
    return rv;
}

void mproc__connection_leave(mproc_connection_t *connection, port_direction_t direction)
{
    atomic_flag *flag =
        direction == PORT_READ ? &connection->is_receiving : &connection->is_sending;

    atomic_flag_clear_explicit(flag, memory_order_release);
}

apr_status_t mproc_connection_close(mproc_connection_t *connection)
{
    if (connection == NULL)
        return mproc_error_set(APR_EINVAL, "the connection is NULL");
    if (atomic_flag_test_and_set_explicit(&connection->is_receiving, memory_order_acquire))
        return mproc_error_set(MPROC_EINUSE, "another thread is receiving on this connection");
    if (atomic_flag_test_and_set_explicit(&connection->is_sending, memory_order_acquire)) {
        mproc__connection_leave(connection, PORT_READ);
        return mproc_error_set(MPROC_EINUSE, "another thread is sending on this connection");
    }
    close_channel(connection);
    mproc__connection_leave(connection, PORT_WRITE);
    mproc__connection_leave(connection, PORT_READ);
    return APR_SUCCESS;
}

int mproc_connection_readable(const mproc_connection_t *connection)
{
    return connection != NULL && (connection->directions & PORT_READ) != 0;
}

int mproc_connection_writable(const mproc_connection_t *connection)
{
    return connection != NULL && (connection->directions & PORT_WRITE) != 0;
}

/* -- Travelling --------------------------------------------------------------- */

/* The channel's own handle, and behind it those that came with what was read ahead. */
static apr_status_t share_handles(const mproc_connection_t *connection, mproc__shared_t *shared)
{
    size_t max = MPROC__SHARED_HANDLES_MAX - 1;
    size_t waiting = port_channel_waiting_handles(connection->channel, shared->handles + 1, max);

    if (waiting > max)
        return mproc_error_set(MPROC_EINUSE, "too much came with the next messages of the "
                                             "connection to be passed on: receive them first");
    shared->handles[0] = port_channel_handle(connection->channel);
    shared->nhandles = 1 + waiting;
    return APR_SUCCESS;
}

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    mproc_connection_t *connection = object;

    MPROC_TRY(check_open(connection));
    if (atomic_flag_test_and_set_explicit(&connection->is_receiving, memory_order_acquire))
        return mproc_error_set(MPROC_EINUSE, "another thread is receiving on the connection to be "
                                             "passed on");
    mproc__connection_leave(connection, PORT_READ);
    if (connection->has_begun || connection->is_torn)
        return mproc_error_set(MPROC_EINUSE,
                               "the connection to be passed on is in the middle of a message");
    MPROC_TRY(share_handles(connection, shared));
    shared->detail = (apr_uint32_t)connection->directions;
    shared->data.data = connection->ahead + connection->ahead_start;
    shared->data.size = mproc__connection_ahead(connection);
    return APR_SUCCESS;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc_connection_t *connection;
    port_channel_t *channel;
    apr_status_t rv;

    if (shared->nhandles < 1 || shared->detail < PORT_READ ||
        shared->detail > (PORT_READ | PORT_WRITE) || shared->data.size > MPROC__READ_AHEAD)
        return mproc_error_set(MPROC_EPROTOCOL, "a connection arrived that cannot be one");
    rv = port_channel_adopt(&channel, shared->handles[0], (int)shared->detail, mem);
    if (rv == APR_SUCCESS)
        rv = port_channel_await_handles(channel, shared->handles + 1, shared->nhandles - 1);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "a connection arrived that is none");
    mproc__belongings_lock();
    connection = make_connection(channel, (int)shared->detail, mem);
    mproc__belongings_unlock();
    memcpy(connection->ahead, shared->data.data, shared->data.size);
    connection->ahead_end = shared->data.size;
    *object = connection;
    return APR_SUCCESS;
}

void mproc__connection_register(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_CONNECTION, &kind);
}
