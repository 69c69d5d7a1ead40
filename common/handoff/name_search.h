// Looks for names in a log that may be large, piece by piece: white space folded, as the bytes
// stand, and as JSON strings read. A name counts where it is whole: "foo.c" is not in "foo.cc", but
// in "src/foo.c". Pure; holds little more than one piece.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff {

class NameSearch {
 public:
  // White space in them is folded already.
  explicit NameSearch(std::vector<std::string> names);

  // The next piece of one text.
  void Take(absl::string_view piece);
  // That text is over; another may begin.
  void End();

  bool all_found() const;
  // The first name, in the order given, that was found in no text; "" when all were.
  std::string first_missing() const;

 private:
  void Look(const std::string& text, bool begins, bool ends);

  struct Wanted {
    std::string name;
    bool found = false;
  };
  std::vector<Wanted> wanted_;
  size_t keep_ = 0;  // bytes that the next piece needs of those before
  std::string carried_;
  bool begun_ = false;
};

}  // namespace handoff
