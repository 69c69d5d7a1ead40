#include "worker/shim/proc_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include <cstdio>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/pidfd.h"
#include "common/unique_fd.h"

namespace handoff {
namespace {

constexpr unsigned kKernelThread = 0x00200000;  // PF_KTHREAD

absl::StatusOr<std::string> ReadProc(pid_t pid, absl::string_view name) {
  return ReadFile(absl::StrCat("/proc/", pid, "/", name));
}

}  // namespace

std::optional<ProcessInfo> ReadProcess(pid_t pid) {
  const absl::StatusOr<std::string> stat = ReadProc(pid, "stat");
  if (!stat.ok()) return std::nullopt;
  // The name in parentheses can hold anything, parentheses and blanks included.
  const size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos || name_end + 4 > stat->size()) return std::nullopt;
  ProcessInfo info;
  info.pid = pid;
  long long start = 0, cpu[4] = {};
  unsigned flags = 0;
  // Fields 3, 4, 9, 14 to 17 and 22 of proc(5).
  const int fields = std::sscanf(
      stat->c_str() + name_end + 2,
      "%c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %lld %lld %lld %lld %*d %*d %*d %*d %lld",
      &info.state, &info.parent, &flags, &cpu[0], &cpu[1], &cpu[2], &cpu[3], &start);
  if (fields != 8) return std::nullopt;
  info.start = start;
  info.kernel = (flags & kKernelThread) != 0;
  info.cpu_ticks = cpu[0] + cpu[1] + cpu[2] + cpu[3];
  return info;
}

std::vector<ProcessInfo> AllProcesses() {
  std::vector<ProcessInfo> all;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc"), ::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    if (std::optional<ProcessInfo> info = ReadProcess(pid)) all.push_back(*info);
  }
  return all;
}

std::vector<ProcessInfo> TreesOf(const std::function<bool(const ProcessInfo&)>& is_root) {
  const std::vector<ProcessInfo> all = AllProcesses();
  std::multimap<pid_t, const ProcessInfo*> children;
  std::map<pid_t, bool> taken;
  std::vector<ProcessInfo> tree;
  const auto take = [&](const ProcessInfo& p) {
    // Below a dead parent there is nothing: its children have another parent already.
    if (!p.dead() && !std::exchange(taken[p.pid], true)) tree.push_back(p);
  };
  for (const ProcessInfo& p : all) children.emplace(p.parent, &p);
  for (const ProcessInfo& p : all) {
    if (is_root(p)) take(p);
  }
  for (size_t i = 0; i < tree.size(); ++i) {
    const auto [first, last] = children.equal_range(tree[i].pid);
    for (auto it = first; it != last; ++it) take(*it->second);
  }
  return tree;
}

std::vector<ProcessInfo> DescendantsOf(pid_t root) {
  return TreesOf([root](const ProcessInfo& p) { return p.parent == root; });
}

bool SignalProcess(const ProcessInfo& process, int signal) {
  // The descriptor is taken first: what it names cannot become another process any more.
  const UniqueFd pidfd = OpenPidfd(process.pid);
  if (!pidfd.valid()) return false;
  const std::optional<ProcessInfo> now = ReadProcess(process.pid);
  if (!now || !now->Is(process)) return false;
  return SignalPidfd(pidfd, signal) == 0;
}

std::optional<bool> HasEnvironment(const ProcessInfo& process, const EnvironmentTest& is_it) {
  // Twice, because exec may end between a look at the environment and one at the arguments.
  for (int look = 0; look < 2; ++look) {
    const absl::StatusOr<std::string> block = ReadProc(process.pid, "environ");
    if (!block.ok()) return false;
    for (const absl::string_view entry : absl::StrSplit(*block, '\0')) {
      if (is_it(entry)) return true;
    }
    if (!block->empty() || process.kernel || process.dead()) return false;
    // Without arguments too it is not a program yet.
    const absl::StatusOr<std::string> arguments = ReadProc(process.pid, "cmdline");
    if (arguments.ok() && arguments->empty()) return std::nullopt;
  }
  return false;
}

uint64_t IoBytes(pid_t pid) {
  const absl::StatusOr<std::string> io = ReadProc(pid, "io");
  if (!io.ok()) return 0;
  uint64_t total = 0;
  for (absl::string_view line : absl::StrSplit(*io, '\n')) {
    uint64_t bytes = 0;
    if ((absl::ConsumePrefix(&line, "rchar: ") || absl::ConsumePrefix(&line, "wchar: ")) &&
        absl::SimpleAtoi(line, &bytes)) {
      total += bytes;
    }
  }
  return total;
}

}  // namespace handoff
