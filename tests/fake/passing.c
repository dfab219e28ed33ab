/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Handles on their way: copies that nobody has, whose numbers are in the note.
 */

#include "internal.h"

#include <string.h>

size_t port_note_size(size_t count)
{
    return count * sizeof(port_handle_t);
}

static void close_all(const port_handle_t *handles, size_t count)
{
    while (count-- > 0)
        fake_handle_close(handles[count]);
}

apr_status_t port_channel_send_handles(port_channel_t *channel, const void *bytes, size_t size,
                                       const port_handle_t *handles, size_t count,
                                       port_deadline_t deadline, size_t *sent)
{
    unsigned char message[PORT_HANDLES_BYTES_MAX + PORT_HANDLES_MAX * sizeof(port_handle_t)];
    port_handle_t copies[PORT_HANDLES_MAX];
    apr_status_t rv;
    size_t i;

    assert_true(size > 0 && size <= PORT_HANDLES_BYTES_MAX);
    assert_true(count > 0 && count <= PORT_HANDLES_MAX);
    for (i = 0; i < count; i++)
        copies[i] = fake_handle_open(fake_handle_end(handles[i]), FAKE_ON_THE_WAY);
    memcpy(message, bytes, size);
    memcpy(message + size, copies, count * sizeof copies[0]);
    rv = port_channel_write(channel, message, size + count * sizeof copies[0], deadline, sent);
    if (rv != APR_SUCCESS)
        close_all(copies, count);
    return rv;
}

void port_channel_commit_handles(port_channel_t *channel)
{
    (void)channel;
}

apr_status_t port_channel_take_handles(port_channel_t *channel, const void *note, size_t count,
                                       port_handle_t *handles)
{
    port_handle_t copies[PORT_HANDLES_MAX];
    size_t i;

    (void)channel;
    assert_true(count > 0 && count <= PORT_HANDLES_MAX);
    memcpy(copies, note, count * sizeof copies[0]);
    for (i = 0; i < count; i++)
        if (fake_handle_end(copies[i]) == NULL)
            return APR_EBADF;
    MPROC_TRY(fake_call());
    for (i = 0; i < count; i++)
        handles[i] = fake_handle_copy(copies[i]);
    close_all(copies, count);
    return APR_SUCCESS;
}

/* None ever wait: they come with the note. */
size_t port_channel_waiting_handles(const port_channel_t *channel, port_handle_t *handles,
                                    size_t max)
{
    (void)channel;
    (void)handles;
    (void)max;
    return 0;
}

apr_status_t port_channel_await_handles(port_channel_t *channel, const port_handle_t *handles,
                                        size_t count)
{
    (void)channel;
    (void)handles;
    return count == 0 ? APR_SUCCESS : APR_EBADF;
}

/* Nothing is closed by reading. */
void port_at_closing(void (*before)(void), void (*after)(void))
{
    (void)before;
    (void)after;
}

void port_channel_drop_handles(port_channel_t *channel)
{
    (void)channel;
}

void port_handle_close(port_handle_t handle)
{
    fake_handle_close(handle);
}
