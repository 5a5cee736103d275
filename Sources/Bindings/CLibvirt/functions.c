// libvirt's functions, each looked up in the library at its call. A program that is linked to it spends a third of its start on
// the forty libraries that come along, and `list` or `mount` never use it (docs/decisions/0012).
#include "CLibvirt.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    library = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(failure, sizeof failure, "%s", dlerror());
}

const char *osc_libvirt_load(void) {
    pthread_once(&once, load);
    return library ? NULL : failure;
}

static void *find(const char *name) {
    void *function = osc_libvirt_load() ? NULL : dlsym(library, name);
    if (function) return function;
    // All of them are in every libvirt since 3.0, and osc_libvirt_load was to be asked first.
    fprintf(stderr, "libvirt has no %s\n", name);
    abort();
}

// Hidden: libvirt must not find these in place of its own.
#define FORWARD(result, name, parameters, arguments) \
    __attribute__((visibility("hidden"))) result name parameters { \
        return ((__typeof__(&name))find(#name))arguments; \
    }

FORWARD(int, virInitialize, (void), ())
FORWARD(void, virSetErrorFunc, (void *data, virErrorFunc handler), (data, handler))
FORWARD(virErrorPtr, virGetLastError, (void), ())

FORWARD(int, virEventRegisterDefaultImpl, (void), ())
FORWARD(int, virEventRunDefaultImpl, (void), ())
FORWARD(int, virEventAddTimeout, (int frequency, virEventTimeoutCallback callback, void *data, virFreeCallback end),
    (frequency, callback, data, end))

FORWARD(virConnectPtr, virConnectOpen, (const char *name), (name))
FORWARD(int, virConnectClose, (virConnectPtr connection), (connection))
FORWARD(int, virConnectIsAlive, (virConnectPtr connection), (connection))
FORWARD(int, virConnectSetKeepAlive, (virConnectPtr connection, int interval, unsigned int count), (connection, interval, count))
FORWARD(int, virConnectGetVersion, (virConnectPtr connection, unsigned long *version), (connection, version))
FORWARD(char *, virConnectGetCapabilities, (virConnectPtr connection), (connection))
FORWARD(char *, virConnectGetDomainCapabilities,
    (virConnectPtr connection, const char *emulator, const char *architecture, const char *machine, const char *type, unsigned int flags),
    (connection, emulator, architecture, machine, type, flags))
FORWARD(int, virConnectRegisterCloseCallback,
    (virConnectPtr connection, virConnectCloseFunc callback, void *data, virFreeCallback end), (connection, callback, data, end))
FORWARD(int, virConnectUnregisterCloseCallback, (virConnectPtr connection, virConnectCloseFunc callback), (connection, callback))
FORWARD(int, virConnectDomainEventRegisterAny,
    (virConnectPtr connection, virDomainPtr domain, int event, virConnectDomainEventGenericCallback callback, void *data,
        virFreeCallback end),
    (connection, domain, event, callback, data, end))
FORWARD(int, virConnectDomainEventDeregisterAny, (virConnectPtr connection, int number), (connection, number))

FORWARD(virDomainPtr, virDomainCreateXML, (virConnectPtr connection, const char *xml, unsigned int flags), (connection, xml, flags))
FORWARD(virDomainPtr, virDomainLookupByName, (virConnectPtr connection, const char *name), (connection, name))
FORWARD(const char *, virDomainGetName, (virDomainPtr domain), (domain))
FORWARD(int, virDomainGetUUIDString, (virDomainPtr domain, char *text), (domain, text))
FORWARD(char *, virDomainGetXMLDesc, (virDomainPtr domain, unsigned int flags), (domain, flags))
FORWARD(int, virDomainGetState, (virDomainPtr domain, int *state, int *reason, unsigned int flags), (domain, state, reason, flags))
FORWARD(int, virDomainGetInfo, (virDomainPtr domain, virDomainInfoPtr information), (domain, information))
FORWARD(int, virDomainSuspend, (virDomainPtr domain), (domain))
FORWARD(int, virDomainResume, (virDomainPtr domain), (domain))
FORWARD(int, virDomainShutdown, (virDomainPtr domain), (domain))
FORWARD(int, virDomainAttachDeviceFlags, (virDomainPtr domain, const char *xml, unsigned int flags), (domain, xml, flags))
FORWARD(int, virDomainDestroy, (virDomainPtr domain), (domain))
FORWARD(int, virDomainFree, (virDomainPtr domain), (domain))

FORWARD(virConnectPtr, virDomainGetConnect, (virDomainPtr domain), (domain))
FORWARD(char *, virDomainScreenshot, (virDomainPtr domain, virStreamPtr stream, unsigned int screen, unsigned int flags),
    (domain, stream, screen, flags))
FORWARD(virStreamPtr, virStreamNew, (virConnectPtr connection, unsigned int flags), (connection, flags))
FORWARD(int, virStreamRecv, (virStreamPtr stream, char *data, size_t count), (stream, data, count))
FORWARD(int, virStreamFinish, (virStreamPtr stream), (stream))
FORWARD(int, virStreamAbort, (virStreamPtr stream), (stream))
FORWARD(int, virStreamFree, (virStreamPtr stream), (stream))

int osc_libvirt_compare_processor(
    virConnectPtr connection, const char *architecture, const char *machine, const char *type, const char *processor) {
    // Since libvirt 4.4.
    __typeof__(&virConnectCompareHypervisorCPU) compare =
        osc_libvirt_load() ? NULL : (__typeof__(compare))dlsym(library, "virConnectCompareHypervisorCPU");
    return compare ? compare(connection, NULL, architecture, machine, type, processor, 0) : -1;
}

// In a library of its own, which comes with the other.
static int (*monitor)(virDomainPtr, const char *, char **, unsigned int);
static int (*monitor_with_files)(
    virDomainPtr, const char *, unsigned int, int *, unsigned int *, int **, char **, unsigned int);
static pthread_once_t monitor_once = PTHREAD_ONCE_INIT;

static void load_monitor(void) {
    void *qemu = dlopen("libvirt-qemu.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!qemu) return;
    monitor = (__typeof__(monitor))dlsym(qemu, "virDomainQemuMonitorCommand");
    // Since libvirt 8.2.
    monitor_with_files = (__typeof__(monitor_with_files))dlsym(qemu, "virDomainQemuMonitorCommandWithFiles");
}

char *osc_libvirt_ask(virDomainPtr domain, const char *command, int file) {
    pthread_once(&monitor_once, load_monitor);
    char *answer = NULL;
    if (file < 0) return monitor && monitor(domain, command, &answer, 0) >= 0 ? answer : NULL;
    return monitor_with_files && monitor_with_files(domain, command, 1, &file, NULL, NULL, &answer, 0) >= 0 ? answer : NULL;
}

int osc_libvirt_passes_files(void) {
    pthread_once(&monitor_once, load_monitor);
    return monitor_with_files != NULL;
}

int osc_libvirt_monitor(virDomainPtr domain, const char *command) {
    char *answer = osc_libvirt_ask(domain, command, -1);
    if (!answer) return -1;
    // QEMU's refusals are answers, too.
    int result = strstr(answer, "\"error\"") ? -1 : 0;
    free(answer);
    return result;
}
