#include "coordinator/core/audit.h"

#include "absl/strings/str_cat.h"
#include "common/hash.h"

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

}  // namespace handoff::core
