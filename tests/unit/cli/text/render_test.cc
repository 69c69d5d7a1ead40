// Golden text: what a person sees for a record.

#include "cli/text/render.h"

#include <google/protobuf/text_format.h>

#include "absl/strings/str_cat.h"
#include "cli/snapshot/snapshot.h"
#include "cli/text/json.h"
#include "cli/text/table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNow = 1'796'000'000;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

View Piped() { return {absl::FromUnixSeconds(kNow), absl::UTCTimeZone(), 0, false}; }
View Wide(int width) { return {absl::FromUnixSeconds(kNow), absl::UTCTimeZone(), width, false}; }

v1::Handoff Running() {
  return Parse<v1::Handoff>(R"pb(
    id: "20261120-fix-benchmark"
    status: RUNNING
    task: "Fix the benchmark.\nThen commit."
    repo: "https://example.org/team/bench.git"
    ref: "main"
    agent: "cursor"
    model: "auto"
    owner: "alice"
    reason: "The agent is working."
    worker: "build-7"
    phase: "running (ninja test, 12 min)"
    branch: "handoff/20261120-fix-benchmark"
    attempt_count: 2
    files_changed: 2
    lines_added: 120
    lines_deleted: 4
    created_at { seconds: 1795996400 }
    last_activity_at { seconds: 1795999990 }
    attempts {
      number: 1
      state: LOST
      worker: "build-3"
      failure_message: "The worker was lost."
      started_at { seconds: 1795996500 }
      ended_at { seconds: 1795998300 }
      log_bytes: 2048
    }
    attempts {
      number: 2
      state: RUNNING
      phase: "running (ninja test, 12 min)"
      worker: "build-7"
      workspace: "/var/lib/handoff/workspaces/20261120-fix-benchmark/repo"
      session: "7d1f0c52"
      session_kind: FRESH
      account: "alice@example.org"
      isolation: "cgroup v2"
      started_at { seconds: 1795999000 }
      last_line: "Running the tests now."
      will_end: "idle limit at 12:31 UTC"
      log_bytes: 1234567
      facts {
        commits { id: "abc" subject: "Fix it" }
        files { path: "src/bench.cc" kind: MODIFIED added: 110 deleted: 4 committed: true }
        files { path: "NOTES.md" kind: ADDED added: 10 }
        files_changed: 2
        usage { input_tokens: 9120 output_tokens: 240 cache_read_tokens: 45100 cost_usd: 0.081 }
      }
    })pb");
}

TEST(RenderShow, BeginsWithTheVerdictAndEndsWithWhatToType) {
  EXPECT_EQ(RenderShow(Running(), Piped()),
            R"(running  20261120-fix-benchmark
  The agent is working.

Now        attempt 2 running (ninja test, 12 min) on build-7, started 16 min ago
Said       Running the tests now.
Files      2 files changed +120 −4, 1 commit on handoff/20261120-fix-benchmark
           M src/bench.cc  +110 −4
           A NOTES.md  +10 −0  (not committed)
Session    fresh session 7d1f0c52, verified: unknown
Host       build-7:/var/lib/handoff/workspaces/20261120-fix-benchmark/repo
Account    alice@example.org
Isolation  cgroup v2
Tokens     9.1 k in, 240 out, 45 k from cache, 0.08 USD
Ends       idle limit at 12:31 UTC
Active     10 s ago
Task       Fix the benchmark. …
Agent      cursor, auto
From       example.org/team/bench@main
Owner      alice, submitted 60 min ago

ATTEMPT  STATE                         WORKER   TIME       LOG  REASON
      1  lost                          build-3  30 min  2.0 kB  The worker was lost.
      2  running (ninja test, 12 min)  build-7  16 min  1.2 MB

  handoff logs -f 20261120-fix-benchmark          # follow it
  handoff send 20261120-fix-benchmark MESSAGE     # tell it what comes next
  handoff takeover 20261120-fix-benchmark --stop  # go on with it yourself
  handoff cancel 20261120-fix-benchmark           # stop it
)");
}

