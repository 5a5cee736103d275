/*
 * park [BEFORE [AFTER]]: what runs in a guest that is saved while it sleeps, and goes on as many guests. share/park/README.md describes what
 * the host says, and what it is told.
 *
 * In a template it runs the script BEFORE, tells the host, and puts the system to sleep. When the power button wakes it, it makes a system of
 * its own out of this copy: random numbers, clock, identities, whoever may log in. Then it tells the host, and runs the script AFTER and
 * those that the host sent. In any other guest it does nothing.
 *
 * System calls and nothing else: no C library, no interpreter before the host has its answer, no allocation.
 */
#if !defined(__linux__) || !(defined(__x86_64__) || defined(__aarch64__))
#error "park is written for Linux on x86_64 and aarch64"
#endif

typedef unsigned long size;
typedef unsigned char byte;

/* MARK: System calls */

#if defined(__x86_64__)
enum {
    SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_brk = 12, SYS_ioctl = 16, SYS_pread = 17, SYS_nanosleep = 35, SYS_clone = 56,
    SYS_execve = 59, SYS_exit = 60, SYS_wait4 = 61, SYS_mlockall = 151, SYS_sync = 162, SYS_settimeofday = 164, SYS_reboot = 169,
    SYS_sethostname = 170, SYS_fsetxattr = 190, SYS_fgetxattr = 193, SYS_fchmod = 91, SYS_fchown = 93, SYS_getdents64 = 217,
    SYS_openat = 257, SYS_mkdirat = 258, SYS_unlinkat = 263, SYS_symlinkat = 266, SYS_dup3 = 292, SYS_getrandom = 318,
    SYS_renameat2 = 316, SYS_statx = 332, SYS_uname = 63, SYS_ftruncate = 77
};

static long call(long number, long a, long b, long c, long d, long e) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
}

__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call begin\n  hlt\n");
#else
enum {
    SYS_read = 63, SYS_write = 64, SYS_brk = 214, SYS_close = 57, SYS_ioctl = 29, SYS_pread = 67, SYS_nanosleep = 101, SYS_clone = 220,
    SYS_execve = 221, SYS_exit = 93, SYS_wait4 = 260, SYS_mlockall = 230, SYS_sync = 81, SYS_settimeofday = 170, SYS_reboot = 142,
    SYS_sethostname = 161, SYS_fsetxattr = 7, SYS_fgetxattr = 10, SYS_fchmod = 52, SYS_fchown = 55, SYS_getdents64 = 61,
    SYS_openat = 56, SYS_mkdirat = 34, SYS_unlinkat = 35, SYS_symlinkat = 36, SYS_dup3 = 24, SYS_getrandom = 278,
    SYS_renameat2 = 276, SYS_statx = 291, SYS_uname = 160, SYS_ftruncate = 46
};

static long call(long number, long a, long b, long c, long d, long e) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl begin\n  brk #0\n");
#endif

enum { AT_FDCWD = -100, AT_REMOVEDIR = 0x200 };
enum { O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_NOCTTY = 0400, O_TRUNC = 01000, O_APPEND = 02000,
    O_NONBLOCK = 04000, O_CLOEXEC = 02000000 };
enum { EBUSY = 16, EEXIST = 17 };
/* As random(4), rtc(4) and tty_ioctl(4) have them. */
enum { RNDADDENTROPY = 0x40085203, RNDRESEEDCRNG = 0x5207, RTC_RD_TIME = (int)0x80247009, TCSBRK = 0x5409 };

static long open_file(const char *path, int flags, int mode) {
    return call(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, mode, 0);
}
static long read_file(long file, void *to, size count) { return call(SYS_read, file, (long)to, (long)count, 0, 0); }
static void close_file(long file) { call(SYS_close, file, 0, 0, 0, 0); }
static void remove_file(const char *path) { call(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0); }
static void make_folder(const char *path, int mode) { call(SYS_mkdirat, AT_FDCWD, (long)path, mode, 0, 0); }
static void pause_ms(long ms) {
    long time[2] = {ms / 1000, ms % 1000 * 1000000};
    call(SYS_nanosleep, (long)time, 0, 0, 0, 0);
}
_Noreturn static void end(int code) {
    for (;;) call(SYS_exit, code, 0, 0, 0, 0);
}

