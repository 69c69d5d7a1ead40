// Plays a script as Cursor's CLI would show it. Single-threaded; writes to descriptors 1 and 2.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "tests/scripted_agent/script.h"

namespace handoff::scripted {

class Player {
 public:
  struct Run {
    std::string session;
    std::string model;
    std::string prompt;
    std::string executable;  // of this program, for grandchildren
  };
  explicit Player(Run run) : run_(std::move(run)) {}

  // The exit status of the process.
  int Play(const std::vector<Step>& steps);

 private:
  // The exit status when the step ends the run.
  std::optional<int> PlayStep(const Step& step);
  std::optional<int> PlayEnding(const Step& step);
  void PlayFile(const Step& step);
  void Say(const std::string& text);
  void Shell(const std::string& shown, const std::vector<std::string>& argv);
  void Write(const std::string& path, const std::string& text);
  void SendResult(bool ok, const std::string& text);
  void SpamBoth(const Step& step);
  void Grandchild(const std::string& path);
  // Completes the event with what all have, after the init and user events.
  void Emit(nlohmann::json event);
  void Begin();

  Run run_;
  bool begun_ = false;
  int calls_ = 0;
  std::string said_;  // all segments, as the result repeats them
};

// Of a grandchild: appends its pid to `path`, tells descriptor 3, and holds on for ever.
[[noreturn]] void HoldOn(const std::string& path);

}  // namespace handoff::scripted
