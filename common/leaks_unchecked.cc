// Under the address sanitizer only, in what lives as long as its answer takes: `handoff`, and the
// stand-in for an agent. What these still hold then is no loss, and looking for it is a fifth to a
// half of what starting one costs, thousands of times in the tests of whole pools.
extern "C" int __lsan_is_turned_off() { return 1; }
