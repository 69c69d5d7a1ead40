#include "worker/summary_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/handoff/markdown.h"
#include "common/handoff/name_search.h"
#include "common/handoff/summary.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"
#include "worker/proto_time.h"
#include "worker/reading_run.h"
#include "worker/summary_log.h"
#include "worker/summary_prompt.h"

namespace handoff::worker {
namespace {

constexpr uint64_t kMostLogBytes = uint64_t{1} << 30;
constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr size_t kNameInSentence = 200;

class Making {
 public:
  Making(const Surroundings& around, const SummaryWish& wish, const Signal& interrupt)
      : around_(around), wish_(wish), interrupt_(interrupt), dir_(around.data.summary()) {}

  absl::StatusOr<std::string> Make() {
    summary_.set_partial(wish_.partial);
    summary_.set_agent(wish_.agent);
    summary_.set_worker(around_.config.name);
    const absl::Status made = Try();
    if (absl::IsUnavailable(made) || absl::IsCancelled(made)) return made;
    if (!made.ok()) Refuse(v1::Summary::FAILED, made.message());
    ToProto(around_.clock.Now(), summary_.mutable_at());
    return summary_.SerializeAsString();
  }

 private:
  std::string log_file() const { return dir_ + "/log"; }

  void Refuse(v1::Summary::State state, absl::string_view why) {
    summary_.set_state(state);
    summary_.clear_markdown();
    summary_.set_message(OneLine(why, 1000));
  }

  // An error is why there is no summary.
  absl::Status Try() {
    const Agent* agent = around_.probes.AgentOf(wish_.agent);
    const auto found = around_.probes.Find(wish_.agent);
    if (agent == nullptr || !found || found->offer.state != AgentState::kReady) {
      return absl::FailedPreconditionError(
          absl::StrCat("this worker cannot use ", wish_.agent, " now."));
    }
    ASSIGN_OR_RETURN(const std::string record,
                     around_.client.GetHandoff(wish_.key.handoff_id, interrupt_.token()));
    if (!handoff_.ParseFromString(record)) {
      return absl::InternalError("the record of the handoff is not readable.");
    }
    RETURN_IF_ERROR(MakeReadingDir(dir_));
    RETURN_IF_ERROR(ReadLog(*agent));
    const auto& env = handoff_.spec().env();
    ReadingRun run;
    run.agent = wish_.agent;
    run.executable = found->executable;
    run.model = wish_.model;
    run.dir = dir_;
    run.env = Environment(env.begin(), env.end());
    run.prompt = SummaryPrompt(input_, RandomHex(16));
    run.limit = around_.config.summary_limit;
    ASSIGN_OR_RETURN(const Reading reading, Read(around_, *agent, run, interrupt_));
    return TakeAnswer(*agent, reading);
  }

  absl::Status ReadLog(const Agent& agent) {
    ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(log_file(), O_WRONLY | O_CREAT | O_TRUNC));
    SummaryLog log(agent);
    const auto sink = [&](absl::string_view data) -> absl::Status {
      log.Take(data);
      if (log.bytes() > kMostLogBytes) {
        return absl::ResourceExhaustedError("the log is larger than 1 GiB.");
      }
      return WriteAll(fd.get(), data);
    };
    RETURN_IF_ERROR(around_.client.ReadLog(wish_.key, LogKind::kAgent, sink, interrupt_.token()));
    summary_.set_log_bytes(log.bytes());
    input_.attempt = wish_.key.number;
    input_.partial = wish_.partial;
    input_.task = handoff_.spec().task();
    input_.facts = SummaryFacts(handoff_, wish_.key.number);
    input_.log = log.Finish();
    return absl::OkStatus();
  }

