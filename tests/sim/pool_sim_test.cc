// The whole pool from a seed: the production core and the production reconcile, a network that
// loses, repeats, delays and reorders, programs and hosts that die. What must hold is checked after
// every commit (sim_coordinator) and at the end (here).
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/limits.h"
#include "gtest/gtest.h"
#include "tests/sim/sim_coordinator.h"
#include "tests/sim/sim_host.h"
#include "tests/sim/world.h"

namespace handoff::sim {
namespace {

constexpr absl::Duration kFaulty = absl::Minutes(5);
constexpr absl::Duration kCalm = absl::Hours(4);
constexpr int kHandoffs = 8;
const core::Caller kCoordinator{"", "", "", /*is_coordinator=*/true};

class PoolSim {
 public:
  explicit PoolSim(uint64_t seed)
      : world_(seed), coordinator_(world_, seed % 2 == 0 ? 2 : 0, QuotasOf(seed)) {
    const uint64_t hosts = 2 + world_.Below(2);
    for (uint64_t i = 0; i < hosts; ++i) {
      hosts_.push_back(std::make_unique<SimHost>(world_, coordinator_, truth_,
                                                 absl::StrCat("host-", i),
                                                 1 + static_cast<int>(world_.Below(2))));
    }
  }

  void Run() {
    const absl::Time begin = world_.now;
    coordinator_.Start();
    for (auto& host : hosts_) host->StartDaemon();
    for (int i = 0; i < kHandoffs; ++i) {
      world_.After(world_.UpTo(kFaulty / 2), [this, i] { Submit(i); });
    }
    Trouble();
    AnswerQuestions();
    while (world_.Step(begin + kFaulty)) {
    }
    Calm();
    while (!Over() && world_.Step(begin + kFaulty + kCalm)) {
    }
    for (auto& host : hosts_) host->Advance();
  }

  // What must hold at the end.
  void Check() {
    EXPECT_TRUE(Over()) << "something never ended";
    std::set<std::string> keys;
    for (const auto& [id, handoff] : coordinator_.store().handoffs()) {
      EXPECT_TRUE(core::IsEnded(handoff.status)) << id << ": " << handoff.reason;
      EXPECT_TRUE(keys.insert(handoff.idempotency_key).second) << "submitted once, kept twice";
      CheckTruth(handoff);
      CheckMessages(handoff);
      CheckOneAtATime(id);
      CheckNothingRunsInHands(id);
      CheckFrozenWellBefore(handoff);
    }
    EXPECT_EQ(keys.size(), static_cast<size_t>(kHandoffs)) << "a submitted handoff is gone";
    for (const std::string& id : answered_)
      EXPECT_EQ(coordinator_.store().handoffs().count(id), 1u);
  }

  const Truth& truth() const { return truth_; }
  const SimCoordinator& coordinator() const { return coordinator_; }
  MemoryStore& store() { return coordinator_.store(); }
  int asked_for() const { return coordinator_.asked_for(); }
  int account_full() const { return coordinator_.account_full(); }

 private:
  // Two owners; one may have a larger weight, and one may be kept to one attempt at a time.
  static core::Quotas QuotasOf(uint64_t seed) {
    core::Quotas quotas;
    if (seed % 3 == 0) quotas.owners["bob"].weight = 2;
    if (seed % 5 == 0) quotas.owners["ada"].running = 1;
    return quotas;
  }

  template <typename Command>
  void Ask(Command command,
           std::function<void(const absl::StatusOr<typename Command::Reply>&)> reply) {
    world_.Send([this, command, reply] {
      if (coordinator_.up()) coordinator_.Take(command, reply);
    });
  }

