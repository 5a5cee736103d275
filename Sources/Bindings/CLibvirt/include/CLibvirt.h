#pragma once
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/// Loads libvirt, once. Nothing else of libvirt may be called before this gave NULL.
/// - Returns: NULL, or what the dynamic loader says; it stays valid.
const char *osc_libvirt_load(void);
