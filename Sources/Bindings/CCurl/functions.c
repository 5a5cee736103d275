// libcurl's functions, each looked up in the library at its first call. A third of a program's start went to libcurl and the thirty libraries
// that come along, and a list of what is known begins no transfer (docs/decisions/0113).
#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *library;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(failure, sizeof failure, "%s", dlerror());
}

const char *osc_curl_load(void) {
    pthread_once(&once, load);
    return library ? NULL : failure;
}

static void *find(const char *name) {
    void *function = osc_curl_load() ? NULL : dlsym(library, name);
    if (function) return function;
    // All of them are in every libcurl since 7.83, and osc_curl_load was to be asked first.
    fprintf(stderr, "libcurl has no %s\n", name);
    abort();
}

// A function of libcurl. Threads that look it up at the same time find the same.
#define FOUND(name) \
    ({ \
        static void *found; \
        void *function = __atomic_load_n(&found, __ATOMIC_RELAXED); \
        if (!function) __atomic_store_n(&found, function = find(#name), __ATOMIC_RELAXED); \
        (__typeof__(&name))function; \
    })

// Hidden: libraries that need libcurl must not find these in place of its own.
#define FORWARD(result, name, parameters, arguments) \
    __attribute__((visibility("hidden"))) result name parameters { return FOUND(name) arguments; }

FORWARD(CURLcode, curl_global_init, (long flags), (flags))
FORWARD(void, curl_free, (void *memory), (memory))

FORWARD(CURL *, curl_easy_init, (void), ())
FORWARD(void, curl_easy_cleanup, (CURL *easy), (easy))
FORWARD(void, curl_easy_reset, (CURL *easy), (easy))
FORWARD(const char *, curl_easy_strerror, (CURLcode code), (code))
FORWARD(CURLHcode, curl_easy_header,
    (CURL *easy, const char *name, size_t index, unsigned int origin, int request, struct curl_header **header),
    (easy, name, index, origin, request, header))

FORWARD(CURLM *, curl_multi_init, (void), ())
FORWARD(CURLMcode, curl_multi_cleanup, (CURLM *multi), (multi))
FORWARD(CURLMcode, curl_multi_add_handle, (CURLM *multi, CURL *easy), (multi, easy))
FORWARD(CURLMcode, curl_multi_remove_handle, (CURLM *multi, CURL *easy), (multi, easy))
FORWARD(CURLMcode, curl_multi_perform, (CURLM *multi, int *running), (multi, running))
FORWARD(CURLMsg *, curl_multi_info_read, (CURLM *multi, int *left), (multi, left))
FORWARD(CURLMcode, curl_multi_poll,
    (CURLM *multi, struct curl_waitfd others[], unsigned int count, int milliseconds, int *ready),
    (multi, others, count, milliseconds, ready))
FORWARD(CURLMcode, curl_multi_wakeup, (CURLM *multi), (multi))

FORWARD(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text), (list, text))
FORWARD(void, curl_slist_free_all, (struct curl_slist *list), (list))

FORWARD(CURLU *, curl_url, (void), ())
FORWARD(void, curl_url_cleanup, (CURLU *url), (url))
FORWARD(CURLUcode, curl_url_set, (CURLU *url, CURLUPart part, const char *text, unsigned int flags), (url, part, text, flags))

CURLUcode osc_curl_url_get(CURLU *url, CURLUPart part, char **text) { return FOUND(curl_url_get)(url, part, text, 0); }

#define SET(name, type) \
    CURLcode name(CURL *easy, CURLoption option, type value) { return FOUND(curl_easy_setopt)(easy, option, value); }

SET(osc_curl_set_long, long)
SET(osc_curl_set_offset, curl_off_t)
SET(osc_curl_set_text, const char *)
SET(osc_curl_set_pointer, void *)

CURLcode osc_curl_set_write(CURL *easy, curl_write_callback function) {
    return FOUND(curl_easy_setopt)(easy, CURLOPT_WRITEFUNCTION, function);
}
CURLcode osc_curl_set_open_socket(CURL *easy, curl_opensocket_callback function) {
    return FOUND(curl_easy_setopt)(easy, CURLOPT_OPENSOCKETFUNCTION, function);
}
CURLcode osc_curl_set_prereq(CURL *easy, curl_prereq_callback function) {
    return FOUND(curl_easy_setopt)(easy, CURLOPT_PREREQFUNCTION, function);
}

#define GET(name, type) \
    CURLcode name(CURL *easy, CURLINFO info, type *value) { return FOUND(curl_easy_getinfo)(easy, info, value); }

GET(osc_curl_get_long, long)
GET(osc_curl_get_offset, curl_off_t)
GET(osc_curl_get_text, char *)

CURLMcode osc_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return FOUND(curl_multi_setopt)(multi, option, value);
}
