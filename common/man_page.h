// Manual pages out of the definitions that --help comes from. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace CLI {
class App;
}

namespace handoff {

struct ManSection {
  std::string title;                                            // "EXIT STATUS"
  std::string text = {};                                        // paragraphs, filled
  std::string lines = {};                                       // shown as they are
  std::vector<std::pair<std::string, std::string>> terms = {};  // each with what it is
};

struct ManPage {
  std::string name;  // "handoff-submit"
  int section = 1;
  std::string summary;                              // one line
  std::string synopsis;                             // "handoff submit [OPTIONS] [TASK]"
  std::vector<ManSection> before = {}, after = {};  // of the arguments and options
  std::string see_also = {};
};

// `text` as roff shows it: nothing in it is a request or an escape.
std::string RoffText(absl::string_view text);
// Of a daemon, on standard output: what its hidden flag --man does, when it is there.
void AddManFlag(CLI::App& app, const std::string& see_also);
// With the arguments, options and subcommands of `app`, when there is one.
std::string ToRoff(const ManPage& page, const CLI::App* app);

}  // namespace handoff
