// Under the address sanitizer only. The command lives as long as its answer takes: what it still
// holds then is no loss, and looking for it is a fifth of what starting it costs, thousands of
// times in the tests of whole pools.
extern "C" int __lsan_is_turned_off() { return 1; }
