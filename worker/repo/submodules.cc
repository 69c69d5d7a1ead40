#include "worker/repo/submodules.h"

#include <sys/stat.h>

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/git/url.h"
#include "common/hash.h"
#include "common/status.h"
#include "worker/repo/mirror.h"
#include "worker/repo/workspace.h"

namespace handoff {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PreparedSubmodule, path, commit, mirror, base_index)

namespace {

constexpr int kMaxDepth = 8;
constexpr uint64_t kMaxModulesFile = 1 << 20;

struct Declared {
  std::string name, path, url, update;
};

// libgit2's parser follows include directives to any file on this host; none belongs here.
absl::Status RefuseIncludes(const std::string& content) {
  for (const absl::string_view line : absl::StrSplit(content, '\n')) {
    const std::string start = absl::AsciiStrToLower(absl::StripAsciiWhitespace(line));
    if (absl::StartsWith(start, "[include")) {
      return absl::InvalidArgumentError(".gitmodules includes other files, which is not supported");
    }
  }
  return absl::OkStatus();
}

// By path.
absl::StatusOr<std::map<std::string, Declared>> ReadModulesFile(const std::string& directory) {
  std::map<std::string, Declared> by_path;
  const std::string file = absl::StrCat(directory, "/.gitmodules");
  struct stat info;
  if (::lstat(file.c_str(), &info) != 0) return by_path;
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(".gitmodules is not a regular file");
  }
  ASSIGN_OR_RETURN(const std::string content, ReadFile(file, kMaxModulesFile));
  RETURN_IF_ERROR(RefuseIncludes(content));
  GitConfig config;
  RETURN_IF_ERROR(GitStatus(git_config_open_ondisk(config.out(), file.c_str()), ".gitmodules"));
  std::map<std::string, Declared> by_name;
  RETURN_IF_ERROR(GitStatus(git_config_foreach_match(
                                config.get(), "^submodule\\..*\\.(path|url|update)$",
                                [](const git_config_entry* entry, void* payload) {
                                  const absl::string_view key = entry->name;
                                  const auto dot = key.rfind('.');
                                  const std::string name(key.substr(10, dot - 10));
                                  auto& found = (*static_cast<decltype(by_name)*>(payload))[name];
                                  found.name = name;
                                  const absl::string_view last = key.substr(dot + 1);
                                  if (last == "path") found.path = entry->value;
                                  if (last == "url") found.url = entry->value;
                                  if (last == "update") found.update = entry->value;
                                  return 0;
                                },
                                &by_name),
                            ".gitmodules"));
  for (auto& [name, declared] : by_name) by_path[declared.path] = declared;
  return by_path;
}

class Preparation {
 public:
  Preparation(const PrepareRequest& request, RepoProgress& progress,
              std::vector<std::string>& notes)
      : request_(request), progress_(progress), notes_(notes) {}

