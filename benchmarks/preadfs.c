// preadfs FILE DIR [LOG]: one file, read through the leanest FUSE server there can be: a pread and a reply. The limit for mounted
// reads. Same kernel settings as Sources/Bindings/FUSE. Stays until DIR is unmounted.
// With LOG it also tells where it was read: a line with offset and length for each read.
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST = 1 << 20, THREADS = 16 };
static int source;
static struct stat status;
static FILE *reads;
static const double validity = 86400;

static void attributes(fuse_ino_t number, struct stat *result) {
    memset(result, 0, sizeof *result);
    result->st_ino = number;
    result->st_mode = number == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0444;
    result->st_nlink = 1;
    result->st_size = number == FUSE_ROOT_ID ? 0 : status.st_size;
}

static void start(void *data, struct fuse_conn_info *connection) {
    connection->max_read = LONGEST;
    connection->max_background = 256;
    connection->congestion_threshold = 192;
    connection->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_AUTO_INVAL_DATA);
    connection->want |= connection->capable & (FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_DIO);
}

static void look_up(fuse_req_t request, fuse_ino_t parent, const char *name) {
    if (parent != FUSE_ROOT_ID || strcmp(name, "image") != 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    struct fuse_entry_param entry = {.ino = 2, .attr_timeout = validity, .entry_timeout = validity};
    attributes(2, &entry.attr);
    fuse_reply_entry(request, &entry);
}

static void get_attributes(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    struct stat result;
    attributes(number, &result);
    fuse_reply_attr(request, &result, validity);
}

static void open_file(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    file->keep_cache = 1;
    fuse_reply_open(request, file);
}

static void read_file(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *file) {
    static __thread char *buffer;
    if (!buffer && posix_memalign((void **)&buffer, 4096, LONGEST) != 0) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    if (reads) fprintf(reads, "%lld %zu\n", (long long)offset, size);
    ssize_t count = pread(source, buffer, size < LONGEST ? size : LONGEST, offset);
    if (count < 0) {
        fuse_reply_err(request, errno);
    } else {
        fuse_reply_buf(request, buffer, count);
    }
}

int main(int count, char **arguments) {
    if (count < 3 || (source = open(arguments[1], O_RDONLY | O_CLOEXEC)) < 0 || fstat(source, &status) != 0) return 64;
    if (count > 3 && !(reads = fopen(arguments[3], "we"))) return 73;
    char *options[] = {"preadfs", "-o", "ro,fsname=preadfs,max_read=1048576"};
    struct fuse_args arguments_of_fuse = FUSE_ARGS_INIT(3, options);
    const struct fuse_lowlevel_ops operations = {
        .init = start, .lookup = look_up, .getattr = get_attributes, .open = open_file, .read = read_file};
    struct fuse_session *session = fuse_session_new(&arguments_of_fuse, &operations, sizeof operations, NULL);
    if (!session || fuse_set_signal_handlers(session) != 0 || fuse_session_mount(session, arguments[2]) != 0) return 69;
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, THREADS);
    fuse_loop_cfg_set_idle_threads(config, THREADS);
    fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return reads && fclose(reads) != 0 ? 73 : 0;
}
