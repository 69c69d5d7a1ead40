#include "tests/integration/worker/running_worker.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/subprocess.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {
namespace {

TempDir MakeDirectory() {
  auto dir = TempDir::Make("handoff-worker-");
  CHECK(dir.ok());
  return *std::move(dir);
}

// Agents outlive their daemon, so what a test that failed left would wait at its gate for ever, and
// what a test left that ran into its time limit too: then this process is killed, and its guard
// goes on. It is no child of this process, and holds nothing of it but one end of a pipe.
UniqueFd Guard(const std::string& directory) {
  auto alive = MakePipe();
  CHECK(alive.ok());
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child > 0) {
    CHECK(::waitpid(child, nullptr, 0) == child);
    return std::move(alive->second);
  }
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  CHECK(::dup2(alive->first.get(), 0) == 0);
  ::close_range(1, ~0U, 0);
  char end;
  while (::read(0, &end, 1) < 0 && errno == EINTR) {
  }
  EndStrays(directory, {}).IgnoreError();
  ::_exit(0);
}

}  // namespace

RunningWorker::RunningWorker() : repo_program_(HANDOFF_REPO_PROGRAM), dir_(MakeDirectory()) {
  config_.data_dir = path("worker");
  config_.name = "w";
  config_.slots = 4;
  config_.disk_reserve = 0;
  guard_ = Guard(dir_.path());
}

RunningWorker::~RunningWorker() {
  Stop();
  EXPECT_TRUE(EndStrays(dir_.path(), {}).ok());
}

void RunningWorker::Start() {
  auto worker =
      Worker::Open(config_, {HANDOFF_SHIM_PROGRAM, repo_program_}, [this](const Identity&) {
        return std::unique_ptr<CoordinatorClient>(new FakeCoordinatorClient(pool_));
      });
  ASSERT_TRUE(worker.ok()) << worker.status();
  worker_ = *std::move(worker);
  started_ = worker_->Start([] {}, [this](const absl::Status& status) { fatal_ = status; });
}

void RunningWorker::Stop() { worker_.reset(); }

std::string RunningWorker::handoff_file(const AttemptKey& key, const std::string& name) const {
  return absl::StrCat(data(), "/workspaces/", key.handoff_id, "/repo/.cursor/agent-handoffs/",
                      key.handoff_id, "/", name);
}

void RunningWorker::AwaitOver(const AttemptKey& key) {
  pool_.AwaitEnd(key);
  // A later request does not list it any more.
  pool_.AwaitRequest([&](const SyncRequest& request) {
    for (const AttemptStatus& status : request.attempts) {
      if (status.key == key) return false;
    }
    return PathExists(attempt_dir(key) + "/ended.pb");
  });
}

std::string RunningWorker::Gate(const std::string& name) const {
  const std::string gate = path(name);
  CHECK(::mkfifo(gate.c_str(), 0600) == 0);
  return gate;
}

void RunningWorker::Open(const std::string& gate) {
  const auto fd = OpenFile(gate, O_WRONLY);
  CHECK(fd.ok() && WriteAll(fd->get(), "go\n").ok());
}

std::string RunningWorker::Await(const std::string& gate) {
  const auto text = ReadFile(gate);
  CHECK(text.ok());
  return std::string(absl::StripSuffix(*text, "\n"));
}

v1::Handoff Script(const std::string& id, const std::string& script) {
  return CommandHandoff(id, {"/bin/sh", "-c", script});
}

}  // namespace handoff::worker
