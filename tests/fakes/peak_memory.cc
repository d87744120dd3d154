#include "fakes/peak_memory.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace modelrun::fakes {
namespace {

std::atomic<std::size_t> allocated{0};
std::atomic<std::size_t> peak{0};
std::atomic<std::size_t> count{0};

// nullptr if there is no memory left.
void* try_allocate(std::size_t size) {
  void* made = std::malloc(size == 0 ? 1 : size);
  if (made == nullptr) return nullptr;
  ++count;
  const std::size_t now = allocated += ::malloc_usable_size(made);
  std::size_t most = peak;
  while (now > most && !peak.compare_exchange_weak(most, now)) {
  }
  return made;
}

void* allocate(std::size_t size) {
  void* made = try_allocate(size);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

void release(void* memory) {
  if (memory != nullptr) allocated -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

std::size_t allocated_bytes() {
  return allocated;
}
std::size_t allocations() {
  return count;
}
std::size_t peak_bytes() {
  return peak;
}
void reset_peak() {
  peak = allocated.load();
}

}  // namespace modelrun::fakes

void* operator new(std::size_t size) {
  return modelrun::fakes::allocate(size);
}
void* operator new[](std::size_t size) {
  return modelrun::fakes::allocate(size);
}
// The algorithms that need a buffer, such as std::stable_sort, ask in this way. An allocation that another function has
// made and release() frees would be a mismatch to the address sanitizer.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return modelrun::fakes::try_allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return modelrun::fakes::try_allocate(size);
}
void operator delete(void* memory) noexcept {
  modelrun::fakes::release(memory);
}
void operator delete[](void* memory) noexcept {
  modelrun::fakes::release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  modelrun::fakes::release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  modelrun::fakes::release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  modelrun::fakes::release(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  modelrun::fakes::release(memory);
}
