// What an operation has to say to a person beside its result: bounded, one line each, valid UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/text.h"

namespace handoff {

class NoteList {
 public:
  static constexpr size_t kMaxNotes = 64;
  static constexpr size_t kMaxBytes = 300;

  // Names in it may be any bytes.
  void Add(absl::string_view note) {
    if (notes_.size() < kMaxNotes) {
      notes_.push_back(OneLine(EscapeInvalidUtf8(note), kMaxBytes));
    } else {
      ++more_;
    }
  }
  // After at most kMaxNotes of them how many more there were.
  std::vector<std::string> Take() {
    if (more_ > 0) notes_.push_back(absl::StrCat("and ", more_, " more"));
    more_ = 0;
    return std::move(notes_);
  }

 private:
  std::vector<std::string> notes_;
  size_t more_ = 0;
};

}  // namespace handoff
