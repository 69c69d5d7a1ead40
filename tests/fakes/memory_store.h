// A Store in memory, as simple as it can be: what SqliteStore must be equal to. What was committed
// outlives the State, so a test can end one engine and start the next on the same store.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/store/store.h"

namespace handoff {

class MemoryStore : public Store {
 public:
  absl::StatusOr<core::State> Load(bool new_term) override {
    if (new_term) ++term_;
    core::State state;
    state.pool_id = "pool-of-the-test";
    state.term = term_;
    state.incarnation = incarnation_;
    state.epoch_counter = epoch_counter_;
    state.revision = events_.empty() ? 0 : events_.back().revision;
    core::Edit edit;
    for (const auto& [uuid, worker] : workers_) edit.changes.push_back(core::PutWorker{worker});
    for (const auto& [key, hold] : holds_) edit.changes.push_back(core::PutHold{hold});
    for (const auto& [id, handoff] : handoffs_) {
      state.next_seq = std::max(state.next_seq, handoff.seq + 1);
      if (core::IsAtRest(handoff.status)) {
        state.CountStored(handoff.owner, !core::IsEnded(handoff.status), handoff.stored_bytes);
      } else {
        edit.changes.push_back(core::PutHandoff{handoff});
      }
    }
    for (const auto& [name, user] : users_) edit.changes.push_back(core::PutUser{user});
    for (const auto& [id, token] : tokens_) edit.changes.push_back(core::PutToken{token});
    for (const auto& [serial, held] : credentials_)
      edit.changes.push_back(core::PutCredential{held});
    if (!audit_.empty())
      edit.changes.push_back(core::SetAuditHead{{audit_.back().seq, audit_.back().hash}});
    state.Apply(edit);
    for (const auto& [id, workers] : purged_) {
      if (!workers.empty()) state.NotePurged(id, workers);
    }
    return state;
  }

  absl::Status Commit(const std::vector<core::Edit>& edits) override {
    ++commits_;
    for (const core::Edit& edit : edits) {
      for (const core::Change& change : edit.changes) {
        std::visit([this](const auto& c) { Keep(c); }, change);
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<core::Handoff> Find(const std::string& id) override {
    const auto found = handoffs_.find(id);
    if (found == handoffs_.end()) return absl::NotFoundError(absl::StrCat("no handoff ", id));
    return found->second;
  }
  absl::StatusOr<std::optional<core::Handoff>> FindByIdempotencyKey(
      const std::string& owner, const std::string& key) override {
    for (const auto& [id, handoff] : handoffs_) {
      if (!key.empty() && handoff.owner == owner && handoff.idempotency_key == key) return handoff;
    }
    return std::nullopt;
  }
  absl::StatusOr<std::optional<core::Handoff>> FindWaitingByDedupeKey(
      const std::string& key) override {
    for (const auto& [id, handoff] : handoffs_) {
      const bool waits = core::IsAtRest(handoff.status) && !core::IsEnded(handoff.status);
      if (!key.empty() && waits && handoff.dedupe_key == key) return handoff;
    }
    return std::nullopt;
  }
  absl::StatusOr<bool> WasPurged(const std::string& id) override { return purged_.count(id) > 0; }
  absl::StatusOr<std::string> FreeId(const std::string& id) override {
    std::string free = id;
    for (int n = 2; handoffs_.count(free) + purged_.count(free) > 0; ++n)
      free = absl::StrCat(id, "-", n);
    return free;
  }

  const std::map<std::string, core::Handoff>& handoffs() const { return handoffs_; }
  const std::vector<core::Event>& events() const { return events_; }
  const std::vector<core::AuditEntry>& audit() const { return audit_; }
  const std::map<std::string, core::Token>& tokens() const { return tokens_; }
  const std::map<std::string, core::Credential>& credentials() const { return credentials_; }
  const std::map<std::string, core::Worker>& workers() const { return workers_; }
  int commits() const { return commits_; }

 private:
  void Keep(const core::PutHandoff& c) {
    handoffs_.insert_or_assign(c.handoff.id, core::DurablePart(c.handoff));
  }
  void Keep(const core::PurgeHandoff& c) {
    handoffs_.erase(c.id);
    purged_[c.id] = c.workers;
    for (core::Event& event : events_) {
      if (event.handoff_id == c.id) event.message.clear();
    }
  }
  void Keep(const core::PurgedFrom& c) { purged_[c.id].erase(c.worker_uuid); }
  void Keep(const core::PutWorker& c) {
    workers_.insert_or_assign(c.worker.uuid, core::DurablePart(c.worker));
  }
  void Keep(const core::DropWorker& c) { workers_.erase(c.uuid); }
  void Keep(const core::PutHold& c) {
    holds_.insert_or_assign({c.hold.worker_uuid, c.hold.key}, core::DurablePart(c.hold));
  }
  void Keep(const core::DropHold& c) { holds_.erase({c.worker_uuid, c.key}); }
  void Keep(const core::AddEvent& c) { events_.push_back(c.event); }
  void Keep(const core::SetEpochCounter& c) { epoch_counter_ = c.counter; }
  void Keep(const core::SetTerm& c) {
    term_ = c.term;
    incarnation_ = c.incarnation;
  }
  void Keep(const core::PutUser& c) { users_.insert_or_assign(c.user.name, c.user); }
  void Keep(const core::PutToken& c) { tokens_.insert_or_assign(c.token.id, c.token); }
  void Keep(const core::DropToken& c) { tokens_.erase(c.id); }
  void Keep(const core::PutCredential& c) {
    credentials_.insert_or_assign(c.credential.serial, c.credential);
  }
  void Keep(const core::DropCredential& c) { credentials_.erase(c.serial); }
  void Keep(const core::AddAudit& c) { audit_.push_back(c.entry); }
  template <typename Volatile>
  void Keep(const Volatile&) {}

  std::map<std::string, core::Handoff> handoffs_;
  std::map<std::string, std::set<std::string>> purged_;  // with the workers that have some of it
  std::map<std::string, core::Worker> workers_;
  std::map<std::pair<std::string, std::string>, core::Hold> holds_;
  std::map<std::string, core::User> users_;
  std::map<std::string, core::Token> tokens_;
  std::map<std::string, core::Credential> credentials_;
  std::vector<core::AuditEntry> audit_;
  std::vector<core::Event> events_;
  uint64_t term_ = 0;
  uint64_t incarnation_ = 1;
  uint64_t epoch_counter_ = 0;
  int commits_ = 0;
};

}  // namespace handoff
