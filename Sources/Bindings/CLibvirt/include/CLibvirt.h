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

// Whether guests of a kind can have a processor (libvirt's XML) here: 0 where it lacks something, more where it does not, -1 where libvirt
// does not say.
int osc_libvirt_compare_processor(
    virConnectPtr connection, const char *architecture, const char *machine, const char *type, const char *processor);

// Whether this libvirt hands descriptors to QEMU.
int osc_libvirt_passes_files(void);
