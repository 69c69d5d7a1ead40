// A worker, what it offers, and what it is kept from. Plain values, as in handoff.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff::core {

enum class AgentState { kReady = 1, kMissing, kNeedsSetup };
struct AgentOffer {
  std::string name;
  AgentState state = AgentState::kMissing;
  std::string version;
  std::string account;
  std::string message;
  absl::Time probed_at = absl::InfinitePast();
  int max_parallel = 0;  // attempts with its account at a time in the whole pool; 0: no limit
  friend bool operator==(const AgentOffer&, const AgentOffer&) = default;
};

// A worker may not get an agent, account or repository for now, because it failed there by the
// host's fault.
// An account whose quota is used up is held on every worker: worker_uuid is empty, nothing is
// probed, and the hold ends at next_probe. When a private worker said so it is held for its owner's
// handoffs alone: worker_uuid is "@OWNER", which no UUID is.
struct Hold {
  std::string worker_uuid;
  std::string key;  // "agent:NAME", "account:AGENT/NAME", "repo:KEY"
  std::string url;  // for repo: what the probe tries
  std::string reason;
  absl::Time since = absl::InfinitePast();
  absl::Time next_probe = absl::InfinitePast();
  int failures = 1;
  absl::Time asked_at = absl::InfinitePast();  // volatile: an answer asked for the probe
  friend bool operator==(const Hold&, const Hold&) = default;
};

// In what its agents run, in the worker's words: for people.
struct Enclosure {
  std::string account;  // of the operating system
  uint32_t uid = 0;
  std::string network, isolation;
  friend bool operator==(const Enclosure&, const Enclosure&) = default;
};

// A daemon with a worker's identity that is not the one that counts. Once says little: what was
// sent before a restart may come late. Both are alive when each calls after the other did
// (copies.h).
struct OtherDaemon {
  absl::Time since = absl::InfinitePast();  // of its first call that was refused
  bool told = false;
  friend bool operator==(const OtherDaemon&, const OtherDaemon&) = default;
};

// Durable: identity, name, registration, drain, start, nonce, and whose work it takes. All below is
// volatile, from the last Sync.
struct Worker {
  std::string uuid;
  std::string name;
  absl::Time registered_at = absl::InfinitePast();
  bool draining = false;
  std::string drain_reason;
  uint64_t start = 0;  // a higher one supersedes
  uint64_t nonce = 0;  // tells a copied data directory, which has the same start; 0: unknown
  std::string owner;   // whose work alone it takes, unless shared; empty: anybody's
  bool shared = false;
  std::vector<std::string> repos;  // patterns of what it takes (repo_pattern.h); empty: anything

  uint64_t seq = 0;
  std::string boot_id;
  std::string version;
  std::string ssh;  // how a person reaches its host
  absl::Time last_seen = absl::InfinitePast();
  int slots = 0;
  std::map<std::string, std::string> labels;
  std::vector<AgentOffer> agents;
  std::set<std::string> repo_keys;   // warm mirrors
  std::set<std::string> workspaces;  // handoff ids
  uint64_t disk_free_bytes = 0;
  std::string not_accepting;
  std::optional<Enclosure> enclosure;
  std::string address;  // from which its daemon calls
  OtherDaemon other;
  bool told_of_restore = false;               // since the coordinator's start; it is believed once
  std::optional<absl::Duration> clock_ahead;  // of ours; absent: it did not tell
  std::string renewal_problem;                // of its certificate; empty: none
  bool makes_turns = false;                   // its daemon knows wishes for turns
  friend bool operator==(const Worker&, const Worker&) = default;
};

// One start of a worker's daemon. A sender that did not tell has none (both 0); a known one without
// a nonce is from before nonces were stored, and any will do.
struct DaemonStart {
  uint64_t start = 0;
  uint64_t nonce = 0;
};

// What a person reads of a live attempt; volatile, from the last Sync.
struct AttemptView {
  std::string handoff_id;
  int number = 0;
  uint64_t epoch = 0;
  bool running = false;  // the worker reported the agent's process
  bool stopping = false;
  bool stalled = false;
  bool reporting = false;
  std::string bytes;  // serialised handoff.v1.AttemptStatus, opaque here
  friend bool operator==(const AttemptView&, const AttemptView&) = default;
};

// What the worker said of this agent; nullptr when it does not know it.
const AgentOffer* FindOffer(const Worker& worker, absl::string_view agent);

// As the store gives it back: without what is volatile.
Worker DurablePart(const Worker& worker);
Hold DurablePart(Hold hold);

}  // namespace handoff::core
