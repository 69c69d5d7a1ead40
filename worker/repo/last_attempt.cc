#include "worker/repo/last_attempt.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr size_t kMostNote = 1000;

// The number, and then the notes.
std::vector<std::string> ReadLines(const std::string& store) {
  const auto content = ReadFile(store + "/prepared-attempt", 1 << 20);
  if (!content.ok()) return {};
  return absl::StrSplit(*content, '\n', absl::SkipEmpty());
}

int NumberIn(const std::vector<std::string>& lines) {
  int attempt = 0;
  return !lines.empty() && absl::SimpleAtoi(lines[0], &attempt) ? attempt : 0;
}

}  // namespace

int LastAttempt(const std::string& store) { return NumberIn(ReadLines(store)); }

std::vector<std::string> NotesOfAttempt(const std::string& store, int attempt) {
  std::vector<std::string> lines = ReadLines(store);
  if (NumberIn(lines) != attempt || lines.empty()) return {};
  lines.erase(lines.begin());
  return lines;
}

absl::Status RememberAttempt(const std::string& store, int attempt,
                             const std::vector<std::string>& notes) {
  if (attempt <= LastAttempt(store)) return absl::OkStatus();
  std::string content = absl::StrCat(attempt, "\n");
  for (const std::string& note : notes)
    absl::StrAppend(&content, OneLine(EscapeInvalidUtf8(note), kMostNote), "\n");
  return WriteFileAtomically(store + "/prepared-attempt", content);
}

}  // namespace handoff