TEST(RenderShow, ASuccessWithoutChecksSaysSo) {
  const auto handoff = Parse<v1::Handoff>(R"pb(
    id: "20261120-x"
    status: SUCCEEDED
    changed: true
    repo: "r"
    agent: "cursor"
    owner: "alice"
    created_at { seconds: 1795996400 })pb");
  EXPECT_THAT(RenderShow(handoff, Piped()),
              ::testing::StartsWith("succeeded (unchecked)  20261120-x\n"));
}

TEST(RenderShow, ASilentWorkerComesWithTheTimeOfGivingAway) {
  v1::Handoff handoff = Running();
  handoff.mutable_attempts(1)->set_unreachable(true);
  handoff.mutable_attempts(1)->mutable_lease_until()->set_seconds(kNow + 1500);
  EXPECT_THAT(RenderShow(handoff, Piped()),
              HasSubstr("the worker is silent, the attempt is given away in 25 min"));
}

TEST(RenderShow, AnEndedAttemptSaysHowLongItTookAndHowItEnded) {
  const auto handoff = Parse<v1::Handoff>(R"pb(
    id: "20261120-x"
    status: FAILED
    failure: AGENT_ERROR
    reason: "It exited with status 3."
    agent: "command"
    owner: "alice"
    attempts {
      number: 1
      state: FAILED
      worker: "build-7"
      exit_code: 3
      last_line: "make: *** [all] Error 3"
      started_at { seconds: 1795999808 }
      ended_at { seconds: 1795999820 }
    })pb");
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr("\nTook       12 s, ended 3 min ago, exit 3\n"
                                                      "Said       make: *** [all] Error 3\n"));
}

TEST(RenderList, ASilentWorkerIsTheReasonWhenThereIsNoOther) {
  v1::Handoff handoff = Running();
  handoff.mutable_attempts(1)->set_unreachable(true);
  handoff.mutable_attempts(1)->mutable_lease_until()->set_seconds(kNow + 1500);
  EXPECT_THAT(RenderList({handoff}, false, Piped()), HasSubstr("The agent is working."));
  handoff.clear_reason();
  EXPECT_THAT(RenderList({handoff}, false, Piped()),
              HasSubstr("The worker is silent; given away in 25 min unless it comes back."));
}

TEST(RenderShow, SaysWhatIsSavedWhatCameLateAndWhereItWentOnFrom) {
  v1::Handoff handoff = Running();
  *handoff.mutable_attempts(0) = Parse<v1::Attempt>(R"pb(
    number: 1
    state: LOST
    worker: "build-3"
    checkpoint {
      commit: "1111111111111111111111111111111111111111"
      taken_at { seconds: 1795998000 }
    }
    late_checkpoint {
      commit: "2222222222222222222222222222222222222222"
      taken_at { seconds: 1795998240 }
    })pb");
  v1::Attempt& attempt = *handoff.mutable_attempts(1);
  attempt.set_from_attempt(1);
  attempt.set_from_commit(std::string(40, '1'));
  *attempt.mutable_checkpoint() = Parse<v1::Checkpoint>(R"pb(
    commit: "3333333333333333333333333333333333333333"
    session: "7d1f0c52"
    taken_at { seconds: 1795999880 }
    notes: "big.bin is above 2 GB"
    notes: "pipe is a FIFO")pb");
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr(R"(
Goes on    from attempt 1 (1111111111)
Saved      3333333333, 2 min ago, with the agent's session
           not in it: big.bin is above 2 GB
           not in it: pipe is a FIFO
Late       attempt 1 came back with 4 min of work that attempt 2 lacks; )"
                                                      "'handoff resume 20261120-fix-benchmark "
                                                      "--from-attempt 1' uses it\nHost"));
  attempt.set_from_commit(std::string(40, '2'));
  EXPECT_THAT(RenderShow(handoff, Piped()), Not(HasSubstr("Late")));
  for (int i = 0; i < 5; ++i) attempt.mutable_checkpoint()->add_notes("another");
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr("           … and 2 more\n"));
  attempt.mutable_checkpoint()->set_only_on_worker("The pack has 9 GB.\x1b[2J");
  EXPECT_THAT(RenderShow(handoff, Piped()),
              HasSubstr("\nSaved      only on build-7: The pack has 9 GB.\n"));
}

