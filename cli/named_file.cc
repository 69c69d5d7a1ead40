#include "cli/named_file.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/settings.h"
#include "cli/snapshot/held_back.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

std::string Shown(const std::string& path) { return OneLine(EscapeInvalidUtf8(path), 200); }

absl::Status RefuseUnlessIncluded(const std::string& path, absl::string_view why,
                                  const NamedFileRules& rules) {
  return RefuseNamedFile(path,
                         absl::StrCat(why, ", and the agent could read it; --include ",
                                      ShellQuote(Shown(path)), " sends it all the same"),
                         rules);
}

bool IsIncluded(const std::string& path, const NamedFileRules& rules) {
  return std::find(rules.include.begin(), rules.include.end(), path) != rules.include.end();
}

// The root of the checkout that `path` names something in, without links; empty: none. Links in a
// checkout are its author's: what they lead to is no checkout of ours.
std::string CheckoutOf(const std::string& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error).lexically_normal();
  std::filesystem::path at, root;
  for (const auto& part : whole.parent_path()) {
    at /= part;
    if (!root.empty() && std::filesystem::is_symlink(at, error)) break;
    if (std::filesystem::exists(at / ".git", error)) root = at;
  }
  return root.empty() ? "" : std::filesystem::canonical(root, error).string();
}

absl::StatusOr<std::string> PlaceOf(const UniqueFd& file, const std::string& path,
                                    const NamedFileRules& rules) {
  struct statfs system;
  if (::fstatfs(file.get(), &system) != 0) {
    return RefuseNamedFile(path, ErrnoToStatus(errno, "cannot be read").message(), rules);
  }
  // It counts as a regular file, and is this process's environment, say.
  if (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC) {
    return RefuseNamedFile(path,
                           "leads into /proc or /sys, where no file is; name a copy of what the "
                           "agent is to have of it",
                           rules);
  }
  std::error_code error;
  std::filesystem::path place =
      std::filesystem::read_symlink(absl::StrCat("/proc/self/fd/", file.get()), error);
  if (error) {
    return RefuseNamedFile(path, "cannot be placed: /proc does not say where it lies", rules);
  }
  return place.string();
}

absl::Status CheckPlace(const std::string& path, const std::string& place,
                        const NamedFileRules& rules) {
  if (!rules.in_checkout || IsIncluded(path, rules)) return absl::OkStatus();
  // Its config may hold what the CI system logged in to origin with.
  if (absl::StrContains(place, "/.git/")) {
    return RefuseUnlessIncluded(path, absl::StrCat("is a file of git's own, ", Shown(place)),
                                rules);
  }
  std::string within = rules.outside ? "" : CheckoutOf("./-");
  if (within.empty()) within = CheckoutOf(path);
  if (within.empty() || absl::StartsWith(place, within + "/")) return absl::OkStatus();
  return RefuseUnlessIncluded(path, absl::StrCat("lies outside of the checkout, at ", Shown(place)),
                              rules);
}

}  // namespace

absl::Status RefuseNamedFile(const std::string& path, absl::string_view why,
                             const NamedFileRules& rules) {
  return absl::InvalidArgumentError(
      absl::StrCat(rules.flag, " ", Shown(path), " ", why, "; nothing was handed over"));
}

absl::StatusOr<NamedFile> OpenNamedFile(const std::string& path, const NamedFileRules& rules) {
  auto file = OpenRegular(path);
  if (absl::IsNotFound(file.status())) return RefuseNamedFile(path, "names no file", rules);
  if (absl::IsFailedPrecondition(file.status())) {
    return RefuseNamedFile(path, "is no regular file", rules);
  }
  if (!file.ok()) {
    return RefuseNamedFile(path, absl::StrCat("cannot be read: ", file.status().message()), rules);
  }
  ASSIGN_OR_RETURN(std::string place, PlaceOf(*file, path, rules));
  RETURN_IF_ERROR(CheckPlace(path, place, rules));
  return NamedFile{*std::move(file), std::move(place)};
}

absl::Status CheckNoSecret(const std::string& path, const NamedFile& file, absl::string_view begin,
                           const NamedFileRules& rules) {
  if (IsIncluded(path, rules)) return absl::OkStatus();
  for (const std::string& name : {path, file.place}) {
    std::string reason = SecretByName(name);
    if (reason.empty()) reason = SecretByContent(name, begin);
    if (!reason.empty()) return RefuseUnlessIncluded(path, reason, rules);
  }
  return absl::OkStatus();
}

}  // namespace handoff
