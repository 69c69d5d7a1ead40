// The order in which the bytes of stdout and stderr stand in the log of record. Pure; not
// thread-safe.
//
// Whole lines are passed on at once. Of an unfinished line up to kMostHeld bytes are held back; a
// longer one makes its stream the owner of the log until its newline, its end, or Yield. While one
// stream owns the log the other is not read at all: its bytes wait in the pipe, not in memory.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

class LogMerger {
 public:
  static constexpr size_t kMostHeld = 64 << 10;

  // Bytes of one stream that go to the log now: `held`, then `fresh`. Valid until the next call;
  // `fresh` points into the argument of Add, so that big reads are never copied.
  struct Piece {
    absl::string_view held;
    absl::string_view fresh;
    size_t size() const { return held.size() + fresh.size(); }
  };

  // Streams are 1 (stdout) and 2 (stderr). False while the other stream owns the log.
  bool Accepts(int stream) const { return owner_ == 0 || owner_ == stream; }
  // Needs Accepts(stream).
  Piece Add(int stream, absl::string_view bytes);
  // The stream ended, and its unfinished line with it.
  Piece Close(int stream);

  // The stream in the middle of a long line, 0 if there is none.
  int owner() const { return owner_; }
  // Lets the other stream in although the owner's line is not finished.
  void Yield() { owner_ = 0; }

 private:
  Piece Release(int stream, absl::string_view fresh, absl::string_view rest);

  std::array<std::string, 3> held_;  // by stream; [0] is what the last Piece points to
  int owner_ = 0;
};

}  // namespace handoff
