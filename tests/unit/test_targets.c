/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of targets: searching it, counting it, telling it from another.
 */

#include "unit.h"

#include "targets.h"

/* Different bodies, so that no linker folds them. */
static apr_status_t one(mproc_task_t *task)
{
    (void)task;
    return 1;
}

static apr_status_t two(mproc_task_t *task)
{
    (void)task;
    return 2;
}

static apr_status_t three(mproc_task_t *task)
{
    (void)task;
    return 3;
}

static apr_status_t missing(mproc_task_t *task)
{
    (void)task;
    return 4;
}

static apr_status_t item(const void *from, void *result, mproc_task_t *task)
{
    (void)from, (void)result, (void)task;
    return 5;
}

typedef void any_fn(void);

static const mproc_target_t innermost[] = {MPROC_TARGET(three), MPROC_TARGETS_END};
static const mproc_target_t library[] = {MPROC_TARGET(two), MPROC_TARGETS_OF(innermost),
                                         MPROC_TARGETS_END};
static const mproc_target_t targets[] = {MPROC_TARGET(one), MPROC_TARGETS_OF(library),
                                         MPROC_TARGET(item), MPROC_TARGETS_END};

static void check_found(mproc_target_kind_t kind, any_fn *function, apr_uint64_t expected,
                        const char *name)
{
    apr_uint64_t number = 77;
    const mproc_target_t *row = mproc__targets_find(targets, kind, function, &number);

    assert_non_null(row);
    assert_string_equal(row->name, name);
    assert_true(number == expected);
    assert_ptr_equal(mproc__targets_at(targets, number), row);
}

static void rows_are_found_and_numbered_through_all_tables(void **state)
{
    (void)state;
    check_found(MPROC_KIND_TASK, (any_fn *)one, 0, "one");
    check_found(MPROC_KIND_TASK, (any_fn *)two, 1, "two");
    check_found(MPROC_KIND_TASK, (any_fn *)three, 2, "three");
    check_found(MPROC_KIND_ITEM, (any_fn *)item, 3, "item");
}

static void the_macro_stores_kind_name_and_function(void **state)
{
    static const mproc_target_t rows[] = {MPROC_TARGET(one), MPROC_TARGET(item),
                                          MPROC_TARGETS_OF(library), MPROC_TARGETS_END};

    (void)state;
    assert_int_equal(rows[0].kind, MPROC_KIND_TASK);
    assert_string_equal(rows[0].name, "one");
    assert_true(rows[0].function == (any_fn *)one);
    assert_int_equal(rows[1].kind, MPROC_KIND_ITEM);
    assert_int_equal(rows[2].kind, MPROC_KIND_TABLE);
    assert_ptr_equal(rows[2].table, library);
    assert_int_equal(rows[3].kind, MPROC_KIND_END);
}

static void a_missing_function_is_not_found(void **state)
{
    apr_uint64_t number = 77;

    (void)state;
    assert_null(mproc__targets_find(targets, MPROC_KIND_TASK, (any_fn *)missing, &number));
    assert_true(number == 77);
}

static void a_function_of_another_kind_is_not_found(void **state)
{
    apr_uint64_t number = 77;

    (void)state;
    assert_null(mproc__targets_find(targets, MPROC_KIND_ITEM, (any_fn *)one, &number));
    assert_null(mproc__targets_find(targets, MPROC_KIND_TASK, (any_fn *)item, &number));
    assert_true(number == 77);
}

static void there_is_no_row_beyond_the_last(void **state)
{
    static const mproc_target_t empty[] = {MPROC_TARGETS_END};

    (void)state;
    assert_null(mproc__targets_at(targets, 4));
    assert_null(mproc__targets_at(targets, UINT64_MAX));
    assert_null(mproc__targets_at(empty, 0));
}

