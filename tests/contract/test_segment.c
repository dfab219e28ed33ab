/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that processes share: what it is, who has it and how long, and what is
 * not taken for it.
 */

#include "spawned.h"

#include <stdatomic.h>
#include <string.h>

#define BOTH (PORT_READ | PORT_WRITE)
#define SIZE ((size_t)100000)

static _Atomic uint32_t *word_of(const port_segment_t *segment)
{
    return port_segment_memory(segment);
}

static const char *describe(uint32_t word, size_t size, apr_pool_t *mem)
{
    return apr_psprintf(mem, "%u in %s", (unsigned)word, apr_off_t_toa(mem, (apr_off_t)size));
}

/* -- Children ----------------------------------------------------------------- */

/* Says what it finds and how large it is, and leaves what it was told. */
static int exchange(life_t *life)
{
    uint32_t found = atomic_load(word_of(life->segment));
    size_t size = port_segment_size(life->segment);

    atomic_store(word_of(life->segment), (uint32_t)apr_atoi64(life->words[1]));
    say(life->control, describe(found, size, life->mem));
    return 0;
}

/* Has a child of its own do that, and says what it said. */
static int hand_on(life_t *life)
{
    const char *const words[] = {"exchange", life->words[1], NULL};
    child_t child = {.words = words, .segment = life->segment};

    if (start_child(&child, life->mem) != APR_SUCCESS)
        return 1;
    say(life->control, hear(child.control, life->mem));
    return port_process_wait(child.process, in_good_time()) == APR_SUCCESS ? 0 : 2;
}

/* Makes a segment, leaves it to a detached child, and lives until it is killed. */
static int bequeath(life_t *life)
{
    static const char *const words[] = {"inherit", NULL};
    child_t child = {.words = words, .given = life->given, .is_detached = 1};

    if (port_segment_create(&child.segment, SIZE, life->mem) != APR_SUCCESS)
        return 1;
    atomic_store(word_of(child.segment), 77);
    if (start_child(&child, life->mem) != APR_SUCCESS)
        return 2;
    say(life->control, hear(child.control, life->mem));
    hear(life->control, life->mem);
    return 3;
}

/* Says what is in the segment when who has made it is dead. */
static int inherit(life_t *life)
{
    say(life->control, "born");
    if (port_process_wait(life->birth.parent, in_good_time()) != APR_SUCCESS)
        return 1;
    say(life->given, apr_psprintf(life->mem, "%u", (unsigned)atomic_load(word_of(life->segment))));
    return 0;
}

/* Says how many of its segment's handles would go on to whatever it starts. */
static int count_inheritable(life_t *life)
{
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t count = port_segment_handles(life->segment, handles), i;
    int inheritable = 0;

    for (i = 0; i < count; i++)
        inheritable += is_inheritable(handles[i]);
    say(life->control, apr_psprintf(life->mem, "%d of %d", inheritable, count > 0));
    return 0;
}

/* -- What it is ---------------------------------------------------------------- */

static size_t count_zeros(const port_segment_t *segment)
{
    const unsigned char *bytes = port_segment_memory(segment);
    size_t size = port_segment_size(segment), count = 0;

    while (count < size && bytes[count] == 0)
        count++;
    return count;
}

static void a_new_segment_is_zeros_at_the_beginning_of_a_page(void **state)
{
    static const size_t sizes[] = {1, 4095, 4096, 4097, 65536, 65537, (size_t)5 << 20};
    port_segment_t *segment;
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_success(port_segment_create(&segment, sizes[i], *state));
        assert_true(port_segment_size(segment) >= sizes[i]);
        assert_int_equal((uintptr_t)port_segment_memory(segment) % 4096, 0);
        assert_int_equal(count_zeros(segment), port_segment_size(segment));
        memset(port_segment_memory(segment), 0xFF, port_segment_size(segment));
        port_segment_close(segment);
    }
}

static void two_segments_share_nothing(void **state)
{
    port_segment_t *segments[2];
    int i;

    for (i = 0; i < 2; i++)
        assert_success(port_segment_create(&segments[i], SIZE, *state));
    memset(port_segment_memory(segments[0]), 0xFF, SIZE);
    assert_int_equal(count_zeros(segments[1]), port_segment_size(segments[1]));
    for (i = 0; i < 2; i++)
        port_segment_close(segments[i]);
}

