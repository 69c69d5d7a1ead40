#include "tests/integration/rpc/secure_server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/channel_arguments.h>
#include <spdlog/sinks/base_sink.h>

#include <iterator>
#include <mutex>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/rpc/address.h"
#include "common/rpc/certificate.h"
#include "common/rpc/status.h"

namespace handoff {
namespace {

using grpc::experimental::IdentityKeyCertPair;
using grpc::experimental::StaticDataCertificateProvider;

std::string Read(const std::string& path) { return ReadFile(path).value(); }

std::vector<IdentityKeyCertPair> Pair(const std::string& directory) {
  return {{Read(directory + "/key.pem"), Read(directory + "/certificate.pem")}};
}

}  // namespace

grpc::Status WhoAmI::Get(grpc::ServerContext* context, const v1::GetObjectRequest*,
                         grpc::ServerWriter<v1::GetObjectResponse>* writer) {
  PeerIdentity identity = IdentityOf(*context);
  v1::GetObjectResponse response;
  response.set_data(identity.authenticated ? identity.serial : "nobody");
  {
    const MutexLock lock(mutex_);
    ++calls_;
    last_ = std::move(identity);
  }
  writer->Write(response);
  return grpc::Status::OK;
}

int WhoAmI::calls() const {
  const MutexLock lock(mutex_);
  return calls_;
}

PeerIdentity WhoAmI::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

absl::StatusOr<Answer> Ask(const std::shared_ptr<grpc::Channel>& channel, bool wait,
                           absl::Duration deadline) {
  const auto stub = v1::Objects::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(context, deadline);
  context.set_wait_for_ready(wait);
  const auto reader = stub->Get(&context, v1::GetObjectRequest());
  v1::GetObjectResponse response;
  Answer answer;
  while (reader->Read(&response)) answer.caller = response.data();
  const absl::Status status = FromGrpc(reader->Finish());
  if (!status.ok()) return status;
  for (const auto& pem : context.auth_context()->FindPropertyValues("x509_pem_cert")) {
    const auto facts = ReadCertificate(absl::string_view(pem.data(), pem.size()));
    if (facts.ok()) answer.server_serial = facts->serial;
  }
  return answer;
}

std::shared_ptr<grpc::Channel> RawChannel(const std::string& address, const std::string& directory,
                                          bool certificate) {
  const std::string roots = Read(directory + "/authority.pem");
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(
      certificate ? std::make_shared<StaticDataCertificateProvider>(roots, Pair(directory))
                  : std::make_shared<StaticDataCertificateProvider>(roots));
  options.watch_root_certs();
  if (certificate) options.watch_identity_key_cert_pairs();
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("pool.test");
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::experimental::TlsCredentials(options), arguments);
}

std::unique_ptr<grpc::Server> RawServer(const std::string& directory, grpc::Service* service,
                                        std::string* address) {
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<StaticDataCertificateProvider>(Read(directory + "/authority.pem"),
                                                      Pair(directory)));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::experimental::TlsServerCredentials(options), &port);
  builder.RegisterService(service);
  auto server = builder.BuildAndStart();
  *address = absl::StrCat("127.0.0.1:", port);
  return server;
}

struct LogLines::Sink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    const MutexLock lock(lines_mutex);
    lines.emplace_back(message.payload.data(), message.payload.size());
    added.NotifyAll();
  }
  void flush_() override {}

  Mutex lines_mutex;
  CondVar added;
  std::vector<std::string> lines ABSL_GUARDED_BY(lines_mutex);
};

LogLines::LogLines() : before_(spdlog::default_logger()), sink_(std::make_shared<Sink>()) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("lines", sink_));
}

LogLines::~LogLines() { spdlog::set_default_logger(before_); }

std::vector<std::string> LogLines::Get(absl::string_view part) const {
  const MutexLock lock(sink_->lines_mutex);
  std::vector<std::string> found;
  absl::c_copy_if(sink_->lines, std::back_inserter(found),
                  [&](const std::string& line) { return absl::StrContains(line, part); });
  return found;
}

void LogLines::WaitFor(const std::string& part) const {
  const absl::Time end = absl::Now() + absl::Minutes(1);
  const MutexLock lock(sink_->lines_mutex);
  while (!absl::StrContains(absl::StrJoin(sink_->lines, "\n"), part)) {
    ASSERT_LT(absl::Now(), end) << "'" << part << "' is not in the log:\n"
                                << absl::StrJoin(sink_->lines, "\n");
    sink_->added.WaitFor(sink_->lines_mutex, end - absl::Now());
  }
}

SecureServerTest::SecureServerTest()
    : directory_(TempDir::Make("rpc").value()), authority_(Path("authority")) {
  server_credentials_ =
      Load(authority_.Issue("server", ServerCertificate()), CredentialUse::kServer);
  worker_credentials_ = Load(authority_.Issue("worker", {}), CredentialUse::kClient);
}

std::shared_ptr<Credentials> SecureServerTest::Load(const std::string& directory,
                                                    CredentialUse use) const {
  auto credentials = Credentials::Load(CredentialFiles::In(directory), use, clock_);
  EXPECT_TRUE(credentials.ok()) << credentials.status();
  return *std::move(credentials);
}

void SecureServerTest::Start(ClientCertificate certificate) {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.credentials = server_credentials_;
  options.client_certificate = certificate;
  auto server = RpcServer::Start(options, {&service_});
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

int SecureServerTest::port() const { return ParseAddress(server_->address())->port; }

std::shared_ptr<grpc::Channel> SecureServerTest::Worker() const {
  return MakeChannel(server_->address(), *worker_credentials_, kPool);
}

}  // namespace handoff
