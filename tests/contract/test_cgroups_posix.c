/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the files of Linux's control groups say, with texts of real systems instead
 * of the files.
 */

#include "contract.h"

#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { FILES = 16 };

static struct {
    const char *path, *text;
} files[FILES];
static int nfiles;

static int forget_files(void **state)
{
    nfiles = 0;
    return make_memory(state);
}

static void have(const char *path, const char *text)
{
    assert_true(nfiles < FILES);
    files[nfiles].path = path;
    files[nfiles++].text = text;
}

static char *read_file(const char *path)
{
    int i;

    for (i = 0; i < nfiles; i++)
        if (strcmp(files[i].path, path) == 0)
            return strdup(files[i].text);
    return NULL;
}

/* What this process is in, and where that is to be seen. */
static void have_group(const char *groups, const char *mounts)
{
    have("/proc/self/cgroup", groups);
    have("/proc/self/mountinfo", mounts);
}

static int cpus(void)
{
    return posix_cgroup_cpus(read_file);
}

static long long memory(void)
{
    return posix_cgroup_memory(read_file);
}

/* -- Version 2 ------------------------------------------------------------------------- */

#define DOCKER_V2                                                                                  \
    "1529 1528 0:198 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"                     \
    "1531 1530 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup "            \
    "rw,nsdelegate,memory_recursiveprot\n"                                                         \
    "1532 1529 0:201 / /dev/mqueue rw,nosuid,nodev,noexec,relatime - mqueue mqueue rw\n"

