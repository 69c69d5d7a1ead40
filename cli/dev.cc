// handoff dev

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/connection.h"
#include "cli/dev_pool.h"
#include "cli/settings.h"
#include "cli/toml_file.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr int kMostWorkers = 64;
constexpr int kMostSlots = 1024;

struct DevFlags {
  std::string data_dir;
  int workers = 2, slots = 2;
};

// The daemons are installed beside this program.
std::string ProgramDirectory() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

// As the admin of its directory; nothing of the environment counts.
absl::StatusOr<v1::PoolInfo> AskPool(const std::string& address, const std::string& credentials) {
  ASSIGN_OR_RETURN(StoredCredential credential, ReadCredential(credentials));
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client,
                   ConnectTo({{address}, std::move(credential), std::nullopt}));
  return client->GetPool();
}

// The file by which other terminals find this pool; removed with it, unless it is another's by now.
class DefaultContext {
 public:
  // Nothing is written, and removed, when the file names another pool that answers.
  static absl::StatusOr<DefaultContext> Write(const std::string& path, const DevPool& pool) {
    // A broken file is replaced.
    const PoolSettings known = ReadDevContext(path).value_or(PoolSettings());
    if (!known.coordinator.empty() && known.coordinator != pool.address() &&
        AskPool(known.coordinator, known.credentials).ok()) {
      return DefaultContext(path, "");
    }
    DefaultContext context(
        path,
        absl::StrCat("# Written by handoff dev; removed when it ends.\ncoordinator = \"",
                     pool.address(), "\"\ncredentials = ", TomlString(pool.credentials()), "\n"));
    RETURN_IF_ERROR(MakeDirectories(std::filesystem::path(path).parent_path().string()));
    RETURN_IF_ERROR(WriteFileAtomically(path, context.text_));
    return context;
  }
  void Remove() const {
    const auto text = ReadFile(path_);
    if (text.ok() && !text_.empty() && *text == text_) ::unlink(path_.c_str());
  }
  bool another() const { return text_.empty(); }

 private:
  DefaultContext(std::string path, std::string text)
      : path_(std::move(path)), text_(std::move(text)) {}
  std::string path_, text_;
};

// How to reach it from here: what other terminals find may be another coordinator.
std::string ReachWords(const DefaultContext& written, const DevPool& pool, const Context& context) {
  const auto found = FindPool({"", context.environment, absl::Now()});
  if (found.ok() && found->addresses == std::vector<std::string>{pool.address()}) {
    return "Other terminals find it by themselves:\n";
  }
  return absl::StrCat(written.another()
                          ? "Another dev pool is the default"
                          : "The environment, config.toml or a login names another pool",
                      "; for this one:\n  export HANDOFF_COORDINATOR=", pool.address(),
                      " HANDOFF_CREDENTIALS=", ShellQuote(pool.credentials()), "\n");
}

void SayReady(const DevOptions& options, const DevPool& pool, const DefaultContext& written,
              Context& context) {
  Terminal& terminal = context.terminal;
  terminal.Say(absl::StrCat("A pool is ready at ", pool.address(), ": a coordinator and ",
                            options.workers, options.workers == 1 ? " worker" : " workers",
                            " with ", options.slots, options.slots == 1 ? " slot." : " slots each.",
                            "\n", ReachWords(written, pool, context),
                            "  handoff submit --agent command -- echo hello\n"
                            "  handoff worker list\n"
                            "Ctrl-C ends it; everything is kept in ",
                            options.data_dir, " for the next 'handoff dev'."));
}

void SayWhatRuns(const DevPool& running, Context& context) {
  const auto pool = AskPool(running.address(), running.credentials());
  if (!pool.ok() || pool->live() == 0) return;
  context.terminal.Say(absl::StrCat(
      pool->live(),
      " still running: agents outlive the pool until their lease ends. 'handoff dev' adopts them "
      "again; to end one, cancel it before you end the pool."));
}

VerbResult Dev(const DevFlags& flags, Context& context) {
  if (flags.workers < 1 || flags.workers > kMostWorkers) {
    return absl::InvalidArgumentError("--workers must be between 1 and 64");
  }
  if (flags.slots < 1 || flags.slots > kMostSlots) {
    return absl::InvalidArgumentError("--slots must be between 1 and 1024");
  }
  const Places places = PlacesFrom(context.environment);
  std::error_code error;
  DevOptions options{flags.data_dir.empty() ? places.dev_data : flags.data_dir, ProgramDirectory(),
                     flags.workers, flags.slots};
  options.data_dir = std::filesystem::absolute(options.data_dir, error).lexically_normal().string();
  ASSIGN_OR_RETURN(auto stop, MakePipe());
  // Before the first child: Ctrl-C while they start ends them in order, too.
  const Interrupt::Listener listener(context.interrupt, [&stop] { stop.second.Reset(); });
  context.terminal.Progress("starting a coordinator and workers");
  auto pool = DevPool::Start(options);
  context.terminal.EndProgress();
  if (absl::IsFailedPrecondition(pool.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("a pool of ", options.data_dir,
                     " runs already, and this one was not started; use it from here ('handoff "
                     "worker list'), or give another --data-dir"));
  }
  // What is missing here is no handoff, and who denies it is no coordinator.
  if (!pool.ok()) {
    return absl::InternalError(
        absl::StrCat("no pool was started in ", options.data_dir, ": ", pool.status().message()));
  }
  const auto written = DefaultContext::Write(places.context_file, *pool);
  if (written.ok()) SayReady(options, *pool, *written, context);
  const absl::Status ended = written.ok() ? pool->Run(stop.first.get()) : written.status();
  SayWhatRuns(*pool, context);
  if (written.ok()) written->Remove();
  pool->Stop();
  RETURN_IF_ERROR(ended);
  context.terminal.Say("The pool has ended.");
  return Exit::kDone;
}

}  // namespace

VerbRun DefineDev(CLI::App& app) {
  const auto flags = std::make_shared<DevFlags>();
  app.add_option("--data-dir", flags->data_dir,
                 "Where everything is kept; ~/.local/share/handoff/dev unless given")
      ->type_name("DIR");
  app.add_option("--workers", flags->workers, "How many workers")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--slots", flags->slots, "Slots of each worker")
      ->type_name("N")
      ->capture_default_str();
  return [flags](Context& context) { return Dev(*flags, context); };
}

}  // namespace handoff
