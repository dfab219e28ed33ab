/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Environment variables, in UTF-8 on every system.
 */

#include "contract.h"

#include <apr_env.h>

#include <string.h>

#define NAME "MPROC_TEST_VARIABLE"

static int merge(const char *const **environment, apr_pool_t *mem, const char *first,
                 const char *second)
{
    const char *const changes[] = {first, second, NULL};

    return port_environment_merge(environment, changes, mem);
}

/* How many entries begin so; *last is the last of them. */
static int count_entries(const char *const *environment, const char *beginning, const char **last)
{
    int count = 0;

    for (; *environment != NULL; environment++)
        if (strncmp(*environment, beginning, strlen(beginning)) == 0) {
            *last = *environment;
            count++;
        }
    return count;
}

static void a_variable_is_read(void **state)
{
    const char *value = NULL;

    assert_success(apr_env_set(NAME, "a value", *state));
    assert_success(port_environment_get(&value, NAME, *state));
    assert_string_equal(value, "a value");
}

static void a_missing_variable_is_null(void **state)
{
    const char *value = "before";

    assert_success(port_environment_get(&value, "MPROC_TEST_NO_SUCH_VARIABLE", *state));
    assert_null(value);
}

static void an_empty_variable_is_not_a_missing_one(void **state)
{
    const char *value = NULL;

    assert_success(apr_env_set(NAME, "", *state));
    assert_success(port_environment_get(&value, NAME, *state));
    /* Windows' own calls can make one, but its C runtime takes out a variable that is set to "". */
    assert_true(value == NULL || *value == '\0');
}

static void a_long_variable_is_read_whole(void **state)
{
    char text[8000];
    const char *value = NULL;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_success(apr_env_set(NAME, text, *state));
    assert_success(port_environment_get(&value, NAME, *state));
    assert_string_equal(value, text);
}

static void a_variable_beyond_ascii_is_read_as_utf8(void **state)
{
    const char *value = NULL;

    assert_success(apr_env_set(NAME, "\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80", *state));
    assert_success(port_environment_get(&value, NAME, *state));
    assert_string_equal(value, "\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80");
}

static void a_merge_without_changes_is_this_environment(void **state)
{
    const char *const *environment;
    const char *entry;

    assert_success(apr_env_set(NAME, "own", *state));
    assert_success(merge(&environment, *state, NULL, NULL));
    assert_int_equal(count_entries(environment, NAME "=", &entry), 1);
    assert_string_equal(entry, NAME "=own");
}

static void a_change_replaces_a_variable(void **state)
{
    const char *const *environment;
    const char *entry;

    assert_success(apr_env_set(NAME, "own", *state));
    assert_success(merge(&environment, *state, NAME "=changed=twice", NULL));
    assert_int_equal(count_entries(environment, NAME "=", &entry), 1);
    assert_string_equal(entry, NAME "=changed=twice");
}

static void a_change_adds_a_variable_and_leaves_others(void **state)
{
    const char *const *environment;
    const char *entry;

    assert_success(apr_env_set(NAME, "own", *state));
    assert_success(merge(&environment, *state, NAME "_NEW=new", NULL));
    assert_int_equal(count_entries(environment, NAME "_NEW=", &entry), 1);
    assert_int_equal(count_entries(environment, NAME "=", &entry), 1);
    assert_string_equal(entry, NAME "=own");
}

static void a_name_alone_takes_a_variable_out(void **state)
{
    const char *const *environment;
    const char *entry;

    assert_success(apr_env_set(NAME, "own", *state));
    assert_success(merge(&environment, *state, NAME, NULL));
    assert_int_equal(count_entries(environment, NAME, &entry), 0);
}

static void the_last_change_of_a_name_wins(void **state)
{
    const char *const *environment;
    const char *entry;

    assert_success(merge(&environment, *state, NAME "=first", NAME "=last"));
    assert_int_equal(count_entries(environment, NAME "=", &entry), 1);
    assert_string_equal(entry, NAME "=last");
    assert_success(merge(&environment, *state, NAME "=first", NAME));
    assert_int_equal(count_entries(environment, NAME, &entry), 0);
    assert_success(merge(&environment, *state, NAME, NAME "=last"));
    assert_int_equal(count_entries(environment, NAME "=", &entry), 1);
}

/* Whether two spellings are one name is the system's business, and its own call tells. */
static void names_compare_as_the_system_compares_them(void **state)
{
    const char *const *environment;
    const char *entry, *value;
    int is_one_name;

    assert_success(apr_env_set("MPROC_TEST_CASE", "upper", *state));
    assert_success(port_environment_get(&value, "mproc_test_case", *state));
    is_one_name = value != NULL;
    assert_success(merge(&environment, *state, "mproc_test_case=lower", NULL));
    assert_int_equal(count_entries(environment, "mproc_test_case=", &entry), 1);
    assert_int_equal(count_entries(environment, "MPROC_TEST_CASE=", &entry), is_one_name ? 0 : 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_variable_is_read),
        claim(a_missing_variable_is_null),
        claim(an_empty_variable_is_not_a_missing_one),
        claim(a_long_variable_is_read_whole),
        claim(a_variable_beyond_ascii_is_read_as_utf8),
        claim(a_merge_without_changes_is_this_environment),
        claim(a_change_replaces_a_variable),
        claim(a_change_adds_a_variable_and_leaves_others),
        claim(a_name_alone_takes_a_variable_out),
        claim(the_last_change_of_a_name_wins),
        claim(names_compare_as_the_system_compares_them),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
