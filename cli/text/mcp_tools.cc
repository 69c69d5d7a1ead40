#include "cli/text/mcp_tools.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text/mcp_table.h"
#include "cli/text/options.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kUsualBytes = 16 << 10;
// A transcript is made of the bytes of the log that were asked for, and nearly always shorter.
constexpr uint64_t kMostTranscript = 256 << 10;
constexpr size_t kMostTexts = 64;

Json SchemaOf(const McpParameter& parameter) {
  Json schema = {{"description", parameter.about}};
  switch (parameter.kind) {
    case McpParameter::kText:
      schema["type"] = "string";
      if (!parameter.one_of.empty()) schema["enum"] = parameter.one_of;
      break;
    case McpParameter::kNumber:
      schema["type"] = "integer";
      schema["minimum"] = parameter.least;
      schema["maximum"] = parameter.most;
      break;
    case McpParameter::kFlag:
      schema["type"] = "boolean";
      break;
    case McpParameter::kTexts:
      schema["type"] = "array";
      schema["items"] = {{"type", "string"}};
      schema["maxItems"] = kMostTexts;
      break;
  }
  return schema;
}

Json DescriptionOf(const McpTool& tool) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const McpParameter& parameter : tool.parameters) {
    properties[std::string(parameter.name)] = SchemaOf(parameter);
    if (parameter.required) required.push_back(parameter.name);
  }
  return {{"name", tool.name},
          {"title", tool.title},
          {"description", tool.about},
          {"inputSchema",
           {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)},
            {"additionalProperties", false}}},
          {"annotations",
           {{"title", tool.title},
            {"readOnlyHint", tool.read_only},
            {"destructiveHint", tool.destructive},
            {"openWorldHint", false}}}};
}

absl::Status Refuse(const McpParameter& parameter, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", parameter.name, "' ", why, ". Nothing was done"));
}

absl::StatusOr<std::string> TextOf(const McpParameter& parameter, const Json& value) {
  if (!value.is_string()) return Refuse(parameter, "must be a string");
  const std::string& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) return Refuse(parameter, "holds a NUL character");
  return text;
}

absl::StatusOr<int64_t> NumberOf(const McpParameter& parameter, const Json& value) {
  const bool whole = value.is_number_integer();
  // Above the most of 64 bits it would wrap.
  const bool huge = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
  if (whole && !huge && value.get<int64_t>() >= parameter.least &&
      value.get<int64_t>() <= parameter.most) {
    return value.get<int64_t>();
  }
  return Refuse(parameter, absl::StrCat("must be a whole number from ", parameter.least, " to ",
                                        parameter.most));
}

// Behind '=' a value is never taken for a flag.
absl::Status AddOption(const McpParameter& parameter, const Json& value, McpCommand& command) {
  const auto add = [&](absl::string_view text) {
    command.arguments.push_back(absl::StrCat(parameter.flag, "=", text));
  };
  switch (parameter.kind) {
    case McpParameter::kText: {
      ASSIGN_OR_RETURN(const std::string text, TextOf(parameter, value));
      const auto& choice = parameter.one_of;
      if (!choice.empty() && std::find(choice.begin(), choice.end(), text) == choice.end()) {
        return Refuse(parameter, absl::StrCat("must be one of ", absl::StrJoin(choice, ", ")));
      }
      if (!text.empty()) add(text);
      return absl::OkStatus();
    }
    case McpParameter::kNumber: {
      ASSIGN_OR_RETURN(const int64_t number, NumberOf(parameter, value));
      add(absl::StrCat(number, parameter.unit));
      return absl::OkStatus();
    }
    case McpParameter::kFlag:
      if (!value.is_boolean()) return Refuse(parameter, "must be true or false");
      if (value.get<bool>()) command.arguments.emplace_back(parameter.flag);
      return absl::OkStatus();
    case McpParameter::kTexts:
      break;
  }
  if (!value.is_array() || value.size() > kMostTexts) {
    return Refuse(parameter, absl::StrCat("must be a list of at most ", kMostTexts, " strings"));
  }
  for (const Json& each : value) {
    ASSIGN_OR_RETURN(const std::string text, TextOf(parameter, each));
    if (text.empty()) return Refuse(parameter, "has an empty string in it");
    add(text);
  }
  return absl::OkStatus();
}

