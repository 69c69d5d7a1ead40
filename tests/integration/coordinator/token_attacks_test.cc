// What somebody can try with a line that is not theirs to use, over the wire: all of it is refused
// in the same words, is in the audit log, and leaves no secret anywhere.

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <barrier>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// The real one, ahead by as much as a test says.
class AheadClock final : public Clock {
 public:
  absl::Time Now() const override { return real_.Now() + absl::Seconds(ahead_s_.load()); }
  BootTime Boot() const override { return real_.Boot() + absl::Seconds(ahead_s_.load()); }
  void Pass(int seconds) { ahead_s_ += seconds; }

 private:
  const RealClock real_{};
  std::atomic<int> ahead_s_ = 0;
};

class LogText {
 public:
  LogText() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    auto logger = std::make_shared<spdlog::logger>("text", std::move(sink));
    logger->set_level(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
  }
  ~LogText() { spdlog::set_default_logger(before_); }
  // When nothing logs any more.
  std::string Get() const { return text_.str(); }

 private:
  const std::shared_ptr<spdlog::logger> before_;
  std::ostringstream text_;
};

class RunningPool {
 public:
  explicit RunningPool(const Clock& clock) : guests_(dir_.path() + "/guests", clock) {
    Config config;
    config.data_dir = dir_.path() + "/data";
    config.listen = "127.0.0.1:0";
    auto started = Coordinator::Start(config, clock);
    EXPECT_TRUE(started.ok()) << started.status();
    coordinator_ = *std::move(started);
    guests_.Connect(coordinator_->address(), config.data_dir);
  }

  Guests& guests() { return guests_; }
  const std::string& data_dir() const { return dir_.path(); }
  void Stop() { coordinator_->Stop(); }
  std::vector<Ticket> Invite(int count, absl::Duration ttl, absl::Time now) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::CreateTokensRequest request;
    request.set_purpose(v1::Token::WORKER);
    request.set_count(count);
    request.mutable_ttl()->set_seconds(absl::ToInt64Seconds(ttl));
    v1::CreateTokensResponse response;
    const absl::Status made = FromGrpc(
        v1::Identity::NewStub(guests_.Admin())->CreateTokens(&context, request, &response));
    EXPECT_TRUE(made.ok()) << made;
    std::vector<Ticket> tickets;
    for (const std::string& line : response.lines()) {
      tickets.push_back(*DecodeTicket(line, TicketKind::kWorker, now));
      lines_.push_back(line);
    }
    return tickets;
  }
  // All that Invite had made.
  const std::vector<std::string>& lines() const { return lines_; }
  // A connection with the certificate of that line.
  std::shared_ptr<grpc::Channel> With(const Ticket& ticket) {
    const std::string directory = absl::StrCat(dir_.path(), "/", ticket.token_id);
    EXPECT_TRUE(MakeDirectories(directory).ok());
    const auto write = [&](const char* name, absl::string_view text) {
      EXPECT_TRUE(WriteFileAtomically(absl::StrCat(directory, "/", name), text).ok());
    };
    write("authority.pem", ticket.authority.ToPem());
    write("certificate.pem", ticket.certificate.ToPem());
    write("key.pem", ticket.key.ToPem()->Reveal());
    return guests_.ChannelWith(directory);
  }
  v1::ListAuditResponse Audit() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListAuditRequest request;
    request.set_page_size(1000);
    request.set_verify(true);
    v1::ListAuditResponse response;
    EXPECT_TRUE(
        v1::Identity::NewStub(guests_.Admin())->ListAudit(&context, request, &response).ok());
    return response;
  }
  // Refused redemptions, as "TOKEN: WHY".
  std::vector<std::string> Refused() {
    std::vector<std::string> refused;
    const v1::ListAuditResponse audit = Audit();
    for (const v1::AuditEntry& entry : audit.entries()) {
      if (!entry.refused()) continue;
      EXPECT_EQ(entry.action(), "Redeem");
      EXPECT_THAT(entry.address(), ::testing::StartsWith("127.0.0.1:"));
      refused.push_back(absl::StrCat(entry.object(), ": ", entry.detail()));
    }
    return refused;
  }

 private:
  const TempDir dir_ = *TempDir::Make("attacks");
  std::vector<std::string> lines_;
  Guests guests_;
  std::unique_ptr<Coordinator> coordinator_;
};

std::string SecretOf(const Ticket& ticket) { return std::string(ticket.secret.Reveal()); }

absl::Status Redeem(const std::shared_ptr<grpc::Channel>& channel, const std::string& token_id,
                    const std::string& secret, const std::string& name) {
  v1::RedeemRequest request;
  request.set_token_id(token_id);
  request.set_secret(secret);
  request.set_signing_request(MakeSigningRequest(*PrivateKey::Generate()).value());
  request.set_worker_uuid(RandomHex(16));
  request.set_device(name);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::IssuedCertificate issued;
  return FromGrpc(v1::Identity::NewStub(channel)->Redeem(&context, request, &issued));
}

// In no form in which somebody may have written it down.
void ExpectNotIn(const std::string& text, const std::string& secret, const std::string& line,
                 const std::string& where) {
  // In a line the secret begins in the middle of a letter, so that none of its own forms is there.
  // It ends 24 letters before the end; what comes before is in certificates that are stored.
  EXPECT_FALSE(absl::StrContains(text, line.substr(line.size() - 67, 40))) << where;
  // Padding goes, for it depends on where the secret ends. Only there: a raw secret may hold '='.
  const auto unpadded = [](const std::string& base64) {
    return base64.substr(0, base64.find('='));
  };
  for (const std::string& form :
       {secret, absl::BytesToHexString(secret), unpadded(absl::Base64Escape(secret)),
        unpadded(absl::WebSafeBase64Escape(secret))})
    EXPECT_FALSE(absl::StrContains(text, form)) << where;
}

