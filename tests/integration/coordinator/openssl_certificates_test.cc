// Certificates that the openssl command makes with the pool's own key, so that our code is not its
// own judge: one that is as the coordinator makes them gets in, and each that differs in one thing
// does not.

#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/identity/authority_directory.h"
#include "common/identity/certificate.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/fakes/test_authority.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class OpenSslCertificatesTest : public CoordinatorTest {
 protected:
  OpenSslCertificatesTest() {
    guests_.User("bea");
    const Certificate theirs =
        *Certificate::FromPem(ReadFile(dir_.path() + "/guests/bea/certificate.pem").value());
    good_.serial = theirs.serial();
    good_.names = "URI:" + ToUri(*theirs.peer());
    // Which has the key while it runs.
    coordinator_.reset();
    const auto pool = OpenOrCreateAuthority(AuthorityDirectory(), theirs.pool_id(), clock_.Now());
    EXPECT_TRUE(pool.ok()) << pool.status();
    authority_.emplace(Path("authority"), pool->authority.certificate.ToPem(),
                       pool->authority.key.ToPem()->Reveal());
    name_ = PoolDnsName(theirs.pool_id());
    Restart();
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string AuthorityDirectory() const { return config().data_dir + "/identity"; }

  // As a client that checks nothing of its own certificate.
  absl::Status CallWith(const std::string& directory) {
    using grpc::experimental::IdentityKeyCertPair;
    const auto provider = std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
        ReadFile(authority_->certificate()).value(),
        std::vector<IdentityKeyCertPair>{{ReadFile(directory + "/key.pem").value(),
                                          ReadFile(directory + "/certificate.pem").value()}});
    grpc::experimental::TlsChannelCredentialsOptions options;
    options.set_certificate_provider(provider);
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(name_);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(
        address(), grpc::experimental::TlsCredentials(options), arguments);
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListResponse response;
    return FromGrpc(v1::Control::NewStub(channel)->List(&context, v1::ListRequest(), &response));
  }
  void ExpectRefusedByTls(const std::string& directory) {
    const absl::Status status = CallWith(directory);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(ExplainHandshake(status.message()), HasSubstr("certificate")) << status;
  }

  std::optional<TestAuthority> authority_;
  TestCertificate good_;
  std::string name_;
};

TEST_F(OpenSslCertificatesTest, OneThatIsAsTheCoordinatorMakesThemGetsIn) {
  EXPECT_EQ(CallWith(authority_->Issue("good", good_)), absl::OkStatus());
}

// The authority's key alone is not enough: what the coordinator did not give is not known.
TEST_F(OpenSslCertificatesTest, OneThatWasNeverGivenIsNobody) {
  good_.serial = "";
  const absl::Status status = CallWith(authority_->Issue("unknown", good_));
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
}

TEST_F(OpenSslCertificatesTest, AnExpiredOneIsRefused) {
  good_.not_before = absl::Now() - absl::Hours(48);
  good_.not_after = absl::Now() - absl::Minutes(10);
  ExpectRefusedByTls(authority_->Issue("expired", good_));
}

TEST_F(OpenSslCertificatesTest, OneThatIsNotValidYetIsRefused) {
  good_.not_before = absl::Now() + absl::Minutes(10);
  ExpectRefusedByTls(authority_->Issue("future", good_));
}

TEST_F(OpenSslCertificatesTest, OneForAnotherUseIsRefused) {
  for (const char* usage : {"serverAuth", "codeSigning"}) {
    good_.usage = usage;
    ExpectRefusedByTls(authority_->Issue(usage, good_));
  }
}

TEST_F(OpenSslCertificatesTest, OneOfAnotherAuthorityIsRefused) {
  TestAuthority other(Path("other"));
  ExpectRefusedByTls(other.Issue("foreign", good_));
}

TEST_F(OpenSslCertificatesTest, OneThatSignedTheSameNamesItselfIsRefused) {
  ExpectRefusedByTls(authority_->SelfSigned("self", good_));
}

}  // namespace
}  // namespace handoff