/* MARK: Bytes. Compilers call the first three by themselves. */

void *memcpy(void *to, const void *from, size count) {
    for (size i = 0; i < count; i++) ((byte *)to)[i] = ((const byte *)from)[i];
    return to;
}
void *memset(void *to, int value, size count) {
    for (size i = 0; i < count; i++) ((volatile byte *)to)[i] = (byte)value;
    return to;
}
int memcmp(const void *one, const void *other, size count) {
    for (size i = 0; i < count; i++)
        if (((const byte *)one)[i] != ((const byte *)other)[i]) return 1;
    return 0;
}
static size length(const char *text) {
    size count = 0;
    while (text[count]) count++;
    return count;
}
static int begins(const char *text, const char *with) {
    while (*with)
        if (*text++ != *with++) return 0;
    return 1;
}
/* Puts `text` behind what `to` has; nothing where all of it finds no place. */
static int append(char *to, size limit, const char *text) {
    size have = length(to), more = length(text);
    if (have + more >= limit) return 0;
    memcpy(to + have, text, more + 1);
    return 1;
}

static int write_all(long file, const void *bytes, size count) {
    const byte *from = bytes;
    while (count > 0) {
        long written = call(SYS_write, file, (long)from, (long)count, 0, 0);
        if (written <= 0) return 0;
        from += written;
        count -= (size)written;
    }
    return 1;
}
/* The whole of a file, with a zero behind it; -1 where it cannot be read or is too long. */
static long read_all(const char *path, char *to, size limit) {
    long file = open_file(path, O_RDONLY, 0);
    if (file < 0) return -1;
    size have = 0;
    for (;;) {
        long count = read_file(file, to + have, limit - have);
        if (count < 0 || have + (size)count >= limit) {
            close_file(file);
            return -1;
        }
        if (count == 0) break;
        have += (size)count;
    }
    close_file(file);
    to[have] = 0;
    return (long)have;
}

/* MARK: What is said */

/* The serial port, where the host listens. A kernel for aarch64 may have a ttyS0 without a port behind it. */
static const char *const ports[] = {"/dev/ttyAMA0", "/dev/ttyS0", "/dev/console"};
enum { PORTS = sizeof ports / sizeof *ports };
static size port = 0;
static long console = -1;

static void open_console(void) {
    for (; port < PORTS && console < 0; port++) console = open_file(ports[port], O_WRONLY | O_NOCTTY, 0);
}

static void say(const char *word, const char *reason) {
    char line[256] = "\r\n";
    append(line, sizeof line, word);
    if (reason) {
        append(line, sizeof line, " ");
        append(line, sizeof line, reason);
    }
    append(line, sizeof line, "\r\n");
    /* One that takes nothing is none: the next is tried. */
    while (!write_all(console, line, length(line)) && port < PORTS) {
        close_file(console);
        console = -1;
        open_console();
    }
    /* Until it is out: what is asleep sends nothing. */
    call(SYS_ioctl, console, TCSBRK, 1, 0, 0);
}
/* For the journal. What fails here does not keep the guest from being used. */
static void warn(const char *what) {
    char line[256] = "park: ";
    append(line, sizeof line, what);
    append(line, sizeof line, "\n");
    write_all(2, line, length(line));
}
_Noreturn static void refuse(const char *reason) {
    say("OSCIRCULAR-NO-PARK", reason);
    end(1);
}
_Noreturn static void power_off(const char *reason) {
    say("OSCIRCULAR-NO-SESSION", reason);
    call(SYS_sync, 0, 0, 0, 0, 0);
    call(SYS_reboot, (int)0xfee1dead, 672274793, 0x4321fedc, 0, 0);
    end(1);
}

/* MARK: What the host says */

#define FW_CFG "/sys/firmware/qemu_fw_cfg/by_name/opt/oscircular/"
enum { SESSION_BYTES = 16384 };
static char session[SESSION_BYTES + 1];
static char decoded[SESSION_BYTES];

