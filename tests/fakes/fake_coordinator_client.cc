#include "tests/fakes/fake_coordinator_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/hash.h"
#include "worker/proto_time.h"

namespace handoff::worker {
namespace {

absl::Status Away() { return absl::UnavailableError("the coordinator is away"); }

}  // namespace

AttemptKey FakePool::Want(v1::Handoff handoff, int number,
                          const std::function<void(v1::DesiredAttempt&)>& edit) {
  const AttemptKey key{handoff.id(), number};
  {
    MutexLock lock(mutex_);
    v1::DesiredAttempt& desired = desired_[key];
    desired.set_handoff_id(key.handoff_id);
    desired.set_number(number);
    desired.set_epoch(++epoch_);
    desired.set_action(v1::DesiredAttempt::RUN);
    handoffs_[key.handoff_id] = handoff;
    *desired.mutable_spec()->mutable_handoff() = std::move(handoff);
    if (edit) edit(desired);
    ++revision_;
  }
  LookAtHeld(/*due=*/false);
  return key;
}

void FakePool::Stop(const AttemptKey& key, EndedBy as, absl::Duration grace) {
  {
    MutexLock lock(mutex_);
    const auto wanted = desired_.find(key);
    if (wanted == desired_.end()) return;  // it is over already
    v1::DesiredAttempt& desired = wanted->second;
    desired.set_action(v1::DesiredAttempt::STOP);
    desired.set_stop_as(static_cast<v1::AttemptEnd::EndedBy>(as));
    desired.set_stop_reason("the test says so");
    ToProto(grace, desired.mutable_stop_grace());
    ++revision_;
  }
  LookAtHeld(/*due=*/false);
}

void FakePool::Lose(const AttemptKey& key) {
  MutexLock lock(mutex_);
  desired_.erase(key);
}

void FakePool::Purge(const std::string& id) {
  {
    MutexLock lock(mutex_);
    purged_[id] = false;
    const auto of_it = [&](const auto& entry) { return entry.first.handoff_id == id; };
    std::erase_if(desired_, of_it);
    std::erase_if(ends_, of_it);
    std::erase_if(logs_, [&](const auto& log) { return log.first.first.handoff_id == id; });
    ++absences_;  // their streams break
    ++revision_;
  }
  LookAtHeld(/*due=*/false);
}

void FakePool::AnswerPurged(const SyncRequest& request, SyncAnswer& answer, bool& urgent) {
  for (const auto& [id, told] : purged_) {
    answer.purge.push_back(id);
    urgent |= !told;
  }
  for (const AttemptStatus& status : request.attempts) {
    if (purged_.count(status.key.handoff_id) == 0) continue;
    if (status.stage == Stage::kReporting) {
      answer.forget.push_back(status.key);
      urgent = true;
      continue;
    }
    DesiredAttempt stop;
    stop.key = status.key;
    stop.epoch = status.epoch;
    stop.stop = true;
    stop.stop_as = EndedBy::kSuperseded;
    stop.stop_grace = absl::Milliseconds(50);
    answer.attempts.push_back(std::move(stop));
    urgent |= !status.stopping;
  }
}

void FakePool::AnswerNow() { LookAtHeld(/*due=*/true); }

void FakePool::set_lease(absl::Duration lease) {
  MutexLock lock(mutex_);
  lease_ = lease;
}

void FakePool::set_pool_id(const std::string& id) {
  MutexLock lock(mutex_);
  pool_id_ = id;
}

void FakePool::set_away(bool away) {
  std::map<uint64_t, Held> held;
  {
    MutexLock lock(mutex_);
    away_ = away;
    if (away) {
      ++absences_;
      held.swap(held_);
    }
  }
  for (auto& [call, entry] : held) entry.done(Away());
  changed_.NotifyAll();
}

void FakePool::set_refusing(bool refusing) {
  MutexLock lock(mutex_);
  refusing_ = refusing;
}

void FakePool::set_on_report(std::function<void()> on_report) {
  MutexLock lock(mutex_);
  on_report_ = std::move(on_report);
}

void FakePool::set_stream_bytes(uint64_t bytes) {
  MutexLock lock(mutex_);
  stream_bytes_ = bytes;
}

void FakePool::PutObject(const std::string& sha256, const std::string& bytes) {
  MutexLock lock(mutex_);
  objects_[sha256] = bytes;
}

void FakePool::DropObject(const std::string& sha256) {
  MutexLock lock(mutex_);
  objects_.erase(sha256);
}

bool FakePool::HasObject(const std::string& sha256) {
  MutexLock lock(mutex_);
  return objects_.count(sha256) > 0;
}

void FakePool::BreakUploadAfter(uint64_t bytes) {
  MutexLock lock(mutex_);
  break_upload_ = bytes;
}

std::vector<uint64_t> FakePool::upload_starts() {
  MutexLock lock(mutex_);
  return upload_starts_;
}

void FakePool::set_checkpoint_refusal(const absl::Status& refusal) {
  MutexLock lock(mutex_);
  checkpoint_refusal_ = refusal;
}

void FakePool::set_asks_for_push(bool asks) {
  MutexLock lock(mutex_);
  asks_for_push_ = asks;
}

v1::PushResult FakePool::AwaitPush(const AttemptKey& key) {
  MutexLock lock(mutex_);
  while (pushes_.count(key) == 0) changed_.Wait(mutex_);
  return pushes_[key];
}

std::optional<v1::PushResult> FakePool::push(const AttemptKey& key) {
  MutexLock lock(mutex_);
  const auto found = pushes_.find(key);
  return found == pushes_.end() ? std::nullopt : std::optional(found->second);
}

void FakePool::PutLog(const AttemptKey& key, const std::string& bytes, LogKind kind) {
  MutexLock lock(mutex_);
  logs_[{key, kind}] = bytes;
}

std::optional<SyncAnswer> FakePool::Answer(const SyncRequest& request, bool due) {
  std::map<AttemptKey, const AttemptStatus*> listed;
  for (const AttemptStatus& status : request.attempts) listed[status.key] = &status;
  SyncAnswer answer;
  answer.pool_id = pool_id_;
  answer.term = 1;
  answer.revision = revision_;
  answer.in_reply_to = request.seq;
  bool urgent = due || request.seen_term == 0;  // it waits to learn that it was taken
  for (const auto& [key, desired] : desired_) {
    DesiredAttempt out;
    out.key = key;
    out.epoch = desired.epoch();
    out.lease = lease_;
    out.stop = desired.action() == v1::DesiredAttempt::STOP;
    const auto found = listed.find(key);
    if (found == listed.end()) {
      if (out.stop) continue;
      out.spec = desired.SerializeAsString();
      urgent = true;
    } else if (out.stop) {
      out.stop_as = static_cast<EndedBy>(desired.stop_as());
      out.stop_reason = desired.stop_reason();
      out.stop_grace = FromProto(desired.stop_grace());
      urgent |= !found->second->stopping;
    }
    answer.attempts.push_back(std::move(out));
  }
  for (const auto& [key, status] : listed) {
    if (ends_.count(key) != 0) answer.forget.push_back(key);
  }
  AnswerPurged(request, answer, urgent);
  for (const auto& [number, wish] : wishes_) answer.summaries.push_back(wish);
  for (const auto& [number, wish] : turns_) answer.turns.push_back(wish);
  urgent |= wishes_told_ != wishes_changed_;
  if (!urgent) return std::nullopt;
  for (auto& [id, told] : purged_) told = true;
  wishes_told_ = wishes_changed_;
  return answer;
}

void FakePool::LookAtHeld(bool due) {
  std::vector<std::pair<Held, SyncAnswer>> answered;
  {
    MutexLock lock(mutex_);
    for (auto it = held_.begin(); it != held_.end();) {
      auto answer = Answer(it->second.request, due);
      if (!answer) {
        ++it;
        continue;
      }
      answered.emplace_back(std::move(it->second), *std::move(answer));
      it = held_.erase(it);
    }
  }
  for (auto& [held, answer] : answered) held.done(std::move(answer));
  changed_.NotifyAll();
}

void FakePool::Know(const v1::Handoff& handoff) {
  MutexLock lock(mutex_);
  handoffs_[handoff.id()] = handoff;
}

void FakePool::Wish(const SummaryWish& wish) {
  {
    MutexLock lock(mutex_);
    wishes_[wish.wish] = wish;
    ++wishes_changed_;
    ++revision_;
  }
  LookAtHeld(/*due=*/false);
}

void FakePool::DropWish(uint64_t wish) {
  {
    MutexLock lock(mutex_);
    wishes_.erase(wish);
    ++wishes_changed_;
    ++revision_;
  }
  LookAtHeld(/*due=*/false);
}

void FakePool::WishTurn(const TurnWish& wish) {
  {
    MutexLock lock(mutex_);
    turns_[wish.number] = wish;
    ++wishes_changed_;
    ++revision_;
  }
  LookAtHeld(/*due=*/false);
}

void FakePool::DropTurn(uint64_t number) {
  {
    MutexLock lock(mutex_);
    turns_.erase(number);
    ++wishes_changed_;
    ++revision_;
  }
  LookAtHeld(/*due=*/false);
}

v1::AgentTurn FakePool::AwaitTurn(uint64_t number) {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (made_turns_.count(number) != 0) return made_turns_[number];
    }
    // The answer that told of it may be that of a Sync which other news ended.
    LookAtHeld(/*due=*/true);
    MutexLock lock(mutex_);
    if (made_turns_.count(number) == 0) changed_.Wait(mutex_);
  }
}

