#include "cli/fetched/fetched_objects.h"

#include <fcntl.h>
#include <git2/odb_backend.h>
#include <git2/sys/odb_backend.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/git/objects.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr size_t kOidBytes = 20;
// Two of them are of old programs.
constexpr absl::string_view kModes[] = {"100644", "100755", "120000", "40000",
                                        "160000", "100664", "040000"};

absl::Status Damaged(const absl::Status& status) {
  return absl::DataLossError(absl::StrCat("a pack from the coordinator cannot be used: ",
                                          status.message(), ". Nothing was changed here"));
}

// The path of its index.
absl::StatusOr<std::string> Index(const std::string& pack, const std::string& directory,
                                  git_odb* odb) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(pack, O_RDONLY));
  GitIndexer indexer;
  const std::string what = "reading it";
  RETURN_IF_ERROR(
      GitStatus(git_indexer_new(indexer.out(), directory.c_str(), 0444, odb, nullptr), what));
  git_indexer_progress stats = {};
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading ", pack));
    if (n == 0) break;
    RETURN_IF_ERROR(
        GitStatus(git_indexer_append(indexer.get(), buffer, static_cast<size_t>(n), &stats), what));
  }
  RETURN_IF_ERROR(GitStatus(git_indexer_commit(indexer.get(), &stats), what));
  return absl::StrCat(directory, "/pack-", OidText(*git_indexer_hash(indexer.get())), ".idx");
}

// Also as file systems see it that fold case, ignore some characters, or know short names.
bool IsDotGit(absl::string_view name) {
  std::string plain;
  for (size_t i = 0; i < name.size(); ++i) {
    // U+200B…U+200F, U+202A…U+202E, U+206A…U+206F, U+FEFF: HFS+ does not see them.
    const absl::string_view three = name.substr(i, 3);
    const bool ignored = (absl::StartsWith(three, "\xe2\x80") && three.size() == 3 &&
                          ((three[2] >= '\x8b' && three[2] <= '\x8f') ||
                           (three[2] >= '\xaa' && three[2] <= '\xae'))) ||
                         (absl::StartsWith(three, "\xe2\x81") && three.size() == 3 &&
                          three[2] >= '\xaa' && three[2] <= '\xaf') ||
                         three == "\xef\xbb\xbf";
    if (ignored) {
      i += 2;
    } else {
      plain.push_back(absl::ascii_tolower(static_cast<unsigned char>(name[i])));
    }
  }
  plain = plain.substr(0, plain.find(':'));  // NTFS: a stream of the file
  while (!plain.empty() && (plain.back() == '.' || plain.back() == ' ')) plain.pop_back();
  return plain == ".git" || plain == "git~1";
}

absl::Status CheckName(absl::string_view name) {
  bool bad = name.empty() || name == "." || name == ".." || absl::StrContains(name, '/');
  for (const absl::string_view part : absl::StrSplit(name, '\\')) bad |= IsDotGit(part);
  if (!bad) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("a folder in it has the entry '", name, "', which leads out of the work tree"));
}

struct Pack {
  git_odb* all;
  git_repository* repo;
  absl::Status failure;
};

int OnObject(const git_oid* id, void* payload) {
  Pack& pack = *static_cast<Pack*>(payload);
  size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  pack.failure = GitStatus(git_odb_read_header(&size, &type, pack.all, id), "reading it");
  if (pack.failure.ok() && type == GIT_OBJECT_COMMIT) {
    pack.failure = LookupCommit(pack.repo, *id).status();
  } else if (pack.failure.ok() && type == GIT_OBJECT_TREE) {
    GitOdbObject tree;
    pack.failure = GitStatus(git_odb_read(tree.out(), pack.all, id), "reading it");
    if (pack.failure.ok()) {
      pack.failure = CheckTreeContent({static_cast<const char*>(git_odb_object_data(tree.get())),
                                       git_odb_object_size(tree.get())});
    }
  }
  return pack.failure.ok() ? 0 : GIT_EUSER;
}

absl::Status Missing(const git_oid& id) {
  return absl::NotFoundError(absl::StrCat("object ", OidText(id), " is missing"));
}

}  // namespace

absl::Status CheckTreeContent(absl::string_view raw) {
  std::set<absl::string_view> names;
  while (!raw.empty()) {
    const size_t space = raw.find(' ');
    const size_t end = raw.find('\0');
    if (space == absl::string_view::npos || end == absl::string_view::npos || space > end ||
        raw.size() - end - 1 < kOidBytes) {
      return absl::DataLossError("a folder in it is damaged");
    }
    const absl::string_view mode = raw.substr(0, space);
    if (std::find(std::begin(kModes), std::end(kModes), mode) == std::end(kModes)) {
      return absl::DataLossError(absl::StrCat("a folder in it has an entry of mode ", mode));
    }
    const absl::string_view name = raw.substr(space + 1, end - space - 1);
    RETURN_IF_ERROR(CheckName(name));
    if (!names.insert(name).second) {
      return absl::DataLossError(absl::StrCat("a folder in it has the entry '", name, "' twice"));
    }
    if (raw.substr(end + 1, kOidBytes) == std::string(kOidBytes, '\0')) {
      return absl::DataLossError(absl::StrCat("the entry '", name, "' in it names nothing"));
    }
    raw.remove_prefix(end + 1 + kOidBytes);
  }
  return absl::OkStatus();
}

