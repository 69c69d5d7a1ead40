// A coordinator that keeps handoffs and logs in memory and fails where a test says so: for tests of
// the command. It decides nothing; tests set the records themselves. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/server.h"
#include "handoff/v1/control.grpc.pb.h"
#include "handoff/v1/objects.grpc.pb.h"
#include "tests/fakes/fake_authority.h"
#include "tests/fakes/fake_turns.h"
#include "tests/fakes/held_calls.h"

namespace handoff {

class FakeCoordinator final : public v1::Control::Service, public v1::Objects::Service {
 public:
  // In plaintext: for tests of what speaks over a channel of their own.
  FakeCoordinator();
  // As a coordinator is: by mutual TLS, with the other services that it has.
  FakeCoordinator(const FakeAuthority& authority, const std::vector<grpc::Service*>& more,
                  const std::string& listen = "127.0.0.1:0");
  ~FakeCoordinator() override;
  std::string address() const { return server_->address(); }

  // Records, by id. Set wakes watchers.
  void Set(const v1::Handoff& handoff);
  void SetLog(const std::string& id, int attempt, const std::string& bytes);

  // The next `n` submits and returns are stored and then answered with UNAVAILABLE.
  void LoseAnswers(int n);
  // Each ReadLog stream ends with UNAVAILABLE after so many bytes; every second one begins
  // `overlap` bytes before what was asked for.
  void BreakLogsEvery(uint64_t bytes, uint64_t overlap);
  void RefuseLists(int n), RefusePools(int n);  // the next `n`, or GetPools, with UNAVAILABLE
  // The open Watch streams end with UNAVAILABLE, and the next `n` are refused so.
  void BreakWatches(int n);
  // Of those that enter: Get, List and what a command may be left in.
  HeldCalls& held() { return held_; }
  FakeTurns& turns() { return turns_; }  // of AskTurns
  void SetLoad(uint64_t running, uint64_t queued);
  void SetPool(const v1::PoolInfo& pool);  // what GetPool says
  // What ListWorkers and GetDocument say.
  void SetWorker(const v1::Worker& worker);
  void SetDocument(const std::string& markdown);
  void SetSummary(const v1::Summary& summary);  // which Summarize makes, at once
  // Has an object from now on; its hash. LieAbout: what it sends when it is asked for that one.
  std::string SetObject(const std::string& bytes);
  void LieAbout(const std::string& sha256, const std::string& instead);
  // The next upload breaks after so many bytes.
  void BreakUploadAfter(uint64_t bytes);

  std::vector<v1::SubmitRequest> submits() const;
  std::vector<v1::DeleteRequest> deletes() const;
  std::vector<v1::SendRequest> sends() const;
  std::vector<v1::ResumeRequest> resumes() const;
  std::vector<v1::TakeOverRequest> takeovers() const;
  std::vector<v1::ReturnRequest> returns() const;
  std::vector<v1::EditDocumentRequest> edits() const;
  std::vector<v1::ImportRequest> imports() const;
  std::map<std::string, std::string> objects() const;
  std::vector<uint64_t> upload_starts() const;  // offset at which each upload went on
  int calls() const;                            // of any kind
  void AwaitCalls(int count);

  grpc::Status Submit(grpc::ServerContext*, const v1::SubmitRequest*, v1::SubmitResponse*) override;
  grpc::Status Get(grpc::ServerContext*, const v1::GetObjectRequest*,
                   grpc::ServerWriter<v1::GetObjectResponse>*) override;
  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest*, v1::Handoff*) override;
  grpc::Status List(grpc::ServerContext*, const v1::ListRequest*, v1::ListResponse*) override;
  grpc::Status Watch(grpc::ServerContext*, const v1::WatchRequest*,
                     grpc::ServerWriter<v1::Event>*) override;
  grpc::Status ReadLog(grpc::ServerContext*, const v1::ReadLogRequest*,
                       grpc::ServerWriter<v1::LogChunk>*) override;
  // The record has the spec, and nothing of the document.
  grpc::Status Import(grpc::ServerContext*, const v1::ImportRequest*, v1::Handoff*) override;
  // Keeps the message; the record stays as it is otherwise.
  grpc::Status Send(grpc::ServerContext*, const v1::SendRequest*, v1::Handoff*) override;
  // Rendered from the record, unless SetDocument gave one. An edit must be based on the newest
  // version.
  grpc::Status GetDocument(grpc::ServerContext*, const v1::GetDocumentRequest*,
                           v1::Document*) override;
  grpc::Status EditDocument(grpc::ServerContext*, const v1::EditDocumentRequest*,
                            v1::Document*) override;
  grpc::Status Cancel(grpc::ServerContext*, const v1::CancelRequest*, v1::Handoff*) override;
  // Takes the record away when it purges.
  grpc::Status Delete(grpc::ServerContext*, const v1::DeleteRequest*, v1::DeleteResponse*) override;
  grpc::Status Resume(grpc::ServerContext*, const v1::ResumeRequest*, v1::Handoff*) override;
  // Makes it the caller's, at once unless it is running: then it is asked for, and Set has to make
  // it so.
  grpc::Status TakeOver(grpc::ServerContext*, const v1::TakeOverRequest*, v1::Handoff*) override;
  // Keeps the work and queues another attempt; the same work again changes nothing.
  grpc::Status Return(grpc::ServerContext*, const v1::ReturnRequest*, v1::Handoff*) override;
  grpc::Status Summarize(grpc::ServerContext*, const v1::SummarizeRequest*, v1::Handoff*) override;
  grpc::Status AskTurns(grpc::ServerContext*, const v1::AskTurnsRequest*, v1::Worker*) override;
  grpc::Status ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*,
                           v1::ListWorkersResponse*) override;
  grpc::Status GetPool(grpc::ServerContext*, const v1::GetPoolRequest*, v1::PoolInfo*) override;
  grpc::Status Put(grpc::ServerContext*,
                   grpc::ServerReaderWriter<v1::PutObjectResponse, v1::PutObjectRequest>*) override;

 private:
  void Start(const ServerOptions& options, const std::vector<grpc::Service*>& more);

  using Stream = grpc::ServerReaderWriter<v1::PutObjectResponse, v1::PutObjectRequest>;
  grpc::Status Find(const std::string& part, v1::Handoff* handoff);
  bool IsLive(const std::string& id, int attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Count();
  grpc::Status Receive(Stream* stream, const std::string& sha256, uint64_t size);

  HeldCalls held_;
  FakeTurns turns_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int lose_ ABSL_GUARDED_BY(mutex_) = 0;
  int refuse_pools_ ABSL_GUARDED_BY(mutex_) = 0, refuse_lists_ ABSL_GUARDED_BY(mutex_) = 0;
  int refuse_watches_ ABSL_GUARDED_BY(mutex_) = 0;
  int watch_breaks_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::PoolInfo pool_ ABSL_GUARDED_BY(mutex_);
  int log_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t break_logs_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t overlap_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t break_upload_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, v1::Handoff> handoffs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> by_key_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, int>, std::string> logs_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::Event> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::SubmitRequest> submits_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::DeleteRequest> deletes_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::SendRequest> sends_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ResumeRequest> resumes_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::TakeOverRequest> takeovers_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ReturnRequest> returns_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Worker> workers_ ABSL_GUARDED_BY(mutex_);
  v1::Summary summary_ ABSL_GUARDED_BY(mutex_);
  std::string document_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ImportRequest> imports_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::EditDocumentRequest> edits_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> objects_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> upload_starts_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RpcServer> server_;
};

}  // namespace handoff