static void what_no_machine_has_is_no_memory(void **state)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2 + 1, SIZE_MAX / 2,
                                   SIZE_MAX / 4};
    port_segment_t *segment = NULL;
    int before = count_open_handles();
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_int_equal(port_segment_create(&segment, sizes[i], *state), APR_ENOMEM);
    assert_null(segment);
    assert_int_equal(count_open_handles(), before);
}

/* -- Who has it ----------------------------------------------------------------- */

static void check_exchange(const char *command, apr_pool_t *mem)
{
    const char *const words[] = {command, "4000000002", NULL};
    child_t child = {.words = words};
    const char *expected;

    assert_success(port_segment_create(&child.segment, SIZE, mem));
    atomic_store(word_of(child.segment), 4000000001);
    expected = describe(4000000001, port_segment_size(child.segment), mem);
    assert_success(start_child(&child, mem));
    assert_string_equal(hear(child.control, mem), expected);
    assert_int_equal(atomic_load(word_of(child.segment)), 4000000002);
    end_child(&child, PORT_EXITED, 0);
    port_segment_close(child.segment);
}

static void a_parent_and_its_child_see_each_others_stores(void **state)
{
    check_exchange("exchange", *state);
}

static void a_child_hands_it_on(void **state)
{
    check_exchange("hand-on", *state);
}

static void it_outlives_who_has_made_it(void **state)
{
    static const char *const words[] = {"bequeath", NULL};
    child_t child = {.words = words};
    port_channel_t *here;

    assert_success(port_channel_pair(&here, &child.given, BOTH, *state));
    assert_success(start_child(&child, *state));
    assert_string_equal(hear(child.control, *state), "born");
    assert_success(port_process_stop(child.process, 9));
    assert_string_equal(hear(here, *state), "77");
    end_child(&child, PORT_SIGNALED, 9);
    port_channel_close(child.given);
    port_channel_close(here);
}

static void no_program_that_is_started_carelessly_gets_it(void **state)
{
    static const char *const words[] = {"count-inheritable", NULL};
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    child_t child = {.words = words};
    size_t count, i;

    assert_success(port_segment_create(&child.segment, SIZE, *state));
    count = port_segment_handles(child.segment, handles);
    assert_in_range(count, 1, PORT_SEGMENT_HANDLES_MAX);
    for (i = 0; i < count; i++)
        assert_false(is_inheritable(handles[i]));
    assert_success(start_child(&child, *state));
    assert_string_equal(hear(child.control, *state), "0 of 1");
    end_child(&child, PORT_EXITED, 0);
    port_segment_close(child.segment);
}

/* -- What is left ---------------------------------------------------------------- */

static void a_closed_segment_leaves_no_handles_and_no_memory(void **state)
{
    port_segment_t *segment;
    void *memory;
    int i, before = 0;

    for (i = 0; i < 101; i++) {
        if (i == 1)
            before = count_open_handles();
        assert_success(port_segment_create(&segment, SIZE, *state));
        memory = port_segment_memory(segment);
        assert_true(is_mapped(memory));
        port_segment_close(segment);
        assert_false(is_mapped(memory));
    }
    assert_int_equal(count_open_handles(), before);
}

/* The handles that are adopted are the other segment's own, which is not used any more. */
static void an_adopted_segment_is_the_same_and_leaves_as_little(void **state)
{
    port_segment_t *segment, *adopted;
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    int before = count_open_handles();
    size_t count;
    void *memory;

    assert_success(port_segment_create(&segment, SIZE, *state));
    atomic_store(word_of(segment), 77);
    count = port_segment_handles(segment, handles);
    assert_success(port_segment_adopt(&adopted, handles, count, *state));
    assert_int_equal(port_segment_size(adopted), port_segment_size(segment));
    atomic_fetch_add(word_of(adopted), 1);
    assert_int_equal(atomic_load(word_of(segment)), 78);
    memory = port_segment_memory(adopted);
    port_segment_close(adopted);
    assert_false(is_mapped(memory));
    assert_int_equal(count_open_handles(), before);
}

/* -- What is not taken for a segment ------------------------------------------------ */

/* A segment whose handles a test mishandles, and what else is open. */
typedef struct victim_t {
    port_segment_t *segment;
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t count;
    int nopen;
} victim_t;

