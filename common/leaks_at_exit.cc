// In our programs under the address sanitizer only (HandoffTargets.cmake). A thread of gRPC's may
// still let go of its TLS context when a program ends right after a call, as `handoff-worker join`
// does: what libcrypto holds just then is no leak. Tests, in which our own use of it runs, go
// without.
extern "C" const char* __lsan_default_suppressions() { return "leak:libcrypto\n"; }
