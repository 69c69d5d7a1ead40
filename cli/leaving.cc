#include "cli/leaving.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"

namespace handoff {

Leaving::Leaving(Context& context, std::string directory, std::string left,
                 std::function<std::string()> keep)
    : context_(context),
      directory_(std::move(directory)),
      keep_(std::move(keep)),
      left_(std::move(left)),
      listener_(context.interrupt, [this] { Leave(); }) {}

void Leaving::Leaves(std::string left) {
  const MutexLock lock(mutex_);
  left_ = std::move(left);
}

void Leaving::Stay() {
  const MutexLock lock(mutex_);
  stays_ = true;
}

void Leaving::Leave() {
  const MutexLock lock(mutex_);
  if (stays_) {
    context_.terminal.SayAside("handoff: this ends when what it writes is whole; again to stop it");
    return;
  }
  const std::string kept = keep_ ? keep_() : "";
  context_.terminal.SayAside(
      absl::StrCat(kept, kept.empty() ? "" : "\n", "handoff: you left; ", left_));
  if (!directory_.empty()) RemoveTree(directory_).IgnoreError();
  context_.interrupt.Leave();
}

}  // namespace handoff