  // A person's command that asks again, with the same key, until it is answered.
  void Submit(int number) {
    const std::string key = absl::StrCat("key-", number);
    if (submitted_.count(key) > 0) return;
    core::Submit command;
    command.handoff.owner = number % 4 < 2 ? "ada" : "bob";
    command.handoff.task_line = "mend it";
    command.handoff.agent = "cursor";
    command.handoff.repo_key = "repo";
    command.handoff.idempotency_key = key;
    command.handoff.lease = absl::Seconds(number % 3 == 0 ? 60 : 15);
    command.handoff.priority = number % 2;
    command.handoff.exclusive = number == 5;
    if (number == 6) command.handoff.deadline = absl::FromUnixSeconds(1'800'000'000 + 240);
    Ask(command, [this, key](const absl::StatusOr<core::Submit::Reply>& reply) {
      ASSERT_TRUE(reply.ok()) << reply.status();
      world_.Send([this, key, id = reply->handoff.id] {
        submitted_.insert(key);
        answered_.insert(id);
      });
    });
    world_.After(absl::Seconds(2), [this, number] { Submit(number); });
  }

  std::string AnyHandoff() {
    const auto& all = coordinator_.store().handoffs();
    if (all.empty()) return "none";
    return std::next(all.begin(), static_cast<int64_t>(world_.Below(all.size())))->first;
  }

  // Every few seconds something goes wrong, or a person interferes.
  void Trouble() {
    if (!world_.faults) return;
    SimHost& host = *hosts_[world_.Below(hosts_.size())];
    switch (world_.Below(19)) {
      case 0:
        coordinator_.Crash();
        break;
      case 1:
      case 2:
        host.KillDaemon();
        break;
      case 3:
        host.Reboot();
        break;
      case 4:
      case 5:
        host.Cut(true);
        world_.After(world_.UpTo(absl::Minutes(3)), [&host] { host.Cut(false); });
        break;
      case 6:
        Ask(core::Cancel{AnyHandoff(), "", "ada"}, [](const auto&) {});
        break;
      case 7:
      case 8: {
        core::Resume resume;
        resume.id = AnyHandoff();
        if (world_.OneIn(3)) resume.from_attempt = 1 + static_cast<int>(world_.Below(2));
        Ask(resume, [](const auto&) {});
        break;
      }
      case 9:
        Ask(core::Drain{"host-0", "", world_.OneIn(2), "ada", kCoordinator}, [](const auto&) {});
        break;
      case 10:
        Ask(core::RemoveWorker{"host-1", "ada", kCoordinator}, [](const auto&) {});
        break;
      case 11:
      case 12:
      case 13:
        Say(AnyHandoff());
        break;
      case 14:
      case 15:
      case 16:
        Ask(core::TakeOver{AnyHandoff(), world_.OneIn(4) ? "bob" : "ada",
                           /*on_host=*/world_.OneIn(3), /*stop=*/world_.OneIn(2)},
            [](const auto&) {});
        break;
      default:
        break;
    }
    if (!coordinator_.up()) world_.After(world_.UpTo(absl::Seconds(30)), [this] { Revive(); });
    world_.After(world_.UpTo(absl::Seconds(15)), [this] { Trouble(); });
  }

  // Not asked again when the answer is lost: it is there twice when the request was, and both
  // count.
  void Say(const std::string& id) {
    core::Send send;
    send.id = id;
    if (world_.OneIn(8)) {
      send.drop = 1 + static_cast<int>(world_.Below(3));
    } else {
      send.text = "One more thing";
      send.now = world_.OneIn(3);
    }
    Ask(send, [](const auto&) {});
  }

  // A person looks at what waits for one, now and then, and gives back what they have.
  void AnswerQuestions() {
    for (const auto& [id, handoff] : coordinator_.store().handoffs()) {
      if (handoff.status == core::HandoffStatus::kWaiting)
        Ask(core::Send{id, "This", false, 0, "ada"}, [](const auto&) {});
      if (handoff.status == core::HandoffStatus::kInteractive) GiveBack(handoff);
    }
    world_.After(absl::Seconds(30) + world_.UpTo(absl::Seconds(30)), [this] { AnswerQuestions(); });
  }

  // With some work of theirs, or none.
  void GiveBack(const core::Handoff& handoff) {
    core::Return back;
    back.id = handoff.id;
    back.actor = handoff.taken_by;
    back.done = world_.OneIn(3);
    if (!handoff.taken_on.empty()) {
      for (auto& host : hosts_) {
        if (host->name() == handoff.taken_on) host->WorkByHand(handoff.id);
      }
    } else if (!world_.OneIn(4)) {
      const core::Head head = core::HeadCheckpoint(handoff);
      back.based_on = head.checkpoint == nullptr ? "" : head.checkpoint->commit;
      const int64_t work = SimSpec::WorkOf(back.based_on) + 1;
      back.checkpoint.commit = absl::StrCat(work, " by hand ", ++by_hand_);
      back.checkpoint.taken_at = world_.now;
      if (head.checkpoint != nullptr) back.checkpoint.session = head.checkpoint->session;
    }
    Ask(back, [](const auto&) {});
  }

  void Revive() {
    if (!coordinator_.up()) coordinator_.Start();
  }

  void Calm() {
    world_.faults = false;
    Revive();
    for (auto& host : hosts_) {
      host->Cut(false);
      host->StartDaemon();
    }
    Ask(core::Drain{"host-0", "", true, "ada", kCoordinator}, [](const auto&) {});
  }

  bool Over() {
    if (submitted_.size() < kHandoffs) return false;
    for (const auto& [id, handoff] : coordinator_.store().handoffs()) {
      if (!core::IsEnded(handoff.status)) return false;
    }
    for (auto& host : hosts_) {
      if (!host->idle()) return false;
    }
    return true;
  }

  // What is recorded of an attempt is what its host saw.
  void CheckTruth(const core::Handoff& handoff) {
    for (const core::Attempt& attempt : handoff.attempts) {
      if (!attempt.end.has_value()) continue;
      const auto truth = truth_.ends.find({handoff.id, attempt.number});
      ASSERT_NE(truth, truth_.ends.end()) << handoff.id << "/" << attempt.number;
      core::AttemptEnd kept = truth->second;
      kept.question.clear();  // it is the handoff's
      kept.check_output.clear();
      EXPECT_EQ(*attempt.end, kept) << handoff.id << "/" << attempt.number;
    }
    if (handoff.status == core::HandoffStatus::kSucceeded) {
      EXPECT_EQ(handoff.Latest()->end->failure, FailureClass::kNone);
    }
  }

  // Each was read once, in the order sent, by an agent that did start; only what was taken back, or
  // sent to what came to its end by other means, was never read. What an agent read of which nobody
  // heard (its host was lost before it could tell) is given again, and the record says to whom.
  void CheckMessages(const core::Handoff& handoff) {
    int last = 0;
    for (const core::Message& message : handoff.messages) {
      EXPECT_EQ(message.attempt != 0, message.delivered) << handoff.id << ": " << message.number;
      if (!message.delivered) {
        truth_.unread += message.pending() ? 1 : 0;
        EXPECT_TRUE(message.dropped || handoff.status != core::HandoffStatus::kSucceeded ||
                    !handoff.reason.empty())
            << handoff.id << ": message " << message.number << " was forgotten";
        continue;
      }
      ++truth_.delivered;
      EXPECT_GE(message.attempt, last) << handoff.id << ": out of order";
      last = message.attempt;
      EXPECT_EQ(truth_.begun.count({handoff.id, message.attempt}), 1u)
          << handoff.id << ": message " << message.number << " counts as read by attempt "
          << message.attempt << ", whose agent never started";
    }
  }

  // Promise 2: at most one attempt of a handoff runs at a time.
  void CheckOneAtATime(const std::string& id) {
    std::vector<Truth::Run>& runs = truth_.runs[id];
    std::sort(runs.begin(), runs.end(),
              [](const auto& a, const auto& b) { return a.from < b.from; });
    for (size_t i = 1; i < runs.size(); ++i) {
      const bool same = runs[i].number == runs[i - 1].number && runs[i].host == runs[i - 1].host;
      EXPECT_TRUE(same || runs[i - 1].to <= runs[i].from)
          << id << ": attempt " << runs[i - 1].number << " on " << runs[i - 1].host << " ran until "
          << runs[i - 1].to << ", attempt " << runs[i].number << " on " << runs[i].host << " from "
          << runs[i].from;
    }
  }

  // A person would find the ground moving under their feet.
  void CheckNothingRunsInHands(const std::string& id) {
    const auto in_hands = coordinator_.in_hands().find(id);
    if (in_hands == coordinator_.in_hands().end()) return;
    for (const InHands& hands : in_hands->second) {
      for (const Truth::Run& run : truth_.runs[id]) {
        EXPECT_TRUE(run.to <= hands.from || run.from >= hands.to)
            << id << ": attempt " << run.number << " on " << run.host << " ran from " << run.from
            << " to " << run.to << ", and a person had it from " << hands.from << " to "
            << hands.to;
      }
    }
  }

  // The margin before a silent worker's attempt is given away is for what nobody can see: how long
  // an answer was under way and how wrong the host's clock is. All else must be exact, so by then
  // the attempt must have stood still for nearly the whole margin.
  void CheckFrozenWellBefore(const core::Handoff& handoff) {
    const absl::Duration clock_is_wrong = handoff.lease * 0.016;
    for (const core::Event& event : coordinator_.store().events()) {
      if (event.handoff_id != handoff.id || event.kind != "worker_lost") continue;
      if (!absl::StrContains(event.message, "was silent until its lease")) continue;
      ++truth_.given_away;
      for (const Truth::Run& run : truth_.runs[handoff.id]) {
        if (run.number != event.attempt) continue;
        EXPECT_LE(run.to, event.at - core::GiveAwayMargin(handoff.lease) + clock_is_wrong)
            << handoff.id << ": attempt " << run.number << " was given away at " << event.at;
      }
    }
  }

  World world_;
  SimCoordinator coordinator_;
  Truth truth_;
  std::vector<std::unique_ptr<SimHost>> hosts_;
  std::set<std::string> submitted_, answered_;
  int by_hand_ = 0;  // checkpoints that a person made
};

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

// A failed CHECK ends the process: its last words are the seed.
std::string last_words;
void SayLastWords(int) {
  const ssize_t ignored = ::write(STDERR_FILENO, last_words.data(), last_words.size());
  static_cast<void>(ignored);
}
void NameSeed(uint64_t seed) {
  last_words = absl::StrCat("To see it again: HANDOFF_SIM_FIRST=", seed, " HANDOFF_SIM_SEEDS=1\n");
  std::signal(SIGABRT, SayLastWords);
}

// HANDOFF_SIM_SEEDS: how many; HANDOFF_SIM_FIRST: from which one on, to see one seed again.
TEST(PoolSim, KeepsItsPromisesForEverySeed) {
  const uint64_t first = FromEnvironment("HANDOFF_SIM_FIRST", 1);
  const uint64_t seeds = FromEnvironment("HANDOFF_SIM_SEEDS", 200);
  Truth all;
  int asked_for = 0, account_full = 0, contested = 0, capped = 0;
  std::set<std::string> events;
  for (uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("HANDOFF_SIM_FIRST=", seed, " HANDOFF_SIM_SEEDS=1"));
    NameSeed(seed);
    PoolSim sim(seed);
    sim.Run();
    sim.Check();
    all.frozen += sim.truth().frozen;
    all.adopted += sim.truth().adopted;
    all.late += sim.truth().late;
    all.reboots += sim.truth().reboots;
    all.given_away += sim.truth().given_away;
    all.delivered += sim.truth().delivered;
    all.unread += sim.truth().unread;
    all.kept += sim.truth().kept;
    all.rebuilt += sim.truth().rebuilt;
    all.only_checks += sim.truth().only_checks;
    all.by_hand += sim.truth().by_hand;
    asked_for += sim.asked_for();
    account_full += sim.account_full();
    contested += sim.coordinator().contested();
    capped += sim.coordinator().capped();
    for (const core::Event& event : sim.store().events()) events.insert(event.kind);
  }
  if (seeds < 100) return;
  // The simulation did meet what it is for.
  EXPECT_GT(all.frozen, 0);
  EXPECT_GT(all.adopted, 0);
  EXPECT_GT(all.late, 0);
  EXPECT_GT(all.reboots, 0);
  EXPECT_GT(all.given_away, 0);
  EXPECT_GT(all.delivered, 0);
  EXPECT_GT(all.unread, 0);
  EXPECT_GT(all.kept, 0);
  EXPECT_GT(all.rebuilt, 0);
  EXPECT_GT(all.only_checks, 0);
  EXPECT_GT(all.by_hand, 0);
  EXPECT_GT(asked_for, 0);
  EXPECT_GT(account_full, 0);
  EXPECT_GT(contested, 0);
  EXPECT_GT(capped, 0);
  for (const char* kind :
       {"submitted",  "leased",    "ended",           "retried",        "cancelled",
        "resumed",    "worker_up", "worker_lost",     "worker_removed", "drained",
        "undrained",  "hold",      "hold_cleared",    "late_report",    "late_checkpoint",
        "stopping",   "message",   "message_dropped", "continued",      "waiting",
        "taken_over", "returned"}) {
    EXPECT_EQ(events.count(kind), 1u) << kind;
  }
}

TEST(PoolSim, TheSameSeedIsTheSameRun) {
  const auto run = [] {
    PoolSim sim(42);
    sim.Run();
    return sim.store().events();
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace handoff::sim
