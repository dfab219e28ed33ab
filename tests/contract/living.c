/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Children that give a sign of life: both sides.
 */

#include "living.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic port_life_t *places_of(const port_segment_t *segment)
{
    return port_segment_memory(segment);
}

port_segment_t *make_places(apr_pool_t *mem)
{
    port_segment_t *segment;

    assert_success(port_segment_create(&segment, PLACES * sizeof(port_life_t), mem));
    return segment;
}

port_life_t life_at(const port_segment_t *segment, unsigned place)
{
    return atomic_load(&places_of(segment)[place]);
}

apr_status_t begin_life(port_segment_t *segment, unsigned place)
{
    port_life_t life;
    apr_status_t rv = port_life_begin(segment, place, &life);

    if (rv == APR_SUCCESS)
        atomic_store(&places_of(segment)[place], life);
    return rv;
}

int is_over(port_segment_t *segment, unsigned place)
{
    return port_life_is_over(segment, place, life_at(segment, place));
}

void lose_life(const port_segment_t *segment)
{
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t count = port_segment_handles(segment, handles), i;

    for (i = 0; i < count; i++)
        close_copy(handles[i]);
}

static int obey(life_t *life, unsigned place, const char *word)
{
    if (strcmp(word, "lose") == 0)
        lose_life(life->segment);
    else if (strcmp(word, "renew") == 0)
        assert_success(port_life_renew(life->segment, place));
    else if (strcmp(word, "end") == 0)
        port_life_end(life->segment, place);
    else
        return 0;
    say(life->control, "done");
    return 1;
}

int live(life_t *life)
{
    unsigned place = (unsigned)apr_atoi64(life->words[1]);

    if (begin_life(life->segment, place) != APR_SUCCESS)
        return 1;
    say(life->control, "born");
    while (obey(life, place, hear(life->control, life->mem)))
        ;
    return 0;
}

void start_living(child_t *child, port_segment_t *segment, const char *place, apr_pool_t *mem)
{
    const char *const words[] = {LIVE, place, NULL};

    memset(child, 0, sizeof *child);
    child->words = words;
    child->segment = segment;
    assert_success(start_child(child, mem));
    assert_string_equal(hear(child->control, mem), "born");
}

void tell(const child_t *child, const char *word, apr_pool_t *mem)
{
    say(child->control, word);
    assert_string_equal(hear(child->control, mem), "done");
}

void let_leave(child_t *child)
{
    say(child->control, "leave");
    end_child(child, PORT_EXITED, 0);
}

void kill_child(child_t *child)
{
    assert_success(port_process_stop(child->process, 9));
    end_child(child, PORT_SIGNALED, 9);
}
