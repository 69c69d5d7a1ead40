// The calls that stay open, by the certificate they came with, so that they end when it is revoked:
// a call that was let in is not looked at again by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/mutex.h"

namespace handoff {

// A call that can be ended from outside, on any thread and at any time.
class Cuttable {
 public:
  virtual ~Cuttable() = default;
  virtual void Cut() = 0;
};

// What the caller of a call that was cut is told.
absl::Status WasRevoked();

// Thread-safe; outlives its calls.
class OpenCalls {
 public:
  // `good`: whether calls with this certificate may go on, by what is known now.
  explicit OpenCalls(std::function<bool(const std::string& serial)> good)
      : good_(std::move(good)) {}

  // Until this is let go, the call is one of those that Cut ends.
  class Entry {
   public:
    Entry() = default;
    Entry(Entry&& other) noexcept
        : calls_(std::exchange(other.calls_, nullptr)), key_(std::move(other.key_)) {}
    Entry& operator=(Entry&& other) noexcept {
      std::swap(calls_, other.calls_);
      std::swap(key_, other.key_);
      return *this;
    }
    ~Entry();

   private:
    friend class OpenCalls;
    OpenCalls* calls_ = nullptr;
    std::pair<std::string, uint64_t> key_;
  };

  Entry Enter(const std::string& serial, std::weak_ptr<Cuttable> call);
  // To be asked after Enter: what was revoked between the look at the door and that was not cut.
  bool IsGood(const std::string& serial) const { return good_(serial); }
  // Ends every call that came with this certificate.
  void Cut(const std::string& serial);

 private:
  const std::function<bool(const std::string& serial)> good_;
  Mutex mutex_;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<std::string, uint64_t>, std::weak_ptr<Cuttable>> calls_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