  absl::Status Level(const std::string& directory, const std::string& prefix,
                     const std::string& url, const std::vector<CheckedOut::Submodule>& found,
                     int depth) {
    if (found.empty()) return absl::OkStatus();
    if (depth > kMaxDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat("submodules are nested deeper than ", kMaxDepth, " at ", prefix));
    }
    ASSIGN_OR_RETURN(const auto declared, ReadModulesFile(directory));
    for (const CheckedOut::Submodule& submodule : found) {
      const std::string shown = absl::StrCat(prefix, submodule.path);
      const auto entry = declared.find(submodule.path);
      if (entry == declared.end() || entry->second.url.empty()) {
        notes_.push_back(
            absl::StrCat("submodule ", shown, " has no url in .gitmodules; its folder is empty"));
        continue;
      }
      if (entry->second.update == "none") {
        notes_.push_back(
            absl::StrCat("submodule ", shown, " says update = none; its folder is empty"));
        continue;
      }
      progress_.set_prefix(absl::StrCat("submodule ", shown, ": "));
      const absl::Status status = One(directory, url, submodule, entry->second, shown, depth);
      if (submodule.optional && IsForGood(status)) {
        RETURN_IF_ERROR(Empty(directory, submodule.path));
        notes_.push_back(absl::StrCat("submodule ", shown, " of the checkpoint cannot be brought: ",
                                      status.message(), "; its folder is empty"));
        continue;
      }
      RETURN_IF_ERROR(Annotate(status, absl::StrCat("submodule ", shown)));
    }
    return absl::OkStatus();
  }

  std::vector<PreparedSubmodule> prepared_;

 private:
  absl::Status One(const std::string& directory, const std::string& parent_url,
                   const CheckedOut::Submodule& submodule, const Declared& declared,
                   const std::string& shown, int depth) {
    const std::string url = ResolveSubmoduleUrl(parent_url, declared.url);
    RETURN_IF_ERROR(ValidateRepositoryUrl(url));
    // Whoever wrote .gitmodules must not reach into repositories of this host.
    if (!LocalPathOf(url).empty() && LocalPathOf(parent_url).empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(url, " is a path on the worker, which a submodule may not name"));
    }
    PreparedSubmodule out;
    out.path = shown;
    out.commit = OidText(submodule.commit);
    const std::string siblings = request_.mirror.substr(0, request_.mirror.rfind('/'));
    out.mirror = absl::StrCat(siblings, "/submodules/", Sha256Hex(url).substr(0, 32));
    out.base_index = absl::StrCat(request_.store, "/base-index.", Sha256Hex(shown).substr(0, 32));
    WorkspaceSpec spec;
    {
      ASSIGN_OR_RETURN(Mirror mirror, Mirror::Open(out.mirror, progress_));
      RETURN_IF_ERROR(mirror.Bring(url, submodule.commit, request_.credentials));
      spec.objects = {mirror.objects()};
      ASSIGN_OR_RETURN(spec.refs, mirror.RefsOfClone());
      ASSIGN_OR_RETURN(spec.tree, mirror.TreeOf(submodule.commit));
    }
    spec.directory = absl::StrCat(directory, "/", submodule.path);
    spec.url = url;
    spec.head = submodule.commit;
    spec.index_tree = spec.base_tree = spec.tree;
    spec.user_name = request_.user_name;
    spec.user_email = request_.user_email;
    spec.base_index = out.base_index;
    ASSIGN_OR_RETURN(const CheckedOut checked_out, MakeWorkspace(spec, progress_));
    for (const std::string& note : checked_out.notes) {
      notes_.push_back(absl::StrCat("submodule ", shown, ": ", note));
    }
    RETURN_IF_ERROR(Register(directory, declared, url));
    prepared_.push_back(std::move(out));
    return Level(spec.directory, absl::StrCat(shown, "/"), url, checked_out.submodules, depth + 1);
  }

  // What another try, or a host with more space, would not change.
  static bool IsForGood(const absl::Status& status) {
    return absl::IsNotFound(status) || absl::IsInvalidArgument(status) ||
           absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
  }

  absl::Status Empty(const std::string& directory, const std::string& path) {
    const std::string prefix = absl::StrCat(path, "/");
    std::erase_if(prepared_, [&](const PreparedSubmodule& one) {
      return one.path == path || absl::StartsWith(one.path, prefix);
    });
    const std::string folder = absl::StrCat(directory, "/", path);
    RETURN_IF_ERROR(RemoveTree(folder));
    return MakeDirectories(folder);
  }

  // As `git submodule init` does, so that the agent's git knows it.
  absl::Status Register(const std::string& directory, const Declared& declared,
                        const std::string& url) {
    GitConfig config;
    const std::string file = absl::StrCat(directory, "/.git/config");
    const std::string key = absl::StrCat("submodule.", declared.name);
    RETURN_IF_ERROR(GitStatus(git_config_open_ondisk(config.out(), file.c_str()), file));
    RETURN_IF_ERROR(
        GitStatus(git_config_set_bool(config.get(), absl::StrCat(key, ".active").c_str(), 1), key));
    return GitStatus(
        git_config_set_string(config.get(), absl::StrCat(key, ".url").c_str(), url.c_str()), key);
  }

  const PrepareRequest& request_;
  RepoProgress& progress_;
  std::vector<std::string>& notes_;
};

}  // namespace

absl::StatusOr<std::vector<PreparedSubmodule>> PrepareSubmodules(
    const PrepareRequest& request, const std::string& directory,
    const std::vector<CheckedOut::Submodule>& found, RepoProgress& progress,
    std::vector<std::string>& notes) {
  Preparation preparation(request, progress, notes);
  const absl::Status status = preparation.Level(directory, "", request.url, found, 1);
  progress.set_prefix("");
  RETURN_IF_ERROR(status);
  return std::move(preparation.prepared_);
}

// A path in git is bytes, a string in JSON is UTF-8: paths are escaped as in C.
absl::Status SaveSubmodules(const std::string& path, std::vector<PreparedSubmodule> list) {
  for (PreparedSubmodule& submodule : list) submodule.path = absl::CEscape(submodule.path);
  return WriteFileAtomically(path, nlohmann::json(list).dump());
}

absl::StatusOr<std::vector<PreparedSubmodule>> LoadSubmodules(const std::string& path) {
  const auto content = ReadFile(path);
  if (absl::IsNotFound(content.status())) return std::vector<PreparedSubmodule>();
  RETURN_IF_ERROR(content);
  const nlohmann::json parsed = nlohmann::json::parse(*content, nullptr, false);
  try {
    auto list = parsed.get<std::vector<PreparedSubmodule>>();
    for (PreparedSubmodule& submodule : list) {
      std::string bytes;
      if (absl::CUnescape(submodule.path, &bytes)) submodule.path = std::move(bytes);
    }
    return list;
  } catch (const nlohmann::json::exception& error) {
    return absl::InternalError(absl::StrCat(path, " cannot be read: ", error.what()));
  }
}

}  // namespace handoff
