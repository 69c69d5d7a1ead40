#include "tests/integration/repo/git_sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"

namespace handoff {
namespace {

namespace fs = std::filesystem;

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

}  // namespace

GitSandbox::GitSandbox() : temp_(*TempDir::Make("handoff-git-test-")) {}

std::vector<std::string> GitSandbox::environment() const {
  return {"PATH=/usr/local/bin:/usr/bin:/bin",
          absl::StrCat("HOME=", root()),
          "GIT_CONFIG_GLOBAL=/dev/null",
          "GIT_CONFIG_NOSYSTEM=1",
          "GIT_AUTHOR_NAME=Ada",
          "GIT_AUTHOR_EMAIL=ada@example.com",
          "GIT_COMMITTER_NAME=Ada",
          "GIT_COMMITTER_EMAIL=ada@example.com",
          "GIT_AUTHOR_DATE=1700000000 +0000",
          "GIT_COMMITTER_DATE=1700000000 +0000",
          "LC_ALL=C"};
}

std::string GitSandbox::Git(const std::string& where,
                            const std::vector<std::string>& arguments) const {
  SpawnOptions options;
  options.argv = {"git", "-c", "protocol.file.allow=always", "-c", "core.autocrlf=false"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.env = environment();
  options.cwd = where.empty() ? root() : where[0] == '/' ? where : Path(where);
  const auto result = RunProcess(options, "", absl::Minutes(2));
  if (!result.ok() || !result->status.ok()) {
    std::fprintf(stderr, "git %s in %s failed: %s\n", absl::StrJoin(arguments, " ").c_str(),
                 where.c_str(), result.ok() ? result->err.c_str() : "not started");
    std::abort();
  }
  return result->out;
}

bool GitSandbox::GitSucceeds(const std::string& where,
                             const std::vector<std::string>& arguments) const {
  SpawnOptions options;
  options.argv = {"git"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.env = environment();
  options.cwd = where.empty() ? root() : where[0] == '/' ? where : Path(where);
  const auto result = RunProcess(options, "", absl::Minutes(2));
  return result.ok() && result->status.ok();
}

void GitSandbox::Init(const std::string& where) const {
  CHECK(MakeDirectories(Path(where)).ok());
  Git(where, {"init", "-q", "-b", "main"});
  Git(where, {"config", "user.name", "Ada"});
  Git(where, {"config", "user.email", "ada@example.com"});
}

void GitSandbox::Write(const std::string& path, const std::string& content, int mode) const {
  const std::string full = Path(path);
  CHECK(MakeDirectories(full.substr(0, full.rfind('/'))).ok());
  const auto fd = OpenFile(full, O_WRONLY | O_CREAT | O_TRUNC, mode);
  CHECK(fd.ok());
  CHECK(WriteAll(fd->get(), content).ok());
  CHECK(::fchmod(fd->get(), static_cast<mode_t>(mode)) == 0);
}

std::string GitSandbox::Read(const std::string& path) const {
  const auto content = ReadFile(path[0] == '/' ? path : Path(path), 1 << 30);
  CHECK(content.ok());
  return *content;
}

void GitSandbox::Link(const std::string& path, const std::string& target) const {
  CHECK(::symlink(target.c_str(), Path(path).c_str()) == 0);
}

void GitSandbox::Remove(const std::string& path) const { CHECK(RemoveTree(Path(path)).ok()); }

std::string GitSandbox::CommitAll(const std::string& where, const std::string& message) const {
  Git(where, {"add", "-A"});
  Git(where, {"commit", "-q", "--allow-empty", "-m", message});
  return Git(where, {"rev-parse", "HEAD"}).substr(0, 40);
}

std::map<std::string, std::string> GitSandbox::Tree(const std::string& where) const {
  const fs::path top = where[0] == '/' ? where : Path(where);
  std::map<std::string, std::string> out;
  for (fs::recursive_directory_iterator it(top), end; it != end; ++it) {
    if (it->path().filename() == ".git") {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    const std::string name = it->path().string().substr(top.string().size() + 1);
    if (it->is_symlink()) {
      out[name] = absl::StrCat("link ", fs::read_symlink(it->path()).string());
    } else if (it->is_regular_file()) {
      struct stat info;
      CHECK(::stat(it->path().c_str(), &info) == 0);
      out[name] = absl::StrCat((info.st_mode & S_IXUSR) != 0 ? "program " : "file ",
                               Read(it->path().string()));
    }
  }
  return out;
}

std::map<std::string, std::string> GitSandbox::GitDirectory(const std::string& where) const {
  const fs::path top = Path(where);
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    if (entry.is_regular_file()) {
      out[fs::relative(entry.path(), top)] = Read(entry.path().string());
    } else {
      out[fs::relative(entry.path(), top)] = "";
    }
  }
  return out;
}

UniqueFd BindOnLoopback(int* port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  CHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  CHECK(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  *port = ntohs(address.sin_port);
  return fd;
}

UniqueFd ListenOnLoopback(int* port) {
  UniqueFd fd = BindOnLoopback(port);
  CHECK(::listen(fd.get(), 16) == 0);
  return fd;
}

InetdServer::InetdServer(SpawnOptions one)
    : listener_(ListenOnLoopback(&port_)), one_(std::move(one)) {
  auto pipe = MakePipe();
  CHECK(pipe.ok());
  stop_read_ = std::move(pipe->first);
  stop_write_ = std::move(pipe->second);
  thread_ = std::thread([this] { Serve(); });
}

InetdServer::~InetdServer() {
  stop_write_.Reset();
  thread_.join();
  for (const Subprocess& process : processes_) process.SignalGroup(SIGKILL);
}

void InetdServer::Serve() {
  while (true) {
    pollfd polls[] = {{listener_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
    if (::poll(polls, 2, -1) < 0 || polls[1].revents != 0) return;
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) continue;
    one_.fds = {{0, fd.get()}, {1, fd.get()}};
    auto process = Subprocess::Spawn(one_);
    CHECK(process.ok());
    processes_.push_back(*std::move(process));
  }
}

namespace {

// Not `git daemon`, which is a parent that a kill would not reach through.
SpawnOptions OneGitDaemon(const GitSandbox& sandbox, const std::string& base) {
  std::string programs = sandbox.Git("", {"--exec-path"});
  programs.pop_back();
  SpawnOptions one;
  one.argv = {programs + "/git-daemon",
              "--inetd",
              "--log-destination=none",
              "--export-all",
              absl::StrCat("--base-path=", base),
              "--enable=receive-pack",
              base};
  one.env = sandbox.environment();
  return one;
}

}  // namespace

GitDaemon::GitDaemon(const GitSandbox& sandbox, const std::string& base)
    : server_(OneGitDaemon(sandbox, base)) {}

std::string GitDaemon::Url(const std::string& name) const {
  return absl::StrCat("git://127.0.0.1:", server_.port(), "/", name);
}

}  // namespace handoff