/* Reads as much as there is, up to the zeros. Whoever is woken reads the new contents: a guest asks the device each time. */
static void read_session(long file) {
    size have = 0;
    memset(session, 0, sizeof session);
    while (have < SESSION_BYTES) {
        long count = call(SYS_pread, file, (long)(session + have), (long)(SESSION_BYTES - have), (long)have, 0);
        if (count <= 0) break;
        have += (size)count;
        if (session[have - 1] == 0) break;
    }
}

static int digit(char letter) {
    if (letter >= 'A' && letter <= 'Z') return letter - 'A';
    if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9') return letter - '0' + 52;
    return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

/* The value of NAME in `decoded`, with a zero behind it. Gives the number of its bytes; -1 where it is missing or no base64. */
static long value(const char *name) {
    const char *at = session;
    size name_length = length(name);
    while (!(begins(at, name) && at[name_length] == '=')) {
        while (*at && *at != '\n') at++;
        if (!*at++) return -1;
    }
    at += name_length + 1;
    size have = 0, bits = 0;
    unsigned held = 0;
    for (; *at && *at != '\n' && *at != '='; at++) {
        int six = digit(*at);
        if (six < 0) return -1;
        held = held << 6 | (unsigned)six;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        decoded[have++] = (char)(held >> bits);
    }
    decoded[have] = 0;
    return (long)have;
}

/* MARK: Random numbers and the clock */

static int seed(long pool) {
    struct { int bits, count; byte bytes[64]; } entropy = {512, 64, {0}};
    if (value("SEED") != 64) return 0;
    memcpy(entropy.bytes, decoded, 64);
    if (call(SYS_ioctl, pool, RNDADDENTROPY, (long)&entropy, 0, 0) < 0) return 0;
    if (call(SYS_ioctl, pool, RNDRESEEDCRNG, 0, 0, 0) < 0) return 0;
    memset(&entropy, 0, sizeof entropy);
    memset(decoded, 0, 64);
    return 1;
}

/* The clock stood still while the guest was saved; the one on the board did not. It has whole seconds: half of one is the mean error. */
static void set_clock(long rtc) {
    int t[9] = {0};
    if (rtc < 0 || call(SYS_ioctl, rtc, RTC_RD_TIME, (long)t, 0, 0) < 0) {
        warn("the time cannot be read from the board's clock");
        return;
    }
    long year = t[5] + 1900L, month = t[4] + 1L;
    if (month > 2) month -= 3;
    else month += 9, year -= 1;
    long days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + t[3] - 719469;
    long now[2] = {days * 86400 + t[2] * 3600L + t[1] * 60L + t[0], 500000};
    if (call(SYS_settimeofday, (long)now, 0, 0, 0, 0) < 0) warn("the clock cannot be set");
}

/* MARK: Files */

static char contents[1 << 18];

static int write_file(const char *path, int mode, const char *bytes, size count, int flags) {
    long file = open_file(path, O_WRONLY | O_CREAT | flags, mode);
    if (file < 0) return 0;
    int done = write_all(file, bytes, count);
    close_file(file);
    return done;
}

/* In place: it may be mounted over, or linked to. */
static void make_machine_id(void) {
    static const char hex[] = "0123456789abcdef";
    byte random[16];
    char line[33];
    if (call(SYS_getrandom, (long)random, sizeof random, 0, 0, 0) != sizeof random) power_off("no random numbers");
    /* As a random UUID: sd-id128(3). */
    random[6] = (random[6] & 0x0f) | 0x40;
    random[8] = (random[8] & 0x3f) | 0x80;
    for (size i = 0; i < 16; i++) line[2 * i] = hex[random[i] >> 4], line[2 * i + 1] = hex[random[i] & 15];
    line[32] = '\n';
    static const char *const files[] = {"/etc/machine-id", "/var/lib/dbus/machine-id"};
    for (size i = 0; i < 2; i++) {
        /* Only where a system has one. */
        long file = open_file(files[i], O_WRONLY | O_TRUNC, 0);
        if (file < 0) continue;
        if (!write_all(file, line, sizeof line)) warn("the machine-id cannot be written");
        close_file(file);
    }
}

static int is_host_name(const char *name) {
    if (!*name || *name == '-' || length(name) > 63) return 0;
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9') || *name == '-')) return 0;
    return 1;
}

static void set_host_name(void) {
    static struct { char system[65], node[65], release[65], version[65], machine[65], domain[65]; } names;
    if (value("HOSTNAME") < 0 || !is_host_name(decoded)) return;
    call(SYS_uname, (long)&names, 0, 0, 0, 0);
    if (length(names.node) == length(decoded) && begins(names.node, decoded)) return;
    if (call(SYS_sethostname, (long)decoded, (long)length(decoded), 0, 0, 0) < 0) warn("the host name cannot be set");
    char line[128] = "127.0.1.1 ";
    append(line, sizeof line, decoded);
    append(line, sizeof line, "\n");
    write_file("/etc/hosts", 0644, line, length(line), O_APPEND);
    append(decoded, sizeof decoded, "\n");
    write_file("/etc/hostname", 0644, decoded, length(decoded), O_TRUNC);
}

struct account { unsigned user, group; char name[33], home[256]; };

static unsigned number(const char **at) {
    unsigned result = 0;
    while (**at >= '0' && **at <= '9') result = result * 10 + (unsigned)(*(*at)++ - '0');
    return result;
}
static const char *after_colon(const char *at) {
    while (*at && *at != ':' && *at != '\n') at++;
    return *at == ':' ? at + 1 : 0;
}

/* Whoever logs in, from /etc/passwd; root where the host says nothing. */
static int find_account(struct account *account) {
    long count = value("USER");
    const char *name = count > 0 ? decoded : "root";
    account->name[0] = 0;
    if (!append(account->name, sizeof account->name, name)) return 0;
    if (read_all("/etc/passwd", contents, sizeof contents) < 0) return 0;
    size name_length = length(account->name);
    for (const char *at = contents; *at; at++) {
        const char *next = begins(at, account->name) && at[name_length] == ':' ? after_colon(at + name_length + 1) : 0;
        if (next) {
            account->user = number(&next);
            if (*next++ != ':') return 0;
            account->group = number(&next);
            next = after_colon(next);
            next = next ? after_colon(next) : 0;
            if (!next) return 0;
            size have = 0;
            while (next[have] && next[have] != ':' && next[have] != '\n' && have + 1 < sizeof account->home) {
                account->home[have] = next[have];
                have++;
            }
            account->home[have] = 0;
            return have > 0 && account->home[0] == '/';
        }
        while (*at && *at != '\n') at++;
        if (!*at) break;
    }
    return 0;
}

static int contains(const char *text, const char *part) {
    for (; *text; text++)
        if (begins(text, part)) return 1;
    return 0;
}

/* The key that lets the host in, behind those that the image has. */
static void let_host_in(const struct account *account) {
    char folder[300] = "", path[320] = "";
    if (!append(folder, sizeof folder, account->home) || !append(folder, sizeof folder, "/.ssh")) return;
    if (!append(path, sizeof path, folder) || !append(path, sizeof path, "/authorized_keys")) return;
    long count = value("AUTHORIZED_KEY");
    if (count <= 0) return;
    long have = read_all(path, contents, sizeof contents);
    if (have > 0 && contains(contents, decoded)) return;
    if (decoded[count - 1] != '\n' && append(decoded, sizeof decoded, "\n")) count++;
    /* The last line of the image's may not be at its end. */
    int is_open = have > 0 && contents[have - 1] != '\n';
    make_folder(folder, 0700);
    long place = open_file(folder, O_RDONLY, 0);
    call(SYS_fchown, place, account->user, account->group, 0, 0);
    call(SYS_fchmod, place, 0700, 0, 0, 0);
    close_file(place);
    long file = open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || (is_open && !write_all(file, "\n", 1)) || !write_all(file, decoded, (size)count))
        warn("the host's key cannot be written");
    call(SYS_fchown, file, account->user, account->group, 0, 0);
    call(SYS_fchmod, file, 0600, 0, 0, 0);
    close_file(file);
}

