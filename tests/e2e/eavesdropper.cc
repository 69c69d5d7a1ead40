#include "tests/e2e/eavesdropper.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace handoff::e2e {
namespace {

// An empty SETTINGS frame, without which a client does not send its call.
constexpr char kSettings[] = "\0\0\0\4\0\0\0\0\0";
constexpr size_t kSettingsBytes = 9;
constexpr size_t kBufferBytes = 16 << 10;

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

UniqueFd ListenOnLoopback() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof(at)) == 0);
  CHECK(::listen(fd.get(), 16) == 0);
  return fd;
}

int ChooseH2(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
             unsigned int in_size, void*) {
  static constexpr unsigned char h2[] = {2, 'h', '2'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, h2, sizeof(h2), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

void Eavesdropper::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Eavesdropper::Eavesdropper() : listener_(ListenOnLoopback()) {}

Eavesdropper::~Eavesdropper() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    if (open_ >= 0) ::shutdown(open_, SHUT_RDWR);
  }
  ::shutdown(listener_.get(), SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
}

std::string Eavesdropper::address() const {
  sockaddr_in at = {};
  socklen_t size = sizeof(at);
  CHECK(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  return absl::StrCat("127.0.0.1:", ntohs(at.sin_port));
}

void Eavesdropper::Begin(const std::string& directory, std::string enough) {
  enough_ = std::move(enough);
  context_.reset(SSL_CTX_new(TLS_server_method()));
  CHECK(SSL_CTX_use_certificate_chain_file(context_.get(),
                                           (directory + "/certificate.pem").c_str()) == 1);
  CHECK(SSL_CTX_use_PrivateKey_file(context_.get(), (directory + "/key.pem").c_str(),
                                    SSL_FILETYPE_PEM) == 1);
  SSL_CTX_set_alpn_select_cb(context_.get(), ChooseH2, nullptr);
  // Asks for the client's certificate, as the right one does, and takes any.
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  thread_ = std::thread([this] { Run(); });
}

void Eavesdropper::Run() {
  while (true) {
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) return;
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
      open_ = fd.get();
      ++connections_;
    }
    Listen(fd.get());
    const MutexLock lock(mutex_);
    open_ = -1;
  }
}

void Eavesdropper::Listen(int fd) {
  char buffer[kBufferBytes];
  const ssize_t seen = ::recv(fd, buffer, sizeof(buffer), MSG_PEEK);
  if (seen <= 0 || Keep(std::string(buffer, static_cast<size_t>(seen)))) return;
  const std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context_.get()));
  CHECK(SSL_set_fd(ssl.get(), fd) == 1);
  if (SSL_accept(ssl.get()) != 1) return;
  SSL_write(ssl.get(), kSettings, kSettingsBytes);
  while (true) {
    const int got = SSL_read(ssl.get(), buffer, sizeof(buffer));
    if (got <= 0 || Keep(std::string(buffer, static_cast<size_t>(got)))) return;
  }
}

bool Eavesdropper::Keep(const std::string& bytes) {
  const MutexLock lock(mutex_);
  captured_ += bytes;
  return stopping_ || absl::StrContains(captured_, enough_);
}

int Eavesdropper::connections() const {
  const MutexLock lock(mutex_);
  return connections_;
}

std::string Eavesdropper::captured() const {
  const MutexLock lock(mutex_);
  return captured_;
}

}  // namespace handoff::e2e
