#include "worker/repo/mirror.h"

#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/git/url.h"
#include "common/status.h"
#include "worker/repo/copy_objects.h"
#include "worker/repo/directory_lock.h"
#include "worker/repo/remote.h"

namespace handoff {
namespace {

constexpr size_t kMaxRefs = 500'000;
constexpr char kFilling[] = "handoff-filling";  // a first copy that did not come to its end

// Lock files, half-written packs and empty refs of an operation that died. Only with the lock held.
void ClearLeftovers(const std::string& mirror) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (const char* place : {"refs", "objects/pack"}) {
    const std::string directory = absl::StrCat(mirror, "/", place);
    std::vector<fs::path> stale;
    for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code ignored;
      if (!it->is_regular_file(ignored)) continue;
      const std::string name = it->path().filename().string();
      const bool empty = it->file_size(ignored) == 0;
      if (absl::EndsWith(name, ".lock") || absl::EndsWith(name, ".copying") ||
          absl::StrContains(name, "_git2_") || empty) {
        stale.push_back(it->path());
      }
    }
    for (const fs::path& path : stale) fs::remove(path, error);
  }
  for (const char* name : {"packed-refs.lock", "HEAD.lock", "config.lock"}) {
    fs::remove(absl::StrCat(mirror, "/", name), error);
  }
}

absl::StatusOr<GitRepository> MakeBare(const std::string& path) {
  git_repository_init_options options;
  git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
  options.initial_head = "main";
  GitRepository repository;
  RETURN_IF_ERROR(GitStatus(git_repository_init_ext(repository.out(), path.c_str(), &options),
                            absl::StrCat("making the mirror ", path)));
  return repository;
}

}  // namespace

absl::StatusOr<Mirror> Mirror::Open(const std::string& path, RepoProgress& progress) {
  RETURN_IF_ERROR(MakeDirectories(path));
  ASSIGN_OR_RETURN(UniqueFd lock,
                   LockDirectory(path, "another checkout of this repository", progress));
  if (PathExists(absl::StrCat(path, "/", kFilling))) {
    // Nobody borrows from it yet: a workspace is made only after the first fill came to its end.
    RETURN_IF_ERROR(RemoveTree(absl::StrCat(path, "/objects")));
    RETURN_IF_ERROR(RemoveTree(absl::StrCat(path, "/refs")));
    RETURN_IF_ERROR(RemoveTree(absl::StrCat(path, "/", kFilling)));
  }
  ClearLeftovers(path);
  ASSIGN_OR_RETURN(GitRepository repository, MakeBare(path));
  return Mirror(path, std::move(lock), std::move(repository), progress);
}

bool Mirror::Has(const git_oid& object) const {
  GitOdb odb;
  return git_repository_odb(odb.out(), repository_.get()) == 0 &&
         git_odb_exists(odb.get(), &object) != 0;
}

bool Mirror::IsEmpty() const {
  git_strarray names = {nullptr, 0};
  if (git_reference_list(&names, repository_.get()) != 0) return false;
  const bool empty = names.count == 0;
  git_strarray_dispose(&names);
  return empty;
}

