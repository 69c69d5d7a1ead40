// One attempt's shim: starts the agent, keeps its log, its lease and its end. Single-threaded; the
// only thing in its process (shim_main.cc). Design section 3, "Worker, attempt by attempt", 4.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/unique_fd.h"
#include "worker/shim/attempt_life.h"
#include "worker/shim/output_pump.h"
#include "worker/shim/process_tree.h"
#include "worker/shim/shim_files.h"
#include "worker/shim/shim_socket.h"

namespace handoff {

class Shim {
 public:
  // Opens everything an attempt needs; nothing was started when it fails. The caller holds the
  // attempt's lock. `connection` is the first one, of the daemon; it may be absent.
  static absl::StatusOr<std::unique_ptr<Shim>> Prepare(const std::string& attempt_dir,
                                                       UniqueFd connection);

  // Writes shim.pid and starts the agent. Not OK: nothing was started and shim.pid does not exist.
  // An agent that cannot be started is not an error here but in exit.json.
  absl::Status Start();
  // Until exit.json is written.
  void Run();

 private:
  Shim(std::string dir, ShimSpec spec, OutputPump pump, ShimSocket socket);
  absl::Status WriteStarted();
  absl::StatusOr<pid_t> StartAgent();

  void Obey(BootTime now);
  absl::string_view State() const;
  BootTime NextWake(BootTime now) const;
  // Waits for something to happen, at most until `until`, and takes it in.
  void Wait(BootTime now, BootTime until);
  void ReadSignals(BootTime now);
  void Apply(const ShimRequest& request, BootTime now);
  void RecordEnd();

  const std::string dir_;
  const ShimSpec spec_;
  RealClock clock_;
  AttemptLife life_;
  ProcessTree tree_;
  OutputPump pump_;
  OutputPump::WriteEnds write_ends_;  // until the agent has them
  ShimSocket socket_;
  UniqueFd signals_;
  UniqueFd timer_;
  BootTime armed_;

  ShimStarted started_;
  std::string spawn_error_;
  std::optional<int> agent_status_;
  bool none_left_ = false;
  bool record_waits_ = false;  // for the disk

  AttemptLife::Wish obeyed_ = AttemptLife::Wish::kRun;
  BootTime next_pass_;  // over the tree, while it is to be frozen or killed
  bool frozen_ = false;
};

}  // namespace handoff