/* Linkers fold equal functions. */
static void the_first_of_two_rows_with_one_address_is_found(void **state)
{
    static const mproc_target_t folded[] = {{MPROC_KIND_TASK, "first", (any_fn *)one, NULL},
                                            {MPROC_KIND_TASK, "second", (any_fn *)one, NULL},
                                            MPROC_TARGETS_END};
    apr_uint64_t number = 77;

    (void)state;
    assert_ptr_equal(mproc__targets_find(folded, MPROC_KIND_TASK, (any_fn *)one, &number),
                     &folded[0]);
    assert_true(number == 0);
    assert_string_equal(mproc__targets_at(folded, 1)->name, "second");
    assert_success(mproc__targets_check(folded));
}

static void one_address_of_two_kinds_is_found_by_its_kind(void **state)
{
    static const mproc_target_t folded[] = {{MPROC_KIND_ITEM, "item", (any_fn *)one, NULL},
                                            {MPROC_KIND_TASK, "task", (any_fn *)one, NULL},
                                            MPROC_TARGETS_END};
    apr_uint64_t number = 77;

    (void)state;
    assert_ptr_equal(mproc__targets_find(folded, MPROC_KIND_TASK, (any_fn *)one, &number),
                     &folded[1]);
    assert_true(number == 1);
}

/* -- The fingerprint ----------------------------------------------------------------------- */

static apr_uint64_t print_of(mproc_target_kind_t first_kind, const char *first, const char *second,
                             any_fn *function)
{
    const mproc_target_t rows[] = {{first_kind, first, function, NULL},
                                   {MPROC_KIND_TASK, second, function, NULL},
                                   MPROC_TARGETS_END};

    return mproc__targets_fingerprint(rows);
}

static void the_fingerprint_changes_with_names_order_and_kinds(void **state)
{
    apr_uint64_t print = print_of(MPROC_KIND_TASK, "first", "second", (any_fn *)one);

    (void)state;
    assert_true(print != print_of(MPROC_KIND_TASK, "firsT", "second", (any_fn *)one));
    assert_true(print != print_of(MPROC_KIND_TASK, "second", "first", (any_fn *)one));
    assert_true(print != print_of(MPROC_KIND_ITEM, "first", "second", (any_fn *)one));
    assert_true(print != print_of(MPROC_KIND_TASK, "firsts", "econd", (any_fn *)one));
}

static void the_fingerprint_changes_with_the_number_of_rows(void **state)
{
    static const mproc_target_t shorter[] = {{MPROC_KIND_TASK, "first", (any_fn *)one, NULL},
                                             MPROC_TARGETS_END};
    static const mproc_target_t empty[] = {MPROC_TARGETS_END};
    apr_uint64_t print = print_of(MPROC_KIND_TASK, "first", "second", (any_fn *)one);

    (void)state;
    assert_true(print != mproc__targets_fingerprint(shorter));
    assert_true(mproc__targets_fingerprint(empty) != mproc__targets_fingerprint(shorter));
}

/* Addresses differ from one process to the next. */
static void the_fingerprint_stays_when_addresses_change(void **state)
{
    char other_place[] = "first";
    apr_uint64_t print = print_of(MPROC_KIND_TASK, "first", "second", (any_fn *)one);

    (void)state;
    assert_true(print == print_of(MPROC_KIND_TASK, other_place, "second", (any_fn *)two));
    assert_true(print == print_of(MPROC_KIND_TASK, "first", "second", (any_fn *)one));
}

static void the_fingerprint_covers_inner_tables(void **state)
{
    static const mproc_target_t inner[] = {MPROC_TARGET(two), MPROC_TARGETS_OF(innermost),
                                           MPROC_TARGETS_END};
    static const mproc_target_t other_inner[] = {MPROC_TARGET(two), MPROC_TARGETS_END};
    const mproc_target_t same[] = {MPROC_TARGET(one), MPROC_TARGETS_OF(inner), MPROC_TARGET(item),
                                   MPROC_TARGETS_END};
    const mproc_target_t other[] = {MPROC_TARGET(one), MPROC_TARGETS_OF(other_inner),
                                    MPROC_TARGET(item), MPROC_TARGETS_END};

    (void)state;
    assert_true(mproc__targets_fingerprint(targets) == mproc__targets_fingerprint(same));
    assert_true(mproc__targets_fingerprint(targets) != mproc__targets_fingerprint(other));
}

