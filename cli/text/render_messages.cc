#include "cli/text/render_messages.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/text/render.h"
#include "cli/text/words.h"
#include "common/handoff/describe_held.h"
#include "common/handoff/document_edits.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr size_t kMostQuestionLines = 40;
constexpr size_t kMostMessages = 20;

void AddQuestion(const v1::Handoff& handoff, Fields& fields) {
  if (handoff.status() != v1::Handoff::WAITING) return;
  const std::vector<std::string> lines =
      absl::StrSplit(absl::StripAsciiWhitespace(handoff.question()), '\n');
  const size_t shown = std::min(lines.size(), kMostQuestionLines);
  for (size_t i = 0; i < shown; ++i) {
    const std::string line = OneLine(lines[i], 400);
    if (i == 0) {
      fields.Add("Asks", line);
    } else {
      fields.AddMore(line);
    }
  }
  if (lines.size() > shown) fields.AddMore("… the rest: handoff show --md");
}

std::string MessageWords(const v1::Message& message, const View& view) {
  const bool checks = message.origin() == v1::Message::CHECKS;
  return absl::StrCat(message.number(), "  ", checks ? "the checks" : OneLine(message.author(), 64),
                      ", ", Relative(TimeOf(message.sent_at()), view.now), ": ",
                      OneLine(message.text(), 200),
                      message.state() == v1::Message::GIVEN
                          ? absl::StrCat("  (goes with attempt ", message.attempt(), ")")
                          : "");
}

}  // namespace

void AddMessages(const v1::Handoff& handoff, const View& view, Fields& fields) {
  AddQuestion(handoff, fields);
  std::vector<const v1::Message*> unread;
  uint64_t read = 0;
  for (const v1::Message& message : handoff.messages()) {
    if (message.state() == v1::Message::DELIVERED) ++read;
    if (message.state() == v1::Message::PENDING || message.state() == v1::Message::GIVEN)
      unread.push_back(&message);
  }
  std::vector<std::string> counts;
  if (!unread.empty()) counts.push_back(absl::StrCat(unread.size(), " waiting"));
  if (read > 0) counts.push_back(absl::StrCat(read, " read"));
  fields.Add("Messages", absl::StrJoin(counts, ", "));
  for (size_t i = 0; i < unread.size() && i < kMostMessages; ++i)
    fields.AddMore(MessageWords(*unread[i], view));
  if (unread.size() > kMostMessages)
    fields.AddMore(absl::StrCat("… and ", unread.size() - kMostMessages, " more"));
}

void AddWritten(const v1::Handoff& handoff, Fields& fields) {
  fields.Add("Held", HeldText(handoff));
  for (const v1::Attempt& attempt : handoff.attempts()) {
    const auto& facts = attempt.has_facts() ? attempt.facts() : attempt.end().facts();
    for (const std::string& note : facts.notes()) {
      if (!IsAgentsChange(note)) continue;
      fields.Add("Wrote", absl::StrCat("in attempt ", attempt.number(), " ", OneLine(note, 300)),
                 Colour::kYellow);
    }
  }
}

std::string RenderSent(const v1::Handoff& handoff) {
  const int number = handoff.messages_size();
  const int attempts = std::max(handoff.attempt_count(), handoff.attempts_size());
  std::string words = absl::StrCat(handoff.id(), ": kept as message ", number, "; ");
  if (handoff.status() == v1::Handoff::QUEUED) {
    return absl::StrCat(words, "it goes with attempt ", attempts, ", which is queued");
  }
  const bool stopping =
      attempts > 0 && handoff.attempts().rbegin()->state() == v1::Attempt::STOPPING;
  if (stopping) {
    return absl::StrCat(words, "attempt ", attempts, " is being interrupted, and attempt ",
                        attempts + 1, " goes on with it");
  }
  return absl::StrCat(words, "it goes with attempt ", attempts + 1, ", when attempt ", attempts,
                      " has ended");
}

}  // namespace handoff
