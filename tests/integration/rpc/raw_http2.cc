#include "tests/integration/rpc/raw_http2.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace handoff {
namespace {

std::string BigEndian(uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

uint32_t Number(absl::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// HPACK, without Huffman: all lengths are below 127.
std::string Text(absl::string_view text) {
  return absl::StrCat(std::string(1, static_cast<char>(text.size())), text);
}

}  // namespace

std::string Frame(FrameType type, int flags, uint32_t stream, absl::string_view payload) {
  return absl::StrCat(BigEndian(static_cast<uint32_t>(payload.size()), 3),
                      BigEndian(static_cast<uint32_t>(type), 1),
                      BigEndian(static_cast<uint32_t>(flags), 1), BigEndian(stream, 4), payload);
}

std::string CallHeaders() {
  // POST, https, :path, :authority, content-type: indexes of HPACK's static table. And te.
  return absl::StrCat("\x83\x87\x04", Text("/handoff.v1.Objects/Get"), "\x01", Text("pool.test"),
                      "\x0f\x10", Text("application/grpc"), std::string(1, '\0'), Text("te"),
                      Text("trailers"));
}

struct RawHttp2::Tls {
  struct Free {
    void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
    void operator()(SSL* p) const { SSL_free(p); }
  };
  std::unique_ptr<SSL_CTX, Free> context{SSL_CTX_new(TLS_client_method())};
  std::unique_ptr<SSL, Free> ssl;
};

RawHttp2::RawHttp2(int port, const std::string& directory)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), tls_(std::make_unique<Tls>()) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to a connection that was closed, too
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(port));
  CHECK(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
  CHECK(SSL_CTX_use_certificate_file(tls_->context.get(), (directory + "/certificate.pem").c_str(),
                                     SSL_FILETYPE_PEM) == 1);
  CHECK(SSL_CTX_use_PrivateKey_file(tls_->context.get(), (directory + "/key.pem").c_str(),
                                    SSL_FILETYPE_PEM) == 1);
  const unsigned char alpn[] = {2, 'h', '2'};
  CHECK(SSL_CTX_set_alpn_protos(tls_->context.get(), alpn, sizeof(alpn)) == 0);
  SSL_CTX_set_mode(tls_->context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  tls_->ssl.reset(SSL_new(tls_->context.get()));
  CHECK(SSL_set_fd(tls_->ssl.get(), fd_.get()) == 1);
  CHECK(SSL_connect(tls_->ssl.get()) == 1);
  CHECK(::fcntl(fd_.get(), F_SETFL, O_NONBLOCK) == 0);
  CHECK(Send(
      absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Frame(FrameType::kSettings, 0, 0, ""))));
}

RawHttp2::~RawHttp2() = default;

bool RawHttp2::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (!Read()) return false;
    ERR_clear_error();
    const int sent = SSL_write(tls_->ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    const int error = SSL_get_error(tls_->ssl.get(), sent);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return false;
    pollfd polled = {fd_.get(), POLLIN | POLLOUT, 0};
    if (::poll(&polled, 1, 30'000) != 1) return false;
  }
  return true;
}

bool RawHttp2::Read() {
  char buffer[16 << 10];
  while (true) {
    ERR_clear_error();
    const int got = SSL_read(tls_->ssl.get(), buffer, sizeof(buffer));
    if (got <= 0) return SSL_get_error(tls_->ssl.get(), got) == SSL_ERROR_WANT_READ;
    unread_.append(buffer, static_cast<size_t>(got));
    Parse();
  }
}

bool RawHttp2::Wait() {
  pollfd polled = {fd_.get(), POLLIN, 0};
  return ::poll(&polled, 1, 30'000) == 1;
}

void RawHttp2::Parse() {
  constexpr size_t kHead = 9;
  absl::string_view rest = unread_;
  while (rest.size() >= kHead) {
    const size_t size = Number(rest.substr(0, 3));
    if (rest.size() < kHead + size) break;
    const absl::string_view payload = rest.substr(kHead, size);
    const auto type = static_cast<FrameType>(rest[3]);
    if (type == FrameType::kHeaders) answered_.insert(Number(rest.substr(5, 4)));
    if (type == FrameType::kGoAway && size >= 8) ++goodbyes_[Number(payload.substr(4, 4))];
    ++frames_;
    rest.remove_prefix(kHead + size);
  }
  unread_.erase(0, unread_.size() - rest.size());
}

}  // namespace handoff