v1::Summary FakePool::AwaitSummary(uint64_t wish) {
  const auto of_wish = [wish](const auto& saved) { return saved.first == wish; };
  while (true) {
    {
      MutexLock lock(mutex_);
      const auto saved = std::find_if(summaries_.begin(), summaries_.end(), of_wish);
      if (saved != summaries_.end()) return saved->second;
    }
    LookAtHeld(/*due=*/true);  // as for a turn
    MutexLock lock(mutex_);
    if (std::none_of(summaries_.begin(), summaries_.end(), of_wish)) changed_.Wait(mutex_);
  }
}

std::vector<uint64_t> FakePool::saved_summaries() {
  MutexLock lock(mutex_);
  std::vector<uint64_t> wishes;
  for (const auto& [wish, summary] : summaries_) wishes.push_back(wish);
  return wishes;
}

v1::AttemptEnd FakePool::AwaitEnd(const AttemptKey& key) {
  MutexLock lock(mutex_);
  while (ends_.count(key) == 0) changed_.Wait(mutex_);
  return ends_[key];
}

SyncRequest FakePool::AwaitRequest(const std::function<bool(const SyncRequest&)>& wanted) {
  MutexLock lock(mutex_);
  while (true) {
    for (auto it = requests_.rbegin(); it != requests_.rend(); ++it) {
      if (wanted(*it)) return *it;
    }
    changed_.Wait(mutex_);
  }
}