/* -- Checking -------------------------------------------------------------------------------- */

static void check_refused(const mproc_target_t *table, const char *words)
{
    hush();
    assert_int_equal(mproc__targets_check(table), APR_EINVAL);
    assert_said(words);
}

static void good_tables_pass(void **state)
{
    static const mproc_target_t empty[] = {MPROC_TARGETS_END};

    (void)state;
    assert_success(mproc__targets_check(targets));
    assert_success(mproc__targets_check(empty));
}

static void bad_rows_are_refused(void **state)
{
    static const mproc_target_t nameless[] = {{MPROC_KIND_TASK, NULL, (any_fn *)one, NULL},
                                              MPROC_TARGETS_END};
    static const mproc_target_t idle[] = {{MPROC_KIND_TASK, "idle", NULL, NULL}, MPROC_TARGETS_END};
    static const mproc_target_t hollow[] = {{MPROC_KIND_TABLE, "hollow", NULL, NULL},
                                            MPROC_TARGETS_END};
    static const mproc_target_t outer[] = {MPROC_TARGETS_OF(idle), MPROC_TARGETS_END};

    (void)state;
    check_refused(NULL, "NULL");
    check_refused(nameless, "no name");
    check_refused(idle, "no function");
    check_refused(hollow, "NULL");
    check_refused(outer, "no function");
}

/* `depth` tables, each in the one before it, with a target in the last. */
static const mproc_target_t *make_deep_table(int depth, apr_pool_t *mem)
{
    static const mproc_target_t last[] = {MPROC_TARGET(one), MPROC_TARGETS_END},
                                end = MPROC_TARGETS_END;
    const mproc_target_t *table = last;

    for (; depth > 1; depth--) {
        const mproc_target_t row = {MPROC_KIND_TABLE, "table", NULL, table};
        mproc_target_t *outer = apr_palloc(mem, 2 * sizeof *outer);
        outer[0] = row;
        outer[1] = end;
        table = outer;
    }
    return table;
}

static void tables_may_lie_eight_deep(void **state)
{
    const mproc_target_t *table = make_deep_table(MPROC__TABLE_DEPTH_MAX, *state);

    assert_success(mproc__targets_check(table));
    assert_string_equal(mproc__targets_at(table, 0)->name, "one");
    check_refused(make_deep_table(MPROC__TABLE_DEPTH_MAX + 1, *state), "8 deep");
}

static void a_table_that_holds_itself_is_refused(void **state)
{
    mproc_target_t table[] = {
        MPROC_TARGET(one), {MPROC_KIND_TABLE, "table", NULL, NULL}, MPROC_TARGETS_END};

    (void)state;
    table[1].table = table;
    check_refused(table, "8 deep");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(rows_are_found_and_numbered_through_all_tables),
        claim(the_macro_stores_kind_name_and_function),
        claim(a_missing_function_is_not_found),
        claim(a_function_of_another_kind_is_not_found),
        claim(there_is_no_row_beyond_the_last),
        claim(the_first_of_two_rows_with_one_address_is_found),
        claim(one_address_of_two_kinds_is_found_by_its_kind),
        claim(the_fingerprint_changes_with_names_order_and_kinds),
        claim(the_fingerprint_changes_with_the_number_of_rows),
        claim(the_fingerprint_stays_when_addresses_change),
        claim(the_fingerprint_covers_inner_tables),
        claim(good_tables_pass),
        claim(bad_rows_are_refused),
        claim(tables_may_lie_eight_deep),
        claim(a_table_that_holds_itself_is_refused),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