/* What root logs in to the host with: it lies in memory, and root's home leads there. As the credentials of a boot do it. */
static void let_root_out(void) {
    static const char *const names[][3] = {
        {"GUEST_KEY", "/run/session/id_ed25519", "/root/.ssh/id_ed25519"},
        {"KNOWN_HOSTS", "/run/session/known_hosts", "/root/.ssh/known_hosts"},
    };
    make_folder("/root/.ssh", 0700);
    make_folder("/run/session", 0700);
    for (size i = 0; i < 2; i++) {
        long count = value(names[i][0]);
        if (count <= 0) continue;
        if (!write_file(names[i][1], 0600, decoded, (size)count, O_TRUNC)) warn("the key to the host cannot be written");
        remove_file(names[i][2]);
        call(SYS_symlinkat, (long)names[i][1], AT_FDCWD, (long)names[i][2], 0, 0);
    }
}

/* Takes the place of /etc/shadow with what that had: owner, mode, and SELinux's label. */
static int replace_shadow(const char *one, size first, const char *two, size second, const char *three, size third) {
    static const char path[] = "/etc/shadow", fresh[] = "/etc/.shadow.oscircular", label[] = "security.selinux";
    static struct { byte before[20]; unsigned user, group; unsigned short mode; byte behind[226]; } status;
    char name[256];
    if (call(SYS_statx, AT_FDCWD, (long)path, 0, 0x1a, (long)&status) < 0) return 0;
    long old = open_file(path, O_RDONLY, 0);
    long named = call(SYS_fgetxattr, old, (long)label, (long)name, sizeof name, 0);
    close_file(old);
    remove_file(fresh);
    long file = open_file(fresh, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (file < 0) return 0;
    int done = write_all(file, one, first) && write_all(file, two, second) && write_all(file, three, third)
        && call(SYS_fchown, file, status.user, status.group, 0, 0) == 0 && call(SYS_fchmod, file, status.mode & 0777, 0, 0, 0) == 0;
    if (named > 0) call(SYS_fsetxattr, file, (long)label, (long)name, named, 0);
    close_file(file);
    return done && call(SYS_renameat2, AT_FDCWD, (long)fresh, AT_FDCWD, (long)path, 0) == 0;
}

/* The password for the console. */
static void set_password(const struct account *account) {
    long count = value("PASSWORD_HASH");
    if (count <= 0) return;
    for (long i = 0; i < count; i++)
        if (decoded[i] == ':' || decoded[i] == '\n' || !decoded[i]) return;
    long have = read_all("/etc/shadow", contents, sizeof contents);
    size name_length = length(account->name);
    for (const char *at = contents; have > 0 && *at; at++) {
        if (begins(at, account->name) && at[name_length] == ':') {
            const char *field = at + name_length + 1, *rest = field;
            while (*rest && *rest != ':' && *rest != '\n') rest++;
            if (replace_shadow(contents, (size)(field - contents), decoded, (size)count, rest, (size)have - (size)(rest - contents))) return;
            break;
        }
        while (*at && *at != '\n') at++;
        if (!*at) break;
    }
    warn("the password for the console cannot be set");
}

/* MARK: Programs */

static long shell(const char *one, const char *two, const char *three, char **environment) {
    enum { SIGCHLD = 17 };
    long child = call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child != 0) return child;
    const char *arguments[] = {"/bin/sh", one, two, three, 0};
    call(SYS_execve, (long)"/bin/sh", (long)arguments, (long)environment, 0, 0);
    end(127);
}
static int wait_for(long child) {
    int status = -1;
    return child > 0 && call(SYS_wait4, child, (long)&status, 0, 0, 0) == child && status == 0;
}