AttemptStatus FakePool::AwaitStatus(const AttemptKey& key,
                                    const std::function<bool(const AttemptStatus&)>& wanted) {
  AttemptStatus found;
  AwaitRequest([&](const SyncRequest& request) {
    for (const AttemptStatus& status : request.attempts) {
      if (status.key != key || !wanted(status)) continue;
      found = status;
      return true;
    }
    return false;
  });
  return found;
}

AttemptStatus FakePool::AwaitStage(const AttemptKey& key, Stage stage) {
  return AwaitStatus(key, [&](const AttemptStatus& status) { return status.stage == stage; });
}

v1::Checkpoint FakePool::AwaitCheckpoint(const AttemptKey& key,
                                         const std::function<bool(const v1::Checkpoint&)>& wanted) {
  MutexLock lock(mutex_);
  while (true) {
    for (const v1::Checkpoint& checkpoint : checkpoints_[key]) {
      if (wanted(checkpoint)) return checkpoint;
    }
    changed_.Wait(mutex_);
  }
}

std::vector<v1::Checkpoint> FakePool::checkpoints(const AttemptKey& key) {
  MutexLock lock(mutex_);
  return checkpoints_[key];
}

void FakePool::AwaitLog(const AttemptKey& key, const std::string& text, LogKind kind) {
  MutexLock lock(mutex_);
  while (!absl::StrContains(logs_[{key, kind}], text)) changed_.Wait(mutex_);
}

