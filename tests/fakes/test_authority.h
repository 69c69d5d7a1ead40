// Certificates by the openssl command, good ones and all kinds of bad ones.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace handoff {

struct TestCertificate {
  std::string usage = "clientAuth";
  std::string names = "URI:handoff://pool.test/worker/1";  // subject alternative names
  absl::Time not_before = absl::Now() - absl::Hours(1);
  absl::Time not_after = absl::Now() + absl::Hours(24);
  std::string serial = "";  // hex; empty: at random
};
inline TestCertificate ServerCertificate(const std::string& name = "pool.test") {
  return {"serverAuth", "DNS:" + name};
}

// Not thread-safe. Whatever fails ends the test program.
class TestAuthority {
 public:
  // `directory` is made.
  explicit TestAuthority(std::string directory);
  // With the key and the certificate of one that there is, in PEM.
  TestAuthority(std::string directory, absl::string_view certificate, absl::string_view key);

  // A directory `name` in ours with authority.pem, certificate.pem and key.pem; replaces an older
  // one file by file.
  std::string Issue(const std::string& name, const TestCertificate& certificate);
  // The same, signed by its own key; authority.pem is ours.
  std::string SelfSigned(const std::string& name, const TestCertificate& certificate);
  std::string certificate() const { return directory_ + "/authority.pem"; }

 private:
  void WriteConfig();
  std::string Request(const std::string& name);
  const std::string directory_;
};

// Runs openssl with `arguments`; its output. Ends the test program when it fails.
std::string OpenSsl(const std::vector<std::string>& arguments);

}  // namespace handoff
