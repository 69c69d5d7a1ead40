#include "tests/fakes/guests.h"

#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "common/check.h"
#include "common/file.h"
#include "common/identity/certificate.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "handoff/v1/identity.grpc.pb.h"

namespace handoff {
namespace {

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "guests: %s\n", std::string(value.status().message()).c_str());
    std::abort();
  }
  return *std::move(value);
}

void Must(const absl::Status& status) {
  if (!status.ok()) Must(absl::StatusOr<int>(status));
}

v1::CreateTokensRequest TokenFor(v1::Token::Purpose purpose) {
  v1::CreateTokensRequest request;
  request.set_purpose(purpose);
  return request;
}

std::string LineFor(const std::shared_ptr<grpc::Channel>& admin,
                    const v1::CreateTokensRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::CreateTokensResponse response;
  Must(FromGrpc(v1::Identity::NewStub(admin)->CreateTokens(&context, request, &response)));
  return response.lines(0);
}

void AddUser(const std::shared_ptr<grpc::Channel>& admin, const std::string& name,
             const std::string& role) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::AddUserRequest request;
  request.set_name(name);
  v1::User::Role parsed = v1::User::MEMBER;
  CHECK(v1::User::Role_Parse(absl::AsciiStrToUpper(role), &parsed));
  request.set_role(parsed);
  if (parsed == v1::User::CI) request.add_repos("**");
  v1::User user;
  const absl::Status added =
      FromGrpc(v1::Identity::NewStub(admin)->AddUser(&context, request, &user));
  if (!absl::IsAlreadyExists(added)) Must(added);
}

void Write(const std::string& directory, const Certificate& authority,
           const std::string& certificate, const PrivateKey& key) {
  Must(MakeDirectories(directory));
  Must(WriteFileAtomically(directory + "/authority.pem", authority.ToPem()));
  Must(WriteFileAtomically(directory + "/certificate.pem", certificate));
  const Secret pem = Must(key.ToPem());
  Must(WritePrivateFile(directory + "/key.pem", pem.Reveal()));
}

// gRPC 1.51 looks at errno of connect() after it has made other calls: on Debian 13 a connection
// that is under way is now and then taken for one that failed with EINVAL. The next try comes soon,
// and a call that does not wait for it fails. One that is refused fails in the call.
std::shared_ptr<grpc::Channel> Connected(std::shared_ptr<grpc::Channel> channel) {
  channel->WaitForConnected(std::chrono::system_clock::now() +
                            absl::ToChronoMilliseconds(kUnaryDeadline));
  return channel;
}

}  // namespace

Guests::Guests(std::string directory, const Clock& clock)
    : directory_(std::move(directory)), clock_(clock) {}

void Guests::Connect(std::string address, const std::string& data_dir) {
  address_ = std::move(address);
  admin_directory_ = data_dir + "/identity/local";
}

std::shared_ptr<grpc::Channel> Guests::ChannelWith(const std::string& directory) {
  auto& credentials = credentials_[directory];
  if (credentials == nullptr) {
    credentials =
        Must(Credentials::Load(CredentialFiles::In(directory), CredentialUse::kClient, clock_));
  }
  const auto authority =
      Must(Certificate::FromPem(Must(ReadFile(directory + "/authority.pem", 1 << 16))));
  return Connected(MakeChannel(address_, *credentials, PoolDnsName(authority.pool_id())));
}

std::shared_ptr<grpc::Channel> Guests::Admin() { return ChannelWith(admin_directory_); }

std::shared_ptr<grpc::Channel> Guests::User(const std::string& name, const std::string& role) {
  if (!PathExists(Path(name))) {
    AddUser(Admin(), name, role);
    v1::CreateTokensRequest request = TokenFor(v1::Token::LOGIN);
    request.set_user(name);
    return ChannelWith(Redeem(LineFor(Admin(), request), name, ""));
  }
  return ChannelWith(Path(name));
}

std::shared_ptr<grpc::Channel> Guests::Worker(const std::string& uuid, const std::string& name) {
  if (!PathExists(Path(uuid))) {
    v1::CreateTokensRequest request = TokenFor(v1::Token::WORKER);
    request.set_shared(true);
    const std::string directory = Redeem(LineFor(Admin(), request), uuid, name);
    return ChannelWith(directory);
  }
  return ChannelWith(Path(uuid));
}

// `as` is the name of the directory and, with a `worker_name`, the worker's UUID.
std::string Guests::Redeem(const std::string& line, const std::string& as,
                           const std::string& worker_name) {
  const bool worker = !worker_name.empty();
  const Ticket ticket =
      Must(DecodeTicket(line, worker ? TicketKind::kWorker : TicketKind::kUser, clock_.Now()));
  const std::string first = Path(as + ".ticket");
  Write(first, ticket.authority, ticket.certificate.ToPem(), ticket.key);
  const PrivateKey key = Must(PrivateKey::Generate());
  v1::RedeemRequest request;
  request.set_token_id(ticket.token_id);
  request.set_secret(std::string(ticket.secret.Reveal()));
  request.set_signing_request(Must(MakeSigningRequest(key)));
  if (worker) request.set_worker_uuid(as);
  request.set_device(worker ? worker_name : "test");
  grpc::ClientContext context;
  SetDeadline(context);
  v1::IssuedCertificate issued;
  Must(FromGrpc(v1::Identity::NewStub(ChannelWith(first))->Redeem(&context, request, &issued)));
  Write(Path(as), ticket.authority, issued.certificate(), key);
  return Path(as);
}

}  // namespace handoff