std::string FakePool::log(const AttemptKey& key, LogKind kind) {
  MutexLock lock(mutex_);
  return logs_[{key, kind}];
}

std::vector<SyncRequest> FakePool::requests() {
  MutexLock lock(mutex_);
  return requests_;
}

int FakePool::reports(const AttemptKey& key) {
  MutexLock lock(mutex_);
  return reports_[key];
}

uint64_t FakePool::revision() {
  MutexLock lock(mutex_);
  return revision_;
}

int FakePool::log_streams() {
  MutexLock lock(mutex_);
  return log_streams_;
}

// ---- The client

namespace {

class FakeSyncCall final : public SyncCall {
 public:
  explicit FakeSyncCall(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  ~FakeSyncCall() override { cancel_(); }

 private:
  const std::function<void()> cancel_;
};

}  // namespace

std::unique_ptr<SyncCall> FakeCoordinatorClient::Sync(
    const SyncRequest& request, std::function<void(absl::StatusOr<SyncAnswer>)> done) {
  uint64_t call = 0;
  absl::Status refusal;
  {
    MutexLock lock(pool_.mutex_);
    pool_.requests_.push_back(request);
    for (const TurnResult& result : request.turns) {
      if (pool_.turns_.erase(result.number) == 0) continue;
      pool_.made_turns_[result.number].ParseFromString(result.turn);
    }
    if (pool_.refusing_) refusal = absl::FailedPreconditionError("another one has that identity");
    if (pool_.away_) refusal = Away();
    call = ++pool_.calls_;
    if (refusal.ok()) pool_.held_[call] = {request, done};
  }
  pool_.changed_.NotifyAll();
  if (!refusal.ok()) {
    done(refusal);
  } else {
    pool_.LookAtHeld(/*due=*/false);
  }
  return std::make_unique<FakeSyncCall>([this, call] {
    FakePool::Held held;
    {
      MutexLock lock(pool_.mutex_);
      const auto it = pool_.held_.find(call);
      if (it == pool_.held_.end()) return;
      held = std::move(it->second);
      pool_.held_.erase(it);
    }
    held.done(absl::CancelledError("cancelled"));
  });
}

absl::StatusOr<ReportAnswer> FakeCoordinatorClient::Report(const AttemptReport& report,
                                                           std::stop_token) {
  ReportAnswer answer;
  std::function<void()> on_report;
  {
    MutexLock lock(pool_.mutex_);
    if (pool_.away_) return Away();
    ++pool_.reports_[report.key];
    if (pool_.purged_.count(report.key.handoff_id) > 0) return absl::NotFoundError("purged");
    v1::AttemptEnd end;
    if (!end.ParseFromString(report.end)) return absl::InvalidArgumentError("no end");
    answer.log_offset = pool_.logs_[{report.key, LogKind::kAgent}].size();
    answer.checks_log_offset = pool_.logs_[{report.key, LogKind::kChecks}].size();
    answer.accepted =
        answer.log_offset >= end.log_bytes() && answer.checks_log_offset >= end.checks_log_bytes();
    answer.current = true;
    if (answer.accepted) {
      v1::Handoff handoff = pool_.desired_[report.key].spec().handoff();
      handoff.set_status(end.failure() == v1::Failure::NONE        ? v1::Handoff::SUCCEEDED
                         : end.failure() == v1::Failure::CANCELLED ? v1::Handoff::CANCELLED
                                                                   : v1::Handoff::FAILED);
      handoff.set_reason(end.failure_message());
      v1::Attempt* attempt = handoff.add_attempts();
      attempt->set_number(report.key.number);
      attempt->set_command(end.command());
      attempt->set_only_checks(pool_.desired_[report.key].spec().only_checks());
      *attempt->mutable_end() = end;
      if (!pool_.checkpoints_[report.key].empty())
        *attempt->mutable_checkpoint() = pool_.checkpoints_[report.key].back();
      answer.push = pool_.asks_for_push_;
      answer.handoff = handoff.SerializeAsString();
      pool_.ends_[report.key] = end;
      pool_.desired_.erase(report.key);
      ++pool_.revision_;
      on_report = std::exchange(pool_.on_report_, nullptr);
    }
  }
  pool_.LookAtHeld(/*due=*/false);
  if (on_report) on_report();
  return answer;
}

class FakeLogStream final : public LogStream {
 public:
  FakeLogStream(FakePool& pool, AttemptKey key, LogKind kind, std::function<void()> wake)
      : pool_(pool), key_(std::move(key), kind), wake_(std::move(wake)), absences_(Absences(pool)) {
    {
      MutexLock lock(pool_.mutex_);
      ++pool_.log_streams_;
    }
    wake_();
  }
  std::optional<uint64_t> durable() const override {
    MutexLock lock(pool_.mutex_);
    return pool_.logs_[key_].size();
  }
  bool ready() const override { return true; }
  void Write(uint64_t offset, std::string data) override {
    {
      MutexLock lock(pool_.mutex_);
      std::string& log = pool_.logs_[key_];
      // Idempotent by offset, and never a gap.
      if (!broken() && offset <= log.size() && offset + data.size() > log.size()) {
        log += data.substr(log.size() - offset);
      }
      written_ += data.size();
    }
    pool_.changed_.NotifyAll();
    wake_();
  }
  absl::Status status() const override {
    MutexLock lock(pool_.mutex_);
    return broken() ? Away() : absl::OkStatus();
  }

