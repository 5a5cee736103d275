// What a layout of the cache costs, without anything else of ours.
//
//     cc -O2 -o cachelayout cachelayout.c && ./cachelayout LAYOUT FOLDER [BLOCKS [BYTES]]
//
// LAYOUT is `four` (a folder for the first four digits of a name, opened for each call: 65,536 of them), `two` (256 folders that are held
// open), `flat` (one folder) or `append` (files of 64 MiB that grow, and a file of records that says what lies where). FOLDER must not
// exist; remove it afterwards. Prints wall clock and processor milliseconds of each step.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SEGMENT = 64 << 20 };
typedef struct { uint64_t words[4]; } Id;
typedef struct { Id id; uint32_t segment, offset, length, unused; } Record;

static int count = 3200, size = 262144, root, held[256];
static const char *layout;
static char *block;

static void fail(const char *what) { perror(what); exit(1); }
static int must(int result, const char *what) { if (result < 0) fail(what); return result; }

// splitmix64: names spread like digests.
static uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}
static Id id_of(int number) {
    Id id;
    for (int i = 0; i < 4; i++) id.words[i] = mix((uint64_t)number * 4 + i);
    return id;
}
static void hex_of(Id id, char *hex) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = (const unsigned char *)&id;
    for (int i = 0; i < 32; i++) { hex[2 * i] = digits[bytes[i] >> 4]; hex[2 * i + 1] = digits[bytes[i] & 15]; }
    hex[64] = 0;
}

