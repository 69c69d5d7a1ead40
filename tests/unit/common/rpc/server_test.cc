#include "common/rpc/server.h"

#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <string>
#include <vector>

#include "common/file.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "common/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/objects.grpc.pb.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

// Answers every download with one message.
class OneMessage final : public v1::Objects::Service {
 public:
  grpc::Status Get(grpc::ServerContext*, const v1::GetObjectRequest* request,
                   grpc::ServerWriter<v1::GetObjectResponse>* writer) override {
    v1::GetObjectResponse response;
    response.set_data(request->sha256());
    writer->Write(response);
    return grpc::Status::OK;
  }
};

absl::Status Ask(const std::string& address) {
  const auto stub = v1::Objects::NewStub(MakeChannel(address));
  grpc::ClientContext context;
  SetDeadline(context);
  context.set_wait_for_ready(true);
  v1::GetObjectRequest request;
  request.set_sha256("echo");
  const auto reader = stub->Get(&context, request);
  v1::GetObjectResponse response;
  while (reader->Read(&response)) EXPECT_EQ(response.data(), "echo");
  return FromGrpc(reader->Finish());
}

class RpcServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<RpcServer> Start(const std::string& listen) {
    auto server = RpcServer::Start(listen, {&service_});
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }
  OneMessage service_;
};

TEST_F(RpcServerTest, AnswersOnTheAddressThatItReports) {
  const auto server = Start("127.0.0.1:0");
  EXPECT_NE(ParseAddress(server->address())->port, 0);
  EXPECT_TRUE(Ask(server->address()).ok());
}

// A call by its name and bytes, as a client without our protocol makes it.
std::string CallByName(const std::string& address, const std::string& method,
                       const std::string& request) {
  grpc::GenericStub stub(MakeChannel(address));
  grpc::ClientContext context;
  SetDeadline(context);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(request);
  const grpc::ByteBuffer message(&slice, 1);
  const auto call = stub.PrepareCall(&context, method, &queue);
  const auto wait = [&] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  grpc::ByteBuffer response;
  call->StartCall(nullptr);
  if (!wait()) return "";
  call->Write(message, nullptr);
  if (!wait()) return "";
  call->Read(&response, nullptr);
  if (!wait()) return "";
  context.TryCancel();
  grpc::Slice whole;
  if (!response.DumpToSingleSlice(&whole).ok()) return "";
  return std::string(reinterpret_cast<const char*>(whole.begin()), whole.size());
}

TEST_F(RpcServerTest, SaysWhetherItServes) {
  const auto server = Start("127.0.0.1:0");
  // HealthCheckResponse.status: 1 is SERVING, 2 is NOT_SERVING.
  EXPECT_EQ(CallByName(server->address(), "/grpc.health.v1.Health/Check", ""), "\x08\x01");
  server->SetServing(false);
  EXPECT_EQ(CallByName(server->address(), "/grpc.health.v1.Health/Check", ""), "\x08\x02");
}

TEST_F(RpcServerTest, TellsOtherClientsWhatItOffers) {
  const auto server = Start("127.0.0.1:0");
  // ServerReflectionRequest with list_services set.
  EXPECT_THAT(CallByName(server->address(),
                         "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                         std::string("\x3a\x00", 2)),
              HasSubstr("handoff.v1.Objects"));
}

TEST_F(RpcServerTest, AStoppedServerRefusesConnections) {
  const auto server = Start("127.0.0.1:0");
  server->Stop(absl::ZeroDuration());
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(ParseAddress(server->address())->port));
  EXPECT_NE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
}

TEST_F(RpcServerTest, AUnixSocketIsForItsUserOnlyAndGoesWithTheServer) {
  const auto dir = TempDir::Make("rpc");
  ASSERT_TRUE(dir.ok());
  const std::string path = dir->path() + "/socket";
  auto server = Start("unix:" + path);
  struct stat info = {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(Ask("unix:" + path).ok());
  server.reset();
  EXPECT_FALSE(PathExists(path));
}

TEST_F(RpcServerTest, ASocketThatADeadProcessLeftIsReplaced) {
  const auto dir = TempDir::Make("rpc");
  ASSERT_TRUE(dir.ok());
  const std::string path = dir->path() + "/socket";
  sockaddr_un stale = {};
  stale.sun_family = AF_UNIX;
  path.copy(stale.sun_path, sizeof(stale.sun_path) - 1);
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&stale), sizeof(stale)), 0);
  }
  const auto server = Start("unix:" + path);
  EXPECT_TRUE(Ask("unix:" + path).ok());
}

TEST_F(RpcServerTest, RefusesEveryAddressThatOthersCanReach) {
  for (const std::string listen : {"0.0.0.0:0", "[::]:0", "10.1.2.3:0", "example.org:0"}) {
    const auto server = RpcServer::Start(listen, {&service_});
    EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument) << listen;
    EXPECT_THAT(std::string(server.status().message()),
                testing::AllOf(HasSubstr("not identified"), HasSubstr("127.0.0.1:PORT")));
  }
}

TEST_F(RpcServerTest, RefusesAnAddressInUse) {
  const auto dir = TempDir::Make("rpc");
  ASSERT_TRUE(dir.ok());
  for (const std::string& listen :
       {std::string("127.0.0.1:0"), "unix:" + dir->path() + "/socket"}) {
    const auto server = Start(listen);
    const auto second = RpcServer::Start(server->address(), {&service_});
    EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
    EXPECT_TRUE(Ask(server->address()).ok());
  }
}

TEST_F(RpcServerTest, AFloodThatTakesEveryDescriptorEndsWithTheFlood) {
  const auto server = Start("127.0.0.1:0");
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {256, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(ParseAddress(server->address())->port));
  std::vector<UniqueFd> flood;
  int connected = 0;
  while (true) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid() || connected == 2000) break;
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0) ++connected;
    flood.push_back(std::move(fd));
  }
  EXPECT_GT(connected, 50);
  flood.clear();
  EXPECT_TRUE(Ask(server->address()).ok());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace handoff
