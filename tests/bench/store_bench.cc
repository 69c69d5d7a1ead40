// What the coordinator's stores and its engine reach, beside what the disk does in the same run.
// Reports; never passes or fails. `handoff_store_bench [DIRECTORY [ROWS]]`; the directory decides
// which disk is measured.

#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/mutex.h"
#include "coordinator/engine.h"
#include "coordinator/log_store.h"
#include "coordinator/store/sqlite_reader.h"
#include "coordinator/store/sqlite_store.h"

namespace handoff {
namespace {

// Wall and CPU time. The latter says what a quiet machine could do when this one is not.
class Stopwatch {
 public:
  double cpu_seconds() const { return CpuNow() - cpu_; }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  static double CpuNow() {
    timespec t;
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double cpu_ = CpuNow();
};

void Row(const std::string& what, double value, const char* unit) {
  std::printf("%-58s %12.1f %s\n", what.c_str(), value, unit);
  std::fflush(stdout);
}

core::Handoff NewHandoff(uint64_t seq) {
  core::Handoff handoff;
  handoff.seq = seq;
  handoff.id = absl::StrCat("20261120-make-the-build-faster-", seq);
  handoff.owner = absl::StrCat("owner-", seq % 20);
  handoff.task_line = "Make the build faster, and say what you changed and why.";
  handoff.agent = "cursor";
  handoff.repo_key = "example.org/team/project";
  handoff.repo_url = "https://example.org/team/project.git";
  handoff.repo_ref = "main";
  handoff.labels = {{"team", "build"}};
  handoff.content_hash = std::string(64, 'a');
  handoff.spec = std::string(400, 's');
  handoff.reason = "Waits for a worker.";
  handoff.created_at = handoff.updated_at = absl::FromUnixSeconds(1'795'000'000);
  core::Attempt attempt;
  attempt.number = 1;
  attempt.created_at = handoff.created_at;
  handoff.attempts = {attempt};
  return handoff;
}

core::Edit SubmitEdit(uint64_t seq, uint64_t revision) {
  core::Edit edit;
  edit.changes.emplace_back(core::PutHandoff{NewHandoff(seq)});
  core::Event event;
  event.revision = revision;
  event.at = absl::FromUnixSeconds(1'795'000'000);
  event.handoff_id = std::get<core::PutHandoff>(edit.changes[0]).handoff.id;
  event.kind = "submitted";
  event.message = "Submitted by owner.";
  edit.changes.emplace_back(core::AddEvent{event});
  return edit;
}

void BenchDisk(const std::string& directory) {
  const UniqueFd fd = *OpenFile(directory + "/probe", O_RDWR | O_CREAT);
  const std::string page(4096, 'x');
  std::vector<double> times;
  for (int n = 0; n < 300; ++n) {
    CHECK(WriteAll(fd.get(), page).ok());
    const Stopwatch watch;
    CHECK(SyncData(fd.get()).ok());
    times.push_back(watch.seconds() * 1e6);
  }
  std::sort(times.begin(), times.end());
  Row("disk: fdatasync after 4 KiB, p50", times[times.size() / 2], "us");
  Row("disk: fdatasync after 4 KiB, p99", times[times.size() * 99 / 100], "us");
}

void BenchCommits(const std::string& directory) {
  for (const int batch : {1, 16, 64, 256, 1024}) {
    auto store = *SqliteStore::Open(absl::StrCat(directory, "/commits-", batch, ".db"));
    uint64_t seq = 0;
    std::vector<double> times;
    double cpu = 0;
    const Stopwatch watch;
    while (watch.seconds() < 3) {
      std::vector<core::Edit> edits;
      for (int n = 0; n < batch; ++n) {
        ++seq;
        edits.push_back(SubmitEdit(seq, seq));
      }
      const Stopwatch one;
      CHECK(store->Commit(edits).ok());
      times.push_back(one.seconds());
      cpu += one.cpu_seconds();
    }
    double total = 0;
    for (const double t : times) total += t;
    std::sort(times.begin(), times.end());
    Row(absl::StrCat("store: submits, batches of ", batch), static_cast<double>(seq) / total, "/s");
    Row(absl::StrCat("store: CPU for one of ", batch), cpu / static_cast<double>(seq) * 1e6, "us");
    Row(absl::StrCat("store: commit of ", batch, ", p50"), times[times.size() / 2] * 1e6, "us");
    Row(absl::StrCat("store: commit of ", batch, ", p99"), times[times.size() * 99 / 100] * 1e6,
        "us");
  }
}

// Callers that submit again as soon as they are answered.
class ClosedLoop {
 public:
  ClosedLoop(Engine& engine, int callers, bool same_task) : engine_(engine), same_(same_task) {
    for (int n = 0; n < callers; ++n) Submit();
  }
  void Report(const std::string& what, double seconds) {
    const Stopwatch watch;
    const uint64_t before = answered_;
    {
      MutexLock lock(mutex_);
      while (watch.seconds() < seconds) {
        wake_.WaitFor(mutex_, absl::Seconds(seconds - watch.seconds()));
      }
    }
    const double answered = static_cast<double>(answered_ - before);
    Row(what, answered / watch.seconds(), "/s");
    Row(what + ", CPU for one", watch.cpu_seconds() / answered * 1e6, "us");
  }
  void Stop() { stop_ = true; }

 private:
  void Submit() {
    core::Submit submit;
    submit.handoff = NewHandoff(0);
    submit.handoff.attempts.clear();
    submit.handoff.agent = "command";
    if (!same_) submit.handoff.task_line = absl::StrCat("Task number ", asked_++, " of many");
    engine_.Post(std::move(submit), [this](auto reply) {
      if (reply.ok()) ++answered_;
      if (!stop_ && reply.ok()) Submit();
    });
  }

  Engine& engine_;
  const bool same_;
  std::atomic<uint64_t> asked_{0}, answered_{0};
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  CondVar wake_;
};

void BenchEngine(const std::string& directory) {
  const RealClock clock;
  for (const bool same : {false, true}) {
    for (const int callers : {1, 64, 256}) {
      auto store =
          *SqliteStore::Open(absl::StrCat(directory, "/engine-", callers, "-", same, ".db"));
      Engine engine({}, *store, clock);
      CHECK(engine.Start().ok());
      ClosedLoop loop(engine, callers, same);
      loop.Report(absl::StrCat("engine: submits, ", callers, " callers, ",
                               same ? "equal tasks" : "different tasks"),
                  2);
      loop.Stop();
      engine.Stop();
    }
  }
}

// Appends of 256 KiB with at most 4 MiB not yet answered, as a worker's stream does.
void BenchAppends(LogStore& logs, int writers, uint64_t bytes_each) {
  constexpr uint64_t kChunk = 256 << 10, kCredit = 4 << 20;
  const std::string chunk(kChunk, 'l');
  std::vector<std::thread> threads;
  const Stopwatch watch;
  for (int w = 0; w < writers; ++w) {
    threads.emplace_back([&, w] {
      Mutex mutex;
      CondVar answered;
      uint64_t durable = 0;
      const std::string id = absl::StrCat("20261120-w", w, "-of-", writers);
      for (uint64_t offset = 0; offset < bytes_each; offset += kChunk) {
        logs.Append({id, 1}, offset, chunk, [&](absl::StatusOr<uint64_t> result) {
          MutexLock lock(mutex);
          durable = std::max(durable, *result);
          answered.NotifyOne();
        });
        MutexLock lock(mutex);
        while (offset + kChunk - durable > kCredit) answered.Wait(mutex);
      }
      MutexLock lock(mutex);
      while (durable < bytes_each) answered.Wait(mutex);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string what = absl::StrCat("logs: append of 256 KiB, ", writers, " log(s)");
  const double bytes = static_cast<double>(bytes_each) * writers;
  Row(what, bytes / watch.seconds() / 1e6, "MB/s");
  Row(what + ", CPU for one GB", watch.cpu_seconds() / bytes * 1e9, "s");
}

void BenchLogs(const std::string& directory) {
  auto logs = *LogStore::Open(directory + "/logs");
  for (const int writers : {1, 4}) {
    BenchAppends(*logs, writers, (uint64_t{1} << 30) / static_cast<uint64_t>(writers));
  }
  Stopwatch watch;
  uint64_t read = 0;
  while (true) {
    const std::string data = *logs->Read({"20261120-w0-of-1", 1}, read, 256 << 10);
    if (data.empty()) break;
    read += data.size();
  }
  Row("logs: read by 256 KiB", static_cast<double>(read) / watch.seconds() / 1e6, "MB/s");
}

template <typename F>
void Time(const std::string& what, int times, F f) {
  f();  // what it costs when the pages are in memory
  const Stopwatch watch;
  for (int n = 0; n < times; ++n) f();
  Row(what, watch.seconds() / times * 1e3, "ms");
}

void BenchLarge(const std::string& directory, uint64_t rows) {
  const std::string path = directory + "/large.db";
  auto store = *SqliteStore::Open(path);
  Stopwatch watch;
  constexpr uint64_t kLive = 1000;
  for (uint64_t seq = 1; seq <= rows;) {
    std::vector<core::Edit> edits;
    for (int n = 0; n < 1000 && seq <= rows; ++n, ++seq) {
      core::Edit edit = SubmitEdit(seq, seq);
      core::Handoff& handoff = std::get<core::PutHandoff>(edit.changes[0]).handoff;
      if (seq > kLive) {
        handoff.status = core::HandoffStatus::kSucceeded;
        handoff.ended_at = absl::FromUnixSeconds(1'795'000'000 + static_cast<int64_t>(seq));
        handoff.attempts[0].state = core::AttemptState::kSucceeded;
        handoff.attempts[0].worker_name = absl::StrCat("build-", seq % 9);
        handoff.attempts[0].end.emplace().bytes = std::string(600, 'e');
      }
      edits.push_back(std::move(edit));
    }
    CHECK(store->Commit(edits).ok());
  }
  const std::string with = absl::StrCat(" with ", rows, " handoffs");
  Row("store: rows made" + with, static_cast<double>(rows) / watch.seconds(), "/s");
  Row("store: size on disk" + with, static_cast<double>(*FileSize(path)) / 1e6, "MB");
  Time("store: load of 1000 live ones", 3, [&] { CHECK(store->Load(false).ok()); });
  Time("store: commit of one submit", 100, [&, seq = rows]() mutable {
    ++seq;
    CHECK(store->Commit({SubmitEdit(seq, seq)}).ok());
  });

  auto reader = *SqliteReader::Open(path);
  ListFilter filter;
  filter.limit = 50;
  Time("reader: first page of all", 20, [&] { CHECK(reader->List(filter).ok()); });
  filter.owner = "owner-3";
  filter.ended_since = absl::FromUnixSeconds(1'795'000'000 + static_cast<int64_t>(rows) - 1000);
  Time("reader: mine, live or of the last day", 20, [&] { CHECK(reader->List(filter).ok()); });
  filter = ListFilter();
  filter.repo = "no such repository";
  Time("reader: a filter that nothing matches", 1, [&] { CHECK(reader->List(filter).ok()); });
  filter = ListFilter();
  filter.worker = "no-such-worker";
  Time("reader: a worker that nothing ran on", 1, [&] { CHECK(reader->List(filter).ok()); });
  Time("reader: resolve a full id", 20, [&] {
    CHECK(reader
              ->Resolve(absl::StrCat("20261120-make-the-build-faster-", rows - 7),
                        IdRule::kPreferLive, {})
              .ok());
  });
  Time("reader: resolve a part of an ended id", 3, [&] {
    CHECK(reader->Resolve(absl::StrCat("faster-", rows - 7), IdRule::kPreferLive, {}).ok());
  });
  Time("reader: resolve what nobody has", 3,
       [&] { CHECK(!reader->Resolve("no-such-part", IdRule::kPreferLive, {}).ok()); });
  Time("reader: events of one handoff", 20, [&] {
    CHECK(
        reader->Events(0, absl::StrCat("20261120-make-the-build-faster-", rows / 2), 100, {}).ok());
  });
}

int Main(int argc, char** argv) {
  if (argc > 1) ::setenv("TMPDIR", argv[1], 1);
  const uint64_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const absl::StatusOr<TempDir> dir = TempDir::Make("store-bench-");
  if (!dir.ok()) {
    std::fprintf(stderr, "%s\n", dir.status().ToString().c_str());
    return EXIT_FAILURE;
  }
  BenchDisk(dir->path());
  BenchCommits(dir->path());
  BenchEngine(dir->path());
  BenchLogs(dir->path());
  BenchLarge(dir->path(), rows);
  BenchDisk(dir->path());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) { return handoff::Main(argc, argv); }
