#include "cli/ci_fence.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/settings.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/unique_fd.h"

namespace handoff {
namespace {

constexpr size_t kWordBytes = 16;

}  // namespace

CiFence::CiFence() : word_(RandomHex(kWordBytes)) {
  WriteAll(STDERR_FILENO, absl::StrCat("::stop-commands::", word_, "\n")).IgnoreError();
}

CiFence::~CiFence() { End(STDERR_FILENO, ""); }

void CiFence::End(int fd, absl::string_view before) {
  if (ended_.exchange(true)) return;
  WriteAll(fd, absl::StrCat(before, "::", word_, "::\n")).IgnoreError();
}

void CiFence::EndForGood() {
  const UniqueFd err(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  const UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  // Rather without an end: what follows in this step is not taken either.
  if (!err.valid() || ::dup2(nowhere.get(), STDOUT_FILENO) < 0 ||
      ::dup2(nowhere.get(), STDERR_FILENO) < 0) {
    return;
  }
  End(err.get(), "\n");  // half a line may stand there
}

void FenceOffRunner(Context& context) {
  if (FromEnvironment(context.environment, "GITHUB_ACTIONS") != "true") return;
  const auto fence = std::make_shared<CiFence>();
  context.interrupt.BeforeLeaving([fence] { fence->EndForGood(); });
}

}  // namespace handoff
