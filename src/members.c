/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Members of a segment.
 */

#include "members.h"

#include "failpoint.h"

#include <mproc/status.h>

/* Of a place's closings: how many are under way, and above it a number that each end changes. */
#define UNDER_WAY_BITS 16
#define UNDER_WAY (((apr_uint64_t)1 << UNDER_WAY_BITS) - 1)

_Static_assert(MPROC__MEMBERS_MAX <= 64 * MPROC__SET_WORDS, "a set has a bit for each member");
_Static_assert(MPROC__MEMBERS_MAX < 1 << MPROC__PLACE_BITS, "a name has room for each place");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
               "what processes share must not be guarded by a lock of one of them");

/* -- Closings -------------------------------------------------------------------- */

void mproc__member_begin_closing(const mproc__member_t *member)
{
    atomic_fetch_add(&member->places[member->place].closings, 1);
}

/* Who cannot give the sign again goes on as if he were closing: then it says nothing of him. */
void mproc__member_end_closing(const mproc__member_t *member)
{
    if (port_life_renew(member->segment, member->place) == APR_SUCCESS)
        atomic_fetch_add(&member->places[member->place].closings, UNDER_WAY);
}

/* -- The dead ---------------------------------------------------------------------- */

/* What a place says of who has it. */
typedef struct owner_t {
    apr_uint64_t closings;
    port_life_t life;
} owner_t;

/* In this order: closings that are not of this life have changed since. */
static owner_t look_at(const mproc__place_t *place)
{
    owner_t owner = {.closings = atomic_load(&place->closings)};

    owner.life = atomic_load(&place->life);
    return owner;
}

/*
 * Who lives and is closing nothing gives a sign.  So who gave none, and was closing nothing before
 * nor has closed anything meanwhile, is dead.
 */
static int has_gone_silent(const mproc__member_t *member, unsigned place, const owner_t *owner)
{
    return (owner->closings & UNDER_WAY) == 0 &&
           port_life_has_let_go(member->segment, place, owner->life) &&
           atomic_load(&member->places[place].closings) == owner->closings;
}

static int is_dead(const mproc__member_t *member, unsigned place, const owner_t *owner)
{
    return owner->life != 0 && (port_life_is_over(member->segment, place, owner->life) ||
                                has_gone_silent(member, place, owner));
}

int mproc__place_is_dead(const mproc__member_t *member, unsigned place)
{
    owner_t owner = look_at(&member->places[place]);

    return is_dead(member, place, &owner);
}

/*
 * Who has been followed by another is dead; who has left holds no lock, unless he was killed.  Between
 * its first store and its name a follower has the place under the old name: it notes whose the place
 * is when it has a name of its own, and nobody knows that one before.
 */
int mproc__member_is_dead(const mproc__member_t *member, mproc__member_id_t id)
{
    apr_uint64_t number = (id & ((1 << MPROC__PLACE_BITS) - 1)) - 1;
    const mproc__place_t *place;
    port_life_t life;

    if (number >= member->nplaces)
        return 1;
    place = &member->places[number];
    if (atomic_load(&place->generation) != id >> MPROC__PLACE_BITS)
        return 1;
    life = atomic_load(&place->life);
    return life == 0 || life != atomic_load(&place->noted) ||
           mproc__place_is_dead(member, (unsigned)number);
}

/* -- Places ------------------------------------------------------------------------ */

static void forget_sleeper(mproc__member_t *member, unsigned place)
{
    int i;

    for (i = 0; i < MPROC__EVENTS_MAX; i++)
        if (member->events[i] != NULL)
            atomic_fetch_and(&member->events[i]->sleepers[place / 64],
                             ~((apr_uint64_t)1 << place % 64));
}

void mproc__members_sweep(mproc__member_t *member)
{
    unsigned place;

    for (place = 0; place < member->nplaces; place++)
        if (place != member->place && mproc__place_is_dead(member, place))
            forget_sleeper(member, place);
}

