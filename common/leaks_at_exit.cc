// In our programs under the address sanitizer only (HandoffTargets.cmake). A thread of gRPC's may
// still let go of its TLS context, or of a name that it looked up, when a program ends right after
// a call, as `handoff-worker join` does: what these hold just then is no leak. Tests, in which our
// own use of libcrypto runs, go without.
extern "C" const char* __lsan_default_suppressions() { return "leak:libcrypto\nleak:libcares\n"; }
