#include "coordinator/service/door.h"

#include <grpcpp/security/auth_context.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/identity/backdated.h"
#include "common/identity/names.h"
#include "common/rpc/peer.h"
#include "common/rpc/protocol.h"
#include "common/rpc/status.h"
#include "common/status.h"
#include "coordinator/core/sentence.h"

namespace handoff {
namespace {

// What tells of the server and not of anybody's work: for whoever is let in at all.
bool IsForAll(absl::string_view path) {
  return absl::StartsWith(path, "/grpc.health.v1.Health/") ||
         absl::StartsWith(path, "/grpc.reflection.v1alpha.ServerReflection/");
}

absl::Status CheckCall(absl::string_view path) {
  if (IsForAll(path) || core::FindMethod(path).has_value()) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("there is no call ", path));
}

absl::Status NotKnown() {
  return absl::UnauthenticatedError(
      "this certificate is not good in this pool: it was revoked, replaced or never given. Nothing "
      "was done; log in again (`handoff login`), or join again (`handoff-worker join`), with a new "
      "line");
}

absl::Status NotInTheRecords() {
  return absl::UnauthenticatedError(
      "this certificate is of this pool, and its records do not know it: it was replaced, or they "
      "were restored from a backup that is older. Nothing was done. After a restore: stop the "
      "coordinator, run `handoff-coordinator --data-dir DIR restored` on its host and start it "
      "again; the worker then comes back by itself, so leave its data directory as it is. "
      "Otherwise join again (`handoff-worker join`) with a new line");
}

absl::Status Expired(absl::Time not_after) {
  return absl::UnauthenticatedError(
      absl::StrCat("this certificate expired at ", core::TimeText(not_after),
                   ". Nothing was done: let it be renewed, or log in (`handoff login`) or join "
                   "(`handoff-worker join`) again with a new line"));
}

// Empty when there is none.
absl::string_view Text(const grpc::AuthMetadataProcessor::InputMetadata& metadata,
                       const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return "";
  return {found->second.data(), found->second.size()};
}

}  // namespace

class Door::Porter final : public grpc::AuthMetadataProcessor {
 public:
  explicit Porter(const Door& door) : door_(door) {}
  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context, OutputMetadata*,
                       OutputMetadata*) override {
    // Before anything else: a caller of another time may not mean what it says.
    const absl::Status understood = CheckProtocol(Text(metadata, "user-agent"));
    if (!understood.ok()) return ToGrpc(understood);
    const PeerIdentity peer = IdentityOf(*context);
    const absl::string_view path = Text(metadata, ":path");
    const auto guest = door_.Find(peer, core::FindMethod(path));
    if (!guest.ok()) return ToGrpc(guest.status());
    return ToGrpc(CheckCall(path));
  }

 private:
  const Door& door_;
};

Door::Door(std::string pool_id, const Engine& engine, const Clock& clock, Refused refused)
    : pool_id_(std::move(pool_id)), engine_(engine), clock_(clock), refused_(std::move(refused)) {}

std::shared_ptr<grpc::AuthMetadataProcessor> Door::Processor() {
  return std::make_shared<Porter>(*this);
}

absl::StatusOr<Guest> Door::Find(const PeerIdentity& peer,
                                 std::optional<core::Method> method) const {
  if (peer.serial.empty()) return NotKnown();
  // A connection may stay open beyond its certificate's life, and a TLS session that is resumed is
  // not verified again.
  if (clock_.Now() >= peer.not_after) return Expired(peer.not_after);
  Guest guest;
  guest.caller.serial = peer.serial;
  const auto identities = engine_.identities();
  if (const Identified* const known = identities->Find(peer.serial); known != nullptr) {
    if (known->revoked) return NotKnown();
    guest.purpose = known->purpose;
    guest.subject = known->subject;
    guest.role = known->role.value_or(core::Role::kViewer);
    guest.repos = known->repos;
  } else {
    RETURN_IF_ERROR(Admit(peer, method, guest));
  }
  guest.caller.name = guest.subject;
  return guest;
}

// Who is in no record. The certificate of a token is not kept: it is good for nothing but to redeem
// that token, which is looked at then. A worker's may be newer than the records.
absl::Status Door::Admit(const PeerIdentity& peer, std::optional<core::Method> method,
                         Guest& guest) const {
  const auto name = peer.uris.size() == 1 ? ParsePeerName(peer.uris[0]) : NotKnown();
  if (!name.ok() || name->pool_id != pool_id_) return NotKnown();
  guest.subject = name->name;
  if (name->kind == PeerKind::kToken) return absl::OkStatus();
  if (name->kind != PeerKind::kWorker && name->kind != PeerKind::kRenewal) return NotKnown();
  if (!told_of_unknown_.exchange(true)) {
    SPDLOG_WARN(
        "worker {} shows a certificate of this pool that is not in its records. Were they restored "
        "from a backup? Then stop this coordinator, run it with `restored` and start it again. "
        "This is said once; the audit log has each try to renew one",
        name->name);
  }
  if (method != core::Method::kRenew) return NotInTheRecords();
  guest.purpose = core::CredentialPurpose::kRenewal;
  guest.unknown.emplace();
  guest.unknown->purpose = name->kind == PeerKind::kWorker ? core::CredentialPurpose::kWorker
                                                           : core::CredentialPurpose::kRenewal;
  guest.unknown->worker_uuid = name->name;
  guest.unknown->issued_at = peer.not_before + kBackdated;
  guest.unknown->not_after = peer.not_after;
  return absl::OkStatus();
}

absl::StatusOr<Guest> Door::Enter(const grpc::ServerContextBase& context, core::Method method,
                                  const absl::Status& valid) const {
  const PeerIdentity peer = IdentityOf(context);
  ASSIGN_OR_RETURN(Guest guest, Find(peer, method));
  guest.caller.address = peer.address;
  const bool person = guest.purpose == core::CredentialPurpose::kUser ||
                      guest.purpose == core::CredentialPurpose::kCi;
  const bool may = core::MayCall(guest.purpose, method) &&
                   (!person || core::AccessOf(guest.role, method) != core::Access::kNone);
  if (may && !valid.ok()) return valid;
  if (may) return guest;
  const std::string who = person ? absl::StrCat("the role ", core::NameOf(guest.role))
                                 : absl::StrCat("a certificate for ", core::NameOf(guest.purpose));
  return Refuse(guest, method, "", absl::StrCat(who, " may not call ", core::NameOf(method)));
}

absl::Status Door::Refuse(const Guest& guest, core::Method method, const std::string& object,
                          const std::string& why) const {
  refused_({guest.caller, method, object, why});
  return absl::PermissionDeniedError(absl::StrCat(why, ". Nothing was done"));
}

}  // namespace handoff
