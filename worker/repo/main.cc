// handoff-repo: one git operation a process, so that it can be killed. repo_client.h says what goes
// in and out.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/version.h"
#include "handoff/v1/types.pb.h"
#include "worker/repo/checkpoint.h"
#include "worker/repo/facts.h"
#include "worker/repo/prepare.h"
#include "worker/repo/probe.h"
#include "worker/repo/push.h"
#include "worker/repo/remote.h"
#include "worker/repo/repo_json.h"

namespace handoff {
namespace {

// Nobody else ends this process when the daemon is killed, and a silent server would let it keep
// the mirror's lock for ever. False: the parent is gone already, and with it the reader of stdout,
// which a dying process loses before its children get their signal. (Its pid would not tell: it may
// have died before this could ask for it.)
//
// The signal comes when the *thread* that spawned this process ends. It is the one that reads the
// answer (Call in repo_client.cc), and it kills this process before it goes on.
bool DieWithParent() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return false;
  pollfd reader = {STDOUT_FILENO, 0, 0};
  return ::poll(&reader, 1, 0) >= 0 && (reader.revents & POLLERR) == 0;
}

// Hashes of objects are checked when they come in, so only what an agent may have written is
// checked again when it is read.
absl::StatusOr<std::optional<TempDir>> SetUp(const RepoCredentials& credentials,
                                             bool verify_hashes) {
  ASSIGN_OR_RETURN(std::optional<TempDir> home, UseKnownHosts(credentials));
  GitLibraryOptions options;
  options.verify_hashes = verify_hashes;
  RETURN_IF_ERROR(InitGit(options));
  return home;
}

absl::StatusOr<nlohmann::json> Execute(const std::string& operation,
                                       const nlohmann::json& request) {
  RepoProgress progress(STDOUT_FILENO);
  if (operation == "prepare") {
    ASSIGN_OR_RETURN(const auto prepare, FromJson<PrepareRequest>(request));
    ASSIGN_OR_RETURN(const std::optional<TempDir> home, SetUp(prepare.credentials, false));
    ASSIGN_OR_RETURN(const PrepareResult result, Prepare(prepare, progress));
    return nlohmann::json(result);
  }
  if (operation == "checkpoint") {
    ASSIGN_OR_RETURN(const auto checkpoint, FromJson<CheckpointRequest>(request));
    ASSIGN_OR_RETURN(const std::optional<TempDir> home, SetUp(RepoCredentials(), true));
    ASSIGN_OR_RETURN(const CheckpointResult result, TakeCheckpoint(checkpoint, progress));
    return nlohmann::json(result);
  }
  if (operation == "facts") {
    ASSIGN_OR_RETURN(const auto facts, FromJson<FactsRequest>(request));
    ASSIGN_OR_RETURN(const std::optional<TempDir> home, SetUp(RepoCredentials(), true));
    ASSIGN_OR_RETURN(const v1::Facts result, CollectFacts(facts, progress));
    return nlohmann::json{{"facts", absl::Base64Escape(result.SerializeAsString())}};
  }
  if (operation == "push") {
    ASSIGN_OR_RETURN(const auto push, FromJson<PushRequest>(request));
    ASSIGN_OR_RETURN(const std::optional<TempDir> home, SetUp(push.credentials, true));
    ASSIGN_OR_RETURN(const PushAnswer result, Push(push, progress));
    return nlohmann::json(result);
  }
  if (operation == "probe") {
    ASSIGN_OR_RETURN(const auto probe, FromJson<ProbeRequest>(request));
    ASSIGN_OR_RETURN(const std::optional<TempDir> home, SetUp(probe.credentials, true));
    RETURN_IF_ERROR(Probe(probe, progress));
    return nlohmann::json::object();
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown operation '", operation, "'"));
}

// Nothing of ours throws; what the libraries throw is an answer, not an abort without a word.
absl::StatusOr<nlohmann::json> Answer(const nlohmann::json& request) {
  try {
    return Execute(request.value("operation", ""),
                   request.value("request", nlohmann::json::object()));
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

absl::StatusOr<nlohmann::json> ReadRequest() {
  ASSIGN_OR_RETURN(const std::string input, ReadFile("/dev/stdin", 1 << 20));
  return ParseJsonLine(input);
}

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--version") {
    std::printf("handoff-repo %s\n", handoff::kVersion);
    return 0;
  }
  if (!handoff::DieWithParent()) return 1;
  auto request = handoff::ReadRequest();
  const auto result = request.ok() ? handoff::Answer(*request) : request;
  const nlohmann::json answer =
      result.ok() ? nlohmann::json{{"ok", *result}} : handoff::ErrorToJson(result.status());
  return handoff::WriteAll(STDOUT_FILENO, handoff::JsonLine(answer)).ok() ? 0 : 1;
}
