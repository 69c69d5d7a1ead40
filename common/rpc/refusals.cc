#include "common/rpc/refusals.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr absl::Duration kBetweenLines = absl::Seconds(1);
constexpr size_t kMaxDetail = 200;

absl::string_view WordsFor(Refusal refusal) {
  switch (refusal) {
    case Refusal::kPeerLimit:
      return "above the limit of one address";
    case Refusal::kTotalLimit:
      return "above the limit of all";
    case Refusal::kNoDescriptor:
      return "for want of a descriptor";
    case Refusal::kNoTls:
      return "that spoke no TLS";
    case Refusal::kOldTls:
      return "that spoke a TLS below 1.2";
    case Refusal::kNoCertificate:
      return "without a certificate";
    case Refusal::kBadCertificate:
      return "whose certificate is of another authority, expired, not valid yet by this clock, or "
             "made for another use";
    case Refusal::kTooSlow:
      return "without a handshake in time";
    case Refusal::kOtherHandshake:
      return "whose handshake failed otherwise";
    case Refusal::kGrpc:
      break;
  }
  return "";
}

}  // namespace

Refusals& Refusals::OfProcess() {
  // Never destroyed: gRPC's threads may outlive main.
  static auto* const refusals =
      new Refusals([](const std::string& line) { SPDLOG_WARN("{}", line); });
  return *refusals;
}

void Refusals::Add(Refusal refusal, absl::string_view detail) {
  const MutexLock lock(mutex_);
  Count& count = counts_[static_cast<size_t>(refusal)];
  ++count.number;
  count.last = OneLine(EscapeInvalidUtf8(detail.substr(0, kMaxDetail)), kMaxDetail);
  any_ = true;
}

void Refusals::Tell(BootTime now) {
  std::string line;
  {
    const MutexLock lock(mutex_);
    if (!any_ || now - told_ < kBetweenLines) return;
    told_ = now;
    line = TakeLine();
  }
  sink_(line);
}

std::string Refusals::TakeLine() {
  int total = 0;
  std::vector<std::string> parts;
  std::string grpc;
  for (int i = 0; i < kRefusals; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    const Count count = std::exchange(counts_[static_cast<size_t>(i)], Count());
    if (count.number == 0) continue;
    if (refusal == Refusal::kGrpc) {
      grpc = absl::StrCat("gRPC reported ", count.number, count.number == 1 ? " error" : " errors",
                          ", the last: ", count.last);
      continue;
    }
    total += count.number;
    parts.push_back(absl::StrCat(count.number, " ", WordsFor(refusal),
                                 count.last.empty() ? "" : " (last: ", count.last,
                                 count.last.empty() ? "" : ")"));
  }
  any_ = false;
  if (total == 0) return grpc;
  return absl::StrCat("turned away ", total,
                      total == 1 ? " connection: " : " connections: ", absl::StrJoin(parts, "; "),
                      grpc.empty() ? "" : "; ", grpc);
}

}  // namespace handoff
