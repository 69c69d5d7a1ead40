// A small HTTP server on loopback for tests: git's own http-backend behind it, or answers that a
// test wants. One connection at a time, on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "common/unique_fd.h"
#include "tests/integration/repo/git_sandbox.h"

namespace handoff {

struct HttpRequest {
  std::string method, path, query, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

class HttpServer {
 public:
  // Gets a request, gives the whole response with status line; empty: never answers.
  using Handler = std::function<std::string(const HttpRequest&)>;
  explicit HttpServer(Handler handler);
  ~HttpServer();

  std::string Url(const std::string& path) const;
  int port() const { return port_; }
  // Authorization headers in the order they came; "" for requests without.
  std::vector<std::string> authorizations() const;

 private:
  void Serve();
  bool ServeOne(int fd);

  const Handler handler_;
  int port_ = 0;
  UniqueFd listener_;
  UniqueFd stop_read_, stop_write_;
  mutable Mutex mutex_;
  std::vector<std::string> authorizations_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// `git http-backend` for the repositories below `base`. With `user_and_password` set, Basic
// authorization with exactly these is required.
HttpServer::Handler GitBackend(const GitSandbox& sandbox, const std::string& base,
                               const std::string& user_and_password);

std::string HttpResponse(const std::string& status, const std::string& headers,
                         const std::string& body);

}  // namespace handoff
