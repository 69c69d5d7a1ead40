// What the phases of one attempt share: the surroundings that the daemon gives to every runner, and
// the attempt itself. Used on the runner's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "worker/agent/agent.h"
#include "worker/agent_probes.h"
#include "worker/attempt_board.h"
#include "worker/attempt_control.h"
#include "worker/attempt_dir.h"
#include "worker/config.h"
#include "worker/data_dir.h"
#include "worker/disk_faults.h"
#include "worker/environment.h"
#include "worker/handoff_dir.h"
#include "worker/journal.h"
#include "worker/repo/repo_client.h"
#include "worker/rpc/coordinator_client.h"

namespace handoff {
namespace v1 {
class AttemptEnd;
class AttemptSpec;
class Facts;
class Handoff;
class HandoffSpec;
}  // namespace v1

namespace worker {

// Outlives every runner. What it refers to is thread-safe or constant.
struct Surroundings {
  const WorkerConfig& config;
  const DataDir& data;
  const Clock& clock;
  CoordinatorClient& client;
  Journal& journal;
  const RepoClient& repo;
  AgentProbes& probes;
  DiskFaults& disk_faults;
  std::string shim_program;
  std::string boot_id;
  uint64_t disk_reserve = 0;
  std::function<std::string()> pool_id;
  // The coordinator took a request of this start. Before that nothing is sent of an attempt: what
  // is here may be the copy of another worker's directory, and that one's attempts may live.
  std::function<bool()> taken;
  // The daemon must not go on: what is on its disk is unknown.
  std::function<void(const absl::Status&)> fatal;
};

class Attempt {
 public:
  // `desired` is a serialised handoff.v1.DesiredAttempt with a spec. INVALID_ARGUMENT when it is
  // not.
  static absl::StatusOr<Attempt> Parse(const Surroundings& around, const std::string& desired,
                                       const std::function<const Agent*(const std::string&)>& find);
  // One of which nothing is left but its end in the journal.
  Attempt(const Surroundings& around, const AttemptKey& key, uint64_t epoch);
  Attempt(Attempt&&) noexcept;
  ~Attempt();

  AttemptKey key;
  uint64_t epoch = 0;
  AttemptDir dir;
  HandoffDir files;
  const Agent* agent = nullptr;  // nullptr: this version knows none of that name
  std::string workspace;         // where the agent works; its repository, or a plain directory
  std::unique_ptr<v1::AttemptSpec> spec;
  // What is known before the end: session, commands, base commit. Becomes the end.
  std::unique_ptr<v1::AttemptEnd> end;

  const v1::HandoffSpec& wanted() const;
  bool has_repository() const;
  std::string marker() const;  // HANDOFF_ATTEMPT
  // The folder of the repository in which it runs; empty: its root. A command runs in the one from
  // which it was submitted; an agent sees the whole repository.
  std::string folder() const;
  std::string directory() const;  // that folder in the workspace
  // Of what is started for it under a shim with that directory.
  std::vector<std::string> EnvironmentOf(const WorkerConfig& config, const Environment& of_agent,
                                         const std::string& shim_directory) const;
  // Ends what was started for it and is under no shim. Only while it has none.
  void EndStrays() const;
  // Instead of the session that was to go on: a note says why ("could not be …").
  void BeginAfresh(absl::string_view why);
  // Keeps `end` over a restart of the daemon, and takes it back.
  absl::Status SaveLaunch() const;
  void LoadLaunch();
  // handoff.md as it stands while the attempt runs.
  std::string Document(const std::string& worker, const v1::Facts* reported) const;
  // The handoff with this attempt in it as far as it is known here.
  v1::Handoff Record(const std::string& worker) const;
};

}  // namespace worker
}  // namespace handoff
