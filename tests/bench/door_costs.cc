#include "tests/bench/door_costs.h"

#include <grpcpp/security/auth_context.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/identity/authority.h"
#include "common/identity/signing_request.h"
#include "common/rpc/protocol.h"
#include "coordinator/engine.h"
#include "coordinator/service/door.h"
#include "tests/bench/server_process.h"
#include "tests/fakes/memory_store.h"

namespace handoff {
namespace {

constexpr char kPoolId[] = "pool-of-the-bench";

int64_t ResidentKilobytes() {
  const std::string status = ReadFile("/proc/self/status").value();
  return std::strtoll(status.c_str() + status.find("VmRSS:") + 6, nullptr, 10);
}

// Nanoseconds of one, from as many as there are in `span`.
void Measure(const std::string& what, absl::Duration span, const std::function<void()>& once) {
  constexpr int kAtOnce = 64;  // between two looks at the clock
  const absl::Time began = absl::Now();
  int64_t times = 0;
  absl::Duration took;
  do {
    for (int i = 0; i < kAtOnce; ++i) once();
    times += kAtOnce;
    took = absl::Now() - began;
  } while (took < span);
  std::printf("%-56s %9.0f /s   %7.1f us each\n", what.c_str(),
              static_cast<double>(times) / absl::ToDoubleSeconds(took),
              absl::ToDoubleMicroseconds(took) / static_cast<double>(times));
  std::fflush(stdout);
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) Fail(std::string(result.status().message()));
  return *std::move(result);
}

// The connection of a peer with this certificate, as gRPC shows it.
class ShownCertificate final : public grpc::AuthContext {
 public:
  explicit ShownCertificate(std::string pem) : pem_(std::move(pem)) {}
  bool IsPeerAuthenticated() const override { return true; }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(const std::string& name) const override {
    if (name == "x509_pem_cert") return {pem_};
    return {};
  }
  grpc::AuthPropertyIterator begin() const override { return None(); }
  grpc::AuthPropertyIterator end() const override { return None(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {}
  bool SetPeerIdentityPropertyName(const std::string&) override { return false; }

 private:
  struct None : grpc::AuthPropertyIterator {};
  const std::string pem_;
};

core::Credential CredentialOf(const std::string& serial, const std::string& uuid,
                              core::CredentialPurpose purpose) {
  core::Credential credential;
  credential.serial = serial;
  credential.purpose = purpose;
  credential.subject = uuid;
  credential.device = "host-" + uuid;
  credential.line = serial;
  credential.sponsor = "root";
  credential.issued_at = absl::Now();
  credential.not_after = absl::Now() + absl::Hours(24);
  return credential;
}

// The serial of one of the workers.
std::string AddWorkers(int count, core::Edit& edit) {
  std::string serial;
  for (int i = 0; i < count; ++i) {
    const std::string uuid =
        absl::StrCat("0b6f0000-0000-4000-8000-", absl::Dec(i, absl::kZeroPad12));
    serial = NewSerial();
    edit.changes.push_back(
        core::PutCredential{CredentialOf(serial, uuid, core::CredentialPurpose::kWorker)});
    edit.changes.push_back(
        core::PutCredential{CredentialOf(NewSerial(), uuid, core::CredentialPurpose::kRenewal)});
  }
  return serial;
}

void PrintDoorCostsOf(int workers, absl::Duration span) {
  const RealClock clock;
  const Authority authority = Must(MakeAuthority(kPoolId, absl::Now()));
  const PrivateKey key = Must(PrivateKey::Generate());
  std::string serial;
  MemoryStore store;
  {
    core::Edit edit;
    serial = AddWorkers(workers, edit);
    if (!store.Commit({edit}).ok()) Fail("the store");
  }
  IssueSpec spec;
  spec.peer = {kPoolId, PeerKind::kWorker, "0b6f0000-0000-4000-8000-000000000000"};
  spec.serial = serial;
  spec.not_before = absl::Now();
  spec.not_after = absl::Now() + absl::Hours(24);
  ShownCertificate shown(Must(Issue(authority, key.public_key(), spec)).ToPem());

  const int64_t before = ResidentKilobytes();
  EngineOptions options;
  options.own_thread = false;
  options.fatal = [](const absl::Status& status) { Fail(std::string(status.message())); };
  Engine engine(std::move(options), store, clock);
  if (!engine.Start().ok()) Fail("the engine");
  const int64_t after = ResidentKilobytes();
  Door door(kPoolId, engine, clock, [](const core::NoteRefusal&) {});
  const auto porter = door.Processor();
  const std::string agent = UserAgent() + " grpc-c++/1.51.1";
  const grpc::AuthMetadataProcessor::InputMetadata metadata = {{":path", "/handoff.v1.Pool/Sync"},
                                                               {"user-agent", agent}};
  const auto call = [&] {
    grpc::AuthMetadataProcessor::OutputMetadata consumed, response;
    const grpc::Status status = porter->Process(metadata, &shown, &consumed, &response);
    if (!status.ok()) Fail(status.error_message());
  };
  Measure(absl::StrCat("the look at who calls, with ", workers, " workers"), span, call);
  Measure("  of that, to find a serial", span, [&] {
    if (engine.identities()->Find(serial) == nullptr) Fail("no such serial");
  });
  // Of a few it would be what an empty pool has.
  if (workers < 1000) return;
  std::printf("  %-54s %9.2f kB a worker (two certificates each)\n", "identities in memory",
              static_cast<double>(after - before) / workers);
}

}  // namespace

void PrintDoorCosts(absl::Duration span) {
  for (const int workers : {10, 10'000}) PrintDoorCostsOf(workers, span);
}

void PrintIssuing(absl::Duration span) {
  const Authority authority = Must(MakeAuthority(kPoolId, absl::Now()));
  const PrivateKey key = Must(PrivateKey::Generate());
  const std::string request = Must(MakeSigningRequest(key));
  IssueSpec spec;
  spec.peer = {kPoolId, PeerKind::kWorker, "0b6f0000-0000-4000-8000-000000000000"};
  spec.not_before = absl::Now();
  spec.not_after = absl::Now() + absl::Hours(24);
  Measure("read a signing request and issue a certificate", span, [&] {
    const PublicKey asked = Must(ReadSigningRequest(request));
    Must(Issue(authority, asked, spec));
  });
}

}  // namespace handoff
