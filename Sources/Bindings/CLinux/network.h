#pragma once
// Netlink, process descriptors and spawning: what GuestNetwork needs beyond Swift's Glibc module.
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc hides it behind _GNU_SOURCE; from linux/fcntl.h (F_LINUX_SPECIFIC_BASE + 6).
static const int osc_F_DUPFD_CLOEXEC = 1024 + 6;

// accept4 is hidden behind _GNU_SOURCE.
static inline int osc_accept4(int fd, int flags) { return (int)syscall(SYS_accept4, fd, 0, 0, flags); }

// Nothing that comes from now on is received by a socket, whoever holds it, and nobody can change that. Swift sees none of the macros.
static inline int osc_receive_nothing(int fd) {
    struct sock_filter drop = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog program = {.len = 1, .filter = &drop};
    int yes = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program)) return -1;
    return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &yes, sizeof yes);
}

// renameat2 is hidden behind _GNU_SOURCE; RENAME_NOREPLACE of linux/fs.h.
static inline int osc_rename_new(int folder, const char *old_name, const char *new_name) {
    return (int)syscall(SYS_renameat2, folder, old_name, folder, new_name, 1);
}

// glibc has the wrapper since 2.36 only.
static inline int osc_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static inline int osc_pidfd_send_signal(int process, int number) {
    return (int)syscall(SYS_pidfd_send_signal, process, number, 0, 0);
}

// Hidden behind _DEFAULT_SOURCE in some configurations (glibc 2.34 and later).
static inline int osc_spawn_add_close_from(posix_spawn_file_actions_t *actions, int from) {
    extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}

// Hidden behind _GNU_SOURCE (glibc 2.29 and later).
static inline int osc_spawn_add_chdir(posix_spawn_file_actions_t *actions, const char *folder) {
    extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
    return posix_spawn_file_actions_addchdir_np(actions, folder);
}
