// An Edit in the making, and the handoffs as they will be after it. One lives inside one Decide.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/core/edit.h"
#include "coordinator/core/state.h"

namespace handoff::core {

class Draft {
 public:
  Draft(const State& state, absl::Time now);  // `state` must outlive it, unchanged

  const State& state() const { return state_; }
  absl::Time now() const { return now_; }

  // As it will be; nullptr when there is none.
  const Handoff* Find(const std::string& id) const;
  const std::map<std::string, Handoff>& touched() const { return touched_; }
  // For writing; it is put once, with all its changes. CHECKs that it exists.
  Handoff& Touch(const std::string& id);
  Handoff& Add(Handoff handoff);
  void Add(Change change);
  uint64_t NextEpoch();

  // An event about the handoff and its latest attempt, as they are now.
  void Tell(absl::string_view kind, const Handoff& handoff, absl::string_view message);
  void TellOfWorker(absl::string_view kind, const Worker& worker, absl::string_view message);

  // For the audit log; time, number and hash are set.
  void Record(AuditEntry entry);

  Edit Take();

 private:
  const State& state_;
  const absl::Time now_;
  Edit edit_;
  std::map<std::string, Handoff> touched_;
  std::vector<Event> events_;
  std::vector<AuditEntry> audit_;
  uint64_t epoch_counter_;
};

}  // namespace handoff::core
