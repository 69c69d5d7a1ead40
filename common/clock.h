// Time for people (wall) and for intervals (CLOCK_BOOTTIME, which goes on while the host is
// suspended).
#pragma once

#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace handoff {

// Nanoseconds of CLOCK_BOOTTIME. Comparable only on one host within one boot.
struct BootTime {
  int64_t ns = 0;
  friend auto operator<=>(const BootTime&, const BootTime&) = default;
  friend BootTime operator+(BootTime t, absl::Duration d) {
    return {t.ns + absl::ToInt64Nanoseconds(d)};
  }
  friend absl::Duration operator-(BootTime a, BootTime b) { return absl::Nanoseconds(a.ns - b.ns); }
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  virtual BootTime Boot() const = 0;
};

class RealClock final : public Clock {
 public:
  absl::Time Now() const override;
  BootTime Boot() const override;
};

}  // namespace handoff
