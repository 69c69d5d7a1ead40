#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cli/text/render.h"
#include "cli/text/words.h"
#include "common/text.h"

namespace handoff {
namespace {

std::string WhatCame(const Fetched& fetched) {
  std::string words;
  if (fetched.commits >= 0) {
    words = absl::StrCat(Plural(static_cast<uint64_t>(fetched.commits), "commit"), " of the agent");
  }
  if (fetched.files >= 0) {
    absl::StrAppend(&words, words.empty() ? "" : ", ",
                    Plural(static_cast<uint64_t>(fetched.files), "file"), " changed");
  }
  return words.empty() ? absl::StrCat("at ", fetched.commit.substr(0, 10)) : words;
}

}  // namespace

std::string FetchedToJsonLine(const Fetched& fetched) {
  nlohmann::ordered_json json = {{"id", fetched.id},
                                 {"attempt", fetched.attempt},
                                 {"branch", fetched.branch},
                                 {"commit", fetched.commit},
                                 {"headCommit", fetched.head_commit},
                                 {"changed", fetched.changed},
                                 {"uncommitted", fetched.uncommitted}};
  if (fetched.commits >= 0) json["commits"] = fetched.commits;
  if (fetched.returned) json["returned"] = true;
  // As protobuf writes numbers of 64 bits.
  if (fetched.files >= 0) json["filesChanged"] = absl::StrCat(fetched.files);
  json["notes"] = fetched.notes;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::vector<std::string> RenderFetched(const Fetched& fetched, const View& view) {
  const std::string branch = OneLine(fetched.branch, 200);
  std::vector<std::string> lines = {
      absl::StrCat("handoff: ", branch, fetched.changed ? " is" : " was already",
                   fetched.returned ? " what was returned after attempt " : " attempt ",
                   fetched.attempt, fetched.returned ? ", taken " : "'s work, taken ",
                   Relative(fetched.taken_at, view.now), ": ", WhatCame(fetched))};
  if (fetched.uncommitted) {
    lines.emplace_back("what the agent had not committed is one commit on top");
  }
  for (const std::string& note : fetched.notes) {
    lines.push_back(absl::StrCat("not in it: ", OneLine(note, 300)));
  }
  return lines;
}

}  // namespace handoff
