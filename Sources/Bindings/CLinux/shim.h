#pragma once
// What Swift's Glibc module leaves out: GNU extensions, variadic calls and headers it does not include. The constants are
// the kernel's own; _GNU_SOURCE is not defined here because it clashes with the Glibc module's view of the same headers.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

// Hidden behind _GNU_SOURCE: where some bytes begin in others; NULL where they are not in them.
extern void *memmem(const void *bytes, size_t count, const void *wanted, size_t length);
static inline const void *osc_find_bytes(const void *bytes, size_t count, const void *wanted, size_t length) {
    return memmem(bytes, count, wanted, length);
}

// posix_spawn flag, hidden behind _GNU_SOURCE (glibc 2.26 and later).
static const short osc_POSIX_SPAWN_SETSID = 0x80;

// O_PATH, hidden behind _GNU_SOURCE; from asm-generic/fcntl.h.
static const int osc_O_PATH = 010000000;

// glibc has no keyctl. KEYCTL_JOIN_SESSION_KEYRING of linux/keyctl.h; a keyring without a name is always new.
static inline int osc_join_session_keyring(void) { return (int)syscall(SYS_keyctl, 1, 0, 0, 0, 0); }

static inline int osc_pipe2(int fds[2], int flags) { return (int)syscall(SYS_pipe2, fds, flags); }

// Variadic ioctl.
static inline int osc_ioctl(int fd, unsigned long request) { return ioctl(fd, request, 0); }

// Variadic ioctl with a descriptor: target and source share their blocks from then on (man 2 ioctl_ficlone).
static inline int osc_clone_file(int target, int source) { return ioctl(target, FICLONE, source); }

// F_OFD_GETLK, hidden behind _GNU_SOURCE; from asm-generic/fcntl.h. 1 where another open file holds a lock of a part of the file, 0 where
// none does.
static inline int osc_has_range_lock(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    if (fcntl(fd, 36, &lock) == -1) return -1;
    return lock.l_type != F_UNLCK;
}

// One thread's, by its number: Linux counts each for itself. The type of the first argument depends on _GNU_SOURCE.
static inline int osc_set_niceness(int thread, int niceness) { return setpriority(PRIO_PROCESS, (id_t)thread, niceness); }

// Names the calling thread (15 bytes at most), for top, gdb and crash reports.
static inline int osc_set_thread_name(const char *name) {
    extern int pthread_setname_np(pthread_t, const char *);
    return pthread_setname_np(pthread_self(), name);
}


// A function-like macro, which Swift does not import.
static inline unsigned long osc_KVM_GET_API_VERSION(void) { return KVM_GET_API_VERSION; }

// environ, which Swift imports as a shared mutable variable that strict concurrency refuses.
static inline char **osc_environment(void) {
    extern char **environ;
    return environ;
}

// struct epoll_event is packed and holds a union: Swift gets plain numbers.
static inline int osc_epoll_add(int poll, int fd, unsigned int events, unsigned long long key) {
    struct epoll_event event = {.events = events, .data = {.u64 = key}};
    return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}
static inline unsigned long long osc_epoll_key(const struct epoll_event *events, int index) {
    return events[index].data.u64;
}
static inline unsigned int osc_epoll_events(const struct epoll_event *events, int index) { return events[index].events; }
static inline int osc_epoll_wait(int poll, struct epoll_event *events, int count, long long nanoseconds) {
    // epoll_pwait2: epoll_wait counts in milliseconds, which is ten of a fast network's delays.
    struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return (int)syscall(SYS_epoll_pwait2, poll, events, count, nanoseconds < 0 ? 0 : &time, 0, 8);
}

// prlimit, hidden behind _GNU_SOURCE. Soft and hard limit become the value, unless the hard one is lower already.
static inline int osc_lower_limit(pid_t pid, int resource, unsigned long long value) {
    struct { unsigned long long soft, hard; } limit;
    if (syscall(SYS_prlimit64, pid, resource, 0, &limit) == -1) return -1;
    if (limit.hard < value) value = limit.hard;
    limit.soft = limit.hard = value;
    return (int)syscall(SYS_prlimit64, pid, resource, &limit, 0);
}
