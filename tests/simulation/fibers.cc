#include "simulation/fibers.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

// Saves the callee-saved registers on the present stack, stores its pointer at `save`, and goes on with the stack
// `load`. Signal masks are left alone: swapcontext() would make two system calls a switch.
extern "C" void modelrun_switch_stack(void** save, void* load);

#if defined(__x86_64__)
asm(R"(
.text
.globl modelrun_switch_stack
.type modelrun_switch_stack,@function
modelrun_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size modelrun_switch_stack,.-modelrun_switch_stack
)");
#else
#error "the simulator's fibers are written for x86-64"
#endif

namespace modelrun::simulation {
namespace {

constexpr std::size_t kStackBytes = 256 * 1024;
constexpr std::size_t kGuardBytes = 4096;

// Stacks are kept for the next world: mapping one costs more than a whole short fiber.
std::vector<void*>& free_stacks() {
  static std::vector<void*> stacks;
  return stacks;
}

void* take_stack() {
  auto& stacks = free_stacks();
  if (!stacks.empty()) {
    void* stack = stacks.back();
    stacks.pop_back();
    return stack;
  }
  void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory for the stack of a fiber");
  mprotect(memory, kGuardBytes, PROT_NONE);  // an overflow is a crash, not a changed neighbour
  return memory;
}

Fibers* entering = nullptr;  // the owner of the fiber that starts; there is one thread

}  // namespace

struct Fibers::Fiber {
  std::string name;
  FiberGroup* group = nullptr;
  std::function<void()> body;
  void* memory = nullptr;
  void* stack = nullptr;
  bool ended = false;
  // What it waits for. Without `ready` it waits for the deadline only.
  std::optional<Nanos> deadline;
  const std::function<bool()>* ready = nullptr;
  const std::stop_token* stop = nullptr;
};

Fibers::Fibers(Choices& choices) : choices_(choices) {}

Fibers::~Fibers() = default;

void Fibers::spawn(FiberGroup& group, std::string name, std::function<void()> body) {
  auto fiber = std::make_unique<Fiber>();
  fiber->name = std::move(name);
  fiber->group = &group;
  fiber->body = std::move(body);
  fiber->memory = take_stack();
  fiber->deadline = now_;
  // The first switch pops six registers and returns into enter(), whose frame must look as after a call: the stack
  // pointer is 8 bytes off a multiple of 16.
  auto* top = reinterpret_cast<void**>(static_cast<char*>(fiber->memory) + kGuardBytes + kStackBytes);
  *--top = nullptr;  // the return address of enter(), which never returns
  *--top = reinterpret_cast<void*>(&Fibers::enter);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  fiber->stack = top;
  ++group.alive;
  fibers_.push_back(std::move(fiber));
}

void Fibers::enter() {
  Fibers& self = *entering;
  Fiber& fiber = *self.current_;
  try {
    fiber.body();
  } catch (const std::exception& error) {
    if (self.failure_.empty()) self.failure_ = fmt::format("{}: {}", fiber.name, error.what());
  } catch (...) {
    if (self.failure_.empty()) self.failure_ = fmt::format("{}: an exception of an unknown type", fiber.name);
  }
  fiber.body = nullptr;
  fiber.ended = true;
  modelrun_switch_stack(&fiber.stack, self.main_stack_);
  __builtin_unreachable();
}

bool Fibers::runnable(const Fiber& fiber) const {
  if (fiber.group->paused) return false;
  if (fiber.deadline && *fiber.deadline <= now_) return true;
  if (fiber.stop != nullptr && fiber.stop->stop_requested()) return true;
  return fiber.ready != nullptr && (*fiber.ready)();
}

void Fibers::resume(Fiber& fiber) {
  current_ = &fiber;
  running_name_ = fiber.name;
  entering = this;
  modelrun_switch_stack(&main_stack_, fiber.stack);
  current_ = nullptr;
  if (!fiber.ended) return;
  --fiber.group->alive;
  free_stacks().push_back(fiber.memory);
  std::erase_if(fibers_, [&](const auto& each) { return each.get() == &fiber; });
}

bool Fibers::wait(std::optional<Nanos> deadline, const std::function<bool()>& ready, const std::stop_token& stop) {
  if (current_ == nullptr) throw std::logic_error("a wait outside of a fiber");
  Fiber& fiber = *current_;
  fiber.deadline = deadline;
  fiber.ready = ready ? &ready : nullptr;
  fiber.stop = stop.stop_possible() ? &stop : nullptr;
  modelrun_switch_stack(&fiber.stack, main_stack_);
  fiber.ready = nullptr;
  fiber.stop = nullptr;
  return ready && ready();
}

bool Fibers::sleep(Nanos span, const std::stop_token& stop) {
  wait(now_ + span, {}, stop);
  return !stop.stop_requested();
}

bool Fibers::step(Nanos until) {
  while (true) {
    runnable_.clear();
    std::optional<Nanos> next;
    for (const auto& fiber : fibers_) {
      if (runnable(*fiber)) {
        runnable_.push_back(fiber.get());
      } else if (fiber->deadline && !fiber->group->paused && (!next || *fiber->deadline < *next)) {
        next = fiber->deadline;
      }
    }
    if (!runnable_.empty()) break;
    if (!next || *next > until) {
      now_ = std::max(now_, until);
      return false;
    }
    now_ = *next;
  }
  resume(*runnable_[choices_.pick(runnable_.size())]);
  return true;
}

std::string Fibers::names() const {
  std::string names;
  for (const auto& fiber : fibers_) names += (names.empty() ? "" : ", ") + fiber->name;
  return names;
}

}  // namespace modelrun::simulation
