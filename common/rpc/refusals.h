// Connections that were turned away: counted, and told in one line a second at most, however many
// there are.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace handoff {

enum class Refusal {
  kPeerLimit,       // too many of one address
  kTotalLimit,      // too many altogether
  kNoDescriptor,    // this process can open nothing any more
  kNoTls,           // random bytes, HTTP, plaintext
  kOldTls,          // below 1.2
  kNoCertificate,   // TLS, but the peer showed no certificate
  kBadCertificate,  // one that is not accepted
  kTooSlow,         // no handshake in time
  kOtherHandshake,
  kGrpc,  // no connection: what else gRPC reports as an error
};
inline constexpr int kRefusals = static_cast<int>(Refusal::kGrpc) + 1;

// Thread-safe.
class Refusals {
 public:
  // Gets each line.
  explicit Refusals(std::function<void(const std::string&)> sink) : sink_(std::move(sink)) {}

  // gRPC's log is the process's, so this is, too. Logs warnings.
  static Refusals& OfProcess();

  // `detail`: the peer's address or what was said; the last one is told.
  void Add(Refusal refusal, absl::string_view detail);
  // Tells what was counted, unless it did less than a second ago. Called about every second.
  void Tell(BootTime now);

 private:
  struct Count {
    int number = 0;
    std::string last;
  };
  std::string TakeLine() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<void(const std::string&)> sink_;
  Mutex mutex_;
  std::array<Count, kRefusals> counts_ ABSL_GUARDED_BY(mutex_);
  bool any_ ABSL_GUARDED_BY(mutex_) = false;
  BootTime told_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
