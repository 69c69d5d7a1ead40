// JSON-RPC 2.0 as the Model Context Protocol speaks it on stdio: one message a line. Pure.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff {

// Above a task of 1 MiB whose every character is escaped.
inline constexpr size_t kMostMcpLine = 8 << 20;
// Each answer repeats it.
inline constexpr size_t kMostMcpId = 1 << 10;

enum class RpcError {
  kParse = -32700,
  kInvalidRequest = -32600,
  kNoSuchMethod = -32601,
  kInvalidParams = -32602,
};

// Bytes as they come, cut into lines. What is longer than kMostMcpLine is skipped to its end.
class McpLines {
 public:
  // `each` gets whole lines without their end; `too_long` is called once for each that is skipped.
  void Feed(absl::string_view bytes, const std::function<void(absl::string_view)>& each,
            const std::function<void()>& too_long);

 private:
  std::string partial_;
  bool skipping_ = false;
};

struct McpMessage {
  enum Kind {
    kRequest,
    kNotification,
    kResponse,  // to something that we asked, which we never do
    kInvalid    // `error` is what to answer
  };
  Kind kind = kInvalid;
  nlohmann::json id;  // of a request: one that IsMcpId
  std::string method;
  nlohmann::json params = nlohmann::json::object();
  nlohmann::json error;
};

// A string of bounded size, or a whole number.
bool IsMcpId(const nlohmann::json& id);

// Several where the line is a batch, as revision 2025-03-26 of the protocol has them; each is
// answered with a line of its own.
std::vector<McpMessage> ParseMcpLine(absl::string_view line);

// Whole lines.
std::string McpResultLine(const nlohmann::json& id, const nlohmann::json& result);
std::string McpErrorLine(const nlohmann::json& id, RpcError code, absl::string_view message);
std::string McpNotificationLine(absl::string_view method, const nlohmann::json& params);

// The answer to `initialize`: the client's revision of the protocol, or the newest of ours.
nlohmann::json McpInitialize(const nlohmann::json& params);

}  // namespace handoff