/* A script that the host sent: in a file of its own, which stands in for the entry that a boot reads. PATH.done says that it did its work. */
static void run_sent(const char *name, const char *path, char **environment) {
    long count = value(name);
    if (count <= 0) return;
    remove_file(path);
    if (write_file(path, 0700, decoded, (size)count, O_EXCL))
        shell("-c", "rm -f \"$0.done\" && sh \"$0\" && : > \"$0.done\"", path, environment);
    else warn("a script that the host sent cannot be written");
}

/* MARK: Sleep */

/* Whether the processors had next to nothing to do for two seconds: then the system is up. Waits at most two minutes. */
static void wait_for_rest(void) {
    unsigned long all = 0, idle = 0;
    int quiet = 0;
    for (int round = 0; round < 240 && quiet < 4; round++) {
        unsigned long sum = 0, rest = 0;
        if (read_all("/proc/stat", contents, sizeof contents) < 0) return;
        const char *at = contents;
        while (*at && *at != ' ') at++;
        for (int field = 0; field < 8; field++) {
            while (*at == ' ') at++;
            unsigned long ticks = 0;
            while (*at >= '0' && *at <= '9') ticks = ticks * 10 + (unsigned long)(*at++ - '0');
            sum += ticks;
            if (field == 3) rest = ticks;
        }
        quiet = round > 0 && (rest - idle) * 10 >= (sum - all) * 9 ? quiet + 1 : 0;
        all = sum, idle = rest;
        pause_ms(500);
    }
}

