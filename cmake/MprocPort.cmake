# SPDX-License-Identifier: Apache-2.0
#
# Which port is built, and which of its variants: each fast path is taken where
# the system has what it needs, and has a file that does the same on any POSIX
# system.  MPROC_PORTABLE_POSIX takes those everywhere, so that they are tested.

include(CheckCSourceCompiles)
include(CheckSymbolExists)

option(MPROC_PORTABLE_POSIX "Use what any POSIX system has, even where Linux has better" OFF)

if(WIN32)
  set(MPROC_PORT win32)
else()
  set(MPROC_PORT posix)
endif()

# Choose variants/<name>_<fast>.c if the check says yes, else variants/<name>_<portable>.c.
function(mproc_choose_variant name check fast portable)
  if(${check} AND NOT MPROC_PORTABLE_POSIX)
    set(chosen ${fast})
  else()
    set(chosen ${portable})
  endif()
  message(STATUS "mproc: ${name} is ${chosen}")
  set(MPROC_VARIANTS ${MPROC_VARIANTS} variants/${name}_${chosen}.c PARENT_SCOPE)
endfunction()

set(MPROC_VARIANTS)
if(MPROC_PORT STREQUAL posix)
  set(CMAKE_REQUIRED_DEFINITIONS -D_GNU_SOURCE)
  check_symbol_exists(pipe2 "unistd.h;fcntl.h" MPROC_HAVE_PIPE2)
  check_symbol_exists(dl_iterate_phdr link.h MPROC_HAVE_DL_ITERATE_PHDR)
  check_symbol_exists(CPU_COUNT sched.h MPROC_HAVE_CPU_COUNT)
  check_symbol_exists(posix_spawn_file_actions_addclosefrom_np spawn.h MPROC_HAVE_SPAWN_CLOSEFROM)
  check_symbol_exists(closefrom unistd.h MPROC_HAVE_CLOSEFROM)
  check_symbol_exists(SYS_getdents64 sys/syscall.h MPROC_HAVE_GETDENTS64)
  check_symbol_exists(SECCOMP_RET_ERRNO linux/seccomp.h MPROC_HAVE_SECCOMP)
  check_symbol_exists(pidfd_open sys/pidfd.h MPROC_HAVE_PIDFD)
  check_symbol_exists(F_SETSIG fcntl.h MPROC_HAVE_F_SETSIG)
  check_symbol_exists(PR_SET_NAME sys/prctl.h MPROC_HAVE_PRCTL)
  check_symbol_exists(on_exit stdlib.h MPROC_HAVE_ON_EXIT)
  check_symbol_exists(memfd_create sys/mman.h MPROC_HAVE_MEMFD)
  check_symbol_exists(eventfd sys/eventfd.h MPROC_HAVE_EVENTFD)
  check_symbol_exists(FUTEX_WAIT linux/futex.h MPROC_HAVE_FUTEX)
  string(COMPARE EQUAL "${CMAKE_SYSTEM_NAME}" Linux MPROC_HAVE_PROC_TASK)
  unset(CMAKE_REQUIRED_DEFINITIONS)

  mproc_choose_variant(descriptors MPROC_HAVE_PIPE2 atomic portable)
  mproc_choose_variant(build_id MPROC_HAVE_DL_ITERATE_PHDR elf portable)
  mproc_choose_variant(cpus MPROC_HAVE_CPU_COUNT affinity portable)
  mproc_choose_variant(executable MPROC_HAVE_PRCTL proc portable)
  mproc_choose_variant(launch MPROC_HAVE_SPAWN_CLOSEFROM spawn fork)
  mproc_choose_variant(watch MPROC_HAVE_PIDFD pidfd portable)
  mproc_choose_variant(lifeline MPROC_HAVE_F_SETSIG signal thread)
  mproc_choose_variant(leaving MPROC_HAVE_ON_EXIT on_exit portable)
  mproc_choose_variant(threads MPROC_HAVE_PROC_TASK proc portable)
  mproc_choose_variant(memory MPROC_HAVE_MEMFD memfd portable)
  mproc_choose_variant(park MPROC_HAVE_FUTEX futex pipe)
  mproc_choose_variant(bell MPROC_HAVE_EVENTFD eventfd pipe)
  mproc_choose_variant(born MPROC_HAVE_PROC_TASK proc portable)
  # What fork and exec need beside.
  if("variants/launch_fork.c" IN_LIST MPROC_VARIANTS)
    if(MPROC_HAVE_CLOSEFROM)
      mproc_choose_variant(closing MPROC_HAVE_CLOSEFROM closefrom portable)
    else()
      mproc_choose_variant(closing MPROC_HAVE_GETDENTS64 linux portable)
    endif()
  endif()
  # The threads that stand in for descriptors, also where a kernel turns out not to have those.
  list(APPEND MPROC_VARIANTS variants/watch_thread.c variants/background.c)
endif()
