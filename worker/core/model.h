// What the worker and the coordinator tell each other, as plain values: no I/O, clock, lock,
// thread, proto or gRPC. What no decision reads travels as opaque bytes. worker/rpc/convert knows
// both sides.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/handoff/outcome.h"
#include "worker/core/agent_turn.h"

namespace handoff::worker {

struct AttemptKey {
  std::string handoff_id;
  int number = 0;
  friend auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
  std::string ToString() const { return handoff_id + "/" + std::to_string(number); }
};

// Where an attempt stands on this worker; the numbers are those of handoff.v1.AttemptStatus.Stage.
//
//   kAdopting ─▶ kPreparing ─▶ kRunning ─▶ kSaving ─▶ kReporting ─▶ (gone)
//
// kAdopting is where a daemon starts with an attempt directory that is not yet clear; it goes to
// whichever of the others the directory says. Every stage may be done again after a crash.
enum class Stage { kAdopting = 1, kPreparing, kRunning, kSaving, kReporting };

// What this worker says of one attempt.
struct AttemptStatus {
  AttemptKey key;
  uint64_t epoch = 0;
  Stage stage = Stage::kAdopting;
  std::string phase;  // for people: "preparing (cloning 43 %)"
  bool stopping = false;
  bool frozen = false;
  bool stalled = false;
  absl::Time started_at = absl::InfinitePast();
  absl::Time last_activity_at = absl::InfinitePast();
  std::string session;
  std::string last_line;
  std::string will_end;
  std::string workspace;
  std::string command;
  std::string safe_command;
  std::string isolation;
  std::string facts;  // serialised handoff.v1.Facts, the reported part so far
};

enum class AgentState { kReady = 1, kMissing, kNeedsSetup };
struct AgentOffer {
  std::string name;
  AgentState state = AgentState::kMissing;
  std::string version;
  std::string account;
  std::string message;  // what is wrong and the command that mends it
  absl::Time probed_at = absl::InfinitePast();
  int max_parallel = 0;  // [agents.NAME] max_parallel; 0: no limit
};

struct ProbeResult {
  std::string key;  // the hold's
  bool ok = false;
  std::string message;
  friend bool operator==(const ProbeResult&, const ProbeResult&) = default;
};

// In what agents run on this host, in words for people.
struct Enclosure {
  std::string account;  // of the operating system; empty: it has no name
  uint32_t uid = 0;
  std::string network, isolation;
};

struct SyncRequest {
  std::string pool_id;  // empty until the first answer
  std::string worker_uuid;
  std::string name;
  uint64_t start = 0;
  uint64_t nonce = 0;
  uint64_t seq = 0;
  std::string host_boot_id;
  std::string version;
  std::string ssh;  // how a person reaches this host
  Enclosure enclosure;
  int slots = 0;
  std::map<std::string, std::string> labels;
  std::vector<AgentOffer> agents;
  std::vector<AttemptStatus> attempts;
  std::vector<std::string> repo_keys;
  std::vector<std::string> workspaces;
  uint64_t disk_free_bytes = 0;
  std::string not_accepting;
  absl::Time now = absl::InfinitePast();  // by this host's clock; infinite: not told
  std::string renewal_problem;            // of the certificate
  std::vector<ProbeResult> probes;
  std::vector<TurnResult> turns;
  uint64_t seen_term = 0;
  uint64_t seen_revision = 0;
};

struct DesiredAttempt {
  AttemptKey key;
  uint64_t epoch = 0;
  bool stop = false;
  absl::Duration lease = absl::ZeroDuration();
  std::string spec;  // serialised handoff.v1.DesiredAttempt when it holds a spec; else empty
  EndedBy stop_as = EndedBy::kCancel;
  std::string stop_reason;
  absl::Duration stop_grace = absl::Seconds(10);
};

struct Probe {
  std::string key;
  std::string url;
};

// An attempt whose log an agent that can only read is to summarise.
struct SummaryWish {
  AttemptKey key;
  uint64_t wish = 0;
  std::string agent;
  std::string model;     // empty: the agent's default
  bool partial = false;  // it runs
};

struct SyncAnswer {
  std::string pool_id;
  uint64_t term = 0;
  uint64_t revision = 0;
  uint64_t in_reply_to = 0;
  std::vector<DesiredAttempt> attempts;
  absl::Duration sync_after = absl::ZeroDuration();
  bool draining = false;
  std::vector<Probe> probes;
  std::vector<AttemptKey> forget;
  std::vector<std::string> purge;  // handoffs of which nothing is to be kept
  std::vector<SummaryWish> summaries;
  std::vector<TurnWish> turns;
};

}  // namespace handoff::worker
