#pragma once
#include <seccomp.h>

// Function-like macros and casts, which Swift does not import.
static inline uint32_t osc_seccomp_allow(void) { return SCMP_ACT_ALLOW; }
static inline uint32_t osc_seccomp_errno(int code) { return SCMP_ACT_ERRNO(code); }
static inline uint32_t osc_seccomp_kill_process(void) { return SCMP_ACT_KILL_PROCESS; }
static inline int osc_seccomp_is_unknown(int number) { return number == __NR_SCMP_ERROR; }
