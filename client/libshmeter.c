/*
 * libshmeter.so: the header's functions as symbols, updates included, for foreign-function interfaces and for programs
 * built with SHMETER_LINK.
 */
#define SHMETER_BUILD_LIBRARY 1
#include "shmeter.h"
#include "shmeter_path.h"
