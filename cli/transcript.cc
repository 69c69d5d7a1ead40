#include "cli/transcript.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/table.h"
#include "common/text.h"

namespace handoff {
namespace {

using Json = nlohmann::json;

// An edit event carries whole files; beyond this a line is cut and shown as text.
constexpr size_t kMostLineBytes = 16 << 20;
constexpr size_t kMostShownBytes = 4000;

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

// The text parts of a message's content.
std::string ContentText(const Json& event) {
  std::string text;
  for (const Json& part : Member(Member(event, "message"), "content")) {
    if (Text(part, "type") == "text") absl::StrAppend(&text, Text(part, "text"));
  }
  return text;
}

struct Tool {
  std::string name;  // "shell", "edit"
  std::string what;  // command line, path or pattern
  const Json* result = nullptr;
};

Tool ToolOf(const Json& event) {
  const Json& call = Member(event, "tool_call");
  if (!call.is_object()) return {};
  for (const auto& [key, value] : call.items()) {
    if (!absl::EndsWith(key, "ToolCall")) continue;
    Tool tool{std::string(absl::StripSuffix(key, "ToolCall")), "", &Member(value, "result")};
    const Json& args = Member(value, "args");
    for (const char* name : {"command", "path", "pattern", "globPattern", "query", "url", "name"}) {
      if (tool.what.empty()) tool.what = Text(args, name);
    }
    return tool;
  }
  const Json& function = Member(call, "function");
  return {Text(function, "name"), Text(function, "arguments"), nullptr};
}

// "exit 1", "+1 −1", "rejected: why".
std::string OutcomeOf(const Json& result, bool* failed) {
  if (!result.is_object() || result.empty()) return "done";
  const std::string& kind = result.begin().key();
  const Json& value = result.begin().value();
  *failed = kind != "success";
  std::string out = kind == "success" ? "done" : kind;
  const Json& code = Member(value, "exitCode");
  if (code.is_number_integer()) {
    out = absl::StrCat("exit ", code.get<int64_t>());
    *failed = code.get<int64_t>() != 0;
  }
  const Json& added = Member(value, "linesAdded");
  const Json& removed = Member(value, "linesRemoved");
  if (added.is_number_unsigned() && removed.is_number_unsigned()) {
    out = absl::StrCat("+", added.get<uint64_t>(), " −", removed.get<uint64_t>());
  }
  const std::string reason = Text(value, "reason");
  return reason.empty() ? out : absl::StrCat(out, ": ", OneLine(reason, 200));
}

std::string ToolLine(const Json& event, bool colour) {
  const Tool tool = ToolOf(event);
  const std::string what =
      absl::StrCat(OneLine(tool.name, 40), tool.what.empty() ? "" : " ", OneLine(tool.what, 300));
  const std::string subtype = Text(event, "subtype");
  if (subtype == "started") return Paint(absl::StrCat("> ", what, "\n"), Colour::kDim, colour);
  if (subtype != "completed") return "";
  bool failed = false;
  const std::string outcome = tool.result == nullptr ? "done" : OutcomeOf(*tool.result, &failed);
  return absl::StrCat(Paint(absl::StrCat("< ", what), Colour::kDim, colour), "  ",
                      Paint(outcome, failed ? Colour::kRed : Colour::kGreen, colour), "\n");
}

std::string ResultLine(const Json& event, bool colour) {
  const Json& is_error = Member(event, "is_error");
  const bool error =
      (is_error.is_boolean() && is_error.get<bool>()) || Text(event, "subtype") != "success";
  std::string line = error ? absl::StrCat("result: error ", OneLine(Text(event, "result"), 1000))
                           : "result: success";
  const Json& milliseconds = Member(event, "duration_ms");
  if (milliseconds.is_number_unsigned()) {
    absl::StrAppend(&line, " after ",
                    HumanDuration(absl::Milliseconds(milliseconds.get<uint64_t>())));
  }
  return absl::StrCat(Paint(line, error ? Colour::kRed : Colour::kGreen, colour), "\n");
}

std::string Block(absl::string_view text) {
  const std::string clean = StripControls(absl::StripAsciiWhitespace(text));
  return clean.empty() ? "" : absl::StrCat(clean, "\n");
}

// Text of one event; false when the object is none of a stream that we know.
bool EventText(const Json& event, bool colour, std::string* out) {
  const std::string type = Text(event, "type");
  if (type == "assistant") {
    *out = Block(ContentText(event));
  } else if (type == "tool_call") {
    *out = ToolLine(event, colour);
  } else if (type == "result") {
    *out = ResultLine(event, colour);
  } else if (type == "system") {
    const std::string model = Text(event, "model");
    if (Text(event, "subtype") == "init") {
      *out = Paint(absl::StrCat("session ", OneLine(Text(event, "session_id"), 80),
                                model.empty() ? "" : ", model ", OneLine(model, 80), "\n"),
                   Colour::kDim, colour);
    } else {
      *out = Block(Text(event, "message"));
    }
  } else {
    // The prompt is in handoff.md; thinking and control frames are not part of the transcript.
    return type == "user" || type == "thinking" || type == "connection" || type == "retry" ||
           type == "interaction_query";
  }
  return true;
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
    absl::StrAppend(&partial_, bytes.substr(0, newline));
    if (newline == absl::string_view::npos) {
      if (partial_.size() > kMostLineBytes) absl::StrAppend(&out, End());
      break;
    }
    absl::StrAppend(&out, Line(partial_));
    partial_.clear();
    bytes.remove_prefix(newline + 1);
  }
  return out;
}

std::string Transcript::End() {
  std::string out = partial_.empty() ? "" : Line(partial_);
  partial_.clear();
  return out;
}

std::string Transcript::Line(absl::string_view line) const {
  line = AsLeftOnATerminal(line);
  if (events_ && absl::StartsWith(line, "{")) {
    const Json event = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    std::string text;
    if (event.is_object() && event.contains("type") && EventText(event, colour_, &text)) {
      return text;
    }
    if (event.is_object() && line.size() > kMostShownBytes) {
      return absl::StrCat(StripControls(line.substr(0, kMostShownBytes)), "… (",
                          HumanBytes(line.size()), "; --raw shows all of it)\n");
    }
  }
  return absl::StrCat(StripControls(line), "\n");
}

}  // namespace handoff
