#include "cli/local_login.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/renewal.h"
#include "common/file.h"
#include "common/framed.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/identity/verify.h"
#include "common/rpc/address.h"
#include "common/rpc/credentials.h"
#include "common/status.h"
#include "common/text.h"
#include "common/unique_fd.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(10);
constexpr size_t kMostAnswerBytes = 256 << 10;
constexpr size_t kMostKeyBytes = 16 << 10;

absl::Status NotReached(const std::string& socket, int error) {
  const std::string where = absl::StrCat("no login at ", socket, ": ");
  switch (error) {
    case ENOENT:
      return absl::UnavailableError(
          absl::StrCat(where,
                       "there is no such socket. Is the coordinator running on this host, "
                       "and does its configuration have [unix]?"));
    case ECONNREFUSED:
      return absl::UnavailableError(
          absl::StrCat(where, "no coordinator listens there. Is it running?"));
    case EACCES:
      return absl::PermissionDeniedError(absl::StrCat(
          where,
          "your account may not open it. Ask whoever runs the coordinator to let its group "
          "have you"));
    default:
      return ErrnoToStatus(error, where);
  }
}

absl::StatusOr<UniqueFd> Connect(const std::string& socket) {
  RETURN_IF_ERROR(Annotate(ParseAddress("unix:" + socket).status(), "--socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoToStatus(errno, "making a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return NotReached(socket, errno);
  }
  return fd;
}

struct Answer {
  v1::LoginHereResponse response;
  unsigned coordinator_uid = 0;
};

absl::StatusOr<Answer> Ask(const std::string& socket, const PrivateKey& key) {
  ASSIGN_OR_RETURN(const UniqueFd fd, Connect(socket));
  ucred peer = {};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return ErrnoToStatus(errno, socket);
  }
  v1::LoginHereRequest request;
  ASSIGN_OR_RETURN(*request.mutable_signing_request(), MakeSigningRequest(key));
  // Who refuses may do so before it has heard all of it: its answer counts.
  const absl::Status sent = SendFrame(fd.get(), request.SerializeAsString(), kLimit);
  const auto bytes = ReceiveFrame(fd.get(), kMostAnswerBytes, kLimit);
  Answer answer{{}, peer.uid};
  if (!bytes.ok() || !answer.response.ParseFromString(*bytes)) {
    const absl::Status& why = sent.ok() ? bytes.status() : sent;
    return absl::UnavailableError(absl::StrCat("what listens at ", socket,
                                               " did not answer as a coordinator does",
                                               why.ok() ? "" : ": ", why.message()));
  }
  if (answer.response.code() == 0) return answer;
  return absl::Status(static_cast<absl::StatusCode>(answer.response.code()),
                      answer.response.message());
}

// The key stays the same, so that certificate and key always belong together.
absl::Status AskAgain(const StoredCredential& credential) {
  const CredentialFiles files = CredentialFiles::In(credential.directory);
  ASSIGN_OR_RETURN(const Secret pem, ReadPrivateFile(files.key, kMostKeyBytes));
  ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::FromPem(pem.Reveal()));
  ASSIGN_OR_RETURN(const Answer answer, Ask(credential.socket, key));
  const std::string& made = answer.response.issued().certificate();
  RETURN_IF_ERROR(Annotate(CheckRenewed(credential, key, made), credential.socket));
  return WritePrivateFile(files.certificate, made);
}

bool IsFresh(const StoredCredential& credential, absl::Time now) {
  return now < RenewalTime(credential.certificate) && CheckUsable(credential, now).ok();
}

// Commands that find it old at the same time ask one after the other, and the first asks for all.
absl::StatusOr<UniqueFd> WaitForTurn(const std::string& directory) {
  ASSIGN_OR_RETURN(UniqueFd lock, OpenFile(directory + "/renewal.lock", O_RDWR | O_CREAT, 0600));
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoToStatus(errno, directory);
  }
  return lock;
}

absl::Status Refresh(StoredCredential& credential, absl::Time now) {
  ASSIGN_OR_RETURN(const UniqueFd turn, WaitForTurn(credential.directory));
  ASSIGN_OR_RETURN(credential, ReadCredential(credential.directory));
  if (IsFresh(credential, now)) return absl::OkStatus();
  RETURN_IF_ERROR(AskAgain(credential));
  ASSIGN_OR_RETURN(credential, ReadCredential(credential.directory));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LocalLogin> LogInHere(const std::string& socket, const std::string& pools) {
  ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::Generate());
  ASSIGN_OR_RETURN(const Answer answer, Ask(socket, key));
  const v1::LoginHereResponse& said = answer.response;
  ASSIGN_OR_RETURN(const Certificate authority, Certificate::FromPem(said.authority()));
  ASSIGN_OR_RETURN(const Certificate made, Certificate::FromPem(said.issued().certificate()));
  RETURN_IF_ERROR(CheckPoolId(authority.pool_id()));
  RETURN_IF_ERROR(VerifyCertificate(made, authority, absl::Now(), CertificateUse::kClient));
  if (made.peer()->kind != PeerKind::kUser || made.public_key() != key.public_key()) {
    return absl::InternalError(absl::StrCat("the answer at ", socket, " is ", made.Describe(),
                                            ", and not a certificate for the key that was made "
                                            "here. Nothing was kept"));
  }
  const std::string directory = absl::StrCat(pools, "/", authority.pool_id());
  ASSIGN_OR_RETURN(Secret key_pem, key.ToPem());
  NewCredential credential{said.authority(),   said.issued().certificate(),
                           std::move(key_pem), {said.addresses().begin(), said.addresses().end()},
                           made.peer()->name,  socket};
  RETURN_IF_ERROR(WriteCredential(directory, credential));
  ASSIGN_OR_RETURN(StoredCredential stored, ReadCredential(directory));
  return LocalLogin{std::move(stored), answer.coordinator_uid};
}

absl::Status KeepLoginHere(StoredCredential& credential, absl::Time now) {
  if (IsFresh(credential, now)) return absl::OkStatus();
  const absl::Status refreshed = Refresh(credential, now);
  const absl::Status usable = CheckUsable(credential, now);
  // The next command tries again.
  return usable.ok() || refreshed.ok() ? usable : refreshed;
}

}  // namespace handoff
