// People and workers of a running coordinator, let in as real ones are: with tokens that the admin
// of its data directory makes. Aborts the test program when that does not work.
#pragma once

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/rpc/credentials.h"

namespace handoff {

class Guests {
 public:
  // Certificates are kept below `directory`, and used again by whoever uses that directory later.
  Guests(std::string directory, const Clock& clock);
  // Where the coordinator answers now, and its data directory.
  void Connect(std::string address, const std::string& data_dir);

  std::shared_ptr<grpc::Channel> Admin();
  // The user `name`, who is added with `role` when they are not known yet.
  std::shared_ptr<grpc::Channel> User(const std::string& name, const std::string& role = "member");
  // A worker that takes everybody's handoffs.
  std::shared_ptr<grpc::Channel> Worker(const std::string& uuid, const std::string& name);

  // A channel with what lies in a directory of authority.pem, certificate.pem and key.pem.
  std::shared_ptr<grpc::Channel> ChannelWith(const std::string& directory);

 private:
  // The directory in which the certificate is then.
  std::string Redeem(const std::string& line, const std::string& as,
                     const std::string& worker_name);
  std::string Path(const std::string& as) const { return directory_ + "/" + as; }

  const std::string directory_;
  const Clock& clock_;
  std::string address_;
  std::string admin_directory_;
  std::map<std::string, std::shared_ptr<Credentials>> credentials_;
};

}  // namespace handoff
