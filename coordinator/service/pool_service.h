// For workers. Each handler translates, asks, and translates back; it never waits for the engine.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/mutex.h"
#include "coordinator/service/parts.h"
#include "handoff/v1/pool.grpc.pb.h"

namespace handoff {

// The Syncs that the engine holds, so that all can be answered when the coordinator stops.
// Thread-safe.
class OpenSyncs {
 public:
  bool Add(const SyncKey& key);     // false once closed
  bool Remove(const SyncKey& key);  // false once closed
  std::multiset<SyncKey> Close();   // what is held; nothing is added any more

 private:
  Mutex mutex_;
  std::multiset<SyncKey> held_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

class PoolService final : public v1::Pool::CallbackService {
 public:
  explicit PoolService(const ServiceParts& parts) : parts_(parts) {}

  // Answers every held Sync with UNAVAILABLE, and every later one at once.
  void Close();

 private:
  using Context = grpc::CallbackServerContext;

  grpc::ServerUnaryReactor* Sync(Context*, const v1::SyncRequest*, v1::SyncResponse*) override;
  grpc::ServerUnaryReactor* SaveCheckpoint(Context*, const v1::SaveCheckpointRequest*,
                                           v1::SaveCheckpointResponse*) override;
  grpc::ServerUnaryReactor* SavePush(Context*, const v1::SavePushRequest*,
                                     v1::SavePushResponse*) override;
  grpc::ServerUnaryReactor* SaveSummary(Context*, const v1::SaveSummaryRequest*,
                                        v1::SaveSummaryResponse*) override;
  grpc::ServerUnaryReactor* Report(Context*, const v1::ReportRequest*,
                                   v1::ReportResponse*) override;
  grpc::ServerBidiReactor<v1::AppendLogRequest, v1::AppendLogResponse>* AppendLog(
      Context*) override;

  // True: the coordinator has the whole log that `request` speaks of, and `end` says whether it is
  // the same. False: `response` says from where on it is missing.
  absl::StatusOr<bool> CompareLog(const Guest& guest, const v1::ReportRequest& request,
                                  v1::AttemptEnd& end, v1::ReportResponse& response);

  const ServiceParts parts_;
  OpenSyncs held_;
};

}  // namespace handoff
