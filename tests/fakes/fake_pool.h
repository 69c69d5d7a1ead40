// A coordinator in memory behind the worker's interface: it wants attempts, holds Syncs until its
// wishes differ from what they list, keeps logs and ends. Thread-safe. Await... functions block
// until it is so; ctest's limit ends a test that would wait for ever.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "handoff/v1/pool.pb.h"
#include "worker/rpc/coordinator_client.h"

namespace handoff::worker {

class FakePool {
 public:
  // Wants `handoff` to run as attempt `number`. `edit` may change what is sent.
  AttemptKey Want(v1::Handoff handoff, int number = 1,
                  const std::function<void(v1::DesiredAttempt&)>& edit = nullptr);
  void Stop(const AttemptKey& key, EndedBy as, absl::Duration grace = absl::Seconds(10));
  // It is not wanted any more, and nobody says so: as when its worker is given up.
  void Lose(const AttemptKey& key);
  // Keeps nothing of it any more; every answer from now on says so.
  void Purge(const std::string& id);
  // Answers the held Sync now, which renews leases.
  void AnswerNow();
  void set_lease(absl::Duration lease);
  void set_pool_id(const std::string& id);
  // Every call fails while it is away; streams break.
  void set_away(bool away);
  // Syncs are refused, and nothing else is: as for a copied data directory.
  void set_refusing(bool refusing);
  // Runs when a report was stored, before its answer leaves.
  void set_on_report(std::function<void()> on_report);
  // Streams break after this many bytes each.
  void set_stream_bytes(uint64_t bytes);
  void PutObject(const std::string& sha256, const std::string& bytes);
  void DropObject(const std::string& sha256);
  bool HasObject(const std::string& sha256);
  // The next upload breaks when so much of it arrived; that much is kept.
  void BreakUploadAfter(uint64_t bytes);
  std::vector<uint64_t> upload_starts();  // where each upload went on
  // Every checkpoint is refused with it; OK: no longer.
  void set_checkpoint_refusal(const absl::Status& refusal);
  // The answer to every report that is accepted asks for a push.
  void set_asks_for_push(bool asks);
  v1::PushResult AwaitPush(const AttemptKey& key);
  std::optional<v1::PushResult> push(const AttemptKey& key);
  // What another worker sent of an attempt.
  void PutLog(const AttemptKey& key, const std::string& bytes, LogKind kind = LogKind::kAgent);

  // Has the record of a handoff that no worker here runs.
  void Know(const v1::Handoff& handoff);
  // Lists the wish in its answers until it is saved or dropped.
  void Wish(const SummaryWish& wish);
  void DropWish(uint64_t wish);
  // What a worker saved for it.
  v1::Summary AwaitSummary(uint64_t wish);
  std::vector<uint64_t> saved_summaries();  // wishes, in order

  // Lists the turn in its answers until a request has its result.
  void WishTurn(const TurnWish& wish);
  void DropTurn(uint64_t number);
  v1::AgentTurn AwaitTurn(uint64_t number);

  v1::AttemptEnd AwaitEnd(const AttemptKey& key);
  // Of the next request that lists the attempt like that.
  AttemptStatus AwaitStatus(const AttemptKey& key,
                            const std::function<bool(const AttemptStatus&)>& wanted);
  AttemptStatus AwaitStage(const AttemptKey& key, Stage stage);
  SyncRequest AwaitRequest(const std::function<bool(const SyncRequest&)>& wanted);
  // Of those that were saved, the first that is like that.
  v1::Checkpoint AwaitCheckpoint(const AttemptKey& key,
                                 const std::function<bool(const v1::Checkpoint&)>& wanted);
  std::vector<v1::Checkpoint> checkpoints(const AttemptKey& key);
  void AwaitLog(const AttemptKey& key, const std::string& text, LogKind kind = LogKind::kAgent);
  std::string log(const AttemptKey& key, LogKind kind = LogKind::kAgent);
  std::vector<SyncRequest> requests();
  int reports(const AttemptKey& key);
  int log_streams();    // opened so far
  uint64_t revision();  // of what an answer says now

 private:
  friend class FakeCoordinatorClient;
  friend class FakeLogStream;
  struct Held {
    SyncRequest request;
    std::function<void(absl::StatusOr<SyncAnswer>)> done;
  };
  std::optional<SyncAnswer> Answer(const SyncRequest& request, bool due)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AnswerPurged(const SyncRequest& request, SyncAnswer& answer, bool& urgent)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LookAtHeld(bool due);

  Mutex mutex_;
  CondVar changed_;
  std::string pool_id_ ABSL_GUARDED_BY(mutex_) = "pool-1";
  uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 1;
  bool away_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> on_report_ ABSL_GUARDED_BY(mutex_);
  bool refusing_ ABSL_GUARDED_BY(mutex_) = false;
  int absences_ ABSL_GUARDED_BY(mutex_) = 0;  // so far
  uint64_t stream_bytes_ ABSL_GUARDED_BY(mutex_) = UINT64_MAX;
  absl::Duration lease_ ABSL_GUARDED_BY(mutex_) = absl::Minutes(30);
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) = 100;
  std::map<AttemptKey, v1::DesiredAttempt> desired_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> purged_ ABSL_GUARDED_BY(mutex_);  // an answer said so
  std::map<AttemptKey, v1::AttemptEnd> ends_ ABSL_GUARDED_BY(mutex_);
  bool asks_for_push_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<AttemptKey, v1::PushResult> pushes_ ABSL_GUARDED_BY(mutex_);
  std::map<AttemptKey, int> reports_ ABSL_GUARDED_BY(mutex_);
  int log_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<AttemptKey, LogKind>, std::string> logs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> objects_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> partial_ ABSL_GUARDED_BY(mutex_);
  uint64_t break_upload_ ABSL_GUARDED_BY(mutex_) = UINT64_MAX;
  std::vector<uint64_t> upload_starts_ ABSL_GUARDED_BY(mutex_);
  absl::Status checkpoint_refusal_ ABSL_GUARDED_BY(mutex_);
  std::map<AttemptKey, std::vector<v1::Checkpoint>> checkpoints_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Handoff> handoffs_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, SummaryWish> wishes_ ABSL_GUARDED_BY(mutex_);
  uint64_t wishes_changed_ ABSL_GUARDED_BY(mutex_) = 0;  // answers that tell of it are due
  uint64_t wishes_told_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::pair<uint64_t, v1::Summary>> summaries_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, TurnWish> turns_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, v1::AgentTurn> made_turns_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Held> held_ ABSL_GUARDED_BY(mutex_);  // by number of the call
  uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<SyncRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff::worker
