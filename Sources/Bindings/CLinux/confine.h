#pragma once
// What a process needs to give up its rights, and to hand descriptors to another: calls that glibc hides behind _GNU_SOURCE or that
// Swift refuses (fork), and the macros of control messages.
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Both the kernel's and the C library's headers have these names.
static const unsigned long osc_MS_HERE_ONLY = MS_REC | MS_PRIVATE;
static const unsigned long osc_MS_BIND = MS_BIND;
static const unsigned long osc_MS_PLAIN = MS_NOSUID | MS_NODEV | MS_NOEXEC;

static inline int osc_unshare(int flags) { return (int)syscall(SYS_unshare, flags); }
static inline int osc_pivot_root(const char *new_root, const char *put_old) {
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}
// For a process of one thread only.
static inline pid_t osc_fork(void) { return fork(); }
static inline int osc_prctl(int option, unsigned long value) { return prctl(option, value, 0, 0, 0); }

// For a process of one thread only: glibc's would tell the others.
static inline int osc_become(uid_t user, gid_t group) {
    if (syscall(SYS_setgroups, 0, NULL)) return -1;
    if (syscall(SYS_setresgid, group, group, group)) return -1;
    return (int)syscall(SYS_setresuid, user, user, user);
}

// Of the calling thread: what is not in the mask (bit n: capability n) is gone, for programs that it starts, too. The bounding set goes
// first: that needs one of the capabilities.
static inline int osc_keep_capabilities(unsigned long long mask) {
    for (int number = 0; number < 64; number++) {
        if (!(mask >> number & 1) && prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1) prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    if (syscall(SYS_capget, &header, data)) return -1;
    for (int half = 0; half < 2; half++) {
        data[half].permitted &= (unsigned int)(mask >> 32 * half);
        data[half].effective = data[half].permitted;
        data[half].inheritable = 0;
    }
    return (int)syscall(SYS_capset, &header, data);
}

// One message with at most one descriptor (-1: none).
static inline ssize_t osc_send_descriptor(int socket, const void *bytes, size_t count, int descriptor) {
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control.room;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// A message and its descriptor (-1: none came). There is room for one: others that come along never arrive. CMSG_SPACE would have room for
// two of them where a long has eight bytes.
static inline ssize_t osc_receive_descriptor(int socket, void *bytes, size_t count, int flags, int *descriptor) {
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    *descriptor = -1;
    ssize_t result = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (result < 0) return result;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return result;
    size_t arrived = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < arrived; index++) {
        int one;
        memcpy(&one, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
        if (index == 0) *descriptor = one;
        else close(one);
    }
    return result;
}

// struct mmsghdr is hidden behind _GNU_SOURCE; from the kernel's linux/socket.h.
struct osc_mmsghdr {
    struct msghdr message;
    unsigned int length;
};

// Sends pieces of a buffer, each as one message: a stream socket of the unix family takes a small message whole or not at all.
// ends: where each piece ends; the first begins at start. Returns how many were taken, or -1; -2 where one was cut.
static inline int osc_send_pieces(int socket, const void *bytes, size_t start, const size_t *ends, int count) {
    enum { MOST = 64 };
    struct osc_mmsghdr messages[MOST];
    struct iovec parts[MOST];
    if (count > MOST) count = MOST;
    memset(messages, 0, sizeof(messages[0]) * (size_t)count);
    for (int index = 0; index < count; index++) {
        parts[index].iov_base = (char *)bytes + start;
        parts[index].iov_len = ends[index] - start;
        start = ends[index];
        messages[index].message.msg_iov = &parts[index];
        messages[index].message.msg_iovlen = 1;
    }
    int sent = (int)syscall(SYS_sendmmsg, socket, messages, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    for (int index = 0; index < sent; index++) {
        if (messages[index].length != parts[index].iov_len) return -2;
    }
    return sent;
}

// Landlock, in its own numbers: the headers of older systems lack what newer kernels have.
struct osc_landlock_ruleset {
    unsigned long long files, network, scoped;
};
struct osc_landlock_beneath {
    unsigned long long allowed;
    int folder;
} __attribute__((packed));

struct osc_landlock_port {
    unsigned long long allowed, port;
};

// The version of Landlock, or -1 without it.
static inline int osc_landlock_version(void) { return (int)syscall(444, NULL, 0, 1); }
static inline int osc_landlock_create(const struct osc_landlock_ruleset *rules, size_t size) {
    return (int)syscall(444, rules, size, 0);
}
static inline int osc_landlock_allow(int rules, const struct osc_landlock_beneath *rule) {
    return (int)syscall(445, rules, 1, rule, 0);
}
static inline int osc_landlock_allow_port(int rules, const struct osc_landlock_port *rule) {
    return (int)syscall(445, rules, 2, rule, 0);
}
static inline int osc_landlock_restrict(int rules) { return (int)syscall(446, rules, 0); }
