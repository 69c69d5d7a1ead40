// The coordinator's data directory is copied back from a backup that is older than the last renewal
// of a worker's certificate, as one of last night is for all of them.

#include <signal.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"
#include "tests/e2e/renewal.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

CommandResult RunHere(const std::vector<std::string>& argv) {
  SpawnOptions options;
  options.argv = argv;
  options.env = {"PATH=/usr/bin:/bin"};
  const auto ran = RunProcess(options, "", absl::Minutes(1));
  EXPECT_TRUE(ran.ok()) << ran.status();
  return ran.ok() ? CommandResult{ran->status.code, ran->out, ran->err} : CommandResult{};
}

class RestoredTest : public ::testing::Test {
 protected:
  RestoredTest() {
    pool_.StartCoordinator();
    pool_.StartWorker("a", 3);
  }
  void Backup() {
    pool_.Kill("coordinator", SIGTERM);
    ASSERT_EQ(RunHere({"cp", "-a", pool_.path("coordinator"), pool_.path("backup")}).exit_code, 0);
    pool_.StartCoordinator();
  }
  void CopyBack() {
    pool_.Kill("coordinator", SIGTERM);
    ASSERT_TRUE(RemoveTree(pool_.path("coordinator")).ok());
    ASSERT_EQ(RunHere({"cp", "-a", pool_.path("backup"), pool_.path("coordinator")}).exit_code, 0);
    pool_.StartCoordinator();
  }
  CommandResult SayRestored() const {
    return RunHere(
        {Program("handoff-coordinator"), "--data-dir", pool_.path("coordinator"), "restored"});
  }
  std::string InIdentity(const std::string& name) const {
    return ReadFile(pool_.path("a/identity/" + name)).value();
  }
  bool Said(const std::string& name, const std::string& words) const {
    return absl::StrContains(ReadFile(pool_.path(name + ".log")).value_or(""), words);
  }
  std::string Audit() const { return pool_.Handoff({"audit", "--limit", "0"}).out; }
  std::string StatusOf(const std::string& id) const {
    const CommandResult shown = pool_.Handoff({"show", id, "--json"});
    return shown.exit_code == 0 ? nlohmann::json::parse(shown.out).at("status") : "";
  }
  // A command that says when it begins, and ends when the gate is opened.
  std::string SubmitGated(const Gate& begun, const Gate& gate) const {
    const std::string id =
        pool_.Submit({"--agent", "command",
                      absl::StrCat("echo $$ >", begun.path(), "\ncat ", gate.path(), "\n")});
    begun.Await();
    return id;
  }

  Pool pool_;
};

TEST_F(RestoredTest, AWorkerThatRenewedSinceTheBackupComesBackWithAllThatItHolds) {
  Gate begun(pool_.path("begun")), runs(pool_.path("runs")), ends(pool_.path("ends")),
      later(pool_.path("later"));
  const std::string running = SubmitGated(begun, runs), ended = SubmitGated(begun, ends);
  Backup();
  SubmitGated(begun, later);  // which the records forget
  pool_.Kill("a", SIGTERM);   // its agents run on
  // Certificates tell their time in seconds, and the newer one must be of a later one.
  const int64_t joined_by = absl::ToUnixSeconds(absl::Now());
  pool_.Eventually([&] { return absl::ToUnixSeconds(absl::Now()) > joined_by; });
  const absl::Status renewed = RenewCertificates(pool_.path("a/identity"), pool_.address());
  ASSERT_TRUE(renewed.ok()) << renewed;
  CopyBack();
  ends.Open();  // what it is to report has nobody who takes it

  const std::string certificate = InIdentity("certificate.pem"),
                    renewal = InIdentity("renewal.pem");
  pool_.RestartWorker("a", /*let_in=*/false);
  pool_.Eventually([&] { return Said("a", "does not let this worker in"); });
  pool_.Eventually([&] { return Said("a", "certificate was not renewed"); });
  EXPECT_TRUE(Said("a", "handoff-coordinator --data-dir DIR restored"));
  EXPECT_TRUE(Said("coordinator", "run it with `restored`"));
  EXPECT_THAT(Audit(), AllOf(HasSubstr("Renew"), HasSubstr("restored from a backup")));
  EXPECT_EQ(InIdentity("certificate.pem"), certificate);
  EXPECT_EQ(InIdentity("renewal.pem"), renewal);
  EXPECT_EQ(StatusOf(running), "RUNNING");

  const CommandResult busy = SayRestored();
  EXPECT_EQ(busy.exit_code, 1);
  EXPECT_THAT(busy.err, HasSubstr("another coordinator is using"));
  pool_.Kill("coordinator", SIGTERM);
  const CommandResult noted = SayRestored();
  EXPECT_EQ(noted.exit_code, 0) << noted.err;
  EXPECT_THAT(noted.out, AllOf(HasSubstr("The newest record here is of 20"),
                               HasSubstr("revocations of workers, users, tokens")));
  EXPECT_EQ(SayRestored().out, noted.out) << "said again, it changes nothing";
  pool_.StartCoordinator();

  pool_.Eventually([&] { return StatusOf(ended) == "SUCCEEDED"; });
  EXPECT_NE(InIdentity("certificate.pem"), certificate);
  EXPECT_THAT(Audit(), AllOf(HasSubstr("before these records were restored"),
                             HasSubstr("incarnation 1 became 2")));
  EXPECT_EQ(StatusOf(running), "RUNNING");
  runs.Open();
  EXPECT_EQ(pool_.Handoff({"wait", running}).exit_code, 0);
  const auto shown = nlohmann::json::parse(pool_.Handoff({"show", running, "--json"}).out);
  EXPECT_EQ(shown.at("attempts").size(), 1u);
  EXPECT_EQ(
      pool_.Handoff({"wait", pool_.Submit({"--agent", "command", "--", "/bin/true"})}).exit_code,
      0);
  later.Open();
}

TEST_F(RestoredTest, WhereThereIsNoDatabaseNothingIsMade) {
  const CommandResult said =
      RunHere({Program("handoff-coordinator"), "--data-dir", pool_.path("nothing"), "restored"});
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_THAT(said.err, HasSubstr("no records were restored there"));
  EXPECT_FALSE(PathExists(pool_.path("nothing")));
}

}  // namespace
}  // namespace handoff::e2e
