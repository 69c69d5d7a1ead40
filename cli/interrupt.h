// Ctrl-C, SIGTERM and a closed terminal as a value. Made first in main, while there is one thread:
// it blocks the signals, and a thread of its own waits for them. Without a listener a signal ends
// the command at once; with one it is told, and a second Ctrl-C or SIGTERM ends the command.
#pragma once

#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "common/mutex.h"

namespace handoff {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Called before a signal ends the command; destroyed with this.
  void BeforeLeaving(std::function<void()> last) ABSL_LOCKS_EXCLUDED(last_mutex_);
  // Ends the command as a signal does. A listener may call it.
  [[noreturn]] void Leave() ABSL_LOCKS_EXCLUDED(last_mutex_);

  // While it lives, Ctrl-C is for another program in this terminal: an editor.
  class NotOurs {
   public:
    explicit NotOurs(Interrupt& interrupt);
    ~NotOurs();
    NotOurs(const NotOurs&) = delete;
    NotOurs& operator=(const NotOurs&) = delete;

   private:
    Interrupt& interrupt_;
  };

  // While it lives, `told` is called once on the first signal, on the waiting thread; at once when
  // the signal was there before. It must not call back into Interrupt but for
  // Leave. One at a time.
  class Listener {
   public:
    Listener(Interrupt& interrupt, std::function<void()> told);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    Interrupt& interrupt_;
  };

 private:
  void WaitForSignals();

  mutable Mutex mutex_;
  Mutex last_mutex_;
  std::function<void()> last_ ABSL_GUARDED_BY(last_mutex_);
  bool requested_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool not_ours_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> told_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace handoff
