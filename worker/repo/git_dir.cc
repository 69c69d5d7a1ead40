#include "worker/repo/git_dir.h"

#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/beneath.h"
#include "common/git/git.h"
#include "common/git/objects.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr int kMaxSymbolicRefs = 5;
constexpr uint64_t kMaxRefFile = 4096;
constexpr uint64_t kMaxPackedRefs = 64 << 20;

absl::StatusOr<std::string> FindPackedRef(const Beneath& files, const std::string& ref) {
  auto packed = files.Read(".git/packed-refs", kMaxPackedRefs);
  if (absl::IsNotFound(packed.status())) return std::string();
  RETURN_IF_ERROR(packed);
  for (const absl::string_view line : absl::StrSplit(*packed, '\n')) {
    if (line.size() == 41 + ref.size() && absl::EndsWith(line, ref) && line[40] == ' ') {
      return std::string(line.substr(0, 40));
    }
  }
  return std::string();
}

}  // namespace

absl::StatusOr<HeadState> ReadHead(const std::string& workspace) {
  ASSIGN_OR_RETURN(const Beneath files, Beneath::Open(workspace));
  HeadState state;
  std::string ref = "HEAD";
  for (int i = 0; i < kMaxSymbolicRefs; ++i) {
    auto content = files.Read(absl::StrCat(".git/", ref), kMaxRefFile);
    if (absl::IsNotFound(content.status()) && ref != "HEAD") content = FindPackedRef(files, ref);
    RETURN_IF_ERROR(content);
    absl::string_view text = absl::StripAsciiWhitespace(*content);
    if (!absl::ConsumePrefix(&text, "ref:")) {
      if (text.empty()) return state;
      ASSIGN_OR_RETURN(const git_oid id, ParseOid(text));
      state.commit = OidText(id);
      return state;
    }
    ref = std::string(absl::StripLeadingAsciiWhitespace(text));
    int valid = 0;
    if (git_reference_name_is_valid(&valid, ref.c_str()) != 0 || valid == 0 ||
        !absl::StartsWith(ref, "refs/")) {
      return absl::FailedPreconditionError(".git/HEAD names something that is not a branch");
    }
    absl::string_view branch = ref;
    if (absl::ConsumePrefix(&branch, "refs/heads/")) state.branch = std::string(branch);
  }
  return absl::FailedPreconditionError(".git/HEAD leads from one symbolic ref to the next");
}

absl::Status CheckObjects(const std::string& workspace) {
  for (const char* name : {".git", ".git/objects"}) {
    struct stat info;
    const std::string path = absl::StrCat(workspace, "/", name);
    if (::lstat(path.c_str(), &info) != 0) return ErrnoToStatus(errno, path);
    if (!S_ISDIR(info.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat(name, " is not a directory; the repository was not read"));
    }
  }
  return CheckObjectDirectory(absl::StrCat(workspace, "/.git/objects"));
}

}  // namespace handoff
