// The logs of attempts that ran by hand, which come with an import as objects.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "coordinator/log_store.h"
#include "coordinator/object_store.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

// That their objects are here, whole. FAILED_PRECONDITION with those that are not.
absl::Status CheckImportedLogs(const v1::ImportRequest& request, const ObjectStore& objects);

// Makes them the logs of handoff `id`, durably. A log that is there already stays as it is, and one
// of which a part is there is completed, so that it can be done again after any interruption. Takes
// as long as the bytes: not on the engine's thread.
absl::Status StoreImportedLogs(const std::string& id, const v1::ImportRequest& request,
                               const ObjectStore& objects, LogStore& logs);

}  // namespace handoff
