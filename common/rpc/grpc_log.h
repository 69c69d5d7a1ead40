// gRPC's own log lines, and protobuf's. They write one to stderr for every peer that fails its
// handshake and every text that is not UTF-8, so that anybody who can connect could fill a disk.
#pragma once

#include "absl/strings/string_view.h"
#include "common/rpc/refusals.h"

namespace handoff {

// From here on its errors are counted in Refusals::OfProcess(), and the rest (GRPC_VERBOSITY) goes
// to our log. May be called again.
void TakeGrpcLog();

// What an error of gRPC 1.51 on OpenSSL 3 is about. Words that are not known are counted as
// kOtherHandshake or kGrpc, never dropped.
Refusal ClassifyGrpcError(absl::string_view message);

}  // namespace handoff
