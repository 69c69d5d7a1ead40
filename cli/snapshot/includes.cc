#include "cli/snapshot/includes.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"

namespace handoff {
namespace {

namespace fs = std::filesystem;

// Where `path` really is, with itself not followed when it is a symlink: that is what git carries.
// Empty when there is nothing.
std::string Place(const std::string& path) {
  fs::path named(path);
  if (!named.has_filename()) named = named.parent_path();
  const std::string name = named.filename().string();
  std::error_code error;
  const fs::path place = name == "." || name == ".."
                             ? fs::canonical(named, error)
                             : fs::canonical(named.parent_path(), error) / named.filename();
  if (error || !fs::exists(fs::symlink_status(place, error))) return "";
  return place.string();
}

absl::Status Refuse(absl::string_view include, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("--include ", include, " ", why, "; nothing was sent"));
}

bool Covers(absl::string_view include, absl::string_view path) {
  include = absl::StripSuffix(include, "/");
  return !include.empty() && absl::ConsumePrefix(&path, include) &&
         (path.empty() || path[0] == '/');
}

// Adds what `include` means to `paths`.
absl::Status Resolve(const std::string& include, const std::string& root,
                     const std::string& directory, std::set<std::string>& paths) {
  // What lies where the person stands, or else at the root.
  std::vector<std::string> candidates = {include};
  if (!absl::StartsWith(include, "/")) {
    candidates = {absl::StrCat(root, "/", directory, directory.empty() ? "" : "/", include),
                  absl::StrCat(root, "/", include)};
  }
  bool outside = false;
  for (const std::string& candidate : candidates) {
    const std::string place = Place(candidate);
    if (place.empty()) continue;
    if (place == root) {
      return Refuse(include, "names the whole work tree; name the files or folders in it");
    }
    absl::string_view path = place;
    if (absl::ConsumePrefix(&path, absl::StrCat(root, "/")) && !Covers(".git", path)) {
      paths.emplace(path);
      return absl::OkStatus();
    }
    outside = true;
  }
  if (outside) return Refuse(include, absl::StrCat("is not in the work tree ", root));
  return Refuse(include, absl::StrCat("names nothing in the work tree ", root));
}

}  // namespace

absl::StatusOr<std::set<std::string>> ResolveIncludes(const std::set<std::string>& named,
                                                      const std::string& root,
                                                      const std::string& directory) {
  std::set<std::string> paths;
  for (const std::string& include : named) {
    if (include.empty()) return Refuse("''", "is empty");
    RETURN_IF_ERROR(Resolve(include, root, directory, paths));
  }
  return paths;
}

bool IsIncluded(absl::string_view path, const std::set<std::string>& include) {
  return std::any_of(include.begin(), include.end(),
                     [&](const auto& name) { return Covers(name, path); });
}

bool IncludesBelow(absl::string_view folder, const std::set<std::string>& include) {
  return std::any_of(include.begin(), include.end(), [&](const auto& name) {
    return Covers(name, folder) || absl::StartsWith(name, folder);
  });
}

}  // namespace handoff
