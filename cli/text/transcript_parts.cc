#include "cli/text/transcript_parts.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "cli/text/table.h"
#include "common/text.h"

namespace handoff::transcript {
namespace {

std::string ResultLine(absl::string_view words, const Json& duration_ms, Colour colour, bool on) {
  std::string line(words);
  if (duration_ms.is_number_unsigned()) {
    absl::StrAppend(&line, " after ",
                    HumanDuration(absl::Milliseconds(duration_ms.get<uint64_t>())));
  }
  return absl::StrCat(Paint(line, colour, on), "\n");
}

}  // namespace

std::string Text(const Json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& Member(const Json& object, const char* key) {
  static const auto* const nothing = new Json();
  if (!object.is_object()) return *nothing;
  const auto found = object.find(key);
  return found == object.end() ? *nothing : *found;
}

bool IsTrue(const Json& object, const char* key) {
  const Json& value = Member(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::string SessionLine(absl::string_view session, absl::string_view model, bool colour) {
  return Paint(absl::StrCat("session ", OneLine(session, 80), model.empty() ? "" : ", model ",
                            OneLine(model, 80), "\n"),
               Colour::kDim, colour);
}

std::string Block(absl::string_view text) {
  const std::string clean = StripControls(absl::StripAsciiWhitespace(text));
  return clean.empty() ? "" : absl::StrCat(clean, "\n");
}

std::string SaidSoFar(TranscriptState& state) {
  std::string text = Block(state.said);
  state.said.clear();
  return text;
}

std::string CallWords(absl::string_view name, absl::string_view what) {
  return absl::StrCat(OneLine(name, 40), what.empty() ? "" : " ", OneLine(what, 300));
}

std::string StartedLine(absl::string_view call, bool colour) {
  return Paint(absl::StrCat("> ", call, "\n"), Colour::kDim, colour);
}

std::string FinishedLine(absl::string_view call, absl::string_view outcome, bool failed,
                         bool colour) {
  return absl::StrCat(Paint(absl::StrCat("< ", call), Colour::kDim, colour), "  ",
                      Paint(outcome, failed ? Colour::kRed : Colour::kGreen, colour), "\n");
}

std::string SuccessLine(const Json& duration_ms, bool colour) {
  return ResultLine("result: success", duration_ms, Colour::kGreen, colour);
}

std::string ErrorLine(absl::string_view message, const Json& duration_ms, bool colour) {
  return ResultLine(absl::StrCat("result: error ", OneLine(message, 1000)), duration_ms,
                    Colour::kRed, colour);
}

std::string TroubleLine(absl::string_view message, bool colour) {
  const std::string line = OneLine(message, 1000);
  return line.empty() ? "" : Paint(absl::StrCat("! ", line, "\n"), Colour::kYellow, colour);
}

}  // namespace handoff::transcript
