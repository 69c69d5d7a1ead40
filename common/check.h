// CHECK: for what cannot happen. On in release builds: a daemon with a broken invariant must stop.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace handoff {
[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}
}  // namespace handoff

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::handoff::CheckFailed(#condition, __FILE__, __LINE__))
