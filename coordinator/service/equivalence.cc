#include "coordinator/service/equivalence.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/handoff/repo_pattern.h"
#include "common/hash.h"

namespace handoff {
namespace {

// "Fix  the\nBuild" is "fix the build".
std::string Folded(absl::string_view text) {
  std::string folded = absl::AsciiStrToLower(text);
  absl::RemoveExtraAsciiWhitespace(&folded);
  return folded;
}

// One name for the addresses of one repository, by ssh and https say.
std::string NameOf(const std::string& key) {
  const std::string name = RepoName(key);
  return name.empty() ? key : name;
}

}  // namespace

std::string DedupeKeyOf(const v1::HandoffSpec& spec, const std::string& owner) {
  if (!spec.dedupe_key().empty()) return absl::StrCat("key\n", owner, "\n", spec.dedupe_key());
  const v1::Repository& repository = spec.repository();
  if (spec.agent() == "command" || !spec.has_repository()) return "";
  const std::string& base = repository.commit().empty() ? repository.ref() : repository.commit();
  return absl::StrCat("same\n", Sha256Hex(absl::StrCat(NameOf(repository.key()), "\n", base, "\n",
                                                       Folded(spec.task()))));
}

core::Submit::Duplicates DuplicatesOf(const v1::SubmitRequest& request) {
  switch (request.duplicates()) {
    case v1::SubmitRequest::REFUSE:
      return core::Submit::Duplicates::kRefuse;
    case v1::SubmitRequest::REUSE:
      return core::Submit::Duplicates::kReuse;
    case v1::SubmitRequest::ALLOW:
      return core::Submit::Duplicates::kAllow;
    default:
      break;
  }
  const bool own_rule =
      !request.spec().idempotency_key().empty() && request.spec().dedupe_key().empty();
  return own_rule ? core::Submit::Duplicates::kAllow : core::Submit::Duplicates::kRefuse;
}

}  // namespace handoff
