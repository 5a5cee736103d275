// sd-bus, each function looked up in the library at its first use (docs/decisions/0085).
#include "CLogind.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

typedef struct sd_bus sd_bus;
typedef struct sd_bus_slot sd_bus_slot;
typedef struct sd_bus_message sd_bus_message;
typedef struct { const char *name, *message; int need_free; } sd_bus_error;
typedef int (*handler)(sd_bus_message *, void *, sd_bus_error *);

#define FUNCTIONS(X) \
    X(int, sd_bus_open_system, (sd_bus **)) \
    X(sd_bus *, sd_bus_flush_close_unref, (sd_bus *)) \
    X(int, sd_bus_match_signal, \
        (sd_bus *, sd_bus_slot **, const char *, const char *, const char *, const char *, handler, void *)) \
    X(int, sd_bus_call_method, \
        (sd_bus *, const char *, const char *, const char *, const char *, sd_bus_error *, sd_bus_message **, const char *, ...)) \
    X(int, sd_bus_message_read, (sd_bus_message *, const char *, ...)) \
    X(int, sd_bus_message_enter_container, (sd_bus_message *, char, const char *)) \
    X(sd_bus_message *, sd_bus_message_unref, (sd_bus_message *)) \
    X(int, sd_bus_process, (sd_bus *, sd_bus_message **)) \
    X(int, sd_bus_get_fd, (sd_bus *)) \
    X(void, sd_bus_error_free, (sd_bus_error *))

#define DECLARE(result, name, parameters) static result(*call_##name) parameters;
FUNCTIONS(DECLARE)

static int is_loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    is_loaded = 1;
#define FIND(result, name, parameters) \
    call_##name = (__typeof__(call_##name))dlsym(library, #name); \
    if (!call_##name) is_loaded = 0;
    FUNCTIONS(FIND)
}

struct osc_logind {
    sd_bus *bus;
    int heard;
};

static const char *const service = "org.freedesktop.login1";
static const char *const path = "/org/freedesktop/login1";
static const char *const manager = "org.freedesktop.login1.Manager";

static int prepares(sd_bus_message *message, struct osc_logind *logind, int begins, int ended) {
    int is_beginning = 0;
    if (call_sd_bus_message_read(message, "b", &is_beginning) >= 0) logind->heard |= is_beginning ? begins : ended;
    return 0;
}

static int hear_sleep(sd_bus_message *message, void *logind, sd_bus_error *error) {
    (void)error;
    return prepares(message, logind, osc_logind_sleep_begins, osc_logind_sleep_ended);
}

static int hear_shutdown(sd_bus_message *message, void *logind, sd_bus_error *error) {
    (void)error;
    return prepares(message, logind, osc_logind_shutdown_begins, 0);
}

static int hear_end(sd_bus_message *message, void *logind, sd_bus_error *error) {
    (void)message;
    (void)error;
    ((struct osc_logind *)logind)->heard |= osc_logind_session_ended;
    return 0;
}

int osc_logind_open(osc_logind **result) {
    pthread_once(&once, load);
    if (!is_loaded) return -ENOSYS;
    struct osc_logind *logind = calloc(1, sizeof *logind);
    if (!logind) return -ENOMEM;
    int code = call_sd_bus_open_system(&logind->bus);
    const struct { const char *name; handler handler; } signals[] = {
        {"PrepareForSleep", hear_sleep}, {"PrepareForShutdown", hear_shutdown}, {"SessionRemoved", hear_end}};
    for (int i = 0; code >= 0 && i < 3; i++)
        code = call_sd_bus_match_signal(
            logind->bus, NULL, service, path, manager, signals[i].name, signals[i].handler, logind);
    if (code < 0) {
        osc_logind_close(logind);
        return code;
    }
    *result = logind;
    return 0;
}

void osc_logind_close(osc_logind *logind) {
    if (logind->bus) call_sd_bus_flush_close_unref(logind->bus);
    free(logind);
}

int osc_logind_next(osc_logind *logind) {
    while (!logind->heard) {
        int code = call_sd_bus_process(logind->bus, NULL);
        if (code < 0) return code;
        if (code == 0 && !logind->heard) return osc_logind_nothing;
    }
    int event = logind->heard & -logind->heard;
    logind->heard &= ~event;
    return event;
}

int osc_logind_descriptor(osc_logind *logind) { return call_sd_bus_get_fd(logind->bus); }

int osc_logind_inhibit(osc_logind *logind, const char *what, const char *who, const char *why) {
    sd_bus_error error = {0};
    sd_bus_message *reply = NULL;
    int code = call_sd_bus_call_method(
        logind->bus, service, path, manager, "Inhibit", &error, &reply, "ssss", what, who, why, "delay");
    int file = -1;
    if (code >= 0) code = call_sd_bus_message_read(reply, "h", &file);
    // The message's own descriptor goes with it.
    if (code >= 0) {
        file = fcntl(file, F_DUPFD_CLOEXEC, 3);
        code = file < 0 ? -errno : file;
    }
    if (reply) call_sd_bus_message_unref(reply);
    call_sd_bus_error_free(&error);
    return code;
}

int osc_logind_sessions(osc_logind *logind, uint32_t user) {
    sd_bus_error error = {0};
    sd_bus_message *reply = NULL;
    int code = call_sd_bus_call_method(logind->bus, service, path, manager, "ListSessions", &error, &reply, "");
    if (code >= 0) code = call_sd_bus_message_enter_container(reply, 'a', "(susso)");
    int count = 0;
    while (code >= 0) {
        const char *id, *name, *seat, *object;
        uint32_t owner;
        code = call_sd_bus_message_read(reply, "(susso)", &id, &owner, &name, &seat, &object);
        if (code <= 0) break;
        if (owner == user) count++;
    }
    if (reply) call_sd_bus_message_unref(reply);
    call_sd_bus_error_free(&error);
    return code < 0 ? code : count;
}