/* What wakes it: a button that the kernel's driver has, whatever kind of driver that is. */
static int has_power_button(void) {
    if (read_all("/proc/bus/input/devices", contents, sizeof contents) > 0 && contains(contents, "\"Power Button\"")) return 1;
    long folder = open_file("/sys/bus/acpi/drivers/button", O_RDONLY, 0);
    if (folder < 0) return 0;
    int found = 0;
    long count;
    while ((count = call(SYS_getdents64, folder, (long)contents, sizeof contents, 0, 0)) > 0)
        for (long at = 0; at < count; at += *(unsigned short *)(contents + at + 16))
            found |= begins(contents + at + 19, "LNXPWRBN") || begins(contents + at + 19, "PNP0C0C");
    close_file(folder);
    return found;
}

static int can_freeze(void) {
    if (read_all("/sys/power/state", contents, sizeof contents) < 0) return 0;
    for (const char *at = contents; *at; at++)
        if (begins(at, "freeze")) return 1;
    return 0;
}

/* Returns when it was woken. What comes up while it falls asleep keeps it awake: then it tries again, unless there is a session already. */
static void sleep_until_woken(long power, long entry) {
    for (int attempt = 0; attempt < 5; attempt++) {
        long written = call(SYS_write, power, (long)"freeze", 6, 0, 0);
        read_session(entry);
        if (written == 6 || session[0]) return;
        pause_ms(200);
    }
    refuse("the kernel does not fall asleep");
}

/* MARK: For others */

/* Whether a folder has a name that begins and ends like this. */
static int has_name(const char *path, const char *first, const char *last) {
    long folder = open_file(path, O_RDONLY, 0), count;
    int found = 0;
    if (folder < 0) return 0;
    while ((count = call(SYS_getdents64, folder, (long)contents, sizeof contents, 0, 0)) > 0)
        for (long at = 0; at < count; at += *(unsigned short *)(contents + at + 16)) {
            const char *name = contents + at + 19;
            size long_enough = length(first) + length(last), all = length(name);
            found |= all > long_enough && begins(name, first) && begins(name + all - length(last), last);
        }
    close_file(folder);
    return found;
}

/* What is published, everybody can read. Of keys that a server has made there may be more than their files. */
static void refuse_secrets(void) {
    if (has_name("/etc/ssh", "ssh_host_", "_key") || has_name("/etc/dropbear", "dropbear_", "_host_key"))
        refuse("it has ssh host keys already, and all who start it would have the same");
}

/* KiB in a line of /proc/meminfo. */
static unsigned long memory(const char *name) {
    if (read_all("/proc/meminfo", contents, sizeof contents) < 0) return 0;
    for (const char *at = contents; *at; at++) {
        if (begins(at, name)) {
            at += length(name);
            while (*at == ' ') at++;
            return number(&at);
        }
        while (*at && *at != '\n') at++;
        if (!*at) break;
    }
    return 0;
}

