#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/connection.h"
#include "cli/local_login.h"
#include "cli/snapshot/repository.h"
#include "cli/text/options.h"
#include "cli/text/words.h"
#include "cli/verb.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

// The newest of mine for that repository.
absl::StatusOr<std::string> LastId(Client& client, const std::string& owner,
                                   const std::string& repo) {
  std::string id;
  absl::Time newest = absl::InfinitePast();
  v1::ListRequest request;
  request.set_owner(owner);
  request.set_repo(repo);
  request.set_page_size(500);
  // Live or of the last day is nearly always enough, and far less than all.
  for (const bool all : {false, true}) {
    request.set_all(all);
    request.clear_page_token();
    do {
      ASSIGN_OR_RETURN(const v1::ListResponse page, client.List(request));
      for (const v1::Handoff& handoff : page.handoffs()) {
        // The server's filter finds .../app-infra for .../app as well.
        if (!repo.empty() && handoff.repo() != repo) continue;
        const absl::Time created = TimeOf(handoff.created_at());
        if (created < newest) continue;
        newest = created;
        id = handoff.id();
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    if (!id.empty()) return id;
  }
  return absl::NotFoundError(
      absl::StrCat("you", owner.empty() ? "" : absl::StrCat(" (", owner, ")"),
                   " have not handed over anything", repo.empty() ? "" : " from this repository",
                   "; 'handoff list --all' shows "
                   "everybody's"));
}

}  // namespace

PoolQuestion Context::Question() const { return {coordinator, environment, absl::Now()}; }

absl::StatusOr<Client*> Context::Connect() {
  if (client) return client.get();
  ASSIGN_OR_RETURN(access, FindPool(Question()));
  if (access->stored.has_value() && !access->stored->socket.empty()) {
    RETURN_IF_ERROR(KeepLoginHere(*access->stored, absl::Now()));
  }
  ASSIGN_OR_RETURN(client, ConnectTo(*access));
  if (access->stored.has_value()) renewal = Renewal::Begin(*access->stored, *client, absl::Now());
  return client.get();
}

absl::StatusOr<std::string> Context::ResolveId(const std::string& typed) {
  if (typed != "-") {
    RETURN_IF_ERROR(CheckIdPart(typed));
    return typed;
  }
  ASSIGN_OR_RETURN(Client* const connected, Connect());
  ASSIGN_OR_RETURN(const std::string repo, RepositoryName("."));
  return LastId(*connected, User(), repo);
}

}  // namespace handoff
