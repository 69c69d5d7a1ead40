// A whole pool of the built programs on loopback, for tests from the outside: a coordinator,
// workers, and the command, each with data below one temporary directory. As everywhere all of it
// is mutual TLS: the command is the admin that the coordinator made at its first start, workers
// join with a line that it made. Everything started is ended by its pid.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/file.h"
#include "common/subprocess.h"

namespace handoff::e2e {

// Path of a built program, e.g. "handoff".
std::string Program(const std::string& name);

bool IsRunning(pid_t pid);

// A FIFO between a test and a scripted agent. Both directions block until the other side is there,
// so neither has to sleep; a test that would wait for ever is ended by ctest's limit.
class Gate {
 public:
  explicit Gate(std::string path);  // makes the FIFO
  const std::string& path() const { return path_; }
  // The agent waits in `wait PATH`: lets it go on.
  void Open() const;
  // Blocks until the agent says something here (`tell PATH TEXT`), and returns it.
  std::string Await() const;

 private:
  std::string path_;
};

struct CommandResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class Pool {
 public:
  Pool();
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // What `submit` is given as --summaries unless a test says so itself: the scripted agent would be
  // run once more. Empty: nothing is given.
  std::string summaries = "never";
  // What a program is started through, by name: "coordinator", a worker's, or "handoff". For hosts
  // of their own, see network.h.
  std::map<std::string, std::vector<std::string>> through;
  // Whose command it is: a directory below dir() that is their HOME, with what `handoff login`
  // keeps there. Empty: the admin's, who needs no login.
  std::string person;
  std::vector<std::string> coordinator_flags;  // more of them, for its next start
  std::string listen = "127.0.0.1:0";          // where it listens when it starts for the first time

  const std::string& dir() const { return dir_.path(); }
  std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  // Blocks until the program said that it is ready. The coordinator keeps its port over restarts.
  void StartCoordinator();
  // Joins first. The scripted agent is the worker's `cursor`. `config` is appended to its TOML
  // file.
  void StartWorker(const std::string& name, int slots, const std::vector<std::string>& flags = {},
                   const std::string& config = "");
  // What StartWorker does first, unless it was done: a new line of `worker invite`, with these
  // flags, becomes the data directory of a worker of that name. `flags` are of the join itself.
  void Join(const std::string& name, const std::vector<std::string>& invite = {},
            const std::vector<std::string>& flags = {});
  // Gives the worker of that name, not started yet, a small disk of its own for its data. False
  // where this host does not let us mount one.
  bool MakeSmallDisk(const std::string& name);
  // Takes all that is left of it, and gives it back.
  void FillDisk(const std::string& name) const;
  void FreeDisk(const std::string& name) const;
  // A scripted agent of its own, with what its .conf file says (see its main.cc); its path.
  std::string MakeAgent(const std::string& conf, const std::string& name = "agent") const;
  // Starts it again with the flags of before. One that the pool does not let in is not waited for.
  void RestartWorker(const std::string& name, bool let_in = true);

  void Kill(const std::string& name,
            int signal);  // "coordinator" or a worker; reaps it for SIGKILL and SIGTERM
  bool Running(const std::string& name);
  pid_t PidOf(const std::string& name) const;
  // Resident memory in bytes, from /proc: now, and the most so far.
  uint64_t ResidentBytes(const std::string& name) const { return MemoryOf(name, "VmRSS:"); }
  uint64_t PeakBytes(const std::string& name) const { return MemoryOf(name, "VmHWM:"); }

  // `handoff ARGS…` in `cwd` (the pool's directory unless given), with a HOME of its own and this
  // pool's address.
  CommandResult Handoff(const std::vector<std::string>& args, const std::string& cwd = "",
                        const std::string& input = "",
                        absl::Duration limit = absl::Minutes(3)) const;
  // The same, not waited for. stdout goes to the file `out` when given.
  Subprocess HandoffInBackground(const std::vector<std::string>& args, const std::string& cwd = "",
                                 const std::string& out = "") const;
  // Submits and returns the id; fails the test when that fails.
  std::string Submit(const std::vector<std::string>& args, const std::string& cwd = "") const;

  // Plays `steps` (the scripted agent's language) as the task of a handoff.
  static std::string Script(const std::vector<std::string>& steps);

  // Until `condition` holds, for what happens a moment after the pool said that it is over. Asks
  // the pool between the tries; what never comes true is ended by ctest's limit.
  void Eventually(const std::function<bool()>& condition) const;
  // Until every worker was heard of. After a restart of the coordinator a report may come before
  // its worker's first Sync, and nothing is placed there until that.
  void AwaitWorkers() const;

  // A repository with one commit below dir(); returns its path.
  std::string MakeRepository(const std::string& name) const;
  // git in `cwd` with no configuration but an identity; returns stdout, fails the test on an error.
  std::string Git(const std::string& cwd, const std::vector<std::string>& args) const;

  std::string address() const { return address_; }
  // The admin that the coordinator made: the account of these tests.
  static std::string Person();
  // Of that one, for the environment of a command.
  std::string credentials() const { return path("coordinator/identity/local"); }

 private:
  struct Daemon {
    std::vector<std::string> argv;
    std::optional<Subprocess> process;
  };
  std::vector<std::string> CommandLine(const std::vector<std::string>& args) const;
  // With what the program of that name is started through, a disk of its own included.
  std::vector<std::string> Through(const std::string& name, std::vector<std::string> argv) const;
  // Until it says `ready`; when that is empty, not at all.
  void Launch(const std::string& name, const std::string& ready);
  std::vector<std::string> Environment() const;
  std::string FillerOf(const std::string& name) const;
  uint64_t MemoryOf(const std::string& name, absl::string_view field) const;

  TempDir dir_;
  std::string address_;
  std::map<std::string, Daemon> daemons_;
  std::map<std::string, Subprocess> disks_;  // by worker: what holds the mount
};

}  // namespace handoff::e2e
