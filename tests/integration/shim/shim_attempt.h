// One attempt under the real shim, for tests: its directory, spec and client, and the conditions to
// wait for. Whatever a test leaves is ended by the destructor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/file.h"
#include "common/subprocess.h"
#include "worker/shim/proc_table.h"
#include "worker/shim/shim_client.h"

namespace handoff {

class ShimAttempt {
 public:
  // Without `cgroup` the shim is made to do without one; with it, it takes one where it can.
  ShimAttempt(bool cgroup, std::vector<std::string> argv);
  ~ShimAttempt();

  static std::vector<std::string> Shell(const std::string& script) { return {"sh", "-c", script}; }
  // The scripted agent of shim_agent.cc.
  static std::vector<std::string> Agent(std::vector<std::string> arguments);

  ShimSpec spec;
  std::unique_ptr<ShimClient> client;

  const std::string& dir() const { return dir_; }
  std::string Path(const std::string& name) const { return dir_ + "/" + name; }

  void Launch();  // fails the test when it does not work
  void Adopt();
  // The shim as a daemon that died right afterwards would leave it: without a client.
  Subprocess SpawnShim(bool write_spec = true);
  void KillShim();  // SIGKILL, and waits for its end

  // These wait for what the shim tells, and fail the test when it ended or after a minute.
  void WaitForState(const std::string& state);
  void WaitForLog(const std::string& text, size_t times = 1);
  ShimExit WaitForExit();

  std::string Log() const;
  std::vector<IndexRecord> Index() const;
  std::string Stream(uint32_t stream) const;  // its bytes of the log
  ShimStarted Started() const;
  ShimFate Fate() const { return ClassifyShim(dir_, HostBootId()).value(); }

  // Living processes, but the shim, with the directory in their environment or a marker in their
  // arguments.
  std::vector<ProcessInfo> Processes() const;
  bool CgroupExists() const;
  BootTime Now() const { return clock_.Boot(); }

 private:
  // Takes events in until `done`; false when the shim ended before or the time is over.
  template <typename Done>
  bool ReceiveUntil(Done done);

  RealClock clock_;
  TempDir temp_ = TempDir::Make("shim-test-").value();
  std::string dir_;
  std::string marker_;
  std::string state_;
  bool gone_ = false;
};

// Waits until `condition`; false after a minute.
bool Eventually(const std::function<bool()>& condition);

}  // namespace handoff
