#include "worker/bounds.h"

#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff::worker {
namespace {

// The coordinator keeps 512 KiB, and adds a little of its own.
constexpr size_t kMaxEndBytes = 511 << 10;
constexpr size_t kMaxTextBytes = 64 << 10;
constexpr int kMaxNotes = 64;
constexpr size_t kMaxNote = 300;

bool TooLarge(const v1::AttemptEnd& end) { return end.ByteSizeLong() > kMaxEndBytes; }

void ClipTo(size_t max_bytes, std::string* text) {
  if (text->size() > max_bytes) *text = Clip(*text, max_bytes);
}

}  // namespace

std::string FactsForStatus(const v1::Facts& reported) {
  v1::Facts small = reported;
  small.clear_tools();
  small.clear_unknown_events();
  return small.SerializeAsString();
}

void SetNotes(const std::vector<std::string>& notes, v1::Facts& facts) {
  if (notes.empty()) return;
  facts.clear_notes();
  for (const std::string& note : notes) {
    if (facts.notes_size() == kMaxNotes) break;
    facts.add_notes(OneLine(EscapeInvalidUtf8(note), kMaxNote));
  }
}

void BoundEnd(v1::AttemptEnd& end) {
  v1::Facts& facts = *end.mutable_facts();
  while (facts.files_size() > 0 && TooLarge(end)) facts.mutable_files()->RemoveLast();
  // The first ones: the last ones tell where the work stands.
  while (facts.tools_size() > 0 && TooLarge(end)) {
    facts.mutable_tools()->erase(facts.tools().begin());
  }
  if (!TooLarge(end)) return;
  // Only a command line of extraordinary length comes here.
  ClipTo(kMaxTextBytes, end.mutable_command());
  ClipTo(kMaxTextBytes, end.mutable_safe_command());
  ClipTo(kMaxTextBytes, end.mutable_protocol_message());
  ClipTo(kMaxTextBytes, end.mutable_failure_message());
}

}  // namespace handoff::worker
