// What can be said and done about a tree without its shim's help: EndLeftovers and UsageOf of
// shim_client.h.
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/status.h"
#include "worker/shim/cgroup.h"
#include "worker/shim/proc_table.h"
#include "worker/shim/shim_client.h"

namespace handoff {
namespace {

constexpr absl::Duration kEndTimeout = absl::Seconds(5);
constexpr absl::Duration kEndInterval = absl::Milliseconds(10);
constexpr absl::string_view kMarker = "HANDOFF_ATTEMPT_DIR=";

struct Look {
  std::vector<ProcessInfo> left;       // living processes of the attempt
  std::vector<ProcessInfo> undecided;  // of which cannot be said yet whether they are
};

// What runs with an environment of its own is found as a descendant of one that has the marker;
// without a cgroup and without such an ancestor it is not.
Look LookForLeftovers(const std::optional<Cgroup>& cgroup, const EnvironmentTest& is_marker) {
  Look look;
  std::set<pid_t> members;
  if (cgroup) {
    const std::vector<pid_t> pids = cgroup->Processes();
    members.insert(pids.begin(), pids.end());
  }
  look.left = TreesOf([&](const ProcessInfo& p) {
    if (members.contains(p.pid)) return true;
    const std::optional<bool> has = HasEnvironment(p, is_marker);
    if (!has) look.undecided.push_back(p);
    return has.value_or(false);
  });
  std::erase_if(look.left, [](const ProcessInfo& p) { return p.pid == ::getpid(); });
  return look;
}

// Whether one of those that were in the middle of exec, and so had no environment to be known by,
// may be or have left one of the attempt. Others need no look: when no process of the attempt was
// left, only these could start one.
bool MayBeLeftovers(const std::vector<ProcessInfo>& undecided, const EnvironmentTest& is_marker,
                    BootTime deadline) {
  for (const ProcessInfo& seen : undecided) {
    while (true) {
      const std::optional<ProcessInfo> p = ReadProcess(seen.pid);
      if (!p || !p->Is(seen)) return true;
      const std::optional<bool> has = HasEnvironment(*p, is_marker);
      if (has == true || RealClock().Boot() > deadline) return true;
      if (has == false) break;
      absl::SleepFor(kEndInterval);
    }
  }
  return false;
}

// What the record names, unless it is another directory's: in a copied one it is the original's. Of
// a directory that the agent removed only the daemon's memory speaks.
std::optional<Cgroup> OwnCgroup(const ShimStarted& started, const std::string& attempt_dir) {
  const std::string end = CgroupNameEnd(attempt_dir);
  const bool others = !end.empty() && !absl::EndsWith(started.cgroup, end);
  if (started.cgroup.empty() || others) return std::nullopt;
  Cgroup cgroup(started.cgroup);
  if (!cgroup.Exists()) return std::nullopt;
  return cgroup;
}

std::string Pids(const std::vector<ProcessInfo>& processes) {
  return absl::StrJoin(processes, " ",
                       [](std::string* out, const ProcessInfo& p) { absl::StrAppend(out, p.pid); });
}

// `place` names them for a person.
absl::Status End(const std::optional<Cgroup>& cgroup, const EnvironmentTest& is_marker,
                 const std::string& place) {
  const RealClock clock;
  const BootTime deadline = clock.Boot() + kEndTimeout;
  while (true) {
    if (cgroup) cgroup->Kill().IgnoreError();
    const Look look = LookForLeftovers(cgroup, is_marker);
    const bool none = look.left.empty() && (!cgroup || !cgroup->IsPopulated());
    if (none && !MayBeLeftovers(look.undecided, is_marker, deadline)) break;
    if (clock.Boot() > deadline) {
      if (none) break;  // on a host that starts processes all the time there is no quiet look
      return absl::DeadlineExceededError(
          absl::StrCat("processes of ", place, " do not end; end them by hand: ", Pids(look.left)));
    }
    for (const ProcessInfo& p : look.left) SignalProcess(p, SIGKILL);
    absl::SleepFor(kEndInterval);
  }
  if (!cgroup) return absl::OkStatus();
  return Annotate(cgroup->Remove(), "every process ended, but its cgroup stays");
}

}  // namespace

absl::Status EndLeftovers(const ShimStarted& started, const std::string& attempt_dir) {
  const std::string marker = absl::StrCat(kMarker, attempt_dir);
  return End(
      OwnCgroup(started, attempt_dir), [&](absl::string_view entry) { return entry == marker; },
      attempt_dir);
}

absl::Status EndStrays(const std::string& attempts, const std::set<std::string>& kept) {
  const std::string below = absl::StrCat(kMarker, attempts, "/");
  const auto is_stray = [&](absl::string_view entry) {
    if (!absl::StartsWith(entry, below)) return false;
    // Those of an attempt's checks lie in the attempt's.
    for (std::string path(entry.substr(kMarker.size())); path.size() > attempts.size();
         path.resize(path.rfind('/'))) {
      if (kept.contains(path)) return false;
    }
    return true;
  };
  return End(std::nullopt, is_stray, absl::StrCat("removed directories in ", attempts));
}

absl::StatusOr<TreeUsage> UsageOf(const ShimStarted& started) {
  const std::optional<ProcessInfo> shim = ReadProcess(static_cast<pid_t>(started.pid));
  if (!shim || shim->dead() || shim->start != started.pid_start) {
    return absl::NotFoundError(absl::StrCat("the shim with pid ", started.pid, " has ended"));
  }
  TreeUsage usage;
  // The shim's own share is negligible, and it holds what its ended children used.
  int64_t ticks = shim->cpu_ticks;
  for (const ProcessInfo& p : DescendantsOf(shim->pid)) {
    ticks += p.cpu_ticks;
    usage.io_bytes += IoBytes(p.pid);
  }
  usage.cpu_ms = ticks * 1000 / ::sysconf(_SC_CLK_TCK);
  if (started.cgroup.empty()) return usage;
  const absl::StatusOr<int64_t> exact = Cgroup(started.cgroup).CpuMillis();
  if (exact.ok()) usage.cpu_ms = *exact;
  return usage;
}

}  // namespace handoff
