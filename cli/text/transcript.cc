#include "cli/text/transcript.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/text/transcript_parts.h"
#include "common/text.h"

namespace handoff {
namespace {

// An event may carry whole files and a tool's whole output; beyond this a line is cut.
constexpr size_t kMostLineBytes = 64 << 20;
// A document takes many times the memory of its text.
constexpr size_t kMostParsedBytes = 16 << 20;
constexpr size_t kMostShownBytes = 4000;

// Text of one event; false when the object is none of a stream that we know. The first that knows
// it tells it: Claude Code's calls are parts of what Cursor tells as plain messages, Gemini's
// errors and results have more fields than those of Codex and Cursor, and opencode's types of
// events are those of others with another inside.
bool EventText(const transcript::Json& event, TranscriptState& state, std::string* out) {
  return transcript::OpencodeEventText(event, state, out) ||
         transcript::CopilotEventText(event, state, out) ||
         transcript::ClaudeEventText(event, state, out) ||
         transcript::GeminiEventText(event, state, out) ||
         transcript::CodexEventText(event, state, out) ||
         transcript::CursorEventText(event, state, out);
}

// A progress bar writes over itself with \r: what it wrote last is what stands there.
absl::string_view AsLeftOnATerminal(absl::string_view line) {
  while (absl::ConsumeSuffix(&line, "\r")) {
  }
  const size_t back = line.rfind('\r');
  return back == absl::string_view::npos ? line : line.substr(back + 1);
}

}  // namespace

std::string Transcript::Feed(absl::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    if (!skipping_) absl::StrAppend(&partial_, bytes.substr(0, newline));
    if (newline == absl::string_view::npos) {
      if (partial_.size() > kMostLineBytes) absl::StrAppend(&out, Cut());
      break;
    }
    if (!skipping_) absl::StrAppend(&out, Line(partial_));
    skipping_ = false;
    partial_.clear();
    bytes.remove_prefix(newline + 1);
  }
  return out;
}

std::string Transcript::End() {
  std::string out = partial_.empty() ? "" : Line(partial_);
  partial_.clear();
  absl::StrAppend(&out, transcript::SaidSoFar(state_));
  return out;
}

// A line of which more is to come than is kept.
std::string Transcript::Cut() {
  std::string out =
      absl::StrCat(StripControls(partial_.substr(0, kMostShownBytes)), "… (a line of more than ",
                   HumanBytes(kMostLineBytes), "; --raw shows all of it)\n");
  partial_.clear();
  skipping_ = true;
  return out;
}

std::string Transcript::Line(absl::string_view line) {
  line = AsLeftOnATerminal(line);
  if (events_ && absl::StartsWith(line, "{")) {
    transcript::Json event;
    if (line.size() <= kMostParsedBytes) {
      event =
          transcript::Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    }
    std::string text;
    if (event.is_object() && event.contains("type") && EventText(event, state_, &text)) {
      return text;
    }
    const bool told_in_part = event.is_object() || line.size() > kMostParsedBytes;
    if (told_in_part && line.size() > kMostShownBytes) {
      return absl::StrCat(StripControls(line.substr(0, kMostShownBytes)), "… (",
                          HumanBytes(line.size()), "; --raw shows all of it)\n");
    }
  }
  return absl::StrCat(StripControls(line), "\n");
}

}  // namespace handoff
