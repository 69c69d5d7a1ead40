#include "worker/housekeeping.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/text.h"

namespace handoff::worker {
namespace {

constexpr uint64_t kMostReserve = uint64_t{2} << 30;
constexpr absl::Duration kKeepObjects = absl::Hours(24);

absl::Time ChangedAt(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return absl::InfinitePast();
  return absl::TimeFromTimespec(info.st_mtim);
}

std::vector<std::string> Names(const std::string& directory) {
  auto names = ListDirectory(directory);
  return names.ok() ? *std::move(names) : std::vector<std::string>{};
}

// An attempt's directory changes last when its end was accepted.
absl::Time LastAttempt(const DataDir& data, const std::string& id) {
  absl::Time last = absl::InfinitePast();
  for (const std::string& number : Names(data.attempts(id))) {
    last = std::max(last, ChangedAt(absl::StrCat(data.attempts(id), "/", number)));
  }
  return last;
}

// When the kernel saw it change: whoever unpacks an archive sets the other times as they like.
absl::Time TouchedAt(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return absl::InfinitePast();
  return absl::TimeFromTimespec(info.st_ctim);
}

// A person worked in it after the last attempt (takeover --on-host): that is nowhere else. What git
// writes when somebody only looks is none of it, and what we write there (handoff.md, which gets
// its summary after the end).
bool ChangedByHand(const DataDir& data, const std::string& id) {
  const absl::Time last = LastAttempt(data, id);
  const std::string repository = data.repository(id);
  if (last == absl::InfinitePast()) return false;  // whose it is nobody knows any more
  if (TouchedAt(repository) > last) return true;
  const std::string git = repository + "/.git", index = git + "/index";
  const std::string ours = repository + "/.cursor", records = ours + "/agent-handoffs";
  std::error_code error;
  std::filesystem::recursive_directory_iterator file(
      repository, std::filesystem::directory_options::skip_permission_denied, error);
  for (; !error && file != std::filesystem::end(file); file.increment(error)) {
    const std::string& path = file->path().native();
    if (path == records) file.disable_recursion_pending();
    const bool none = path == git || path == index || path == ours || path == records;
    if (!none && TouchedAt(path) > last) return true;
  }
  return false;
}

// Out of sight first: removing a big tree takes a while, and a new attempt may come meanwhile.
bool MoveAway(const std::string& path, const std::string& to) {
  if (std::rename(path.c_str(), to.c_str()) == 0 || errno == ENOENT) return true;
  // Something of that name is being removed there.
  const bool taken = errno == ENOTEMPTY || errno == EEXIST;
  if (taken && RemoveTree(to).ok() && std::rename(path.c_str(), to.c_str()) == 0) return true;
  SPDLOG_WARN("{} could not be moved to {}", path, to);
  return false;
}

}  // namespace

uint64_t DiskReserve(const std::string& path, std::optional<uint64_t> wanted) {
  if (wanted) return *wanted;
  struct statvfs info;
  if (::statvfs(path.c_str(), &info) != 0) return kMostReserve;
  return std::min<uint64_t>(kMostReserve,
                            static_cast<uint64_t>(info.f_blocks) * info.f_frsize / 20);
}

DiskState LookAtDisk(const std::string& path, uint64_t reserve) {
  DiskState state;
  const auto free = FreeDiskBytes(path);
  if (!free.ok()) {
    state.not_accepting = std::string(free.status().message());
    return state;
  }
  state.free_bytes = *free;
  if (*free < reserve) {
    state.not_accepting = absl::StrCat(
        "Only ", HumanBytes(*free), " are free on its disk, and below ", HumanBytes(reserve),
        " it starts nothing. Free some space on that worker, or lower [disk] reserve there.");
  }
  return state;
}

bool MoveToTrash(const DataDir& data, const std::string& id) {
  const bool workspace = MoveAway(data.workspace(id), absl::StrCat(data.trash(), "/w-", id));
  const bool attempts = MoveAway(data.attempts(id), absl::StrCat(data.trash(), "/a-", id));
  return workspace && attempts;
}

std::vector<std::string> ListTrash(const DataDir& data) { return Names(data.trash()); }

void RemoveFromTrash(const DataDir& data, const std::string& name) {
  const absl::Status removed = RemoveTree(absl::StrCat(data.trash(), "/", name));
  if (!removed.ok()) SPDLOG_WARN("{}", std::string(removed.message()));
}

int Sweep(const DataDir& data, absl::Time now, absl::Duration keep, const IfIdle& if_idle) {
  std::set<std::string> ids;
  for (const std::string& directory : {data.workspaces(), data.attempts()}) {
    for (std::string& id : Names(directory)) ids.insert(std::move(id));
  }
  int removed = 0;
  for (const std::string& id : ids) {
    const absl::Time used = std::max(ChangedAt(data.workspace(id)), LastAttempt(data, id));
    if (now - used < keep || ChangedByHand(data, id)) continue;
    const bool idle = if_idle(id, [&] { MoveToTrash(data, id); });
    removed += idle ? 1 : 0;
  }
  const std::string objects = data.object("");
  for (const std::string& name : Names(objects)) {
    const std::string path = absl::StrCat(objects, name);
    if (now - ChangedAt(path) > kKeepObjects) RemoveTree(path).IgnoreError();
  }
  return removed;
}

}  // namespace handoff::worker