static double begun, used;
static double clock_of(clockid_t which) { struct timespec t; clock_gettime(which, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }
static void begin(void) { begun = clock_of(CLOCK_MONOTONIC); used = clock_of(CLOCK_PROCESS_CPUTIME_ID); }
static void end(const char *step) {
    double wall = clock_of(CLOCK_MONOTONIC) - begun, cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - used;
    printf("%-8s %-22s wall %9.1f ms  cpu %9.1f ms  %7.2f us each\n", layout, step, wall, cpu, cpu * 1e3 / count);
    fflush(stdout);
}

// The folder of a name; `own` says that the caller closes it.
static int folder_of(const char *hex, int make, int *own) {
    struct stat status;
    *own = 0;
    if (!strcmp(layout, "flat")) return root;
    if (!strcmp(layout, "two")) {
        char name[3] = {hex[0], hex[1], 0};
        int number = strtol(name, NULL, 16);
        if (held[number] < 0) {
            if (make) mkdirat(root, name, 0700);
            held[number] = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        return held[number];
    }
    char name[5] = {hex[0], hex[1], hex[2], hex[3], 0};
    must(fstat(root, &status), "fstat");
    int folder = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && make) {
        must(mkdirat(root, name, 0700), "mkdir");
        folder = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    *own = 1;
    return folder;
}

static Record *records;
static uint32_t *table, mask;
static int segments[4096], records_file;
static void learn(int number) {
    for (uint32_t slot = records[number].id.words[0] & mask;; slot = (slot + 1) & mask)
        if (!table[slot]) { table[slot] = number + 1; return; }
}
static Record *find(Id id) {
    for (uint32_t slot = id.words[0] & mask; table[slot]; slot = (slot + 1) & mask)
        if (!memcmp(&records[table[slot] - 1].id, &id, sizeof id)) return &records[table[slot] - 1];
    return NULL;
}
static int segment(uint32_t number) {
    if (segments[number] <= 0) {
        char name[32];
        snprintf(name, sizeof name, "%08u", number);
        segments[number] = must(openat(root, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600), "segment");
    }
    return segments[number];
}

static void write_block(int number) {
    Id id = id_of(number);
    memcpy(block, &id, sizeof id);
    if (!strcmp(layout, "append")) {
        uint64_t place = (uint64_t)number * size;
        uint32_t each = SEGMENT / size * size;
        Record record = {id, place / each, place % each, size, 0};
        if (pwrite(segment(record.segment), block, size, record.offset) != size) fail("pwrite");
        // After the bytes: a record that a crash leaves without them is found by the digest.
        if (write(records_file, &record, sizeof record) != sizeof record) fail("write");
        records[number] = record;
        learn(number);
        return;
    }
    char hex[65], temporary[96];
    struct stat status;
    int own;
    hex_of(id, hex);
    int folder = must(folder_of(hex, 1, &own), "folder");
    if (!fstatat(folder, hex, &status, AT_SYMLINK_NOFOLLOW)) fail("there");
    snprintf(temporary, sizeof temporary, ".%s.%d.%d.tmp", hex, getpid(), number);
    int file = must(openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), "create");
    if (write(file, block, size) != size) fail("write");
    must(renameat(folder, temporary, folder, hex), "rename");
    close(file);
    if (own) close(folder);
}

static int is_there(int number) {
    Id id = id_of(number);
    if (!strcmp(layout, "append")) return find(id) != NULL;
    char hex[65];
    struct stat status;
    int own;
    hex_of(id, hex);
    int folder = folder_of(hex, 0, &own);
    if (folder < 0) return 0;
    int result = !fstatat(folder, hex, &status, AT_SYMLINK_NOFOLLOW);
    if (own) close(folder);
    return result;
}

static int open_block(int number) {
    char hex[65];
    int own;
    hex_of(id_of(number), hex);
    int folder = must(folder_of(hex, 0, &own), "folder");
    int file = must(openat(folder, hex, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), "open");
    if (own) close(folder);
    return file;
}

static void remove_block(int number) {
    if (!strcmp(layout, "append")) {
        Record *record = find(id_of(number));
        must(fallocate(segment(record->segment), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, record->offset, record->length), "punch");
        return;
    }
    char hex[65];
    struct stat status;
    int own;
    hex_of(id_of(number), hex);
    int folder = must(folder_of(hex, 0, &own), "folder");
    must(fstatat(folder, hex, &status, AT_SYMLINK_NOFOLLOW), "stat");
    must(unlinkat(folder, hex, 0), "unlink");
    if (own) close(folder);
}

static long walk(int folder, int depth) {
    int own = must(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
    DIR *stream = fdopendir(own);
    long found = 0;
    for (struct dirent *entry; (entry = readdir(stream));) {
        struct stat status;
        if (entry->d_name[0] == '.') continue;
        if (depth && strlen(entry->d_name) < 64) {
            int below = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below < 0) continue;
            found += walk(below, depth - 1);
            close(below);
        } else if (!fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW)) {
            found++;
        }
    }
    closedir(stream);
    return found;
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    layout = argv[1];
    if (argc > 3) count = atoi(argv[3]);
    if (argc > 4) size = atoi(argv[4]);
    block = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
    for (int i = 0; i < size; i++) block[i] = mix(i);
    must(mkdir(argv[2], 0700), "mkdir");
    root = must(open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
    memset(held, -1, sizeof held);
    int appends = !strcmp(layout, "append");
    if (appends) {
        for (mask = 1; mask < 2u * count; mask *= 2) {}
        table = calloc(mask--, sizeof *table);
        records = calloc(count, sizeof *records);
        records_file = must(openat(root, "records", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600), "records");
    }
    begin();
    for (int i = 0; i < count; i++) write_block(i);
    end("write");
    if (appends) {
        begin();
        memset(table, 0, (mask + 1) * sizeof *table);
        if (pread(records_file, records, count * sizeof *records, 0) < 0) fail("pread");
        for (int i = 0; i < count; i++) learn(i);
        end("start: read records");
    }
    int there = 0;
    begin();
    for (int i = 0; i < count; i++) there += is_there(i);
    end("look for what is here");
    begin();
    for (int i = 0; i < count; i++) there += is_there(count + i);
    end("look for what is not");
    if (there != count) return 1;
    begin();
    for (int i = 0; i < count; i++) {
        if (appends) {
            Record *record = find(id_of(i));
            if (pread(segment(record->segment), block, size, record->offset) != size) fail("pread");
        } else {
            int file = open_block(i);
            if (pread(file, block, size, 0) != size) fail("pread");
            close(file);
        }
    }
    end("read each whole");
    int files[1024], several = count < 1024 ? count : 1024;
    if (!appends) for (int i = 0; i < several; i++) files[i] = open_block(i);
    begin();
    for (int i = 0; i < count * 16; i++) {
        uint64_t random = mix(i);
        int number = random % several, offset = size > 4096 ? (random >> 32) % (size / 4096) * 4096 : 0, length = size < 4096 ? size : 4096;
        if (appends) {
            Record *record = find(id_of(number));
            if (pread(segment(record->segment), block, length, record->offset + offset) != length) fail("pread");
        } else if (pread(files[number], block, length, offset) != length) {
            fail("pread");
        }
    }
    end("16 random reads each");
    if (!appends) for (int i = 0; i < several; i++) close(files[i]);
    begin();
    long found = appends ? count : walk(root, 1);
    if (found != count) return 1;
    end("walk");
    begin();
    for (int i = 0; i < count; i += 2) remove_block(i);
    end("evict half");
    return 0;
}
