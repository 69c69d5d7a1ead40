#include "tests/integration/worker/running_worker.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"

namespace handoff::worker {
namespace {

TempDir MakeDirectory() {
  auto dir = TempDir::Make("handoff-worker-");
  CHECK(dir.ok());
  return *std::move(dir);
}

}  // namespace

RunningWorker::RunningWorker() : repo_program_(HANDOFF_REPO_PROGRAM), dir_(MakeDirectory()) {
  config_.data_dir = path("worker");
  config_.name = "w";
  config_.slots = 4;
  config_.disk_reserve = 0;
}

RunningWorker::~RunningWorker() { Stop(); }

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
