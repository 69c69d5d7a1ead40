// An HTTP/2 client over TLS by hand, which may send whatever it likes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace handoff {

// The numbers of RFC 9113 that are needed here.
enum class FrameType {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
};
inline constexpr int kAck = 1;
inline constexpr int kEndStream = 1;
inline constexpr int kEndHeaders = 4;
inline constexpr uint32_t kEnhanceYourCalm = 11;

std::string Frame(FrameType type, int flags, uint32_t stream, absl::string_view payload);
// Of a gRPC call.
std::string CallHeaders();

// Not thread-safe.
class RawHttp2 {
 public:
  // With the certificate in `directory`; has sent its preface when it is made.
  RawHttp2(int port, const std::string& directory);
  ~RawHttp2();

  // Reads whatever comes meanwhile. False when the other side ended the connection or takes no
  // more.
  bool Send(absl::string_view bytes);
  // Reads until `enough` or the end of the connection.
  template <typename Enough>
  void ReadUntil(Enough enough) {
    while (Read() && !enough() && Wait()) {
    }
  }

  // Streams on which the other side sent headers.
  const std::set<uint32_t>& answered() const { return answered_; }
  // Error codes of its GOAWAY frames.
  const std::map<uint32_t, int>& goodbyes() const { return goodbyes_; }
  int frames() const { return frames_; }

 private:
  struct Tls;
  bool Read();  // what is there; false at the end
  bool Wait();  // false after 30 s of nothing
  void Parse();

  UniqueFd fd_;
  std::unique_ptr<Tls> tls_;
  std::string unread_;
  std::set<uint32_t> answered_;
  std::map<uint32_t, int> goodbyes_;
  int frames_ = 0;
};

}  // namespace handoff
