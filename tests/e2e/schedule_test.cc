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

// Appends "start ID/EPOCH" and "end ID/EPOCH" around some work. One write a line, with O_APPEND, so
// the file's order is the order in which it happened.
std::string Recording(const std::string& file, const std::string& work) {
  return absl::StrCat("echo \"start $HANDOFF_ATTEMPT\" >>", file, "\n", work,
                      "\necho \"end $HANDOFF_ATTEMPT\" >>", file, "\n");
}

std::string Count(int to) {
  return absl::StrCat("i=0; while [ $i -lt ", to, " ]; do i=$((i+1)); done");
}

struct Recorded {
  std::set<std::string> started;  // "id/epoch"
  std::set<std::string> ended;
  size_t most_at_once = 0;
  std::multiset<std::string> ids_started;
};

Recorded ReadRecord(const std::string& file) {
  Recorded out;
  std::set<std::string> now;
  for (absl::string_view line : absl::StrSplit(*ReadFile(file), '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    const std::string id = words[1].substr(0, words[1].find('/'));
    if (words[0] == "start") {
      EXPECT_TRUE(now.insert(id).second) << id << " ran twice at the same time";
      out.started.insert(words[1]);
      out.ids_started.insert(id);
      out.most_at_once = std::max(out.most_at_once, now.size());
    } else {
      now.erase(id);
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
  EXPECT_EQ(recorded.most_at_once, 8u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 40u);
  for (const std::string& id : ids) EXPECT_EQ(recorded.ids_started.count(id), 1u) << id;

  const CommandResult list = pool.Handoff({"list", "--all", "--limit", "100", "--json"});
  ASSERT_EQ(list.exit_code, 0) << list.err;
  std::map<std::string, std::string> listed;
  std::set<std::string> workers;
  for (absl::string_view line : absl::StrSplit(list.out, '\n', absl::SkipEmpty())) {
    const auto json = nlohmann::json::parse(std::string(line));
    listed[json.at("id")] = json.at("status");
    workers.insert(json.at("worker"));
  }
  EXPECT_EQ(listed.size(), 40u);
  for (const std::string& id : ids) EXPECT_EQ(listed[id], "SUCCEEDED") << id;
  EXPECT_EQ(workers, (std::set<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace handoff::e2e