  absl::Status TakeAnswer(const Agent& agent, const Reading& reading) {
    FillUsage(reading.usage, *summary_.mutable_usage());
    summary_.set_model(EscapeInvalidUtf8(reading.model));
    const bool ok = reading.result && reading.result->ok;
    if (!ok || reading.texts.empty()) return NoAnswer(agent, reading);
    // The last text, or all of them where it was said in parts.
    auto parsed = ParseSummary(reading.texts.back());
    if (!parsed.ok() && reading.texts.size() > 1) {
      std::string all;
      for (const std::string& text : reading.texts) absl::StrAppend(&all, text, "\n");
      if (auto whole = ParseSummary(all); whole.ok()) parsed = std::move(whole);
    }
    if (!parsed.ok()) {
      Refuse(v1::Summary::REFUSED,
             absl::StrCat("it cannot be used: ", parsed.status().message(), "."));
      return absl::OkStatus();
    }
    return HoldAgainstLog(*parsed);
  }

  absl::Status NoAnswer(const Agent& agent, const Reading& reading) const {
    const RunResult& process = reading.process;
    if (process.timed_out) {
      return absl::DeadlineExceededError(absl::StrCat(wish_.agent, " did not answer within ",
                                                      HumanDuration(around_.config.summary_limit),
                                                      "."));
    }
    if (WroteTooMuch(process)) {
      return absl::ResourceExhaustedError(absl::StrCat(wish_.agent, " wrote more than 1 MiB."));
    }
    if (reading.result && !reading.result->message.empty()) {
      return absl::InternalError(
          absl::StrCat(wish_.agent, " says: ", OneLine(reading.result->message, 500)));
    }
    const ProcessEnd end = EndOf(process);
    const Verdict verdict = agent.Diagnose(end, process.err);
    if (!verdict.message.empty()) return absl::InternalError(verdict.message);
    return absl::InternalError(
        absl::StrCat(wish_.agent, " ended without an answer, ",
                     end.signal != 0 ? absl::StrCat("by signal ", end.signal)
                                     : absl::StrCat("with exit status ", process.status.code),
                     process.err.empty() ? "." : absl::StrCat(": ", OneLine(process.err, 300))));
  }

  absl::Status HoldAgainstLog(const ParsedSummary& parsed) {
    NameSearch search(parsed.names);
    for (const std::string* text : {&input_.facts, &input_.log, &input_.task}) {
      search.Take(*text);
      search.End();
    }
    for (const v1::Message& message : handoff_.messages()) {
      search.Take(message.text());
      search.End();
    }
    RETURN_IF_ERROR(SearchLogFile(search));
    if (const std::string missing = search.first_missing(); !missing.empty()) {
      Refuse(v1::Summary::REFUSED, absl::StrCat("it named ", InlineCode(missing, kNameInSentence),
                                                ", which the log does not show."));
      return absl::OkStatus();
    }
    summary_.set_state(v1::Summary::ACCEPTED);
    summary_.set_markdown(RenderSummary(parsed));
    return absl::OkStatus();
  }

  // The bytes themselves: the outputs of tools are not in the digest.
  absl::Status SearchLogFile(NameSearch& search) const {
    ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(log_file(), O_RDONLY));
    std::string buffer(kPieceBytes, '\0');
    while (!search.all_found()) {
      if (interrupt_.raised()) return absl::CancelledError("the summary is not wanted any more");
      const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
      if (n < 0) return ErrnoToStatus(errno, log_file());
      if (n == 0) break;
      search.Take(absl::string_view(buffer.data(), static_cast<size_t>(n)));
    }
    search.End();
    return absl::OkStatus();
  }

  const Surroundings& around_;
  const SummaryWish& wish_;
  const Signal& interrupt_;
  const std::string dir_;
  v1::Handoff handoff_;
  SummaryInput input_;
  v1::Summary summary_;
};

}  // namespace

absl::StatusOr<std::string> MakeSummary(const Surroundings& around, const SummaryWish& wish,
                                        const Signal& interrupt) {
  auto made = Making(around, wish, interrupt).Make();
  RemoveTree(around.data.summary()).IgnoreError();
  return made;
}

void EndEarlierSummary(const Surroundings& around) { EndEarlierReading(around.data.summary()); }

}  // namespace handoff::worker
