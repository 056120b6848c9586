#include <cstdlib>
#include <cstring>
#include <exception>
#include <typeinfo>

// What the compiler's code asks of its runtime and this target's libraries lack.
//
// Exceptions: WebAssembly as every browser has it cannot unwind. A thrown exception becomes one of
// JavaScript, with its text, and nothing runs in this instance again; that is right, since here only a
// vocabulary that is being read throws (the JSON library does), and each vocabulary has an instance of its
// own (src/engine.mjs). Everything thrown is a std::exception.

extern "C" {

__attribute__((import_module("ciyuan"), import_name("fail"), noreturn)) void ciyuan_fail(const char* why,
                                                                                         std::size_t size);

void* __cxa_allocate_exception(std::size_t size) { return std::malloc(size); }
void __cxa_free_exception(void* exception) { std::free(exception); }
[[noreturn]] void __cxa_throw(void* exception, std::type_info*, void (*)(void*)) {
  const char* what = static_cast<std::exception*>(exception)->what();
  ciyuan_fail(what, std::strlen(what));
}

// The one thread ends with the instance, and its memory with it.
int __cxa_thread_atexit(void (*)(void*), void*, void*) { return 0; }

// Units of sixteen bytes (PieceTable), which no other thread can see half written.
void atomic_load(std::size_t size, const void* from, void* to, int order) __asm__("__atomic_load");
void atomic_load(std::size_t size, const void* from, void* to, int) { std::memcpy(to, from, size); }
void atomic_store(std::size_t size, void* to, const void* from, int order) __asm__("__atomic_store");
void atomic_store(std::size_t size, void* to, const void* from, int) { std::memcpy(to, from, size); }

// No environment: nothing to ask JavaScript for.
char* getenv(const char*) { return nullptr; }
}