 private:
  static int Absences(FakePool& pool) {
    MutexLock lock(pool.mutex_);
    return pool.absences_;
  }
  // For good: a stream does not mend when the coordinator is back.
  bool broken() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool_.mutex_) {
    gone_ = gone_ || pool_.purged_.count(key_.first.handoff_id) > 0 || pool_.away_ ||
            pool_.absences_ != absences_ || written_ >= pool_.stream_bytes_;
    return gone_;
  }
  FakePool& pool_;
  const std::pair<AttemptKey, LogKind> key_;
  const std::function<void()> wake_;
  const int absences_;
  mutable bool gone_ ABSL_GUARDED_BY(pool_.mutex_) = false;
  uint64_t written_ = 0;
};

std::unique_ptr<LogStream> FakeCoordinatorClient::OpenLog(const AttemptKey& key, LogKind kind,
                                                          uint64_t, std::function<void()> wake) {
  return std::make_unique<FakeLogStream>(pool_, key, kind, std::move(wake));
}

absl::Status FakeCoordinatorClient::GetObject(const std::string& sha256, uint64_t offset,
                                              const Sink& sink, std::stop_token) {
  std::string bytes;
  {
    MutexLock lock(pool_.mutex_);
    if (pool_.away_) return Away();
    const auto object = pool_.objects_.find(sha256);
    if (object == pool_.objects_.end()) return absl::NotFoundError("there is no such object");
    bytes = object->second.substr(std::min<size_t>(offset, object->second.size()));
  }
  return sink(bytes);
}

