#pragma once
#include <stdint.h>

// What systemd's logind says, by sd-bus of libsystemd, which is loaded at its first use: nobody needs its headers, and most sessions never
// ask. One thread uses one of these.
typedef struct osc_logind osc_logind;

enum osc_logind_event {
    osc_logind_nothing = 0,
    osc_logind_sleep_begins = 1,
    osc_logind_sleep_ended = 2,
    osc_logind_shutdown_begins = 4,
    osc_logind_session_ended = 8,
};

// Connects to the system's bus, and hears logind's signals from now on.
// - Returns: 0, or a negative errno; -ENOSYS where there is no libsystemd.
int osc_logind_open(osc_logind **result);
void osc_logind_close(osc_logind *logind);

// What was heard, one at a time; osc_logind_nothing where nothing is left now, or a negative errno when the bus is gone. Does not wait.
int osc_logind_next(osc_logind *logind);
// For poll; readable when there may be something.
int osc_logind_descriptor(osc_logind *logind);

// Delays what is named ("sleep", "shutdown", joined by ':') as long as the descriptor is open, and at most for logind's own time.
// - Returns: the descriptor, or a negative errno.
int osc_logind_inhibit(osc_logind *logind, const char *what, const char *who, const char *why);

// How many sessions a user has, or a negative errno.
int osc_logind_sessions(osc_logind *logind, uint32_t user);
