// Messages ⇄ the coordinator's own values: the only place that knows both. What comes in was
// validated before (validate.h).
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/engine.h"
#include "coordinator/store/reader.h"
#include "handoff/v1/control.pb.h"
#include "handoff/v1/pool.pb.h"

namespace handoff {

// ---- From people

// What a person may leave out gets its default, and what follows from other fields is set.
void Normalise(v1::HandoffSpec& spec);
// The same bytes for the same message, whatever the order of its maps.
std::string CanonicalBytes(const v1::HandoffSpec& spec);
core::Submit ToCore(const v1::HandoffSpec& spec, const std::string& owner, absl::Time now);
ListFilter ToCore(const v1::ListRequest& request, absl::Time now);
// The spec bytes of a resumed handoff with what the request changes; "" when it changes nothing.
// INVALID_ARGUMENT when the changed spec is not allowed.
absl::StatusOr<std::string> ChangedSpec(const core::Handoff& handoff,
                                        const v1::ResumeRequest& request);
// The state that was submitted; "" when the worker that took it up resolved a ref.
std::string SubmittedCommit(const core::Handoff& handoff);
core::Return ToCore(const v1::ReturnRequest& request, const core::Handoff& handoff,
                    const std::string& actor);
// Where its next attempts must run: as the request says, or else as it was submitted, since an
// earlier resume spoke for itself only. "" is anywhere.
std::string WorkerAskedFor(const core::Handoff& handoff, const v1::ResumeRequest& request);

core::Summarize ToCore(const v1::SummarizeRequest& request, const std::string& id);
// What a stored spec says; nothing is summarised of one that cannot be read.
core::SummaryPolicy SummariesOf(const std::string& spec);

// ---- From workers

core::Sync ToCore(const v1::SyncRequest& request);
core::SaveCheckpoint ToCore(const v1::SaveCheckpointRequest& request);
core::Report ToCore(const v1::ReportRequest& request);
core::SaveSummary ToCore(const v1::SaveSummaryRequest& request);
// Bounded; a class that this version does not know is INTERNAL.
core::TurnResult ToCore(const v1::TurnResult& result);

// ---- To both

enum class Detail {
  kList,  // as in lists: without spec, facts and ends
  kFull
};
// Facts are in Attempt.facts and not a second time in Attempt.end. Above 512 KiB the facts and ends
// of the oldest attempts are left out, and more of them where the whole would not fit into a
// message.
// Variables of the agent have the value kHiddenValue: they are for workers, see ShowEnvironment.
v1::Handoff ToProto(const core::Handoff& handoff, Detail detail);
inline constexpr absl::string_view kHiddenValue = "(hidden)";
void ShowEnvironment(const core::Handoff& from, v1::Handoff& handoff);
// Lays over a stored record what its worker said last.
void Overlay(const std::optional<core::AttemptView>& view,
             const std::optional<Engine::Lease>& lease, v1::Handoff& handoff);
v1::Event ToProto(const core::Event& event);
v1::Enclosure ToProto(const core::Enclosure& from);
// What the eyes may not see of others is left out; of what is listed for them, whose it is stays.
v1::Worker ToProto(const core::ListWorkers::Item& item, const Eyes& eyes);
v1::WhyResponse ToProto(const core::Why::Reply& reply);
// Workers after `page_token` by name, as many as fit into a message.
v1::ListWorkersResponse ToProto(const core::ListWorkers::Reply& reply,
                                const std::string& page_token, const Eyes& eyes);
// At most 1 MiB of specs (and at least one): attempts beyond that are named by the next answer, for
// which the worker is to call at once.
v1::SyncResponse ToProto(const SyncAnswer& answer);
v1::SummaryWish ToProto(const core::SummaryWish& wish);
v1::AgentTurn ToProto(const core::AgentTurn& turn);

}  // namespace handoff