TEST(RenderShow, OfWhatHasEndedNamesHowToGetTheWork) {
  v1::Handoff handoff = Running();
  handoff.set_status(v1::Handoff::SUCCEEDED);
  EXPECT_THAT(RenderShow(handoff, Piped()), Not(HasSubstr("handoff fetch")));
  handoff.mutable_attempts(1)->mutable_checkpoint()->set_commit(std::string(40, '3'));
  EXPECT_THAT(
      RenderShow(handoff, Piped()),
      HasSubstr("\n  handoff diff 20261120-fix-benchmark       # what it changed\n"
                "  handoff fetch 20261120-fix-benchmark      # its work as a branch here\n"));
}

Fetched Branch() {
  Fetched fetched;
  fetched.id = "20261120-x";
  fetched.attempt = 2;
  fetched.branch = "handoff/20261120-x";
  fetched.commit = std::string(40, 'c');
  fetched.head_commit = std::string(40, 'd');
  fetched.changed = fetched.uncommitted = true;
  fetched.commits = 1;
  fetched.files = 3;
  fetched.taken_at = absl::FromUnixSeconds(kNow - 120);
  fetched.notes = {"big.bin is above 2 GB\x1b[2J"};
  return fetched;
}

TEST(RenderFetched, SaysWhatCameAndWhatDidNot) {
  Fetched fetched = Branch();
  EXPECT_THAT(RenderFetched(fetched, Piped()),
              ElementsAre("handoff: handoff/20261120-x is attempt 2's work, taken 2 min ago: 1 "
                          "commit of the agent, 3 files changed",
                          "what the agent had not committed is one commit on top",
                          "not in it: big.bin is above 2 GB"));
  fetched.changed = fetched.uncommitted = false;
  fetched.notes.clear();
  fetched.commits = fetched.files = -1;
  EXPECT_THAT(RenderFetched(fetched, Piped()),
              ElementsAre("handoff: handoff/20261120-x was already attempt 2's work, taken 2 min "
                          "ago: at cccccccccc"));
}

TEST(Json, WhatWasFetchedIsOneObjectALine) {
  Fetched fetched = Branch();
  fetched.notes.clear();
  EXPECT_EQ(FetchedToJsonLine(fetched),
            absl::StrCat("{\"id\":\"20261120-x\",\"attempt\":2,\"branch\":\"handoff/20261120-x\","
                         "\"commit\":\"",
                         std::string(40, 'c'), "\",\"headCommit\":\"", std::string(40, 'd'),
                         "\",\"changed\":true,\"uncommitted\":true,"
                         "\"commits\":1,\"filesChanged\":\"3\",\"notes\":[]}\n"));
}

TEST(RenderShow, TextFromOutsideCannotControlTheTerminal) {
  v1::Handoff handoff = Running();
  for (auto* field :
       {handoff.mutable_task(), handoff.mutable_reason(), handoff.mutable_repo(),
        handoff.mutable_ref(), handoff.mutable_owner(), handoff.mutable_phase(),
        handoff.mutable_model(), handoff.mutable_branch(), handoff.mutable_worker()}) {
    *field = "a\x1b[2J\x07\nb\u202e";
  }
  v1::Attempt* attempt = handoff.mutable_attempts(1);
  for (auto* field :
       {attempt->mutable_last_line(), attempt->mutable_workspace(), attempt->mutable_account(),
        attempt->mutable_will_end(), attempt->mutable_session(), attempt->mutable_isolation(),
        attempt->mutable_phase(), attempt->mutable_failure_message(),
        attempt->mutable_facts()->mutable_files(0)->mutable_path()}) {
    *field = "a\x1b[2J\x07\nb\u202e";
  }
  (*handoff.mutable_labels())["k\x1b"] = "v\x1b[2J";
  for (const std::string& text :
       {RenderShow(handoff, Piped()), RenderList({handoff}, true, Piped()),
        RenderVerdict(handoff, Piped()), RenderProgress(handoff)}) {
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\x07")));
    EXPECT_THAT(text, Not(HasSubstr("\u202e")));
  }
}

