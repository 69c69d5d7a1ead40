// Somebody stands where a line points, at the first connection of a worker or a person. They learn
// nothing of the line.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/identity/names.h"
#include "common/identity/ticket.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/eavesdropper.h"
#include "tests/e2e/pool.h"
#include "tests/fakes/test_authority.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MiddleTest : public ::testing::TestWithParam<TicketKind> {
 protected:
  MiddleTest() {
    pool_.coordinator_flags = {"--advertise", middle_.address()};
    pool_.StartCoordinator();
    const bool worker = GetParam() == TicketKind::kWorker;
    const CommandResult made =
        worker ? pool_.Handoff({"worker", "invite"}) : pool_.Handoff({"login", "--link"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    line_ = made.out;
  }

  Ticket Read() const {
    auto ticket = DecodeTicket(absl::StripAsciiWhitespace(line_), GetParam(), absl::Now());
    CHECK(ticket.ok());
    return *std::move(ticket);
  }
  std::string Secret() const {
    const Ticket ticket = Read();
    return std::string(ticket.secret.Reveal());
  }
  std::string Name() const { return PoolDnsName(Read().authority.pool_id()); }
  // A certificate of this pool, which whoever has another line has.
  std::string Insider() const {
    const CommandResult made = pool_.Handoff({"worker", "invite"});
    const auto other =
        DecodeTicket(absl::StripAsciiWhitespace(made.out), TicketKind::kWorker, absl::Now());
    CHECK(other.ok());
    const std::string directory = pool_.path("insider");
    CHECK(MakeDirectories(directory).ok());
    const auto key = other->key.ToPem();
    CHECK(WriteFileAtomically(directory + "/certificate.pem", other->certificate.ToPem()).ok());
    CHECK(WriteFileAtomically(directory + "/key.pem", std::string(key->Reveal())).ok());
    return directory;
  }
  // The line is pasted, and leads to somebody with this certificate.
  CommandResult Paste(const std::string& directory) {
    middle_.Begin(directory, Secret());
    SpawnOptions options;
    options.argv = {Program("handoff"), "login"};
    if (GetParam() == TicketKind::kWorker) {
      options.argv = {Program("handoff-worker"), "join",   "--data-dir",
                      pool_.path("w"),           "--name", "w"};
    }
    options.env = {"PATH=/usr/bin:/bin", "HOME=" + pool_.path("elsewhere")};
    const auto result = RunProcess(options, line_, absl::Minutes(2));
    CHECK(result.ok());
    EXPECT_FALSE(result->timed_out);
    EXPECT_NE(result->status.code, 0);
    EXPECT_GE(middle_.connections(), 1);
    return {result->status.code, result->out, result->err};
  }
  void ExpectNothingLearned(const CommandResult& pasted) const {
    EXPECT_THAT(pasted.err, HasSubstr("not this pool's coordinator"));
    const std::string captured = middle_.captured(), secret = Secret();
    // A TLS record of a handshake: they were spoken to.
    EXPECT_EQ(captured.substr(0, 1), "\x16");
    for (const std::string& form : {secret, absl::BytesToHexString(secret),
                                    absl::WebSafeBase64Escape(secret), absl::Base64Escape(secret)})
      EXPECT_FALSE(absl::StrContains(captured, form));
    EXPECT_FALSE(absl::StrContains(captured, Read().token_id));
    EXPECT_THAT(pool_.Handoff({"token", "list"}).out, HasSubstr("open")) << "nobody used it";
  }

  Eavesdropper middle_;
  Pool pool_;
  std::string line_;
};

TEST_P(MiddleTest, WithAnAuthorityOfTheirOwn) {
  TestAuthority authority(pool_.path("authority"));
  ExpectNothingLearned(Paste(authority.Issue("server", ServerCertificate(Name()))));
}

TEST_P(MiddleTest, WithACertificateThatSignedItself) {
  TestAuthority authority(pool_.path("authority"));
  ExpectNothingLearned(Paste(authority.SelfSigned("server", ServerCertificate(Name()))));
}

TEST_P(MiddleTest, WithACertificateOfThisPoolThatIsNoCoordinators) {
  ExpectNothingLearned(Paste(Insider()));
}

// What shows that the others could fail: with the coordinator's own key one reads what is said. A
// worker asks for an answer before it says more, which this one does not give.
TEST_P(MiddleTest, WithTheKeyOfTheCoordinatorOneWouldLearnAll) {
  Paste(pool_.path("coordinator/identity/server"));
  const bool worker = GetParam() == TicketKind::kWorker;
  EXPECT_TRUE(absl::StrContains(middle_.captured(), worker ? "Health/Check" : Secret()));
}

INSTANTIATE_TEST_SUITE_P(Of, MiddleTest, ::testing::Values(TicketKind::kWorker, TicketKind::kUser),
                         [](const auto& test) {
                           return test.param == TicketKind::kWorker ? "Worker" : "Person";
                         });

}  // namespace
}  // namespace handoff::e2e
