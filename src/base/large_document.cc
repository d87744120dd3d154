#include "base/large_document.h"

#include <cstdint>

#include "base/mutex.h"

namespace modelrun {
namespace {

class Turns {
 public:
  void take() {
    const MutexLock lock(mutex_);
    const auto ticket = next_++;
    changed_.wait(mutex_, [&]() REQUIRES(mutex_) { return serving_ == ticket; });
  }

  std::size_t waiting() {
    const MutexLock lock(mutex_);
    return next_ == serving_ ? 0 : next_ - serving_ - 1;
  }

  void give_back() {
    {
      const MutexLock lock(mutex_);
      ++serving_;
    }
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;     // the ticket of whoever asks next
  std::uint64_t serving_ GUARDED_BY(mutex_) = 0;  // the ticket of whoever has the turn, or gets it next
};

// Never destroyed: threads of a pool may still parse while the process ends.
Turns& turns() {
  static auto* const all = new Turns;  // NOLINT(cppcoreguidelines-owning-memory)
  return *all;
}

thread_local int held = 0;  // large documents of this thread

}  // namespace

LargeDocument::LargeDocument(std::size_t bytes) : large_(bytes > kLargeDocumentBytes) {
  if (large_ && held++ == 0) turns().take();
}

LargeDocument::~LargeDocument() {
  if (large_ && --held == 0) turns().give_back();
}

std::size_t LargeDocument::waiting() {
  return turns().waiting();
}

}  // namespace modelrun
