#include "worker/joining/what_runs_where.h"

#include <pwd.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff::worker {

Account AccountOfThisProcess() {
  Account account;
  account.uid = ::geteuid();
  std::vector<char> buffer(16 << 10);
  passwd entry = {};
  passwd* found = nullptr;
  if (::getpwuid_r(account.uid, &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    account.name = entry.pw_name;
  }
  return account;
}

Enclosure EnclosureOf(const Account& account) {
  return {account.name, account.uid, "the host's, without a limit", "none but that account"};
}

std::string DescribeJoined(const JoinResult& joined, const Account& account) {
  const Enclosure enclosure = EnclosureOf(account);
  std::string text = absl::StrCat(
      joined.was_begun ? "Finished the join that was begun before: " : "", "Joined pool ",
      joined.pool.pool_id, " as worker ", joined.pool.name, " (coordinator ",
      joined.pool.coordinators.front(), ").\n",
      joined.takes.empty() ? "" : absl::StrCat("It takes the work of ", joined.takes, ".\n"),
      "\nAgents will run here\n  as         ",
      account.name.empty() ? "" : absl::StrCat(account.name, ", "), "uid ", account.uid,
      ", like the worker: what this account may read or change on this host, they may\n"
      "  network    ",
      enclosure.network, "\n  isolation  ", enclosure.isolation, "\n");
  if (account.uid == 0) {
    absl::StrAppend(&text,
                    "\nThat is root: a handoff may do anything on this host. An account of its own "
                    "for the worker is safer.\n");
  }
  absl::StrAppend(&text, "\nStart it:\n  handoff-worker --data-dir ", ShellQuote(joined.data_dir),
                  "\n");
  return text;
}

}  // namespace handoff::worker
