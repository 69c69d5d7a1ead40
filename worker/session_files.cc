#include "worker/session_files.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/beneath.h"
#include "common/file.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff::worker {
namespace {

constexpr char kBackup[] = ".bak";
// Their names go to handoff-repo in one line.
constexpr size_t kMostNameBytes = 32 << 10;
constexpr int kMostEntries = 100'000;
constexpr int kMostDepth = 32;

std::string Join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : absl::StrCat(directory, "/", name);
}

bool MatchParts(const std::vector<std::string>& pattern, size_t i,
                const std::vector<std::string>& path, size_t k) {
  if (i == pattern.size()) return k == path.size();
  if (pattern[i] == "**") {
    if (i + 1 == pattern.size()) return k < path.size();
    for (size_t next = k; next < path.size(); ++next) {
      if (MatchParts(pattern, i + 1, path, next)) return true;
    }
    return false;
  }
  return k < path.size() && ::fnmatch(pattern[i].c_str(), path[k].c_str(), 0) == 0 &&
         MatchParts(pattern, i + 1, path, k + 1);
}

// Whether something below the directory `path` can match: spares walks through whole homes.
bool MayHold(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  for (size_t i = 0; i < path.size(); ++i) {
    if (i >= pattern.size()) return false;
    if (pattern[i] == "**") return true;
    if (::fnmatch(pattern[i].c_str(), path[i].c_str(), 0) != 0) return false;
  }
  return path.size() < pattern.size();
}

std::vector<std::string> Parts(absl::string_view path) {
  if (path.empty()) return {};
  return absl::StrSplit(path, '/');
}

bool IsLiveStore(absl::string_view name) {
  for (const absl::string_view suffix : {"-wal", "-shm", "-journal"}) {
    if (absl::ConsumeSuffix(&name, suffix)) break;
  }
  return absl::EndsWith(name, ".sqlite") || absl::EndsWith(name, ".sqlite3") ||
         absl::EndsWith(name, ".db");
}

// Calls `visit` with the regular files below `root` for whose directories `enter` holds; no link is
// followed.
void Walk(const std::string& root, const std::string& below, int depth, int& budget,
          const std::function<bool(const std::string&)>& enter,
          const std::function<void(const std::string&)>& visit) {
  const auto names = ListDirectory(below.empty() ? root : absl::StrCat(root, "/", below));
  if (!names.ok() || depth > kMostDepth) return;
  for (const std::string& name : *names) {
    if (--budget < 0) return;
    const std::string path = Join(below, name);
    struct stat info;
    if (::lstat(absl::StrCat(root, "/", path).c_str(), &info) != 0) continue;
    if (S_ISREG(info.st_mode)) visit(path);
    if (S_ISDIR(info.st_mode) && enter(path)) Walk(root, path, depth + 1, budget, enter, visit);
  }
}

absl::StatusOr<uint64_t> SizeOf(int fd) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoToStatus(errno, "stat");
  return static_cast<uint64_t>(info.st_size);
}

absl::StatusOr<size_t> ReadAt(int fd, uint64_t offset, char* buffer, size_t size) {
  size_t got = 0;
  while (got < size) {
    const ssize_t n = ::pread(fd, buffer + got, size - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "reading a session's file");
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  return got;
}

absl::StatusOr<bool> BeginsAlike(int one, int other, uint64_t bytes) {
  std::vector<char> a(64 << 10), b(64 << 10);
  for (uint64_t at = 0; at < bytes; at += a.size()) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(a.size(), bytes - at));
    ASSIGN_OR_RETURN(const size_t from_one, ReadAt(one, at, a.data(), want));
    ASSIGN_OR_RETURN(const size_t from_other, ReadAt(other, at, b.data(), want));
    if (from_one != want || from_other != want) return false;
    if (!std::equal(a.begin(), a.begin() + static_cast<long>(want), b.begin())) return false;
  }
  return true;
}

