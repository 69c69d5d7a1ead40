// A worker daemon in this process: real shim, real handoff-repo, real files; the pool is a fake.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/file.h"
#include "common/unique_fd.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_coordinator_client.h"
#include "worker/worker.h"

namespace handoff::worker {

class RunningWorker : public ::testing::Test {
 protected:
  RunningWorker();
  ~RunningWorker() override;

  void Start();
  // As SIGTERM does: agents go on.
  void Stop();
  const std::string& data() const { return config_.data_dir; }
  std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string attempt_dir(const AttemptKey& key) const {
    return data() + "/attempts/" + key.ToString();
  }
  // In the workspace's handoff directory.
  std::string handoff_file(const AttemptKey& key, const std::string& name) const;
  // Blocks until the attempt is over for this worker too: its directory says so.
  void AwaitOver(const AttemptKey& key);

  // A FIFO. A command that reads from it waits for Open; one that writes to it is heard by Await.
  std::string Gate(const std::string& name) const;
  static void Open(const std::string& gate);
  static std::string Await(const std::string& gate);

  FakePool pool_;
  WorkerConfig config_;
  std::string repo_program_;
  absl::Status started_;
  absl::Status fatal_;
  std::unique_ptr<Worker> worker_;

 private:
  TempDir dir_;
  UniqueFd guard_;
};

// What an agent does to have no directory any more. Its shim still writes there while it begins,
// and what comes between fails `rm`.
inline constexpr char kRemoveOwnDirectory[] =
    "until rm -rf \"$HANDOFF_ATTEMPT_DIR\" 2>/dev/null; do :; done";

// `sh -c SCRIPT`, without a repository.
v1::Handoff Script(const std::string& id, const std::string& script);

}  // namespace handoff::worker
