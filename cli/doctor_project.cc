#include "cli/doctor_project.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/submit_spec.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr char kFile[] = ".handoff.toml";
constexpr char kRequire[] = "requirements";
constexpr size_t kMostNamed = 10;

// What a submit from there would be refused for. Of a command not everything is looked at, which is
// of the others all the same.
absl::Status CheckValues(const ProjectDefaults& defaults) {
  RETURN_IF_ERROR(BuildSpec({}, defaults, "any", {}, {}).status());
  if (defaults.agent != "command") return absl::OkStatus();
  ProjectDefaults of_an_agent = defaults;
  of_an_agent.agent.clear();
  return BuildSpec({}, of_an_agent, "any", {}, {}).status();
}

bool HasLabels(const v1::Worker& worker, const std::map<std::string, std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = worker.labels().find(label.first);
    return found != worker.labels().end() && found->second == label.second;
  });
}

bool HasReady(const v1::Worker& worker, const std::string& agent) {
  return std::any_of(worker.agents().begin(), worker.agents().end(),
                     [&](const v1::AgentOffer& offer) {
                       return offer.name() == agent && offer.state() == v1::AgentOffer::READY;
                     });
}

std::string Names(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kMostNamed);
  const std::string some =
      absl::StrJoin(names.begin(), names.begin() + static_cast<int>(shown), ", ");
  return shown == names.size() ? some : absl::StrCat(some, " and ", names.size() - shown, " more");
}

Finding AgentFinding(const std::set<std::string>& offered, const std::string& agent) {
  std::set<std::string> there(kAgents.begin(), kAgents.end());
  there.insert(offered.begin(), offered.end());
  std::vector<std::string> names;
  for (const std::string& name : there) names.push_back(OneLine(name, 32));
  return {Finding::kProblem, kFile,
          absl::StrCat("agent '", OneLine(agent, 32), "' is none that this pool has; there are ",
                       Names(names)),
          "correct it there, or name another one with --agent"};
}

Finding RequireFinding(const v1::ListWorkersResponse& workers, const ProjectCheck& project) {
  const std::map<std::string, std::string>& require = project.defaults.require;
  std::vector<std::string> wanted, nobody, fitting, able;
  for (const auto& [key, value] : require) {
    wanted.push_back(absl::StrCat(OneLine(key, 63), "=", OneLine(value, 80)));
    const bool any = std::any_of(workers.workers().begin(), workers.workers().end(),
                                 [&, label = std::pair(key, value)](const v1::Worker& worker) {
                                   return HasLabels(worker, {label});
                                 });
    if (!any) nobody.push_back(wanted.back());
  }
  for (const v1::Worker& worker : workers.workers()) {
    if (!HasLabels(worker, require)) continue;
    fitting.push_back(OneLine(worker.name(), 64));
    if (HasReady(worker, project.agent)) able.push_back(fitting.back());
  }
  const std::string all = absl::StrJoin(wanted, ", ");
  if (fitting.empty()) {
    return {Finding::kProblem, kRequire,
            nobody.empty() ? absl::StrCat("no worker has all of ", all)
                           : absl::StrCat("no worker has ", absl::StrJoin(nobody, ", ")),
            "start a worker with --label KEY=VALUE, or correct require in .handoff.toml: a handoff "
            "from here waits until there is one"};
  }
  if (able.empty()) {
    return {Finding::kProblem, kRequire,
            absl::StrCat(Names(fitting), fitting.size() == 1 ? " has " : " have ", all,
                         ", and cannot run ", OneLine(project.agent, 32), " now"),
            "'handoff worker show NAME' says what is missing"};
  }
  return {Finding::kOk, kRequire,
          absl::StrCat(Names(able), able.size() == 1 ? " has " : " have ", all), ""};
}

}  // namespace

ProjectCheck CheckProjectFile(const std::string& root) {
  ProjectCheck project;
  auto defaults = ReadProjectDefaults(root);
  absl::Status status = defaults.status();
  if (defaults.ok()) {
    project.defaults = *std::move(defaults);
    status = CheckValues(project.defaults);
  }
  if (!status.ok()) {
    project.findings.push_back({Finding::kProblem, kFile, OneLine(status.message(), 600),
                                "correct it: nothing is submitted from here until then"});
    return project;
  }
  if (!project.defaults.agent.empty()) project.agent = project.defaults.agent;
  const std::string set = project.defaults.ToString();
  if (set.empty()) return project;
  project.good = true;
  project.findings.push_back({Finding::kOk, kFile, absl::StrCat("sets ", set), ""});
  return project;
}

void CheckProjectInPool(Client& client, ProjectCheck& project) {
  if (!project.good) return;
  const auto workers = client.ListWorkers("");
  if (!workers.ok()) return;  // said of the workers themselves
  std::set<std::string> offered;
  for (const v1::Worker& worker : workers->workers()) {
    for (const v1::AgentOffer& offer : worker.agents()) offered.insert(offer.name());
  }
  if (!IsKnownAgent(project.agent) && offered.count(project.agent) == 0) {
    project.findings.push_back(AgentFinding(offered, project.agent));
  }
  if (!project.defaults.require.empty()) {
    project.findings.push_back(RequireFinding(*workers, project));
  }
}

void CheckProjectPush(const ProjectCheck& project, const std::string& url, Report& report) {
  if (!project.good) return;
  auto spec = BuildSpec({}, project.defaults, "any", {}, {});
  if (!spec.ok()) return;  // was said of the file
  spec->mutable_repository()->set_url(url);
  const absl::Status push = CheckPush(*spec);
  if (push.ok()) return;
  report.Problem(kFile, "sets push = true, and this repository has no remote",
                 "add a remote, or take it out: a submit from here is refused without --no-push",
                 Exit::kUsage);
}

}  // namespace handoff