// One file into its place below `root`.
absl::Status PlaceFile(const Beneath& root, const std::string& source, const std::string& to,
                       const std::string& mark) {
  ASSIGN_OR_RETURN(const UniqueFd fresh, OpenRegular(source));
  ASSIGN_OR_RETURN(const uint64_t size, SizeOf(fresh.get()));
  const auto there = root.OpenForRead(to);
  if (there.ok()) {
    ASSIGN_OR_RETURN(const uint64_t old_size, SizeOf(there->get()));
    ASSIGN_OR_RETURN(const bool begins,
                     BeginsAlike(there->get(), fresh.get(), std::min(old_size, size)));
    if (begins && old_size == size) return absl::OkStatus();
    // It holds what the new one has not: another course of the same conversation.
    if (!begins || old_size > size) {
      RETURN_IF_ERROR(
          root.CopyFrom(there->get(), old_size, absl::StrCat(to, ".", mark, kBackup), 0600));
    }
  } else if (!absl::IsNotFound(there.status())) {
    return there.status();
  }
  if (const size_t slash = to.rfind('/'); slash != std::string::npos) {
    RETURN_IF_ERROR(root.MakeDirectories(to.substr(0, slash), 0700));
  }
  return root.CopyFrom(fresh.get(), size, to, 0600);
}

}  // namespace

bool MatchesSessionPattern(absl::string_view pattern, absl::string_view path) {
  return MatchParts(Parts(pattern), 0, Parts(path), 0);
}

bool IsSessionId(absl::string_view id) {
  return !id.empty() && id.size() <= 200 &&
         absl::ascii_isalnum(static_cast<unsigned char>(id[0])) &&
         std::all_of(id.begin(), id.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

SessionFiles SessionFilesOf(const Agent& agent, const SessionPlace& place) {
  if (!IsSessionId(place.session)) return {};
  SessionFiles files = agent.FilesOf(place);
  if (!absl::StartsWith(files.root, "/")) return {};
  return files;
}

FoundSession FindSession(const SessionFiles& where, bool running) {
  FoundSession found;
  if (where.root.empty()) return found;
  size_t bytes = 0;
  uint64_t left_out = 0;
  std::set<std::string> seen;
  int budget = kMostEntries;
  for (const std::string& pattern : where.patterns) {
    const std::vector<std::string> parts = Parts(pattern);
    Walk(
        where.root, "", 0, budget,
        [&](const std::string& directory) { return MayHold(parts, Parts(directory)); },
        [&](const std::string& file) {
          if (!MatchParts(parts, 0, Parts(file), 0) || !seen.insert(file).second) return;
          if (absl::EndsWith(file, kBackup) || (running && IsLiveStore(file))) return;
          if (!IsValidUtf8(file) || bytes + file.size() > kMostNameBytes) {
            ++left_out;
            return;
          }
          bytes += file.size();
          found.files.push_back(file);
        });
  }
  if (left_out > 0 || budget < 0) {
    found.left_out = absl::StrCat(budget < 0 ? "some" : absl::StrCat(left_out),
                                  " files of the agent's session are left out: there are too many");
  }
  return found;
}

absl::Status PlaceSession(const Agent& agent, const SessionPlace& place, const std::string& from,
                          const std::string& mark) {
  const SessionFiles where = SessionFilesOf(agent, place);
  if (where.root.empty()) {
    return absl::FailedPreconditionError("where this agent keeps its sessions is not known");
  }
  std::vector<std::string> files;
  int budget = kMostEntries;
  Walk(
      from, "", 0, budget, [](const std::string&) { return true; },
      [&](const std::string& file) { files.push_back(file); });
  bool placed = false;
  RETURN_IF_ERROR(MakeDirectories(where.root));
  ASSIGN_OR_RETURN(const Beneath root, Beneath::Open(where.root));
  for (const std::string& file : files) {
    const std::string to = agent.FileIn(place, file);
    const bool named =
        std::any_of(where.patterns.begin(), where.patterns.end(),
                    [&](const std::string& pattern) { return MatchesSessionPattern(pattern, to); });
    if (!named) continue;  // no file of this session, whoever put it there
    RETURN_IF_ERROR(Annotate(PlaceFile(root, absl::StrCat(from, "/", file), to, mark), to));
    placed = true;
  }
  if (!placed) return absl::NotFoundError("the checkpoint holds none of its files");
  for (const auto& [file, content] : agent.FilesBeside(place)) {
    RETURN_IF_ERROR(Annotate(root.WriteAtomically(file, content), file));
  }
  return absl::OkStatus();
}

}  // namespace handoff::worker
