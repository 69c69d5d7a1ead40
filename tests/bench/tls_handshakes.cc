#include "tests/bench/tls_handshakes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/unique_fd.h"
#include "tests/bench/server_process.h"

namespace handoff {
namespace {

struct Free {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

void Must(bool ok) {
  if (!ok) Fail("a TLS handshake");
}

Owned<BIO> Memory(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

UniqueFd Connect(int port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(port));
  const int on = 1;
  // Reset when closed, or the ports of this host would be used up.
  const linger none = {1, 0};
  Must(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
       ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0 &&
       ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
  return fd;
}

// Not thread-safe.
class Client {
 public:
  Client(int port, const CredentialSet& set, bool resume)
      : port_(port), resume_(resume), context_(SSL_CTX_new(TLS_client_method())) {
    const Owned<BIO> certificate = Memory(set.certificate), key = Memory(set.key),
                     authority = Memory(set.authority);
    const Owned<X509> own(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
    const Owned<EVP_PKEY> secret(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
    const Owned<X509> root(PEM_read_bio_X509(authority.get(), nullptr, nullptr, nullptr));
    const unsigned char alpn[] = {2, 'h', '2'};
    Must(SSL_CTX_use_certificate(context_.get(), own.get()) == 1 &&
         SSL_CTX_use_PrivateKey(context_.get(), secret.get()) == 1 &&
         X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), root.get()) == 1 &&
         SSL_CTX_set_alpn_protos(context_.get(), alpn, sizeof(alpn)) == 0 &&
         SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION) == 1);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context_.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context_.get(), this);
    SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* session) {
      auto* const self = static_cast<Client*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      self->session_.reset(session);
      return 1;  // ours now
    });
  }

  void Run(absl::Time until, Handshakes& into) {
    for (absl::Time now = absl::Now(); now < until;) {
      if (Once()) ++into.resumed;
      const absl::Time after = absl::Now();
      into.all.all.push_back(after - now);
      now = after;
    }
  }

 private:
  // Whether it was resumed.
  bool Once() {
    const UniqueFd fd = Connect(port_);
    const Owned<SSL> ssl(SSL_new(context_.get()));
    if (resume_ && session_ != nullptr) Must(SSL_set_session(ssl.get(), session_.get()) == 1);
    Must(SSL_set_fd(ssl.get(), fd.get()) == 1 && SSL_connect(ssl.get()) == 1);
    char byte = 0;
    Must(SSL_read(ssl.get(), &byte, 1) == 1);
    // Or OpenSSL would not resume the session of a connection that just broke off.
    SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return SSL_session_reused(ssl.get()) == 1;
  }

  const int port_;
  const bool resume_;
  const Owned<SSL_CTX> context_;
  Owned<SSL_SESSION> session_;
};

}  // namespace

Handshakes HandshakesFor(int port, const CredentialSet& client, int threads, bool resume,
                         absl::Duration span) {
  std::vector<Handshakes> each(static_cast<size_t>(threads));
  std::vector<std::thread> running;
  const absl::Time began = absl::Now();
  for (Handshakes& into : each) {
    running.emplace_back(
        [&, until = began + span] { Client(port, client, resume).Run(until, into); });
  }
  for (std::thread& thread : running) thread.join();
  Handshakes sum;
  sum.took = absl::Now() - began;
  for (Handshakes& one : each) {
    sum.all.Add(std::move(one.all));
    sum.resumed += one.resumed;
  }
  return sum;
}

}  // namespace handoff