TEST(RenderList, OneLineAHandoff) {
  const auto queued = Parse<v1::Handoff>(R"pb(
    id: "20261120-wait"
    status: QUEUED
    owner: "bob"
    agent: "command"
    reason: "No worker is free."
    created_at { seconds: 1795999900 })pb");
  EXPECT_EQ(
      RenderList({Running(), queued}, true, Piped()),
      "ID                      STATE                         OWNER  REPO                         "
      "WORKER   ATT      +/−    AGO  REASON\n"
      "20261120-fix-benchmark  running (ninja test, 12 min)  alice  example.org/team/bench@main  "
      "build-7    2  +120 −4   10 s  The agent is working.\n"
      "20261120-wait           queued                        bob                                 "
      "                       100 s  No worker is free.\n");
}

TEST(RenderList, ThePhaseStandsInOnePairOfParentheses) {
  const std::pair<const char*, const char*> table[] = {
      {"", "running"},
      {"running", "running"},
      {"running (ninja test, 12 min)", "running (ninja test, 12 min)"},
      {"preparing (cloning 43 %)", "running (preparing, cloning 43 %)"},
      {"saving", "running (saving)"}};
  for (const auto& [phase, shown] : table) {
    v1::Handoff handoff = Running();
    handoff.set_phase(phase);
    EXPECT_EQ(RenderProgress(handoff),
              absl::StrCat("20261120-fix-benchmark: ", shown, " on build-7"));
  }
}

TEST(RenderList, FitsTheTerminal) {
  for (const int width : {32, 40, 60, 80, 100, 140}) {
    const std::string table = RenderList({Running()}, true, Wide(width));
    for (size_t at = 0; at < table.size();) {
      const size_t end = table.find('\n', at);
      EXPECT_LE(DisplayWidth(absl::string_view(table).substr(at, end - at)), width) << table;
      at = end + 1;
    }
    EXPECT_THAT(table, HasSubstr("running")) << width;
  }
}

TEST(RenderWhy, SummaryDetailsAndCommands) {
  const auto why = Parse<v1::WhyResponse>(R"pb(
    summary: "No worker can take it now."
    details: "build-7: cursor is not logged in"
    details: "build-3: draining (new disk)"
    commands: "ssh build-7 cursor-agent login")pb");
  v1::Handoff handoff = Running();
  handoff.set_status(v1::Handoff::QUEUED);
  EXPECT_EQ(RenderWhy(handoff, why, Piped()),
            "queued  20261120-fix-benchmark\n"
            "  No worker can take it now.\n"
            "  - build-7: cursor is not logged in\n"
            "  - build-3: draining (new disk)\n"
            "\n"
            "  ssh build-7 cursor-agent login\n");
}

v1::Worker Build7() {
  return Parse<v1::Worker>(R"pb(
    name: "build-7"
    uuid: "u-7"
    reachable: true
    slots: 4
    slots_used: 1
    version: "0.1.0"
    ssh: "me@build-7"
    last_seen { seconds: 1795999997 }
    registered_at { seconds: 1795000000 }
    labels { key: "os" value: "linux" }
    agents { name: "command" state: READY }
    agents { name: "cursor" state: NEEDS_SETUP message: "run: cursor-agent login" }
    attempts: "20261120-fix-benchmark/2"
    disk_free_bytes: 81000000000
    holds {
      key: "repo:r"
      reason: "no credentials"
      since { seconds: 1795999000 }
      next_probe { seconds: 1796000060 }
    })pb");
}

TEST(RenderWorkers, OneLineAWorker) {
  v1::ListWorkersResponse workers;
  *workers.add_workers() = Build7();
  EXPECT_EQ(RenderWorkers(workers, Piped()),
            "WORKER   STATE    SLOTS  AGENTS   LABELS     FREE  SEEN  VERSION  REASON\n"
            "build-7  on hold    1/4  command  os=linux  81 GB   3 s  0.1.0    repo:r: no "
            "credentials\n");
}

