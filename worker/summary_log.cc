#include "worker/summary_log.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/handoff/markdown.h"
#include "common/text.h"

namespace handoff::worker {
namespace {

constexpr size_t kHeadBytes = 32 << 10;
constexpr size_t kTailBytes = 64 << 10;
constexpr size_t kMostLineBytes = 4 << 20;  // of the log; longer ones are read over
constexpr size_t kTextBytes = 4 << 10;
constexpr size_t kCommandBytes = 2 << 10;
constexpr size_t kRawBytes = 500;
constexpr size_t kMostCalls = 1000;

std::string Said(absl::string_view text, size_t most) {
  return Clip(TrimText(StripControls(EscapeInvalidUtf8(text.substr(0, most + 4)))), most);
}

// "shell `ninja test`", "edit `src/a.cc`".
std::string CallText(const std::string& name, const std::string& command, const std::string& path) {
  std::string out = OneLine(name, 80);
  for (const std::string& part : {command, path}) {
    if (!part.empty()) absl::StrAppend(&out, " ", InlineCode(part, kCommandBytes));
  }
  return out;
}

}  // namespace

void BoundedLines::Add(std::string line) {
  line.push_back('\n');
  if (!begin_full_ && begin_.size() + line.size() <= head_) {
    begin_ += line;
    return;
  }
  begin_full_ = true;
  end_bytes_ += line.size();
  end_.push_back(std::move(line));
  while (end_bytes_ > tail_ && end_.size() > 1) {
    end_bytes_ -= end_.front().size();
    end_.pop_front();
    ++left_out_;
  }
}

std::string BoundedLines::Take() {
  std::string out = std::move(begin_);
  if (left_out_ > 0) absl::StrAppend(&out, "[… ", left_out_, " entries are left out here …]\n");
  for (const std::string& line : end_) out += line;
  return out;
}

// One event as a line; empty for what tells nothing of the work.
struct SummaryLog::Visit {
  SummaryLog& log;

  std::string operator()(const AgentEvent::Text& e) const {
    return absl::StrCat("agent says: ", Said(e.text, kTextBytes));
  }
  std::string operator()(const AgentEvent::ToolStarted& e) const {
    if (log.calls_.size() < kMostCalls) log.calls_[e.call_id] = e;
    return "";
  }
  std::string operator()(const AgentEvent::ToolFinished& e) const {
    AgentEvent::ToolStarted begun;
    if (const auto call = log.calls_.find(e.call_id); call != log.calls_.end()) {
      begun = std::move(call->second);
      log.calls_.erase(call);
    }
    const auto either = [](const std::string& a, const std::string& b) {
      return a.empty() ? b : a;
    };
    std::string out = absl::StrCat(
        "tool: ", CallText(either(e.name, begun.name), either(e.command, begun.command),
                           either(e.path, begun.path)));
    if (e.exit_code) absl::StrAppend(&out, ", exit status ", *e.exit_code);
    if (!e.outcome.empty()) absl::StrAppend(&out, ", ", OneLine(e.outcome, 80));
    return out;
  }
  std::string operator()(const AgentEvent::Todo& e) const {
    return absl::StrCat("plan: ", OneLine(e.text, kRawBytes));
  }
  std::string operator()(const AgentEvent::Retry& e) const {
    return absl::StrCat("trouble: ", OneLine(e.message, kRawBytes));
  }
  std::string operator()(const AgentEvent::Result& e) const {
    return absl::StrCat("the agent's run ended ", e.ok ? "without an error" : "with an error",
                        e.ok || e.message.empty() ? "" : ": ",
                        e.ok ? "" : OneLine(e.message, kTextBytes));
  }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

SummaryLog::SummaryLog(const Agent& agent)
    : parser_(agent.NewParser()), events_(kHeadBytes, kTailBytes), raw_(kHeadBytes, kTailBytes) {}

void SummaryLog::Take(absl::string_view bytes) {
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const absl::string_view part = bytes.substr(0, end);
    too_long_ |= line_.size() + part.size() > kMostLineBytes;
    if (!too_long_) absl::StrAppend(&line_, part);
    if (end == absl::string_view::npos) return;
    TakeLine(line_);
    line_.clear();
    too_long_ = false;
    bytes.remove_prefix(end + 1);
  }
}

void SummaryLog::TakeLine(absl::string_view line) {
  if (too_long_) return events_.Add("[a line of more than 4 MiB is left out]");
  const absl::string_view text = absl::StripAsciiWhitespace(line);
  if (text.empty()) return;
  raw_.Add(Said(text, kRawBytes));
  // What is no event was written to the other stream, by the CLI or by what it started.
  if (!absl::StartsWith(text, "{"))
    return events_.Add(absl::StrCat("output: ", Said(text, kRawBytes)));
  for (const AgentEvent& event : parser_->ParseLine(line)) {
    std::string told = std::visit(Visit{*this}, event.what);
    if (!told.empty()) events_.Add(std::move(told));
  }
}

std::string SummaryLog::Finish() {
  if (!line_.empty()) TakeLine(std::exchange(line_, ""));
  for (const auto& [id, call] : std::exchange(calls_, {})) {
    events_.Add(
        absl::StrCat("tool that has not ended: ", CallText(call.name, call.command, call.path)));
  }
  return events_.empty() ? raw_.Take() : events_.Take();
}

}  // namespace handoff::worker
