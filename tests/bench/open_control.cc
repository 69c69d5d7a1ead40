#include "tests/bench/open_control.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "common/clock.h"
#include "common/rpc/server.h"
#include "coordinator/engine.h"
#include "coordinator/service/answer.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/validate.h"
#include "coordinator/store/sqlite_store.h"
#include "handoff/v1/control.grpc.pb.h"
#include "tests/bench/server_process.h"
#include "tests/fakes/test_authority.h"

namespace handoff {
namespace {

// As ControlService, but that nobody is asked who they are.
class OpenControl final : public v1::Control::CallbackService {
 public:
  OpenControl(Engine& engine, const Clock& clock) : engine_(engine), clock_(clock) {}

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const v1::SubmitRequest* request,
                                   v1::SubmitResponse* response) override {
    v1::HandoffSpec spec = request->spec();
    Normalise(spec);
    if (const absl::Status valid = Validate(spec); !valid.ok()) return Answer(context, valid);
    auto* const reactor = context->DefaultReactor();
    engine_.Post(ToCore(spec, "bench", clock_.Now()),
                 AnswerWith(reactor, [response](const core::Submit::Reply& reply) {
                   *response->mutable_handoff() = ToProto(reply.handoff, Detail::kFull);
                   return absl::OkStatus();
                 }));
    return reactor;
  }
  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext* context,
                                        const v1::ListWorkersRequest* request,
                                        v1::ListWorkersResponse* response) override {
    auto* const reactor = context->DefaultReactor();
    engine_.Post(core::ListWorkers{},
                 AnswerWith(reactor, [request, response](const core::ListWorkers::Reply& reply) {
                   *response = ToProto(reply, request->page_token(), {});
                   return absl::OkStatus();
                 }));
    return reactor;
  }

 private:
  Engine& engine_;
  const Clock& clock_;
};

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) Fail(std::string(result.status().message()));
  return *std::move(result);
}

}  // namespace

void ServeOpenControl(const std::string& directory, bool tls) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  const RealClock clock;
  const auto store = Must(SqliteStore::Open(directory + "/records.db"));
  EngineOptions options;
  core::Quota& quota = options.quotas.common;
  quota.live = quota.queued = quota.running = 1'000'000;
  quota.submits_per_minute = quota.submit_burst = 1'000'000;
  options.fatal = [](const absl::Status& status) { Fail(std::string(status.message())); };
  Engine engine(std::move(options), *store, clock);
  if (const absl::Status started = engine.Start(); !started.ok())
    Fail(std::string(started.message()));
  OpenControl control(engine, clock);
  ServerOptions server_options;
  server_options.listen = "127.0.0.1:0";
  if (tls) {
    TestAuthority authority(directory + "/authority");
    authority.Issue("worker", {});
    server_options.credentials =
        Must(Credentials::Load(CredentialFiles::In(authority.Issue("server", ServerCertificate())),
                               CredentialUse::kServer, clock));
  }
  const auto server = Must(RpcServer::Start(server_options, {&control}));
  std::printf("ready on %s\n", server->address().c_str());
  std::fflush(stdout);
  int signal_number = 0;
  ::sigwait(&stop, &signal_number);
  server->Stop(absl::ZeroDuration());
  engine.Stop();
}

}  // namespace handoff
