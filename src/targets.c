/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Walking the table of targets.  Each search is one visitor on one walk.
 */

#include "targets.h"

#include <mproc/status.h>

#include <string.h>

/* Called for each row that is a function; not 0 ends the walk. */
typedef int visitor_t(const mproc_target_t *row, apr_uint64_t number, void *data);

static int walk(const mproc_target_t *table, apr_uint64_t *number, int depth, visitor_t *visit,
                void *data)
{
    for (; table->kind != MPROC_KIND_END; table++) {
        if (table->kind == MPROC_KIND_TABLE) {
            if (depth <= MPROC__TABLE_DEPTH_MAX &&
                walk(table->table, number, depth + 1, visit, data))
                return 1;
        } else if (visit(table, (*number)++, data)) {
            return 1;
        }
    }
    return 0;
}

static void walk_all(const mproc_target_t *table, visitor_t *visit, void *data)
{
    apr_uint64_t number = 0;

    walk(table, &number, 1, visit, data);
}

typedef struct search_t {
    mproc_target_kind_t kind;
    void (*function)(void);
    apr_uint64_t number;
    const mproc_target_t *found;
} search_t;

static int is_searched(const mproc_target_t *row, apr_uint64_t number, void *data)
{
    search_t *search = data;

    if (row->kind != search->kind || row->function != search->function)
        return 0;
    search->number = number;
    search->found = row;
    return 1;
}

const mproc_target_t *mproc__targets_find(const mproc_target_t *table, mproc_target_kind_t kind,
                                          void (*function)(void), apr_uint64_t *number)
{
    search_t search = {kind, function, 0, NULL};

    walk_all(table, is_searched, &search);
    if (search.found != NULL)
        *number = search.number;
    return search.found;
}

static int has_number(const mproc_target_t *row, apr_uint64_t number, void *data)
{
    search_t *search = data;

    if (number != search->number)
        return 0;
    search->found = row;
    return 1;
}

const mproc_target_t *mproc__targets_at(const mproc_target_t *table, apr_uint64_t number)
{
    search_t search = {MPROC_KIND_END, NULL, number, NULL};

    walk_all(table, has_number, &search);
    return search.found;
}

static int add_to_fingerprint(const mproc_target_t *row, apr_uint64_t number, void *data)
{
    apr_uint64_t *hash = data;
    const char *name;

    (void)number;
    *hash = (*hash ^ (apr_uint64_t)row->kind) * 0x100000001b3u;
    for (name = row->name; *name != '\0'; name++)
        *hash = (*hash ^ (unsigned char)*name) * 0x100000001b3u;
    return 0;
}

apr_uint64_t mproc__targets_fingerprint(const mproc_target_t *table)
{
    apr_uint64_t hash = 0xcbf29ce484222325u;

    walk_all(table, add_to_fingerprint, &hash);
    return hash;
}

static apr_status_t check(const mproc_target_t *table, int depth)
{
    if (table == NULL)
        return mproc_error_set(APR_EINVAL, "the table of targets is NULL");
    if (depth > MPROC__TABLE_DEPTH_MAX)
        return mproc_error_set(APR_EINVAL, "tables of targets lie more than %d deep",
                               MPROC__TABLE_DEPTH_MAX);
    for (; table->kind != MPROC_KIND_END; table++) {
        if (table->kind == MPROC_KIND_TABLE)
            MPROC_TRY(check(table->table, depth + 1));
        else if (table->name == NULL || table->function == NULL)
            return mproc_error_set(APR_EINVAL,
                                   "a row of the table of targets has no name or no function");
    }
    return APR_SUCCESS;
}

apr_status_t mproc__targets_check(const mproc_target_t *table)
{
    return check(table, 1);
}
