// A real coordinator in this process on a directory and a port of its own, and peers that speak to
// it as people and workers do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/file.h"
#include "coordinator/coordinator.h"
#include "gtest/gtest.h"
#include "handoff/v1/control.grpc.pb.h"
#include "handoff/v1/objects.grpc.pb.h"
#include "handoff/v1/pool.grpc.pb.h"
#include "tests/fakes/guests.h"

namespace handoff {

// A worker that does only what it is told to.
class ScriptedWorker {
 public:
  ScriptedWorker(Guests& guests, std::string name);

  // What it would say next; seq counts up.
  v1::SyncRequest Request();
  // Its daemon comes up again, and has not said so yet.
  void StartAgain();
  absl::StatusOr<v1::SyncResponse> Sync(const v1::SyncRequest& request);
  // Registers if need be, and takes the one attempt that it is given.
  v1::DesiredAttempt TakeAttempt();

  // Appends `bytes` from `offset` on; the durable offset after it.
  absl::StatusOr<uint64_t> Append(const v1::DesiredAttempt& attempt, uint64_t offset,
                                  const std::string& bytes, bool checks = false);
  v1::ReportRequest ReportOf(const v1::DesiredAttempt& attempt, const std::string& log) const;
  absl::StatusOr<v1::ReportResponse> Report(const v1::ReportRequest& request);

  const std::string& uuid() const { return uuid_; }
  v1::Pool::Stub& stub() { return *stub_; }

 private:
  const std::string name_;
  const std::string uuid_;
  uint64_t start_ = 1;
  uint64_t nonce_;
  uint64_t seq_ = 1;  // the first request of a daemon is never held
  std::string pool_id_;
  std::unique_ptr<v1::Pool::Stub> stub_;
};

class CoordinatorTest : public ::testing::Test {
 protected:
  CoordinatorTest();
  ~CoordinatorTest() override;

  void Restart();
  virtual Config config() const;
  // Whoever has another one stops the coordinator before it goes.
  virtual const Clock& clock() const { return clock_; }
  const std::string& address() const { return coordinator_->address(); }

  // A handoff of `command` that needs no repository.
  static v1::HandoffSpec Spec(const std::string& task = "true");
  absl::StatusOr<v1::SubmitResponse> Submit(const v1::HandoffSpec& spec);
  v1::Handoff MustSubmit(const std::string& task = "true");
  absl::StatusOr<v1::Handoff> Get(const std::string& id);
  // The whole stream; what it ended with in `status`.
  std::vector<v1::LogChunk> ReadLog(const v1::ReadLogRequest& request, absl::Status& status);
  std::string LogOf(const std::string& id);

  // Who asks is "ann", an admin; guests_ has others.
  v1::Control::Stub& control() { return *control_; }
  v1::Objects::Stub& objects() { return *objects_; }

  const TempDir dir_ = *TempDir::Make("coordinator");
  const RealClock clock_;
  Guests guests_{dir_.path() + "/guests", clock_};
  std::unique_ptr<Coordinator> coordinator_;

 private:
  void Connect();
  std::unique_ptr<v1::Control::Stub> control_;
  std::unique_ptr<v1::Objects::Stub> objects_;
};

}  // namespace handoff
