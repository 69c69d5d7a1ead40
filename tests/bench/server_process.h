// A server that is measured from the outside: a program that says on its first line where it
// listens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/file.h"
#include "common/subprocess.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/bench/connect.h"

namespace handoff {

// What was wrong, on stderr; ends the program.
[[noreturn]] void Fail(const std::string& what);

class ServerProcess {
 public:
  // Its stderr goes to the file `log`, if that is given.
  explicit ServerProcess(const std::vector<std::string>& argv, const std::string& log = "");
  ~ServerProcess();

  const std::string& address() const { return address_; }
  int port() const;
  double CpuSeconds() const;  // user and system, so far
  int64_t ResidentKilobytes() const { return Kilobytes("VmRSS:"); }
  int64_t PeakKilobytes() const { return Kilobytes("VmHWM:"); }
  std::string Memory() const;

 private:
  int64_t Kilobytes(const std::string& field) const;
  std::unique_ptr<Subprocess> process_;
  std::string address_;
};

// handoff-coordinator, with a data directory of its own, and people and workers of it.
class CoordinatorProcess {
 public:
  // `config` is the text of its configuration; `through` is what execs it: `prlimit …`.
  explicit CoordinatorProcess(const std::string& program, const std::string& config = "",
                              const std::vector<std::string>& through = {});

  // Quotas that nobody reaches: where what an owner may have is not what is measured.
  static std::string WithoutQuotas();

  const ServerProcess& server() const { return *server_; }
  const std::string& address() const { return server_->address(); }
  const std::string& directory() const { return dir_.path(); }
  std::string log() const { return dir_.path() + "/log"; }
  std::shared_ptr<grpc::Channel> Connect() const;  // as the admin
  // A worker joins, or a new member logs in; the other one gets a connection of its own.
  CredentialSet Join(const std::string& uuid, const std::string& name) const;
  CredentialSet Login(const std::string& user) const;
  std::shared_ptr<grpc::Channel> Connect(const CredentialSet& set) const;

 private:
  const TempDir dir_ = *TempDir::Make("bench");
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<v1::Identity::Stub> admin_;
};

}  // namespace handoff