TEST(RenderWorkers, SaysWhoHasTheSlotsAndWhoseWorkItTakes) {
  v1::ListWorkersResponse workers;
  *workers.add_workers() = Parse<v1::Worker>(R"pb(
    name: "a"
    reachable: true
    slots: 4
    slots_used: 3
    owner: "ann"
    held { attempt: "h1/1" owner: "ann" }
    held { attempt: "h2/1" owner: "bob" }
    held { attempt: "h3/2" owner: "ann" })pb");
  *workers.add_workers() = Parse<v1::Worker>(R"pb(
    name: "b"
    reachable: true
    slots: 1
    slots_used: 0
    owner: "ann"
    shared: true
    repos: "x/*")pb");
  *workers.add_workers() = Parse<v1::Worker>(R"pb(name: "c" reachable: true slots: 1)pb");
  EXPECT_EQ(RenderWorkers(workers, Piped()),
            "WORKER  STATE  SLOTS  HELD BY       TAKES\n"
            "a       busy     3/4  ann 2, bob 1  work of ann\n"
            "b       idle     0/1                all, shared by ann, repos x/*\n"
            "c       idle     0/1\n");
}

TEST(RenderWorker, SaysWhoHasEachSlotAndWhoseWorkItTakes) {
  v1::Worker worker = Build7();
  *worker.add_held() = Parse<v1::Worker::Slot>(R"pb(attempt: "20261120-fix-benchmark/2"
                                                    owner: "ann"
                                                    exclusive: true)pb");
  worker.set_owner("ann");
  worker.add_repos("https://example.org/team/*");
  worker.add_repos("*/docs");
  std::string text = RenderWorker(worker, Piped());
  EXPECT_THAT(text, HasSubstr("Slots      1 of 4 in use\n"
                              "           20261120-fix-benchmark/2 of ann, alone there\n"
                              "Takes      only the work of ann, only repositories like "
                              "https://example.org/team/*, */docs\n"));
  worker.set_shared(true);
  worker.clear_repos();
  EXPECT_THAT(RenderWorker(worker, Piped()),
              HasSubstr("Takes      everybody's work, shared by ann\n"));
}

TEST(RenderWorker, SaysWhatIsMissing) {
  EXPECT_EQ(RenderWorker(Build7(), Piped()),
            R"(on hold  build-7
  repo:r: no credentials

Slots      1 of 4 in use
           20261120-fix-benchmark/2
Seen       3 s ago
Reach      ssh me@build-7
Labels     os=linux
Free disk  81 GB
Agents     command ready
           cursor needs setup
             run: cursor-agent login
Hold       repo:r since 16 min ago: no credentials; next probe in 60 s
Version    0.1.0
Identity   u-7, known since 11 d ago
)");
}

TEST(RenderSnapshot, SaysWhatLeavesAndWhatIsHeldBack) {
  Snapshot snapshot;
  snapshot.commit = "0123456789abcdef0123456789abcdef01234567";
  snapshot.ref = "main";
  snapshot.commits_ahead = 2;
  snapshot.modified = 5;
  snapshot.untracked = 3;
  snapshot.pack_bytes = 1'200'000;
  snapshot.ignored = {"build/"};
  snapshot.held_back = {".env: looks like a secret (.env)", "my file: huge (80 MB)"};
  snapshot.notes = {"vendor/x is a repository of its own and is not sent"};
  EXPECT_THAT(
      RenderSnapshot(snapshot),
      ElementsAre("HEAD 0123456789 (main) +2 commits, 5 modified, 3 untracked, 1.2 MB; "
                  "ignored and not sent: build/",
                  "held back: .env: looks like a secret (.env); send it with --include .env",
                  "held back: my file: huge (80 MB); send it with --include 'my file'",
                  "note: vendor/x is a repository of its own and is not sent"));
}

TEST(RenderSnapshot, SaysOfCommitsAloneThatTheRestIsNotSent) {
  Snapshot snapshot;
  snapshot.from = SnapshotFrom::kHead;
  snapshot.commit = "0123456789abcdef0123456789abcdef01234567";
  EXPECT_THAT(RenderSnapshot(snapshot),
              ElementsAre("HEAD 0123456789, uncommitted changes are not sent, nothing to send"));
}

