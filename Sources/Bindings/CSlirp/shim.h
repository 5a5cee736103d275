#pragma once
#include <slirp/libslirp.h>
