// Who gets in and who does not, over real connections.

#include <grpcpp/server.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"
#include "common/subprocess.h"
#include "gmock/gmock.h"
#include "tests/integration/rpc/secure_server.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

using TlsTest = SecureServerTest;

TEST_F(TlsTest, TheServerKnowsWhoCalls) {
  Start();
  const auto answer = Ask(Worker());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->caller, worker_credentials_->facts().serial);
  EXPECT_EQ(answer->server_serial, server_credentials_->facts().serial);
  const PeerIdentity identity = service_.last();
  EXPECT_TRUE(identity.authenticated);
  EXPECT_THAT(identity.uris, ElementsAre("handoff://pool.test/worker/1"));
  EXPECT_EQ(identity.not_after, worker_credentials_->facts().not_after);
  EXPECT_THAT(identity.address, StartsWith("127.0.0.1:"));
}

TEST_F(TlsTest, RequestsThatAreNotUtf8DoNotFillTheLog) {
  Start();
  const LogLines log;
  const absl::Time begin = absl::Now();
  v1::GetObjectRequest request;
  for (int i = 0; i < 10'000; ++i) EXPECT_FALSE(request.ParseFromString("\x0a\x02\xff\xfe"));
  log.WaitFor("contains invalid UTF-8");
  EXPECT_LE(static_cast<double>(log.Get("invalid UTF-8").size()),
            absl::ToDoubleSeconds(absl::Now() - begin) + 2);
}

TEST_F(TlsTest, TheNameIsCheckedAndNotTheAddress) {
  Start();
  EXPECT_TRUE(Ask(MakeChannel(server_->address(), *worker_credentials_, kPool)).ok());
  const auto other = Ask(MakeChannel(server_->address(), *worker_credentials_, "other.test"));
  EXPECT_EQ(other.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(ExplainHandshake(other.status().message()), HasSubstr("another name"));
  // Nor does the certificate get in by the address.
  EXPECT_FALSE(Ask(MakeChannel(server_->address(), *worker_credentials_, "127.0.0.1")).ok());
}

TEST_F(TlsTest, OverAUnixSocketToo) {
  ServerOptions options;
  options.listen = "unix:" + Path("socket");
  options.credentials = server_credentials_;
  const auto server = RpcServer::Start(options, {&service_});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(Ask(MakeChannel((*server)->address(), *worker_credentials_, kPool)).ok());
  EXPECT_TRUE(service_.last().authenticated);
  EXPECT_EQ(service_.last().address, "unix:");
}

TEST_F(TlsTest, WithCredentialsItListensWhereOthersReachIt) {
  ServerOptions options;
  options.listen = "0.0.0.0:0";
  EXPECT_THAT(std::string(RpcServer::Start(options, {&service_}).status().message()),
              HasSubstr("without credentials"));
  options.credentials = server_credentials_;
  const auto server = RpcServer::Start(options, {&service_});
  ASSERT_TRUE(server.ok()) << server.status();
  const int port = ParseAddress((*server)->address())->port;
  EXPECT_TRUE(Ask(MakeChannel(absl::StrCat("127.0.0.1:", port), *worker_credentials_, kPool)).ok());
}

class RefusedTest : public TlsTest {
 protected:
  // The call never arrives, the log says what a person can use, and others go on.
  void ExpectRefused(const std::shared_ptr<grpc::Channel>& channel, const std::string& words) {
    const LogLines log;
    const int before = service_.calls();
    const auto answer = Ask(channel);
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
    EXPECT_THAT(ExplainHandshake(answer.status().message()), Not(IsEmpty())) << answer.status();
    EXPECT_EQ(service_.calls(), before);
    log.WaitFor(words);
    EXPECT_TRUE(Ask(Worker()).ok());
  }
  static constexpr char kBad[] = "whose certificate is of another authority, expired, not valid";
};

TEST_F(RefusedTest, AClientWithoutACertificate) {
  Start();
  ExpectRefused(RawChannel(server_->address(), Path("authority/worker"), false),
                "without a certificate");
}

TEST_F(RefusedTest, AClientWhoseCertificateExpired) {
  Start();
  TestCertificate expired;
  expired.not_before = absl::Now() - absl::Hours(48);
  expired.not_after = absl::Now() - absl::Minutes(10);
  ExpectRefused(RawChannel(server_->address(), authority_.Issue("expired", expired)), kBad);
}

TEST_F(RefusedTest, AClientWhoseCertificateIsNotValidYet) {
  Start();
  TestCertificate future;
  future.not_before = absl::Now() + absl::Minutes(10);
  ExpectRefused(RawChannel(server_->address(), authority_.Issue("future", future)), kBad);
}

TEST_F(RefusedTest, AClientOfAnotherAuthority) {
  Start();
  TestAuthority other(Path("other"));
  const std::string foreign = other.Issue("foreign", {});
  // It trusts the right server.
  ASSERT_TRUE(
      WriteFileAtomically(foreign + "/authority.pem", ReadFile(authority_.certificate()).value())
          .ok());
  ExpectRefused(RawChannel(server_->address(), foreign), kBad);
}

TEST_F(RefusedTest, AClientThatSignedTheSameNamesItself) {
  Start();
  ExpectRefused(RawChannel(server_->address(), authority_.SelfSigned("self", {})), kBad);
}

TEST_F(RefusedTest, AServersCertificateAsAClient) {
  Start();
  ExpectRefused(RawChannel(server_->address(), Path("authority/server")), kBad);
}

TEST_F(RefusedTest, AClientInPlaintext) {
  Start();
  ExpectRefused(MakeChannel(server_->address()), "that spoke no TLS");
}

TEST_F(RefusedTest, WhereACertificateIsOnlyRequestedABadOneIsRefusedAndNoneIsNobody) {
  Start(ClientCertificate::kRequested);
  const auto nobody = Ask(RawChannel(server_->address(), Path("authority/worker"), false));
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  EXPECT_EQ(nobody->caller, "nobody");
  EXPECT_FALSE(service_.last().authenticated);
  ExpectRefused(RawChannel(server_->address(), authority_.SelfSigned("self", {})), kBad);
}

TEST_F(RefusedTest, ATlsBelow12AndWeakCiphers) {
  Start();
  const auto connect = [&](const std::string& version,
                           const std::string& ciphers = "ALL:@SECLEVEL=0") {
    SpawnOptions options;
    options.argv = {"openssl",
                    "s_client",
                    "-connect",
                    server_->address(),
                    version,
                    "-cipher",
                    ciphers,
                    "-cert",
                    Path("authority/worker/certificate.pem"),
                    "-key",
                    Path("authority/worker/key.pem")};
    options.env = CurrentEnvironment();
    return RunProcess(options, "", absl::Seconds(60)).value().out;
  };
  const LogLines log;
  EXPECT_THAT(connect("-tls1_3"), HasSubstr("New, TLSv1.3, Cipher is TLS_"));
  EXPECT_THAT(connect("-tls1_2"), HasSubstr("New, TLSv1.2, Cipher is ECDHE"));
  EXPECT_THAT(connect("-tls1_1"), HasSubstr("Cipher is (NONE)"));
  // No forward secrecy, no authenticated encryption, no encryption.
  for (const std::string weak :
       {"kRSA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA", "eNULL", "aNULL"}) {
    EXPECT_THAT(connect("-tls1_2", weak + ":@SECLEVEL=0"), HasSubstr("Cipher is (NONE)")) << weak;
  }
  log.WaitFor("that spoke a TLS below 1.2");
}

// What a worker meets when somebody else answers at the coordinator's address.
class RogueTest : public TlsTest {
 protected:
  void ExpectRefused(const std::string& directory, const std::string& words) {
    WhoAmI rogue;
    std::string address;
    const auto server = RawServer(directory, &rogue, &address);
    ASSERT_NE(server, nullptr);
    const auto answer = Ask(MakeChannel(address, *worker_credentials_, kPool));
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
    EXPECT_THAT(ExplainHandshake(answer.status().message()), HasSubstr(words)) << answer.status();
    EXPECT_EQ(rogue.calls(), 0);
  }
};

TEST_F(RogueTest, AWorkerOfThisPoolIsNoCoordinator) {
  TestCertificate worker;
  worker.names = "DNS:pool.test,URI:handoff://pool.test/worker/1";
  ExpectRefused(authority_.Issue("rogue", worker), "not this pool's coordinator");
}

TEST_F(RogueTest, AServerOfAnotherAuthorityOrThatSignedItselfIsNone) {
  TestAuthority other(Path("other"));
  ExpectRefused(other.Issue("rogue", ServerCertificate()), "not this pool's coordinator");
  ExpectRefused(authority_.SelfSigned("self", ServerCertificate()), "not this pool's coordinator");
}

TEST_F(RogueTest, AServerOutOfItsTimeIsNone) {
  TestCertificate expired = ServerCertificate();
  expired.not_before = absl::Now() - absl::Hours(48);
  expired.not_after = absl::Now() - absl::Minutes(10);
  ExpectRefused(authority_.Issue("expired", expired), "expired or not valid yet");
  TestCertificate future = ServerCertificate();
  future.not_before = absl::Now() + absl::Minutes(10);
  ExpectRefused(authority_.Issue("future", future), "expired or not valid yet");
}

TEST_F(RogueTest, AServerOfAnotherNameIsNone) {
  ExpectRefused(authority_.Issue("name", ServerCertificate("other.test")), "another name");
}

TEST_F(RogueTest, OneThatSpeaksNoTlsIsNone) {
  WhoAmI rogue;
  const auto server = RpcServer::Start("127.0.0.1:0", {&rogue}).value();
  const auto answer = Ask(MakeChannel(server->address(), *worker_credentials_, kPool));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(rogue.calls(), 0);
}

TEST_F(TlsTest, ABadFileOnDiskDoesNotTakeTheServiceDown) {
  Start();
  const auto open = Worker();
  ASSERT_TRUE(Ask(open).ok());
  const std::string serial = server_credentials_->facts().serial;
  const LogLines log;
  for (const std::string side : {"server", "worker"}) {
    const std::string directory = Path("authority/" + side);
    for (const std::string name : {"certificate.pem", "key.pem", "authority.pem"}) {
      ASSERT_TRUE(WriteFileAtomically(directory + "/" + name, "broken").ok());
    }
  }
  for (int i = 0; i < 3; ++i) {
    server_credentials_->Refresh();
    worker_credentials_->Refresh();
  }
  EXPECT_FALSE(server_credentials_->status().ok());
  EXPECT_FALSE(worker_credentials_->status().ok());
  EXPECT_TRUE(Ask(open).ok());
  // For as long as gRPC takes to look at its files, which it does each second.
  const absl::Time looked = absl::Now() + absl::Seconds(3);
  do {
    const auto answer = Ask(Worker());
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->server_serial, serial);
  } while (absl::Now() < looked);
  EXPECT_THAT(log.Get("certificate.pem"),
              ElementsAre(AllOf(HasSubstr("server/certificate.pem"), HasSubstr("stay")),
                          HasSubstr("worker/certificate.pem")));
  // A good set is taken again, and both sides have it: what gRPC saw meanwhile was good, too.
  authority_.Issue("server", ServerCertificate());
  authority_.Issue("worker", {});
  server_credentials_->Refresh();
  worker_credentials_->Refresh();
  EXPECT_TRUE(server_credentials_->status().ok()) << server_credentials_->status();
  const absl::Time end = absl::Now() + absl::Minutes(1);
  while (true) {
    const auto answer = Ask(Worker());
    ASSERT_TRUE(answer.ok()) << answer.status();
    if (answer->server_serial != serial) break;
    ASSERT_LT(absl::Now(), end);
  }
}

// Calls one after another until it is told to end.
class Caller {
 public:
  Caller(int threads, std::function<absl::Status()> call) : call_(std::move(call)) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        while (!stop_) Count(call_());
      });
    }
  }
  ~Caller() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int calls() const { return calls_; }
  std::vector<std::string> failures() const {
    const MutexLock lock(mutex_);
    return failures_;
  }

 private:
  void Count(const absl::Status& status) {
    ++calls_;
    if (status.ok()) return;
    const MutexLock lock(mutex_);
    failures_.push_back(status.ToString());
  }

  const std::function<absl::Status()> call_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> calls_ = 0;
  mutable Mutex mutex_;
  std::vector<std::string> failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

