// A coordinator and workers as children of this process, for `handoff dev`. One thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/subprocess.h"
#include "common/unique_fd.h"

namespace handoff {

struct DevOptions {
  std::string data_dir;     // absolute
  std::string program_dir;  // where handoff-coordinator and handoff-worker are
  int workers = 2;
  int slots = 2;
};

class DevPool {
 public:
  // All are ready when it returns. FAILED_PRECONDITION when another process runs this data
  // directory. Daemons that a killed `handoff dev` left behind are ended first.
  static absl::StatusOr<DevPool> Start(const DevOptions& options);
  DevPool(DevPool&&) noexcept = default;

  const std::string& address() const { return address_; }
  // The credential of the admin who runs it, made by the coordinator.
  std::string credentials() const { return options_.data_dir + "/coordinator/identity/local"; }

  // Until `stop` is readable (OK) or a daemon ended by itself (its name and log in the status).
  absl::Status Run(int stop);
  // Workers first, so that their last reports arrive.
  void Stop();

 private:
  struct Daemon {
    std::string name;
    std::string log;
    Subprocess process;
    UniqueFd out;  // kept open: the daemon may write there
  };
  explicit DevPool(UniqueFd lock, DevOptions options)
      : options_(std::move(options)), lock_(std::move(lock)) {}
  absl::Status StartAll();
  std::string WorkerDirectory(int number) const;
  // Those that are no workers of this pool yet become some.
  absl::Status JoinWorkers() const;
  absl::Status Join(int number, absl::string_view line) const;
  absl::Status Launch(const std::string& name, std::vector<std::string> argv);
  // What it said behind `words` on its stdout.
  absl::StatusOr<std::string> AwaitReady(const Daemon& daemon, const std::string& words);
  absl::Status RecordPids() const;

  DevOptions options_;
  UniqueFd lock_;
  std::string address_;
  std::vector<Daemon> daemons_;  // the coordinator first
};

}  // namespace handoff
