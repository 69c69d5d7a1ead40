// The submits of a coordinator without its door, over plaintext or TLS: what the rest of the way
// costs, to be taken off what a coordinator needs.
#pragma once

#include <string>

namespace handoff {

// Prints its address and serves until SIGTERM. `directory` is for its records and certificates.
void ServeOpenControl(const std::string& directory, bool tls);

// The credentials of a client of it are in `directory` + this.
inline constexpr char kOpenControlClient[] = "/authority/worker";
inline constexpr char kOpenControlName[] = "pool.test";

}  // namespace handoff
