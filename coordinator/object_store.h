// Packs and archives by SHA-256: DIR/ab/<sha256>, and DIR/partial/<sha256> while one arrives.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

struct ObjectStoreOptions {
  uint64_t reserve_bytes = uint64_t{256} << 20;  // an upload must leave this much free space
  std::function<absl::Status(int fd)> sync;      // fdatasync; replaced in tests
};

class ObjectStore {
 public:
  static constexpr uint64_t kMaxBytes = uint64_t{4} << 30;
  static absl::StatusOr<std::unique_ptr<ObjectStore>> Open(const std::string& directory,
                                                           ObjectStoreOptions options = {});
  ~ObjectStore();

  // One upload, used by one thread at a time and gone before the store. At most one for a hash at
  // a time: ABORTED for a second one.
  class Upload {
   public:
    virtual ~Upload() = default;  // an unfinished one stays and can be continued
    virtual uint64_t offset() const = 0;
    // OUT_OF_RANGE when `offset` is not offset(), or beyond the size that was announced.
    virtual absl::Status Write(uint64_t offset, absl::string_view data) = 0;
    // Checks the hash, syncs, puts it in place. DATA_LOSS (and the part is dropped) when the hash
    // differs or the sync fails.
    virtual absl::Status Finish() = 0;
  };
  // nullptr when the object is there already. Continues what an earlier upload left, which is read
  // and hashed again first. RESOURCE_EXHAUSTED below the disk reserve.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const std::string& sha256, uint64_t size);

  bool Has(const std::string& sha256) const;
  absl::StatusOr<uint64_t> Size(const std::string& sha256) const;
  absl::StatusOr<std::string> Read(const std::string& sha256, uint64_t offset, size_t max) const;

  // Removes partial uploads and objects that `referenced` does not know, last touched before
  // `before`. An upload, or a Begin that found the object, touches it.
  template <typename Referenced>
  absl::Status Sweep(absl::Time before, Referenced&& referenced) {
    return SweepImpl(before, [&](const std::string& sha) { return referenced(sha); });
  }

 private:
  struct Impl;
  explicit ObjectStore(std::unique_ptr<Impl> impl);
  absl::Status SweepImpl(absl::Time before,
                         const std::function<bool(const std::string&)>& referenced);
  std::unique_ptr<Impl> impl_;
};

}  // namespace handoff
