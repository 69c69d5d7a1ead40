// Many handoffs on two workers: what the agents recorded themselves is held against what the pool
// says.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

// Appends "start ID/EPOCH WORKER" and "end ID/EPOCH WORKER" around some work. One write a line,
// with O_APPEND, so the file's order is the order in which it happened. The worker is known by its
// data directory.
std::string Recording(const std::string& file, const std::string& work) {
  const std::string who = "$HANDOFF_ATTEMPT ${worker##*/}\" >>";
  return absl::StrCat("worker=${HANDOFF_ATTEMPT_DIR%/attempts/*}\necho \"start ", who, file, "\n",
                      work, "\necho \"end ", who, file, "\n");
}

std::string Count(int to) {
  return absl::StrCat("i=0; while [ $i -lt ", to, " ]; do i=$((i+1)); done");
}

struct Recorded {
  std::set<std::string> started;  // "id/epoch"
  std::set<std::string> ended;
  std::map<std::string, size_t> most_at_once;  // by worker
  std::map<std::string, std::string> worker_of;
  std::multiset<std::string> ids_started;
};

Recorded ReadRecord(const std::string& file) {
  Recorded out;
  std::set<std::string> now;
  std::map<std::string, size_t> on;  // by worker
  for (absl::string_view line : absl::StrSplit(*ReadFile(file), '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    const std::string id = words[1].substr(0, words[1].find('/'));
    if (words[0] == "start") {
      EXPECT_TRUE(now.insert(id).second) << id << " ran twice at the same time";
      out.started.insert(words[1]);
      out.ids_started.insert(id);
      size_t& most = out.most_at_once[words[2]];
      most = std::max(most, ++on[words[2]]);
      out.worker_of[id] = words[2];
    } else {
      now.erase(id);
      --on[words[2]];
      out.ended.insert(words[1]);
    }
  }
  EXPECT_TRUE(now.empty());
  return out;
}

TEST(Schedule, FortyHandoffsOnTwoWorkersWithEightSlotsAllEndOnce) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 4);
  pool.StartWorker("b", 4);
  const std::string record = pool.path("record");
  std::vector<std::string> ids;
  // The first eight take every slot until all are submitted.
  std::vector<Gate> said, gates;
  for (int i = 0; i < 8; ++i) {
    said.emplace_back(pool.path(absl::StrCat("said-", i)));
    gates.emplace_back(pool.path(absl::StrCat("gate-", i)));
    ids.push_back(pool.Submit(
        {"--agent", "command",
         Recording(record, absl::StrCat("echo >", said[i].path(), "\ncat ", gates[i].path()))}));
  }
  for (int i = 8; i < 40; ++i) {
    const int work = (i * 7919) % 40 * 1000;  // mixed lengths, the same in every run
    ids.push_back(pool.Submit({"--agent", "command", Recording(record, Count(work))}));
  }
  for (const Gate& gate : said) gate.Await();
  for (const Gate& gate : gates) gate.Open();
  for (const std::string& id : ids) EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << id;

  const Recorded recorded = ReadRecord(record);
  EXPECT_EQ(recorded.started, recorded.ended);
  EXPECT_EQ(recorded.most_at_once, (std::map<std::string, size_t>{{"a", 4}, {"b", 4}}));
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 40u);
  for (const std::string& id : ids) EXPECT_EQ(recorded.ids_started.count(id), 1u) << id;

  const CommandResult list = pool.Handoff({"list", "--all", "--limit", "100", "--json"});
  ASSERT_EQ(list.exit_code, 0) << list.err;
  std::map<std::string, std::string> listed;
  std::map<std::string, std::string> workers;
  for (absl::string_view line : absl::StrSplit(list.out, '\n', absl::SkipEmpty())) {
    const auto json = nlohmann::json::parse(std::string(line));
    listed[json.at("id")] = json.at("status");
    workers[json.at("id")] = json.at("worker");
  }
  EXPECT_EQ(listed.size(), 40u);
  for (const std::string& id : ids) EXPECT_EQ(listed[id], "SUCCEEDED") << id;
  EXPECT_EQ(workers, recorded.worker_of);
}

}  // namespace
}  // namespace handoff::e2e
