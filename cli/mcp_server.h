// A server of the Model Context Protocol on two descriptors. One thread reads and answers what can
// be answered at once; each tool call has a thread and a process of its own, so that one that waits
// keeps nothing else waiting.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/mcp_run.h"
#include "cli/text/mcp_message.h"
#include "cli/text/mcp_tools.h"
#include "common/mutex.h"
#include "common/unique_fd.h"

namespace handoff {

struct McpServerOptions {
  int in = 0, out = 1;
  std::vector<std::string> command;      // the program and what stands before the verb
  std::vector<std::string> environment;  // of the verbs
  std::string directory;                 // where they run unless a call says so
};

// Thread-safe where it says so; otherwise for the thread that serves.
class McpServer {
 public:
  explicit McpServer(McpServerOptions options);
  ~McpServer();
  McpServer(const McpServer&) = delete;
  McpServer& operator=(const McpServer&) = delete;

  // Until `in` ends, nobody reads `out`, or Stop(). At the end of `in` calls that work are let
  // finish, and those that wait are ended; with Stop() all are.
  absl::Status Serve();
  // From any thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Call {
    const McpTool* tool = nullptr;
    UniqueFd cancel;  // closed: the verb is told to leave
    bool silent = false, done = false;
    std::thread thread;
  };
  struct Request {
    nlohmann::json id, progress;
    const McpTool* tool = nullptr;
    McpCommand command;
  };

  void Take(const McpMessage& message);
  void Answer(const McpMessage& request);
  void StartCall(const McpMessage& request);
  absl::Status Begin(Request request) ABSL_LOCKS_EXCLUDED(mutex_);
  void CancelCall(const nlohmann::json& params) ABSL_LOCKS_EXCLUDED(mutex_);
  // On the call's thread.
  void RunCall(const Request& request, UniqueFd cancelled);
  absl::StatusOr<McpRun> RunFor(const McpTool& tool, const McpCommand& command) const;
  void Finish(const nlohmann::json& id, const nlohmann::json& result) ABSL_LOCKS_EXCLUDED(mutex_);
  void Reap() ABSL_LOCKS_EXCLUDED(mutex_);
  // Until the calls that work are over, or Stop().
  void LetFinish() ABSL_LOCKS_EXCLUDED(mutex_);
  void EndCalls() ABSL_LOCKS_EXCLUDED(mutex_);
  void Write(const std::string& line) ABSL_LOCKS_EXCLUDED(out_mutex_, mutex_);

  const McpServerOptions options_;
  UniqueFd stop_read_, stop_write_;
  McpLines lines_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Call> calls_ ABSL_GUARDED_BY(mutex_);  // by id
  Mutex out_mutex_;
  bool broken_ ABSL_GUARDED_BY(out_mutex_) = false;
};

}  // namespace handoff