class TokenAttacksTest : public ::testing::Test {
 protected:
  Ticket One(absl::Duration ttl = absl::Minutes(15)) {
    return std::move(pool_.Invite(1, ttl, clock_.Now())[0]);
  }

  AheadClock clock_;
  const LogText log_;
  RunningPool pool_{clock_};
};

TEST_F(TokenAttacksTest, AllAreRefusedInTheSameWordsAndLogged) {
  RunningPool other(clock_);
  const Ticket used = One(), late = One(absl::Minutes(1)), bent = One(), cut = One(), mine = One();
  const Ticket foreign = std::move(other.Invite(1, absl::Minutes(15), clock_.Now())[0]);
  ASSERT_TRUE(Redeem(pool_.With(used), used.token_id, SecretOf(used), "w").ok());
  clock_.Pass(120);
  std::string flipped = SecretOf(bent);
  flipped[7] = static_cast<char>(flipped[7] ^ 1);
  // Whoever has some line gets as far as that: its certificate is good for one call.
  const auto channel = pool_.With(mine);
  const std::string unknown = cut.token_id.substr(1);
  const std::vector<absl::Status> all = {
      Redeem(channel, used.token_id, SecretOf(used), "w1"),
      Redeem(pool_.With(used), used.token_id, SecretOf(used), "w2"),
      Redeem(channel, late.token_id, SecretOf(late), "w3"),
      Redeem(channel, bent.token_id, flipped, "w4"),
      Redeem(channel, cut.token_id, SecretOf(cut).substr(0, 31), "w5"),
      Redeem(channel, cut.token_id, "", "w6"),
      Redeem(channel, unknown, SecretOf(cut), "w7"),
      Redeem(channel, foreign.token_id, SecretOf(foreign), "w8"),
      Redeem(channel, cut.token_id, SecretOf(foreign), "w9")};
  for (const absl::Status& status : all) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(status, all[0]);
  }
  EXPECT_THAT(
      pool_.Refused(),
      ElementsAre(used.token_id + ": It was used before.", used.token_id + ": It was used before.",
                  late.token_id + ": It has expired.", bent.token_id + ": Wrong secret.",
                  cut.token_id + ": Wrong secret.", cut.token_id + ": Wrong secret.",
                  unknown + ": No such token.", foreign.token_id + ": No such token.",
                  cut.token_id + ": Wrong secret."));
  // Nothing of that used up what is good.
  EXPECT_TRUE(Redeem(pool_.With(bent), bent.token_id, SecretOf(bent), "w10").ok());
  EXPECT_EQ(pool_.Audit().broken(), "");
}

TEST_F(TokenAttacksTest, OfTwoAtOnceOneGetsIn) {
  constexpr int kRounds = 50;  // below what the log notes of refusals in a minute
  const std::vector<Ticket> tickets = pool_.Invite(kRounds, absl::Minutes(15), clock_.Now());
  ASSERT_THAT(tickets, SizeIs(kRounds));
  std::vector<std::string> expected;
  for (const Ticket& ticket : tickets) {
    const std::shared_ptr<grpc::Channel> channels[2] = {pool_.With(ticket), pool_.With(ticket)};
    absl::Status ends[2];
    std::barrier begin(2);
    const auto join = [&](int side) {
      begin.arrive_and_wait();
      ends[side] = Redeem(channels[side], ticket.token_id, SecretOf(ticket),
                          absl::StrCat(ticket.token_id.substr(0, 20), "-", side));
    };
    std::thread first(join, 0), second(join, 1);
    first.join();
    second.join();
    ASSERT_NE(ends[0].ok(), ends[1].ok()) << ends[0] << " " << ends[1];
    const absl::Status& lost = ends[0].ok() ? ends[1] : ends[0];
    EXPECT_EQ(lost.code(), absl::StatusCode::kUnauthenticated) << lost;
    EXPECT_THAT(std::string(lost.message()), HasSubstr("this token is not good"));
    expected.push_back(ticket.token_id + ": It was used before.");
  }
  EXPECT_EQ(pool_.Refused(), expected);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListWorkersResponse workers;
  ASSERT_TRUE(v1::Control::NewStub(pool_.guests().Admin())
                  ->ListWorkers(&context, v1::ListWorkersRequest(), &workers)
                  .ok());
  EXPECT_EQ(workers.workers_size(), kRounds);
}

TEST_F(TokenAttacksTest, NoSecretIsInTheLogsOrOnTheDisk) {
  const Ticket good = One(), bad = One();
  ASSERT_TRUE(Redeem(pool_.With(good), good.token_id, SecretOf(good), "w").ok());
  EXPECT_FALSE(Redeem(pool_.With(bad), bad.token_id, SecretOf(good), "w1").ok());
  const std::string audit = pool_.Audit().DebugString();
  EXPECT_THAT(audit, AllOf(HasSubstr(good.token_id), HasSubstr(bad.token_id)));
  pool_.Stop();
  const Ticket* const tickets[] = {&good, &bad};
  ASSERT_THAT(pool_.lines(), SizeIs(2));
  for (size_t i = 0; i < 2; ++i) {
    const std::string secret = SecretOf(*tickets[i]), line = pool_.lines()[i];
    ExpectNotIn(audit, secret, line, "the audit log");
    ExpectNotIn(log_.Get(), secret, line, "the log");
    int files = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(pool_.data_dir() + "/data")) {
      if (!entry.is_regular_file()) continue;
      ++files;
      ExpectNotIn(ReadFile(entry.path(), 64 << 20).value(), secret, line, entry.path());
    }
    EXPECT_GT(files, 3);
  }
}

}  // namespace
}  // namespace handoff