TEST_F(TlsTest, CertificatesRotateUnderLoadWithoutAFailedCall) {
  Start();
  const LogLines log;
  const auto open = Worker();
  Caller calls(2, [&] { return Ask(open).status(); });
  Caller connections(2, [&] { return Ask(Worker()).status(); });
  for (int round = 0; round < 20; ++round) {
    // File by file, so that the background thread meets sets that do not belong together.
    authority_.Issue("server", ServerCertificate());
    authority_.Issue("worker", {});
    server_credentials_->Refresh();
    worker_credentials_->Refresh();
    const absl::Time end = absl::Now() + absl::Minutes(1);
    while (true) {
      const auto answer = Ask(Worker());
      ASSERT_TRUE(answer.ok()) << answer.status();
      if (answer->caller == worker_credentials_->facts().serial &&
          answer->server_serial == server_credentials_->facts().serial) {
        break;
      }
      ASSERT_LT(absl::Now(), end);
    }
  }
  calls.Stop();
  connections.Stop();
  EXPECT_THAT(calls.failures(), IsEmpty());
  EXPECT_THAT(connections.failures(), IsEmpty());
  EXPECT_THAT(log.Get("certificate.pem"), AllOf(SizeIs(40), Each(HasSubstr("new credentials"))));
  EXPECT_GT(calls.calls(), 20);
  EXPECT_GT(connections.calls(), 20);
}

}  // namespace
}  // namespace handoff
