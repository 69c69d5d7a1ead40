#include "common/identity/names.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/peer_name.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr absl::string_view kScheme = "spiffe://";
constexpr size_t kMostPoolId = 48;  // with words around it, a common name of at most 64
constexpr PeerKind kKinds[] = {PeerKind::kCoordinator, PeerKind::kWorker, PeerKind::kRenewal,
                               PeerKind::kUser, PeerKind::kToken};

bool IsLowerAlnum(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c));
}
bool IsDnsLabel(absl::string_view label) {
  return !label.empty() && label.size() <= 63 && IsLowerAlnum(label.front()) &&
         IsLowerAlnum(label.back()) && std::all_of(label.begin(), label.end(), [](char c) {
           return IsLowerAlnum(c) || c == '-';
         });
}

std::string Shown(absl::string_view text) {
  return OneLine(EscapeInvalidUtf8(text.substr(0, 200)), 100);
}

absl::Status NoName(absl::string_view uri) {
  return absl::InvalidArgumentError(absl::StrCat("'", Shown(uri), "' names nobody in a pool"));
}

}  // namespace

absl::string_view KindName(PeerKind kind) {
  switch (kind) {
    case PeerKind::kCoordinator:
      return "coordinator";
    case PeerKind::kWorker:
      return "worker";
    case PeerKind::kRenewal:
      return "renewal";
    case PeerKind::kUser:
      return "user";
    case PeerKind::kToken:
      return "token";
  }
  return "unknown";
}

absl::Status CheckPoolId(absl::string_view pool_id) {
  if (pool_id.size() <= kMostPoolId && IsDnsLabel(pool_id)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", Shown(pool_id), "' is no pool id: at most ",
                                                 kMostPoolId,
                                                 " of a-z, 0-9 and '-', not at its ends"));
}

absl::Status CheckPeerName(const PeerName& peer) {
  if (const absl::Status pool = CheckPoolId(peer.pool_id); !pool.ok()) return pool;
  const bool named = peer.kind != PeerKind::kCoordinator;
  const absl::string_view name = peer.name;
  if (!named && name.empty()) return absl::OkStatus();
  if (!named) return absl::InvalidArgumentError("the coordinator of a pool has no further name");
  if (IsPeerName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", Shown(name), "' is no name for a ",
                                                 KindName(peer.kind), ": ", kPeerNameRule));
}

std::string ToUri(const PeerName& peer) {
  return absl::StrCat(kScheme, peer.pool_id, "/", KindName(peer.kind),
                      peer.kind == PeerKind::kCoordinator ? "" : "/", peer.name);
}

absl::StatusOr<PeerName> ParsePeerName(absl::string_view uri) {
  absl::string_view rest = uri;
  if (!absl::ConsumePrefix(&rest, kScheme)) return NoName(uri);
  const std::vector<absl::string_view> parts = absl::StrSplit(rest, absl::MaxSplits('/', 2));
  if (parts.size() < 2) return NoName(uri);
  const auto* const kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                        [&](PeerKind k) { return KindName(k) == parts[1]; });
  if (kind == std::end(kKinds)) return NoName(uri);
  PeerName peer{std::string(parts[0]), *kind, std::string(parts.size() > 2 ? parts[2] : "")};
  if (!CheckPeerName(peer).ok() || ToUri(peer) != uri) return NoName(uri);
  return peer;
}

std::string DescribePeer(const PeerName& peer) {
  if (peer.kind == PeerKind::kCoordinator) return absl::StrCat("the coordinator of ", peer.pool_id);
  return absl::StrCat(KindName(peer.kind), " ", peer.name);
}

std::string PoolUri(absl::string_view pool_id) { return absl::StrCat(kScheme, pool_id); }

absl::StatusOr<std::string> ParsePoolUri(absl::string_view uri) {
  absl::string_view pool_id = uri;
  if (!absl::ConsumePrefix(&pool_id, kScheme) || !CheckPoolId(pool_id).ok()) return NoName(uri);
  return std::string(pool_id);
}

std::string PoolDnsName(absl::string_view pool_id) {
  return absl::StrCat(pool_id, ".handoff.invalid");
}

bool IsDnsName(absl::string_view name) {
  if (name.size() > 253) return false;
  const std::vector<absl::string_view> labels = absl::StrSplit(name, '.');
  return std::all_of(labels.begin(), labels.end(), IsDnsLabel);
}

}  // namespace handoff
