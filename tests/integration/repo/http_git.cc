#include "tests/integration/repo/http_git.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/subprocess.h"

namespace handoff {
namespace {

bool ReadMore(int fd, int stop, std::string& buffer) {
  pollfd polls[] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
  if (::poll(polls, 2, -1) < 0 || polls[1].revents != 0) return false;
  char chunk[65536];
  const ssize_t n = ::read(fd, chunk, sizeof(chunk));
  if (n <= 0) return false;
  buffer.append(chunk, static_cast<size_t>(n));
  return true;
}

// Everything up to `size` bytes of `buffer`, reading more as needed.
bool Take(int fd, int stop, std::string& buffer, size_t size, std::string& out) {
  while (buffer.size() < size) {
    if (!ReadMore(fd, stop, buffer)) return false;
  }
  out.append(buffer, 0, size);
  buffer.erase(0, size);
  return true;
}

bool TakeLine(int fd, int stop, std::string& buffer, std::string& line) {
  while (buffer.find("\r\n") == std::string::npos) {
    if (!ReadMore(fd, stop, buffer)) return false;
  }
  line = buffer.substr(0, buffer.find("\r\n"));
  buffer.erase(0, line.size() + 2);
  return true;
}

bool TakeChunks(int fd, int stop, std::string& buffer, std::string& body) {
  while (true) {
    std::string line, ignored;
    if (!TakeLine(fd, stop, buffer, line)) return false;
    uint64_t size = 0;
    if (!absl::SimpleHexAtoi(line, &size)) return false;
    if (!Take(fd, stop, buffer, size, body) || !Take(fd, stop, buffer, 2, ignored)) return false;
    if (size == 0) return true;
  }
}

bool ReadRequest(int fd, int stop, HttpRequest& request) {
  std::string buffer, line;
  if (!TakeLine(fd, stop, buffer, line)) return false;
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  if (words.size() < 2) return false;
  request.method = words[0];
  const std::pair<std::string, std::string> target =
      absl::StrSplit(words[1], absl::MaxSplits('?', 1));
  request.path = target.first;
  request.query = target.second;
  while (TakeLine(fd, stop, buffer, line) && !line.empty()) {
    const std::pair<std::string, std::string> header =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    request.headers[absl::AsciiStrToLower(header.first)] = header.second;
  }
  if (request.headers["transfer-encoding"] == "chunked") {
    return TakeChunks(fd, stop, buffer, request.body);
  }
  uint64_t length = 0;
  if (!absl::SimpleAtoi(request.headers["content-length"], &length)) return true;
  return Take(fd, stop, buffer, length, request.body);
}

}  // namespace

HttpServer::HttpServer(Handler handler)
    : handler_(std::move(handler)), listener_(ListenOnLoopback(&port_)) {
  auto pipe = MakePipe();
  CHECK(pipe.ok());
  stop_read_ = std::move(pipe->first);
  stop_write_ = std::move(pipe->second);
  thread_ = std::thread([this] { Serve(); });
}

HttpServer::~HttpServer() {
  stop_write_.Reset();
  thread_.join();
}

std::string HttpServer::Url(const std::string& path) const {
  return absl::StrCat("http://127.0.0.1:", port_, "/", path);
}

std::vector<std::string> HttpServer::authorizations() const {
  const MutexLock lock(mutex_);
  return authorizations_;
}

void HttpServer::Serve() {
  while (true) {
    pollfd polls[] = {{listener_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
    if (::poll(polls, 2, -1) < 0 || polls[1].revents != 0) return;
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.valid() && !ServeOne(fd.get())) return;
  }
}

// False when the server is to stop.
bool HttpServer::ServeOne(int fd) {
  HttpRequest request;
  if (!ReadRequest(fd, stop_read_.get(), request)) return true;
  {
    const MutexLock lock(mutex_);
    authorizations_.push_back(request.headers["authorization"]);
  }
  const std::string response = handler_(request);
  if (response.empty()) {
    // Silent until the client or the test ends.
    std::string ignored;
    while (ReadMore(fd, stop_read_.get(), ignored)) {
    }
    return true;
  }
  absl::string_view rest = response;
  while (!rest.empty()) {
    const ssize_t n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    rest.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string HttpResponse(const std::string& status, const std::string& headers,
                         const std::string& body) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\n", headers, "Content-Length: ", body.size(),
                      "\r\nConnection: close\r\n\r\n", body);
}

HttpServer::Handler GitBackend(const GitSandbox& sandbox, const std::string& base,
                               const std::string& user_and_password) {
  return [&sandbox, base, user_and_password](const HttpRequest& request) -> std::string {
    const auto header = request.headers.find("authorization");
    const std::string wanted = absl::StrCat("Basic ", absl::Base64Escape(user_and_password));
    if (!user_and_password.empty() &&
        (header == request.headers.end() || header->second != wanted)) {
      return HttpResponse("401 Unauthorized", "WWW-Authenticate: Basic realm=\"git\"\r\n", "");
    }
    SpawnOptions options;
    options.argv = {"git", "http-backend"};
    options.env = sandbox.environment();
    const auto type = request.headers.find("content-type");
    for (const std::string& variable :
         {absl::StrCat("GIT_PROJECT_ROOT=", base), std::string("GIT_HTTP_EXPORT_ALL=1"),
          absl::StrCat("PATH_INFO=", request.path), absl::StrCat("QUERY_STRING=", request.query),
          absl::StrCat("REQUEST_METHOD=", request.method), std::string("REMOTE_USER=ada"),
          absl::StrCat("CONTENT_LENGTH=", request.body.size()),
          absl::StrCat("CONTENT_TYPE=", type == request.headers.end() ? "" : type->second)}) {
      options.env.push_back(variable);
    }
    const auto result = RunProcess(options, request.body, absl::Minutes(1));
    CHECK(result.ok());
    const auto end = result->out.find("\r\n\r\n");
    if (end == std::string::npos) return HttpResponse("500 Broken", "", result->err);
    std::string status = "200 OK", headers;
    for (const absl::string_view line : absl::StrSplit(result->out.substr(0, end), "\r\n")) {
      absl::string_view value = line;
      if (absl::ConsumePrefix(&value, "Status: ")) {
        status = std::string(value);
      } else {
        absl::StrAppend(&headers, line, "\r\n");
      }
    }
    return HttpResponse(status, headers, result->out.substr(end + 4));
  };
}

}  // namespace handoff
