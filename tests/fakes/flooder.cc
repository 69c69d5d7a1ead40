// Connects many times to a port of this host and holds what it got, as peers that mean no good do.
//
//   rpc-flooder PORT FROM COUNT WORDS
//
// FROM is an address of 127.0.0.0/8; WORDS is silence, random, http or hello (half a TLS
// handshake). Prints a line when all are there, and ends when its input does.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

// The beginning of a real ClientHello of TLS 1.3: record and handshake header, version, random, and
// then nothing of the 0x01fc bytes that it announces.
std::string HalfHello() {
  std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  return hello + std::string(32, 'r');
}

std::string Words(const std::string& kind, std::mt19937& random) {
  if (kind == "http") return "GET / HTTP/1.1\r\nHost: pool.test\r\n\r\n";
  if (kind == "hello") return HalfHello();
  if (kind != "random") return "";
  std::string bytes(64 + random() % 512, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

sockaddr_in Address(const char* host, int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) std::exit(2);
  return address;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  rlimit descriptors = {};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 1;
  descriptors.rlim_cur = descriptors.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &descriptors);

  const sockaddr_in to = Address("127.0.0.1", std::atoi(argv[1]));
  const sockaddr_in from = Address(argv[2], 0);
  std::mt19937 random(1);
  std::vector<int> held;
  for (int i = 0; i < std::atoi(argv[3]); ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) break;
    held.push_back(fd);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof(from)) != 0) return 1;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return 1;
    const std::string words = Words(argv[4], random);
    ::send(fd, words.data(), words.size(), MSG_NOSIGNAL);  // it may be closed already
  }
  std::printf("%zu\n", held.size());
  std::fflush(stdout);
  char byte = 0;
  while (::read(0, &byte, 1) > 0) {
  }
  return 0;
}
