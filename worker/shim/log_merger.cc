#include "worker/shim/log_merger.h"

#include <cstring>

#include "common/check.h"

namespace handoff {

LogMerger::Piece LogMerger::Add(int stream, absl::string_view bytes) {
  CHECK(Accepts(stream));
  const void* newline = ::memrchr(bytes.data(), '\n', bytes.size());
  const size_t lines =
      newline == nullptr
          ? 0
          : static_cast<size_t>(static_cast<const char*>(newline) - bytes.data()) + 1;
  const absl::string_view rest = bytes.substr(lines);
  std::string& held = held_[static_cast<size_t>(stream)];
  if (owner_ == stream && lines == 0) return {"", bytes};
  const size_t unfinished = rest.size() + (lines == 0 ? held.size() : 0);
  if (unfinished > kMostHeld) {
    owner_ = stream;
    return Release(stream, bytes, "");
  }
  owner_ = 0;
  if (lines == 0) {
    held.append(rest.data(), rest.size());
    return {};
  }
  return Release(stream, bytes.substr(0, lines), rest);
}

LogMerger::Piece LogMerger::Close(int stream) {
  if (owner_ == stream) owner_ = 0;
  return Release(stream, "", "");
}

LogMerger::Piece LogMerger::Release(int stream, absl::string_view fresh, absl::string_view rest) {
  std::string& held = held_[static_cast<size_t>(stream)];
  held_[0].swap(held);
  held.assign(rest.data(), rest.size());
  return {held_[0], fresh};
}

}  // namespace handoff
