// What the decisions about identities share: who may, what the audit log says, what has a valid
// form.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/core/access.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {

// Who wants to do what to whom.
struct Act {
  Caller caller;
  Method method;
  std::string object;
};
void RecordDone(Draft& draft, const Act& act, absl::string_view detail);
// At most kMaxRefusalsNoted a minute; more are counted.
void RecordRefused(Draft& draft, const Act& act, absl::string_view detail);

// The caller gets `why`; the audit log gets `detail`, or when that is empty, `why`.
template <typename Reply>
Decision<Reply> Refuse(const State& state, absl::Time now, const Act& act, const absl::Status& why,
                       absl::string_view detail = "") {
  Draft draft(state, now);
  const absl::string_view text(why.message().data(), why.message().size());
  RecordRefused(draft, act, detail.empty() ? text : detail);
  return {draft.Take(), {}, why};
}

// What the caller may, as things are now: a service looked at an earlier moment.
struct Grant {
  Access access = Access::kNone;
  Role role = Role::kViewer;
};
// PERMISSION_DENIED when they may not at all.
absl::StatusOr<Grant> CheckCaller(const State& state, const Caller& caller, Method method);
// PERMISSION_DENIED for what is not the caller's own.
absl::Status NotOwn(const Act& act);

// INVALID_ARGUMENT unless it is a name for a user: what a certificate takes (common/peer_name.h),
// and not what the audit log calls the program itself.
absl::Status CheckUserName(absl::string_view name);
absl::Status CheckPatterns(const std::vector<std::string>& patterns);
// The name of a worker or a device: one line.
absl::Status CheckDeviceName(absl::string_view name);
absl::Status NoSuchUser(absl::string_view name);
// FAILED_PRECONDITION for a change after which nobody could let people in any more.
absl::Status CheckAdminsLeft(const State& state, const User& known, const User& changed);

// How many of a subject's lines are good still.
size_t GoodLines(const State& state, const std::string& subject, absl::Time now);
// Whether one more may be had for "ci/NAME", which is asked before a token is made and again when
// it is redeemed: nobody has its line then.
absl::Status CheckRoomForCi(const State& state, const std::string& subject, absl::Time now);

// As long as both have the same length, in the same time for all that they may be.
bool EqualInConstantTime(absl::string_view a, absl::string_view b);

// Drops some of the tokens and credentials that have been of no use for long.
void DropDead(Draft& draft);

// The worker is not one of the pool any more. What it holds stays leased to it: it may still run
// that until the leases end.
void ForgetWorker(Draft& draft, const Worker& worker);

}  // namespace handoff::core
