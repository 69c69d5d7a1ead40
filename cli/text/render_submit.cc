#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/snapshot/snapshot.h"
#include "cli/text/render.h"
#include "cli/text/words.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr size_t kMostNamed = 6;

// "build/, .venv/ and 3 more".
std::string Named(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (shown.size() == kMostNamed) break;
    shown.push_back(OneLine(name, 120));
  }
  std::string out = absl::StrJoin(shown, ", ");
  if (names.size() > kMostNamed) absl::StrAppend(&out, " and ", names.size() - kMostNamed, " more");
  return out;
}

std::string Changes(const Snapshot& snapshot) {
  std::vector<std::string> parts;
  const auto add = [&](uint64_t count, absl::string_view word) {
    if (count > 0) parts.push_back(absl::StrCat(count, " ", word));
  };
  add(snapshot.modified, "modified");
  add(snapshot.added, "added");
  add(snapshot.deleted, "deleted");
  add(snapshot.untracked, "untracked");
  return absl::StrJoin(parts, ", ");
}

}  // namespace

std::vector<std::string> RenderSnapshot(const Snapshot& snapshot) {
  std::string head = absl::StrCat("HEAD ", snapshot.commit.substr(0, 10));
  if (!snapshot.ref.empty()) absl::StrAppend(&head, " (", OneLine(snapshot.ref, 120), ")");
  if (snapshot.commits_ahead > 0) {
    absl::StrAppend(&head, " +", Plural(static_cast<uint64_t>(snapshot.commits_ahead), "commit"));
  }
  const std::string changes = Changes(snapshot);
  if (snapshot.from != SnapshotFrom::kWorktree) {
    absl::StrAppend(&head, ", uncommitted changes are not sent");
  } else {
    absl::StrAppend(&head, changes.empty() ? ", nothing uncommitted" : ", ", changes);
  }
  absl::StrAppend(&head, ", ",
                  snapshot.pack_bytes > 0 ? HumanBytes(snapshot.pack_bytes) : "nothing to send");
  if (!snapshot.ignored.empty()) {
    absl::StrAppend(&head, "; ignored and not sent: ", Named(snapshot.ignored));
  }
  std::vector<std::string> lines = {head};
  if (!snapshot.origin_message.empty()) {
    lines.push_back(
        absl::StrCat("the whole history is sent: ", OneLine(snapshot.origin_message, 300)));
  }
  for (const std::string& held : snapshot.held_back) {
    // "path: why"; a path may hold a colon, the reason does not begin with one.
    const std::string path = held.substr(0, held.rfind(": "));
    lines.push_back(absl::StrCat("held back: ", OneLine(held, 300), "; send it with --include ",
                                 ShellQuote(OneLine(path, 200))));
  }
  for (const std::string& note : snapshot.notes) {
    lines.push_back(absl::StrCat("note: ", OneLine(note, 300)));
  }
  return lines;
}

std::vector<std::string> RenderKept(const v1::Handoff& handoff, bool existing) {
  const std::string& id = handoff.id();
  return {existing ? "This one asks for the same; nothing new was started."
                   : "Kept. You may close the lid; it goes on without this machine.",
          absl::StrCat("  handoff logs -f ", id, "   # follow it"),
          absl::StrCat("  handoff show ", id, "      # where it stands"),
          absl::StrCat("  handoff cancel ", id, "    # stop it")};
}

}  // namespace handoff
