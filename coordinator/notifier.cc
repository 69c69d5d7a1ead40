#include "coordinator/notifier.h"

#include <google/protobuf/util/json_util.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/subprocess.h"
#include "common/text.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/listed.h"

namespace handoff {
namespace {

constexpr int kPage = 256;
constexpr const char* kKinds[] = {"ended",   "cancelled",   "waiting",
                                  "stalled", "worker_lost", "quota"};

bool IsTold(const std::string& kind) {
  return std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

template <typename Message>
std::string Json(const Message& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  // Of our own messages: there is nothing that JSON cannot say.
  CHECK(google::protobuf::util::MessageToJsonString(message, &json, options).ok());
  return json;
}

}  // namespace

Notifier::Notifier(NotifierOptions options, Reader& reader, const Clock& clock)
    : options_(std::move(options)), reader_(reader), clock_(clock) {
  auto pipe = MakePipe();
  CHECK(pipe.ok());
  stop_read_ = std::move(pipe->first);
  stop_write_ = std::move(pipe->second);
  // Before anything can be committed: that is told, though this is busy with what is older.
  told_ = ReadCursor();
  WriteCursor(told_);
  thread_ = std::thread([this] { Run(); });
}

Notifier::~Notifier() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyOne();
  }
  stop_write_.Reset();
  thread_.join();
}

void Notifier::Committed() {
  MutexLock lock(mutex_);
  committed_ = true;
  changed_.NotifyOne();
}

void Notifier::Run() {
  while (TellStored() && Wait(absl::InfiniteDuration(), /*for_events=*/true)) {
  }
}

bool Notifier::TellStored() {
  while (true) {
    const auto events = reader_.Events(told_, "", kPage, {});
    if (!events.ok()) {
      SPDLOG_WARN("notify {}: {}", options_.key, std::string(events.status().message()));
      if (!Wait(options_.backoff.Delay(1, 0), /*for_events=*/false)) return false;
      continue;
    }
    if (events->empty()) return true;
    for (const core::Event& event : *events) {
      const bool wanted = IsTold(event.kind) && event.at > clock_.Now() - options_.oldest;
      if (wanted) Tell(event);
      if (!Wait(absl::ZeroDuration(), /*for_events=*/false)) return false;
      told_ = event.revision;
      if (wanted) WriteCursor(told_);
    }
  }
}

void Notifier::Tell(const core::Event& event) {
  const auto handoff = reader_.Get(event.handoff_id);
  if (!handoff.ok() || handoff->notify.count(options_.key) == 0) return;
  v1::Event told = ToProto(event);
  v1::Handoff about = ToProto(*handoff, Detail::kList);
  if (handoff->is_private) {  // nobody knows who reads what the command is given
    told.clear_message();
    about = Listed(about);
  }
  const std::string input =
      absl::StrCat("{\"event\":", Json(told), ",\"handoff\":", Json(about), "}\n");
  for (int failures = 1; failures <= options_.tries; ++failures) {
    if (RunCommand(input)) return;
    const bool last = failures == options_.tries;
    if (!Wait(last ? absl::ZeroDuration() : options_.backoff.Delay(failures, 0.5), false)) return;
  }
  SPDLOG_ERROR("notify {}: nobody was told that {} {}", options_.key, event.handoff_id, event.kind);
}

bool Notifier::RunCommand(const std::string& input) {
  SpawnOptions options;
  options.argv = options_.command;
  options.env = CurrentEnvironment();
  const auto result = RunProcess(options, input, options_.limit, stop_read_.get());
  if (absl::IsCancelled(result.status())) return false;
  if (!result.ok()) {
    SPDLOG_WARN("notify {}: {}", options_.key, std::string(result.status().message()));
    return false;
  }
  if (result->status.ok()) return true;
  SPDLOG_WARN("notify {}: {} {}: {}", options_.key, options_.command[0],
              result->timed_out ? "took too long"
                                : absl::StrCat("exited with status ", result->status.code),
              OneLine(result->err, 300));
  return false;
}

uint64_t Notifier::ReadCursor() {
  const auto last = reader_.LastRevision();
  const auto text = ReadFile(options_.cursor, 64);
  uint64_t revision = 0;
  // None: what was before this entry is not told. A later one: the records were restored.
  if (!text.ok() || !absl::SimpleAtoi(*text, &revision)) return last.value_or(0);
  return last.ok() ? std::min(revision, *last) : revision;
}

void Notifier::WriteCursor(uint64_t revision) {
  const absl::Status written =
      WriteFileAtomically(options_.cursor, absl::StrCat(revision, "\n"), 0600);
  if (!written.ok()) SPDLOG_WARN("notify {}: {}", options_.key, std::string(written.message()));
}

bool Notifier::Wait(absl::Duration most, bool for_events) {
  const BootTime until = clock_.Boot() + std::min(most, absl::Hours(24));
  MutexLock lock(mutex_);
  while (!stopping_ && clock_.Boot() < until && !(for_events && committed_)) {
    changed_.WaitFor(mutex_, until - clock_.Boot());
  }
  if (for_events) committed_ = false;
  return !stopping_;
}

}  // namespace handoff