absl::Status FakeCoordinatorClient::PutObject(const std::string& sha256, const std::string& path,
                                              std::stop_token) {
  const auto bytes = ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  MutexLock lock(pool_.mutex_);
  if (pool_.away_) return Away();
  std::string& held = pool_.partial_[sha256];
  pool_.upload_starts_.push_back(held.size());
  if (bytes->size() > pool_.break_upload_) {
    held = bytes->substr(0, std::exchange(pool_.break_upload_, UINT64_MAX));
    return absl::UnavailableError("the upload broke");
  }
  held += bytes->substr(std::min(held.size(), bytes->size()));
  if (Sha256Hex(held) != sha256) return absl::DataLossError("another hash");
  pool_.objects_[sha256] = std::move(held);
  pool_.partial_.erase(sha256);
  return absl::OkStatus();
}

absl::StatusOr<CheckpointAnswer> FakeCoordinatorClient::SaveCheckpoint(const CheckpointSave& save,
                                                                       std::stop_token) {
  v1::Checkpoint checkpoint;
  if (!checkpoint.ParseFromString(save.checkpoint) || checkpoint.commit().empty()) {
    return absl::InvalidArgumentError("no checkpoint");
  }
  CheckpointAnswer answer;
  {
    MutexLock lock(pool_.mutex_);
    if (pool_.away_) return Away();
    if (!pool_.checkpoint_refusal_.ok()) return pool_.checkpoint_refusal_;
    if (pool_.purged_.count(save.key.handoff_id) > 0) return absl::NotFoundError("purged");
    for (const v1::Checkpoint::Pack& pack : checkpoint.packs()) {
      if (pool_.objects_.count(pack.sha256()) == 0) answer.missing.push_back(pack.sha256());
    }
    if (!answer.missing.empty()) return answer;
    answer.current = pool_.desired_.count(save.key) > 0;
    pool_.checkpoints_[save.key].push_back(std::move(checkpoint));
  }
  pool_.changed_.NotifyAll();
  return answer;
}

absl::Status FakeCoordinatorClient::SavePush(const PushSave& save, std::stop_token) {
  v1::PushResult result;
  if (!result.ParseFromString(save.result)) return absl::InvalidArgumentError("no result");
  {
    MutexLock lock(pool_.mutex_);
    if (pool_.away_) return Away();
    pool_.pushes_[save.key] = std::move(result);
  }
  pool_.changed_.NotifyAll();
  return absl::OkStatus();
}

absl::StatusOr<std::string> FakeCoordinatorClient::GetHandoff(const std::string& id,
                                                              std::stop_token) {
  MutexLock lock(pool_.mutex_);
  if (pool_.away_) return Away();
  const auto known = pool_.handoffs_.find(id);
  if (known == pool_.handoffs_.end()) return absl::NotFoundError("there is no such handoff");
  return known->second.SerializeAsString();
}

absl::StatusOr<bool> FakeCoordinatorClient::SaveSummary(const SummarySave& save, std::stop_token) {
  MutexLock lock(pool_.mutex_);
  if (pool_.away_) return Away();
  if (pool_.wishes_.erase(save.wish) == 0) return false;
  v1::Summary summary;
  if (!summary.ParseFromString(save.summary)) return absl::InternalError("no summary");
  pool_.summaries_.emplace_back(save.wish, std::move(summary));
  pool_.changed_.NotifyAll();
  return true;
}

absl::Status FakeCoordinatorClient::ReadLog(const AttemptKey& key, LogKind kind, const Sink& sink,
                                            std::stop_token) {
  std::string bytes;
  {
    MutexLock lock(pool_.mutex_);
    if (pool_.away_) return Away();
    bytes = pool_.logs_[{key, kind}];
  }
  return sink(bytes);
}

v1::Handoff CommandHandoff(const std::string& id, const std::vector<std::string>& argv) {
  v1::Handoff handoff;
  handoff.set_id(id);
  handoff.set_agent("command");
  handoff.set_task(absl::StrJoin(argv, " "));
  v1::HandoffSpec& spec = *handoff.mutable_spec();
  spec.set_agent("command");
  spec.set_task(handoff.task());
  for (const std::string& argument : argv) spec.add_argv(argument);
  return handoff;
}

}  // namespace handoff::worker
