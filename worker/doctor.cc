#include "worker/doctor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "common/version.h"
#include "worker/data_dir.h"
#include "worker/joining/joined_files.h"

namespace handoff::worker {
namespace {

// As `handoff doctor` has them.
constexpr absl::Duration kClockOff = absl::Seconds(30);
constexpr absl::Duration kClockWrong = absl::Minutes(5);
constexpr size_t kMostText = 600;

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

class Findings {
 public:
  void Ok(absl::string_view what, absl::string_view detail) { Add("ok     ", what, detail); }
  void Note(absl::string_view what, absl::string_view detail) { Add("note   ", what, detail); }
  void Problem(absl::string_view what, absl::string_view detail) {
    Add("problem", what, detail);
    report_.good = false;
  }
  DoctorReport Take() { return std::move(report_); }

 private:
  void Add(absl::string_view mark, absl::string_view what, absl::string_view detail) {
    absl::StrAppend(&report_.text, mark, "  ", what, ": ", OneLine(detail, kMostText), "\n");
  }
  DoctorReport report_;
};

// The times of those that it has: the one that it works with, and the one that it renews with.
void CheckCertificates(const Joined& joined, absl::Time now, Findings& findings) {
  if (!joined.damage.ok()) findings.Problem("certificate", joined.damage.message());
  const bool renewable =
      joined.renewal && joined.renewal->not_before() <= now && now < joined.renewal->not_after();
  for (const auto* certificate : {&joined.certificate, &joined.renewal}) {
    if (*certificate && now < (*certificate)->not_before()) {
      return findings.Problem(
          "certificate",
          absl::StrCat("it is valid from ", TimeText((*certificate)->not_before()),
                       " on, and by this host's clock it is ", TimeText(now), ": set the clock"));
    }
  }
  const bool good = joined.certificate && now < joined.certificate->not_after();
  if (good) {
    return findings.Ok("certificate",
                       absl::StrCat("good until ", TimeText(joined.certificate->not_after()),
                                    "; the daemon renews it at half of its life"));
  }
  if (renewable) {
    return findings.Note("certificate", absl::StrCat("it has expired; the daemon renews it until ",
                                                     TimeText(joined.renewal->not_after()),
                                                     ", once it runs and the coordinator answers"));
  }
  findings.Problem("certificate",
                   "it has expired, and so has the one to renew it with: join again as a new "
                   "worker, with another --data-dir and a line of `handoff worker invite`");
}

void CheckClock(absl::Duration ahead, Findings& findings) {
  const absl::Duration off = absl::AbsDuration(ahead);
  if (off <= kClockOff) return findings.Ok("clock", "this host's agrees with the coordinator's");
  const std::string detail = absl::StrCat(
      "this host's is ", HumanDuration(off),
      ahead > absl::ZeroDuration() ? " behind the coordinator's" : " ahead of the coordinator's",
      ": set it, since certificates are good by it");
  return off < kClockWrong ? findings.Note("clock", detail) : findings.Problem("clock", detail);
}

// One that answers is enough; the clock and the version are looked at with the first.
void CheckCoordinators(const DoctorTools& tools, const PoolFile& pool, const std::string& directory,
                       Findings& findings) {
  const std::vector<std::string> addresses =
      tools.coordinator.empty() ? pool.coordinators : std::vector{tools.coordinator};
  std::vector<std::pair<std::string, absl::Status>> silent;
  bool any = false;
  for (const std::string& address : addresses) {
    const auto answer = tools.ask(address, pool.pool_id, directory);
    if (!answer.ok()) {
      silent.emplace_back(absl::StrCat("coordinator ", OneLine(address, 200)), answer.status());
      continue;
    }
    findings.Ok(absl::StrCat("coordinator ", OneLine(address, 200)),
                absl::StrCat("answers, version ", OneLine(answer->version, 32)));
    if (std::exchange(any, true)) continue;
    CheckClock(answer->now - tools.clock.Now(), findings);
    if (answer->version != kVersion) {
      findings.Note("version",
                    absl::StrCat("this worker is ", kVersion, ", the coordinator ",
                                 OneLine(answer->version, 32), ": update the older one"));
    }
  }
  for (const auto& [what, status] : silent) {
    any ? findings.Note(what, status.message()) : findings.Problem(what, status.message());
  }
}

void CheckAgents(const std::vector<AgentOffer>& agents, Findings& findings) {
  for (const AgentOffer& agent : agents) {
    const std::string what = absl::StrCat("agent ", agent.name);
    switch (agent.state) {
      case AgentState::kReady:
        findings.Ok(what,
                    absl::StrCat("ready", agent.version.empty() ? "" : ", version ", agent.version,
                                 agent.account.empty() ? "" : ", logged in as ", agent.account));
        break;
      case AgentState::kNeedsSetup:
        findings.Note(what, absl::StrCat("needs setup: ", agent.message));
        break;
      case AgentState::kMissing:
        // Not every host has to have every agent.
        findings.Note(what, absl::StrCat("is missing: ", agent.message));
        break;
    }
  }
}

}  // namespace

DoctorReport Examine(const DoctorTools& tools) {
  Findings findings;
  std::string uuid;
  const auto joined = LoadJoined(tools.data_dir, uuid);
  if (joined.ok()) {
    findings.Ok("pool", absl::StrCat("worker ", joined->pool.name, " (", uuid, ") of pool ",
                                     joined->pool.pool_id));
    CheckCertificates(*joined, tools.clock.Now(), findings);
    CheckCoordinators(tools, joined->pool, DataDir(tools.data_dir).joined(), findings);
  } else {
    findings.Problem("pool", joined.status().message());
  }
  CheckAgents(tools.agents(), findings);
  return findings.Take();
}

}  // namespace handoff::worker
