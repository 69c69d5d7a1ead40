// The tools of `handoff mcp`. Each is a verb and some of its flags, and one table says both what a
// client reads of them and what becomes of its arguments, so that the two cannot differ. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

struct McpParameter {
  enum Kind { kText, kNumber, kFlag, kTexts };
  // What becomes of it: a flag; the id, which is checked; standard input; the directory in which
  // the verb runs; which part of a long answer is given.
  enum Place { kOption, kId, kInput, kRepo, kOffset, kMost };

  absl::string_view name;
  Kind kind = kText;
  Place place = kOption;
  absl::string_view flag = "";  // of kOption
  absl::string_view about = "";
  bool required = false;
  int64_t least = 0, most = INT32_MAX;         // of a number
  absl::string_view unit = "";                 // behind a number
  absl::string_view otherwise = "";            // the flag's value when it is not given
  std::vector<absl::string_view> one_of = {};  // of a text
  bool anew = false;  // a flag that makes another answer: not where an offset goes on with one
};

struct McpTool {
  // What an answer is made of, see mcp_answer.h.
  enum Answer { kPlain, kSubmit, kLogs, kWait };

  absl::string_view name, title, about;
  std::vector<McpParameter> parameters;
  bool read_only = true;
  bool destructive = false;
  Answer answer = kPlain;
  absl::Duration limit = absl::Seconds(50);    // then the verb is told to leave
  absl::Duration to_leave = absl::Seconds(5);  // how long that may take
  // Where the rest of an answer is that does not fit and has no offset.
  absl::string_view rest = "the rest is left out: ask for less";
};

// What a call is as a command line.
struct McpCommand {
  std::vector<std::string> arguments;
  std::string input;
  std::string repo;               // as given; empty: where the server is
  uint64_t offset = 0, most = 0;  // of what it prints
};

const std::vector<McpTool>& McpTools();
// Null: there is none.
const McpTool* FindMcpTool(absl::string_view name);

// The answer of tools/list.
nlohmann::json DescribeMcpTools();

// INVALID_ARGUMENT names the parameter.
absl::StatusOr<McpCommand> McpCommandFor(const McpTool& tool, const nlohmann::json& arguments);

}  // namespace handoff