absl::Status Mirror::Fetch(const std::string& url, const RepoCredentials& credentials) {
  const std::string local = LocalPathOf(url);
  const std::string filling = absl::StrCat(path_, "/", kFilling);
  GitRepository source;
  if (!local.empty() && git_repository_open(source.out(), local.c_str()) != 0) {
    return GitStatus(GIT_ENOTFOUND,
                     absl::StrCat("there is no repository at ", local, " on this worker"));
  }
  const bool copies = source && IsEmpty();
  if (copies) {
    RETURN_IF_ERROR(WriteFileAtomically(filling, ""));
    const std::string from =
        absl::StrCat(std::string(git_repository_commondir(source.get())), "objects");
    RETURN_IF_ERROR(Annotate(CopyObjects(from, objects(), *progress_), url));
    GitOdb odb;
    RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), repository_.get()), path_));
    RETURN_IF_ERROR(GitStatus(git_odb_refresh(odb.get()), path_));
  }
  RETURN_IF_ERROR(
      Download(url, credentials, {"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}, true));
  return copies ? RemoveTree(filling) : absl::OkStatus();
}

absl::Status Mirror::Bring(const std::string& url, const git_oid& commit,
                           const RepoCredentials& credentials) {
  if (Has(commit)) return absl::OkStatus();
  RETURN_IF_ERROR(Fetch(url, credentials));
  if (Has(commit)) return absl::OkStatus();
  const std::string id = OidText(commit);
  const absl::Status asked =
      Download(url, credentials, {absl::StrCat("+", id, ":refs/handoff/wanted/", id)}, false);
  if (Has(commit)) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("commit ", id, " is not in ", WithoutCredentials(url),
                   ": no branch or tag leads to it, and asking for it by its id failed (",
                   asked.ok() ? "the server sent nothing" : std::string(asked.message()),
                   "). Push it, or submit again from the repository that has it"));
}

absl::StatusOr<git_oid> Mirror::BringRef(const std::string& url, const std::string& ref,
                                         const RepoCredentials& credentials) {
  RETURN_IF_ERROR(Fetch(url, credentials));
  const bool fetched = absl::StartsWith(ref, "refs/heads/") || absl::StartsWith(ref, "refs/tags/");
  if (absl::StartsWith(ref, "refs/") && !fetched) {
    // One that is gone there must not be found here.
    git_reference_remove(repository_.get(), ref.c_str());
    RETURN_IF_ERROR(Download(url, credentials, {absl::StrCat("+", ref, ":", ref)}, false));
  }
  auto found = Resolve(ref);
  RETURN_IF_ERROR(Annotate(found.status(), WithoutCredentials(url)));
  return found;
}

absl::Status Mirror::Download(const std::string& url, const RepoCredentials& credentials,
                              std::vector<std::string> refspecs, bool whole) {
  GitRemote remote;
  RETURN_IF_ERROR(
      GitStatus(git_remote_create_anonymous(remote.out(), repository_.get(), url.c_str()),
                WithoutCredentials(url)));
  Remote connection(url, credentials, *progress_, IsEmpty() ? "cloning" : "fetching");
  progress_->Report("connecting");
  git_fetch_options options;
  git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
  options.callbacks = connection.Callbacks();
  options.proxy_opts.type = GIT_PROXY_AUTO;
  options.follow_redirects = connection.Redirects();
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.update_fetchhead = 0;
  git_remote_connect_options connect;
  git_remote_connect_options_init(&connect, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
  connect.callbacks = options.callbacks;
  connect.proxy_opts = options.proxy_opts;
  connect.follow_redirects = options.follow_redirects;
  RETURN_IF_ERROR(
      connection.Explain(git_remote_connect_ext(remote.get(), GIT_DIRECTION_FETCH, &connect)));
  // Before the new ones are written: a branch "a" that went has to make room for "a/b".
  if (whole) RETURN_IF_ERROR(Prune(remote.get()));
  std::vector<char*> specs;
  for (std::string& spec : refspecs) specs.push_back(spec.data());
  const git_strarray list = {specs.data(), specs.size()};
  // Packs are synced, refs are not: a ref lost with the host's power is fetched again, while a torn
  // pack under a good ref would break the mirror for ever.
  git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
  const int downloaded = git_remote_download(remote.get(), &list, &options);
  git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
  RETURN_IF_ERROR(connection.Explain(downloaded));
  RETURN_IF_ERROR(connection.Explain(git_remote_update_tips(
      remote.get(), &options.callbacks, 0, GIT_REMOTE_DOWNLOAD_TAGS_NONE, "fetch")));
  const absl::Status head = whole ? RememberHead(remote.get()) : absl::OkStatus();
  git_remote_disconnect(remote.get());
  return head;
}

absl::Status Mirror::Prune(git_remote* remote) {
  const git_remote_head** heads = nullptr;
  size_t count = 0;
  RETURN_IF_ERROR(GitStatus(git_remote_ls(&heads, &count, remote), "listing the remote's refs"));
  if (count > kMaxRefs) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the repository has ", count, " refs; at most ", kMaxRefs, " are fetched"));
  }
  std::set<std::string> there;
  for (size_t i = 0; i < count; ++i) there.insert(heads[i]->name);
  git_strarray names = {nullptr, 0};
  RETURN_IF_ERROR(GitStatus(git_reference_list(&names, repository_.get()), path_));
  for (size_t i = 0; i < names.count; ++i) {
    const std::string name = names.strings[i];
    const bool ours = absl::StartsWith(name, "refs/heads/") || absl::StartsWith(name, "refs/tags/");
    if (ours && !there.contains(name)) git_reference_remove(repository_.get(), name.c_str());
  }
  git_strarray_dispose(&names);
  return absl::OkStatus();
}

absl::Status Mirror::RememberHead(git_remote* remote) {
  const git_remote_head** heads = nullptr;
  size_t count = 0;
  RETURN_IF_ERROR(GitStatus(git_remote_ls(&heads, &count, remote), "listing the remote's refs"));
  if (count == 0 || std::string(heads[0]->name) != "HEAD") return absl::OkStatus();
  if (heads[0]->symref_target != nullptr) {
    return GitStatus(git_repository_set_head(repository_.get(), heads[0]->symref_target), path_);
  }
  return GitStatus(git_repository_set_head_detached(repository_.get(), &heads[0]->oid), path_);
}

absl::StatusOr<git_oid> Mirror::TreeOf(const git_oid& commit) const {
  ASSIGN_OR_RETURN(const GitTree tree, TreeOfCommit(repository_.get(), commit));
  return *git_tree_id(tree.get());
}

absl::StatusOr<std::map<std::string, std::string>> Mirror::RefsOfClone() const {
  GitReferenceIterator iterator;
  RETURN_IF_ERROR(GitStatus(git_reference_iterator_new(iterator.out(), repository_.get()), path_));
  std::map<std::string, std::string> refs;
  while (true) {
    GitReference ref;
    if (git_reference_next(ref.out(), iterator.get()) != 0) return refs;
    const absl::string_view name = git_reference_name(ref.get());
    const git_oid* target = git_reference_target(ref.get());
    if (target == nullptr) continue;
    if (absl::StartsWith(name, "refs/heads/")) {
      refs[absl::StrCat("refs/remotes/origin/", name.substr(11))] = OidText(*target);
    } else if (absl::StartsWith(name, "refs/tags/")) {
      refs[std::string(name)] = OidText(*target);
    }
  }
}

absl::StatusOr<git_oid> Mirror::Resolve(const std::string& ref) const {
  std::vector<std::string> names;
  if (ref.empty() || ref == "HEAD") {
    names = {"HEAD"};
  } else if (absl::StartsWith(ref, "refs/")) {
    names = {ref};
  } else {
    names = {absl::StrCat("refs/heads/", ref), absl::StrCat("refs/tags/", ref)};
  }
  for (const std::string& name : names) {
    GitReference found;
    GitObject commit;
    if (git_reference_lookup(found.out(), repository_.get(), name.c_str()) == 0 &&
        git_reference_peel(commit.out(), found.get(), GIT_OBJECT_COMMIT) == 0) {
      return *git_object_id(commit.get());
    }
  }
  GitObject object, commit;
  const bool plain = ref.size() >= 7 && ref.find_first_not_of("0123456789abcdef") == ref.npos;
  if (plain && git_revparse_single(object.out(), repository_.get(), ref.c_str()) == 0 &&
      git_object_peel(commit.out(), object.get(), GIT_OBJECT_COMMIT) == 0) {
    return *git_object_id(commit.get());
  }
  if (ref.empty() || ref == "HEAD")
    return absl::NotFoundError("the repository has no commit at its HEAD");
  return absl::NotFoundError(absl::StrCat("no branch, tag or commit is called '", ref, "'"));
}

}  // namespace handoff