TEST(RenderEvent, IsTimedInUtcForScriptsAndLocallyForPeople) {
  const auto event = Parse<v1::Event>(R"pb(
    revision: 7
    at { seconds: 1796000000 }
    handoff_id: "20261120-x"
    kind: "leased"
    attempt: 1
    worker: "build-7"
    message: "Leased to build-7.")pb");
  EXPECT_EQ(RenderEvent(event, Piped()),
            "2026-11-30T00:53:20.000Z  leased  20261120-x/1  build-7  Leased to build-7.\n");
  EXPECT_EQ(RenderEvent(event, Wide(80)),
            "00:53:20  leased  20261120-x/1  build-7  Leased to build-7.\n");
}

TEST(Json, AFindingIsOneObjectALine) {
  EXPECT_EQ(FindingToJsonLine({Finding::kNote, "disk", "is\n\"full\"", "free some"}),
            R"({"kind":"NOTE","what":"disk","detail":"is\n\"full\"","advice":"free some"})"
            "\n");
  // A path is of any bytes.
  EXPECT_THAT(FindingToJsonLine({Finding::kOk, "repository", "\xff", ""}),
              HasSubstr("\xef\xbf\xbd"));
}

// A coordinator of another time may pass on what a worker made up; that ends no command halfway.
TEST(Json, WhatHasNoneIsAnErrorAndNoAbort) {
  v1::Worker worker;
  worker.add_turns()->mutable_retry_at()->set_seconds(int64_t{1} << 50);
  const auto line = ToJsonLine(worker);
  EXPECT_EQ(line.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(line.status().message(),
              AllOf(HasSubstr("a Worker"), HasSubstr("without --json it is shown")));
}

TEST(Json, HasTheNamesThatScriptsRelyOn) {
  v1::Handoff handoff = Running();
  handoff.mutable_attempts(0)->set_exit_code(0);
  const std::string json = *ToJsonLine(handoff);
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 1);
  for (const char* part : {R"("id":"20261120-fix-benchmark")",
                           R"("status":"RUNNING")",
                           R"("verified":false)",
                           R"("changed":false)",
                           R"("task":)",
                           R"("repo":)",
                           R"("ref":"main")",
                           R"("agent":"cursor")",
                           R"("model":"auto")",
                           R"("owner":"alice")",
                           R"("labels":)",
                           R"("attempts":[)",
                           R"("checks":[])",
                           R"("reason":)",
                           R"("createdAt":)",
                           R"("number":1)",
                           R"("state":"LOST")",
                           R"("phase":)",
                           R"("worker":"build-3")",
                           R"("session":)",
                           R"("sessionKind":"FRESH")",
                           R"("exitCode":0)",
                           R"("failure":"NONE")",
                           R"("startedAt":)",
                           R"("endedAt":)",
                           R"("logBytes":"2048")",
                           R"("headCommit":"")"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
  // Unknown is not 0.
  EXPECT_EQ(json.find("\"exitCode\""), json.rfind("\"exitCode\""));
}

TEST(Show, SaysWhoHoldsSectionsOfTheDocumentAndWhoseWordsDoNotStandThere) {
  v1::Handoff handoff = Running();
  EXPECT_THAT(RenderShow(handoff, Piped()), Not(HasSubstr("\nHeld")));
  v1::SectionEdit& edit = *handoff.add_edits();
  edit.set_version(1);
  edit.set_section("Resume Prompt");
  edit.set_text("Mine.");
  edit.set_author("ada\x1b[31m");
  edit.mutable_at()->set_seconds(kNow);
  handoff.mutable_attempts(0)->mutable_end()->mutable_facts()->add_notes(
      "the agent changed handoff.md: Facts; that is not taken over");
  const std::string shown = RenderShow(handoff, Piped());
  EXPECT_THAT(shown, HasSubstr("\nHeld       Resume Prompt (ada, 2026-11-30T00:53:20Z)\n"));
  EXPECT_THAT(shown,
              HasSubstr("\nWrote      in attempt 1 the agent changed handoff.md: Facts; that "
                        "is not taken over\n"));
}

}  // namespace
}  // namespace handoff
