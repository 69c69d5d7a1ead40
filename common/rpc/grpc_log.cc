#include "common/rpc/grpc_log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <string>

#include "absl/strings/match.h"

namespace handoff {
namespace {

void OnGrpcLog(gpr_log_func_args* args) {
  switch (args->severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      SPDLOG_DEBUG("gRPC: {}", args->message);
      return;
    case GPR_LOG_SEVERITY_INFO:
      SPDLOG_INFO("gRPC: {}", args->message);
      return;
    case GPR_LOG_SEVERITY_ERROR:
      break;
  }
  const Refusal refusal = ClassifyGrpcError(args->message);
  // What is plain from the kind needs no words of OpenSSL's.
  const bool unclear = refusal == Refusal::kOtherHandshake || refusal == Refusal::kGrpc;
  Refusals::OfProcess().Add(refusal, unclear ? args->message : "");
}

// One for each text of a request that is not UTF-8, to begin with.
void OnProtobufLog(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  if (level >= google::protobuf::LOGLEVEL_WARNING)
    Refusals::OfProcess().Add(Refusal::kGrpc, message);
}

}  // namespace

Refusal ClassifyGrpcError(absl::string_view message) {
  struct Known {
    absl::string_view part;
    Refusal refusal;
  };
  static constexpr Known kKnown[] = {
      {"peer did not return a certificate", Refusal::kNoCertificate},
      {"certificate verify failed", Refusal::kBadCertificate},
      {"unsupported protocol", Refusal::kOldTls},
      {"version too low", Refusal::kOldTls},
      {"http request", Refusal::kNoTls},
      {"https proxy request", Refusal::kNoTls},
      {"wrong version number", Refusal::kNoTls},
      {"unknown protocol", Refusal::kNoTls},
      {"packet length too long", Refusal::kNoTls},
      {"bad record type", Refusal::kNoTls},
      {"record too small", Refusal::kNoTls},
      {"Handshake timed out", Refusal::kTooSlow},
  };
  for (const Known& known : kKnown) {
    if (absl::StrContains(message, known.part)) return known.refusal;
  }
  const bool handshake =
      absl::StrContains(message, "andshake failed") || absl::StrContains(message, "check_peer");
  return handshake ? Refusal::kOtherHandshake : Refusal::kGrpc;
}

void TakeGrpcLog() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(OnGrpcLog);
    google::protobuf::SetLogHandler(OnProtobufLog);
  });
}

}  // namespace handoff
