// The front door by hand: what a descriptor flood leaves of a plain gRPC server and of ours, and
// what mutual TLS costs beside plaintext.
//
//   handoff_front_door_bench flood          half a minute
//   handoff_front_door_bench cost SECONDS   of each measurement

#include <grpcpp/create_channel.h>
#include <grpcpp/server_builder.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "handoff/v1/objects.grpc.pb.h"
#include "tests/fakes/flood.h"
#include "tests/fakes/test_authority.h"

namespace handoff {
namespace {

constexpr char kPool[] = "pool.test";
constexpr absl::Duration kPatience = absl::Seconds(20);

class Nothing final : public v1::Objects::Service {
 public:
  grpc::Status Get(grpc::ServerContext*, const v1::GetObjectRequest*,
                   grpc::ServerWriter<v1::GetObjectResponse>*) override {
    return grpc::Status::OK;
  }
};

bool Ask(const std::shared_ptr<grpc::Channel>& channel, absl::Duration deadline) {
  const auto stub = v1::Objects::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(context, deadline);
  context.set_wait_for_ready(true);
  const auto reader = stub->Get(&context, v1::GetObjectRequest());
  v1::GetObjectResponse response;
  while (reader->Read(&response)) {
  }
  return reader->Finish().ok();
}

void AfterFlood(const char* name, int port) {
  const std::string address = absl::StrCat("127.0.0.1:", port);
  CHECK(Ask(MakeChannel(address), kPatience));
  { const Flood flood(port, "127.0.0.2", 2000, "silence"); }
  const absl::Time ended = absl::Now();
  const bool answered = Ask(MakeChannel(address), kPatience);
  std::printf("%-20s %s\n", name,
              answered
                  ? absl::StrCat("answers a new client ", absl::FormatDuration(absl::Now() - ended),
                                 " after a flood of 2,000 connections ended")
                        .c_str()
                  : absl::StrCat("accepts nobody within ", absl::FormatDuration(kPatience),
                                 " after a flood of 2,000 connections ended")
                        .c_str());
}

void CompareFloods() {
  rlimit few = {};
  CHECK(::getrlimit(RLIMIT_NOFILE, &few) == 0);
  few.rlim_cur = 256;
  CHECK(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  Nothing service;
  {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    const auto server = builder.BuildAndStart();
    AfterFlood("plain gRPC server:", port);
  }
  const auto server = RpcServer::Start("127.0.0.1:0", {&service}).value();
  AfterFlood("ours:", ParseAddress(server->address())->port);
}

void Measure(const char* what, absl::Duration span, const std::function<void()>& once) {
  std::vector<absl::Duration> took;
  const absl::Time end = absl::Now() + span;
  for (absl::Time now = absl::Now(); now < end;) {
    once();
    const absl::Time after = absl::Now();
    took.push_back(after - now);
    now = after;
  }
  std::sort(took.begin(), took.end());
  std::printf("%-40s %8.0f/s   p50 %7.3f ms   p99 %7.3f ms\n", what,
              static_cast<double>(took.size()) / absl::ToDoubleSeconds(span),
              absl::ToDoubleMilliseconds(took[took.size() / 2]),
              absl::ToDoubleMilliseconds(took[took.size() * 99 / 100]));
}

void CompareCosts(absl::Duration span) {
  const TempDir directory = TempDir::Make("front-door").value();
  TestAuthority authority(directory.path() + "/authority");
  const RealClock clock;
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  Nothing service;
  const auto plain = RpcServer::Start(options, {&service}).value();
  options.credentials =
      Credentials::Load(CredentialFiles::In(authority.Issue("server", ServerCertificate())),
                        CredentialUse::kServer, clock)
          .value();
  const auto secure = RpcServer::Start(options, {&service}).value();
  const auto worker = Credentials::Load(CredentialFiles::In(authority.Issue("worker", {})),
                                        CredentialUse::kClient, clock)
                          .value();
  const auto in_plain = [&] { return MakeChannel(plain->address()); };
  const auto in_tls = [&] { return MakeChannel(secure->address(), *worker, kPool); };
  const auto open_plain = in_plain();
  const auto open_tls = in_tls();
  Measure("a connection and a call, plaintext", span, [&] { CHECK(Ask(in_plain(), kPatience)); });
  Measure("a connection and a call, mutual TLS", span, [&] { CHECK(Ask(in_tls(), kPatience)); });
  Measure("a call, plaintext", span, [&] { CHECK(Ask(open_plain, kPatience)); });
  Measure("a call, mutual TLS", span, [&] { CHECK(Ask(open_tls, kPatience)); });
}

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  int seconds = 0;
  if (mode == "flood" && argc == 2) {
    handoff::CompareFloods();
  } else if (mode == "cost" && argc == 3 && absl::SimpleAtoi(argv[2], &seconds) && seconds > 0) {
    handoff::CompareCosts(absl::Seconds(seconds));
  } else {
    std::fprintf(stderr, "handoff_front_door_bench flood | cost SECONDS\n");
    return 2;
  }
  return 0;
}
