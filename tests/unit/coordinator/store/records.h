// Records with every field set from a seed, for tests of what the store keeps.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/core/edit.h"
#include "coordinator/core/model.h"

namespace handoff {

// A sequence of edits as a coordinator could make them: what never changes of a handoff (id, seq,
// owner, key) stays, all else may be anything.
class RecordSource {
 public:
  explicit RecordSource(uint32_t seed) : random_(seed) {}

  core::Handoff NewHandoff(uint64_t seq);
  // Another value in every field that may change.
  void Change(core::Handoff& handoff);
  core::Worker Worker(int n);
  core::Hold Hold(int n);
  core::User User(int n);
  core::Token Token(int n);
  core::Credential Credential(int n);
  core::AuditEntry Audit(const core::AuditHead& head);  // the one after it
  core::Event Event(uint64_t revision, std::string handoff_id);

  int Below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }
  bool Flip() { return Below(2) == 0; }

 private:
  // Short, long, empty, with bytes that are not text.
  std::string Text();
  std::vector<std::string> Texts();
  absl::Time Time();
  core::Attempt Attempt(int number, bool latest, bool ended);
  core::AttemptEnd End();
  core::Message Message(int number);
  core::Checkpoint Checkpoint();

  std::mt19937 random_;
};

}  // namespace handoff
