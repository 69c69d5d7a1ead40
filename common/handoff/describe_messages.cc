// What people and checks said to the agent, for handoff.md and for prompts.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/handoff/describe_sections.h"
#include "common/handoff/markdown.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using Messages = std::vector<const v1::Message*>;

// Of what earlier attempts had, in a prompt; in handoff.md a line each stands for them.
constexpr size_t kRepeatedBytes = 8 << 10;
constexpr size_t kRepeatedInAll = 32 << 10;
constexpr size_t kMostListed = 20;
constexpr size_t kListedBytes = 300;

template <typename Wanted>
Messages Of(const v1::Handoff& handoff, const Wanted& wanted) {
  Messages messages;
  for (const v1::Message& message : handoff.messages()) {
    if (message.state() != v1::Message::DROPPED && wanted(message)) messages.push_back(&message);
  }
  return messages;
}

std::string Opening(const v1::Message& message) {
  if (message.origin() == v1::Message::CHECKS) return "The checks failed:";
  const std::string author = OneLine(message.author(), 80);
  return absl::StrCat("Message ", message.number(), author.empty() ? "" : " from ", author, ":");
}

// One after the other. The newest are kept when not all fit.
std::string Joined(const Messages& messages, size_t each, size_t all) {
  std::vector<std::string> texts;
  size_t bytes = 0;
  for (auto m = messages.rbegin(); m != messages.rend(); ++m) {
    std::string text = absl::StrCat(Opening(**m), "\n", Clip(TrimText((*m)->text()), each));
    bytes += text.size();
    if (bytes > all && !texts.empty()) break;
    texts.push_back(std::move(text));
  }
  if (texts.size() < messages.size()) {
    texts.push_back(
        absl::StrCat("(", messages.size() - texts.size(), " earlier ones are left out here.)"));
  }
  std::reverse(texts.begin(), texts.end());
  return absl::StrJoin(texts, "\n\n");
}

// A line each; the newest are kept when there are too many.
std::string Listed(const Messages& messages) {
  std::vector<std::string> items;
  const size_t first = messages.size() - std::min(messages.size(), kMostListed);
  if (first > 0) items.push_back(absl::StrCat("- ", first, " earlier ones"));
  for (size_t i = first; i < messages.size(); ++i) {
    const v1::Message& m = *messages[i];
    const bool checks = m.origin() == v1::Message::CHECKS;
    std::string item = absl::StrCat("- Message ", m.number(), checks ? " of the checks" : "");
    if (!checks && !m.author().empty())
      absl::StrAppend(&item, " from ", InlineCode(m.author(), 80));
    absl::StrAppend(&item, ", sent ", TimeText(m.sent_at().seconds()), ", ",
                    m.attempt() == 0 ? "waits for the next attempt"
                                     : absl::StrCat("went with attempt ", m.attempt()),
                    ": ", InlineCode(m.text(), kListedBytes));
    items.push_back(std::move(item));
  }
  return absl::StrJoin(items, "\n");
}

bool IsPending(const v1::Message& message) { return message.attempt() == 0; }

}  // namespace

std::string ToldSection(const HandoffView& view) {
  const std::string list =
      Listed(Of(view.handoff(), [](const v1::Message& m) { return !IsPending(m); }));
  return list.empty() ? "" : absl::StrCat("\n\nSaid to the agent (as it was sent):\n\n", list);
}

std::string PendingSection(const HandoffView& view) {
  const std::string list = Listed(Of(view.handoff(), IsPending));
  return list.empty() ? "" : absl::StrCat("\n", list);
}

std::string NewMessages(const v1::Handoff& handoff, int attempt) {
  const auto wanted = [attempt](const v1::Message& m) { return m.attempt() == attempt; };
  return Joined(Of(handoff, wanted), std::string::npos, std::string::npos);
}

std::string PendingMessages(const v1::Handoff& handoff) {
  return StripControls(Joined(Of(handoff, IsPending), kRepeatedBytes, kRepeatedInAll));
}

std::string EarlierMessages(const v1::Handoff& handoff, int before,
                            const google::protobuf::Timestamp* since) {
  const auto is_later = [since](const google::protobuf::Timestamp& at) {
    return since == nullptr ||
           std::pair(at.seconds(), at.nanos()) > std::pair(since->seconds(), since->nanos());
  };
  const auto wanted = [&](const v1::Message& m) {
    return !IsPending(m) && m.attempt() < before && is_later(m.sent_at());
  };
  return StripControls(Joined(Of(handoff, wanted), kRepeatedBytes, kRepeatedInAll));
}

}  // namespace handoff
