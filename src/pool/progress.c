/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The progress bar of those who bring none of their own.  On a terminal it is one
 * line that is drawn over and over, in a log a line now and then.
 *
 * Each pool calls it in a thread of its own, so that what a pool has shown last is
 * the thread's; the terminal's line is everybody's, and one pool's at a time.  No
 * lock is held while something is written, which may take as long as a reader
 * likes, and which a fork in another thread must not fall into.
 */

#include "progress.h"

#include "port.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Microseconds: between two lines of a log; between two bars, at least; until a silent pool's line is another's. */
#define BETWEEN_LINES (5 * 1000000)
#define BETWEEN_BARS (50 * 1000)
#define SILENCE (1000 * 1000)

/* Columns of a bar that is drawn where there is no terminal. */
#define COLUMNS 80

typedef enum way_t { NOT_ASKED, BY_TERMINAL, AS_BAR, AS_LINES, NOT_AT_ALL } way_t;

/* Of the pool whose supervisor this is. */
static _Thread_local struct {
    way_t way;
    apr_interval_time_t shown_at; /* of its own time, which begins anew when it had nothing to do */
    char bar[MPROC__PROGRESS_SIZE];
} own;

static struct {
    _Atomic(uintptr_t) owner; /* the pool whose bar is in it, by the address of its `own`; or 0 */
    _Atomic(port_deadline_t) heard_at; /* when the owner was called last */
    _Atomic int columns;               /* of what is in it */
} terminal_line;

static way_t named_way(const char *name)
{
    static const struct {
        const char *name;
        way_t way;
    } ways[] = {{"bar", AS_BAR}, {"lines", AS_LINES}, {"none", NOT_AT_ALL}};
    size_t i;

    for (i = 0; name != NULL && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(name, ways[i].name) == 0)
            return ways[i].way;
    return BY_TERMINAL;
}

static way_t ask_environment(void)
{
    const char *name = NULL;
    apr_pool_t *mem;
    way_t way;

    if (apr_pool_create(&mem, NULL) != APR_SUCCESS)
        return BY_TERMINAL;
    if (port_environment_get(&name, "MPROC_PROGRESS", mem) != APR_SUCCESS)
        name = NULL;
    way = named_way(name);
    apr_pool_destroy(mem);
    return way;
}

/* In one call, so that what others write does not come between. */
static void show(const char *before, const mproc__progress_line_t *line, int spaces,
                 const char *after)
{
    char text[3 * MPROC__PROGRESS_SIZE];
    int size = snprintf(text, sizeof text, "%s%s%*s%s", before, line->text, spaces, "", after);

    fwrite(text, 1, (size_t)size, stderr);
    fflush(stderr);
}

/* -- Lines ------------------------------------------------------------------------------- */

static void show_in_log(const mproc_progress_t *progress, const char *label, int is_last)
{
    mproc__progress_line_t line;

    if (progress->elapsed < own.shown_at)
        own.shown_at = 0;
    if (!is_last && progress->elapsed - own.shown_at < BETWEEN_LINES)
        return;
    own.shown_at = is_last ? 0 : progress->elapsed;
    mproc__progress_write(&line, progress, label, MPROC__PROGRESS_LOG);
    show("", &line, 0, "\n");
}

/* -- The bar ----------------------------------------------------------------------------- */

/* Whether the terminal's line is this pool's; two that draw in turn could not be read. */
static int has_line(void)
{
    uintptr_t me = (uintptr_t)&own, owner = atomic_load(&terminal_line.owner);
    port_deadline_t now = port_clock();

    if (owner != me) {
        if (owner != 0 && now - atomic_load(&terminal_line.heard_at) < SILENCE)
            return 0;
        if (!atomic_compare_exchange_strong(&terminal_line.owner, &owner, me))
            return 0;
        own.bar[0] = '\0';
    }
    atomic_store(&terminal_line.heard_at, now);
    return 1;
}

static void leave_line(void)
{
    uintptr_t me = (uintptr_t)&own;

    atomic_compare_exchange_strong(&terminal_line.owner, &me, 0);
    own.bar[0] = '\0';
}

static int is_too_soon(const mproc_progress_t *progress)
{
    return own.bar[0] != '\0' && progress->elapsed >= own.shown_at &&
           progress->elapsed - own.shown_at < BETWEEN_BARS;
}

/* Another pool's end may have left the line empty. */
static int is_there(const mproc__progress_line_t *line)
{
    return strcmp(line->text, own.bar) == 0 && atomic_load(&terminal_line.columns) > 0;
}

/* What was in the line before, and goes beyond its end now: as far as the terminal goes. */
static int left_over(const mproc__progress_line_t *line, int before, int columns)
{
    int end = before < columns ? before : columns - 1;

    return end > line->columns ? end - line->columns : 0;
}

static void show_on_terminal(const mproc_progress_t *progress, const char *label, int is_last,
                             int columns)
{
    mproc__progress_line_t line;
    int before;

    if (!is_last && (!has_line() || is_too_soon(progress)))
        return;
    mproc__progress_write(&line, progress, label, columns);
    if (!is_last && is_there(&line))
        return;
    before = atomic_exchange(&terminal_line.columns, is_last ? 0 : line.columns);
    show("\r", &line, left_over(&line, before, columns), is_last ? "\n" : "");
    own.shown_at = progress->elapsed;
    strcpy(own.bar, line.text);
    if (is_last)
        leave_line();
}

void mproc_progress_bar(const mproc_progress_t *progress, void *data)
{
    int is_last = progress->done >= progress->total, columns = port_terminal_columns();

    if (own.way == NOT_ASKED)
        own.way = ask_environment();
    if (own.way == NOT_AT_ALL)
        return;
    if (own.way == AS_LINES || (own.way == BY_TERMINAL && columns == 0))
        show_in_log(progress, data, is_last);
    else
        show_on_terminal(progress, data, is_last, columns > 0 ? columns : COLUMNS);
}
