// Tells ThreadSanitizer how Swift's runtime orders threads. The runtime and the slow paths of `Mutex` are not instrumented: without this,
// every contended lock and every object that two threads held one after the other looks like a race. Linked into each program of that build.
// Nothing is said here that does not order memory: a release, and what acquires it; retaining orders nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

// The real function that one of ours stands before.
static void *real(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function) return function;
    fprintf(stderr, "Tests/Sanitizers/runtime.c: this Swift has no %s\n", name);
    abort();
}
#define REAL(type, name) static _Atomic(void *) found; \
    void *now = atomic_load(&found); \
    if (!now) atomic_store(&found, now = real(name)); \
    __typeof__(type) function = (__typeof__(type))now

// Synchronization.Mutex (LinuxImpl.swift): the fast paths are atomic operations in the caller's code, which is instrumented; these ask the
// kernel. `self` is the lock's word.
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void osc_lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void osc_lock_slow(uint32_t thread, SELF) {
    REAL(SWIFT void (*)(uint32_t, SELF), LOCK);
    function(thread, self);
    __tsan_acquire(self);
}

SWIFT bool osc_try_lock_slow(SELF) __asm__(TRY_LOCK);
SWIFT bool osc_try_lock_slow(SELF) {
    REAL(SWIFT bool (*)(SELF), TRY_LOCK);
    bool is_locked = function(self);
    if (is_locked) __tsan_acquire(self);
    return is_locked;
}

SWIFT void osc_unlock_slow(SELF) __asm__(UNLOCK);
SWIFT void osc_unlock_slow(SELF) {
    REAL(SWIFT void (*)(SELF), UNLOCK);
    __tsan_release(self);
    function(self);
}

// A task that is resumed before it waits goes on without being scheduled, of which the runtime says nothing. `self` points to a continuation,
// which is one reference to an object that has the task after its header (CheckedContinuation.swift). A task that goes on gives back memory.
extern void *swift_task_getCurrent(void) __attribute__((swiftcall));

#define RESUME(name, symbol) \
    SWIFT void name(void *value, void *type, SELF) __asm__(symbol); \
    SWIFT void name(void *value, void *type, SELF) { \
        REAL(SWIFT void (*)(void *, void *, SELF), symbol); \
        void *task = atomic_load((_Atomic(void *) *)(*(char **)self + 2 * sizeof(void *))); \
        if (task) __tsan_release(task); \
        function(value, type, self); \
    }
RESUME(osc_resume_returning, "$sScC6resume9returningyxn_tF")
RESUME(osc_resume_throwing, "$sScC6resume8throwingyq_n_tF")

SWIFT void swift_task_dealloc(void *memory) {
    REAL(SWIFT void (*)(void *), "swift_task_dealloc");
    void *task = swift_task_getCurrent();
    if (task) __tsan_acquire(task);
    function(memory);
}

// Counts of references: whoever gives up a reference is done with the object before it is changed in place or taken apart by whoever has the
// last one. (Between the look at the count and the release another thread may come; it would have to be within nanoseconds.)
extern size_t swift_retainCount(void *object);

static void give_up(void *object, uint32_t count) {
    // Not an object, but a small string in a pointer's place.
    if ((intptr_t)object <= 0) return;
    // Spare bits of a pointer that may also be something else.
    object = (void *)((uintptr_t)object & 0x00fffffffffffff8);
    if (swift_retainCount(object) > count) __tsan_release(object);
    else __tsan_acquire(object);
}

#define RELEASE(name) \
    void name(void *object) { \
        REAL(void (*)(void *), #name); \
        give_up(object, 1); \
        function(object); \
    } \
    void name##_n(void *object, uint32_t count) { \
        REAL(void (*)(void *, uint32_t), #name "_n"); \
        give_up(object, count); \
        function(object, count); \
    }
RELEASE(swift_release)
RELEASE(swift_bridgeObjectRelease)

// Copy on write: the one who has the only reference changes the object in place.
#define UNIQUE(name) \
    bool name(void *object) { \
        REAL(bool (*)(void *), #name); \
        bool is_unique = function(object); \
        if (is_unique && (intptr_t)object > 0) __tsan_acquire(object); \
        return is_unique; \
    }
UNIQUE(swift_isUniquelyReferenced_native)
UNIQUE(swift_isUniquelyReferenced_nonNull_native)
UNIQUE(swift_isUniquelyReferencedNonObjC)
UNIQUE(swift_isUniquelyReferencedNonObjC_nonNull)

// libfuse cancels its threads when a mount has ended. ThreadSanitizer ends the process when one is cancelled in a call that it watches; they
// end without it, for the kernel has told each of them that the mount is gone.
int pthread_cancel(unsigned long thread) {
    (void)thread;
    return 0;
}
