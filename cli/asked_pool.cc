#include "cli/asked_pool.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/connection.h"
#include "cli/pools.h"
#include "cli/text/words.h"
#include "handoff/v1/control.pb.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr int kMostIds = 200;

bool IsOf(Ids ids, v1::Handoff::Status status) {
  const bool ended = status == v1::Handoff::SUCCEEDED || status == v1::Handoff::FAILED ||
                     status == v1::Handoff::CANCELLED;
  switch (ids) {
    case Ids::kAny:
      return true;
    case Ids::kLive:
      return !ended;
    case Ids::kEnded:
      return ended;
    case Ids::kTaken:
      return status == v1::Handoff::INTERACTIVE;
  }
  return true;
}

std::string WorkerWords(const v1::Worker& worker) {
  if (!worker.reachable()) return "unreachable";
  if (worker.draining()) return "draining";
  return absl::StrCat(worker.slots() - worker.slots_used(), " of ", worker.slots(), " slots free");
}

// "build-1", "build-1 and 2 more".
void AddHost(const std::string& host, std::pair<std::string, int>& hosts) {
  if (hosts.second++ == 0) hosts.first = host;
}
std::vector<Candidate> WithHosts(const std::map<std::string, std::pair<std::string, int>>& all,
                                 absl::string_view before) {
  std::vector<Candidate> words;
  for (const auto& [word, hosts] : all) {
    words.push_back(
        {word,
         absl::StrCat(before, hosts.first,
                      hosts.second > 1 ? absl::StrCat(" and ", hosts.second - 1, " more") : "")});
  }
  return words;
}

}  // namespace

Client* AskedPool::Connected() {
  if (tried_) return client_.get();
  tried_ = true;
  const auto access = FindPool({coordinator_, environment_, absl::Now()});
  if (!access.ok()) return nullptr;
  user_ = access->user();
  auto client = ConnectTo(*access, SshUse::kDaemon);
  if (client.ok()) client_ = *std::move(client);
  return client_.get();
}

std::vector<Candidate> AskedPool::HandoffIds(Ids ids, absl::string_view part) {
  Client* const client = Connected();
  if (client == nullptr) return {};
  std::vector<std::string> owners = {user_};
  if (!user_.empty()) owners.emplace_back();  // then everybody's
  for (const std::string& owner : owners) {
    v1::ListRequest request;
    request.set_owner(owner);
    request.set_page_size(kMostIds);
    const auto page = client->List(request);
    if (!page.ok()) return {};
    std::vector<Candidate> meant, others;
    for (const v1::Handoff& handoff : page->handoffs()) {
      if (!absl::StrContains(handoff.id(), part)) continue;
      (IsOf(ids, handoff.status()) ? meant : others)
          .push_back({handoff.id(), absl::StrCat(VerdictCell(handoff).text, ": ",
                                                 handoff.task().substr(0, 400))});
    }
    if (!meant.empty()) return meant;
    // Whoever typed a part of it knows what they want.
    if (!part.empty() && !others.empty()) return others;
  }
  return {};
}

std::vector<Candidate> AskedPool::Workers() {
  std::vector<Candidate> words;
  if (Connected() == nullptr) return words;
  const auto workers = client_->ListWorkers("");
  if (!workers.ok()) return words;
  for (const v1::Worker& worker : workers->workers()) {
    words.push_back({worker.name(), WorkerWords(worker)});
  }
  return words;
}

std::vector<Candidate> AskedPool::Labels() {
  if (Connected() == nullptr) return {};
  const auto workers = client_->ListWorkers("");
  if (!workers.ok()) return {};
  std::map<std::string, std::pair<std::string, int>> labels;
  for (const v1::Worker& worker : workers->workers()) {
    for (const auto& [key, value] : worker.labels()) {
      AddHost(worker.name(), labels[absl::StrCat(key, "=", value)]);
    }
  }
  return WithHosts(labels, "");
}

std::vector<Candidate> AskedPool::Agents() {
  if (Connected() == nullptr) return {};
  const auto workers = client_->ListWorkers("");
  if (!workers.ok()) return {};
  std::map<std::string, std::pair<std::string, int>> agents;
  for (const v1::Worker& worker : workers->workers()) {
    for (const v1::AgentOffer& offer : worker.agents()) {
      if (offer.state() == v1::AgentOffer::MISSING) continue;
      AddHost(worker.name(), agents[offer.name()]);
    }
  }
  return WithHosts(agents, "offered by ");
}

std::vector<Candidate> AskedPool::Users() {
  std::vector<Candidate> words;
  if (Connected() == nullptr) return words;
  const auto users = client_->ListUsers("");
  // Not everybody may ask who there is.
  if (!users.ok()) return user_.empty() ? words : std::vector<Candidate>{{user_, "you"}};
  for (const v1::User& user : users->users()) {
    words.push_back({user.name(), user.disabled() ? "disabled" : ""});
  }
  return words;
}

std::vector<Candidate> AskedPool::Tokens() {
  std::vector<Candidate> words;
  if (Connected() == nullptr) return words;
  const auto tokens = client_->ListTokens();
  if (!tokens.ok()) return words;
  for (const v1::Token& token : tokens->tokens()) {
    if (token.has_revoked_at()) continue;
    const char* const what = token.purpose() == v1::Token::WORKER  ? "for a build host"
                             : token.purpose() == v1::Token::LOGIN ? "for "
                                                                   : "of pipelines: ";
    words.push_back(
        {token.id(), absl::StrCat(what, token.purpose() == v1::Token::WORKER ? "" : token.user())});
  }
  return words;
}

}  // namespace handoff
