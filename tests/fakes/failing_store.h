// A Store that fails when it is told to, in front of another one.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/store/store.h"

namespace handoff {

class FailingStore final : public Store {
 public:
  explicit FailingStore(Store& store) : store_(store) {}

  // The next commit stores nothing and says this. OK: no failure.
  void FailCommit(absl::Status status) { commit_ = std::move(status); }
  // The next commit stores everything and says this: a sync whose outcome nobody knows.
  void FailAfterCommit(absl::Status status) { after_commit_ = std::move(status); }
  void FailLoad(absl::Status status) { load_ = std::move(status); }
  void SetRoom(absl::Status status) { room_ = std::move(status); }

  absl::StatusOr<core::State> Load(bool new_term) override {
    if (!load_.ok()) return std::exchange(load_, absl::OkStatus());
    return store_.Load(new_term);
  }
  absl::Status Commit(const std::vector<core::Edit>& edits) override {
    if (!commit_.ok()) return std::exchange(commit_, absl::OkStatus());
    const absl::Status stored = store_.Commit(edits);
    return after_commit_.ok() ? stored : std::exchange(after_commit_, absl::OkStatus());
  }
  absl::StatusOr<core::Handoff> Find(const std::string& id) override { return store_.Find(id); }
  absl::StatusOr<std::optional<core::Handoff>> FindByIdempotencyKey(
      const std::string& owner, const std::string& key) override {
    return store_.FindByIdempotencyKey(owner, key);
  }
  absl::StatusOr<std::optional<core::Handoff>> FindWaitingByDedupeKey(
      const std::string& key) override {
    return store_.FindWaitingByDedupeKey(key);
  }
  absl::StatusOr<bool> WasPurged(const std::string& id) override { return store_.WasPurged(id); }
  absl::StatusOr<std::string> FreeId(const std::string& id) override { return store_.FreeId(id); }
  absl::Status HasRoom() override { return room_; }

 private:
  Store& store_;
  absl::Status commit_, after_commit_, load_, room_;
};

}  // namespace handoff
