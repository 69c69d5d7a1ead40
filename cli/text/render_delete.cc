#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cli/text/render.h"

namespace handoff {

std::string RenderDeleted(const std::string& id, bool purged) {
  if (purged) {
    return absl::StrCat(id,
                        ": purged; nothing is kept but that it was there. Its workers remove what "
                        "they have of it");
  }
  return absl::StrCat(id,
                      ": deleted; 'handoff list --all --deleted' still shows it, 'handoff resume ",
                      id, "' brings it back, 'handoff delete ", id, " --purge' removes it");
}

std::string DeletedToJsonLine(const std::string& id, bool purged) {
  const nlohmann::ordered_json json = {{"id", id}, {"deleted", true}, {"purged", purged}};
  return absl::StrCat(json.dump(), "\n");
}

}  // namespace handoff