// What stands behind the flags.
struct Positionals {
  std::string id;
  bool input = false;
};

absl::Status Take(const McpParameter& parameter, const Json& value, McpCommand& command,
                  Positionals& behind) {
  switch (parameter.place) {
    case McpParameter::kOption:
      return AddOption(parameter, value, command);
    case McpParameter::kId: {
      ASSIGN_OR_RETURN(behind.id, TextOf(parameter, value));
      if (behind.id == "-") return absl::OkStatus();
      RETURN_IF_ERROR(CheckIdPart(behind.id));
      return absl::StartsWith(behind.id, "-") ? Refuse(parameter, "must not begin with '-'")
                                              : absl::OkStatus();
    }
    case McpParameter::kInput: {
      ASSIGN_OR_RETURN(command.input, TextOf(parameter, value));
      behind.input = !command.input.empty();
      return absl::OkStatus();
    }
    case McpParameter::kRepo: {
      ASSIGN_OR_RETURN(command.repo, TextOf(parameter, value));
      return absl::OkStatus();
    }
    case McpParameter::kOffset: {
      ASSIGN_OR_RETURN(const int64_t offset, NumberOf(parameter, value));
      command.offset = static_cast<uint64_t>(offset);
      return absl::OkStatus();
    }
    case McpParameter::kMost: {
      ASSIGN_OR_RETURN(const int64_t most, NumberOf(parameter, value));
      command.most = static_cast<uint64_t>(most);
      return absl::OkStatus();
    }
  }
  return absl::InternalError("a parameter of no place");
}

absl::Status CheckNames(const McpTool& tool, const Json& arguments) {
  if (!arguments.is_object()) {
    return absl::InvalidArgumentError("the arguments must be an object. Nothing was done");
  }
  for (const auto& [name, value] : arguments.items()) {
    const bool known =
        std::any_of(tool.parameters.begin(), tool.parameters.end(),
                    [&, wanted = absl::string_view(name)](const McpParameter& parameter) {
                      return parameter.name == wanted;
                    });
    if (known) continue;
    const std::string names =
        absl::StrJoin(tool.parameters, ", ", [](std::string* out, const McpParameter& parameter) {
          absl::StrAppend(out, parameter.name);
        });
    return absl::InvalidArgumentError(absl::StrCat("'", tool.name, "' has no parameter '",
                                                   OneLine(name, 60),
                                                   "'. Nothing was done; it has ", names));
  }
  return absl::OkStatus();
}

}  // namespace

const std::vector<McpTool>& McpTools() {
  static const auto* const tools = new std::vector<McpTool>(MakeMcpTools());
  return *tools;
}

const McpTool* FindMcpTool(absl::string_view name) {
  const auto found = std::find_if(McpTools().begin(), McpTools().end(),
                                  [&](const McpTool& tool) { return tool.name == name; });
  return found == McpTools().end() ? nullptr : &*found;
}

Json DescribeMcpTools() {
  Json tools = Json::array();
  for (const McpTool& tool : McpTools()) tools.push_back(DescriptionOf(tool));
  return {{"tools", std::move(tools)}};
}

absl::StatusOr<McpCommand> McpCommandFor(const McpTool& tool, const Json& arguments) {
  RETURN_IF_ERROR(CheckNames(tool, arguments));
  McpCommand command;
  command.arguments.emplace_back(tool.name);
  command.most = tool.answer == McpTool::kLogs ? kMostTranscript : kUsualBytes;
  Positionals behind;
  for (const McpParameter& parameter : tool.parameters) {
    const auto given = arguments.find(std::string(parameter.name));
    if (given != arguments.end() && !given->is_null()) {
      RETURN_IF_ERROR(Take(parameter, *given, command, behind));
    } else if (parameter.required) {
      return Refuse(parameter, absl::StrCat("is missing: ", parameter.about));
    } else if (!parameter.otherwise.empty()) {
      command.arguments.push_back(absl::StrCat(parameter.flag, "=", parameter.otherwise));
    }
  }
  for (const McpParameter& parameter : tool.parameters) {
    if (parameter.anew && command.offset > 0) std::erase(command.arguments, parameter.flag);
  }
  if (!behind.id.empty()) command.arguments.push_back(behind.id);
  if (behind.input) command.arguments.emplace_back("-");
  return command;
}

}  // namespace handoff
