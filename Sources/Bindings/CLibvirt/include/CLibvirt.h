#pragma once
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/// Loads libvirt, once. Nothing else of libvirt may be called before this gave NULL.
/// - Returns: NULL, or what the dynamic loader says; it stays valid.
const char *osc_libvirt_load(void);

// Gives QEMU a command of its own (QMP, as JSON). -1 when it was not carried out; libvirt's last error says why, if it was libvirt.
int osc_libvirt_monitor(virDomainPtr domain, const char *command);

// The same, with QEMU's answer (JSON), which the caller frees; an answer may be a refusal. NULL as above.
// file: a descriptor that QEMU gets along with the command; -1 for none.
char *osc_libvirt_ask(virDomainPtr domain, const char *command, int file);

// Whether this libvirt hands descriptors to QEMU.
int osc_libvirt_passes_files(void);
