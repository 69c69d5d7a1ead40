// Errors of the outside world are absl::Status, annotated once per layer. The bridges from errno
// live here.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

// Same code, message "<prefix>: <message>". OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view prefix);

// The same error, with how long to wait until it may help to try again: for programs, beside the
// sentence. Annotate keeps it.
absl::Status WithRetryAfter(absl::Status status, absl::Duration wait);
std::optional<absl::Duration> RetryAfter(const absl::Status& status);

// A Status for errno `error` with message "<what>: <strerror>".
absl::Status ErrnoToStatus(int error, absl::string_view what);

namespace internal {
inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}
}  // namespace internal

}  // namespace handoff

#define HANDOFF_CONCAT_INNER(a, b) a##b
#define HANDOFF_CONCAT(a, b) HANDOFF_CONCAT_INNER(a, b)

// Leaves the function with the error of `expr` (a Status or StatusOr) if there is one.
#define RETURN_IF_ERROR(expr)                                                \
  do {                                                                       \
    if (auto _result = (expr); !::handoff::internal::StatusOf(_result).ok()) \
      return ::handoff::internal::StatusOf(_result);                         \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()): x = value of F(), or leave with its error.
#define ASSIGN_OR_RETURN(lhs, expr) \
  HANDOFF_ASSIGN_OR_RETURN(HANDOFF_CONCAT(_status_or_, __LINE__), lhs, expr)
#define HANDOFF_ASSIGN_OR_RETURN(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return tmp.status();            \
  lhs = *std::move(tmp)