static victim_t make_victim(apr_pool_t *mem)
{
    victim_t victim;

    assert_success(port_segment_create(&victim.segment, SIZE, mem));
    victim.count = port_segment_handles(victim.segment, victim.handles);
    victim.nopen = count_open_handles();
    return victim;
}

static void check_refusal(const port_handle_t *handles, size_t count, apr_pool_t *mem)
{
    port_segment_t *segment = NULL;

    assert_int_equal(port_segment_adopt(&segment, handles, count, mem), APR_EBADF);
    assert_null(segment);
}

/* Whatever was refused, its handles are open still, and those of a segment. */
static void check_and_close(const victim_t *victim, apr_pool_t *mem)
{
    port_segment_t *adopted;

    assert_int_equal(count_open_handles(), victim->nopen);
    assert_success(port_segment_adopt(&adopted, victim->handles, victim->count, mem));
    port_segment_close(adopted);
}

static void too_few_and_too_many_are_refused(void **state)
{
    victim_t victim = make_victim(*state);
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX + 1];
    size_t count;

    memcpy(handles, victim.handles, victim.count * sizeof *handles);
    handles[victim.count] = handles[0];
    for (count = 0; count <= victim.count + 1; count++)
        if (count != victim.count)
            check_refusal(handles, count, *state);
    check_and_close(&victim, *state);
}

/* Put a handle in the place of each in turn. */
static void check_intruder(const victim_t *victim, port_handle_t intruder, apr_pool_t *mem)
{
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t i;

    for (i = 0; i < victim->count; i++) {
        memcpy(handles, victim->handles, sizeof handles);
        if (handles[i] == intruder)
            continue;
        handles[i] = intruder;
        check_refusal(handles, victim->count, mem);
    }
}

static void what_is_of_another_kind_is_refused(void **state)
{
    port_channel_t *here, *there;
    victim_t victim;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    victim = make_victim(*state);
    check_intruder(&victim, port_channel_handle(here), *state);
    check_intruder(&victim, PORT_NO_HANDLE, *state);
    check_intruder(&victim, -2, *state);
    check_and_close(&victim, *state);
    port_channel_close(here);
    port_channel_close(there);
}

static void one_handle_is_not_taken_twice(void **state)
{
    victim_t victim = make_victim(*state);
    size_t i;

    for (i = 0; i < victim.count; i++)
        check_intruder(&victim, victim.handles[i], *state);
    check_and_close(&victim, *state);
}

static void a_wrong_order_is_refused(void **state)
{
    victim_t victim = make_victim(*state);
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t shift, i;

    for (i = 0; i < victim.count; i++)
        handles[i] = victim.handles[victim.count - 1 - i];
    check_refusal(handles, victim.count, *state);
    for (shift = 1; shift < victim.count; shift++) {
        for (i = 0; i < victim.count; i++)
            handles[i] = victim.handles[(i + shift) % victim.count];
        check_refusal(handles, victim.count, *state);
    }
    check_and_close(&victim, *state);
}

static void closed_ones_are_refused(void **state)
{
    victim_t victim = make_victim(*state);

    port_segment_close(victim.segment);
    check_refusal(victim.handles, victim.count, *state);
}

int main(int argc, char **argv)
{
    static const command_t commands[] = {
        {"exchange", exchange},
        {"hand-on", hand_on},
        {"bequeath", bequeath},
        {"inherit", inherit},
        {"count-inheritable", count_inheritable},
        {NULL, NULL},
    };
    static const struct CMUnitTest tests[] = {
        claim(a_new_segment_is_zeros_at_the_beginning_of_a_page),
        claim(two_segments_share_nothing),
        claim(what_no_machine_has_is_no_memory),
        claim(a_parent_and_its_child_see_each_others_stores),
        claim(a_child_hands_it_on),
        claim(it_outlives_who_has_made_it),
        claim(no_program_that_is_started_carelessly_gets_it),
        claim(a_closed_segment_leaves_no_handles_and_no_memory),
        claim(an_adopted_segment_is_the_same_and_leaves_as_little),
        claim(too_few_and_too_many_are_refused),
        claim(what_is_of_another_kind_is_refused),
        claim(one_handle_is_not_taken_twice),
        claim(a_wrong_order_is_refused),
        claim(closed_ones_are_refused),
    };

    run_if_child_of(commands, argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
