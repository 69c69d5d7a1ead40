#include "tests/unit/worker/agent/told.h"

#include <optional>
#include <random>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

struct Teller {
  std::string operator()(const AgentEvent::SessionStarted& e) const {
    return absl::StrCat("session ", e.session, " ", e.model);
  }
  std::string operator()(const AgentEvent::Text& e) const { return absl::StrCat("text ", e.text); }
  std::string operator()(const AgentEvent::Progress&) const { return "progress"; }
  std::string operator()(const AgentEvent::ToolStarted& e) const {
    return absl::StrCat("start ", e.name, "|", e.command, "|", e.path);
  }
  std::string operator()(const AgentEvent::ToolFinished& e) const {
    return absl::StrCat("done ", e.name, "|", e.command, "|", e.path, "|", e.outcome, "|",
                        e.exit_code ? absl::StrCat(*e.exit_code) : "-", "|",
                        absl::FormatDuration(e.duration));
  }
  std::string operator()(const AgentEvent::Step& e) const {
    return absl::StrCat(e.over ? "step over " : "step ", e.id);
  }
  std::string operator()(const AgentEvent::Todo& e) const { return absl::StrCat("todo ", e.text); }
  std::string operator()(const AgentEvent::Usage& e) const {
    using Span = AgentEvent::Usage::Span;
    const char* span = e.span == Span::kDelta ? " more" : e.span == Span::kSession ? " in all" : "";
    const std::string cost = e.cost_usd > 0 ? absl::StrFormat(" $%.4f", e.cost_usd) : "";
    return absl::StrCat("usage ", e.input, " ", e.output, " ", e.cache_read, " ", e.cache_write,
                        cost, span);
  }
  std::string operator()(const AgentEvent::Retry& e) const {
    return absl::StrCat("retry ", e.message);
  }
  std::string operator()(const AgentEvent::Result& e) const {
    return absl::StrCat("result ", e.ok ? "ok" : std::string(FailureName(e.failure)), " ",
                        e.message);
  }
  std::string operator()(const AgentEvent::Unknown& e) const {
    return absl::StrCat("unknown ", e.type);
  }
  std::string operator()(const AgentEvent::Heartbeat&) const { return "alive"; }
};

}  // namespace

std::string Stream(const std::string& name) {
  const auto text = ReadFile(absl::StrCat(HANDOFF_STREAMS, "/", name, ".jsonl"));
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

std::vector<std::string> Told(StreamParser& stream, absl::string_view lines) {
  std::vector<std::string> out;
  for (const absl::string_view line : absl::StrSplit(lines, '\n')) {
    for (const AgentEvent& event : stream.ParseLine(line)) {
      out.push_back(std::visit(Teller{}, event.what));
    }
  }
  return out;
}

AgentEvent::Result LastResult(StreamParser& stream, absl::string_view lines) {
  std::optional<AgentEvent::Result> last;
  for (const absl::string_view line : absl::StrSplit(lines, '\n')) {
    for (const AgentEvent& event : stream.ParseLine(line)) {
      if (const auto* result = std::get_if<AgentEvent::Result>(&event.what)) last = *result;
    }
  }
  EXPECT_TRUE(last.has_value());
  return last.value_or(AgentEvent::Result());
}

void ExpectToTakeMutations(StreamParser& stream, absl::string_view text, int rounds) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  std::mt19937 random(20261120);
  for (int round = 0; round < rounds; ++round) {
    std::string line = lines[random() % lines.size()];
    for (size_t n = 1 + random() % 4; n > 0 && !line.empty(); --n) {
      const size_t at = random() % line.size();
      switch (random() % 5) {
        case 0:
          line[at] = static_cast<char>(random());
          break;
        case 1:
          line.erase(at, random() % 40);
          break;
        case 2:
          line.insert(at, line.substr(random() % line.size(), random() % 60));
          break;
        case 3:
          line[at] = "{}[]\":,\\0e-"[random() % 11];
          break;
        default:
          line.resize(at);
      }
    }
    stream.ParseLine(line);
  }
  EXPECT_THAT(Told(stream, R"({"type":"novelty"})"), ::testing::ElementsAre("unknown novelty"));
}

}  // namespace handoff
