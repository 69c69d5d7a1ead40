// The engine with its thread, many callers and a real store: for ThreadSanitizer too.
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "coordinator/engine.h"
#include "coordinator/store/sqlite_store.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

core::Submit Task(const std::string& text) {
  core::Submit submit;
  submit.handoff.owner = "ann";
  submit.handoff.agent = "command";
  submit.handoff.task_line = text;
  submit.handoff.spec = text;
  return submit;
}

template <typename C>
absl::StatusOr<typename C::Reply> Ask(Engine& engine, C command) {
  std::promise<absl::StatusOr<typename C::Reply>> promise;
  engine.Post(std::move(command), [&promise](auto reply) { promise.set_value(std::move(reply)); });
  return promise.get_future().get();
}

TEST(EngineThread, EverySubmitOfManyCallersIsAnsweredOnceAndStored) {
  const TempDir dir = *TempDir::Make("engine-");
  const std::string path = dir.path() + "/handoff.db";
  auto store = *SqliteStore::Open(path);
  const RealClock clock;
  constexpr int kCallers = 8, kEach = 100;
  std::set<std::string> ids;
  std::mutex mutex;
  {
    Engine engine({}, *store, clock);
    ASSERT_TRUE(engine.Start().ok());
    std::vector<std::thread> callers;
    for (int c = 0; c < kCallers; ++c) {
      callers.emplace_back([&, c] {
        for (int n = 0; n < kEach; ++n) {
          const auto reply = Ask(engine, Task(absl::StrCat("task ", n, " of ", c % 2)));
          ASSERT_TRUE(reply.ok()) << reply.status();
          engine.LeaseOf(reply->handoff.id);
          const std::lock_guard<std::mutex> lock(mutex);
          EXPECT_TRUE(ids.insert(reply->handoff.id).second);
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
  store.reset();
  store = *SqliteStore::Open(path);
  const core::State state = *store->Load(false);
  EXPECT_EQ(ids.size(), size_t{kCallers * kEach});
  for (const std::string& id : ids) EXPECT_NE(state.FindHandoff(id), nullptr) << id;
  state.CheckInvariants();
}

TEST(EngineThread, AStopDuringSubmitsAnswersEachOneAndKeepsWhatItConfirmed) {
  const TempDir dir = *TempDir::Make("engine-");
  auto store = *SqliteStore::Open(dir.path() + "/handoff.db");
  const RealClock clock;
  Engine engine({}, *store, clock);
  ASSERT_TRUE(engine.Start().ok());
  constexpr int kCallers = 4, kEach = 200;
  std::atomic<size_t> answered{0}, confirmed{0};
  std::promise<void> some_confirmed;
  std::vector<std::thread> callers;
  for (int c = 0; c < kCallers; ++c) {
    callers.emplace_back([&, c] {
      for (int n = 0; n < kEach; ++n) {
        engine.Post(Task(absl::StrCat("task ", n, " of ", c)), [&](auto reply) {
          ++answered;
          if (reply.ok() && ++confirmed == 20) some_confirmed.set_value();
        });
      }
    });
  }
  some_confirmed.get_future().wait();
  engine.Stop();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answered, size_t{kCallers * kEach});
  EXPECT_EQ(store->Load(false)->queued(), confirmed);
}

}  // namespace
}  // namespace handoff
