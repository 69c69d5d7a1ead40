// In by the account on this host: the built command against a stand-in for the coordinator's
// socket.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>

#include "cli/credential_directory.h"
#include "common/framed.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/rpc/listener.h"
#include "handoff/v1/identity.pb.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kLimit = absl::Minutes(1);

// Answers each connection as it was told.
class AnsweringSocket {
 public:
  using Answer = std::function<v1::LoginHereResponse(const PublicKey&)>;
  AnsweringSocket(const std::string& path, Answer answer) {
    auto bound = Listener::Bind(*ParseAddress("unix:" + path));
    CHECK(bound.ok());
    listener_ = *std::move(bound);
    listener_->Start(ConnectionLimits::OfProcess(), [this, answer](UniqueFd connection) {
      const auto bytes = ReceiveFrame(connection.get(), 8 << 10, kLimit);
      v1::LoginHereRequest request;
      CHECK(bytes.ok() && request.ParseFromString(*bytes));
      const auto key = ReadSigningRequest(request.signing_request());
      CHECK(key.ok());
      ++asked_;
      CHECK(SendFrame(connection.get(), answer(*key).SerializeAsString(), kLimit).ok());
    });
  }
  ~AnsweringSocket() { listener_->Stop(); }
  int asked() const { return asked_; }

 private:
  std::atomic<int> asked_ = 0;
  std::unique_ptr<Listener> listener_;
};

class LocalLoginCommand : public Command {
 protected:
  v1::LoginHereResponse LetIn(const FakeAuthority& authority, const PublicKey& key,
                              absl::Time from) const {
    v1::LoginHereResponse response;
    response.set_authority(authority.authority().certificate.ToPem());
    response.add_addresses(coordinator_.address());
    response.mutable_issued()->set_certificate(
        authority.IssueUser("ann", key, from, from + kDay).ToPem());
    return response;
  }
  std::unique_ptr<AnsweringSocket> Door() {
    return std::make_unique<AnsweringSocket>(
        socket_, [this](const PublicKey& key) { return LetIn(authority_, key, from_); });
  }
  Said RunBare(const std::vector<std::string>& arguments) const {
    const auto result = RunProcess(OptionsOfStranger(arguments), "", kLimit);
    CHECK(result.ok());
    EXPECT_FALSE(result->timed_out);
    return {result->status.code, result->out, result->err};
  }
  Said LogIn() const { return RunBare({"login", "--socket", socket_}); }
  StoredCredential Stored() const {
    return *ReadCredential(
        absl::StrCat(dir_.path(), "/.config/handoff/pools/", authority_.pool_id()));
  }

  const TempDir place_ = *TempDir::Make("door-");
  const std::string socket_ = place_.path() + "/s";
  absl::Time from_ = absl::Now();
};

TEST_F(LocalLoginCommand, TheAccountIsEnoughAndTheNextCommandsNeedNothing) {
  const auto door = Door();
  const Said said = LogIn();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("You are ann in pool test-pool by your account here"));
  EXPECT_THAT(said.err, HasSubstr(absl::StrCat("runs as uid ", ::geteuid())));
  EXPECT_THAT(said.err, HasSubstr("Next: handoff doctor"));
  EXPECT_EQ(Stored().socket, socket_);
  AddIn("20261120-h", "https://localhost/app", 1000);
  const Said listed = RunBare({"list", "--all"});
  EXPECT_EQ(listed.exit, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("20261120-h"));
  EXPECT_EQ(door->asked(), 1);
}

