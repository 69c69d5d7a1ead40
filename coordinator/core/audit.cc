#include "coordinator/core/audit.h"

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"

namespace handoff::core {

std::string AuditHash(absl::string_view previous, const AuditEntry& entry) {
  std::string bytes;
  for (const absl::string_view field :
       {previous, absl::string_view(entry.actor), absl::string_view(entry.serial),
        absl::string_view(entry.address), absl::string_view(entry.action),
        absl::string_view(entry.object), absl::string_view(entry.detail)}) {
    absl::StrAppend(&bytes, field.size(), ":", field, ",");
  }
  absl::StrAppend(&bytes, entry.seq, ",", absl::ToUnixNanos(entry.at), ",",
                  static_cast<int>(entry.outcome));
  return Sha256Hex(bytes);
}

absl::StatusOr<Decision<NoteRefusal::Reply>> Decide(const State& state, const NoteRefusal& command,
                                                    absl::Time now) {
  Draft draft(state, now);
  RecordRefused(draft, {command.caller, command.method, command.object}, command.detail);
  return Decision<NoteRefusal::Reply>{draft.Take(), {}};
}

}  // namespace handoff::core
