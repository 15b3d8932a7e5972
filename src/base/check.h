#pragma once

#include <cstdio>
#include <cstdlib>

// Aborts when an invariant of our own code is broken. Never for outside input: that gets an Error.
#define AEGIS_CHECK(condition)                                                            \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "aegis: broken invariant %s at %s:%d\n", #condition, __FILE__, \
                   __LINE__);                                                             \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
