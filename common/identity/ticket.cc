#include "common/identity/ticket.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/hash.h"
#include "common/identity/base64.h"
#include "common/identity/parts.h"
#include "common/identity/verify.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr size_t kMostLine = 4095;
constexpr size_t kMostAddresses = 4;
constexpr size_t kMostAddress = 255;
constexpr size_t kSecretBytes = 32;
constexpr size_t kChecksumDigits = 16;
constexpr size_t kPrefixBytes = 5;
constexpr TicketKind kKinds[] = {TicketKind::kWorker, TicketKind::kUser, TicketKind::kCi};

absl::string_view PrefixOf(TicketKind kind) {
  switch (kind) {
    case TicketKind::kWorker:
      return "hfw1_";
    case TicketKind::kUser:
      return "hfu1_";
    case TicketKind::kCi:
      return "hfc1_";
  }
  return "";
}
absl::string_view TakerOf(TicketKind kind) {
  switch (kind) {
    case TicketKind::kWorker:
      return "handoff-worker join";
    case TicketKind::kUser:
      return "handoff login";
    case TicketKind::kCi:
      return "the environment variable HANDOFF_TOKEN";
  }
  return "";
}
absl::string_view MakerOf(TicketKind kind) {
  switch (kind) {
    case TicketKind::kWorker:
      return "handoff worker invite";
    case TicketKind::kUser:
      return "handoff user add, or handoff login --link where you are logged in";
    case TicketKind::kCi:
      return "handoff token create";
  }
  return "";
}

absl::Status Damaged() {
  return absl::InvalidArgumentError(
      "this line is damaged or not complete: paste it again, all of it");
}

// The first bytes of a SHA-256 against mistakes. An attacker can make one too; what they cannot
// make is what the coordinator checks.
std::string Checksum(absl::string_view prefix, absl::string_view payload) {
  Sha256 hash;
  hash.Update(prefix);
  hash.Update(payload);
  return hash.Hex().substr(0, kChecksumDigits);
}