/* What was freed keeps what was in it. A process takes nearly all that there is, which the kernel gives it as zeros, and ends. */
static void clear_memory(void) {
    enum { SIGCHLD = 17, STEP = 1 << 20, LEAST = 12 << 10 };
    long child = call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child != 0) {
        wait_for(child);
        return;
    }
    /* Where it takes too much, it is the one that goes. */
    write_file("/proc/self/oom_score_adj", 0, "1000", 4, 0);
    unsigned long rest = memory("MemTotal:") / 32;
    if (rest < LEAST) rest = LEAST;
    long from = call(SYS_brk, 0, 0, 0, 0, 0);
    while (memory("MemAvailable:") > rest) {
        long to = call(SYS_brk, from + STEP, 0, 0, 0, 0);
        if (to < from + STEP) break;
        for (long page = from; page < to; page += 4096) *(volatile byte *)page = 0;
        from = to;
    }
    end(0);
}

/* MARK: All of it */

static void run_scripts(char **environment) {
    make_folder("/run/oscircular", 0700);
    run_sent("HOME", "/run/oscircular/home", environment);
    run_sent("SHARE", "/run/oscircular/share", environment);
}

/* A guest that woke some time ago, and was restarted: what was on its disk is there, what was in memory is not. */
static void take_over(char **environment) {
    struct account account;
    if (find_account(&account)) let_host_in(&account);
    let_root_out();
    run_scripts(environment);
}

static int park(const char *before, const char *after, char **environment) {
    if (read_all(FW_CFG "park/raw", contents, sizeof contents) < 0) return 0;
    open_console();
    if (!begins(contents, "park 1\n")) refuse("this guest knows only the first form of it");
    int is_public = begins(contents, "park 1\npublic\n");
    long entry = open_file(FW_CFG "session/raw", O_RDONLY, 0);
    if (entry < 0) refuse("there is no entry for a session");
    read_session(entry);
    if (session[0]) {
        take_over(environment);
        return 0;
    }
    wait_for_rest();
    if (is_public) refuse_secrets();
    if (before && !wait_for(shell(before, 0, 0, environment))) refuse("its preparation failed");
    if (!can_freeze()) refuse("this system's kernel knows no freeze");
    if (!has_power_button()) refuse("this system's kernel has no power button, which would wake it");
    long pool = open_file("/dev/urandom", O_RDWR, 0);
    long rtc = open_file("/dev/rtc0", O_RDONLY, 0);
    long power = open_file("/sys/power/state", O_WRONLY, 0);
    if (pool < 0 || power < 0) refuse("/dev/urandom or /sys/power/state cannot be opened");
    if (is_public) clear_memory();
    /* What it needs from now on is in memory. */
    enum { MCL_CURRENT = 1, MCL_FUTURE = 2 };
    call(SYS_mlockall, MCL_CURRENT | MCL_FUTURE, 0, 0, 0, 0);
    call(SYS_sync, 0, 0, 0, 0, 0);

    say("OSCIRCULAR-PARKED", 0);
    sleep_until_woken(power, entry);

    if (!session[0]) power_off(0);
    if (!seed(pool)) power_off("no random numbers of its own");
    set_clock(rtc);
    make_machine_id();
    set_host_name();
    struct account account;
    if (find_account(&account)) {
        let_host_in(&account);
        set_password(&account);
    } else {
        warn("whoever is to log in is not in /etc/passwd");
    }
    let_root_out();
    say("OSCIRCULAR-AWAKE", 0);

    run_scripts(environment);
    if (after) shell(after, value("INSTANCE_ID") > 0 ? decoded : "", 0, environment);
    memset(session, 0, sizeof session);
    memset(decoded, 0, sizeof decoded);
    /* Whoever keeps the power button from others does so until this ends: the press that woke it may be read late. */
    pause_ms(2000);
    return 0;
}

_Noreturn __attribute__((used)) void begin(long *stack) {
    long count = stack[0];
    char **arguments = (char **)(stack + 1);
    char **environment = arguments + count + 1;
    end(park(count > 1 ? arguments[1] : 0, count > 2 ? arguments[2] : 0, environment));
}
