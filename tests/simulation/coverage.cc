#include "simulation/coverage.h"

#include <sys/mman.h>

#include <array>
#include <new>
#include <stdexcept>

namespace modelrun::simulation {
namespace {

constexpr std::size_t kSlots = std::size_t{1} << 24U;
constexpr std::size_t kMost = kSlots / 8 * 7;

}  // namespace

// Open addressing with linear probing; 0 is a free slot. Memory that was never written costs nothing.
struct Coverage::Table {
  std::atomic<std::size_t> count;
  std::array<std::atomic<std::uint64_t>, kSlots> slots;
};

Coverage::Coverage() {
  void* memory =
      mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory for the states");
  table_ = static_cast<Table*>(memory);  // all zero, which is what a new table would be
}

Coverage::~Coverage() {
  munmap(table_, sizeof(Table));
}

void Coverage::note(std::uint64_t state) {
  if (state == 0) state = 1;
  for (std::size_t at = state % kSlots;; at = (at + 1) % kSlots) {
    auto& slot = table_->slots.at(at);
    std::uint64_t held = slot.load(std::memory_order_relaxed);
    if (held == state) return;
    if (held != 0) continue;
    if (table_->count.load(std::memory_order_relaxed) >= kMost) return;
    if (slot.compare_exchange_strong(held, state, std::memory_order_relaxed)) {
      table_->count.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (held == state) return;
  }
}

std::size_t Coverage::states() const {
  return table_->count.load();
}

}  // namespace modelrun::simulation
