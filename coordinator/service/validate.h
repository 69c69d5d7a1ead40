// Every field of every request, checked before anything is decided: a message that passed has only
// values that the rest of the coordinator may rely on. The sentences name the field and the rule;
// the caller did nothing yet when one is returned (INVALID_ARGUMENT).
#pragma once

#include <google/protobuf/map.h>

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "handoff/v1/control.pb.h"
#include "handoff/v1/objects.pb.h"
#include "handoff/v1/pool.pb.h"

namespace handoff {

inline constexpr int kMaxLabels = 32;

absl::Status Validate(const v1::HandoffSpec& spec);
// That every --notify KEY is in the coordinator's configuration.
absl::Status ValidateNotify(const v1::HandoffSpec& spec, const std::set<std::string>& known);
absl::Status Validate(const v1::ListRequest& request);
absl::Status Validate(const v1::ReadLogRequest& request);
absl::Status Validate(const v1::CancelRequest& request);
absl::Status Validate(const v1::ResumeRequest& request);
absl::Status Validate(const v1::SendRequest& request);
absl::Status Validate(const v1::DeleteRequest& request);
absl::Status Validate(const v1::EditDocumentRequest& request);
absl::Status Validate(const v1::ImportRequest& request);  // but for the spec
absl::Status Validate(const v1::TakeOverRequest& request);
absl::Status Validate(const v1::ReturnRequest& request);
absl::Status Validate(const v1::SummarizeRequest& request);
absl::Status Validate(const v1::DrainWorkerRequest& request);
absl::Status Validate(const v1::AskTurnsRequest& request);
absl::Status Validate(const v1::RemoveWorkerRequest& request);
absl::Status Validate(const v1::SyncRequest& request);
absl::Status Validate(const v1::SaveCheckpointRequest& request);
absl::Status Validate(const v1::ReportRequest& request);
absl::Status Validate(const v1::SaveSummaryRequest& request);
// Of the first message of a stream.
absl::Status Validate(const v1::AppendLogRequest& request);

// A full id or a part of one, as people type it.
absl::Status ValidateIdPart(absl::string_view part);
// At most so many, each of valid form.
absl::Status ValidateLabels(const google::protobuf::Map<std::string, std::string>& labels,
                            absl::string_view name, int most = kMaxLabels);
// Text on one line without control characters, at most `most` bytes. Empty is fine.
absl::Status ValidateLine(absl::string_view field, absl::string_view text, size_t most);

}  // namespace handoff
