// Protocol messages ⇄ core values. The only file of the worker that knows both.
#pragma once

#include "handoff/v1/pool.pb.h"
#include "worker/core/model.h"

namespace handoff::worker {

v1::SyncRequest ToProto(const SyncRequest& request);
SyncAnswer FromProto(const v1::SyncResponse& response);
DesiredAttempt FromProto(const v1::DesiredAttempt& desired);

}  // namespace handoff::worker
