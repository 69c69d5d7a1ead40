#include "coordinator/local_door.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <future>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/framed.h"
#include "common/identity/authority.h"
#include "common/identity/signing_request.h"
#include "common/rpc/address.h"
#include "common/status.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr size_t kMostRequestBytes = 8 << 10;
constexpr mode_t kSocketMode = 0660;
constexpr size_t kMostTold = 64;  // uids, once each: whoever tries without end fills no log

std::optional<unsigned> UidOf(int connection) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

void Answer(int connection, const v1::LoginHereResponse& response, absl::Duration limit) {
  const absl::Status sent = SendFrame(connection, response.SerializeAsString(), limit);
  if (!sent.ok()) SPDLOG_DEBUG("a local login was not heard: {}", std::string(sent.message()));
}

v1::LoginHereResponse Refusal(const absl::Status& status) {
  v1::LoginHereResponse response;
  response.set_code(static_cast<int>(status.code()));
  response.set_message(std::string(status.message()));
  return response;
}

absl::Status NotMapped(unsigned uid) {
  return absl::PermissionDeniedError(
      absl::StrCat("the coordinator's configuration does not say who uid ", uid,
                   " is in the pool. Nothing was done: have it added to [unix.users] there (", uid,
                   " = \"NAME\"), or log in with a line of an admin (`handoff login`)"));
}

absl::StatusOr<core::Credential> Ask(Engine& engine, core::LoginHere login) {
  std::promise<absl::StatusOr<core::LoginHere::Reply>> answer;
  auto future = answer.get_future();
  engine.Post(std::move(login), [&answer](absl::StatusOr<core::LoginHere::Reply> reply) {
    answer.set_value(std::move(reply));
  });
  ASSIGN_OR_RETURN(core::LoginHere::Reply reply, future.get());
  return std::move(reply.credential);
}

absl::StatusOr<v1::LoginHereResponse> LetIn(unsigned uid, const std::string& user,
                                            const std::string& bytes, const Issuer& issuer,
                                            Engine& engine) {
  v1::LoginHereRequest request;
  if (!request.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("what was sent is no request. Nothing was done");
  }
  ASSIGN_OR_RETURN(const PublicKey key, ReadSigningRequest(request.signing_request()));
  core::LoginHere login;
  login.caller.name = user;
  login.caller.address = absl::StrCat("unix, uid ", uid);
  login.uid = uid;
  login.serial = NewSerial();
  ASSIGN_OR_RETURN(const core::Credential credential, Ask(engine, std::move(login)));
  v1::LoginHereResponse response;
  v1::IssuedCertificate& issued = *response.mutable_issued();
  ASSIGN_OR_RETURN(
      *issued.mutable_certificate(),
      issuer.IssueTo(key, PeerKind::kUser, user, credential.serial, credential.not_after));
  issued.set_pool_id(issuer.pool_id());
  issued.set_subject(user);
  response.set_authority(issuer.authority().ToPem());
  for (const std::string& address : issuer.addresses()) response.add_addresses(address);
  return response;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalDoor>> LocalDoor::Open(Options options, const Issuer& issuer,
                                                           Engine& engine) {
  ASSIGN_OR_RETURN(const Address address, ParseAddress("unix:" + options.socket));
  ASSIGN_OR_RETURN(std::unique_ptr<Listener> listener, Listener::Bind(address, kSocketMode));
  return std::unique_ptr<LocalDoor>(
      new LocalDoor(std::move(options), std::move(listener), issuer, engine));
}

LocalDoor::LocalDoor(Options options, std::unique_ptr<Listener> listener, const Issuer& issuer,
                     Engine& engine)
    : options_(std::move(options)),
      listener_(std::move(listener)),
      issuer_(issuer),
      engine_(engine) {
  listener_->Start(ConnectionLimits::OfProcess(),
                   [this](UniqueFd connection) { Admit(std::move(connection)); });
}

LocalDoor::~LocalDoor() {
  listener_->Stop();
  std::map<unsigned, Guest> left;
  {
    MutexLock lock(mutex_);
    left.swap(guests_);
  }
  for (auto& [uid, guest] : left) {
    if (guest.thread.joinable()) guest.thread.join();
  }
}

// On the listener's thread: nothing here waits for a peer.
void LocalDoor::Admit(UniqueFd connection) {
  const std::optional<unsigned> uid = UidOf(connection.get());
  if (!uid.has_value()) return;
  const auto user = options_.users.find(*uid);
  if (user == options_.users.end()) {
    if (refused_.size() < kMostTold && refused_.insert(*uid).second) {
      SPDLOG_WARN("a local login of uid {} was refused: [unix.users] does not name it", *uid);
    }
    return Answer(connection.get(), Refusal(NotMapped(*uid)), absl::ZeroDuration());
  }
  MutexLock lock(mutex_);
  Guest& guest = guests_[*uid];
  if (guest.inside) {
    const absl::Status busy = absl::UnavailableError(
        absl::StrCat("another login of uid ", *uid, " is under way. Nothing was done; try again"));
    return Answer(connection.get(), Refusal(busy), absl::ZeroDuration());
  }
  if (guest.thread.joinable()) guest.thread.join();  // it has said that it is done
  guest.inside = true;
  guest.thread = std::thread([this, fd = connection.Release(), account = *user] {
    Serve(UniqueFd(fd), account.first, account.second);
    MutexLock done(mutex_);
    const auto found = guests_.find(account.first);
    if (found != guests_.end()) found->second.inside = false;
  });
}

void LocalDoor::Serve(const UniqueFd& connection, unsigned uid, const std::string& user) {
  const auto bytes = ReceiveFrame(connection.get(), kMostRequestBytes, options_.patience);
  if (!bytes.ok()) return Answer(connection.get(), Refusal(bytes.status()), options_.patience);
  const auto response = LetIn(uid, user, *bytes, issuer_, engine_);
  Answer(connection.get(), response.ok() ? *response : Refusal(response.status()),
         options_.patience);
}

}  // namespace handoff