static void docker_on_version_2(void **state)
{
    (void)state;
    have_group("0::/\n", DOCKER_V2);
    have("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    assert_int_equal(cpus(), 2);
}

static void max_is_no_limit(void **state)
{
    (void)state;
    have_group("0::/\n", DOCKER_V2);
    have("/sys/fs/cgroup/cpu.max", "max 100000\n");
    assert_int_equal(cpus(), 0);
}

static void whole_cpus_are_not_rounded(void **state)
{
    (void)state;
    have_group("0::/\n", DOCKER_V2);
    have("/sys/fs/cgroup/cpu.max", "400000 100000\n");
    assert_int_equal(cpus(), 4);
}

static void a_part_of_a_cpu_is_one(void **state)
{
    (void)state;
    have_group("0::/\n", DOCKER_V2);
    have("/sys/fs/cgroup/cpu.max", "1000 1000000\n");
    assert_int_equal(cpus(), 1);
}

#define HOST_V2                                                                                    \
    "24 31 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw\n"                \
    "35 25 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "      \
    "rw,nsdelegate\n"

static void the_least_limit_of_all_ancestors_counts(void **state)
{
    (void)state;
    have_group("0::/user.slice/user-1000.slice/run-1.scope\n", HOST_V2);
    have("/sys/fs/cgroup/user.slice/user-1000.slice/run-1.scope/cpu.max", "600000 100000\n");
    have("/sys/fs/cgroup/user.slice/user-1000.slice/cpu.max", "300000 100000\n");
    have("/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
    assert_int_equal(cpus(), 3);
}

static void a_group_that_was_deleted_has_ancestors(void **state)
{
    (void)state;
    have_group("0::/user.slice/gone (deleted)\n", HOST_V2);
    have("/sys/fs/cgroup/user.slice/cpu.max", "200000 100000\n");
    assert_int_equal(cpus(), 2);
}

static void another_groups_limit_is_its_own(void **state)
{
    (void)state;
    have_group("0::/user\n", HOST_V2);
    have("/sys/fs/cgroup/user.slice/cpu.max", "200000 100000\n");
    have("/sys/fs/cgroup/user/cpu.max", "max 100000\n");
    assert_int_equal(cpus(), 0);
}

/* A process that was moved out of the part of the tree that its namespace begins with. */
static void a_group_beside_what_is_seen_has_the_limit_of_what_is_seen(void **state)
{
    (void)state;
    have_group("0::/../another\n", DOCKER_V2);
    have("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    assert_int_equal(cpus(), 1);
}

/* -- Version 1 ------------------------------------------------------------------------- */

#define DOCKER_V1_GROUPS                                                                           \
    "12:cpuset:/docker/c0ffee\n"                                                                   \
    "4:cpu,cpuacct:/docker/c0ffee\n"                                                               \
    "1:name=systemd:/docker/c0ffee\n"                                                              \
    "0::/system.slice/containerd.service\n"
#define DOCKER_V1_MOUNTS                                                                           \
    "941 939 0:32 /docker/c0ffee /sys/fs/cgroup/cpuset ro,nosuid,nodev,noexec,relatime master:14 " \
    "- cgroup cgroup rw,cpuset\n"                                                                  \
    "942 939 0:29 /docker/c0ffee /sys/fs/cgroup/cpu,cpuacct ro,nosuid,nodev,noexec,relatime "      \
    "master:11 - cgroup cgroup rw,cpu,cpuacct\n"

static void docker_on_version_1(void **state)
{
    (void)state;
    have_group(DOCKER_V1_GROUPS, DOCKER_V1_MOUNTS);
    have("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
    have("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus(), 3);
}

static void a_quota_of_minus_one_is_no_limit(void **state)
{
    (void)state;
    have_group(DOCKER_V1_GROUPS, DOCKER_V1_MOUNTS);
    have("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    have("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus(), 0);
}

static void limits_of_version_1_are_nested_too(void **state)
{
    (void)state;
    have_group("3:cpu:/kubepods/pod1/c1\n",
               "41 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
    have("/sys/fs/cgroup/cpu/kubepods/pod1/c1/cpu.cfs_quota_us", "-1\n");
    have("/sys/fs/cgroup/cpu/kubepods/pod1/c1/cpu.cfs_period_us", "100000\n");
    have("/sys/fs/cgroup/cpu/kubepods/pod1/cpu.cfs_quota_us", "50000\n");
    have("/sys/fs/cgroup/cpu/kubepods/pod1/cpu.cfs_period_us", "25000\n");
    have("/sys/fs/cgroup/cpu/kubepods/cpu.cfs_quota_us", "700000\n");
    have("/sys/fs/cgroup/cpu/kubepods/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus(), 2);
}

/* The container's own names begin at its group, those of the kernel at the root. */
static void a_container_that_sees_its_group_as_the_root(void **state)
{
    (void)state;
    have_group("4:cpu,cpuacct:/\n", DOCKER_V1_MOUNTS);
    have("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000\n");
    have("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus(), 1);
}

/* -- Memory ------------------------------------------------------------------------------ */

static void memory_of_version_2_is_limited_by_all_ancestors(void **state)
{
    (void)state;
    have_group("0::/user.slice/user-1000.slice/run-1.scope\n", HOST_V2);
    assert_int_equal(memory(), 0);
    have("/sys/fs/cgroup/user.slice/user-1000.slice/run-1.scope/memory.max", "max\n");
    assert_int_equal(memory(), 0);
    have("/sys/fs/cgroup/user.slice/user-1000.slice/memory.max", "8589934592\n");
    assert_int_equal(memory(), 8589934592);
    have("/sys/fs/cgroup/user.slice/memory.max", "536870912\n");
    assert_int_equal(memory(), 536870912);
}

static void memory_of_version_1_is_in_a_hierarchy_of_its_own(void **state)
{
    (void)state;
    have_group("7:memory:/docker/c0ffee\n4:cpu,cpuacct:/docker/another\n",
               "943 939 0:31 /docker/c0ffee /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
               "942 939 0:29 /docker/another /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
    have("/sys/fs/cgroup/cpu/memory.limit_in_bytes", "4096\n");
    assert_int_equal(memory(), 0);
    have("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
    assert_int_equal(memory(), 536870912);
}

/* No limit of version 1 is the largest number of whole pages. */
static void no_limit_of_memory_is_more_than_any_memory(void **state)
{
    (void)state;
    have_group("7:memory:/\n", "41 31 0:29 / /cg rw - cgroup cgroup rw,memory\n");
    have("/cg/memory.limit_in_bytes", "9223372036854771712\n");
    assert_true(memory() == 9223372036854771712);
}

static void what_is_no_number_of_bytes_is_no_limit(void **state)
{
    static const char *const texts[] = {"", "\n", "max", "-1\n", "0\n", "many\n"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        nfiles = 0;
        have_group("0::/\n", DOCKER_V2);
        have("/sys/fs/cgroup/memory.max", texts[i]);
        assert_int_equal(memory(), 0);
    }
}

/* -- Both, and neither ------------------------------------------------------------------ */

static void of_both_versions_the_least_limit_counts(void **state)
{
    (void)state;
    have_group("3:cpu:/job\n0::/job\n",
               "41 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
               "42 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    have("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "500000\n");
    have("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus(), 5);
    have("/sys/fs/cgroup/unified/job/cpu.max", "400000 100000\n");
    assert_int_equal(cpus(), 4);
}

static void a_folder_with_a_space_is_found(void **state)
{
    (void)state;
    have_group("0::/job\n", "35 25 0:30 / /a\\040folder rw shared:9 - cgroup2 none rw\n");
    have("/a folder/job/cpu.max", "200000 100000\n");
    assert_int_equal(cpus(), 2);
}

static void a_mount_of_another_part_of_the_tree_is_not_asked(void **state)
{
    (void)state;
    have_group("0::/job\n", "35 25 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
                            "36 25 0:30 /other /mnt rw - cgroup2 cgroup2 rw\n");
    have("/mnt/cpu.max", "100000 100000\n");
    have("/sys/fs/cgroup/job/cpu.max", "200000 100000\n");
    assert_int_equal(cpus(), 2);
}

static void a_system_without_groups_has_no_limit(void **state)
{
    (void)state;
    assert_int_equal(cpus(), 0);
    have_group("", "");
    assert_int_equal(cpus(), 0);
}

static void a_hierarchy_that_is_not_mounted_has_no_limit(void **state)
{
    (void)state;
    have_group("4:cpu:/job\n0::/job\n", "24 31 0:22 / /proc rw shared:13 - proc proc rw\n");
    assert_int_equal(cpus(), 0);
}

static void lines_that_are_cut_short_are_no_limit(void **state)
{
    static const char mounts[] = "35 25 0:30 / /cg rw shared:9 - cgroup2 cgroup2 rw";
    size_t length;

    for (length = 0; length <= strlen(mounts) - strlen(" rw"); length++) {
        nfiles = 0;
        have_group("4:cpu\n0:\n0::/job", apr_pstrmemdup(*state, mounts, length));
        have("/cg/cpu.max", "200000 100000");
        assert_int_equal(cpus(), 0);
    }
    nfiles = 0;
    have_group("0::/job", mounts);
    have("/cg/cpu.max", "200000 100000");
    assert_int_equal(cpus(), 2);
}

/* The group's longer name would end the path, and with it the walk up, in the middle of a word. */
static void a_path_longer_than_any_is_no_limit(void **state)
{
    char group[6000];

    (void)state;
    memset(group, 'a', sizeof group);
    memcpy(group, "0::/", 4);
    group[sizeof group - 1] = '\0';
    have_group(group, HOST_V2);
    have("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    assert_int_equal(cpus(), 0);
}

#define group_claim(test) cmocka_unit_test_setup_teardown(test, forget_files, destroy_memory)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        group_claim(docker_on_version_2),
        group_claim(max_is_no_limit),
        group_claim(whole_cpus_are_not_rounded),
        group_claim(a_part_of_a_cpu_is_one),
        group_claim(the_least_limit_of_all_ancestors_counts),
        group_claim(a_group_that_was_deleted_has_ancestors),
        group_claim(another_groups_limit_is_its_own),
        group_claim(a_group_beside_what_is_seen_has_the_limit_of_what_is_seen),
        group_claim(docker_on_version_1),
        group_claim(a_quota_of_minus_one_is_no_limit),
        group_claim(limits_of_version_1_are_nested_too),
        group_claim(a_container_that_sees_its_group_as_the_root),
        group_claim(memory_of_version_2_is_limited_by_all_ancestors),
        group_claim(memory_of_version_1_is_in_a_hierarchy_of_its_own),
        group_claim(no_limit_of_memory_is_more_than_any_memory),
        group_claim(what_is_no_number_of_bytes_is_no_limit),
        group_claim(of_both_versions_the_least_limit_counts),
        group_claim(a_folder_with_a_space_is_found),
        group_claim(a_mount_of_another_part_of_the_tree_is_not_asked),
        group_claim(a_system_without_groups_has_no_limit),
        group_claim(a_hierarchy_that_is_not_mounted_has_no_limit),
        group_claim(lines_that_are_cut_short_are_no_limit),
        group_claim(a_path_longer_than_any_is_no_limit),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
