// A command that Ctrl-C ends wherever it is, in libgit2 too, and that says what it leaves.
#pragma once

#include <functional>
#include <string>

#include "cli/interrupt.h"
#include "cli/verb.h"
#include "common/mutex.h"

namespace handoff {

// An Interrupt::Listener, of which there is one at a time.
class Leaving {
 public:
  // `left`: what the person is told after "you left; ". `directory` is removed, if it is one.
  // `keep` is called before, on the waiting thread: what it returns is told, too.
  Leaving(Context& context, std::string directory, std::string left,
          std::function<std::string()> keep = nullptr);
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;

  // What is left from now on.
  void Leaves(std::string left) ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on something is written that must not stay half done: the first Ctrl-C says so and
  // ends nothing, the second one ends the command.
  void Stay() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Leave() ABSL_LOCKS_EXCLUDED(mutex_);

  Context& context_;
  const std::string directory_;
  const std::function<std::string()> keep_;
  Mutex mutex_;
  std::string left_ ABSL_GUARDED_BY(mutex_);
  bool stays_ ABSL_GUARDED_BY(mutex_) = false;
  const Interrupt::Listener listener_;  // last: it calls at once when the signal was there before
};

}  // namespace handoff