void mproc__members_bury(const mproc__member_t *member, apr_int64_t pid)
{
    unsigned place;

    for (place = 0; place < member->nplaces; place++) {
        port_life_t life = atomic_load(&member->places[place].life);

        if (life != 0 && port_life_pid(life) == pid && mproc__place_is_dead(member, place))
            atomic_compare_exchange_strong(&member->places[place].life, &life, 0);
    }
}

/* From now on sets are looked at as far as this place. */
static void extend_sets(mproc__member_t *member)
{
    uint32_t words = member->place / 64 + 1, known = atomic_load(&member->members->words);

    while (known < words && !atomic_compare_exchange_weak(&member->members->words, &known, words))
        ;
}

/*
 * The life is the claim to the place: it says who has it from the first moment on.  Before it comes
 * a closing, as the former owner had perhaps none under way, and here one may be.
 */
static int claim(mproc__place_t *place, owner_t former, port_life_t life)
{
    apr_uint64_t closing = ((former.closings | UNDER_WAY) + 1) | 1;

    if (!atomic_compare_exchange_strong(&place->closings, &former.closings, closing))
        return 0;
    mproc__failpoint();
    return atomic_compare_exchange_strong(&place->life, &former.life, life);
}

/* None of this member's threads sleeps yet; of the former owner's some may have, when it died. */
static void forget_threads(mproc__place_t *place)
{
    int i;

    for (i = 0; i < MPROC__EVENTS_MAX; i++) {
        atomic_store(&place->sleepers[i], 0);
        mproc__failpoint();
    }
}

static apr_status_t take(mproc__member_t *member, unsigned place, const owner_t *former)
{
    mproc__place_t *taken = &member->places[place];
    port_life_t life;
    apr_status_t rv = port_life_begin(member->segment, place, &life);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    if (!claim(taken, *former, life)) {
        port_life_end(member->segment, place);
        return APR_EBUSY;
    }
    mproc__failpoint();
    member->place = place;
    member->id = (atomic_fetch_add(&taken->generation, 1) + 1) << MPROC__PLACE_BITS | (place + 1);
    mproc__failpoint();
    for (i = 0; i < MPROC__NOTES; i++) {
        atomic_store(&taken->notes[i], 0);
        mproc__failpoint();
    }
    atomic_store(&taken->noted, life);
    mproc__failpoint();
    forget_sleeper(member, place);
    mproc__failpoint();
    forget_threads(taken);
    extend_sets(member);
    return APR_SUCCESS;
}

/* The first place that is nobody's, or, where there is none, whose owner is dead. */
static apr_status_t find_place(mproc__member_t *member, int of_the_dead)
{
    unsigned place;

    for (place = 0; place < member->nplaces; place++) {
        owner_t owner = look_at(&member->places[place]);
        apr_status_t rv = APR_EBUSY;

        if (of_the_dead ? is_dead(member, place, &owner) : owner.life == 0)
            rv = take(member, place, &owner);
        if (!APR_STATUS_IS_EBUSY(rv))
            return rv;
    }
    return MPROC_ETOOMANY;
}

apr_status_t mproc__member_join(mproc__member_t *member, apr_pool_t *mem)
{
    apr_status_t rv = apr_thread_mutex_create(&member->lock, APR_THREAD_MUTEX_DEFAULT, mem);

    if (rv == APR_SUCCESS)
        rv = find_place(member, 0);
    if (rv == MPROC_ETOOMANY)
        rv = find_place(member, 1);
    return rv;
}

void mproc__member_leave(mproc__member_t *member)
{
    mproc__place_t *mine = &member->places[member->place];
    int i;

    mproc__member_begin_closing(member); /* the sign goes with the life, and not a moment later */
    mproc__failpoint();
    for (i = 0; i < MPROC__NOTES; i++) {
        atomic_store(&mine->notes[i], 0);
        mproc__failpoint();
    }
    atomic_store(&mine->life, 0);
    mproc__failpoint();
    port_life_end(member->segment, member->place);
}
