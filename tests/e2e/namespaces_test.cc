// A pool of several hosts: coordinator, two workers and a laptop, each with a network of its own,
// over mutual TLS, and the cable of one of them is cut.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/address.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/network.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr int kLinesAtATime = 100;

class NamespacesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = Network::Make({"coordinator", "one", "two", "laptop"});
    if (!made.ok()) GTEST_SKIP() << made.status().message();
    network_.emplace(*std::move(made));
    pool_.emplace();
    for (const char* host : {"coordinator", "one", "two"})
      pool_->through[host] = network_->Enter(host);
    pool_->through["handoff"] = network_->Enter("coordinator");
    pool_->listen = absl::StrCat(network_->AddressOf("coordinator"), ":0");
    pool_->StartCoordinator();
    ASSERT_NO_FATAL_FAILURE(PasteThreeLines());
    repository_ = pool_->MakeRepository("repository");
  }

  // From then on the command is that of a person at the laptop, whose home has nothing but what
  // their line brought.
  void PasteThreeLines() {
    const CommandResult added = pool_->Handoff({"user", "add", "lea"});
    ASSERT_EQ(added.exit_code, 0) << added.err;
    for (const char* worker : {"one", "two"}) {
      ASSERT_NO_FATAL_FAILURE(pool_->Join(worker, {"--shared"}));
      ASSERT_NO_FATAL_FAILURE(pool_->StartWorker(worker, 2));
    }
    pool_->through["handoff"] = network_->Enter("laptop");
    pool_->person = "laptop";
    const CommandResult login = pool_->Handoff({"login"}, "", added.out);
    ASSERT_EQ(login.exit_code, 0) << login.err;
  }
  nlohmann::json Show(const std::string& id) const {
    return nlohmann::json::parse(pool_->Handoff({"show", id, "--json"}).out);
  }

  std::optional<Network> network_;
  std::optional<Pool> pool_;
  std::string repository_;
};

std::vector<std::string> Say(int first) {
  std::vector<std::string> steps;
  for (int i = first; i < first + kLinesAtATime; ++i)
    steps.push_back(absl::StrCat("say numbered ", i, ";"));
  return steps;
}

// The numbers that the agent said, as a log has them. Its prompt is in there, too.
std::vector<int> NumbersIn(const std::string& raw) {
  std::vector<int> numbers;
  for (const absl::string_view line : absl::StrSplit(raw, '\n')) {
    const auto event = nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
    if (!event.is_object() || event.value("type", "") != "assistant") continue;
    const std::string text = event.dump();
    const size_t at = text.find("numbered ");
    int number = 0;
    if (at == std::string::npos) continue;
    const size_t begin = at + std::string("numbered ").size();
    EXPECT_TRUE(absl::SimpleAtoi(text.substr(begin, text.find(';', begin) - begin), &number));
    numbers.push_back(number);
  }
  return numbers;
}

TEST_F(NamespacesTest, WorkersThatNobodyCanReachServeALaptop) {
  EXPECT_THAT(pool_->address(), StartsWith("10."));
  EXPECT_THAT(network_->ListeningPorts("coordinator"),
              ElementsAre(ParseAddress(pool_->address())->port));
  for (const char* host : {"one", "two", "laptop"})
    EXPECT_THAT(network_->ListeningPorts(host), IsEmpty()) << host;

  // Followed to its end.
  const std::string id = pool_->Submit(
      {"--on", "one", Pool::Script({"write by-agent.txt hello", "say Was here", "result ok Done"})},
      repository_);
  const CommandResult followed = pool_->Handoff({"logs", "-f", id});
  EXPECT_EQ(followed.exit_code, 0) << followed.err;
  EXPECT_THAT(followed.out, HasSubstr("Was here"));
  EXPECT_EQ(Show(id).at("owner"), "lea");
  EXPECT_EQ(Show(id).at("attempts").at(0).at("worker"), "one");

  // Cancelled while it runs.
  Gate begun(pool_->path("begun"));
  const std::string endless = pool_->Submit(
      {"--on", "two", Pool::Script({absl::StrCat("tell ", begun.path(), " running"), "silence"})},
      repository_);
  EXPECT_EQ(begun.Await(), "running");
  for (const char* host : {"one", "two"})
    EXPECT_THAT(network_->ListeningPorts(host), IsEmpty()) << host << ", while agents run";
  EXPECT_EQ(pool_->Handoff({"cancel", endless}).exit_code, 0);
  EXPECT_EQ(pool_->Handoff({"wait", endless}).exit_code, 7);

  // Taken over, with what the agent left, and given back.
  const CommandResult taken = pool_->Handoff({"takeover", id}, repository_);
  ASSERT_EQ(taken.exit_code, 0) << taken.err;
  EXPECT_EQ(Show(id).at("takenBy"), "lea");
  const std::string tree = absl::StrCat(repository_, "-", id);
  EXPECT_EQ(ReadFile(tree + "/by-agent.txt").value_or(""), "hello\n");
  EXPECT_EQ(pool_->Handoff({"return", id, "--done", "--wait"}, tree).exit_code, 0)
      << pool_->Handoff({"why", id}).out;
}

TEST_F(NamespacesTest, ACutCableLosesNothing) {
  Gate begun(pool_->path("begun")), cut(pool_->path("cut"));
  Gate silent(pool_->path("silent")), restored(pool_->path("restored"));
  std::vector<std::string> steps = Say(1);
  const auto add = [&](const std::vector<std::string>& more) {
    steps.insert(steps.end(), more.begin(), more.end());
  };
  add({absl::StrCat("tell ", begun.path(), " 1"), absl::StrCat("wait ", cut.path())});
  add(Say(1 + kLinesAtATime));
  add({absl::StrCat("tell ", silent.path(), " 2"), absl::StrCat("wait ", restored.path())});
  add(Say(1 + 2 * kLinesAtATime));
  add({"result ok Done"});
  const std::string id = pool_->Submit({"--on", "one", Pool::Script(steps)}, repository_);
  EXPECT_EQ(begun.Await(), "1");
  const std::string read = pool_->path("read");
  Subprocess follower = pool_->HandoffInBackground({"logs", "-f", "--raw", id}, "", read);

  network_->SetLink("one", false);
  cut.Open();
  EXPECT_EQ(silent.Await(), "2");
  const auto attempt = [&] { return Show(id).at("attempts").at(0); };
  pool_->Eventually([&] { return attempt().value("unreachable", false); });
  EXPECT_THAT(pool_->Handoff({"worker", "list"}).out, HasSubstr("unreachable"));
  EXPECT_LT(NumbersIn(ReadFile(read).value_or("")).size(), 2u * kLinesAtATime)
      << "the cable was not cut";
  network_->SetLink("one", true);
  restored.Open();
  EXPECT_EQ(pool_->Handoff({"wait", id}).exit_code, 0) << pool_->Handoff({"why", id}).out;

  std::vector<int> all(3 * kLinesAtATime);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i) + 1;
  EXPECT_TRUE(follower.Wait()->ok());
  EXPECT_EQ(NumbersIn(ReadFile(read).value_or("")), all) << "as it was followed";
  EXPECT_EQ(NumbersIn(pool_->Handoff({"logs", "--raw", id}).out), all) << "as it is stored";
  const nlohmann::json handoff = Show(id);
  EXPECT_EQ(handoff.at("status"), "SUCCEEDED");
  ASSERT_EQ(handoff.at("attempts").size(), 1u);
  EXPECT_EQ(handoff.at("attempts").at(0).at("worker"), "one");
}

}  // namespace
}  // namespace handoff::e2e