TEST_F(LocalLoginCommand, OneThatExpiredIsReplacedByTheNextCommandWithTheSameKey) {
  const std::string made =
      authority_.UserDirectory("ann", absl::Now() - 3 * kDay, absl::Now() - 2 * kDay);
  const std::string pools = dir_.path() + "/.config/handoff/pools";
  CHECK(MakeDirectories(pools).ok());
  const absl::Status written =
      WriteCredential(pools + "/test-pool", {*ReadFile(made + "/authority.pem"),
                                             *ReadFile(made + "/certificate.pem"),
                                             ReadPrivateFile(made + "/key.pem", 1 << 16)->Copy(),
                                             {coordinator_.address()},
                                             "ann",
                                             socket_});
  CHECK(written.ok());
  const StoredCredential old = Stored();
  const Said closed = RunBare({"list"});
  EXPECT_EQ(closed.exit, 4) << closed.err;
  EXPECT_THAT(closed.err, HasSubstr("there is no such socket"));
  const auto door = Door();
  const Said listed = RunBare({"list"});
  EXPECT_EQ(listed.exit, 0) << listed.err;
  EXPECT_NE(Stored().certificate.serial(), old.certificate.serial());
  EXPECT_EQ(Stored().certificate.public_key(), old.certificate.public_key());
  EXPECT_EQ(RunBare({"list"}).exit, 0);
  EXPECT_EQ(door->asked(), 1) << "and not again while it is young";
  EXPECT_EQ(identity_.renewals(), 0);
}

TEST_F(LocalLoginCommand, WithoutTheSocketOneThatIsGoodIsUsedToItsEnd) {
  from_ = absl::Now() - kDay + absl::Minutes(10);
  {
    const auto door = Door();
    ASSERT_EQ(LogIn().exit, 0);
  }
  EXPECT_EQ(RunBare({"list"}).exit, 0);
  EXPECT_EQ(identity_.renewals(), 0);
}

TEST_F(LocalLoginCommand, AnotherPoolsCoordinatorAtTheSocketIsNotTaken) {
  from_ = absl::Now() - kDay + absl::Minutes(10);
  {
    const auto door = Door();
    ASSERT_EQ(LogIn().exit, 0);
  }
  const StoredCredential old = Stored();
  const FakeAuthority other("test-pool");
  const AnsweringSocket impostor(
      socket_, [&](const PublicKey& key) { return LetIn(other, key, absl::Now()); });
  EXPECT_EQ(RunBare({"list"}).exit, 0);
  EXPECT_EQ(impostor.asked(), 1);
  EXPECT_EQ(Stored().certificate.serial(), old.certificate.serial());
}

TEST_F(LocalLoginCommand, ARefusalIsSaidAndNothingIsKept) {
  const AnsweringSocket door(socket_, [](const PublicKey&) {
    v1::LoginHereResponse response;
    response.set_code(static_cast<int>(absl::StatusCode::kPermissionDenied));
    response.set_message("nobody knows uid 7");
    return response;
  });
  const Said said = LogIn();
  EXPECT_EQ(said.exit, 5) << said.err;
  EXPECT_THAT(said.err, HasSubstr("nobody knows uid 7"));
  EXPECT_FALSE(PathExists(dir_.path() + "/.config/handoff/pools"));
}

TEST_F(LocalLoginCommand, AnAnswerForAnotherKeyIsNotKept) {
  const AnsweringSocket door(socket_, [this](const PublicKey&) {
    return LetIn(authority_, PrivateKey::Generate()->public_key(), absl::Now());
  });
  const Said said = LogIn();
  EXPECT_EQ(said.exit, 10) << said.err;
  EXPECT_THAT(said.err, HasSubstr("Nothing was kept"));
  EXPECT_FALSE(PathExists(dir_.path() + "/.config/handoff/pools"));
}

TEST_F(LocalLoginCommand, WhereThereIsNoCoordinatorItIsSaid) {
  EXPECT_THAT(LogIn().err, HasSubstr("there is no such socket"));
  { const auto door = Door(); }
  const UniqueFd left = *OpenFile(socket_, O_WRONLY | O_CREAT, 0600);
  EXPECT_EQ(LogIn().exit, 4);
  EXPECT_EQ(RunBare({"login", "--socket", "relative"}).exit, 2);
  EXPECT_EQ(RunBare({"login", "--socket", socket_, "--link"}).exit, 2);
}

}  // namespace
}  // namespace handoff
