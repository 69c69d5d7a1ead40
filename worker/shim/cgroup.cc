#include "worker/shim/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

absl::Status WriteControl(const std::string& path, absl::string_view value) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_WRONLY));
  return Annotate(WriteAll(fd.get(), value), path);
}

// The number after `key` in a file of "key value" lines.
absl::StatusOr<int64_t> ReadKey(const std::string& path, absl::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    int64_t value = 0;
    if (absl::ConsumePrefix(&line, key) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtoi(line, &value)) {
      return value;
    }
  }
  return absl::NotFoundError(absl::StrCat(path, " has no ", key));
}

// The path below the v2 hierarchy's root in which a process is.
absl::StatusOr<std::string> MembershipOf(absl::string_view pid) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(absl::StrCat("/proc/", pid, "/cgroup")));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "0::")) return std::string(line);
  }
  return absl::UnavailableError("this kernel has no cgroup v2");
}

// Where the v2 hierarchy is mounted, whole.
absl::StatusOr<std::string> MountPoint() {
  ASSIGN_OR_RETURN(const std::string text, ReadFile("/proc/self/mountinfo"));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> halves = absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2 || !absl::StartsWith(halves[1], "cgroup2 ")) continue;
    const std::vector<absl::string_view> fields = absl::StrSplit(halves[0], ' ');
    if (fields.size() > 4 && fields[3] == "/") return std::string(fields[4]);
  }
  return absl::UnavailableError("no cgroup v2 hierarchy is mounted");
}

}  // namespace

std::string CgroupNameEnd(const std::string& attempt_dir) {
  struct stat info {};
  if (::stat(attempt_dir.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return "";
  return absl::StrCat("-", info.st_dev, "-", info.st_ino);
}

absl::StatusOr<Cgroup> Cgroup::BelowOwn(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string mount, MountPoint());
  ASSIGN_OR_RETURN(std::string own, MembershipOf("self"));
  if (own == "/") own.clear();
  if (absl::StartsWith(own, "/..")) {
    return absl::UnavailableError("the own cgroup is outside of what is mounted here");
  }
  return Cgroup(absl::StrCat(mount, own, "/", name));
}

absl::Status Cgroup::Create() const {
  if (::mkdir(path_.c_str(), 0755) != 0 && errno != EEXIST) {
    return ErrnoToStatus(errno, absl::StrCat("making ", path_));
  }
  if (IsPopulated()) {
    return absl::UnavailableError(absl::StrCat(path_, " holds processes already"));
  }
  // Thawing what is not frozen changes nothing, but shows whether this may be done.
  absl::Status usable = SetFrozen(false);
  if (usable.ok() && !PathExists(absl::StrCat(path_, "/cgroup.kill"))) {
    usable = absl::UnavailableError("this kernel cannot kill a whole cgroup");
  }
  if (!usable.ok()) Remove().IgnoreError();
  return usable;
}

bool Cgroup::Exists() const { return PathExists(path_); }

absl::StatusOr<UniqueFd> Cgroup::OpenDirectory() const {
  return OpenFile(path_, O_RDONLY | O_DIRECTORY);
}

absl::Status Cgroup::SetFrozen(bool frozen) const {
  return WriteControl(absl::StrCat(path_, "/cgroup.freeze"), frozen ? "1" : "0");
}

bool Cgroup::IsFrozen() const {
  const absl::StatusOr<int64_t> frozen = ReadKey(absl::StrCat(path_, "/cgroup.events"), "frozen");
  return frozen.ok() && *frozen == 1;
}

bool Cgroup::IsPopulated() const {
  const absl::StatusOr<int64_t> has = ReadKey(absl::StrCat(path_, "/cgroup.events"), "populated");
  return has.ok() && *has == 1;
}

bool Cgroup::Contains(pid_t pid) const {
  const absl::StatusOr<std::string> membership = MembershipOf(absl::StrCat(pid));
  if (!membership.ok()) return false;
  // The name is unique on the host, so the end of our path tells.
  const std::string name = path_.substr(path_.rfind('/'));
  return absl::EndsWith(*membership, name) || absl::StrContains(*membership, name + "/");
}

absl::Status Cgroup::Kill() const { return WriteControl(absl::StrCat(path_, "/cgroup.kill"), "1"); }

std::vector<Cgroup> Cgroup::Below() const {
  std::vector<Cgroup> below;
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(path_);
  if (!names.ok()) return below;
  for (const std::string& name : *names) {
    Cgroup child(absl::StrCat(path_, "/", name));
    struct stat info;
    if (::lstat(child.path_.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      below.push_back(std::move(child));
    }
  }
  return below;
}

std::vector<pid_t> Cgroup::Processes() const {
  std::vector<pid_t> pids;
  const absl::StatusOr<std::string> text = ReadFile(absl::StrCat(path_, "/cgroup.procs"));
  for (const absl::string_view line : absl::StrSplit(text.ok() ? *text : "", '\n')) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(line, &pid) && pid > 0) pids.push_back(pid);
  }
  for (const Cgroup& below : Below()) {
    const std::vector<pid_t> more = below.Processes();
    pids.insert(pids.end(), more.begin(), more.end());
  }
  return pids;
}

absl::StatusOr<int64_t> Cgroup::CpuMillis() const {
  ASSIGN_OR_RETURN(const int64_t micros, ReadKey(absl::StrCat(path_, "/cpu.stat"), "usage_usec"));
  return micros / 1000;
}

absl::Status Cgroup::Remove() const {
  for (const Cgroup& below : Below()) RETURN_IF_ERROR(below.Remove());
  if (::rmdir(path_.c_str()) != 0 && errno != ENOENT)
    return ErrnoToStatus(errno, absl::StrCat("removing ", path_));
  return absl::OkStatus();
}

}  // namespace handoff