absl::StatusOr<FetchedObjects> FetchedObjects::Make(const std::string& directory,
                                                    git_repository* own) {
  FetchedObjects objects;
  objects.directory_ = directory;
  objects.own_ = own;
  ASSIGN_OR_RETURN(objects.odb_, MakeObjectDatabase(directory));
  if (own != nullptr) {
    RETURN_IF_ERROR(
        GitStatus(git_repository_odb(objects.own_odb_.out(), own), "opening the repository"));
    RETURN_IF_ERROR(AddObjects(objects.odb_.get(),
                               absl::StrCat(git_repository_commondir(own), "objects"),
                               /*follow_alternates=*/true));
  }
  RETURN_IF_ERROR(GitStatus(git_repository_wrap_odb(objects.repo_.out(), objects.odb_.get()),
                            "opening what came"));
  return objects;
}

absl::Status FetchedObjects::Add(const std::string& pack, bool first) {
  const auto index = Index(pack, absl::StrCat(directory_, "/pack"), odb_.get());
  if (!index.ok()) return Damaged(index.status());
  RETURN_IF_ERROR(GitStatus(git_odb_refresh(odb_.get()), "reading what came"));
  GitOdb alone;
  git_odb_backend* backend = nullptr;
  RETURN_IF_ERROR(GitStatus(git_odb_new(alone.out()), *index));
  RETURN_IF_ERROR(GitStatus(git_odb_backend_one_pack(&backend, index->c_str()), *index));
  RETURN_IF_ERROR(GitStatus(git_odb_add_backend(alone.get(), backend, 1), *index));
  Pack check = {odb_.get(), repo_.get(), absl::OkStatus()};
  const int result = git_odb_foreach(alone.get(), &OnObject, &check);
  if (!check.failure.ok()) return Damaged(check.failure);
  RETURN_IF_ERROR(GitStatus(result, *index));
  packs_.insert(first ? packs_.begin() : packs_.end(), pack);
  return absl::OkStatus();
}

bool FetchedObjects::Has(const git_oid& id) const { return git_odb_exists(odb_.get(), &id) != 0; }

bool FetchedObjects::Owns(const git_oid& id) const {
  return own_odb_ && git_odb_exists_ext(own_odb_.get(), &id, GIT_ODB_LOOKUP_NO_REFRESH) != 0;
}

absl::Status FetchedObjects::CheckHistory(const git_oid& commit) const {
  std::vector<git_oid> open = {commit};
  Seen seen;  // trees too, or each commit would look at all of its files again
  while (!open.empty()) {
    const git_oid id = open.back();
    open.pop_back();
    if (Owns(id) || !seen.insert(OidText(id)).second) continue;
    if (!Has(id)) return Missing(id);
    ASSIGN_OR_RETURN(const GitCommit found, LookupCommit(repo(), id));
    RETURN_IF_ERROR(CheckTree(*git_commit_tree_id(found.get()), seen));
    for (unsigned i = 0; i < git_commit_parentcount(found.get()); ++i) {
      open.push_back(*git_commit_parent_id(found.get(), i));
    }
  }
  return absl::OkStatus();
}

absl::Status FetchedObjects::CheckTree(const git_oid& tree) const {
  Seen seen;
  return CheckTree(tree, seen);
}

absl::Status FetchedObjects::CheckTree(const git_oid& tree, Seen& seen) const {
  std::vector<git_oid> open = {tree};
  while (!open.empty()) {
    const git_oid id = open.back();
    open.pop_back();
    if (Owns(id) || !seen.insert(OidText(id)).second) continue;
    if (!Has(id)) return Missing(id);
    ASSIGN_OR_RETURN(const GitTree found, LookupTree(repo(), id));
    for (size_t i = 0; i < git_tree_entrycount(found.get()); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(found.get(), i);
      const git_oid& child = *git_tree_entry_id(entry);
      const git_filemode_t mode = git_tree_entry_filemode(entry);
      if (mode == GIT_FILEMODE_TREE) {
        open.push_back(child);
      } else if (mode != GIT_FILEMODE_COMMIT && !Has(child)) {
        return Missing(child);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status FetchedObjects::Install(const git_oid& commit) const {
  const std::string directory = absl::StrCat(git_repository_commondir(own_), "objects/pack");
  RETURN_IF_ERROR(MakeDirectories(directory));
  for (const std::string& pack : packs_) {
    RETURN_IF_ERROR(Annotate(Index(pack, directory, own_odb_.get()).status(), directory));
  }
  RETURN_IF_ERROR(GitStatus(git_odb_refresh(own_odb_.get()), directory));
  if (Owns(commit)) return absl::OkStatus();
  GitOdbObject made;
  git_oid written;
  RETURN_IF_ERROR(GitStatus(git_odb_read(made.out(), odb_.get(), &commit), "reading a commit"));
  return GitStatus(git_odb_write(&written, own_odb_.get(), git_odb_object_data(made.get()),
                                 git_odb_object_size(made.get()), GIT_OBJECT_COMMIT),
                   "writing a commit");
}

}  // namespace handoff
