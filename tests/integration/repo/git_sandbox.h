// Repositories for tests, made and looked at by the real git, with no configuration of this machine
// and the same names and dates every time.
#pragma once

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "common/file.h"
#include "common/subprocess.h"
#include "common/unique_fd.h"

namespace handoff {

class GitSandbox {
 public:
  GitSandbox();

  const std::string& root() const { return temp_.path(); }
  std::string Path(const std::string& name) const { return temp_.path() + "/" + name; }

  // Runs git in the folder `where` below the root; its output. A failure ends the test program.
  std::string Git(const std::string& where, const std::vector<std::string>& arguments) const;
  // The same, with the exit status instead.
  bool GitSucceeds(const std::string& where, const std::vector<std::string>& arguments) const;

  // An empty repository with branch main.
  void Init(const std::string& where) const;
  // A file with its folders, below the root.
  void Write(const std::string& path, const std::string& content, int mode = 0644) const;
  std::string Read(const std::string& path) const;
  void Link(const std::string& path, const std::string& target) const;
  void Remove(const std::string& path) const;
  // Adds everything and commits; the id.
  std::string CommitAll(const std::string& where, const std::string& message) const;

  // Path → type, permission to execute and content of everything below a folder but .git.
  std::map<std::string, std::string> Tree(const std::string& where) const;
  // Path → content of everything in a .git directory.
  std::map<std::string, std::string> GitDirectory(const std::string& where) const;

  std::vector<std::string> environment() const;

 private:
  TempDir temp_;
};

// Has a port that the kernel chose, on which connections are refused.
UniqueFd BindOnLoopback(int* port);
UniqueFd ListenOnLoopback(int* port);

// Starts `one` for each connection to a loopback port, with that as its stdin and stdout; the
// destructor ends them. The port is ours from the first: one that was free a moment ago may be
// another test's by now.
class InetdServer {
 public:
  explicit InetdServer(SpawnOptions one);
  ~InetdServer();
  int port() const { return port_; }

 private:
  void Serve();

  int port_ = 0;
  const UniqueFd listener_;
  UniqueFd stop_read_, stop_write_;
  SpawnOptions one_;
  std::vector<Subprocess> processes_;
  std::thread thread_;
};

// `git daemon` for the folder `base`.
class GitDaemon {
 public:
  GitDaemon(const GitSandbox& sandbox, const std::string& base);
  std::string Url(const std::string& name) const;

 private:
  InetdServer server_;
};

}  // namespace handoff
