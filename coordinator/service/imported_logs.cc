#include "coordinator/service/imported_logs.h"

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr size_t kChunkBytes = size_t{4} << 20;

absl::Status AppendDurably(const LogKey& key, uint64_t offset, const std::string& data,
                           LogStore& logs) {
  std::promise<absl::Status> done;
  std::future<absl::Status> stored = done.get_future();
  logs.Append(key, offset, data, [&done](const absl::StatusOr<uint64_t>& durable) {
    done.set_value(durable.status());
  });
  return stored.get();
}

absl::Status StoreLog(const std::string& id, const v1::ImportRequest::Log& log,
                      const ObjectStore& objects, LogStore& logs) {
  const LogKey key{id, log.attempt()};
  ASSIGN_OR_RETURN(uint64_t offset, logs.Size(key));
  while (offset < log.bytes()) {
    ASSIGN_OR_RETURN(const std::string data, objects.Read(log.sha256(), offset, kChunkBytes));
    if (data.empty()) {
      return absl::DataLossError(absl::StrCat("the log of attempt ", log.attempt(), " ends after ",
                                              offset, " of ", log.bytes(), " bytes"));
    }
    RETURN_IF_ERROR(AppendDurably(key, offset, data, logs));
    offset += data.size();
  }
  logs.Finish(key);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckImportedLogs(const v1::ImportRequest& request, const ObjectStore& objects) {
  for (const v1::ImportRequest::Log& log : request.logs()) {
    const auto size = objects.Size(log.sha256());
    if (absl::IsNotFound(size.status())) {
      return absl::FailedPreconditionError(
          absl::StrCat("the coordinator does not have the log of attempt ", log.attempt(), ", ",
                       log.sha256(), ". Nothing was imported: upload it first"));
    }
    RETURN_IF_ERROR(size.status());
    if (*size != log.bytes()) {
      return absl::InvalidArgumentError(absl::StrCat("the log of attempt ", log.attempt(), " has ",
                                                     *size, " bytes, and ", log.bytes(),
                                                     " are named. Nothing was imported"));
    }
  }
  return absl::OkStatus();
}

absl::Status StoreImportedLogs(const std::string& id, const v1::ImportRequest& request,
                               const ObjectStore& objects, LogStore& logs) {
  for (const v1::ImportRequest::Log& log : request.logs()) {
    RETURN_IF_ERROR(Annotate(StoreLog(id, log, objects, logs),
                             absl::StrCat(id,
                                          " was imported, but not all of its logs were: they "
                                          "stay where they lay")));
  }
  return absl::OkStatus();
}

}  // namespace handoff
