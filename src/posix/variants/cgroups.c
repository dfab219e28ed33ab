/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux's control groups (cgroups(7)): how many CPUs their files say a process
 * is worth, and how much memory it may have.  A group may have each period of so
 * many microseconds so many of CPU time, and so many bytes; and so may each of its
 * ancestors, so that the least counts.
 *
 * /proc/self/cgroup names the group in its hierarchy: that of version 2, or one
 * of version 1 for the controller `cpu` or `memory`; a system can have both.
 * /proc/self/mountinfo (proc(5)) says in which folder the hierarchy is to be
 * seen, and from which of its groups on: in a container that is often the
 * container's own.
 */

#include "internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096 /* of the kernel's */

/* Which hierarchy; the last word of what it is mounted as, and how a group's limit is read: 0 is none. */
typedef struct hierarchy_t {
    const char *system;
    const char *controller; /* "": it has no name */
    long long (*limit)(const char *folder, char *(*read)(const char *path));
} hierarchy_t;

/* -- What files say ------------------------------------------------------------------ */

static long long in_cpus(long long quota, long long period)
{
    return quota > 0 && period > 0 ? (quota - 1) / period + 1 : 0;
}

static char *read_in(const char *folder, const char *name, char *(*read)(const char *path))
{
    char path[PATH_SIZE + 32];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return read(path);
}

/* "150000 100000", or "max 100000". */
static long long cpus_of_version_2(const char *folder, char *(*read)(const char *path))
{
    char *text = read_in(folder, "cpu.max", read);
    long long quota, period, cpus = 0;

    if (text != NULL && sscanf(text, "%lld %lld", &quota, &period) == 2)
        cpus = in_cpus(quota, period);
    free(text);
    return cpus;
}

/* "150000", or "-1"; and "100000". */
static long long cpus_of_version_1(const char *folder, char *(*read)(const char *path))
{
    char *quota = read_in(folder, "cpu.cfs_quota_us", read);
    char *period = read_in(folder, "cpu.cfs_period_us", read);
    long long cpus = 0;

    if (quota != NULL && period != NULL)
        cpus = in_cpus(strtoll(quota, NULL, 10), strtoll(period, NULL, 10));
    free(quota);
    free(period);
    return cpus;
}

static long long bytes_in(const char *folder, const char *name, char *(*read)(const char *path))
{
    char *text = read_in(folder, name, read);
    long long bytes = text != NULL ? strtoll(text, NULL, 10) : 0;

    free(text);
    return bytes > 0 ? bytes : 0;
}

/* "536870912", or "max". */
static long long memory_of_version_2(const char *folder, char *(*read)(const char *path))
{
    return bytes_in(folder, "memory.max", read);
}

/* The same; none is a number that is larger than any memory. */
static long long memory_of_version_1(const char *folder, char *(*read)(const char *path))
{
    return bytes_in(folder, "memory.limit_in_bytes", read);
}

/* -- Lines and their fields ----------------------------------------------------------- */

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line != '\0' ? line + 1 : line;
}

/* What follows a separator in this line, so many times; NULL when there are not so many. */
static const char *skip_fields(const char *line, char separator, int count)
{
    const char stop[] = {separator, '\n', '\0'};

    for (; line != NULL && count > 0; count--) {
        line += strcspn(line, stop);
        line = *line == separator ? line + 1 : NULL;
    }
    return line;
}

/* Whether a list of words between commas, which ends at `end`, has this one. */
static int is_listed(const char *list, const char *end, const char *word)
{
    const char stop[] = {',', end[0], '\0'};

    for (;;) {
        size_t length = strcspn(list, stop);

        if (length == strlen(word) && strncmp(list, word, length) == 0)
            return 1;
        if (list[length] != ',')
            return 0;
        list += length + 1;
    }
}

static int is_octal(const char *text)
{
    return text[0] >= '0' && text[0] <= '3' && text[1] >= '0' && text[1] <= '7' && text[2] >= '0' &&
           text[2] <= '7';
}

/*
 * Copy a path, up to the end of the field; in the list of mounts a space is "\040", and so are
 * others.  An empty one is one that is too long.
 */
static void copy_path(char path[PATH_SIZE], const char *field, const char *stop)
{
    size_t length = 0;

    for (; *field != '\0' && strchr(stop, *field) == NULL; field++) {
        if (length == PATH_SIZE - 1) {
            length = 0;
            break;
        }
        path[length] = *field;
        if (*field == '\\' && is_octal(field + 1)) {
            path[length] = (char)((field[1] - '0') << 6 | (field[2] - '0') << 3 | (field[3] - '0'));
            field += 3;
        }
        length++;
    }
    path[length] = '\0';
}

/* -- The group and its ancestors -------------------------------------------------------- */

