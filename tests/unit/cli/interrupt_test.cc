#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <future>

#include "gtest/gtest.h"

namespace handoff {
namespace {

bool IsPending(int signal) {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, signal) == 1;
}

TEST(Interrupt, AClosedTerminalIsToldOnceHoweverOftenItIsSignalled) {
  Interrupt interrupt;
  std::promise<void> told;
  const Interrupt::Listener listener(interrupt, [&told] { told.set_value(); });
  ::kill(::getpid(), SIGHUP);
  told.get_future().wait();
  EXPECT_TRUE(interrupt.requested());
  // The second would end this process with status 130, or set the promise again, which throws.
  ::kill(::getpid(), SIGHUP);
  while (IsPending(SIGHUP)) {
  }
  EXPECT_TRUE(interrupt.requested());
}

}  // namespace
}  // namespace handoff
