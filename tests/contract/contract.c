/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory, deadlines, patterns and words for the contract tests.
 */

#include "contract.h"

#include <string.h>

int make_memory(void **state)
{
    apr_pool_t *mem;

    if (apr_pool_create(&mem, NULL) != APR_SUCCESS)
        return -1;
    *state = mem;
    return 0;
}

int destroy_memory(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

port_deadline_t in_good_time(void)
{
    return port_clock() + 30 * (port_deadline_t)1000000;
}

port_deadline_t in_a_moment(void)
{
    return port_clock() + 50 * (port_deadline_t)1000;
}

/* 251 is a prime: no buffer's size hides a shift. */
static unsigned char byte_at(size_t place)
{
    return (unsigned char)(place % 251);
}

void fill_pattern(unsigned char *bytes, size_t size, size_t offset)
{
    size_t i;

    for (i = 0; i < size; i++)
        bytes[i] = byte_at(offset + i);
}

size_t count_pattern(const unsigned char *bytes, size_t size, size_t offset)
{
    size_t i;

    for (i = 0; i < size; i++)
        if (bytes[i] != byte_at(offset + i))
            break;
    return i;
}

void say(port_channel_t *channel, const char *word)
{
    size_t sent;

    port_channel_write(channel, word, strlen(word) + 1, in_good_time(), &sent);
}

const char *hear(port_channel_t *channel, apr_pool_t *mem)
{
    char word[4096];
    size_t length = 0, received;
    port_deadline_t deadline = in_good_time();

    do {
        apr_status_t rv = port_channel_read(channel, word + length, 1, deadline, &received);
        if (rv != APR_SUCCESS)
            return rv == APR_EOF ? "(end)" : "(late)";
    } while (word[length++] != '\0' && length < sizeof word);
    return apr_pstrmemdup(mem, word, length - 1);
}

apr_status_t pass_handle(port_channel_t *channel, port_handle_t handle, port_deadline_t deadline)
{
    size_t sent;
    apr_status_t rv = port_channel_send_handles(channel, "h", 1, &handle, 1, deadline, &sent);

    port_channel_commit_handles(channel);
    return rv;
}

apr_status_t read_bytes(port_channel_t *channel, void *bytes, size_t size)
{
    port_deadline_t deadline = in_good_time();
    size_t have = 0, received;

    while (have < size) {
        apr_status_t rv =
            port_channel_read(channel, (char *)bytes + have, size - have, deadline, &received);
        if (rv != APR_SUCCESS)
            return rv;
        have += received;
    }
    return APR_SUCCESS;
}

apr_status_t take_handle(port_channel_t *channel, port_handle_t *handle)
{
    char bytes[64];
    apr_status_t rv = read_bytes(channel, bytes, 1 + port_note_size(1));

    return rv == APR_SUCCESS ? port_channel_take_handles(channel, bytes + 1, 1, handle) : rv;
}
