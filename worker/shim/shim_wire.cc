#include "worker/shim/shim_wire.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxReason = 2 << 10;  // escaped it still fits into a packet

// `act` is bind or connect.
template <typename Act>
absl::StatusOr<UniqueFd> SocketAt(const std::string& attempt_dir, const char* doing, Act act) {
  ASSIGN_OR_RETURN(const UniqueFd directory, OpenFile(attempt_dir, O_PATH | O_DIRECTORY));
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoToStatus(errno, "making a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/sock",
                directory.get());
  if (act(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoToStatus(errno, absl::StrCat(doing, " ", attempt_dir, "/sock"));
  }
  return fd;
}

const char* NameOf(ShimRequest::Op op) {
  switch (op) {
    case ShimRequest::Op::kRenew:
      return "renew";
    case ShimRequest::Op::kStop:
      return "stop";
    case ShimRequest::Op::kFinish:
      return "finish";
    case ShimRequest::Op::kState:
      return "state";
  }
  return "";
}

}  // namespace

std::string Encode(const ShimRequest& request) {
  Json json{{"op", NameOf(request.op)}};
  if (request.op == ShimRequest::Op::kRenew) json["deadline"] = request.deadline.ns;
  if (request.op == ShimRequest::Op::kStop) {
    json["as"] = static_cast<int>(request.as);
    json["reason"] = EscapeInvalidUtf8(absl::string_view(request.reason).substr(0, kMaxReason));
  }
  if (request.op == ShimRequest::Op::kStop || request.op == ShimRequest::Op::kFinish) {
    json["grace_ms"] = request.grace_ms;
  }
  return json.dump();
}

std::string Encode(const ShimEvent& event) {
  Json json = Json::object();
  if (event.log_bytes) json["log"] = *event.log_bytes;
  if (!event.state.empty()) json["state"] = event.state;
  if (event.exit) json["exit"] = Json::parse(Encode(*event.exit));
  return json.dump();
}

absl::StatusOr<ShimRequest> DecodeShimRequest(const std::string& packet) {
  const Json json = Json::parse(packet, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("the packet is not a JSON object");
  try {
    const std::string op = json.at("op").get<std::string>();
    ShimRequest request;
    if (op == "renew") {
      request.op = ShimRequest::Op::kRenew;
      json.at("deadline").get_to(request.deadline.ns);
    } else if (op == "stop") {
      request.op = ShimRequest::Op::kStop;
      request.as = static_cast<EndedBy>(json.at("as").get<int>());
      json.at("reason").get_to(request.reason);
      json.at("grace_ms").get_to(request.grace_ms);
    } else if (op == "finish") {
      request.op = ShimRequest::Op::kFinish;
      json.at("grace_ms").get_to(request.grace_ms);
    } else if (op != "state") {
      return absl::InvalidArgumentError(absl::StrCat("there is no operation ", op));
    }
    return request;
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

absl::StatusOr<ShimEvent> DecodeShimEvent(const std::string& packet) {
  const Json json = Json::parse(packet, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("the packet is not a JSON object");
  try {
    ShimEvent event;
    if (json.contains("log")) event.log_bytes = json.at("log").get<uint64_t>();
    if (json.contains("state")) json.at("state").get_to(event.state);
    if (json.contains("exit")) {
      ASSIGN_OR_RETURN(event.exit, DecodeShimExit(json.at("exit").dump()));
    }
    return event;
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

absl::StatusOr<UniqueFd> ListenOnShimSocket(const std::string& attempt_dir) {
  // Whoever holds the lock may remove what an earlier shim left.
  ::unlink(absl::StrCat(attempt_dir, "/sock").c_str());
  ASSIGN_OR_RETURN(UniqueFd fd, SocketAt(attempt_dir, "binding", ::bind));
  if (::listen(fd.get(), 8) != 0) return ErrnoToStatus(errno, "listen");
  return fd;
}

absl::StatusOr<UniqueFd> ConnectToShimSocket(const std::string& attempt_dir) {
  return SocketAt(attempt_dir, "connecting to", ::connect);
}

}  // namespace handoff