bool IsAddress(absl::string_view text) {
  return !text.empty() && text.size() <= kMostAddress &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

std::string PackTime(absl::Time time) {
  auto seconds = static_cast<uint64_t>(absl::ToUnixSeconds(time));
  std::string packed(8, '\0');
  for (size_t i = 8; i-- > 0; seconds >>= 8) packed[i] = static_cast<char>(seconds & 0xff);
  return packed;
}
std::optional<absl::Time> UnpackTime(absl::string_view packed) {
  if (packed.size() != 8 || packed[0] != '\0') return std::nullopt;
  uint64_t seconds = 0;
  for (const char c : packed) seconds = seconds << 8 | static_cast<unsigned char>(c);
  return absl::FromUnixSeconds(static_cast<int64_t>(seconds));
}

// At which moment the certificate has to be valid is the caller's: the maker's clock and the
// taker's differ.
absl::Status CheckTicket(const Ticket& ticket, absl::Time at) {
  if (ticket.addresses.empty() || ticket.addresses.size() > kMostAddresses ||
      !std::all_of(ticket.addresses.begin(), ticket.addresses.end(), IsAddress)) {
    return absl::InvalidArgumentError(absl::StrCat("a ticket has 1 to ", kMostAddresses,
                                                   " addresses of at most ", kMostAddress,
                                                   " characters without spaces"));
  }
  if (ticket.secret.size() != kSecretBytes) {
    return absl::InvalidArgumentError("the secret of a ticket has 32 bytes");
  }
  RETURN_IF_ERROR(
      VerifyCertificate(ticket.certificate, ticket.authority, at, CertificateUse::kClient));
  const PeerName token{ticket.authority.pool_id(), PeerKind::kToken, ticket.token_id};
  if (ticket.certificate.peer() != token ||
      ticket.certificate.public_key() != ticket.key.public_key()) {
    return absl::InvalidArgumentError("the certificate in a ticket is of another token or key");
  }
  return absl::OkStatus();
}

absl::StatusOr<Ticket> Unpack(absl::string_view payload, TicketKind kind) {
  const auto parts = UnpackParts(payload, 7);
  if (!parts.has_value()) return Damaged();
  const std::vector<absl::string_view>& part = *parts;
  auto authority = Certificate::FromDer(part[1]);
  auto certificate = Certificate::FromDer(part[2]);
  auto key = PrivateKey::FromDer(part[3]);
  const auto expires = UnpackTime(part[6]);
  if (!authority.ok() || !certificate.ok() || !key.ok() || !expires.has_value()) return Damaged();
  return Ticket{kind,
                absl::StrSplit(part[0], ' '),
                *std::move(authority),
                *std::move(certificate),
                *std::move(key),
                std::string(part[4]),
                Secret(part[5]),
                *expires};
}

// The payload without its checksum; absent when it does not fit.
std::optional<Secret> CheckedPayload(absl::string_view line) {
  if (line.size() < kPrefixBytes) return std::nullopt;
  auto bytes = FromBase64Url(line.substr(kPrefixBytes));
  if (!bytes.has_value() || bytes->size() < kChecksumDigits / 2) return std::nullopt;
  const size_t size = bytes->size() - kChecksumDigits / 2;
  const absl::string_view all = bytes->Reveal();
  const auto checksum = FromHex(Checksum(line.substr(0, kPrefixBytes), all.substr(0, size)));
  if (!checksum.has_value() || *checksum != all.substr(size)) return std::nullopt;
  bytes->Shorten(size);
  return bytes;
}

absl::StatusOr<TicketKind> KindOf(absl::string_view line, TicketKind wanted) {
  for (const TicketKind kind : kKinds) {
    if (absl::StartsWith(line, PrefixOf(kind))) return kind;
  }
  for (const TicketKind kind : kKinds) {
    // The same letters with another number.
    if (line.size() > kPrefixBytes && absl::StartsWith(line, PrefixOf(kind).substr(0, 3)) &&
        absl::ascii_isdigit(static_cast<unsigned char>(line[3])) && line[4] == '_') {
      return absl::InvalidArgumentError(
          "this line is of another version of handoff than this program, or damaged: paste it "
          "again, or install the version of the pool");
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("this is not a line that a pool made: one for ",
                                                 TakerOf(wanted), " begins with ", PrefixOf(wanted),
                                                 "; ", MakerOf(wanted), " makes one"));
}

}  // namespace

std::string NewTokenId() { return RandomHex(8); }

absl::StatusOr<Ticket> MakeTicket(TicketKind kind, std::vector<std::string> addresses,
                                  const Authority& authority, std::string token_id, absl::Time now,
                                  absl::Time expires) {
  expires = absl::FromUnixSeconds(absl::ToUnixSeconds(expires));
  ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
  const IssueSpec spec{.peer = {authority.certificate.pool_id(), PeerKind::kToken, token_id},
                       .not_before = now,
                       .not_after = expires};
  ASSIGN_OR_RETURN(Certificate certificate, Issue(authority, key.public_key(), spec));
  return Ticket{
      kind,           std::move(addresses), authority.certificate,        std::move(certificate),
      std::move(key), std::move(token_id),  Secret::Random(kSecretBytes), expires};
}

absl::StatusOr<Secret> EncodeTicket(const Ticket& ticket) {
  RETURN_IF_ERROR(CheckTicket(ticket, ticket.expires - absl::Seconds(1)));
  ASSIGN_OR_RETURN(const Secret key, ticket.key.ToDer());
  const Secret payload = PackParts({absl::StrJoin(ticket.addresses, " "), ticket.authority.der(),
                                    ticket.certificate.der(), key.Reveal(), ticket.token_id,
                                    ticket.secret.Reveal(), PackTime(ticket.expires)});
  const absl::string_view prefix = PrefixOf(ticket.kind);
  const auto checksum = FromHex(Checksum(prefix, payload.Reveal()));
  Secret checked = Secret::OfSize(payload.size() + checksum->size());
  std::memcpy(checked.bytes(), payload.Reveal().data(), payload.size());
  std::memcpy(checked.bytes() + payload.size(), checksum->data(), checksum->size());
  const Secret text = ToBase64Url(checked.Reveal());
  Secret line = Secret::OfSize(prefix.size() + text.size());
  std::memcpy(line.bytes(), prefix.data(), prefix.size());
  std::memcpy(line.bytes() + prefix.size(), text.Reveal().data(), text.size());
  if (line.size() > kMostLine) return absl::InvalidArgumentError("the ticket is too long");
  return line;
}

absl::StatusOr<Ticket> DecodeTicket(absl::string_view line, TicketKind kind, absl::Time now) {
  line = absl::StripAsciiWhitespace(line);
  ASSIGN_OR_RETURN(const TicketKind found, KindOf(line, kind));
  if (line.size() > kMostLine) return Damaged();
  const std::optional<Secret> payload = CheckedPayload(line);
  if (!payload.has_value()) return Damaged();
  if (found != kind) {
    return absl::InvalidArgumentError(
        absl::StrCat("this line is for ", TakerOf(found), ", not for ", TakerOf(kind)));
  }
  ASSIGN_OR_RETURN(Ticket ticket, Unpack(payload->Reveal(), kind));
  if (now >= ticket.expires) {
    return absl::DeadlineExceededError(
        absl::StrCat("this line expired ", HumanDuration(now - ticket.expires),
                     " ago: ask for a new one (", MakerOf(kind), ")"));
  }
  RETURN_IF_ERROR(CheckTicket(ticket, now));
  return ticket;
}

}  // namespace handoff