/* "4:cpu,cpuacct:/docker/c0ffee", "0::/user.slice": what is behind the second colon. */
static int find_group(char group[PATH_SIZE], const char *text, const hierarchy_t *hierarchy)
{
    for (; *text != '\0'; text = next_line(text)) {
        const char *controllers = skip_fields(text, ':', 1), *path = skip_fields(text, ':', 2);

        if (path != NULL && is_listed(controllers, ":", hierarchy->controller)) {
            copy_path(group, path, "\n");
            return group[0] == '/';
        }
    }
    return 0;
}

/*
 * "42 31 0:29 /docker/c0ffee /sys/fs/cgroup/cpu ro,nosuid master:9 - cgroup cgroup rw,cpu,cpuacct":
 * the group that is seen in the folder, and the folder.
 */
static int read_mount(char root[PATH_SIZE], char folder[PATH_SIZE], const char *line,
                      const hierarchy_t *hierarchy)
{
    const char *field = skip_fields(line, ' ', 6), *options;

    while (field != NULL && strncmp(field, "- ", 2) != 0)
        field = skip_fields(field, ' ', 1);
    field = skip_fields(field, ' ', 1);
    options = skip_fields(field, ' ', 2);
    if (options == NULL || !is_listed(field, " ", hierarchy->system))
        return 0;
    if (hierarchy->controller[0] != '\0' && !is_listed(options, "\n", hierarchy->controller))
        return 0;
    copy_path(root, skip_fields(line, ' ', 3), " ");
    copy_path(folder, skip_fields(line, ' ', 4), " ");
    return root[0] == '/' && folder[0] == '/';
}

/* The way from one group down to another: "" or "/..."; NULL when it is not below. */
static const char *way_down(const char *root, const char *group)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);

    if (strncmp(group, root, length) != 0 || strncmp(group, "/..", 3) == 0)
        return NULL;
    group += length;
    if (strcmp(group, "/") == 0)
        return "";
    return *group == '\0' || *group == '/' ? group : NULL;
}

static long long least(long long one, long long other)
{
    return one == 0 || (other != 0 && other < one) ? other : one;
}

/* From the group up to the folder in which the hierarchy is seen.  What is not there has no limit. */
static long long least_of_ancestors(const char *folder, const char *way,
                                    const hierarchy_t *hierarchy, char *(*read)(const char *path))
{
    char path[2 * PATH_SIZE];
    size_t length = strlen(folder);
    long long limit = 0;

    snprintf(path, sizeof path, "%s%s", folder, way);
    for (;;) {
        char *last = strrchr(path, '/');

        limit = least(limit, hierarchy->limit(path, read));
        if (strlen(path) <= length)
            return limit;
        *last = '\0';
    }
}

/*
 * Where the group is not below what is seen of its hierarchy (it was moved, or its name counts from
 * another group than the mount's does), the folder is taken for what was meant for this process: that
 * is what containers are given.
 */
static long long least_in(const hierarchy_t *hierarchy, const char *groups, const char *mounts,
                          char *(*read)(const char *path))
{
    char group[PATH_SIZE], root[PATH_SIZE], folder[PATH_SIZE];
    long long limit = 0, elsewhere = 0;
    int is_seen = 0;

    if (!find_group(group, groups, hierarchy))
        return 0;
    for (; *mounts != '\0'; mounts = next_line(mounts)) {
        const char *way;

        if (!read_mount(root, folder, mounts, hierarchy))
            continue;
        way = way_down(root, group);
        if (way != NULL)
            limit = least(limit, least_of_ancestors(folder, way, hierarchy, read));
        else
            elsewhere = least(elsewhere, least_of_ancestors(folder, "", hierarchy, read));
        is_seen |= way != NULL;
    }
    return is_seen ? limit : elsewhere;
}

static long long least_in_both(const hierarchy_t *version_1, const hierarchy_t *version_2,
                               char *(*read)(const char *path))
{
    char *groups = read("/proc/self/cgroup"), *mounts = read("/proc/self/mountinfo");
    long long limit = 0;

    if (groups != NULL && mounts != NULL)
        limit = least(least_in(version_1, groups, mounts, read),
                      least_in(version_2, groups, mounts, read));
    free(groups);
    free(mounts);
    return limit;
}

int posix_cgroup_cpus(char *(*read)(const char *path))
{
    static const hierarchy_t version_1 = {"cgroup", "cpu", cpus_of_version_1};
    static const hierarchy_t version_2 = {"cgroup2", "", cpus_of_version_2};
    long long cpus = least_in_both(&version_1, &version_2, read);

    return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

long long posix_cgroup_memory(char *(*read)(const char *path))
{
    static const hierarchy_t version_1 = {"cgroup", "memory", memory_of_version_1};
    static const hierarchy_t version_2 = {"cgroup2", "", memory_of_version_2};

    return least_in_both(&version_1, &version_2, read);
}
