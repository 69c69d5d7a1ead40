#include "tests/fakes/test_authority.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/file.h"
#include "common/subprocess.h"

namespace handoff {
namespace {

void Write(const std::string& path, absl::string_view content) {
  CHECK(WriteFileAtomically(path, content).ok());
}

std::string Stamp(absl::Time time) {
  return absl::FormatTime("%Y%m%d%H%M%SZ", time, absl::UTCTimeZone());
}

}  // namespace

std::string OpenSsl(const std::vector<std::string>& arguments) {
  SpawnOptions options;
  options.argv = {"openssl"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.env = CurrentEnvironment();
  const auto result = RunProcess(options, "", absl::Seconds(60));
  CHECK(result.ok());
  if (!result->status.ok()) {
    std::fprintf(stderr, "openssl %s: %s\n", absl::StrJoin(arguments, " ").c_str(),
                 result->err.c_str());
    CHECK(result->status.ok());
  }
  return result->out;
}

TestAuthority::TestAuthority(std::string directory) : directory_(std::move(directory)) {
  WriteConfig();
  OpenSsl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-keyout", directory_ + "/authority.key", "-out", directory_ + "/authority.pem", "-days",
           "30", "-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign"});
}

TestAuthority::TestAuthority(std::string directory, absl::string_view certificate,
                             absl::string_view key)
    : directory_(std::move(directory)) {
  WriteConfig();
  Write(directory_ + "/authority.pem", certificate);
  Write(directory_ + "/authority.key", key);
}

void TestAuthority::WriteConfig() {
  CHECK(MakeDirectories(directory_).ok());
  const std::string common =
      absl::StrCat("database = ", directory_, "/index.txt\nnew_certs_dir = ", directory_,
                   "\ncertificate = ", directory_, "/authority.pem\nprivate_key = ", directory_,
                   "/authority.key\nunique_subject = no\ndefault_md = sha256\npolicy = any\n");
  Write(directory_ + "/ca.conf",
        absl::StrCat("[random]\nrand_serial = yes\n", common, "[given]\nserial = ", directory_,
                     "/serial\n", common, "[any]\ncommonName = supplied\n"));
}

std::string TestAuthority::Request(const std::string& name) {
  const std::string made = absl::StrCat(directory_, "/", name, ".csr");
  OpenSsl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-keyout", absl::StrCat(directory_, "/", name, ".key"), "-out", made, "-subj",
           "/CN=" + name});
  return made;
}

std::string TestAuthority::Issue(const std::string& name, const TestCertificate& certificate) {
  const std::string request = Request(name);
  const std::string base = absl::StrCat(directory_, "/", name);
  Write(base + ".extensions",
        absl::StrCat("basicConstraints = CA:FALSE\nextendedKeyUsage = ", certificate.usage,
                     "\nsubjectAltName = ", certificate.names, "\n"));
  Write(directory_ + "/serial", certificate.serial + "\n");
  Write(directory_ + "/index.txt", "");  // or a serial would be good for one certificate
  OpenSsl({"ca", "-batch", "-notext", "-config", directory_ + "/ca.conf", "-name",
           certificate.serial.empty() ? "random" : "given", "-extfile", base + ".extensions",
           "-startdate", Stamp(certificate.not_before), "-enddate", Stamp(certificate.not_after),
           "-in", request, "-out", base + ".pem"});
  CHECK(MakeDirectories(base).ok());
  // In an order in which key and certificate do not belong together in between.
  Write(base + "/authority.pem", *ReadFile(directory_ + "/authority.pem"));
  Write(base + "/key.pem", *ReadFile(base + ".key"));
  Write(base + "/certificate.pem", *ReadFile(base + ".pem"));
  return base;
}

std::string TestAuthority::SelfSigned(const std::string& name, const TestCertificate& certificate) {
  const std::string base = absl::StrCat(directory_, "/", name);
  CHECK(MakeDirectories(base).ok());
  OpenSsl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-keyout", base + "/key.pem", "-out", base + "/certificate.pem", "-days", "1", "-subj",
           "/CN=" + name, "-addext", "extendedKeyUsage=" + certificate.usage, "-addext",
           "subjectAltName=" + certificate.names});
  Write(base + "/authority.pem", *ReadFile(directory_ + "/authority.pem"));
  return base;
}

}  // namespace handoff
