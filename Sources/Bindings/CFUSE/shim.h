#pragma once
// libfuse's API level: 3.12 has fuse_loop_cfg and runs on Debian 12 (3.14) and later.
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_log.h>
#include <fuse3/fuse_lowlevel.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// fuse_session_new and fuse_session_loop_mt are macros over versioned names in libfuse 3.17, which Swift does not see.
static inline struct fuse_session *osc_fuse_session_new(
    int argc, char **argv, const struct fuse_lowlevel_ops *operations, void *userdata) {
    struct fuse_args arguments = FUSE_ARGS_INIT(argc, argv);
    struct fuse_session *session = fuse_session_new(&arguments, operations, sizeof(*operations), userdata);
    fuse_opt_free_args(&arguments);
    return session;
}

// Answers the kernel's first request, INIT: when this returns, the kernel has taken the answer. The size of the request; 0 or less says
// that there is none.
static inline int osc_fuse_answer_init(struct fuse_session *session) {
    struct fuse_buf request = {0};
    int size;
    do size = fuse_session_receive_buf(session, &request);
    while (size == -EINTR);
    if (size > 0) fuse_session_process_buf(session, &request);
    free(request.mem);
    return size;
}

static inline int osc_fuse_session_loop(struct fuse_session *session, unsigned threads) {
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config) return -1;
    fuse_loop_cfg_set_max_threads(config, threads);
    fuse_loop_cfg_set_idle_threads(config, threads);
    int result = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return result;
}

// `want` and the FUSE_CAP_ constants change their width between 3.14 and 3.17. Splice is 2 to 4 times slower than a copy
// here; the file never changes, so cached pages need no check of its times.
static inline void osc_fuse_choose_capabilities(struct fuse_conn_info *connection, int parallel_direct_reads) {
    connection->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_AUTO_INVAL_DATA
        | FUSE_CAP_ASYNC_DIO);
    connection->want |= connection->capable & (FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS);
    if (parallel_direct_reads) connection->want |= connection->capable & FUSE_CAP_ASYNC_DIO;
}

// Bit fields of fuse_file_info moved in 3.17.
static inline void osc_fuse_keep_cache(struct fuse_file_info *file) { file->keep_cache = 1; }

// Swift cannot take a va_list in a C callback. Swift defines osc_fuse_log (LibraryLog.swift).
void osc_fuse_log(int level, const char *text);
static inline void osc_fuse_format_log(enum fuse_log_level level, const char *format, va_list arguments) {
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    osc_fuse_log((int)level, text);
}
static inline void osc_fuse_take_log(void) { fuse_set_log_func(osc_fuse_format_log); }

// sys/mount.h clashes with linux/fs.h, which other modules include.
static const int osc_MNT_FORCE = 1;
static const int osc_MNT_DETACH = 2;
static const int osc_UMOUNT_NOFOLLOW = 8;
static inline int osc_umount2(const char *path, int flags) {
    extern int umount2(const char *, int);
    return umount2(path, flags);
}
