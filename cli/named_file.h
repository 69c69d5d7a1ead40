// A file that leaves this machine because somebody named it, where a link may lead elsewhere.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace handoff {

struct NamedFileRules {
  std::string flag;                  // by which it was named, for messages
  std::vector<std::string> include;  // names as given that go along whatever they look like
  // A checkout is the work of whoever wrote the commit: what a name in it leads to lies in it.
  bool in_checkout = false;
  // What is named outside of the checkout that this folder is in goes along, too.
  bool outside = false;
};

struct NamedFile {
  UniqueFd fd;
  std::string place;  // where it really lies
};

// INVALID_ARGUMENT for what is no regular file, cannot be read, lies where the rules do not allow
// it, or is made up by the kernel. Of what is open: it cannot be exchanged in between.
absl::StatusOr<NamedFile> OpenNamedFile(const std::string& path, const NamedFileRules& rules);

// INVALID_ARGUMENT when it looks like a secret, by its name, that of its place, or how it begins.
absl::Status CheckNoSecret(const std::string& path, const NamedFile& file, absl::string_view begin,
                           const NamedFileRules& rules);

// Says that nothing was handed over.
absl::Status RefuseNamedFile(const std::string& path, absl::string_view why,
                             const NamedFileRules& rules);

}  // namespace handoff
