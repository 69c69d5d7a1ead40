#include "cli/snapshot/clean_filters.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cli/snapshot/own_git.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/git/objects.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(2);
constexpr absl::Duration kAllTogether = absl::Minutes(6);  // beyond it files are held back
constexpr size_t kAtOnce = 20'000;  // ids of so many files stay below what RunOwnGit gives back

// As `git hash-object --stdin-paths` reads a line.
std::string Quoted(const std::string& path) {
  std::string out = "\"";
  for (const unsigned char c : path) {
    if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
      absl::StrAppendFormat(&out, "\\%03o", c);
    } else {
      out.push_back(static_cast<char>(c));
    }
  }
  return absl::StrCat(out, "\"\n");
}

}  // namespace

CleanFilters::CleanFilters(git_repository* repo, git_odb* odb) : repo_(repo), odb_(odb) {
  GitConfig config;
  if (git_repository_config_snapshot(config.out(), repo) != 0) return;
  git_config_foreach_match(
      config.get(), "^filter\\..*\\.(clean|process)$",
      [](const git_config_entry* entry, void* payload) {
        const absl::string_view key = entry->name;
        if (entry->value != nullptr && *entry->value != '\0') {
          static_cast<std::set<std::string>*>(payload)->emplace(key.substr(7, key.rfind('.') - 7));
        }
        return 0;
      },
      &drivers_);
}

bool CleanFilters::Apply(const std::string& path) const {
  if (drivers_.empty()) return false;
  const char* value = nullptr;
  return git_attr_get(&value, repo_, GIT_ATTR_CHECK_FILE_THEN_INDEX, path.c_str(), "filter") == 0 &&
         git_attr_value(value) == GIT_ATTR_VALUE_STRING && drivers_.contains(value);
}

absl::Status CleanFilters::Clean(const std::vector<std::string>& paths) {
  std::vector<std::string> wanted;
  for (const std::string& path : paths) {
    if (Apply(path)) wanted.push_back(path);
  }
  for (size_t begin = 0; begin < wanted.size(); begin += kAtOnce) {
    const auto from = wanted.begin() + static_cast<ptrdiff_t>(begin);
    const auto to =
        wanted.begin() + static_cast<ptrdiff_t>(std::min(begin + kAtOnce, wanted.size()));
    RETURN_IF_ERROR(Ask({from, to}));
  }
  return absl::OkStatus();
}

absl::StatusOr<git_oid> CleanFilters::Cleaned(const std::string& path) {
  if (!cleaned_.contains(path)) RETURN_IF_ERROR(Ask({path}));
  return cleaned_.at(path);
}

// Every filter counts as required: git would take the file as it is for one that fails.
absl::StatusOr<std::vector<git_oid>> CleanFilters::Hash(const std::vector<std::string>& paths,
                                                        std::vector<std::string> arguments,
                                                        std::vector<std::string> settings) const {
  std::vector<std::string> command;
  for (const std::string& driver : drivers_) {
    command.insert(command.end(), {"-c", absl::StrCat("filter.", driver, ".required=true")});
  }
  command.insert(command.end(), {"hash-object", "--stdin-paths"});
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::string input;
  for (const std::string& path : paths) input += Quoted(path);
  ASSIGN_OR_RETURN(const std::string out,
                   RunOwnGit(git_repository_workdir(repo_), std::move(command), std::move(settings),
                             input, kTimeout));
  std::vector<git_oid> ids;
  for (const absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
    ASSIGN_OR_RETURN(const git_oid id, ParseOid(line));
    ids.push_back(id);
  }
  if (ids.size() != paths.size()) return absl::UnavailableError("git hashed only some of them");
  return ids;
}

absl::Status CleanFilters::Ask(const std::vector<std::string>& paths) {
  const bool late = spent_ > kAllTogether;
  const BootTime begun = RealClock().Boot();
  const absl::StatusOr<std::vector<git_oid>> ids =
      late ? absl::DeadlineExceededError("the filters of this repository take too long")
           : Hash(paths, {}, {});
  spent_ += RealClock().Boot() - begun;
  if (!ids.ok() && !late && paths.size() > 1) {  // one that fails ends the run for all
    const auto middle = paths.begin() + static_cast<ptrdiff_t>(paths.size() / 2);
    RETURN_IF_ERROR(Ask({paths.begin(), middle}));
    return Ask({middle, paths.end()});
  }
  std::vector<std::string> unknown;
  for (size_t i = 0; i < paths.size(); ++i) {
    if (!ids.ok()) {
      cleaned_.insert_or_assign(paths[i], absl::FailedPreconditionError(ids.status().message()));
      continue;
    }
    cleaned_.insert_or_assign(paths[i], (*ids)[i]);
    if (odb_ != nullptr && git_odb_exists(odb_, &(*ids)[i]) == 0) unknown.push_back(paths[i]);
  }
  return unknown.empty() ? absl::OkStatus() : Store(unknown);
}

// A second run, for what is new only: one that writes touches the time stamps of objects that the
// repository has already.
absl::Status CleanFilters::Store(const std::vector<std::string>& paths) {
  ASSIGN_OR_RETURN(const TempDir temp, TempDir::Make("handoff-clean-"));
  GitBuffer own;
  RETURN_IF_ERROR(GitStatus(git_repository_item_path(own.get(), repo_, GIT_REPOSITORY_ITEM_OBJECTS),
                            "objects"));
  const auto ids = Hash(paths, {"-w"},
                        {absl::StrCat("GIT_OBJECT_DIRECTORY=", temp.path()),
                         absl::StrCat("GIT_ALTERNATE_OBJECT_DIRECTORIES=", own.str())});
  ASSIGN_OR_RETURN(const GitOdb written, MakeObjectDatabase(""));
  RETURN_IF_ERROR(AddObjects(written.get(), temp.path(), /*follow_alternates=*/false));
  for (size_t i = 0; i < paths.size(); ++i) {
    GitOdbObject blob;
    git_oid id = {};
    if (!ids.ok() || git_odb_read(blob.out(), written.get(), &(*ids)[i]) != 0) {
      cleaned_.insert_or_assign(
          paths[i], absl::FailedPreconditionError(ids.ok() ? "git gave no content"
                                                           : std::string(ids.status().message())));
      continue;
    }
    RETURN_IF_ERROR(GitStatus(git_odb_write(&id, odb_, git_odb_object_data(blob.get()),
                                            git_odb_object_size(blob.get()), GIT_OBJECT_BLOB),
                              paths[i]));
    cleaned_.insert_or_assign(paths[i], id);
  }
  return absl::OkStatus();
}

}  // namespace handoff
