// The log of record: every byte, once, for readers that read and for one that does not.

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"
#include "tests/scripted_agent/spam.h"
#include "worker/shim/shim_files.h"

namespace handoff::e2e {
namespace {

constexpr uint64_t kAllowedGrowth = 150 << 20;
constexpr uint64_t kSpamBytes = 200'000'000;
constexpr uint64_t kSpamSeed = 7;

std::string HashOf(const std::string& path) {
  const auto text = ReadFile(path, uint64_t{1} << 30);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? Sha256Hex(*text) : "";
}

// An agent writes 200 MB on both streams, with lines of 1 byte to 8 MB, NUL and invalid UTF-8.
class BigLog : public ::testing::Test {
 protected:
  void SetUp() override {
    pool_.StartCoordinator();
    pool_.StartWorker("a", 1);
    repository_ = pool_.MakeRepository("repository");
  }
  // Says that it is there, and begins once the gate is open.
  std::string SubmitSpam(const Gate& gate) {
    return pool_.Submit(
        {Pool::Script({"say Ready", absl::StrCat("wait ", gate.path()),
                       absl::StrCat("spam ", kSpamBytes, " ", kSpamSeed), "result ok Written"})},
        repository_);
  }
  void ExpectSameEverywhere(const std::string& id, const std::string& read) {
    const auto handoff = nlohmann::json::parse(pool_.Handoff({"show", id, "--json"}).out);
    const auto& attempt = handoff.at("attempts").at(0);
    const std::string copy = absl::StrCat(attempt.at("workspace").get<std::string>(),
                                          "/.cursor/agent-handoffs/", id, "/attempt-1.log");
    pool_.Eventually([&] { return PathExists(copy); });
    const std::string expected = HashOf(copy);
    EXPECT_EQ(HashOf(read), expected);
    EXPECT_EQ(attempt.at("logSha256"), expected);
    // Without -f as well.
    const std::string whole = pool_.path("whole");
    Subprocess reader = pool_.HandoffInBackground({"logs", "--raw", id}, "", whole);
    EXPECT_TRUE(reader.Wait()->ok());
    EXPECT_EQ(HashOf(whole), expected);
    ExpectWhatTheAgentWrote(absl::StrCat(pool_.path("a"), "/attempts/", id, "/1"), copy);
  }

 private:
  // All copies come from the log of record; this one is held against what was written.
  static void ExpectWhatTheAgentWrote(const std::string& attempt, const std::string& copy) {
    Sha256 written[3];
    uint64_t bytes[3] = {};
    scripted::Spam spam(kSpamBytes, kSpamSeed);
    std::string line;
    for (int stream = 1; spam.Next(&line, &stream);) {
      written[stream].Update(line);
      bytes[stream] += line.size();
    }
    const std::string log = *ReadFile(copy, uint64_t{1} << 30), index = *ReadFile(attempt + "/idx");
    // stdout has events around the spam: three before, the result behind.
    Sha256 read[3];
    std::string events;
    int lines = 0;
    uint64_t at = 0;
    for (size_t i = 0; i + sizeof(IndexRecord) <= index.size(); i += sizeof(IndexRecord)) {
      IndexRecord record;
      std::memcpy(&record, index.data() + i, sizeof(record));
      ASSERT_EQ(record.offset, at);
      at += record.length;
      absl::string_view piece = absl::string_view(log).substr(record.offset, record.length);
      for (; record.stream == 1 && lines < 3 && !piece.empty(); piece.remove_prefix(1)) {
        events += piece[0];
        lines += piece[0] == '\n' ? 1 : 0;
      }
      const size_t spam_bytes = std::min<uint64_t>(piece.size(), bytes[record.stream]);
      read[record.stream].Update(piece.substr(0, spam_bytes));
      bytes[record.stream] -= spam_bytes;
      absl::StrAppend(&events, piece.substr(spam_bytes));
    }
    EXPECT_EQ(at, log.size());
    for (const int stream : {1, 2}) {
      EXPECT_EQ(bytes[stream], 0u) << "bytes of stream " << stream << " are missing";
      EXPECT_EQ(read[stream].Hex(), written[stream].Hex()) << "stream " << stream;
    }
    EXPECT_EQ(std::count(events.begin(), events.end(), '\n'), 4) << events;
  }

 protected:
  Pool pool_;
  std::string repository_;
};

TEST_F(BigLog, IsTheSameBytesEverywhereWhileThreeReadersFollowAndOneNeverReads) {
  Gate gate(pool_.path("gate"));
  const std::string id = SubmitSpam(gate);
  const std::string one = pool_.path("one"), two = pool_.path("two");
  Subprocess first = pool_.HandoffInBackground({"logs", "-f", "--raw", id}, "", one);
  Subprocess second = pool_.HandoffInBackground({"logs", "-f", "--raw", id}, "", two);
  Subprocess stopped =
      pool_.HandoffInBackground({"logs", "-f", "--raw", id}, "", pool_.path("never"));
  // It follows, and then it never reads again: its connection stays open.
  pool_.Eventually([&] { return FileSize(pool_.path("never")).value_or(0) > 0; });
  stopped.Signal(SIGSTOP);
  const uint64_t before = pool_.ResidentBytes("coordinator");
  gate.Open();
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_LT(pool_.PeakBytes("coordinator"), before + kAllowedGrowth);
  EXPECT_TRUE(first.Wait()->ok());
  EXPECT_TRUE(second.Wait()->ok());
  ExpectSameEverywhere(id, one);
  EXPECT_EQ(HashOf(two), HashOf(one));
}

class BigLogWithDeaths : public BigLog, public ::testing::WithParamInterface<const char*> {};

TEST_P(BigLogWithDeaths, IsTheSameBytes) {
  Gate gate(pool_.path("gate"));
  const std::string id = SubmitSpam(gate);
  const std::string one = pool_.path("one");
  Subprocess follower = pool_.HandoffInBackground({"logs", "-f", "--raw", id}, "", one);
  gate.Open();
  for (int i = 0; i < 3; ++i) {
    // Not before some of it arrived.
    while (FileSize(one).value_or(0) < static_cast<uint64_t>(i + 1) * 1'000'000)
      pool_.Handoff({"show", id, "--json"});
    pool_.Kill(GetParam(), SIGKILL);
    if (GetParam() == std::string("coordinator")) {
      pool_.StartCoordinator();
    } else {
      pool_.RestartWorker(GetParam());
    }
  }
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_TRUE(follower.Wait()->ok());
  ExpectSameEverywhere(id, one);
}

INSTANTIATE_TEST_SUITE_P(Of, BigLogWithDeaths, ::testing::Values("coordinator", "a"),
                         [](const auto& instance) {
                           return std::string(instance.param) == "a" ? "TheWorkerDaemon"
                                                                     : "TheCoordinator";
                         });

}  // namespace
}  // namespace handoff::e2e
