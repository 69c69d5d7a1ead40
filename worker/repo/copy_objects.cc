#include "worker/repo/copy_objects.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr int kMaxAlternates = 5;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

// Relative names, every .pack before its .idx, since the .idx makes it visible.
absl::StatusOr<std::vector<std::string>> ObjectFiles(const std::string& directory) {
  std::vector<std::string> packs, indexes, loose;
  if (PathExists(absl::StrCat(directory, "/pack"))) {
    ASSIGN_OR_RETURN(const auto names, ListDirectory(absl::StrCat(directory, "/pack")));
    for (const std::string& name : names) {
      if (!absl::StartsWith(name, "pack-")) continue;
      if (absl::EndsWith(name, ".pack")) packs.push_back(absl::StrCat("pack/", name));
      if (absl::EndsWith(name, ".idx")) indexes.push_back(absl::StrCat("pack/", name));
    }
  }
  ASSIGN_OR_RETURN(const auto fans, ListDirectory(directory));
  for (const std::string& fan : fans) {
    if (fan.size() != 2 || !IsHex(fan)) continue;
    ASSIGN_OR_RETURN(const auto names, ListDirectory(absl::StrCat(directory, "/", fan)));
    for (const std::string& name : names) {
      if (name.size() == 38 && IsHex(name)) loose.push_back(absl::StrCat(fan, "/", name));
    }
  }
  packs.insert(packs.end(), indexes.begin(), indexes.end());
  packs.insert(packs.end(), loose.begin(), loose.end());
  return packs;
}

absl::Status CopyOne(const std::string& from, const std::string& to) {
  if (PathExists(to)) return absl::OkStatus();
  const std::string temp = absl::StrCat(to, ".copying");
  std::error_code error;
  std::filesystem::remove(temp, error);
  std::filesystem::copy_file(from, temp, error);
  if (error) return ErrnoToStatus(error.value(), absl::StrCat("copying ", from));
  if (std::rename(temp.c_str(), to.c_str()) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("renaming to ", to));
  }
  return absl::OkStatus();
}

absl::Status Copy(const std::string& from, const std::string& to, RepoProgress& progress,
                  int depth) {
  ASSIGN_OR_RETURN(const auto files, ObjectFiles(from));
  for (size_t i = 0; i < files.size(); ++i) {
    progress.ReportPart("copying", i, files.size());
    RETURN_IF_ERROR(MakeDirectories(absl::StrCat(to, "/", files[i].substr(0, files[i].find('/')))));
    RETURN_IF_ERROR(CopyOne(absl::StrCat(from, "/", files[i]), absl::StrCat(to, "/", files[i])));
  }
  if (depth == 0) return absl::OkStatus();
  const auto alternates = ReadFile(absl::StrCat(from, "/info/alternates"), 1 << 20);
  if (absl::IsNotFound(alternates.status())) return absl::OkStatus();
  RETURN_IF_ERROR(alternates);
  for (const absl::string_view line : absl::StrSplit(*alternates, '\n', absl::SkipEmpty())) {
    if (line[0] == '#') continue;
    const std::string path = line[0] == '/' ? std::string(line) : absl::StrCat(from, "/", line);
    if (PathExists(path)) RETURN_IF_ERROR(Copy(path, to, progress, depth - 1));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyObjects(const std::string& from, const std::string& to, RepoProgress& progress) {
  return Copy(from, to, progress, kMaxAlternates);
}

}  // namespace handoff
