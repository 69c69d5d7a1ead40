// What may stand at the end of a command line of ours: from the table of verbs and their flags, so
// that nothing is said twice. Asks `PoolWords` for what only a pool knows, and only then.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/verb.h"

namespace handoff {

struct Candidate {
  std::string word;
  std::string about;  // for a person; "" when there is nothing to say
};

class PoolWords {
 public:
  virtual ~PoolWords() = default;
  // Those that contain `part`, of such handoffs if there are any, else of all.
  virtual std::vector<Candidate> HandoffIds(Ids ids, absl::string_view part) = 0;
  virtual std::vector<Candidate> Workers() = 0;
  virtual std::vector<Candidate> Labels() = 0;  // KEY=VALUE that workers have
  virtual std::vector<Candidate> Agents() = 0;  // that workers offer
  virtual std::vector<Candidate> Users() = 0;
  virtual std::vector<Candidate> Tokens() = 0;
};

struct Completion {
  // What the shell is to do: take `words`, or complete by itself.
  enum Kind { kWords, kFiles, kDirectories, kCommand } kind = kWords;
  std::vector<Candidate> words;
  size_t command = 0;  // index in what was typed of the first word of another command
};

// `typed`: everything behind "handoff", with the word that is being typed, be it empty, as the
// last. Words of the result are plain: letters, digits and . _ : @ / + = , - alone.
Completion CompleteLine(const std::vector<std::string>& typed,
                        const std::vector<std::string>& environment, PoolWords& pool);
// The value of --coordinator in it, "" without one.
std::string CoordinatorIn(const std::vector<std::string>& typed);

}  // namespace handoff
