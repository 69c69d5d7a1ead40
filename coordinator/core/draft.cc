#include "coordinator/core/draft.h"

#include <utility>

#include "common/check.h"

namespace handoff::core {

Draft::Draft(const State& state, absl::Time now)
    : state_(state), now_(now), epoch_counter_(state.epoch_counter) {}

const Handoff* Draft::Find(const std::string& id) const {
  const auto touched = touched_.find(id);
  return touched == touched_.end() ? state_.FindHandoff(id) : &touched->second;
}

Handoff& Draft::Touch(const std::string& id) {
  const auto touched = touched_.find(id);
  if (touched != touched_.end()) return touched->second;
  const Handoff* known = state_.FindHandoff(id);
  CHECK(known != nullptr);
  return Add(*known);
}

Handoff& Draft::Add(Handoff handoff) {
  handoff.updated_at = now_;
  const std::string id = handoff.id;
  return touched_[id] = std::move(handoff);
}

void Draft::Add(Change change) { edit_.changes.push_back(std::move(change)); }

uint64_t Draft::NextEpoch() {
  ++epoch_counter_;
  CHECK(epoch_counter_ <= 0xffffffffu);
  return state_.incarnation << 32 | epoch_counter_;
}

void Draft::Tell(absl::string_view kind, const Handoff& handoff, absl::string_view message) {
  Event event;
  event.handoff_id = handoff.id;
  event.kind = std::string(kind);
  if (const Attempt* latest = handoff.Latest(); latest != nullptr) {
    event.attempt = latest->number;
    event.worker = latest->worker_name;
  }
  event.status = handoff.status;
  event.message = std::string(message);
  events_.push_back(std::move(event));
}

void Draft::TellOfWorker(absl::string_view kind, const Worker& worker, absl::string_view message) {
  Event event;
  event.kind = std::string(kind);
  event.worker = worker.name;
  event.message = std::string(message);
  events_.push_back(std::move(event));
}

void Draft::Record(AuditEntry entry) {
  entry.at = now_;
  audit_.push_back(std::move(entry));
}

Edit Draft::Take() {
  if (epoch_counter_ != state_.epoch_counter) Add(SetEpochCounter{epoch_counter_});
  for (auto& [id, handoff] : touched_) Add(PutHandoff{std::move(handoff)});
  uint64_t revision = state_.revision;
  for (Event& event : events_) {
    event.revision = ++revision;
    event.at = now_;
    Add(AddEvent{std::move(event)});
  }
  AuditHead head = state_.identity().audit_head();
  for (AuditEntry& entry : audit_) {
    entry.seq = ++head.seq;
    entry.hash = head.hash = AuditHash(head.hash, entry);
    Add(AddAudit{std::move(entry)});
  }
  return std::move(edit_);
}

}  // namespace handoff::core
