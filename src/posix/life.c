/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signs of life: a lock on one byte of a file, which the system takes away when
 * the process ends, however it ends (fcntl(2), advisory record locking).  It is
 * not inherited, and works between PID namespaces.
 *
 * But the system takes it away too when this process closes any descriptor of the
 * file, as when a copy that was made for a child goes.  So a process is dead only
 * if it has no lock and its number is nobody's, or somebody's who was born at
 * another time; and after such moments the lock is taken again.  Where nobody says
 * when a process was born, a dead one has its number until its parent has asked for
 * its exit code: there the lock alone tells others, if they know of such moments.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* This process's own life, once it is known; a fork of it has another, perhaps with a number of old. */
static _Atomic port_life_t own;
static int is_own_forgotten; /* by forks: else it is not kept */

static struct flock lock_at(unsigned place, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};

    return lock;
}

static apr_status_t set_lock(const port_segment_t *segment, unsigned place, short type)
{
    struct flock lock = lock_at(place, type);
    int result;

    do
        result = fcntl(posix_lives(segment), F_SETLK, &lock);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return APR_SUCCESS;
    return errno == EACCES || errno == EAGAIN ? APR_EBUSY : APR_FROM_OS_ERROR(errno);
}

static void forget_own(void)
{
    atomic_store(&own, 0);
}

static void forget_own_at_fork(void)
{
    is_own_forgotten = pthread_atfork(NULL, NULL, forget_own) == 0;
}

/* When it began is not looked up for each of many places: that costs more than all else of them. */
static port_life_t own_life(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    port_life_t life = atomic_load(&own);

    if (port_life_pid(life) == getpid())
        return life;
    life = (port_life_t)getpid() << 32 | posix_birth_time(getpid());
    pthread_once(&once, forget_own_at_fork);
    if (is_own_forgotten)
        atomic_store(&own, life);
    return life;
}

apr_status_t port_life_begin(port_segment_t *segment, unsigned place, port_life_t *life)
{
    apr_status_t rv = set_lock(segment, place, F_WRLCK);

    if (rv == APR_SUCCESS)
        *life = own_life();
    return rv;
}

void port_life_end(port_segment_t *segment, unsigned place)
{
    set_lock(segment, place, F_UNLCK);
}

apr_status_t port_life_renew(port_segment_t *segment, unsigned place)
{
    return set_lock(segment, place, F_WRLCK);
}

static int is_locked_by_another(const port_segment_t *segment, unsigned place)
{
    struct flock lock = lock_at(place, F_WRLCK);

    return fcntl(posix_lives(segment), F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/*
 * A process does not see its own locks (fcntl(2)), but it knows that it lives.  What is no number
 * of a process would mean many of them (kill(2)).
 */
int port_life_is_over(port_segment_t *segment, unsigned place, port_life_t life)
{
    pid_t pid = (pid_t)port_life_pid(life);

    if (is_locked_by_another(segment, place))
        return 0;
    return pid <= 0 || posix_has_ended(pid, (uint32_t)life);
}

int port_life_has_let_go(port_segment_t *segment, unsigned place, port_life_t life)
{
    return (uint32_t)life == 0 && port_life_pid(life) != getpid() &&
           !is_locked_by_another(segment, place);
}

apr_int64_t port_life_pid(port_life_t life)
{
    return (apr_int64_t)(life >> 32);
}
