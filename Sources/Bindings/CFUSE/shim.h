#pragma once
// libfuse's API level: 3.12 has fuse_loop_cfg and runs on Debian 12 (3.14) and later.
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>
