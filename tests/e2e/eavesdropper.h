// Somebody who stands where a line points: takes connections on loopback with the certificate that
// they have, speaks TLS and as much HTTP/2 as a client needs to go on, and keeps what they get.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "common/mutex.h"
#include "common/unique_fd.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace handoff::e2e {

class Eavesdropper {
 public:
  Eavesdropper();  // its address is known, and nobody is answered yet
  ~Eavesdropper();
  std::string address() const;
  // Answers with certificate.pem and key.pem of `directory`. Hangs up on whoever said `enough`.
  void Begin(const std::string& directory, std::string enough);

  int connections() const;
  // The first bytes of each connection as they came, and all that came through TLS.
  std::string captured() const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  void Run();
  void Listen(int fd);
  bool Keep(const std::string& bytes);  // whether there is enough

  const UniqueFd listener_;
  std::unique_ptr<ssl_ctx_st, Free> context_;
  std::string enough_;
  mutable Mutex mutex_;
  std::string captured_ ABSL_GUARDED_BY(mutex_);
  int connections_ ABSL_GUARDED_BY(mutex_) = 0;
  int open_ ABSL_GUARDED_BY(mutex_) = -1;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace handoff::e2e
