// How it is found out whether an agent's CLI is on a host, and what came of that.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace handoff {

struct ProbeSpec {
  // Commands to try in order until one identifies itself; each runs with a 15 s limit.
  struct Candidate {
    std::string executable;                 // name in PATH or absolute
    std::vector<std::string> version_args;  // prints the version
    std::vector<std::string> banner_args;   // output must contain `banner`; empty: not checked
    std::string banner;
    std::vector<std::string> login_args;  // tells the login state; empty: none needed
    // Asked too when the login check fails: its output may know of another way to be logged in.
    std::vector<std::string> doctor_args = {};
    // Paths from the folder in which the executable really lies, links followed: the first that
    // exists is run instead. For launchers that leave their child behind when they are killed.
    std::vector<std::string> natives = {};
    std::map<std::string, std::string> env = {};  // wins over that of the agent
  };
  std::vector<Candidate> candidates;
};

struct ProbeOutput {  // of the first candidate that exists and shows its banner
  std::string executable;
  std::string version_out;
  int login_exit = 0;
  bool timed_out = false;       // one of its commands, or it could not be run just now: what the
                                // others say is not all of it
  std::string login_out;        // stdout and stderr
  std::string doctor_out = {};  // stdout; empty when it was not asked
  std::string refused = {};     // why this host's kernel takes it for no program of its own
};

struct ProbeVerdict {
  enum class State { kReady, kMissing, kNeedsSetup };
  State state = State::kMissing;
  std::string version;
  std::string account;
  std::string message;  // what is wrong and the command that mends it
};

}  // namespace handoff
