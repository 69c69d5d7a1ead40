#include "tests/bench/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"

namespace handoff {

void Fail(const std::string& what) {
  std::fprintf(stderr, "benchmark: %s\n", what.c_str());
  std::exit(1);
}

ServerProcess::ServerProcess(const std::vector<std::string>& argv, const std::string& log) {
  auto out = *MakePipe();
  UniqueFd file;
  SpawnOptions options;
  options.argv = argv;
  options.env = CurrentEnvironment();
  options.fds = {{1, out.second.get()}, {2, 2}};
  if (!log.empty()) {
    file = *OpenFile(log, O_WRONLY | O_CREAT | O_APPEND);
    options.fds[1] = {2, file.get()};
  }
  auto spawned = Subprocess::Spawn(options);
  if (!spawned.ok()) Fail(std::string(spawned.status().message()));
  process_ = std::make_unique<Subprocess>(*std::move(spawned));
  out.second.Reset();
  std::string line;
  char c = 0;
  while (::read(out.first.get(), &c, 1) == 1 && c != '\n') line.push_back(c);
  address_ = line.substr(line.rfind(' ') + 1);
  if (address_.empty()) Fail(absl::StrCat(argv[0], " did not start"));
}

ServerProcess::~ServerProcess() {
  process_->Signal(SIGTERM);
  process_->Wait().IgnoreError();
}

int ServerProcess::port() const { return ParseAddress(address_)->port; }

double ServerProcess::CpuSeconds() const {
  const auto stat = ReadFile(absl::StrCat("/proc/", process_->pid(), "/stat"));
  if (!stat.ok()) return 0;
  long long user = 0, system = 0;
  std::sscanf(stat->c_str() + stat->rfind(')'),
              ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &system);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

int64_t ServerProcess::Kilobytes(const std::string& field) const {
  const auto status = ReadFile(absl::StrCat("/proc/", process_->pid(), "/status"));
  if (!status.ok()) return 0;
  return std::strtoll(status->c_str() + status->find(field) + field.size(), nullptr, 10);
}

std::string ServerProcess::Memory() const {
  return absl::StrCat("RSS ", ResidentKilobytes(), " kB");
}

CoordinatorProcess::CoordinatorProcess(const std::string& program, const std::string& config,
                                       const std::vector<std::string>& through) {
  const std::string file = dir_.path() + "/config.toml";
  if (!WriteFileAtomically(file, config).ok()) Fail("the configuration was not written");
  std::vector<std::string> argv = through;
  argv.insert(argv.end(), {program, "--data-dir", dir_.path() + "/data", "--listen", "127.0.0.1:0",
                           "--config", file});
  server_ = std::make_unique<ServerProcess>(argv, log());
  admin_ = v1::Identity::NewStub(Connect());
}

std::string CoordinatorProcess::WithoutQuotas() {
  return "[quota]\nlive = 1000000\nqueued = 1000000\nrunning = 1000000\n"
         "submits_per_minute = 1000000\nsubmit_burst = 1000000\n";
}

std::shared_ptr<grpc::Channel> CoordinatorProcess::Connect() const {
  return ConnectAsAdmin(address(), dir_.path() + "/data");
}

CredentialSet CoordinatorProcess::Join(const std::string& uuid, const std::string& name) const {
  return JoinAsWorker(address(), *admin_, uuid, name);
}

CredentialSet CoordinatorProcess::Login(const std::string& user) const {
  return LoginAsMember(address(), *admin_, user);
}

std::shared_ptr<grpc::Channel> CoordinatorProcess::Connect(const CredentialSet& set) const {
  return ConnectWith(address(), set);
}

}  // namespace handoff
