#include "worker/repo/repo_client.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "worker/repo/repo_json.h"

namespace handoff {
namespace {

constexpr size_t kMaxLine = 16 << 20;

// What git work may depend on; the daemon's other variables are none of the child's business.
constexpr absl::string_view kEnvironment[] = {
    "HOME",         "PATH",         "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "http_proxy",   "https_proxy",  "HTTPS_PROXY",   "no_proxy",      "NO_PROXY",
    "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

std::vector<std::string> ChildEnvironment(const std::string& temp) {
  std::vector<std::string> out = {absl::StrCat("TMPDIR=", temp)};
  for (const std::string& variable : CurrentEnvironment()) {
    const absl::string_view name = absl::string_view(variable).substr(0, variable.find('='));
    if (std::find(std::begin(kEnvironment), std::end(kEnvironment), name) !=
        std::end(kEnvironment)) {
      out.push_back(variable);
    }
  }
  return out;
}

// One conversation with the child. The child is killed when this ends before it did.
class Conversation {
 public:
  Conversation(Subprocess child, UniqueFd out, int cancel, absl::Duration stall_timeout)
      : child_(std::move(child)),
        out_(std::move(out)),
        cancel_(cancel),
        stall_timeout_(stall_timeout) {}
  ~Conversation() { child_.SignalGroup(SIGKILL); }

  absl::StatusOr<nlohmann::json> Run(const RepoClient::Progress& progress) {
    BootTime deadline = clock_.Boot() + stall_timeout_;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, Read(deadline));
      if (!more) return Died();
      for (auto end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
        ASSIGN_OR_RETURN(nlohmann::json line, ParseJsonLine(buffer_.substr(0, end)));
        buffer_.erase(0, end + 1);
        if (line.contains("error")) return ErrorFromJson(line);
        if (line.contains("ok")) return line["ok"];
        last_progress_ = ProgressText(line);
        if (progress) progress(last_progress_);
        deadline = clock_.Boot() + stall_timeout_;
      }
    }
  }

 private:
  // True when something came, false at the end of output.
  absl::StatusOr<bool> Read(BootTime deadline) {
    const int64_t wait = std::clamp<int64_t>(
        absl::ToInt64Milliseconds(deadline - clock_.Boot()) + 1, 0, int64_t{1} << 30);
    pollfd polls[] = {{out_.get(), POLLIN, 0}, {cancel_, POLLIN, 0}};
    const int ready = ::poll(polls, cancel_ < 0 ? 1 : 2, static_cast<int>(wait));
    if (ready < 0 && errno == EINTR) return true;
    if (ready < 0) return ErrnoToStatus(errno, "poll");
    if (cancel_ >= 0 && polls[1].revents != 0) return absl::CancelledError("cancelled");
    if (ready == 0) {
      return absl::UnavailableError(absl::StrCat(
          "no progress for ", absl::FormatDuration(stall_timeout_),
          last_progress_.empty() ? std::string() : absl::StrCat(" after '", last_progress_, "'"),
          "; the server may be silent or unreachable"));
    }
    if (polls[0].revents == 0) return true;
    char chunk[65536];
    const ssize_t n = ::read(out_.get(), chunk, sizeof(chunk));
    if (n < 0 && errno != EINTR) return ErrnoToStatus(errno, "reading from handoff-repo");
    if (n == 0) return false;
    if (n > 0) buffer_.append(chunk, static_cast<size_t>(n));
    if (buffer_.size() > kMaxLine) return absl::InternalError("handoff-repo wrote an endless line");
    return true;
  }

  absl::Status Died() {
    ASSIGN_OR_RETURN(const ExitStatus status, child_.Wait());
    const std::string how = status.signal != 0 ? absl::StrCat("was ended by signal ", status.signal)
                                               : absl::StrCat("ended with status ", status.code);
    return absl::InternalError(absl::StrCat("handoff-repo ", how, " and gave no result",
                                            last_progress_.empty() ? "" : " after '",
                                            last_progress_, last_progress_.empty() ? "" : "'"));
  }

  const RealClock clock_;
  Subprocess child_;
  UniqueFd out_;
  const int cancel_;
  const absl::Duration stall_timeout_;
  std::string buffer_;
  std::string last_progress_;
};

// Spawns and waits on one thread: the child is killed when the thread that spawned it ends.
absl::StatusOr<nlohmann::json> Call(const std::string& program, const std::string& operation,
                                    nlohmann::json request, int cancel,
                                    absl::Duration stall_timeout,
                                    const RepoClient::Progress& progress) {
  // A child that is killed removes nothing of its own.
  ASSIGN_OR_RETURN(const TempDir temp, TempDir::Make("handoff-repo-"));
  ASSIGN_OR_RETURN(auto in, MakePipe());
  ASSIGN_OR_RETURN(auto out, MakePipe());
  SpawnOptions options;
  options.argv.push_back(program);
  options.env = ChildEnvironment(temp.path());
  options.cwd = "/";
  options.fds = {{0, in.first.get()}, {1, out.second.get()}, {2, STDERR_FILENO}};
  ASSIGN_OR_RETURN(Subprocess child, Subprocess::Spawn(options));
  out.second.Reset();
  Conversation conversation(std::move(child), std::move(out.first), cancel, stall_timeout);
  // Far below the 64 KiB that a pipe takes at once, so this cannot wait; and the other end is still
  // open here too, so a child that died at once costs an error below, not a SIGPIPE.
  const std::string line = JsonLine({{"operation", operation}, {"request", std::move(request)}});
  if (line.size() > (60u << 10)) return absl::InvalidArgumentError("the request is too long");
  RETURN_IF_ERROR(Annotate(WriteAll(in.second.get(), line), "talking to handoff-repo"));
  in.first.Reset();
  in.second.Reset();
  return conversation.Run(progress);
}

}  // namespace

RepoClient::RepoClient(std::string program) : program_(std::move(program)) {}

absl::StatusOr<PrepareResult> RepoClient::Prepare(const PrepareRequest& request, int cancel,
                                                  const Progress& progress) const {
  ASSIGN_OR_RETURN(const nlohmann::json result,
                   Call(program_, "prepare", request, cancel, stall_timeout_, progress));
  return FromJson<PrepareResult>(result);
}

absl::StatusOr<CheckpointResult> RepoClient::Checkpoint(const CheckpointRequest& request,
                                                        int cancel,
                                                        const Progress& progress) const {
  ASSIGN_OR_RETURN(const nlohmann::json result,
                   Call(program_, "checkpoint", request, cancel, stall_timeout_, progress));
  return FromJson<CheckpointResult>(result);
}

absl::StatusOr<std::string> RepoClient::Facts(const FactsRequest& request, int cancel) const {
  ASSIGN_OR_RETURN(const nlohmann::json result,
                   Call(program_, "facts", request, cancel, stall_timeout_, nullptr));
  std::string facts;
  if (!absl::Base64Unescape(result.value("facts", ""), &facts)) {
    return absl::InternalError("handoff-repo gave facts that cannot be read");
  }
  return facts;
}

absl::StatusOr<PushAnswer> RepoClient::Push(const PushRequest& request, int cancel,
                                            const Progress& progress) const {
  ASSIGN_OR_RETURN(const nlohmann::json result,
                   Call(program_, "push", request, cancel, stall_timeout_, progress));
  return FromJson<PushAnswer>(result);
}

absl::Status RepoClient::Probe(const ProbeRequest& request, int cancel) const {
  return Call(program_, "probe", request, cancel, stall_timeout_, nullptr).status();
}

}  // namespace handoff
