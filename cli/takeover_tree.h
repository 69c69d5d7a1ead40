// The work tree of a takeover, from what is wanted to what stands there.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/interrupt.h"
#include "cli/leaving.h"
#include "cli/taken/takeover_place.h"
#include "cli/takeover_files.h"
#include "cli/text/checkpoints.h"
#include "cli/text/render_takeover.h"
#include "cli/verb.h"

namespace handoff {

// What has to be there before anything is stopped or taken.
struct Ready {
  GitRepository repo;
  TakeoverPlace place;
  std::optional<PersonWork> work;       // of a place that has files
  std::optional<PresentFiles> present;  // which they are, when they are to change
};
// Sets libgit2 up. `temp` is scratch space. FAILED_PRECONDITION: there is no place for it.
absl::StatusOr<Ready> GetReady(const WantedPlace& wanted, const v1::Handoff& handoff,
                               const std::string& temp);

// Gets what `base` names and makes the place of it, unless it is there as the person left it.
// Ctrl-C no longer ends it when the repository is written to.
absl::StatusOr<Taken> MakeTree(const v1::Handoff& handoff, const TakeoverBase& base, Ready& ready,
                               const std::string& temp, Context& context, Leaving& leaving);

// Puts handoff.md, the logs and takeover.json there; a handoff.md that the person changed stays.
// Where they cannot be put the work tree is good without them, and a note says so.
void PutBeside(const HandoffFiles& files, const v1::Handoff& handoff, const TakeoverBase& base,
               git_repository* own, Taken& taken);

}  // namespace handoff
